"""GitHub and GitHub Enterprise: reading files by their URLs, discovering repositories, teams and users."""

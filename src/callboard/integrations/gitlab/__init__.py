"""GitLab, gitlab.com and self-managed: reading files by their URLs, discovering projects, groups and users."""

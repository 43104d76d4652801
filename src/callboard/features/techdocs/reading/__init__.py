"""What reading leaves behind: pages that somebody read, what they said of them, and what checks of sites found."""

"""Reading the files of a site, from a folder on disk or a tree elsewhere: bounded, and nothing outside of it."""

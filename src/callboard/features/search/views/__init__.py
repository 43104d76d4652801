"""Routes of the pages of search."""

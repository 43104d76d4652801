"""What the pages of search show, from what search answered."""

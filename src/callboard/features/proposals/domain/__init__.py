"""What a tree of files says: pure functions over paths and texts, with limits. No I/O, nothing is run, nothing is fetched."""

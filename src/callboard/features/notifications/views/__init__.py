"""Pages of notifications. Every form posts and works without script."""

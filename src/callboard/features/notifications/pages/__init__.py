"""What the templates of notifications may see."""

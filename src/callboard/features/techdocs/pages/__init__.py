"""What the templates of documentation may see."""

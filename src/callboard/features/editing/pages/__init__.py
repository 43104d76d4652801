"""What the templates of editing may see."""

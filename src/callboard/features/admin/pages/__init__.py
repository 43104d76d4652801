"""What the templates of administration may see."""

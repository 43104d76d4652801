"""What the templates of ownership may see."""

"""What templates may see of proposals: frozen values, made from those of the interface."""

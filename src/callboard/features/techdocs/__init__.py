"""Documentation that lives beside code, readable the moment it is known."""

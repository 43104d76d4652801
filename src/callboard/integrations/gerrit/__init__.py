"""Gerrit Code Review: repositories that templates make, and changes that they hand in for review."""

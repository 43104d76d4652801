"""Handlers of the pages of proposals."""

"""Gitea and Forgejo: reading files by their URLs."""

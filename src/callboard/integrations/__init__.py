"""Adapters to outside systems, each a plugin in a folder of its own; none knows another."""

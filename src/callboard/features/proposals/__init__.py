"""Proposals: components, APIs and resources read from repositories that have no YAML, each with its evidence.

Nothing of it enters the catalog unseen: what is found waits in a queue until somebody accepts, changes or ignores it.
"""

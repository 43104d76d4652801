"""The compatible build: ``mkdocs`` with ``mkdocs-techdocs-core`` in an environment of its own, for sites that need its plugins."""

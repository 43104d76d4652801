"""Callboard: a developer portal in one process. The layout is drawn in ``docs/explanation/architecture.md``."""

__version__ = "0.1.0"

"""Templates looked through by their authors: what would fail or surprise, found without running anything."""

from callboard.features.scaffolder.linting.findings import Finding
from callboard.features.scaffolder.linting.template import lint_template

__all__ = ["Finding", "lint_template"]

"""What may be granted of GitHub Actions."""

from __future__ import annotations

from callboard.features.catalog.interface import ENTITY
from callboard.kernel.permissions import Permission

RERUN = Permission("github-actions.run.rerun", "update", ENTITY, "Run a workflow of GitHub Actions again.")

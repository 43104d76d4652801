"""Tables of ownership."""

from __future__ import annotations

from callboard.kernel.db.migrations import Migrations

MIGRATIONS = Migrations("ownership", "callboard.features.ownership.migrations")

"""Tables of documentation."""

from __future__ import annotations

from callboard.kernel.db.migrations import Migrations

MIGRATIONS = Migrations("techdocs", "callboard.features.techdocs.migrations")

"""Tables of importing: files, imports with their plans, what stood before, remembered mappings."""

from __future__ import annotations

from callboard.kernel.db.migrations import Migrations

MIGRATIONS = Migrations("importing", "callboard.features.importing.migrations")

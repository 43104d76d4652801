"""Tables of editing: texts as they were written."""

from __future__ import annotations

from callboard.kernel.db.migrations import Migrations

MIGRATIONS = Migrations("editing", "callboard.features.editing.migrations")

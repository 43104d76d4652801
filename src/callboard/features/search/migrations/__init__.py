"""Tables of search."""

from __future__ import annotations

from callboard.kernel.db.migrations import Migrations

MIGRATIONS = Migrations("search", "callboard.features.search.migrations")

"""Tables of the catalog. Every version is a pair of SQL files and the Alembic revision that runs one of them."""

from __future__ import annotations

from callboard.kernel.db.migrations import Migrations

MIGRATIONS = Migrations("catalog", "callboard.features.catalog.migrations")

"""The table of set-up: its token, its session, and what was chosen so far."""

from __future__ import annotations

from callboard.kernel.db.migrations import Migrations

MIGRATIONS = Migrations("setup", "callboard.features.setup.migrations")

"""Tables of announcements."""

from __future__ import annotations

from callboard.kernel.db.migrations import Migrations

MIGRATIONS = Migrations("announcements", "callboard.features.announcements.migrations")

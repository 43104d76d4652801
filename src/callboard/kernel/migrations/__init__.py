"""The kernel's own tables: jobs, schedules, events, webhooks, audit, users, sessions, tokens, keys, user settings.

Every version is a pair of SQL files (``versions/NNNN_name.{sqlite,postgresql}.sql``) and the Alembic revision that runs
the one for the engine at hand. ``MIGRATIONS`` is what ``kernel.db.migrations.upgrade`` wants first.
"""

from __future__ import annotations

from callboard.kernel.db.migrations import Migrations

MIGRATIONS = Migrations("kernel", "callboard.kernel.migrations")

"""Tables of notifications: messages, what readers did with them, what readers want, and deliveries by channel."""

from __future__ import annotations

from callboard.kernel.db.migrations import Migrations

MIGRATIONS = Migrations("notifications", "callboard.features.notifications.migrations")

"""Tables of the scaffolder: tasks, their steps, events, checkpoints and workspaces."""

from __future__ import annotations

from callboard.kernel.db.migrations import Migrations

MIGRATIONS = Migrations("scaffolder", "callboard.features.scaffolder.migrations")

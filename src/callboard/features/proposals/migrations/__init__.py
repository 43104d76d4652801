"""Tables of proposals: scans, repositories, and what was found in them."""

from __future__ import annotations

from callboard.kernel.db.migrations import Migrations

MIGRATIONS = Migrations("proposals", "callboard.features.proposals.migrations")

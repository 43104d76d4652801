"""What is old and was not saved goes away."""

from __future__ import annotations

from datetime import timedelta

from callboard.features.notifications import store
from callboard.features.notifications.channels import store as deliveries
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database

KEEP_DELIVERIES = timedelta(days=90)


async def clean(db: Database, clock: Clock, retention: timedelta | None) -> int:
    """Remove notifications older than ``retention`` (None: none), and the record of deliveries after three months."""
    now = clock.now()
    async with db.write() as tx:
        await deliveries.delete_before(tx, format_time(now - KEEP_DELIVERIES))
        return 0 if retention is None else await store.delete_before(tx, format_time(now - retention))

"""What is to be read or put together next, as jobs: of each thing at most one waits and one runs (``Jobs.enqueue``)."""

from __future__ import annotations

from datetime import datetime

from callboard.kernel.db.interface import Transaction
from callboard.kernel.jobs import Jobs

LOCATION_JOB = "catalog.location"
FILE_JOB = "catalog.file"
STITCH_JOB = "catalog.stitch"
PROVIDER_JOB = "catalog.provider"


def provider_schedule(name: str) -> str:
    """The schedule on which a provider runs. Runs that are asked for share its key, so that no two of them meet."""
    return f"catalog_provider_{name}"


def location_key(node: int) -> str:
    return f"location:{node}"


class Asking:
    """Each method stores its job in the transaction of what made it necessary. ``actor`` is named in history as who had it read."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def read_location(
        self, tx: Transaction, node: int, *, actor: str | None = None, priority: int = 0, run_at: datetime | None = None
    ) -> None:
        payload = {"node": node} if actor is None else {"node": node, "actor": actor}
        await self._jobs.enqueue(tx, LOCATION_JOB, payload, key=location_key(node), priority=priority, run_at=run_at)

    async def read_file(
        self, tx: Transaction, file: int, *, actor: str | None = None, priority: int = 0, run_at: datetime | None = None
    ) -> None:
        payload = {"file": file} if actor is None else {"file": file, "actor": actor}
        await self._jobs.enqueue(tx, FILE_JOB, payload, key=f"file:{file}", priority=priority, run_at=run_at)

    async def run_provider(self, tx: Transaction, name: str, *, priority: int = 0) -> None:
        key = f"schedule:{provider_schedule(name)}"
        await self._jobs.enqueue(tx, PROVIDER_JOB, {"name": name}, key=key, priority=priority)

    async def stitch(self, tx: Transaction, *, priority: int = 0) -> None:
        await self._jobs.enqueue(tx, STITCH_JOB, {}, key="stitch", priority=priority)

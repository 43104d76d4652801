"""Workers for tests, and handlers that note what they did."""

from __future__ import annotations

import asyncio
from typing import Any, Callable

from callboard.kernel.db.interface import Database
from callboard.kernel.jobs import JobContext, JobKind, Jobs


class Recorder:
    """A handler that notes what it ran, and fails as often as told."""

    def __init__(self) -> None:
        self.ran: list[Any] = []
        self.attempts: list[int] = []
        self.failures: list[Exception] = []

    async def __call__(self, context: JobContext) -> None:
        self.ran.append(context.payload.get("n"))
        self.attempts.append(context.attempt)
        if self.failures:
            raise self.failures.pop(0)


async def enqueue(db: Database, jobs: Jobs, kind: str = "work", payload: Any = None, **options: Any) -> int:
    async with db.write() as tx:
        return await jobs.enqueue(tx, kind, payload or {}, **options)


def make(db: Database, clock: Any, handler: Any, **options: Any) -> Jobs:
    jobs = Jobs(db, clock)
    jobs.register_kinds([JobKind("work", handler, **options)])
    return jobs


async def until(condition: Callable[[], bool], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)

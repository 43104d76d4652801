"""How far a job is, written now and then while a thread works."""

from __future__ import annotations

import asyncio
from typing import Awaitable, Callable

from callboard.features.importing.interface import Progress
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import ConflictError, UnavailableError

PROGRESS_EVERY_S = 0.4


class ProgressWriter:
    """``async with`` it; ``tell`` is called from the thread that works, ``write`` with what was told last."""

    def __init__(self, db: Database, write: Callable[[Transaction, Progress], Awaitable[None]]) -> None:
        self._db = db
        self._write = write
        self._said = Progress("reading", 0, 0)
        self._task: asyncio.Task[None] | None = None

    def tell(self, done: int, total: int) -> None:
        self._said = Progress("planning", done, total)

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._write_now_and_then())

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _write_now_and_then(self) -> None:
        written = None
        while True:
            await asyncio.sleep(PROGRESS_EVERY_S)
            if self._said == written:
                continue
            written = self._said
            try:
                async with self._db.write() as tx:
                    await self._write(tx, written)
            except (UnavailableError, ConflictError):
                continue  # nobody is hurt by one figure that is missing

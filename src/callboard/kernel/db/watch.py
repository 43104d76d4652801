"""Looking at the database when it tells of a change, and now and then besides: another process may have written without a word."""

from __future__ import annotations

import asyncio
from typing import Awaitable, Callable

from callboard.kernel.db.interface import Database
from callboard.kernel.errors import CallboardError


class ChannelWatch:
    """Awaits ``look`` after each notice on ``channel`` and at least every ``every_s`` seconds, from ``start`` until ``stop``.

    ``heard`` may take a notice for itself, and says with True that no look is needed for it.
    """

    def __init__(
        self,
        db: Database,
        channel: str,
        look: Callable[[], Awaitable[None]],
        *,
        every_s: float,
        name: str,
        heard: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._db = db
        self._channel = channel
        self._look = look
        self._every_s = every_s
        self._name = name
        self._takes = heard
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stop_listening: Callable[[], None] = lambda: None

    async def start(self) -> None:
        self._stop_listening = self._db.listen(self._channel, self._heard)
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        self._stop_listening()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _heard(self, payload: str) -> None:
        if not self._takes(payload):
            self._woken.set()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                async with asyncio.timeout(self._every_s):
                    await self._woken.wait()
            except TimeoutError:
                pass
            try:
                await self._look()
            except CallboardError:
                continue  # the database is away; reads say so themselves

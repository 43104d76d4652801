"""Work that a running portal does again and again in its own process, with nothing to remember: what a job would be too much for."""

from __future__ import annotations

import asyncio
import time
from typing import Awaitable, Callable

from callboard.kernel.logs import get_logger

log = get_logger(__name__)


class Periodic:
    """Awaits ``work`` after each pause, from ``start`` until ``stop``. It goes on after a failure, which is logged once until it ends.

    ``pause_s`` are seconds, or gives them for the seconds that the work took the last time (0 before the first).
    """

    def __init__(
        self, work: Callable[[], Awaitable[object]], pause_s: float | Callable[[float], float], *, name: str
    ) -> None:
        self._work = work
        self._pause_s = pause_s
        self._name = name
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        is_failing, took_s = False, 0.0
        while True:
            await asyncio.sleep(self._pause_s(took_s) if callable(self._pause_s) else self._pause_s)
            began = time.monotonic()
            try:
                await self._work()
                is_failing = False
            except Exception:
                if not is_failing:
                    log.exception("failed; it goes on", work=self._name)
                is_failing = True
            took_s = time.monotonic() - began

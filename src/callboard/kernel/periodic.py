"""Work that a running portal does now and then in its own process, with nothing to remember: what a job would be too much for."""

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


class Together:
    """Awaits ``work`` a while after it was asked for, once for all that asked meanwhile: what many note, one transaction writes.

    What ``work`` raises is logged; it is not tried again until somebody asks.
    """

    def __init__(self, work: Callable[[], Awaitable[object]], after_s: float, *, name: str) -> None:
        self._work = work
        self._after_s = after_s
        self._name = name
        self._is_asked = self._is_closed = False
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """In the event loop. Does nothing once it is closed."""
        self._is_asked = True
        if self._is_closed:
            return
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    async def close(self) -> None:
        """Do what was asked for now, and be done. Raises what ``work`` raises."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._work()

    async def _run(self) -> None:
        while self._is_asked:
            await asyncio.sleep(self._after_s)
            self._is_asked = False
            try:
                await self._work()
            except Exception:
                log.exception("failed; it is tried with what comes next", work=self._name)

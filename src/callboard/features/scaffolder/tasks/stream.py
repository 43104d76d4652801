"""Hearing of a task as it happens: whoever waits for events is woken when the database tells that there are some."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Callable, Self

from callboard.features.scaffolder.store.running import CHANNEL
from callboard.kernel.db.interface import Database

POLL_S = 5.0
"""Notices may get lost, and those of another process on the same SQLite file are never heard: so often one looks unasked."""


class TaskStream:
    """The notices of one replica. ``on_cancel`` is called with a task's id, and with "" when some may have been missed."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._unlisten: Callable[[], None] | None = None
        self.on_cancel: Callable[[str], None] = lambda _: None

    def start(self) -> None:
        if self._unlisten is None:
            self._unlisten = self._db.listen(CHANNEL, self._heard)

    def stop(self) -> None:
        """Nobody is woken any more; those who wait look once more."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        self._wake_all()

    def _heard(self, notice: str) -> None:
        kind, _, id = notice.partition(" ")
        if kind == "c" or not notice:
            self.on_cancel(id)
        if kind == "e":
            for event in self._waiting.get(id, ()):
                event.set()
        elif not notice:
            self._wake_all()

    def _wake_all(self) -> None:
        for events in self._waiting.values():
            for event in events:
                event.set()

    def follow(self, id: str) -> Follower:
        """Hear of a task from now on, as a context."""
        return Follower(self._waiting, id)


class Follower:
    """Somebody who waits for events of one task."""

    def __init__(self, waiting: dict[str, set[asyncio.Event]], id: str) -> None:
        self._waiting, self._id = waiting, id
        self._event = asyncio.Event()

    def __enter__(self) -> Self:
        self._waiting[self._id].add(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        waiting = self._waiting[self._id]
        waiting.discard(self._event)
        if not waiting:
            del self._waiting[self._id]

    async def wait(self, timeout_s: float) -> None:
        """Until there is news, or may be."""
        try:
            async with asyncio.timeout(min(timeout_s, POLL_S)):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()

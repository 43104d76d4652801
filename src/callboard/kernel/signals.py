"""Signals: short messages to whoever has a page open just now. Told once, to each replica, and kept nowhere.

A signal leaves with its transaction (``Transaction.notify``), so nobody hears of what was rolled back. Nothing may depend on one:
whoever was not there, or on the same SQLite file in another process, looks for themselves later.
"""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Mapping

import orjson

from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import InputError

CHANNEL = "callboard_signals"
MAX_BYTES = 7500
"""Of one notice of the database, which takes 7,900."""
QUEUE_LIMIT = 200
"""Messages that a listener may be behind; then it is closed and comes back by itself."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A message on a channel, as it goes out: ``{"channel", "message"}``."""

    channel: str
    message: Mapping[str, Any]

    def to_json(self) -> bytes:
        return orjson.dumps({"channel": self.channel, "message": self.message})


class SignalListener:
    """One open page of a user. ``channels`` may change as it lives. None from ``next`` means it is over."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.channels: set[str] = set()
        self._queue: asyncio.Queue[Signal | None] = asyncio.Queue()
        self._is_closed = False

    def offer(self, signal: Signal) -> None:
        if self._is_closed or signal.channel not in self.channels:
            return
        if self._queue.qsize() >= QUEUE_LIMIT:
            self.close()
        else:
            self._queue.put_nowait(signal)

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._queue.put_nowait(None)

    async def next(self) -> Signal | None:
        return await self._queue.get()


class Signals:
    """The signals of one replica."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._listeners: weakref.WeakSet[SignalListener] = weakref.WeakSet()
        self._watchers: list[Callable[[str, Iterable[str] | None], None]] = []
        self._unlisten: Callable[[], None] | None = None

    async def send(
        self, tx: Transaction, channel: str, message: Mapping[str, Any], *, users: Iterable[str] | None = None
    ) -> None:
        """Tell these users, or everybody, once ``tx`` has committed. Raises ``InputError`` for a message that is too long."""
        if users is None:
            await self._notify(tx, {"channel": channel, "all": message})
        else:
            await self.send_each(tx, channel, dict.fromkeys(users, message))

    async def send_each(self, tx: Transaction, channel: str, messages: Mapping[str, Mapping[str, Any]]) -> None:
        """Tell each user (ref) a message of their own."""
        batch: dict[str, Mapping[str, Any]] = {}
        size = 0
        for user, message in messages.items():
            length = len(orjson.dumps([user, message]))
            if batch and size + length > MAX_BYTES - 300:
                await self._notify(tx, {"channel": channel, "to": batch})
                batch, size = {}, 0
            batch[user] = message
            size += length
        if batch:
            await self._notify(tx, {"channel": channel, "to": batch})

    async def _notify(self, tx: Transaction, value: Mapping[str, Any]) -> None:
        text = orjson.dumps(value).decode()
        if len(text.encode()) > MAX_BYTES:
            raise InputError(f"A signal has at most {MAX_BYTES} bytes.")
        await tx.notify(CHANNEL, text)

    # ---- hearing -----------------------------------------------------------------------------------------------------

    def listen(self, user: str, channels: Iterable[str] = ()) -> SignalListener:
        """Hear from now on; the listener lives as long as somebody holds it, or until ``close``."""
        listener = SignalListener(user)
        listener.channels.update(channels)
        self._listeners.add(listener)
        return listener

    def watch(self, watcher: Callable[[str, Iterable[str] | None], None]) -> None:
        """Have ``watcher`` called with the channel and the users told (None: everybody), for what is kept in memory.

        The channel is "" when something may have been missed.
        """
        self._watchers.append(watcher)

    def start(self) -> None:
        """Hear what is told, also by other replicas."""
        if self._unlisten is None:
            self._unlisten = self._db.listen(CHANNEL, self._heard)

    def stop(self) -> None:
        """End every listener."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        for listener in list(self._listeners):
            listener.close()

    def _heard(self, text: str) -> None:
        if not text:  # heard again after an outage: what was missed is missed
            self._tell_watchers("", None)
            return
        value = orjson.loads(text)
        channel, everybody = value["channel"], value.get("all")
        to = value.get("to", {})
        self._tell_watchers(channel, None if everybody is not None else to)
        for listener in list(self._listeners):
            message = everybody if everybody is not None else to.get(listener.user)
            if message is not None:
                listener.offer(Signal(channel, message))

    def _tell_watchers(self, channel: str, users: Iterable[str] | None) -> None:
        for watcher in self._watchers:
            watcher(channel, users)

"""Sessions in the browser: a random id in a cookie, its hash in the database, an expiry that slides with use.

The id changes at every sign-in, so an id that somebody planted before is worth nothing afterwards. A stolen database
gives no session: only SHA-256 of 256 random bits is stored.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta

from callboard.kernel.auth import store
from callboard.kernel.auth.store import SessionRow
from callboard.kernel.clock import Clock, format_time, parse_time
from callboard.kernel.db.interface import Database

COOKIE = "callboard_session"
SECURE_COOKIE = "__Host-callboard_session"
TOUCH_EVERY = timedelta(minutes=5)


def hash_id(session_id: str) -> str:
    """What is stored of a session id."""
    return hashlib.sha256(session_id.encode()).hexdigest()


class Sessions:
    """Create, find, end. ``idle`` is how long a session lasts without use, ``longest`` how long at all."""

    def __init__(self, db: Database, clock: Clock, *, idle: timedelta, longest: timedelta) -> None:
        self._db = db
        self._clock = clock
        self.idle = idle
        self.longest = longest

    async def create_session(self, user_ref: str, *, provider: str, user_agent: str | None = None) -> str:
        """A new session; the id for the cookie, which is not kept here. Expired ones of anybody are cleared away."""
        session_id = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
        now = self._clock.now()
        row = SessionRow(
            hash_id(session_id), user_ref, provider, format_time(now), format_time(now + min(self.idle, self.longest)),
            format_time(now), (user_agent or "")[:200] or None,
        )  # fmt: skip
        async with self._db.write() as tx:
            await store.delete_expired_sessions(tx, format_time(now))
            await store.insert_session(tx, row)
        return session_id

    async def find_session(self, session_id: str) -> SessionRow | None:
        """The session if it still holds; using it moves its expiry (written at most every five minutes)."""
        id_hash = hash_id(session_id)
        now = self._clock.now()
        async with self._db.read() as tx:
            row = await store.find_session(tx, id_hash)
        if row is None or parse_time(row.expires_at) <= now:
            return None
        if now - parse_time(row.last_seen_at) >= TOUCH_EVERY:
            end = min(now + self.idle, parse_time(row.created_at) + self.longest)
            async with self._db.write() as tx:
                await store.touch_session(tx, id_hash, format_time(now), format_time(end))
        return row

    async def list_sessions(self, user_ref: str) -> list[SessionRow]:
        async with self._db.read() as tx:
            return await store.list_sessions(tx, user_ref)

    async def delete_session(self, session_id: str) -> None:
        """End it; nothing happens when there is none."""
        async with self._db.write() as tx:
            await store.delete_session(tx, hash_id(session_id))
            await store.tell_changed(tx, store.SESSION + hash_id(session_id))

    async def delete_session_of(self, user_ref: str, mark: str) -> bool:
        """End the session of this user that ``list_sessions`` gave with that ``id_hash``; whether there was one."""
        async with self._db.write() as tx:
            ended = await store.delete_session_of(tx, user_ref, mark)
            if ended:
                await store.tell_changed(tx, store.SESSION + mark)
        return bool(ended)

    async def delete_sessions_of(self, user_ref: str) -> int:
        """End all of a user; how many there were."""
        async with self._db.write() as tx:
            await store.tell_changed(tx, user_ref)
            return await store.delete_sessions_of(tx, user_ref)

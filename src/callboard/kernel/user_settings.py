"""Small JSON values that belong to one user, by bucket and key: what ``/api/user-settings`` serves, and what pages keep.

Table: kernel_user_setting. Buckets are Backstage's names where Backstage has the same thing (``starredEntities``), so that its
front end and these pages see one value; ``BUCKET`` holds what only Callboard knows.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Mapping

from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import LimitError, NotAllowedError

BUCKET = "callboard"
THEME, LOCALE, START_PAGE = "theme", "locale", "start_page"
"""Keys of ``BUCKET`` that the pages themselves read: ``light`` or ``dark``, a language that there are messages in, the path that
signing in leads to. Each is text; absent (and, from older portals, empty) stands for no choice."""
MAX_KEYS = 1000


def is_read_only(actor: Actor) -> bool:
    """Whether ``actor`` comes with a personal token that may not write."""
    return actor.scopes is not None and "write" not in actor.scopes


def require_may_write(actor: Actor) -> None:
    """Raise ``NotAllowedError`` for such a token. For what needs no permission, which asks for scopes by itself: one's own things."""
    if is_read_only(actor):
        raise NotAllowedError("This token may only read. Make one that may write, or sign in.")


class UserSettings:
    """Values of users. Whoever calls says for whom, and has made sure that they may."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def find(self, user: str, bucket: str, key: str, *, tx: Transaction | None = None) -> Any:
        """The value, or None: nothing stored, which a stored null reads as, too. ``tx`` to read within it."""
        text = await (self.find_text(user, bucket, key) if tx is None else _text(tx, user, bucket, key))
        return None if text is None else json.loads(text)

    async def find_text(self, user: str, bucket: str, key: str) -> str | None:
        """The value as JSON; None when there is nothing."""
        async with self._db.read(snapshot=False) as tx:
            return await _text(tx, user, bucket, key)

    async def list_bucket(self, user: str, bucket: str) -> dict[str, Any]:
        """Key to value of all that lies in the bucket."""
        async with self._db.read(snapshot=False) as tx:
            rows = await tx.fetch_all(
                "SELECT key, value FROM kernel_user_setting WHERE user_ref = $1 AND bucket = $2", user, bucket
            )
        return {key: json.loads(value) for key, value in rows}

    async def put(self, tx: Transaction, user: str, bucket: str, key: str, value: Any) -> None:
        """Raises ``LimitError`` when the user has ``MAX_KEYS`` values already and this one is new."""
        count = await tx.fetch_value("SELECT count(*) FROM kernel_user_setting WHERE user_ref = $1", user)
        if count >= MAX_KEYS and await _text(tx, user, bucket, key) is None:
            raise LimitError(f"You have {MAX_KEYS} values stored already; delete some first.")
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        await tx.execute(
            "INSERT INTO kernel_user_setting (user_ref, bucket, key, value, updated_at) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (user_ref, bucket, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
            user, bucket, key, text, format_time(self._clock.now()),
        )  # fmt: skip

    async def put_all(self, tx: Transaction, user: str, bucket: str, values: Mapping[str, Any]) -> None:
        """Put each value by its key; None takes it away. Raises ``LimitError`` as ``put`` does."""
        for key, value in values.items():
            if value is None:
                await self.delete(tx, user, bucket, key)
            else:
                await self.put(tx, user, bucket, key, value)

    async def change(
        self, tx: Transaction, user: str, bucket: str, key: str, change: Callable[[Any], Any]
    ) -> tuple[Any, Any]:
        """Put what ``change`` makes of the value (None: there was none), with nobody in between; before and after."""
        await tx.execute(
            "INSERT INTO kernel_user_setting (user_ref, bucket, key, value, updated_at) VALUES ($1, $2, $3, 'null', $4)"
            " ON CONFLICT (user_ref, bucket, key) DO UPDATE SET updated_at = excluded.updated_at",
            user, bucket, key, format_time(self._clock.now()),
        )  # fmt: skip
        text = await _text(tx, user, bucket, key)
        before = None if text is None else json.loads(text)
        after = change(before)
        await self.put(tx, user, bucket, key, after)
        return before, after

    async def delete(self, tx: Transaction, user: str, bucket: str, key: str) -> bool:
        """Whether there was something."""
        gone = await tx.execute(
            "DELETE FROM kernel_user_setting WHERE user_ref = $1 AND bucket = $2 AND key = $3", user, bucket, key
        )
        return gone > 0


async def _text(tx: Transaction, user: str, bucket: str, key: str) -> str | None:
    value: str | None = await tx.fetch_value(
        "SELECT value FROM kernel_user_setting WHERE user_ref = $1 AND bucket = $2 AND key = $3", user, bucket, key
    )
    return value

"""The row of set-up: all its SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

import orjson

from callboard.kernel.db.interface import Transaction


@dataclass(frozen=True, slots=True)
class State:
    """The row. Times as stored."""

    token_hash: str
    session_hash: str | None
    expires_at: str
    draft: Mapping[str, Any]
    finished_at: str | None
    outcome: Mapping[str, Any] | None


async def find_state(tx: Transaction) -> State | None:
    row = await tx.fetch_one(
        "SELECT token_hash, session_hash, expires_at, draft, finished_at, outcome FROM setup_state WHERE id = 1"
    )
    if row is None:
        return None
    token, session, expires, draft, finished, outcome = row
    return State(
        token, session, expires, orjson.loads(draft), finished, None if outcome is None else orjson.loads(outcome)
    )


async def put_token(tx: Transaction, token_hash: str, expires_at: str) -> None:
    """A new token; the session of the old one ends, the draft stays."""
    await tx.execute(
        "INSERT INTO setup_state (id, token_hash, expires_at) VALUES (1, $1, $2) ON CONFLICT (id) DO UPDATE SET"
        " token_hash = excluded.token_hash, expires_at = excluded.expires_at, session_hash = NULL, finished_at = NULL,"
        " outcome = NULL",
        token_hash,
        expires_at,
    )


async def put_session(tx: Transaction, session_hash: str) -> None:
    await tx.execute("UPDATE setup_state SET session_hash = $1 WHERE id = 1 AND finished_at IS NULL", session_hash)


async def put_draft(tx: Transaction, draft: Mapping[str, Any]) -> None:
    await tx.execute(
        "UPDATE setup_state SET draft = $1 WHERE id = 1 AND finished_at IS NULL", orjson.dumps(draft).decode()
    )


async def claim(tx: Transaction, session_hash: str, at: str) -> bool:
    """Whether this session is the one that finishes: one only can."""
    row = await tx.fetch_one(
        "UPDATE setup_state SET finished_at = $2 WHERE id = 1 AND finished_at IS NULL AND session_hash = $1 RETURNING id",
        session_hash,
        at,
    )
    return row is not None


async def release(tx: Transaction) -> None:
    """Finishing failed: it may be tried again."""
    await tx.execute("UPDATE setup_state SET finished_at = NULL WHERE id = 1")


async def put_outcome(tx: Transaction, outcome: Mapping[str, Any]) -> None:
    """It is done: token and session are worth nothing from now on."""
    await tx.execute(
        "UPDATE setup_state SET outcome = $1, token_hash = '', session_hash = NULL WHERE id = 1",
        orjson.dumps(outcome).decode(),
    )

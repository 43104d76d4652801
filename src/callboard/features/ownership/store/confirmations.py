"""Rows of ``ownership_confirmation``, ``ownership_asked`` and ``ownership_snapshot``."""

from __future__ import annotations

from typing import Iterable, Mapping, Sequence

from callboard.features.ownership.domain import Confirmation
from callboard.features.ownership.interface import Share
from callboard.kernel.db.interface import Transaction


async def list_of(tx: Transaction, refs: Sequence[str]) -> dict[str, dict[str, Confirmation]]:
    """By ref, then field."""
    rows = await tx.fetch_all(
        f"SELECT ref, field, value, confirmed_at, confirmed_by FROM ownership_confirmation WHERE {tx.any_of('ref', 1)}",
        tx.list_arg(refs),
    )
    found: dict[str, dict[str, Confirmation]] = {}
    for ref, field, value, at, by in rows:
        found.setdefault(ref, {})[field] = Confirmation(value, at, by)
    return found


async def put_many(tx: Transaction, rows: Iterable[tuple[str, str, Confirmation]]) -> None:
    """``rows`` of (ref, field, confirmation). One that is there and newer stays."""
    await tx.execute_many(
        "INSERT INTO ownership_confirmation (ref, field, value, confirmed_at, confirmed_by) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (ref, field) DO UPDATE SET value = excluded.value, confirmed_at = excluded.confirmed_at,"
        " confirmed_by = excluded.confirmed_by WHERE excluded.confirmed_at >= ownership_confirmation.confirmed_at",
        [(ref, field, c.value, c.at, c.by) for ref, field, c in rows],
    )


async def move(tx: Transaction, old_ref: str, new_ref: str) -> None:
    """The entity has another name now; what was confirmed of it stays confirmed."""
    await tx.execute("DELETE FROM ownership_confirmation WHERE ref = $1", new_ref)
    await tx.execute("UPDATE ownership_confirmation SET ref = $2 WHERE ref = $1", old_ref, new_ref)


async def forget_old(tx: Transaction, before: str) -> int:
    """Confirmations of entities that are gone, if made before then."""
    return await tx.execute(
        "DELETE FROM ownership_confirmation WHERE confirmed_at < $1 AND ref NOT IN (SELECT ref FROM ownership_entity)",
        before,
    )


async def list_asked(tx: Transaction) -> dict[tuple[str, str], str]:
    """(owner, what) to when."""
    rows = await tx.fetch_all("SELECT owner, what, asked_at FROM ownership_asked")
    return {(row[0], row[1]): row[2] for row in rows}


async def note_asked(tx: Transaction, owner: str, what: str, at: str) -> None:
    await tx.execute(
        "INSERT INTO ownership_asked (owner, what, asked_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (owner, what) DO UPDATE SET asked_at = excluded.asked_at",
        owner,
        what,
        at,
    )


async def put_snapshot(tx: Transaction, day: str, shares: Mapping[str, Share]) -> None:
    """The latest of a day stands."""
    await tx.execute("DELETE FROM ownership_snapshot WHERE taken_on = $1", day)
    await tx.insert_many(
        "ownership_snapshot",
        ("taken_on", "scope", "confirmed", "due", "overdue", "unowned"),
        [(day, scope, s.confirmed, s.due, s.overdue, s.unowned) for scope, s in shares.items()],
    )


async def list_snapshots(tx: Transaction, scope: str, since: str) -> list[tuple[str, Share]]:
    """(day, share), oldest first."""
    rows = await tx.fetch_all(
        "SELECT taken_on, confirmed, due, overdue, unowned FROM ownership_snapshot"
        " WHERE scope = $1 AND taken_on >= $2 ORDER BY taken_on",
        scope,
        since,
    )
    return [(row[0], Share(*row[1:])) for row in rows]


async def forget_snapshots(tx: Transaction, before: str) -> None:
    await tx.execute("DELETE FROM ownership_snapshot WHERE taken_on < $1", before)

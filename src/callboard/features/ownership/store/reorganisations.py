"""Rows of ``ownership_reorganisation``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import orjson

from callboard.kernel.db.interface import Transaction


@dataclass(frozen=True, slots=True)
class ReorganisationRow:
    """``changes`` are what it wrote: ref, and its fields before and after. ``handovers`` are the ids that it redirected."""

    id: str
    old_owner: str
    new_owner: str
    note: str
    changes: Sequence[Mapping[str, Any]]
    has_alias: bool
    handovers: Sequence[str]
    applied_at: str
    applied_by: str
    undone_at: str | None = None
    undone_by: str | None = None


_COLUMNS = "id, old_owner, new_owner, note, changes, alias, handovers, applied_at, applied_by, undone_at, undone_by"


def _row(row: Sequence[Any]) -> ReorganisationRow:
    return ReorganisationRow(
        row[0], row[1], row[2], row[3], orjson.loads(row[4]), bool(row[5]), orjson.loads(row[6]), *row[7:]
    )


async def insert(tx: Transaction, r: ReorganisationRow) -> None:
    await tx.execute(
        "INSERT INTO ownership_reorganisation (id, old_owner, new_owner, note, changes, alias, handovers, applied_at, applied_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        r.id, r.old_owner, r.new_owner, r.note, orjson.dumps(list(r.changes)).decode(), int(r.has_alias),
        orjson.dumps(list(r.handovers)).decode(), r.applied_at, r.applied_by,
    )  # fmt: skip


async def find(tx: Transaction, id: str) -> ReorganisationRow | None:
    row = await tx.fetch_one(f"SELECT {_COLUMNS} FROM ownership_reorganisation WHERE id = $1", id)
    return None if row is None else _row(row)


async def list_latest(tx: Transaction, limit: int) -> list[ReorganisationRow]:
    rows = await tx.fetch_all(
        f"SELECT {_COLUMNS} FROM ownership_reorganisation ORDER BY applied_at DESC, id LIMIT $1", limit
    )
    return [_row(row) for row in rows]


async def note_undone(tx: Transaction, id: str, *, at: str, by: str) -> bool:
    """False when somebody undid it already."""
    changed = await tx.execute(
        "UPDATE ownership_reorganisation SET undone_at = $2, undone_by = $3 WHERE id = $1 AND undone_at IS NULL",
        id,
        at,
        by,
    )
    return changed > 0


async def list_successors(tx: Transaction, owners: Sequence[str]) -> list[tuple[str, str]]:
    """(old owner, new owner) of re-organisations that stand, newest first."""
    rows = await tx.fetch_all(
        "SELECT old_owner, new_owner FROM ownership_reorganisation"
        f" WHERE undone_at IS NULL AND {tx.any_of('old_owner', 1)} ORDER BY applied_at DESC",
        tx.list_arg(owners),
    )
    return [(row[0], row[1]) for row in rows]

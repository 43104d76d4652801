"""Rows of ``ownership_merge`` and ``ownership_rename``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface.held import Given
from callboard.kernel.db.interface import Transaction


@dataclass(frozen=True, slots=True)
class MergeRow:
    """``source`` and ``given`` are set where a held source had to let go of ``other``."""

    id: str
    survivor: str
    other: str
    source: str
    given: Given | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    note: str
    merged_at: str
    merged_by: str
    undone_at: str | None = None


@dataclass(frozen=True, slots=True)
class RenameRow:
    old: str
    new: str
    place: str
    noticed_at: str


_MERGE = "SELECT id, survivor, other, source, given, before, after, note, merged_at, merged_by, undone_at FROM ownership_merge"


def _merge(row: Sequence[Any]) -> MergeRow:
    given = Given(*orjson.loads(row[4])) if row[4] else None
    return MergeRow(row[0], row[1], row[2], row[3], given, orjson.loads(row[5]), orjson.loads(row[6]), *row[7:])


async def insert_merge(tx: Transaction, m: MergeRow) -> None:
    g = m.given
    given = "" if g is None else orjson.dumps([g.ref, g.entity, g.mark, g.uid, g.location_key]).decode()
    await tx.execute(
        "INSERT INTO ownership_merge (id, survivor, other, source, given, before, after, note, merged_at, merged_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        m.id, m.survivor, m.other, m.source, given, orjson.dumps(dict(m.before)).decode(), orjson.dumps(dict(m.after)).decode(),
        m.note, m.merged_at, m.merged_by,
    )  # fmt: skip


async def find_merge(tx: Transaction, other: str) -> MergeRow | None:
    """The merge that stands of this ref."""
    row = await tx.fetch_one(f"{_MERGE} WHERE other = $1 AND undone_at IS NULL", other)
    return None if row is None else _merge(row)


async def note_unmerged(tx: Transaction, id: str, *, at: str, by: str) -> bool:
    changed = await tx.execute(
        "UPDATE ownership_merge SET undone_at = $2, undone_by = $3 WHERE id = $1 AND undone_at IS NULL", id, at, by
    )
    return changed > 0


async def note_rename(tx: Transaction, row: RenameRow) -> None:
    await tx.execute(
        "INSERT INTO ownership_rename (old_ref, new_ref, place, noticed_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (old_ref) DO UPDATE SET new_ref = excluded.new_ref, place = excluded.place,"
        " noticed_at = excluded.noticed_at",
        row.old, row.new, row.place, row.noticed_at,
    )  # fmt: skip


async def forget_rename(tx: Transaction, old: str) -> bool:
    return await tx.execute("DELETE FROM ownership_rename WHERE old_ref = $1", old) > 0


async def list_renames(tx: Transaction, limit: int) -> list[RenameRow]:
    rows = await tx.fetch_all(
        "SELECT old_ref, new_ref, place, noticed_at FROM ownership_rename ORDER BY noticed_at DESC, old_ref LIMIT $1",
        limit,
    )
    return [RenameRow(*row) for row in rows]

"""Rows of ``ownership_handover``."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.features.ownership.interface import Handover
from callboard.kernel.clock import format_time, parse_time, parse_time_if
from callboard.kernel.db.interface import Transaction

COLUMNS = (
    "id", "ref", "owner", "new_owner", "state", "note", "asked_at", "asked_by", "answer", "answered_at", "answered_by",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM ownership_handover"
_OPEN = "state IN ('asked', 'declined')"


def handover_of(row: Sequence[Any]) -> Handover | None:
    """None where the columns come from an outer join that found none."""
    if row[0] is None:
        return None
    asked, answered = parse_time(row[6]), parse_time_if(row[9])
    return Handover(row[0], row[1], row[2], row[3], row[4], row[5], asked, row[7], row[8], answered, row[10])


async def find_handover(tx: Transaction, id: str) -> Handover | None:
    row = await tx.fetch_one(f"{_SELECT} WHERE id = $1", id)
    return None if row is None else handover_of(row)


async def find_open(tx: Transaction, refs: Sequence[str]) -> dict[str, Handover]:
    rows = await tx.fetch_all(f"{_SELECT} WHERE {_OPEN} AND {tx.any_of('ref', 1)}", tx.list_arg(refs))
    return {row[1]: found for row in rows if (found := handover_of(row)) is not None}


async def find_written_owner(tx: Transaction, id: str) -> Any:
    """The JSON of ``spec.owner`` as it was written when the hand-over was asked."""
    return await tx.fetch_value("SELECT written_owner FROM ownership_handover WHERE id = $1", id)


async def insert_handover(tx: Transaction, handover: Handover, written_owner: str) -> None:
    h = handover
    await tx.execute(
        "INSERT INTO ownership_handover (id, ref, owner, written_owner, new_owner, state, note, asked_at, asked_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        h.id, h.ref, h.owner, written_owner, h.new_owner, h.state, h.note, format_time(h.asked_at), h.asked_by,
    )  # fmt: skip


async def close(tx: Transaction, handover: Handover, *, was: str) -> Handover | None:
    """Make the row what ``handover`` says, if it still is in the state ``was``; None when it is not."""
    h = handover
    changed = await tx.execute(
        "UPDATE ownership_handover SET state = $2, answer = $3, answered_at = $4, answered_by = $5"
        " WHERE id = $1 AND state = $6",
        h.id, h.state, h.answer, None if h.answered_at is None else format_time(h.answered_at), h.answered_by, was,
    )  # fmt: skip
    return handover if changed else None


async def withdraw_many(tx: Transaction, refs: Sequence[str], *, at: str, by: str, only_declined: bool = False) -> None:
    """End the open hand-overs of these entities."""
    states = "state = 'declined'" if only_declined else _OPEN
    await tx.execute(
        "UPDATE ownership_handover SET state = 'withdrawn', answered_at = COALESCE(answered_at, $2),"
        f" answered_by = COALESCE(answered_by, $3) WHERE {states} AND {tx.any_of('ref', 1)}",
        tx.list_arg(refs),
        at,
        by,
    )


async def move(tx: Transaction, old_ref: str, new_ref: str) -> None:
    """The entity has another name now; what is offered or disputed of it stays so."""
    await tx.execute(
        f"UPDATE ownership_handover SET ref = $2 WHERE ref = $1 AND {_OPEN}"
        f" AND NOT EXISTS (SELECT 1 FROM ownership_handover o WHERE o.ref = $2 AND o.{_OPEN})",
        old_ref,
        new_ref,
    )


async def redirect(tx: Transaction, ids: Sequence[str], new_owner: str) -> None:
    """Have these be offered to another owner."""
    await tx.execute(
        f"UPDATE ownership_handover SET new_owner = $2 WHERE state = 'asked' AND {tx.any_of('id', 1)}",
        tx.list_arg(ids),
        new_owner,
    )


async def list_offered(tx: Transaction, new_owners: Sequence[str]) -> list[Handover]:
    rows = await tx.fetch_all(
        f"{_SELECT} WHERE state = 'asked' AND {tx.any_of('new_owner', 1)} ORDER BY asked_at, id",
        tx.list_arg(new_owners),
    )
    return [found for row in rows if (found := handover_of(row)) is not None]

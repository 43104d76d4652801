"""All the SQL of bulk changes."""

from __future__ import annotations

from typing import Any, Collection, Mapping, Sequence

import orjson

from callboard.features.editing.bulk.interface import BulkChange, BulkItem, BulkRecord
from callboard.features.editing.interface import ChangeResult
from callboard.kernel.clock import parse_time, parse_time_if
from callboard.kernel.db.interface import Row, Transaction

_RECORD = (
    "SELECT id, stage, made_by, created_at, applied_at, undone_at, change, why, total, done, error FROM editing_bulk"
)
_ITEM = "SELECT position, ref, outcome, way, message, value_before, value_after, undo_outcome, undo_message FROM editing_bulk_item"


async def insert(
    tx: Transaction, id: str, *, by: str, at: str, change: BulkChange, why: str, actor: bytes, total: int
) -> None:
    await tx.execute(
        "INSERT INTO editing_bulk (id, stage, made_by, created_at, change, why, actor, total, done, error)"
        " VALUES ($1, 'planning', $2, $3, $4, $5, $6, $7, 0, '')",
        id, by, at, _dump(_change_data(change)), why, actor.decode(), total,
    )  # fmt: skip


def _change_data(change: BulkChange) -> dict[str, Any]:
    return {"values": dict(change.values), "add": list(change.add_tags), "remove": list(change.remove_tags)}


def change_of(data: Mapping[str, Any]) -> BulkChange:
    return BulkChange(data["values"], tuple(data["add"]), tuple(data["remove"]))


async def find(tx: Transaction, id: str) -> BulkRecord | None:
    row = await tx.fetch_one(f"{_RECORD} WHERE id = $1", id)
    if row is None:
        return None
    return (await _with_counts(tx, [row]))[0]


async def find_actor(tx: Transaction, id: str) -> Any:
    return orjson.loads(await tx.fetch_value("SELECT actor FROM editing_bulk WHERE id = $1", id))


async def list_records(tx: Transaction, by: str | None, *, limit: int, offset: int) -> tuple[list[BulkRecord], int]:
    """Those that got further than a plan. ``by`` None: everybody's."""
    where = "WHERE stage NOT IN ('planning', 'planned') AND ($1 = '' OR made_by = $1)"
    total = int(await tx.fetch_value(f"SELECT count(*) FROM editing_bulk {where}", by or ""))
    rows = await tx.fetch_all(
        f"{_RECORD} {where} ORDER BY created_at DESC, id LIMIT $2 OFFSET $3", by or "", limit, offset
    )
    return await _with_counts(tx, rows), total


async def _with_counts(tx: Transaction, rows: Sequence[Row]) -> list[BulkRecord]:
    counts: dict[str, dict[str, int]] = {}
    undone: dict[str, dict[str, int]] = {}
    for id, outcome, undo, n in await tx.fetch_all(
        "SELECT bulk_id, outcome, undo_outcome, count(*) FROM editing_bulk_item"
        f" WHERE {tx.any_of('bulk_id', 1)} GROUP BY bulk_id, outcome, undo_outcome",
        tx.list_arg([row[0] for row in rows]),
    ):
        of = counts.setdefault(id, {})
        of[outcome] = of.get(outcome, 0) + n
        if undo is not None:
            back = undone.setdefault(id, {})
            back[undo] = back.get(undo, 0) + n
    return [
        BulkRecord(
            row[0], row[1], row[2], parse_time(row[3]), parse_time_if(row[4]), parse_time_if(row[5]),
            change_of(orjson.loads(row[6])), row[7], row[8], row[9], counts.get(row[0], {}), undone.get(row[0], {}), row[10],
        )
        for row in rows
    ]  # fmt: skip


async def set_stage(
    tx: Transaction, id: str, stage: str, *, of: Sequence[str], at: str | None = None, error: str = ""
) -> bool:
    """Whether the change was at one of the stages ``of``, and is at ``stage`` now; ``at`` is when it was applied or undone."""
    column = {"applied": ", applied_at = $4", "undone": ", undone_at = $4"}.get(stage, "")
    args: list[Any] = [id, stage, error, *([at] if column else [])]
    done = "" if stage in ("applied", "undone", "planned", "failed") else ", done = 0"
    marks = ", ".join(f"'{one}'" for one in of)
    rows = await tx.fetch_all(
        f"UPDATE editing_bulk SET stage = $2, error = $3{column}{done} WHERE id = $1 AND stage IN ({marks}) RETURNING id",
        *args,
    )
    return bool(rows)


async def add_done(tx: Transaction, id: str, done: int) -> None:
    await tx.execute("UPDATE editing_bulk SET done = $2 WHERE id = $1", id, done)


async def insert_refs(tx: Transaction, id: str, refs: Sequence[str]) -> None:
    """Items that nobody looked at yet."""
    await tx.insert_many(
        "editing_bulk_item", ("bulk_id", "position", "ref", "outcome", "message", "value_before", "value_after", "undo_message"),
        [(id, n, ref, "unchanged", "", "{}", "{}", "") for n, ref in enumerate(refs)],
    )  # fmt: skip


async def keep_results(tx: Transaction, id: str, start: int, results: Sequence[ChangeResult]) -> None:
    """What became of the items from position ``start`` on."""
    await tx.execute_many(
        "UPDATE editing_bulk_item SET outcome = $3, way = $4, message = $5, value_before = $6, value_after = $7"
        " WHERE bulk_id = $1 AND position = $2",
        [
            (id, start + n, r.outcome, r.way, r.message[:1000], _dump(dict(r.before)), _dump(dict(r.after)))
            for n, r in enumerate(results)
        ],
    )  # fmt: skip


async def keep_outcomes(tx: Transaction, id: str, results: Sequence[tuple[int, ChangeResult]], *, undo: bool) -> None:
    """Outcomes of applying or undoing by position; what stood before stays as it was planned."""
    columns = "undo_outcome = $3, undo_message = $4" if undo else "outcome = $3, message = $4"
    await tx.execute_many(
        f"UPDATE editing_bulk_item SET {columns} WHERE bulk_id = $1 AND position = $2",
        [(id, position, r.outcome, r.message[:1000]) for position, r in results],
    )


async def list_refs(tx: Transaction, id: str) -> list[str]:
    return [row[0] for row in await tx.fetch_all("SELECT ref FROM editing_bulk_item WHERE bulk_id = $1", id)]


async def list_items(
    tx: Transaction, id: str, *, outcome: str | None, limit: int, offset: int = 0, undo_open: bool = False,
    without: Collection[str] = (),
) -> list[BulkItem]:  # fmt: skip
    """By position. ``without``: not these refs."""
    more = " AND undo_outcome IS NULL" if undo_open else ""
    rows = await tx.fetch_all(
        f"{_ITEM} WHERE bulk_id = $1 AND ($2 = '' OR outcome = $2){more} AND NOT ({tx.any_of('ref', 5)})"
        " ORDER BY position LIMIT $3 OFFSET $4",
        id, outcome or "", limit, offset, tx.list_arg(sorted(without)),
    )  # fmt: skip
    return [
        BulkItem(
            row[0], row[1], row[2], row[3], row[4], orjson.loads(row[5]), orjson.loads(row[6]), row[7], row[8] or ""
        )
        for row in rows
    ]


async def count_items(tx: Transaction, id: str, outcome: str | None, without: Collection[str] = ()) -> int:
    return int(
        await tx.fetch_value(
            "SELECT count(*) FROM editing_bulk_item WHERE bulk_id = $1 AND ($2 = '' OR outcome = $2)"
            f" AND NOT ({tx.any_of('ref', 3)})",
            id, outcome or "", tx.list_arg(sorted(without)),
        )
    )  # fmt: skip


async def forget_plans(tx: Transaction, before: str) -> None:
    """Plans that nobody applied."""
    old = "SELECT id FROM editing_bulk WHERE stage IN ('planning', 'planned', 'failed') AND applied_at IS NULL AND created_at < $1"
    await tx.execute(f"DELETE FROM editing_bulk_item WHERE bulk_id IN ({old})", before)
    await tx.execute(
        "DELETE FROM editing_bulk WHERE stage IN ('planning', 'planned', 'failed') AND applied_at IS NULL AND created_at < $1",
        before,
    )


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()

"""All the SQL of proposals. Rows in, rows out; decisions are made above."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Iterable, Mapping, Sequence

from callboard.features.proposals.interface import ProposalQuery
from callboard.kernel.db.interface import Transaction


def repository_id(target: str) -> str:
    return blake2b(target.lower().encode("utf-8", "replace"), digest_size=8).hexdigest()


def item_id(repository: str, key: str) -> str:
    """The id of what lies there in that repository, alike from scan to scan."""
    return blake2b(f"{repository}\0{key}".encode("utf-8", "replace"), digest_size=10).hexdigest()


# ---- scans ---------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ScanRow:
    """A row of ``proposals_scan``; JSON columns as text."""

    id: str
    seq: int
    target: str
    kind: str
    stage: str
    again: int
    created_at: str
    created_by: str
    ended_at: str | None = None
    done: int = 0
    total: int = 0
    step: str = ""
    counts: str = "{}"
    notes: str = "[]"
    error: str = ""
    repository_id: str = ""


_SCAN = tuple(ScanRow.__dataclass_fields__)


async def insert_scan(tx: Transaction, row: ScanRow) -> None:
    await _insert(tx, "proposals_scan", _SCAN, row)


async def next_seq(tx: Transaction) -> int:
    return int(await tx.fetch_value("SELECT COALESCE(max(seq), 0) + 1 FROM proposals_scan"))


async def find_scan(tx: Transaction, id: str) -> ScanRow | None:
    row = await tx.fetch_one(f"SELECT {', '.join(_SCAN)} FROM proposals_scan WHERE id = $1", id)
    return None if row is None else ScanRow(*row)


async def find_waiting(tx: Transaction, target: str) -> str | None:
    """The id of a scan of this target that has not ended."""
    found = await tx.fetch_value(
        "SELECT id FROM proposals_scan WHERE target = $1 AND stage IN ('waiting', 'running') ORDER BY seq DESC LIMIT 1",
        target,
    )
    return None if found is None else str(found)


async def expire_scans(tx: Transaction, before: str, now: str, why: str) -> None:
    """End scans that began before and never ended: their job was given up."""
    await tx.execute(
        "UPDATE proposals_scan SET stage = 'failed', error = $3, ended_at = $2 WHERE stage IN ('waiting', 'running')"
        " AND created_at < $1",
        before,
        now,
        why,
    )


async def count_waiting(tx: Transaction) -> int:
    return int(await tx.fetch_value("SELECT count(*) FROM proposals_scan WHERE stage IN ('waiting', 'running')"))


async def list_scans(tx: Transaction, limit: int, offset: int) -> tuple[list[ScanRow], int]:
    total = await tx.fetch_value("SELECT count(*) FROM proposals_scan")
    rows = await tx.fetch_all(
        f"SELECT {', '.join(_SCAN)} FROM proposals_scan ORDER BY seq DESC LIMIT $1 OFFSET $2", limit, offset
    )
    return [ScanRow(*row) for row in rows], int(total)


async def update_scan(tx: Transaction, id: str, **values: Any) -> None:
    await _update(tx, "proposals_scan", id, values)


async def forget_scans(tx: Transaction, keep: int) -> None:
    """Drop ended scans but for the newest ``keep``."""
    await tx.execute(
        "DELETE FROM proposals_scan WHERE stage IN ('done', 'failed') AND seq <="
        " (SELECT COALESCE(max(seq), 0) FROM proposals_scan) - $1",
        keep,
    )


# ---- repositories ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class RepositoryRow:
    """A row of ``proposals_repository``."""

    id: str
    target: str
    name: str
    url: str
    head: str
    version: int
    scanned_at: str
    scan_id: str
    facts: str


_REPOSITORY = tuple(RepositoryRow.__dataclass_fields__)


async def list_repositories(tx: Transaction, ids: Iterable[str]) -> dict[str, RepositoryRow]:
    rows = await tx.fetch_all(
        f"SELECT {', '.join(_REPOSITORY)} FROM proposals_repository WHERE {tx.any_of('id', 1)}",
        tx.list_arg(sorted(set(ids))),
    )
    return {row[0]: RepositoryRow(*row) for row in rows}


async def save_repository(tx: Transaction, row: RepositoryRow) -> None:
    names = _REPOSITORY[1:]
    places = ", ".join(f"${number}" for number in range(1, len(_REPOSITORY) + 1))
    sets = ", ".join(f"{name} = excluded.{name}" for name in names)
    await tx.execute(
        f"INSERT INTO proposals_repository ({', '.join(_REPOSITORY)}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {sets}",
        *(getattr(row, name) for name in _REPOSITORY),
    )


async def delete_repository(tx: Transaction, id: str) -> int:
    gone = await tx.execute("DELETE FROM proposals_item WHERE repository_id = $1", id)
    await tx.execute("DELETE FROM proposals_repository WHERE id = $1", id)
    return gone


# ---- items -----------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ItemRow:
    """A row of ``proposals_item``; JSON columns as text."""

    id: str
    repository_id: str
    key: str
    position: int
    kind: str
    ref: str
    title: str
    state: str
    confidence: str
    words: str
    body: str
    definition: str
    edits: str
    accepted_body: str | None
    accepted_ref: str
    is_changed: int
    is_gone: int
    scan_id: str
    found_at: str
    decided_at: str | None
    decided_by: str


_ITEM = tuple(ItemRow.__dataclass_fields__)
_LISTED = ", ".join("''" if name == "definition" else f"i.{name}" for name in _ITEM)


async def insert_items(tx: Transaction, rows: Sequence[ItemRow]) -> None:
    await tx.insert_many("proposals_item", _ITEM, [tuple(getattr(row, name) for name in _ITEM) for row in rows])


async def update_item(tx: Transaction, id: str, **values: Any) -> None:
    await _update(tx, "proposals_item", id, values)


async def delete_items(tx: Transaction, ids: Iterable[str]) -> None:
    await tx.execute(f"DELETE FROM proposals_item WHERE {tx.any_of('id', 1)}", tx.list_arg(sorted(set(ids))))


async def list_of_repository(tx: Transaction, repository: str) -> list[ItemRow]:
    """All of one repository in order, without their definitions."""
    rows = await tx.fetch_all(
        f"SELECT {_LISTED} FROM proposals_item i WHERE i.repository_id = $1 ORDER BY i.position, i.id", repository
    )
    return [ItemRow(*row) for row in rows]


async def get_items(tx: Transaction, ids: Iterable[str], *, whole: bool = False) -> dict[str, ItemRow]:
    """Those of ``ids`` that are there; with their definitions where they are wanted ``whole``."""
    columns = ", ".join(f"i.{name}" for name in _ITEM) if whole else _LISTED
    rows = await tx.fetch_all(
        f"SELECT {columns} FROM proposals_item i WHERE {tx.any_of('i.id', 1)} ORDER BY i.repository_id, i.position",
        tx.list_arg(sorted(set(ids))),
    )
    return {row[0]: ItemRow(*row) for row in rows}


async def list_targets(tx: Transaction, ids: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """(state, ref, ref of the entity made of it) by id."""
    rows = await tx.fetch_all(
        f"SELECT id, state, ref, accepted_ref FROM proposals_item WHERE {tx.any_of('id', 1)}",
        tx.list_arg(sorted(set(ids))),
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


async def count_refs(tx: Transaction, refs: Iterable[str]) -> dict[str, int]:
    """How many open proposals want each ref."""
    rows = await tx.fetch_all(
        f"SELECT ref, count(*) FROM proposals_item WHERE state = 'open' AND {tx.any_of('ref', 1)} GROUP BY ref",
        tx.list_arg(sorted(set(refs))),
    )
    return {row[0]: int(row[1]) for row in rows}


async def list_items(tx: Transaction, query: ProposalQuery) -> tuple[list[ItemRow], int]:
    where, args = _where(query)
    total = await tx.fetch_value(f"SELECT count(*) FROM proposals_item i WHERE {where}", *args)
    rows = await tx.fetch_all(
        f"SELECT {_LISTED} FROM proposals_item i LEFT JOIN proposals_repository r ON r.id = i.repository_id WHERE {where}"
        f" ORDER BY r.name, i.repository_id, i.position, i.id LIMIT ${len(args) + 1} OFFSET ${len(args) + 2}",
        *args, query.limit, query.offset,
    )  # fmt: skip
    return [ItemRow(*row) for row in rows], int(total)


async def count_by(tx: Transaction, query: ProposalQuery, column: str) -> list[tuple[str, int]]:
    """Values of ``column`` (state, kind, confidence, repository_id) with how many there are, whatever the query says of it."""
    name = {"repository_id": "repository"}.get(column, column)
    assert column in ("state", "kind", "confidence", "repository_id")
    where, args = _where(query, without=name)
    rows = await tx.fetch_all(
        f"SELECT i.{column}, count(*) FROM proposals_item i WHERE {where} GROUP BY i.{column}", *args
    )
    return [(row[0], int(row[1])) for row in rows]


def _where(query: ProposalQuery, without: str = "") -> tuple[str, list[Any]]:
    conditions, args = ["1 = 1"], list[Any]()
    columns: Mapping[str, Any] = {
        "state": query.state, "kind": query.kind, "confidence": query.confidence, "repository": query.repository, "scan": query.scan,
    }  # fmt: skip
    for name, value in columns.items():
        if value is not None and name != without:
            args.append(value)
            column = {"repository": "repository_id", "scan": "scan_id"}.get(name, name)
            conditions.append(f"i.{column} = ${len(args)}")
    if query.changed:
        conditions.append("i.state = 'accepted' AND (i.is_changed = 1 OR i.is_gone = 1)")
    for word in query.words.lower().split()[:8]:
        args.append("%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%")
        conditions.append(f"i.words LIKE ${len(args)} ESCAPE '\\'")
    return " AND ".join(conditions), args


# ---- both ------------------------------------------------------------------------------------------------------------------


async def _insert(tx: Transaction, table: str, columns: Sequence[str], row: Any) -> None:
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    await tx.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", *(getattr(row, name) for name in columns)
    )


async def _update(tx: Transaction, table: str, id: str, values: Mapping[str, Any]) -> None:
    allowed = _SCAN if table == "proposals_scan" else _ITEM
    assert set(values) <= set(allowed)
    sets = ", ".join(f"{name} = ${number}" for number, name in enumerate(values, start=2))
    await tx.execute(f"UPDATE {table} SET {sets} WHERE id = $1", id, *values.values())

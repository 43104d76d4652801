"""Findings, history, parents and locations: the rows around entities, to values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Iterable, Sequence

import orjson

from callboard.features.catalog.interface import Finding, HistoryEntry, Location
from callboard.features.catalog.store import aliases
from callboard.features.catalog.store.sets import Ids
from callboard.kernel.clock import parse_time_if
from callboard.kernel.db.interface import Row, Transaction

_FINDING = "severity, stage, message, name, file, line, col, field, fix, entity_ref, since"


def finding_of(row: Row) -> Finding:
    return Finding(
        severity=row[0], stage=row[1], message=row[2], name=row[3], file=row[4], line=row[5], column=row[6],
        field=row[7], fix=row[8], entity_ref=row[9], since=parse_time_if(row[10]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """A finding with whom it speaks of.

    ``subject_id`` is where it stands; ``names_other`` says that it names another ref, of which ``named_id`` is the number;
    ``place_id`` is the Location whose file holds the document, None for what did not come from a file.
    """

    finding: Finding
    subject_id: int
    names_other: bool
    named_id: int | None
    place_id: int | None

    def is_within(self, visible: Ids) -> bool:
        """Whether it tells only of entities in ``visible``. A conflict also tells of the place of the other document."""
        if self.subject_id not in visible:
            return False
        if self.names_other and (self.named_id is None or self.named_id not in visible):
            return False
        return self.finding.stage != "conflict" or self.place_id is None or self.place_id in visible


def told(findings: Iterable[StoredFinding], visible: Ids | None) -> list[Finding]:
    """What may be said to somebody who sees ``visible``; None is everything."""
    return [stored.finding for stored in findings if visible is None or stored.is_within(visible)]


_STORED = (
    "SELECT f.severity, f.stage, f.message, f.name, f.file, f.line, f.col, f.field, f.fix, f.entity_ref, f.since,"
    " f.subject_id, r.id, p.parent_id FROM catalog_finding f LEFT JOIN catalog_ref r ON r.ref = f.entity_ref"
    " LEFT JOIN catalog_file p ON p.id = f.file_id"
)


def _stored(row: Row) -> StoredFinding:
    names_other = row[9] is not None and row[12] != row[11]
    return StoredFinding(finding_of(row), row[11], names_other, row[12], row[13])


async def list_findings_of(tx: Transaction, subject_id: int) -> list[StoredFinding]:
    """Errors first, in the order of their lines."""
    rows = await tx.fetch_all(
        f"{_STORED} WHERE f.subject_id = $1 ORDER BY f.severity, f.file, f.line, f.id", subject_id
    )
    return [_stored(row) for row in rows]


async def list_errors_of(tx: Transaction, subjects: Sequence[int], limit: int) -> list[StoredFinding]:
    """Errors that stand on any of these nodes, in the order of files and lines."""
    rows = await tx.fetch_all(
        f"{_STORED} WHERE f.severity = 'error' AND {tx.any_of('f.subject_id', 1, 'bigint')}"
        " ORDER BY f.file, f.line, f.id LIMIT $2",
        tx.list_arg(subjects),
        limit,
    )
    return [_stored(row) for row in rows]


async def list_findings_of_file(tx: Transaction, file_id: int, parent_id: int, reading: int) -> list[StoredFinding]:
    """What is wrong in a file, and what went wrong when its Location was read (findings with the file id ``reading``)."""
    rows = await tx.fetch_all(
        f"{_STORED} WHERE f.file_id = $1 OR (f.subject_id = $2 AND f.file_id = $3) ORDER BY f.line, f.id",
        file_id,
        parent_id,
        reading,
    )
    return [_stored(row) for row in rows]


def _where(tx: Transaction, owner: Sequence[str] | None, severity: str | None) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    args: list[Any] = []
    if owner is not None:
        args.append(tx.list_arg([ref.lower() for ref in owner]))
        conditions.append(tx.any_of("owner", len(args)))
    if severity is not None:
        args.append(severity)
        conditions.append(f"severity = ${len(args)}")
    return (" WHERE " + " AND ".join(conditions) if conditions else ""), args


_WORST_FIRST = "ORDER BY severity, since DESC, id"


async def list_findings(
    tx: Transaction, *, owner: Sequence[str] | None, severity: str | None, limit: int, offset: int
) -> tuple[list[Finding], int]:
    where, args = _where(tx, owner, severity)
    total = await tx.fetch_value(f"SELECT count(*) FROM catalog_finding{where}", *args)
    rows = await tx.fetch_all(
        f"SELECT {_FINDING} FROM catalog_finding{where} {_WORST_FIRST} LIMIT ${len(args) + 1} OFFSET ${len(args) + 2}",
        *args,
        limit,
        offset,
    )
    return [finding_of(row) for row in rows], total


async def all_findings(tx: Transaction, *, owner: Sequence[str] | None, severity: str | None) -> list[StoredFinding]:
    where, args = _where(tx, owner, severity)
    rows = await tx.fetch_all(f"{_STORED}{where} ORDER BY f.severity, f.since DESC, f.id", *args)
    return [_stored(row) for row in rows]


def entry_of(row: Row, ref: str) -> HistoryEntry:
    at = parse_time_if(row[1])
    assert at is not None
    return HistoryEntry(
        id=row[0],
        ref=ref,
        at=at,
        change=row[2],
        source=row[3],
        actor=row[4],
        diff=orjson.loads(row[5]) if row[5] else (),
    )


async def list_history(tx: Transaction, ref_id: int, ref: str, *, limit: int, before: int | None) -> list[HistoryEntry]:
    """Newest first."""
    rows = await tx.fetch_all(
        "SELECT id, at, change, source, actor, diff FROM catalog_history WHERE ref_id = $1 AND id < $2"
        " ORDER BY id DESC LIMIT $3",
        ref_id,
        before if before is not None else 2**62,
        limit,
    )
    return [entry_of(row, ref) for row in rows]


async def list_deleted(
    tx: Transaction, source: str, *, refs: Sequence[str] | None, before: int | None, limit: int
) -> list[HistoryEntry]:
    """Deletions of what ``source`` (a location) gave, of refs that nothing stands for now, newest first."""
    args: list[Any] = [source, before if before is not None else 2**62, limit]
    which = ""
    if refs is not None:
        args.append(tx.list_arg(refs))
        which = f" AND {tx.any_of('r.ref', 4)}"
    rows = await tx.fetch_all(
        "SELECT h.id, h.at, h.change, h.source, h.actor, h.diff, r.ref FROM catalog_history h"
        " JOIN catalog_ref r ON r.id = h.ref_id WHERE h.change = 'deleted' AND h.source = $1 AND h.id < $2"
        " AND NOT EXISTS (SELECT 1 FROM catalog_history n WHERE n.ref_id = h.ref_id AND n.id > h.id)"
        f" AND NOT EXISTS (SELECT 1 FROM catalog_node n WHERE n.id = h.ref_id){which} ORDER BY h.id DESC LIMIT $3",
        *args,
    )
    return [entry_of(row, row[6]) for row in rows]


async def list_latest(tx: Transaction, before: int | None, limit: int) -> list[tuple[int, HistoryEntry]]:
    """(ref id, newest change) of the entities that changed last, without their diffs, newest first."""
    rows = await tx.fetch_all(
        "SELECT h.id, h.at, h.change, h.source, h.actor, NULL, h.ref_id, r.ref FROM catalog_history h"
        " JOIN catalog_ref r ON r.id = h.ref_id WHERE h.id < $1"
        " AND NOT EXISTS (SELECT 1 FROM catalog_history n WHERE n.ref_id = h.ref_id AND n.id > h.id)"
        " ORDER BY h.id DESC LIMIT $2",
        before if before is not None else 2**62,
        limit,
    )
    return [(row[6], entry_of(row, row[7])) for row in rows]


async def list_times(tx: Transaction, ids: Sequence[int]) -> dict[int, datetime]:
    """When each entity last changed."""
    rows = await tx.fetch_all(
        f"SELECT id, updated_at FROM catalog_entity WHERE {tx.any_of('id', 1, 'bigint')}", tx.list_arg(ids)
    )
    return {row[0]: at for row in rows if (at := parse_time_if(row[1])) is not None}


async def find_parents(tx: Transaction, ids: Sequence[int]) -> dict[int, list[int]]:
    """The nodes (not sources) that give each of ``ids``."""
    rows = await tx.fetch_all(
        f"SELECT DISTINCT child_id, parent_id FROM catalog_edge WHERE {tx.any_of('child_id', 1, 'bigint')} AND parent_id <> 0",
        tx.list_arg(ids),
    )
    found: dict[int, list[int]] = {}
    for child, parent in rows:
        found.setdefault(child, []).append(parent)
    return found


# ---- registered locations ---------------------------------------------------------------------------------------------

_LOCATION = "SELECT id, type, target, entity_ref FROM catalog_location"


async def list_locations(tx: Transaction) -> list[Location]:
    return [Location(*row) for row in await tx.fetch_all(f"{_LOCATION} ORDER BY id")]


async def find_location(tx: Transaction, id: str) -> Location | None:
    row = await tx.fetch_one(f"{_LOCATION} WHERE id = $1", id)
    return None if row is None else Location(*row)


async def find_location_at(tx: Transaction, type: str, target: str) -> Location | None:
    row = await tx.fetch_one(f"{_LOCATION} WHERE type = $1 AND target = $2", type, target)
    return None if row is None else Location(*row)


async def insert_location(tx: Transaction, location: Location, at: str) -> None:
    await tx.execute(
        "INSERT INTO catalog_location (id, type, target, entity_ref, created_at) VALUES ($1, $2, $3, $4, $5)",
        location.id,
        location.type,
        location.target,
        location.entity_ref,
        at,
    )


async def update_location(tx: Transaction, location: Location) -> None:
    await tx.execute(
        "UPDATE catalog_location SET type = $2, target = $3 WHERE id = $1", location.id, location.type, location.target
    )


async def delete_location(tx: Transaction, id: str) -> int:
    return await tx.execute("DELETE FROM catalog_location WHERE id = $1", id)


async def list_relations(tx: Transaction, ids: Sequence[int]) -> Sequence[Row]:
    """(source id, type, target id, target ref) of every relation of these entities, in no order; targets may be absent.

    Earlier names stand for the entities that had them.
    """
    if not ids:
        return []
    if not await aliases.are_any(tx):
        return await tx.fetch_all(
            "SELECT x.source_id, x.type, x.target_id, r.ref FROM catalog_relation x JOIN catalog_ref r ON r.id = x.target_id"
            f" WHERE {tx.any_of('x.source_id', 1, 'bigint')}",
            tx.list_arg(ids),
        )
    earlier = await aliases.find_old(tx, ids)
    rows = await tx.fetch_all(
        "SELECT x.source_id, x.type, COALESCE(a.new_id, x.target_id), COALESCE(n.ref, r.ref) FROM catalog_relation x"
        " JOIN catalog_ref r ON r.id = x.target_id LEFT JOIN catalog_alias a ON a.old_id = x.target_id"
        f" LEFT JOIN catalog_ref n ON n.id = a.new_id WHERE {tx.any_of('x.source_id', 1, 'bigint')}",
        tx.list_arg([*ids, *earlier]),
    )
    return [(earlier.get(row[0], row[0]), *row[1:]) for row in rows] if earlier else rows

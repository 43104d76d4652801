"""Rows behind the problems pages: findings with the file in which each can be mended, and the files of a Location."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Sequence

from callboard.features.catalog.problems import LocationFile, Mark, Problem
from callboard.features.catalog.store.records import StoredFinding, finding_of
from callboard.features.catalog.store.sets import Ids
from callboard.features.catalog.store.tracing import READING
from callboard.kernel.clock import parse_time_if
from callboard.kernel.db.interface import Row, Transaction

MAX_MARKS = 10_000
"""More problems than this are not told apart: the newest and worst stand for all."""

MANY_OWNERS = 10
"""A file with documents of more owners than this is nobody's in particular."""

# A target that cannot be read is mended where its Location is written; all else in the file of the document.
_FROM = (
    " FROM catalog_finding f LEFT JOIN catalog_ref r ON r.ref = f.entity_ref LEFT JOIN catalog_file p ON p.id = f.file_id"
    " LEFT JOIN catalog_node n ON n.id = f.subject_id LEFT JOIN catalog_ref s ON s.id = f.subject_id"
)
_FILE = "COALESCE(p.location, CASE WHEN n.location <> '' THEN n.location END, f.file, '')"
_PROBLEM = (
    "SELECT f.severity, f.stage, f.message, f.name, f.file, f.line, f.col, f.field, f.fix, f.entity_ref, f.since,"
    " f.subject_id, r.id, p.parent_id, s.ref, f.id"
) + _FROM


def bare(location: str) -> str:
    """A location ref without its type: the path or URL."""
    return location.partition(":")[2] if location.startswith(("url:", "file:")) else location


def _stored(row: Row) -> StoredFinding:
    return StoredFinding(finding_of(row), row[11], row[9] is not None and row[12] != row[11], row[12], row[13])


def _seen(rows: Sequence[Row], visible: Ids | None) -> list[tuple[int, Problem]]:
    found = []
    for row in rows:
        stored = _stored(row)
        if visible is None or stored.is_within(visible):
            found.append((int(row[15]), Problem(stored.finding, row[14])))
    return found


async def list_marks(tx: Transaction, text: str, visible: Ids | None) -> tuple[list[Mark], bool]:
    """Errors first, newest first, in the order of their lines; and whether there are more than are given.

    What makes a file unreadable is one problem, of all whose documents are in it.
    """
    where, args = "", []
    if text:
        function = "instr" if tx.dialect == "sqlite" else "strpos"
        where = (
            f" WHERE {function}(lower(f.message || ' ' || {_FILE} || ' ' || COALESCE(f.entity_ref, '') || ' ' ||"
            " COALESCE(f.file, '') || ' ' || COALESCE(s.ref, '')), $1) > 0"
        )
        args.append(text.lower())
    rows = await tx.fetch_all(
        f"SELECT f.severity, f.stage, f.since, f.entity_ref, f.id, f.owner, {_FILE}, f.file_id, f.subject_id, r.id, p.parent_id,"
        f" f.file, f.line, f.col{_FROM}{where} ORDER BY f.severity, f.since DESC, f.file, f.line, f.id LIMIT {MAX_MARKS + 1}",
        *args,
    )
    is_cut = len(rows) > MAX_MARKS
    if visible is not None:
        rows = [row for row in rows if _is_seen(row, visible)]
        # which of two documents was left out is told; whose that one is, only its own text says
        rows = [(*row[:5], None, *row[6:]) if row[1] == "conflict" else row for row in rows]
    inherited = await _owners_of_files(tx, {row[7] for row in rows if row[5] is None and row[7] > 0}, visible)
    unread = [row for row in rows if row[5] is None and row[7] == READING and row[11]]
    targets = await _owners_of_targets(tx, unread, visible)
    marks: dict[Any, Mark] = {}
    for row in rows[:MAX_MARKS]:
        owners = (row[5],) if row[5] else inherited.get(row[7]) or targets.get((row[8], row[11])) or ()
        # a file that is no YAML is told of by itself and by each entity that it held: the first place, its own words
        key = (row[7], row[12], row[13]) if row[1] == "parse" else row[4]
        mark = Mark(row[4], row[0], row[1], bare(row[6]), tuple(owners), row[2])
        known = marks.get(key)
        if known is not None:
            id = row[4] if row[3] is None else known.id
            mark = replace(mark, id=id, owners=tuple(dict.fromkeys([*known.owners, *owners])))
        marks[key] = mark
    return list(marks.values()), is_cut


def _is_seen(row: Row, visible: Ids) -> bool:
    """``StoredFinding.is_within`` for the short rows of ``list_marks``."""
    if row[8] not in visible:
        return False
    if row[3] is not None and row[9] != row[8] and (row[9] is None or row[9] not in visible):
        return False
    return row[1] != "conflict" or row[10] is None or row[10] in visible


async def _owners_of_files(tx: Transaction, ids: set[int], visible: Ids | None) -> dict[int, tuple[str, ...]]:
    """Those whose documents each file holds: they are asked when nobody is named for the file as a whole.

    Of documents that are hidden from the asker nothing is told, their owners neither.
    """
    if not ids:
        return {}
    rows = await tx.fetch_all(
        f"SELECT DISTINCT d.file_id, n.owner{', n.id' if visible is not None else ''}"
        " FROM catalog_document d JOIN catalog_node n ON n.id = d.ref_id"
        f" WHERE n.owner IS NOT NULL AND {tx.any_of('d.file_id', 1, 'bigint')} ORDER BY 1, 2",
        tx.list_arg(sorted(ids)),
    )
    found: dict[int, dict[str, None]] = {}
    for id, owner, *node in rows:
        if visible is None or node[0] in visible:
            found.setdefault(id, {})[owner] = None
    return {id: tuple(owners) for id, owners in found.items() if len(owners) <= MANY_OWNERS}


async def _owners_of_targets(
    tx: Transaction, unread: Sequence[Row], visible: Ids | None
) -> dict[tuple[int, str], tuple[str, ...]]:
    """By Location and target: those whose documents were in a file that could be read before and cannot now."""
    if not unread:
        return {}
    rows = await tx.fetch_all(
        f"SELECT id, parent_id, location FROM catalog_file WHERE {tx.any_of('parent_id', 1, 'bigint')}",
        tx.list_arg(sorted({row[8] for row in unread})),
    )
    owners = await _owners_of_files(tx, {row[0] for row in rows}, visible)
    return {(parent, bare(location)): owners[id] for id, parent, location in rows if id in owners}


async def list_problems(tx: Transaction, ids: Sequence[int], visible: Ids | None) -> dict[int, Problem]:
    rows = await tx.fetch_all(f"{_PROBLEM} WHERE {tx.any_of('f.id', 1, 'bigint')}", tx.list_arg(ids))
    return dict(_seen(rows, visible))


async def list_own_problems(tx: Transaction, id: int, visible: Ids | None) -> list[Problem]:
    """What stands on an entity: errors first, in the order of their lines."""
    rows = await tx.fetch_all(f"{_PROBLEM} WHERE f.subject_id = $1 ORDER BY f.severity, f.file, f.line, f.id", id)
    return [problem for _, problem in _seen(rows, visible)]


async def list_file_problems(tx: Transaction, id: int, visible: Ids | None) -> list[Problem]:
    """What is wrong with the files that hold an entity and names no document: nobody can tell whose it is."""
    rows = await tx.fetch_all(
        f"{_PROBLEM} WHERE f.entity_ref IS NULL AND f.subject_id <> $1 AND f.file_id IN"
        " (SELECT file_id FROM catalog_document WHERE ref_id = $1) ORDER BY f.severity, f.line, f.id LIMIT 20",
        id,
    )
    gone = await tx.fetch_all(
        f"{_PROBLEM} WHERE f.file_id = {READING} AND f.subject_id <> $1 AND EXISTS (SELECT 1 FROM catalog_document d"
        " JOIN catalog_file c ON c.id = d.file_id WHERE d.ref_id = $1 AND c.parent_id = f.subject_id"
        " AND c.location IN ('file:' || f.file, 'url:' || f.file)) ORDER BY f.id LIMIT 5",
        id,
    )
    return [problem for _, problem in _seen([*gone, *rows], visible)]


async def list_problems_below(
    tx: Transaction, location_id: int, visible: Ids | None, limit: int
) -> tuple[list[Problem], int]:
    """What stands on documents in the files of a Location, and how many such problems there are."""
    below = " WHERE f.subject_id <> $1 AND f.file_id IN (SELECT id FROM catalog_file WHERE parent_id = $1)"
    if visible is None:
        total = await tx.fetch_value(f"SELECT count(*) FROM catalog_finding f{below}", location_id)
        cut = f" LIMIT {limit}"
    else:
        total, cut = 0, f" LIMIT {MAX_MARKS}"
    rows = await tx.fetch_all(f"{_PROBLEM}{below} ORDER BY f.severity, f.file, f.line, f.id{cut}", location_id)
    found = [problem for _, problem in _seen(rows, visible)]
    return found[:limit], total if visible is None else len(found)


async def list_location_files(tx: Transaction, location_id: int, visible: Ids | None) -> list[LocationFile]:
    """Broken ones first, then as the Location names them. Documents that are hidden are not counted."""
    rows = await tx.fetch_all(
        "SELECT id, location, target, state, error, read_at FROM catalog_file WHERE parent_id = $1 ORDER BY id",
        location_id,
    )
    counted: dict[int, list[int]] = {}
    for file_id, ref_id, state, n in await tx.fetch_all(
        "SELECT d.file_id, CASE WHEN $2 = 1 THEN 0 ELSE COALESCE(d.ref_id, 0) END AS ref, d.state, count(*)"
        " FROM catalog_document d JOIN catalog_file f ON f.id = d.file_id"
        " WHERE f.parent_id = $1 AND d.state <> 'kept' GROUP BY 1, 2, 3",
        location_id,
        1 if visible is None else 0,
    ):
        if visible is None or ref_id in visible:
            seen = counted.setdefault(file_id, [0, 0])
            seen[0] += n
            seen[1] += n if state in ("ok", "due") else 0
    files = [
        LocationFile(location, target, state != "new", error, parse_time_if(read_at), *counted.get(id, (0, 0)))
        for id, location, target, state, error, read_at in rows
    ]
    return sorted(files, key=lambda file: (file.error is None and file.is_read, file.good == file.documents))

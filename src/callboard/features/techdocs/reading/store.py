"""All the SQL of what readers leave, and of checks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.techdocs.interface import Problem
from callboard.kernel.clock import parse_time, parse_time_if
from callboard.kernel.db.interface import Row, Transaction

KEPT_VISITS = 40
"""Pages that are remembered of a person."""
MAX_PROBLEMS = 2_000
"""Problems of a site that are kept; all are counted."""
_FEEDBACK = "f.id, f.ref, f.path, f.person, f.title, f.is_helpful, f.reason, f.text, f.at, f.done_at, f.done_by"


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that somebody read."""

    person: str
    ref: str
    path: str
    title: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said of a page. ``reason`` is "" or one of ``feedback.REASONS``; ``title`` is what the page was called then."""

    id: str
    ref: str
    path: str
    person: str
    title: str
    is_helpful: bool
    reason: str
    text: str
    at: datetime
    done_at: datetime | None = None
    done_by: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Answers about a site or page; ``open`` are those that its owner has not dealt with."""

    helpful: int = 0
    not_helpful: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """What the last check of a site found; ``links`` counts those that lead nowhere, pictures among them."""

    ref: str
    etag: str
    errors: int
    warnings: int
    links: int
    at: datetime
    problems: Sequence[Problem] = ()


# ---- visits ------------------------------------------------------------------------------------------------------------


async def put_visits(tx: Transaction, visits: Sequence[tuple[str, str, str, str, str]]) -> None:
    """Rows of (person, ref, path, title, at); of each person only the newest stay."""
    for row in visits:
        await tx.execute(
            "INSERT INTO techdocs_visit (person, ref, path, title, at) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (person, ref, path) DO UPDATE SET title = excluded.title, at = excluded.at",
            *row,
        )
    for person in {row[0] for row in visits}:
        await tx.execute(
            "DELETE FROM techdocs_visit WHERE person = $1 AND at < (SELECT min(at) FROM"
            " (SELECT at FROM techdocs_visit WHERE person = $2 ORDER BY at DESC LIMIT $3) AS kept)",
            person, person, KEPT_VISITS,
        )  # fmt: skip


async def list_visits(tx: Transaction, person: str, limit: int) -> Sequence[Visit]:
    """Newest first."""
    rows = await tx.fetch_all(
        "SELECT person, ref, path, title, at FROM techdocs_visit WHERE person = $1 ORDER BY at DESC LIMIT $2",
        person,
        limit,
    )
    return [Visit(row[0], row[1], row[2], row[3], parse_time(row[4])) for row in rows]


# ---- feedback ----------------------------------------------------------------------------------------------------------


async def put_feedback(tx: Transaction, one: Sequence[Any]) -> None:
    """(id, ref, path, person, title, is_helpful, reason, text, at). What somebody said before is replaced, and open again."""
    await tx.execute(
        "INSERT INTO techdocs_feedback (id, ref, path, person, title, is_helpful, reason, text, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (ref, path, person) DO UPDATE SET title = excluded.title,"
        " is_helpful = excluded.is_helpful, reason = excluded.reason, text = excluded.text, at = excluded.at,"
        " done_at = NULL, done_by = NULL",
        *one,
    )


async def find_feedback(tx: Transaction, ref: str, path: str, person: str) -> Feedback | None:
    row = await tx.fetch_one(
        f"SELECT {_FEEDBACK} FROM techdocs_feedback f WHERE f.ref = $1 AND f.path = $2 AND f.person = $3",
        ref,
        path,
        person,
    )
    return None if row is None else _feedback(row)


async def find_feedback_by_id(tx: Transaction, id: str) -> Feedback | None:
    row = await tx.fetch_one(f"SELECT {_FEEDBACK} FROM techdocs_feedback f WHERE f.id = $1", id)
    return None if row is None else _feedback(row)


async def delete_feedback(tx: Transaction, id: str) -> int:
    return await tx.execute("DELETE FROM techdocs_feedback WHERE id = $1", id)


async def set_done(tx: Transaction, id: str, at: str | None, by: str | None) -> int:
    """Whether that changed anything."""
    return await tx.execute(
        "UPDATE techdocs_feedback SET done_at = $2, done_by = $3 WHERE id = $1"
        f" AND done_at IS {'NULL' if at is not None else 'NOT NULL'}",
        id,
        at,
        by,
    )


async def list_feedback_refs(tx: Transaction, *, only_open: bool) -> Sequence[str]:
    """Sites that somebody said something of."""
    tests = " WHERE done_at IS NULL" if only_open else ""
    return [row[0] for row in await tx.fetch_all(f"SELECT DISTINCT ref FROM techdocs_feedback{tests}")]


async def list_feedback(
    tx: Transaction, refs: Sequence[str], *, only_open: bool, limit: int, offset: int
) -> tuple[Sequence[Feedback], int]:
    """Newest first; what was said of these sites, and how much of it there is."""
    tests = tx.any_of("f.ref", 1) + (" AND f.done_at IS NULL" if only_open else "")
    total = await tx.fetch_value(f"SELECT count(*) FROM techdocs_feedback f WHERE {tests}", tx.list_arg(refs))
    rows = await tx.fetch_all(
        f"SELECT {_FEEDBACK} FROM techdocs_feedback f WHERE {tests} ORDER BY f.at DESC, f.id LIMIT $2 OFFSET $3",
        tx.list_arg(refs), limit, offset,
    )  # fmt: skip
    return [_feedback(row) for row in rows], int(total)


async def tally(tx: Transaction, ref: str, path: str) -> Tally:
    row = await tx.fetch_one(
        "SELECT sum(is_helpful), count(*), sum(CASE WHEN done_at IS NULL THEN 1 ELSE 0 END)"
        " FROM techdocs_feedback WHERE ref = $1 AND path = $2",
        ref,
        path,
    )
    if row is None or not row[1]:
        return Tally()
    return Tally(int(row[0]), int(row[1]) - int(row[0]), int(row[2]))


async def count_open(tx: Transaction, refs: Sequence[str]) -> Mapping[str, int]:
    """Open answers by site; those with none are left out."""
    rows = await tx.fetch_all(
        "SELECT f.ref, count(*) FROM techdocs_feedback f WHERE f.done_at IS NULL AND "
        + tx.any_of("f.ref", 1)
        + " GROUP BY f.ref",
        tx.list_arg(refs),
    )
    return {row[0]: int(row[1]) for row in rows}


def _feedback(row: Row) -> Feedback:
    return Feedback(
        row[0], row[1], row[2], row[3], row[4], bool(row[5]), row[6], row[7], parse_time(row[8]), parse_time_if(row[9]), row[10]
    )  # fmt: skip


# ---- checks ------------------------------------------------------------------------------------------------------------


async def put_check(tx: Transaction, ref: str, etag: str, problems: Sequence[Problem], at: str) -> None:
    kept = sorted(problems, key=lambda one: not one.is_error)[:MAX_PROBLEMS]
    content = orjson.dumps([[p.code, p.message, p.file, p.line, p.is_error] for p in kept])
    errors = sum(1 for one in problems if one.is_error)
    links = sum(1 for one in problems if one.code in ("link", "image", "anchor"))
    await tx.execute(
        "INSERT INTO techdocs_check (ref, etag, problems, errors, warnings, links, at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (ref) DO UPDATE SET etag = excluded.etag, problems = excluded.problems, errors = excluded.errors,"
        " warnings = excluded.warnings, links = excluded.links, at = excluded.at",
        ref, etag, content, errors, len(problems) - errors, links, at,
    )  # fmt: skip


async def delete_check(tx: Transaction, ref: str) -> None:
    await tx.execute("DELETE FROM techdocs_check WHERE ref = $1", ref)


async def find_check(tx: Transaction, ref: str) -> Check | None:
    return (await find_checks(tx, [ref])).get(ref)


async def find_checks(tx: Transaction, refs: Sequence[str]) -> dict[str, Check]:
    """With their problems, by ref."""
    rows = await tx.fetch_all(
        f"SELECT ref, etag, errors, warnings, links, at, problems FROM techdocs_check WHERE {tx.any_of('ref', 1)}",
        tx.list_arg(refs),
    )
    return {
        row[0]: Check(
            row[0], row[1], row[2], row[3], row[4], parse_time(row[5]), [Problem(*one) for one in orjson.loads(row[6])]
        )
        for row in rows
    }


async def list_unchecked(tx: Transaction) -> Sequence[tuple[str, str]]:
    """(ref, when it was read) of sites that were read since they were checked; those found to have no pages are left out."""
    rows = await tx.fetch_all(
        "SELECT v.ref, v.read_at FROM techdocs_version v LEFT JOIN techdocs_check c ON c.ref = v.ref"
        " WHERE v.name = '' AND (c.ref IS NULL OR v.read_at >= c.at) AND (c.ref IS NOT NULL OR COALESCE(v.pages, 1) > 0)"
        " ORDER BY v.read_at, v.ref"
    )
    return [(row[0], row[1]) for row in rows]


async def list_checks(tx: Transaction, refs: Sequence[str] | None) -> Mapping[str, Check]:
    """Without the problems themselves; of all sites when ``refs`` is None."""
    columns = "SELECT c.ref, c.etag, c.errors, c.warnings, c.links, c.at FROM techdocs_check c"
    if refs is None:
        rows = await tx.fetch_all(columns)
    else:
        rows = await tx.fetch_all(f"{columns} WHERE {tx.any_of('c.ref', 1)}", tx.list_arg(refs))
    return {row[0]: Check(row[0], row[1], row[2], row[3], row[4], parse_time(row[5])) for row in rows}

"""Sites and versions: what is known of each, and of when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import orjson

from callboard.kernel.db.interface import Row, Transaction

_SITE = "s.ref, s.kind, s.title, s.description, s.owner, s.plan, s.is_local, s.failure"
_VERSION = "v.id, v.ref, v.name, v.plan, v.revision, v.digest, v.meta, v.pages, v.problems, v.changed_at, v.read_at, v.checked_at"


@dataclass(frozen=True, slots=True)
class SiteRow:
    ref: str
    kind: str
    title: str
    description: str
    owner: str | None
    plan: str
    is_local: bool
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """``meta``: ``docs_dir``, ``sections``, ``problems``. ``pages`` and ``problems`` are None until it was first put together."""

    id: str
    ref: str
    name: str
    plan: str
    revision: str
    digest: str
    meta: dict[str, Any]
    pages: int | None
    problems: int | None
    changed_at: str | None
    read_at: str
    checked_at: str


async def put_site(tx: Transaction, row: SiteRow) -> None:
    await put_sites(tx, [row])


async def put_sites(tx: Transaction, rows: Sequence[SiteRow]) -> None:
    """``failure`` is left as it is."""
    await tx.execute_many(
        "INSERT INTO techdocs_site (ref, kind, title, description, owner, plan, is_local) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (ref) DO UPDATE SET kind = excluded.kind, title = excluded.title, description = excluded.description,"
        " owner = excluded.owner, plan = excluded.plan, is_local = excluded.is_local",
        [(row.ref, row.kind, row.title, row.description, row.owner, row.plan, int(row.is_local)) for row in rows],
    )


async def find_site(tx: Transaction, ref: str) -> SiteRow | None:
    row = await tx.fetch_one(f"SELECT {_SITE} FROM techdocs_site s WHERE s.ref = $1", ref)
    return None if row is None else _site(row)


async def count_unread(tx: Transaction) -> int:
    """Sites of which nothing was read yet, and that nothing is known to be wrong with."""
    return int(
        await tx.fetch_value(
            "SELECT count(*) FROM techdocs_site s WHERE s.failure IS NULL AND s.kind = 'live'"
            " AND NOT EXISTS (SELECT 1 FROM techdocs_version v WHERE v.ref = s.ref)"
        )
    )


async def find_sites(tx: Transaction, refs: Sequence[str]) -> dict[str, SiteRow]:
    """Those of them that there are, by ref."""
    rows = await tx.fetch_all(f"SELECT {_SITE} FROM techdocs_site s WHERE {tx.any_of('s.ref', 1)}", tx.list_arg(refs))
    return {row[0]: _site(row) for row in rows}


async def list_sites(tx: Transaction) -> list[SiteRow]:
    return [_site(row) for row in await tx.fetch_all(f"SELECT {_SITE} FROM techdocs_site s ORDER BY s.ref")]


async def list_plans(tx: Transaction) -> dict[str, str]:
    """Of sites on disk the digest of the plan, by ref."""
    rows = await tx.fetch_all("SELECT ref, plan FROM techdocs_site WHERE is_local = 1 ORDER BY ref")
    return {row[0]: row[1] for row in rows}


async def known_among(tx: Transaction, refs: Sequence[str]) -> set[str]:
    """Those of them that have a site."""
    rows = await tx.fetch_all(f"SELECT ref FROM techdocs_site WHERE {tx.any_of('ref', 1)}", tx.list_arg(refs))
    return {row[0] for row in rows}


async def list_with_versions(tx: Transaction) -> list[tuple[SiteRow, VersionRow | None]]:
    """Every site with its own version, if that was read."""
    rows = await tx.fetch_all(
        f"SELECT {_SITE}, {_VERSION} FROM techdocs_site s LEFT JOIN techdocs_version v ON v.ref = s.ref AND v.name = '' ORDER BY s.ref"
    )
    return [(_site(row[:8]), None if row[8] is None else _version(row[8:])) for row in rows]


async def delete_site(tx: Transaction, ref: str) -> int:
    return await tx.execute("DELETE FROM techdocs_site WHERE ref = $1", ref)


async def set_failure(tx: Transaction, ref: str, failure: str | None) -> None:
    await tx.execute(
        "UPDATE techdocs_site SET failure = $2 WHERE ref = $1 AND COALESCE(failure, '') <> COALESCE($3, '')",
        ref,
        failure,
        failure,
    )


async def set_failures(tx: Transaction, failures: Mapping[str, str]) -> None:
    """Why sites that were never read could not be, by ref."""
    by_text: dict[str, list[str]] = {}
    for ref, failure in failures.items():
        by_text.setdefault(failure, []).append(ref)
    for failure, refs in by_text.items():
        await tx.execute(
            f"UPDATE techdocs_site SET failure = $2 WHERE {tx.any_of('ref', 1)} AND COALESCE(failure, '') <> $3"
            " AND NOT EXISTS (SELECT 1 FROM techdocs_version v WHERE v.ref = techdocs_site.ref AND v.name = '')",
            tx.list_arg(refs), failure, failure,
        )  # fmt: skip


async def find_version(tx: Transaction, ref: str, name: str) -> VersionRow | None:
    row = await tx.fetch_one(f"SELECT {_VERSION} FROM techdocs_version v WHERE v.ref = $1 AND v.name = $2", ref, name)
    return None if row is None else _version(row)


async def find_versions(tx: Transaction, refs: Sequence[str]) -> dict[str, VersionRow]:
    """Their own versions, by ref; those that were never read are left out."""
    rows = await tx.fetch_all(
        f"SELECT {_VERSION} FROM techdocs_version v WHERE v.name = '' AND {tx.any_of('v.ref', 1)}", tx.list_arg(refs)
    )
    return {row[1]: _version(row) for row in rows}


async def lock_version(tx: Transaction, ref: str, name: str) -> VersionRow | None:
    """Nobody else changes it until ``tx`` ends."""
    await tx.execute("UPDATE techdocs_site SET plan = plan WHERE ref = $1", ref)
    return await find_version(tx, ref, name)


async def put_version(tx: Transaction, row: VersionRow) -> None:
    await tx.execute(
        "INSERT INTO techdocs_version (id, ref, name, plan, revision, digest, meta, pages, problems, changed_at, read_at, checked_at, used_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)"
        " ON CONFLICT (ref, name) DO UPDATE SET plan = excluded.plan, revision = excluded.revision, digest = excluded.digest,"
        " meta = excluded.meta, pages = excluded.pages, problems = excluded.problems, changed_at = excluded.changed_at,"
        " read_at = excluded.read_at, checked_at = excluded.checked_at",
        row.id, row.ref, row.name, row.plan, row.revision, row.digest, orjson.dumps(row.meta), row.pages, row.problems, row.changed_at,
        row.read_at, row.checked_at,
    )  # fmt: skip


async def note_checked(tx: Transaction, id: str, plan: str, revision: str, now: str) -> None:
    await tx.execute(
        "UPDATE techdocs_version SET plan = $2, revision = $3, checked_at = $4 WHERE id = $1", id, plan, revision, now
    )


async def note_counts(tx: Transaction, id: str, digest: str, pages: int, problems: int) -> None:
    """Unless something else has been read since."""
    await tx.execute(
        "UPDATE techdocs_version SET pages = $3, problems = $4 WHERE id = $1 AND digest = $2",
        id,
        digest,
        pages,
        problems,
    )


async def note_changed(tx: Transaction, id: str, changed_at: str | None) -> None:
    await tx.execute("UPDATE techdocs_version SET changed_at = $2 WHERE id = $1", id, changed_at)


async def note_used(tx: Transaction, id: str, now: str) -> None:
    await tx.execute("UPDATE techdocs_version SET used_at = $2 WHERE id = $1", id, now)


async def delete_version(tx: Transaction, ref: str, name: str) -> int:
    return await tx.execute("DELETE FROM techdocs_version WHERE ref = $1 AND name = $2", ref, name)


async def delete_versions_beyond(tx: Transaction, ref: str, kept: int) -> int:
    """Of the named versions of a site those go that nobody read for longest."""
    return await tx.execute(
        "DELETE FROM techdocs_version WHERE ref = $1 AND name <> '' AND id NOT IN"
        " (SELECT id FROM techdocs_version WHERE ref = $1 AND name <> '' ORDER BY used_at DESC, name LIMIT $2)",
        ref, kept,
    )  # fmt: skip


async def list_version_names(tx: Transaction, ref: str) -> Sequence[str]:
    rows = await tx.fetch_all("SELECT name FROM techdocs_version WHERE ref = $1 AND name <> ''", ref)
    return [row[0] for row in rows]


def _site(row: Row) -> SiteRow:
    return SiteRow(row[0], row[1], row[2], row[3], row[4], row[5], bool(row[6]), row[7])


def _version(row: Row) -> VersionRow:
    return VersionRow(row[0], row[1], row[2], row[3], row[4], row[5], orjson.loads(row[6]), *row[7:12])

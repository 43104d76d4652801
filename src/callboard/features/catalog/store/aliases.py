"""Rows of ``catalog_alias``: earlier names of entities. No node stands under an old name.

Relations are stored as documents say them; an alias is looked up when they are put together, so that it can be taken back.
"""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple, Sequence

from callboard.features.catalog.interface import Finding
from callboard.features.catalog.interface.aliases import Alias
from callboard.kernel.clock import parse_time
from callboard.kernel.db.interface import Transaction

RENAMED = "RenamedWarning"
"""Name of the findings that tell of an old name in a document."""


class AliasRow(NamedTuple):
    """Numbers of both refs; ``has_node`` is whether the new one still is an entity's."""

    old_id: int
    new_id: int
    reason: str
    has_node: bool


_ALIAS = (
    "SELECT o.ref, n.ref, a.reason, a.note, a.created_at, a.created_by FROM catalog_alias a"
    " JOIN catalog_ref o ON o.id = a.old_id JOIN catalog_ref n ON n.id = a.new_id"
)


def _alias(row: Sequence[Any]) -> Alias:
    return Alias(row[0], row[1], row[2], row[3], parse_time(row[4]), row[5])


async def are_any(tx: Transaction) -> bool:
    """Whether anything has an earlier name: most catalogs have none, and need not look each time."""
    return await tx.fetch_value("SELECT 1 FROM catalog_alias LIMIT 1") is not None


async def find_alias(tx: Transaction, old: str) -> Alias | None:
    row = await tx.fetch_one(f"{_ALIAS} WHERE o.ref = $1", old)
    return None if row is None else _alias(row)


async def list_aliases(tx: Transaction, new: str | None = None) -> list[Alias]:
    where, args = (" WHERE n.ref = $1", [new]) if new is not None else ("", [])
    rows = await tx.fetch_all(f"{_ALIAS}{where} ORDER BY a.created_at DESC, o.ref", *args)
    return [_alias(row) for row in rows]


async def find_rows(tx: Transaction, ids: Iterable[int]) -> dict[int, AliasRow]:
    """Of these numbers, those of old names."""
    rows = await tx.fetch_all(
        "SELECT a.old_id, a.new_id, a.reason, n.id IS NOT NULL FROM catalog_alias a"
        f" LEFT JOIN catalog_node n ON n.id = a.new_id WHERE {tx.any_of('a.old_id', 1, 'bigint')}",
        tx.list_arg(sorted(ids)),
    )
    return {row[0]: AliasRow(row[0], row[1], row[2], bool(row[3])) for row in rows}


async def find_old(tx: Transaction, ids: Sequence[int]) -> dict[int, int]:
    """Numbers of the old names of these entities, each with that of its entity."""
    rows = await tx.fetch_all(
        f"SELECT old_id, new_id FROM catalog_alias WHERE {tx.any_of('new_id', 1, 'bigint')}", tx.list_arg(ids)
    )
    return {row[0]: row[1] for row in rows}


async def insert(tx: Transaction, old_id: int, new_id: int, *, reason: str, note: str, at: str, by: str) -> None:
    """Names that stood for the old one stand for the new one; the new one is no alias any more."""
    await tx.execute("DELETE FROM catalog_alias WHERE old_id = $1 OR old_id = $2", old_id, new_id)
    await tx.execute("UPDATE catalog_alias SET new_id = $2 WHERE new_id = $1", old_id, new_id)
    await tx.execute(
        "INSERT INTO catalog_alias (old_id, new_id, reason, note, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6)",
        old_id, new_id, reason, note, at, by,
    )  # fmt: skip


async def delete(tx: Transaction, old_ids: Sequence[int]) -> None:
    await tx.execute(f"DELETE FROM catalog_alias WHERE {tx.any_of('old_id', 1, 'bigint')}", tx.list_arg(old_ids))


async def list_touching(tx: Transaction, id: int) -> set[int]:
    """Entities related to this one, whichever of the two documents says so: every relation is there from both ends."""
    rows = await tx.fetch_all("SELECT DISTINCT target_id FROM catalog_relation WHERE source_id = $1", id)
    return {row[0] for row in rows}


async def list_referring(tx: Transaction, id: int) -> list[tuple[int, str, str]]:
    """(number, ref, relation) of those whose own documents name this ref."""
    rows = await tx.fetch_all(
        "SELECT x.source_id, r.ref, x.type FROM catalog_relation back JOIN catalog_relation x ON x.source_id = back.target_id"
        " AND x.target_id = back.source_id AND x.origin_id = back.origin_id JOIN catalog_ref r ON r.id = x.source_id"
        " WHERE back.source_id = $1 AND back.origin_id = back.target_id GROUP BY x.source_id, r.ref, x.type"
        " ORDER BY r.ref, x.type",
        id,
    )
    return [(row[0], row[1], row[2]) for row in rows]


# ---- what documents are told that use an old name -----------------------------------------------------------------------


def renamed_finding(old: str, new: str, reason: str, file: str | None = None) -> Finding:
    how = "was merged into" if reason == "merged" else "is now"
    return Finding(
        "warning", "relations", f"The document names {old}, which {how} {new}.", name=RENAMED, file=file,
        entity_ref=new, fix=f"Write {new} in its place. Until then the old name leads there.",
    )  # fmt: skip


async def tell_referring(tx: Transaction, old_id: int, finding: Finding, at: str) -> list[int]:
    """Put the finding on all whose documents name the old ref, where a new look at the document will take it away."""
    rows = await tx.fetch_all(
        "SELECT n.id, n.owner, n.location, max(CASE WHEN e.file_id <> 0 THEN e.file_id ELSE -1 - e.source_id END)"
        " FROM catalog_relation x JOIN catalog_node n ON n.id = x.target_id JOIN catalog_edge e ON e.child_id = n.id"
        " WHERE x.source_id = $1 AND x.origin_id = x.target_id GROUP BY n.id, n.owner, n.location",
        old_id,
    )
    if rows:
        f = finding
        await tx.insert_many(
            "catalog_finding",
            ("subject_id", "file_id", "entity_ref", "owner", "severity", "stage", "name", "message", "file", "fix", "since"),
            [
                (id, file_id, f.entity_ref, owner, f.severity, f.stage, f.name, f.message, _file(location), f.fix, at)
                for id, owner, location, file_id in rows
            ],
        )  # fmt: skip
    return [row[0] for row in rows]


async def forget_told(tx: Transaction, messages: Sequence[str]) -> None:
    await tx.execute(
        f"DELETE FROM catalog_finding WHERE name = '{RENAMED}' AND {tx.any_of('message', 1)}", tx.list_arg(messages)
    )


async def list_kept_out(tx: Transaction, old: str) -> list[str]:
    """Names of sources whose entity by that name is kept out."""
    rows = await tx.fetch_all(
        "SELECT DISTINCT s.name FROM catalog_finding f JOIN catalog_source s ON s.id = -1 - f.file_id"
        " WHERE f.stage = 'conflict' AND f.entity_ref = $1 AND f.file_id < -1",
        old,
    )
    return [row[0] for row in rows]


async def forget_kept_out(tx: Transaction, old: str) -> None:
    await tx.execute("DELETE FROM catalog_finding WHERE stage = 'conflict' AND entity_ref = $1", old)


def _file(location: str) -> str | None:
    return location.partition(":")[2] or None

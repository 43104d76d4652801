"""Rows that came from a repository, found by how its URLs begin, whatever their case."""

from __future__ import annotations

from typing import NamedTuple, Sequence

from callboard.features.catalog.store.sets import NULL_VALUE
from callboard.kernel.db.interface import Transaction

_AFTER_ALL = "\U0010ffff"


def _below(tx: Transaction, column: str, prefixes: Sequence[str], *, lower: bool) -> tuple[str, list[str]]:
    """SQL that is true where ``column`` begins with one of ``prefixes`` (lower case), as ranges of an index."""
    expression = f"lower({column})" if lower else column
    if lower and tx.dialect == "postgresql":
        expression += ' COLLATE "C"'
    parts = [f"({expression} >= ${2 * i + 1} AND {expression} < ${2 * i + 2})" for i in range(len(prefixes))]
    return f"({' OR '.join(parts)})", [bound for prefix in prefixes for bound in (prefix, prefix + _AFTER_ALL)]


class NamedFile(NamedTuple):
    """A file of a Location, as far as it is needed to know that it is due."""

    id: int
    parent_id: int
    location: str


async def list_files_below(tx: Transaction, prefixes: Sequence[str]) -> list[NamedFile]:
    """Files whose URL begins with one of ``prefixes``."""
    where, args = _below(tx, "location", [f"url:{prefix}" for prefix in prefixes], lower=True)
    # sorted here: asked for an order, SQLite walks the table in that order
    rows = await tx.fetch_all(f"SELECT id, parent_id, location FROM catalog_file WHERE {where}", *args)
    return sorted(NamedFile(*row) for row in rows)


async def list_reads_below(tx: Transaction, prefixes: Sequence[str]) -> list[tuple[int, str]]:
    """(file id, URL) of what placeholders read there."""
    where, args = _below(tx, "url", prefixes, lower=True)
    rows = await tx.fetch_all(f"SELECT file_id, url FROM catalog_read WHERE {where}", *args)
    return sorted({(row[0], row[1]) for row in rows})


async def list_locations_below(tx: Transaction, prefixes: Sequence[str]) -> list[int]:
    """Nodes of Location entities that have an absolute target there, or one too long to be a term."""
    where, args = _below(tx, "t.value", prefixes, lower=False)
    rows = await tx.fetch_all(
        "SELECT t.entity_id FROM catalog_term t"
        " WHERE t.key_id IN (SELECT id FROM catalog_key WHERE key IN ('spec.target', 'spec.targets'))"
        f" AND ({where} OR t.value = ${len(args) + 1})",
        *args,
        NULL_VALUE,
    )
    return sorted({row[0] for row in rows})


async def list_locations_in(tx: Transaction, prefixes: Sequence[str]) -> list[int]:
    """Nodes of Location entities that files there describe: their relative targets lie in the same repository."""
    where, args = _below(tx, "f.location", [f"url:{prefix}" for prefix in prefixes], lower=True)
    rows = await tx.fetch_all(
        "SELECT d.ref_id FROM catalog_term t JOIN catalog_document d ON d.ref_id = t.entity_id"
        " JOIN catalog_file f ON f.id = d.file_id"
        " WHERE t.key_id = (SELECT id FROM catalog_key WHERE key = 'kind') AND t.value = 'location'"
        f" AND {where}",
        *args,
    )
    return sorted({row[0] for row in rows})


async def list_files_reading(tx: Transaction, keys: Sequence[str]) -> list[int]:
    """Files with a placeholder that read one of ``keys`` (``url:https://…``; paths on disk are kept without ``file:``)."""
    urls = {key.partition(":")[2] if key.startswith(("url:", "file:")) else key for key in keys} | set(keys)
    rows = await tx.fetch_all(
        f"SELECT DISTINCT file_id FROM catalog_read WHERE {tx.any_of('url', 1)}", tx.list_arg(sorted(urls))
    )
    return [row[0] for row in rows]


async def list_locations_at(tx: Transaction, keys: Sequence[str], *, known: set[int]) -> list[int]:
    """Nodes of Location entities with one of ``keys`` as absolute target, apart from ``known``."""
    targets = sorted({key.partition(":")[2].lower() for key in keys})
    rows = await tx.fetch_all(
        "SELECT DISTINCT entity_id FROM catalog_term"
        " WHERE key_id IN (SELECT id FROM catalog_key WHERE key IN ('spec.target', 'spec.targets'))"
        f" AND {tx.any_of('value', 1)} ORDER BY entity_id",
        tx.list_arg(targets),
    )
    return [row[0] for row in rows if row[0] not in known]

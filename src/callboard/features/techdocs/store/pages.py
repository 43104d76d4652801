"""Pages of sites as search and lists know them."""

from __future__ import annotations

from typing import Mapping, Sequence

from callboard.kernel.db.interface import Transaction


async def list_pages(tx: Transaction, ref: str) -> dict[str, tuple[str, str]]:
    """Path to (title, revision)."""
    rows = await tx.fetch_all("SELECT path, title, revision FROM techdocs_page WHERE ref = $1", ref)
    return {row[0]: (row[1], row[2]) for row in rows}


async def count(tx: Transaction) -> int:
    return int(await tx.fetch_value("SELECT count(*) FROM techdocs_page"))


async def list_all(tx: Transaction) -> Sequence[tuple[str, str, str]]:
    """(ref, path, revision) of every page of every site, by ref."""
    rows = await tx.fetch_all("SELECT ref, path, revision FROM techdocs_page ORDER BY ref, path")
    return [(row[0], row[1], row[2]) for row in rows]


async def write_changes(
    tx: Transaction, ref: str, changed: Mapping[str, tuple[str, str]], removed: Sequence[str]
) -> None:
    """``changed`` as ``list_pages`` gives them."""
    await tx.execute_many("DELETE FROM techdocs_page WHERE ref = $1 AND path = $2", [(ref, path) for path in removed])
    await tx.execute_many(
        "INSERT INTO techdocs_page (ref, path, title, revision) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (ref, path) DO UPDATE SET title = excluded.title, revision = excluded.revision",
        [(ref, path, title, revision) for path, (title, revision) in sorted(changed.items())],
    )

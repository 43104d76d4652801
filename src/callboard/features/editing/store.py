"""All the SQL of editing."""

from __future__ import annotations

from typing import Sequence

from callboard.features.editing.domain import KeptText
from callboard.kernel.db.interface import Transaction


async def find_text(tx: Transaction, ref: str) -> KeptText | None:
    row = await tx.fetch_one("SELECT mark, text FROM editing_text WHERE ref = $1", ref)
    return None if row is None else KeptText(*row)


async def lock_text(tx: Transaction, ref: str) -> KeptText | None:
    """The same; nobody else changes it until ``tx`` ends. Before ``CatalogSources.write``, always in this order."""
    await tx.execute("UPDATE editing_text SET mark = mark WHERE ref = $1", ref)
    return await find_text(tx, ref)


async def find_texts(tx: Transaction, refs: Sequence[str]) -> dict[str, KeptText]:
    rows = await tx.fetch_all(
        f"SELECT ref, mark, text FROM editing_text WHERE {tx.any_of('ref', 1)}", tx.list_arg(sorted(refs))
    )
    return {row[0]: KeptText(row[1], row[2]) for row in rows}


async def lock_texts(tx: Transaction, refs: Sequence[str]) -> dict[str, KeptText]:
    """``lock_text`` for many, always in the same order: two that lock the same ones wait for each other, and no more."""
    if refs:
        await tx.execute_many("UPDATE editing_text SET mark = mark WHERE ref = $1", [(ref,) for ref in sorted(refs)])
    return await find_texts(tx, refs)


async def keep_text(tx: Transaction, ref: str, kept: KeptText, *, at: str, by: str) -> None:
    await tx.execute(
        "INSERT INTO editing_text (ref, mark, text, saved_at, saved_by) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (ref) DO UPDATE SET mark = excluded.mark, text = excluded.text, saved_at = excluded.saved_at,"
        " saved_by = excluded.saved_by",
        ref, kept.mark, kept.text, at, by,
    )  # fmt: skip

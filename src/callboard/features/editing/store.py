"""All the SQL of editing."""

from __future__ import annotations

from dataclasses import dataclass

from callboard.kernel.db.interface import Transaction


@dataclass(frozen=True, slots=True)
class KeptText:
    """A text as written, and the mark that the catalog gave the entity made of it."""

    mark: str
    text: str


async def find_text(tx: Transaction, ref: str) -> KeptText | None:
    row = await tx.fetch_one("SELECT mark, text FROM editing_text WHERE ref = $1", ref)
    return None if row is None else KeptText(*row)


async def lock_text(tx: Transaction, ref: str) -> KeptText | None:
    """The same; nobody else changes it until ``tx`` ends. Before ``CatalogSources.write``, always in this order."""
    await tx.execute("UPDATE editing_text SET mark = mark WHERE ref = $1", ref)
    return await find_text(tx, ref)


async def keep_text(tx: Transaction, ref: str, kept: KeptText, *, at: str, by: str) -> None:
    await tx.execute(
        "INSERT INTO editing_text (ref, mark, text, saved_at, saved_by) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (ref) DO UPDATE SET mark = excluded.mark, text = excluded.text, saved_at = excluded.saved_at,"
        " saved_by = excluded.saved_by",
        ref, kept.mark, kept.text, at, by,
    )  # fmt: skip


async def forget_text(tx: Transaction, ref: str) -> None:
    await tx.execute("DELETE FROM editing_text WHERE ref = $1", ref)

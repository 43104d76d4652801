"""``search_synonym``: what people said of pairs of words in the browser."""

from __future__ import annotations

import uuid
from typing import NamedTuple, Sequence

from callboard.features.search.store import documents, learnt
from callboard.kernel.db.interface import Transaction


class Said(NamedTuple):
    """A pair, the one that sorts first before the other. ``is_on`` False: it was learnt and does not hold."""

    one: str
    other: str
    is_on: bool
    set_by: str
    set_at: str


async def list_all(tx: Transaction) -> Sequence[Said]:
    rows = await tx.fetch_all("SELECT one, other, is_on, set_by, set_at FROM search_synonym ORDER BY one, other")
    return [Said(row[0], row[1], bool(row[2]), row[3], row[4]) for row in rows]


async def find(tx: Transaction, one: str, other: str) -> bool | None:
    """Whether the pair is on; None where nothing was said of it."""
    found = await tx.fetch_value("SELECT is_on FROM search_synonym WHERE one = $1 AND other = $2", one, other)
    return None if found is None else bool(found)


async def put(tx: Transaction, said: Said) -> None:
    await tx.execute(
        "INSERT INTO search_synonym (one, other, is_on, set_by, set_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (one, other) DO UPDATE SET is_on = excluded.is_on, set_by = excluded.set_by, set_at = excluded.set_at",
        *(said.one, said.other, int(said.is_on), said.set_by, said.set_at),
    )
    await _has_changed(tx)


async def delete(tx: Transaction, one: str, other: str) -> None:
    await tx.execute("DELETE FROM search_synonym WHERE one = $1 AND other = $2", one, other)
    await _has_changed(tx)


async def _has_changed(tx: Transaction) -> None:
    """Every replica reads it again with the next question, and answers that it kept are asked anew."""
    await learnt.has_changed(tx)
    await documents.put_revisions(tx, "", {"revision": uuid.uuid4().hex})

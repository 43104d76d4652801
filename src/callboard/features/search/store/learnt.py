"""``search_learnt``: which document teaches that two words mean the same.

Each row names its document, so that a pair is there for whoever may see one that teaches it, and goes with it.
"""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple, Sequence

from callboard.features.search.store.records import Record
from callboard.kernel.db.interface import Transaction

AT_ONCE = 500
ENOUGH = 64
"""Documents noted for one pair; what more say the same is not written down."""
MOST_ROWS = 20_000
"""Rows that count at all."""
SCOPE = "learnt"
"""In ``search_scope``, beside the revision of the index."""


class Taught(NamedTuple):
    """One document's word for a pair."""

    short: str
    long: str
    number: int
    weight: int


async def put_many(tx: Transaction, rows: Sequence[tuple[int, Record]]) -> None:
    """What these documents teach; they must not be there yet."""
    fresh = [Taught(pair.short, pair.long, number, pair.weight) for number, one in rows for pair in one.pairs]
    if not fresh:
        return
    counts: dict[tuple[str, str], int] = {}
    shorts = sorted({one.short for one in fresh})
    for at in range(0, len(shorts), AT_ONCE):
        found = await tx.fetch_all(
            f"SELECT short, long, count(*) FROM search_learnt WHERE {tx.any_of('short', 1)} GROUP BY short, long",
            tx.list_arg(shorts[at : at + AT_ONCE]),
        )
        counts |= {(row[0], row[1]): int(row[2]) for row in found}
    wanted = []
    for one in fresh:
        counts[one[:2]] = counts.get(one[:2], 0) + 1
        if counts[one[:2]] <= ENOUGH:
            wanted.append(one)
    await tx.insert_many("search_learnt", Taught._fields, wanted)
    if wanted:
        await has_changed(tx)


async def remove_many(tx: Transaction, numbers: Sequence[int]) -> None:
    gone = 0
    for at in range(0, len(numbers), AT_ONCE):
        part: Any = tx.list_arg(numbers[at : at + AT_ONCE])
        gone += await tx.execute(f"DELETE FROM search_learnt WHERE {tx.any_of('number', 1, 'bigint')}", part)
    if gone:
        await has_changed(tx)


async def clear(tx: Transaction) -> None:
    await tx.execute("DELETE FROM search_learnt")


async def revision(tx: Transaction) -> str | None:
    """Another one after each change of what is taught."""
    found: str | None = await tx.fetch_value("SELECT revision FROM search_scope WHERE type = '' AND scope = $1", SCOPE)
    return found


async def list_all(tx: Transaction) -> list[Taught]:
    rows = await tx.fetch_all(
        f"SELECT short, long, number, weight FROM search_learnt ORDER BY short, long, number LIMIT {MOST_ROWS}"
    )
    return [Taught(*row) for row in rows]


async def has_changed(tx: Transaction) -> None:
    """Have what is kept in memory read again."""
    await tx.execute(
        "INSERT INTO search_scope (type, scope, revision) VALUES ('', $1, $2)"
        " ON CONFLICT (type, scope) DO UPDATE SET revision = excluded.revision",
        SCOPE,
        uuid.uuid4().hex,
    )

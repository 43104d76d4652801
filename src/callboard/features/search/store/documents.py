"""``search_document``, ``search_scope`` and ``search_pending``."""

from __future__ import annotations

import uuid
from typing import Any, Mapping, NamedTuple, Sequence

from callboard.features.search.store import learnt
from callboard.features.search.store.records import RESOURCE_BITS, Record
from callboard.kernel.db.interface import Transaction

AT_ONCE = 500
CHANGED = "changed at"
TAKEN = ">"
"""Before the type of a pending scope that is being worked on; a type begins with a letter."""


class Standing(NamedTuple):
    """A document as it lies in the table."""

    number: int
    id: str
    scope: str
    digest: str


class Row(NamedTuple):
    """What ranking needs of a document."""

    number: int
    type: str
    parent: str
    prior: float
    forms: str


def resource_of(number: int) -> int:
    """The number of the resource a document belongs to, 0 for none."""
    return number >> RESOURCE_BITS


async def list_of_scopes(tx: Transaction, type: str, scopes: Sequence[str]) -> list[Standing]:
    found: list[Standing] = []
    for at in range(0, len(scopes), AT_ONCE):
        rows = await tx.fetch_all(
            f"SELECT number, id, scope, digest FROM search_document WHERE type = $1 AND {tx.any_of('scope', 2)}",
            type,
            tx.list_arg(scopes[at : at + AT_ONCE]),
        )
        found += [Standing(*row) for row in rows]
    return found


async def by_ids(tx: Transaction, type: str, ids: Sequence[str]) -> dict[str, Standing]:
    found: dict[str, Standing] = {}
    for at in range(0, len(ids), AT_ONCE):
        rows = await tx.fetch_all(
            f"SELECT number, id, scope, digest FROM search_document WHERE type = $1 AND {tx.any_of('id', 2)}",
            type,
            tx.list_arg(ids[at : at + AT_ONCE]),
        )
        found |= {row[1]: Standing(*row) for row in rows}
    return found


async def next_number(tx: Transaction, resource: int) -> int:
    """A number for a document of this resource (0: of none) that none has now."""
    first = resource << RESOURCE_BITS
    highest = await tx.fetch_value(
        "SELECT max(number) FROM search_document WHERE number >= $1 AND number < $2",
        first,
        (resource + 1) << RESOURCE_BITS,
    )
    return (first if highest is None else int(highest)) + 1


async def put_many(tx: Transaction, rows: Sequence[tuple[int, Record]]) -> None:
    """Insert; those with the same number must be gone."""
    await put_revisions(tx, "", {"revision": uuid.uuid4().hex})
    await tx.insert_many(
        "search_document",
        ("number", "type", "id", "scope", "parent", "digest", "prior", "forms", "payload"),
        [(n, r.type, r.id, r.scope, r.parent, r.digest, r.prior, r.forms, r.payload) for n, r in rows],
    )
    await tx.insert_many("search_name", ("name", "number"), [(name, n) for n, r in rows for name in r.names])
    await learnt.put_many(tx, rows)


async def forms_of(tx: Transaction, numbers: Sequence[int]) -> list[str]:
    found: list[str] = []
    for at in range(0, len(numbers), AT_ONCE):
        rows = await tx.fetch_all(
            f"SELECT forms FROM search_document WHERE {tx.any_of('number', 1, 'bigint')}",
            tx.list_arg(numbers[at : at + AT_ONCE]),
        )
        found += [row[0] for row in rows]
    return found


async def remove_many(tx: Transaction, numbers: Sequence[int]) -> None:
    await put_revisions(tx, "", {"revision": uuid.uuid4().hex})
    for at in range(0, len(numbers), AT_ONCE):
        part = tx.list_arg(numbers[at : at + AT_ONCE])
        await tx.execute(f"DELETE FROM search_name WHERE {tx.any_of('number', 1, 'bigint')}", part)
        await tx.execute(f"DELETE FROM search_document WHERE {tx.any_of('number', 1, 'bigint')}", part)
    await learnt.remove_many(tx, numbers)


async def rows_of(tx: Transaction, numbers: Sequence[int]) -> list[Row]:
    rows = await tx.fetch_all(
        f"SELECT number, type, parent, prior, forms FROM search_document WHERE {tx.any_of('number', 1, 'bigint')}",
        tx.list_arg(numbers),
    )
    return [Row(*row) for row in rows]


async def payloads_of(tx: Transaction, numbers: Sequence[int]) -> dict[int, bytes]:
    rows = await tx.fetch_all(
        f"SELECT number, payload FROM search_document WHERE {tx.any_of('number', 1, 'bigint')}", tx.list_arg(numbers)
    )
    return {row[0]: bytes(row[1]) for row in rows}


async def parents_of(tx: Transaction, numbers: Sequence[int]) -> dict[int, tuple[str, str]]:
    rows = await tx.fetch_all(
        f"SELECT number, type, parent FROM search_document WHERE {tx.any_of('number', 1, 'bigint')}",
        tx.list_arg(numbers),
    )
    return {row[0]: (row[1], row[2]) for row in rows}


async def has_types(tx: Transaction, types: Sequence[str]) -> bool:
    """Whether there is a document of one of these types."""
    for type in types:
        if await tx.fetch_value("SELECT 1 FROM search_document WHERE type = $1 LIMIT 1", type):
            return True
    return False


async def count(tx: Transaction) -> int:
    return int(await tx.fetch_value("SELECT count(*) FROM search_document"))


async def count_scopes(tx: Transaction) -> dict[str, int]:
    """By type, how many scopes were indexed."""
    rows = await tx.fetch_all("SELECT type, count(*) FROM search_scope WHERE type <> '' GROUP BY type")
    return {row[0]: int(row[1]) for row in rows}


async def is_pending(tx: Transaction) -> bool:
    return await tx.fetch_value("SELECT 1 FROM search_pending LIMIT 1") is not None


async def changed_at(tx: Transaction) -> str | None:
    """When something was indexed last."""
    found: str | None = await tx.fetch_value(
        "SELECT revision FROM search_scope WHERE type = '' AND scope = $1", CHANGED
    )
    return found


async def set_changed_at(tx: Transaction, at: str) -> None:
    await put_revisions(tx, "", {CHANGED: at})


async def clear(tx: Transaction) -> None:
    for table in ("document", "name", "scope", "word", "near", "learnt"):
        await tx.execute(f"DELETE FROM search_{table}")


# ---- scopes ----------------------------------------------------------------------------------------------------------


async def revisions(tx: Transaction, type: str) -> dict[str, str]:
    rows = await tx.fetch_all("SELECT scope, revision FROM search_scope WHERE type = $1", type)
    return {row[0]: row[1] for row in rows}


async def made_as(tx: Transaction) -> str | None:
    """What the index was made by and for, as it was noted; None before it was made."""
    return (await revisions(tx, "")).get("made as")


async def revision(tx: Transaction) -> str | None:
    """Another one after each change of what is indexed."""
    found: str | None = await tx.fetch_value("SELECT revision FROM search_scope WHERE type = '' AND scope = 'revision'")
    return found


async def set_made_as(tx: Transaction, made: str) -> None:
    await put_revisions(tx, "", {"made as": made})


async def put_revisions(tx: Transaction, type: str, scopes: Mapping[str, str]) -> None:
    await tx.execute_many(
        "INSERT INTO search_scope (type, scope, revision) VALUES ($1, $2, $3)"
        " ON CONFLICT (type, scope) DO UPDATE SET revision = excluded.revision",
        [(type, scope, revision) for scope, revision in scopes.items()],
    )


async def forget_scopes(tx: Transaction, type: str, scopes: Sequence[str]) -> None:
    for at in range(0, len(scopes), AT_ONCE):
        await tx.execute(
            f"DELETE FROM search_scope WHERE type = $1 AND {tx.any_of('scope', 2)}",
            type,
            tx.list_arg(scopes[at : at + AT_ONCE]),
        )


async def types_there(tx: Transaction) -> list[str]:
    return [row[0] for row in await tx.fetch_all("SELECT DISTINCT type FROM search_scope WHERE type <> ''")]


async def ask_for(tx: Transaction, type: str, scopes: Sequence[str]) -> None:
    await tx.execute_many(
        "INSERT INTO search_pending (type, scope) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        [(type, scope) for scope in scopes],
    )


async def list_pending(tx: Transaction, limit: int) -> list[tuple[str, str]]:
    rows: list[Any] = await tx.fetch_all(
        "SELECT type, scope FROM search_pending WHERE type NOT LIKE $1 ORDER BY type, scope LIMIT $2",
        f"{TAKEN}%",
        limit,
    )
    return [(row[0], row[1]) for row in rows]


async def take_pending(tx: Transaction, pending: Sequence[tuple[str, str]]) -> None:
    """Mark them as being worked on: what is asked for from now on is asked for again."""
    await tx.execute_many("DELETE FROM search_pending WHERE type = $1 AND scope = $2", pending)
    await tx.execute_many(
        "INSERT INTO search_pending (type, scope) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        [(f"{TAKEN}{type}", scope) for type, scope in pending],
    )


async def end_pending(tx: Transaction, pending: Sequence[tuple[str, str]]) -> None:
    """They are done."""
    rows = [(f"{TAKEN}{type}", scope) for type, scope in pending]
    await tx.execute_many("DELETE FROM search_pending WHERE type = $1 AND scope = $2", rows)


async def has_taken(tx: Transaction) -> bool:
    return bool(await tx.fetch_value("SELECT count(*) FROM search_pending WHERE type LIKE $1", f"{TAKEN}%"))


async def give_back(tx: Transaction) -> None:
    """What somebody took and did not end is asked for again."""
    await tx.execute(
        "INSERT INTO search_pending (type, scope) SELECT substr(type, 2), scope FROM search_pending WHERE type LIKE $1"
        " ON CONFLICT DO NOTHING",
        f"{TAKEN}%",
    )
    await tx.execute("DELETE FROM search_pending WHERE type LIKE $1", f"{TAKEN}%")

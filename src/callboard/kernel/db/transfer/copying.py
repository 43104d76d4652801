"""A source into a database: everything in one transaction, counted and compared before it is committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Sequence

from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.db.migrations import LOCK_KEY, Migrations, upgrade
from callboard.kernel.db.transfer.sources import Opened, Source, read_table
from callboard.kernel.db.transfer.tables import (
    CannotTransfer,
    Checksum,
    Shape,
    TableCopied,
    Tell,
    plain_row,
    set_counter,
    shape_of,
    tables_of,
)


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did. ``made_by`` is the release that the source was made by."""

    made_by: str
    tables: Sequence[TableCopied]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


async def copy_all(
    source: Source, target: Database, migrations: Sequence[Migrations], *, force: bool = False, tell: Tell | None = None
) -> Copied:
    """Put all of ``source`` into ``target``; tables that are not there yet are made.

    All or nothing: what fails on the way leaves the target as it was, but for empty tables. Nobody else may be using it.

    Args:
        force: Throw away what is in the target. Without it only an empty one is taken.

    Raises:
        CannotTransfer: the target is not empty, the versions differ, or what arrived is not what was sent.
    """
    async with source.open() as opened:
        await upgrade(target, migrations)
        async with target.write() as tx:
            if tx.dialect == "postgresql":
                await tx.execute("SELECT pg_advisory_xact_lock($1)", LOCK_KEY)
            else:
                await tx.execute("PRAGMA defer_foreign_keys = ON")
            await _empty(tx, migrations, force)
            return Copied(opened.contents.made_by, await _fill(tx, opened, tell))


async def _empty(tx: Transaction, migrations: Sequence[Migrations], force: bool) -> None:
    tables: list[str] = []
    filled: set[str] = set()
    for one in migrations:
        made, given = tables_of(one, tx.dialect)
        tables += made
        filled |= given
    if not force:
        for table in tables:
            if table not in filled and await tx.fetch_value(f"SELECT 1 FROM {table} LIMIT 1") is not None:
                raise CannotTransfer(
                    f"The target is not empty: {table} has rows. Take an empty one, or say --force to throw away all that is in it."
                )
    for table in reversed(tables):
        await tx.execute(f"DELETE FROM {table}")


async def _fill(tx: Transaction, opened: Opened, tell: Tell | None) -> Sequence[TableCopied]:
    contents = opened.contents
    shapes = {shape.name: await _matching(tx, shape) for shape in contents.shapes}
    sent = {shape.name: Checksum(shape.columns) for shape in contents.shapes}
    flags = {name: await _flags(tx, shape) for name, shape in shapes.items()}
    done = 0
    async for shape, rows in opened.chunks():
        plain = [plain_row(row) for row in rows]
        sent[shape.name].add(plain)
        await tx.insert_many(shape.name, shape.columns, _flagged(plain, shape, flags[shape.name]))
        done += len(rows)
        if tell is not None:
            tell(shape.name, done, contents.total)
    told = []
    for name, shape in shapes.items():
        await set_counter(tx, shape, contents.counters.get(name, 0))
        arrived = Checksum(shape.columns)
        async for rows in read_table(tx, shape):
            arrived.add(plain_row(row) for row in rows)
        if (arrived.rows, arrived.text) != (sent[name].rows, sent[name].text):
            raise CannotTransfer(
                f"{arrived.rows} rows of {name} arrived that are not the {sent[name].rows} that were sent. Nothing was stored."
            )
        told.append(TableCopied(name, arrived.rows, arrived.text))
    return told


async def _matching(tx: Transaction, shape: Shape) -> Shape:
    """The target's table of that name. Raises ``CannotTransfer`` unless it has the same columns."""
    found = await shape_of(tx, shape.name)
    if set(found.columns) != set(shape.columns):
        odd = ", ".join(sorted(set(found.columns) ^ set(shape.columns))) or "all columns"
        raise CannotTransfer(f"{shape.name} is not the same table there and here: {odd} is in one of them only.")
    return found


async def _flags(tx: Transaction, shape: Shape) -> frozenset[str]:
    """Columns that PostgreSQL keeps as booleans."""
    if tx.dialect == "sqlite":
        return frozenset()
    rows = await tx.fetch_all(
        "SELECT column_name::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1"
        " AND data_type = 'boolean'",
        shape.name,
    )
    return frozenset(row[0] for row in rows)


def _flagged(rows: list[tuple[Any, ...]], shape: Shape, flags: frozenset[str]) -> Iterable[Sequence[Any]]:
    places = {place for place, column in enumerate(shape.columns) if column in flags}
    if not places:
        return rows
    return [
        tuple(bool(value) if place in places and value is not None else value for place, value in enumerate(row))
        for row in rows
    ]

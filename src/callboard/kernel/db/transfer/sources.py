"""Databases as sources of a copy: every table in one consistent state, chunk by chunk."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Protocol, Sequence

from callboard import __version__
from callboard.kernel.db.interface import Database, Row, Transaction
from callboard.kernel.db.migrations import Migrations
from callboard.kernel.db.transfer.tables import (
    CannotTransfer,
    Contents,
    Shape,
    chunk_of,
    counter_of,
    shape_of,
    tables_of,
    versions_in,
)
from callboard.kernel.errors import UnavailableError

Chunk = tuple[Shape, Sequence[Row]]


class Opened(Protocol):
    """A source while it is read: what is in it, and its rows, table by table in the order of ``contents.shapes``."""

    contents: Contents

    def chunks(self) -> AsyncIterator[Chunk]: ...


class Source(Protocol):
    """Something that holds a whole database. Opening raises ``UnavailableError`` or ``CannotTransfer``."""

    def open(self) -> AbstractAsyncContextManager[Opened]: ...


class OpenedTransaction:
    """The tables of a database as one transaction sees them."""

    def __init__(self, tx: Transaction, contents: Contents) -> None:
        self._tx = tx
        self.contents = contents

    async def chunks(self) -> AsyncIterator[Chunk]:
        for shape in self.contents.shapes:
            async for rows in read_table(self._tx, shape):
                yield shape, rows


async def read_table(tx: Transaction, shape: Shape) -> AsyncIterator[Sequence[Row]]:
    """All rows, in no order; a chunk is at most some megabytes, or one row."""
    chunk = await chunk_of(tx, shape)
    async with tx.stream(f"SELECT {', '.join(shape.columns)} FROM {shape.name}", chunk=chunk) as chunks:
        async for rows in chunks:
            yield rows


async def describe(tx: Transaction, migrations: Sequence[Migrations], without: Sequence[str] = ()) -> Contents:
    """What the tables of ``migrations`` hold. ``without`` are names whose tables are left out on purpose.

    Raises ``CannotTransfer`` for tables that nobody here knows, or that are not at the version of this release.
    """
    versions = await versions_in(tx)
    if not versions:
        raise CannotTransfer("There are no tables of Callboard in it.")
    known = {one.name: one for one in migrations}
    strange = sorted(versions.keys() - known.keys() - set(without))
    if strange:
        raise CannotTransfer(
            f"It holds tables of {', '.join(strange)}, which is not installed or switched off here. Install it, name the settings"
            f" that switch it on with --config, or leave them behind with --without {strange[0]}."
        )
    shapes: list[Shape] = []
    kept = {}
    for name, one in known.items():
        if name in without or name not in versions:
            continue
        kept[name] = versions[name]
        require_newest(one, versions[name])
        shapes += [await shape_of(tx, table) for table in tables_of(one, tx.dialect)[0]]
    rows = {shape.name: int(await tx.fetch_value(f"SELECT count(*) FROM {shape.name}")) for shape in shapes}
    counters = {shape.name: await counter_of(tx, shape) for shape in shapes}
    return Contents(__version__, kept, shapes, rows, {name: number for name, number in counters.items() if number})


def require_newest(migrations: Migrations, version: str, made_by: str = "") -> None:
    """Raise ``CannotTransfer`` unless ``version`` is that of this release."""
    known = migrations.versions()
    if version == known[-1]:
        return
    if version in known:
        first = (
            f"It was made by Callboard {made_by}: restore it with that"
            if made_by
            else "Run `callboard db upgrade` on it"
        )
        raise CannotTransfer(
            f"The tables of {migrations.name!r} in it are at version {version!r}, older than this release ({known[-1]!r})."
            f" {first} first{', then upgrade' if made_by else ''}."
        )
    raise CannotTransfer(
        f"The tables of {migrations.name!r} in it are at version {version!r}, which this release does not know"
        f" (its newest is {known[-1]!r}). Use the release that made them{f', {made_by}' if made_by else ''}, or a later one."
    )


class DatabaseSource:
    """A database that is open, in use or not."""

    def __init__(self, db: Database, migrations: Sequence[Migrations], *, without: Sequence[str] = ()) -> None:
        self._db = db
        self._migrations = migrations
        self._without = without

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Opened]:
        async with self._db.read() as tx:
            yield OpenedTransaction(tx, await describe(tx, self._migrations, self._without))


class SqliteSource:
    """A SQLite file that is only read: the database of a portal, running or not, or a backup of it."""

    def __init__(self, path: Path, migrations: Sequence[Migrations], *, without: Sequence[str] = ()) -> None:
        self._path = path
        self._migrations = migrations
        self._without = without

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Opened]:
        tx = _ReadOnly(self._path)
        try:
            yield OpenedTransaction(tx, await describe(tx, self._migrations, self._without))
        finally:
            tx.close()


class _ReadOnly:
    """As much of a ``Transaction`` as reading takes, over a file that is never written: no log, no change of its mode."""

    dialect: Any = "sqlite"

    def __init__(self, path: Path) -> None:
        import apsw

        try:
            self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            self._connection.set_busy_timeout(5000)
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        except apsw.Error as error:
            raise UnavailableError(f"{path} cannot be read as a database: {error}.") from error

    def close(self) -> None:
        self._connection.close(True)

    async def fetch_all(self, sql: str, *args: Any) -> list[Row]:
        return list(self._connection.execute(sql.replace("$", "?"), args))

    async def fetch_one(self, sql: str, *args: Any) -> Row | None:
        return next(iter(await self.fetch_all(sql, *args)), None)

    async def fetch_value(self, sql: str, *args: Any) -> Any:
        row = await self.fetch_one(sql, *args)
        return None if row is None else row[0]

    @asynccontextmanager
    async def stream(self, sql: str, *args: Any, chunk: int = 500) -> AsyncIterator[AsyncIterator[list[Row]]]:
        cursor = self._connection.cursor()
        cursor.execute(sql, args)

        async def chunks() -> AsyncIterator[list[Row]]:
            rows: list[Row] = []
            for row in cursor:
                rows.append(row)
                if len(rows) == chunk:
                    yield rows
                    rows = []
                    await asyncio.sleep(0)
            if rows:
                yield rows

        yield chunks()
        cursor.close(True)

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"{name}: this database is only read.")

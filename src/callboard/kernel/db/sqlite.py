"""SQLite by APSW: short reads directly in the event loop, one writer, bulk writes in a thread.

A read costs a few microseconds and never suspends, so a request that only reads runs start to end in one go. Writers
queue on an asyncio lock; bulk calls run in a thread (APSW lets go of the GIL while SQLite works). The write-ahead log
is folded into the file by a thread of its own, never by the commit of somebody's request.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, AsyncIterator, Callable, Iterable, Iterator, Sequence

import apsw

from callboard.kernel.db import lists
from callboard.kernel.db.callbacks import AfterCommit
from callboard.kernel.db.interface import Dialect, Row
from callboard.kernel.db.sqlite_errors import raise_mapped
from callboard.kernel.errors import UnavailableError

INLINE_ROWS = 32
"""A bulk write of at most that many rows is quicker inline than a hop to the thread (about 60 µs)."""

ROWS_AT_ONCE = 50
"""Rows of a bulk insert in one statement. Twice as many gain nothing more."""

PAGE_BYTES = 8192
"""Of a new file. Half as many pages to write as with SQLite's own 4,096, for a bulk load a twentieth of its time."""

CHECKPOINT_PAGES = 4000
"""Length of the write-ahead log, in pages, from which it is folded into the file."""

_PARAMETER = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\d+)""")
_MAX_TRANSLATIONS = 4096


class SqliteDatabase:
    """One file. Implements ``kernel.db.interface.Database``. Made by ``open``.

    ``path`` is the file. ``busy_timeout_s`` is how long a write waits for another process before ``UnavailableError``.
    """

    dialect: Dialect = "sqlite"

    def __init__(
        self, path: Path, *, max_readers: int, busy_timeout_s: float, mmap_bytes: int, temporary: Path | None
    ) -> None:
        self.path = path
        self.busy_timeout_s = busy_timeout_s
        self._mmap_bytes = mmap_bytes
        self._temporary = temporary
        self._closed = False
        self._translations: dict[str, str] = {}
        self._listeners: dict[str, list[Callable[[str], None]]] = {}
        self._readers_left = max_readers
        self._free: list[SqliteTransaction] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._write_lock = asyncio.Lock()
        self._writer = self._connect(apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="callboard-sqlite")
        self._wal_pages = 0
        self._checkpoint: asyncio.Future[None] | None = None

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        max_readers: int = 16,
        busy_timeout_s: float = 30.0,
        mmap_bytes: int = 64 << 20,
    ) -> SqliteDatabase:
        """Open or make the file, its folder included. ``:memory:`` is a file in a temporary folder, gone at ``close``.

        Raises ``UnavailableError`` when the file cannot be opened or is no database.
        """
        temporary = None
        if str(path) == ":memory:":
            temporary = Path(tempfile.mkdtemp(prefix="callboard-"))
            path = temporary / "callboard.sqlite3"
        path = Path(path).absolute()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return cls(
                path,
                max_readers=max_readers,
                busy_timeout_s=busy_timeout_s,
                mmap_bytes=mmap_bytes,
                temporary=temporary,
            )
        except (apsw.Error, OSError) as error:
            raise UnavailableError(f"The database {path} cannot be opened: {error}.") from error

    def _connect(self, flags: int) -> apsw.Connection:
        connection = apsw.Connection(str(self.path), flags=flags, statementcachesize=512)
        writes = bool(flags & apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(5000)  # while opening; another process may be folding its log
        if writes:
            if connection.pragma("journal_mode") != "wal":
                connection.pragma("page_size", PAGE_BYTES)
                connection.pragma("journal_mode", "wal")
            connection.pragma("foreign_keys", 1)
            connection.pragma("synchronous", "normal")
            connection.pragma("wal_autocheckpoint", 0)
            connection.set_wal_hook(self._on_wal)
            # Waiting for another process would stand in the event loop: ``write`` waits by itself instead.
            connection.set_busy_timeout(0)
        connection.pragma("cache_size", -16384 if writes else -4096)
        connection.pragma("mmap_size", self._mmap_bytes)
        connection.pragma("temp_store", "memory")
        return connection

    def _on_wal(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def translate(self, sql: str) -> str:
        """``$1`` to ``?1`` outside of quotes, remembered by text."""
        if len(self._translations) >= _MAX_TRANSLATIONS:
            self._translations.clear()
        translated = _PARAMETER.sub(lambda match: f"?{match[1]}" if match[1] else match[0], sql)
        self._translations[sql] = translated
        return translated

    def read(self, *, snapshot: bool = True) -> _ReadScope:
        return _ReadScope(self, snapshot)

    def write(self) -> _WriteScope:
        return _WriteScope(self)

    def listen(self, channel: str, callback: Callable[[str], None]) -> Callable[[], None]:
        """See ``interface.Database.listen``. Other processes on the same file are not heard."""
        callbacks = self._listeners.setdefault(channel, [])
        callbacks.append(callback)
        return lambda: callbacks.remove(callback) if callback in callbacks else None

    def _notify(self, channel: str, payload: str) -> None:
        for callback in tuple(self._listeners.get(channel, ())):
            callback(payload)

    def _take_reader(self) -> SqliteTransaction | None:
        if self._free:
            return self._free.pop()
        if self._closed:
            raise UnavailableError("The database is closed.")
        if self._readers_left > 0:
            try:
                reader = SqliteTransaction(self, self._connect(apsw.SQLITE_OPEN_READONLY))
            except apsw.Error as error:
                raise_mapped(error)
            self._readers_left -= 1
            return reader
        return None

    async def _wait_for_reader(self) -> SqliteTransaction:
        while True:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake_one()
                raise
            reader = self._take_reader()
            if reader is not None:
                return reader

    def _wake_one(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _give_reader(self, reader: SqliteTransaction) -> None:
        if self._closed:
            reader.connection.close(True)
            return
        self._free.append(reader)
        if self._waiting:
            self._wake_one()

    async def _begin_write(self) -> None:
        """BEGIN IMMEDIATE; tries again, letting the loop go on, while another process writes."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.busy_timeout_s
        pause = 0.001
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                return
            except apsw.BusyError as error:
                if loop.time() >= deadline:
                    raise UnavailableError(
                        f"Another process has been writing to {self.path} for {self.busy_timeout_s:g} s. Try again."
                    ) from error
            except apsw.Error as error:
                raise_mapped(error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.05)

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        """Run in a thread. When cancelled, break off the statement and wait for it, so that a rollback can follow."""
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self._writer.interrupt()
            while not future.done():
                try:
                    await asyncio.wait([future])
                except asyncio.CancelledError:
                    continue
            if not future.cancelled():
                future.exception()  # seen: nobody else will ask for it
            raise
        except apsw.Error as error:
            raise_mapped(error)

    def _after_write(self) -> None:
        if self._wal_pages >= CHECKPOINT_PAGES and (self._checkpoint is None or self._checkpoint.done()):
            self._checkpoint = asyncio.get_running_loop().run_in_executor(self._executor, self._fold_log)

    def _fold_log(self) -> None:
        try:
            connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
            try:
                connection.pragma("synchronous", "normal")
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            finally:
                connection.close(True)
        except apsw.Error:
            return  # tried again after the next commit: the log stays long until then, and nothing is lost

    async def close(self) -> None:
        """Wait for the writer, then close. Readers still in use close when they are given back."""
        if self._closed:
            return
        async with self._write_lock:
            self._closed = True
            if self._checkpoint is not None:
                await self._checkpoint
            for reader in self._free:
                reader.connection.close(True)
            self._free.clear()
            while self._waiting:
                self._wake_one()
            self._executor.shutdown(wait=False)
            self._writer.close(True)
            if self._temporary is not None:
                shutil.rmtree(self._temporary, ignore_errors=True)


class _ReadScope:
    __slots__ = ("_database", "_reader", "_snapshot")

    def __init__(self, database: SqliteDatabase, snapshot: bool) -> None:
        self._database = database
        self._snapshot = snapshot

    async def __aenter__(self) -> SqliteTransaction:
        reader = self._database._take_reader()
        if reader is None:
            reader = await self._database._wait_for_reader()
        self._reader = reader
        if self._snapshot:
            try:
                reader.run("BEGIN")
            except BaseException:
                self._database._give_reader(reader)
                raise
        reader.is_open = True
        return reader

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        reader = self._reader
        reader.is_open = False
        try:
            if self._snapshot:
                reader.run("COMMIT")
            else:
                reader.run("")  # lets go of a half-read statement, and with it of its snapshot
        except apsw.Error:
            if reader.connection.in_transaction:
                reader.run("ROLLBACK")
        finally:
            self._database._give_reader(reader)


class _WriteScope:
    __slots__ = ("_database", "_transaction")

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def __aenter__(self) -> SqliteTransaction:
        database = self._database
        await database._write_lock.acquire()
        try:
            if database._closed:
                raise UnavailableError("The database is closed.")
            await database._begin_write()
            self._transaction = transaction = SqliteTransaction(database, database._writer, writes=True)
            transaction.is_open = True
            return transaction
        except BaseException:
            database._write_lock.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        database, transaction = self._database, self._transaction
        transaction.is_open = False
        committed = False
        try:
            if kind is None:
                if transaction.is_heavy:
                    await database._in_thread(lambda: database._writer.execute("COMMIT"))
                else:
                    transaction.run("COMMIT")
                committed = True
        except apsw.Error as failure:
            raise_mapped(failure)
        finally:
            if database._writer.in_transaction:
                database._writer.execute("ROLLBACK")
            elif kind is None:
                committed = True  # a cancellation met a commit that was already through
            database._write_lock.release()
            if committed:
                transaction.run_callbacks()
                database._after_write()


class SqliteTransaction(AfterCommit):
    """Implements ``kernel.db.interface.Transaction`` on one connection."""

    dialect: Dialect = "sqlite"

    __slots__ = ("_database", "_translations", "connection", "is_heavy", "is_open", "run")

    def __init__(self, database: SqliteDatabase, connection: apsw.Connection, *, writes: bool = False) -> None:
        self._database = database
        self._translations = database._translations
        self._writes = writes
        self._callbacks: list[Callable[[], None]] = []
        self.connection = connection
        self.run = connection.cursor().execute
        self.is_open = False
        self.is_heavy = False

    def _prepare(self, sql: str) -> str:
        if not self.is_open:
            raise RuntimeError("The transaction has ended.")
        return self._translations.get(sql) or self._database.translate(sql)

    async def fetch_all(self, sql: str, *args: Any) -> list[Row]:
        try:
            rows: list[Row] = self.run(self._prepare(sql), args).fetchall()  # type: ignore[assignment]
            return rows
        except apsw.Error as error:
            raise_mapped(error)

    async def fetch_one(self, sql: str, *args: Any) -> Row | None:
        try:
            cursor = self.run(self._prepare(sql), args)
            row = cursor.fetchone()
            if self._writes:
                cursor.fetchall()  # a RETURNING statement takes effect once it has run to its end
            return row
        except apsw.Error as error:
            raise_mapped(error)

    async def fetch_value(self, sql: str, *args: Any) -> Any:
        row = await self.fetch_one(sql, *args)
        return None if row is None else row[0]

    async def execute(self, sql: str, *args: Any) -> int:
        connection = self.connection
        before = connection.total_changes()
        try:
            self.run(self._prepare(sql), args or None).fetchall()
        except apsw.Error as error:
            raise_mapped(error)
        # ``changes`` still tells of an earlier statement when this one was no INSERT, UPDATE or DELETE.
        return connection.changes() if connection.total_changes() != before else 0

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        batch = rows if isinstance(rows, (list, tuple)) else list(rows)
        if not batch:
            return
        statement = self._prepare(sql)
        cursor = self.connection.cursor()
        if len(batch) <= INLINE_ROWS:
            try:
                cursor.executemany(statement, batch).fetchall()
            except apsw.Error as error:
                raise_mapped(error)
        else:
            self.is_heavy = True
            await self._database._in_thread(lambda: cursor.executemany(statement, batch).fetchall())

    async def insert_many(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, same: Sequence[Any] = ()
    ) -> None:
        batch = rows if isinstance(rows, (list, tuple)) else list(rows)
        into = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "
        places = [f"?{number}" for number in range(1, len(same) + 1)] + ["?"] * (len(columns) - len(same))
        row = f"({', '.join(places)})"
        whole = len(batch) - len(batch) % ROWS_AT_ONCE if len(batch) > INLINE_ROWS else 0
        if whole:  # one statement of many rows costs two thirds of as many statements
            statement = self._prepare(into + ", ".join([row] * ROWS_AT_ONCE))
            flat = ((*same, *chain(*batch[at : at + ROWS_AT_ONCE])) for at in range(0, whole, ROWS_AT_ONCE))
            cursor = self.connection.cursor()
            self.is_heavy = True
            await self._database._in_thread(lambda: cursor.executemany(statement, flat).fetchall())
        rest = batch[whole:]
        await self.execute_many(into + row, [(*same, *one) for one in rest] if same else rest)

    def stream(self, sql: str, *args: Any, chunk: int = 500) -> _Stream:
        return _Stream(self, self._prepare(sql), args, chunk)

    def any_of(self, column: str, parameter: int, type: lists.ElementType = "text") -> str:
        return lists.any_of("sqlite", column, parameter, type)

    def each_of(self, parameter: int, type: lists.ElementType = "text") -> str:
        return lists.each_of("sqlite", parameter, type)

    def list_arg(self, values: Iterable[Any]) -> Any:
        return lists.list_arg("sqlite", values)

    async def notify(self, channel: str, payload: str = "") -> None:
        database = self._database
        self.after_commit(lambda: database._notify(channel, payload))


class _Stream:
    """Chunks of rows by a cursor of its own, so that other statements may run in between."""

    __slots__ = ("_args", "_chunk", "_cursor", "_sql", "_transaction")

    def __init__(self, transaction: SqliteTransaction, sql: str, args: tuple[Any, ...], chunk: int) -> None:
        self._transaction = transaction
        self._sql = sql
        self._args = args
        self._chunk = chunk

    async def __aenter__(self) -> AsyncIterator[list[Row]]:
        self._cursor = self._transaction.connection.cursor()
        return self._chunks()

    async def _chunks(self) -> AsyncIterator[list[Row]]:
        try:
            rows: Iterator[Row] = iter(self._cursor.execute(self._sql, self._args))
            while chunk := _take(rows, self._chunk):
                yield chunk
                await asyncio.sleep(0)  # others get their turn between chunks
        except apsw.Error as error:
            raise_mapped(error)

    async def __aexit__(self, *_: object) -> None:
        self._cursor.close(True)


def _take(rows: Iterator[Row], count: int) -> list[Row]:
    taken: list[Row] = []
    for row in rows:
        taken.append(row)
        if len(taken) == count:
            break
    return taken

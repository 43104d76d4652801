"""PostgreSQL by asyncpg, on a pool of plain connections.

A pool of our own, because asyncpg's wraps each connection in a proxy and sends a reset on every release: one more trip
per request. Connections here are handed out in a known state (no transaction open) or thrown away.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Any, AsyncIterator, Awaitable, Callable, Iterable, NoReturn, Sequence, TypeVar

import asyncpg

from callboard.kernel.db import lists
from callboard.kernel.db.callbacks import AfterCommit
from callboard.kernel.db.interface import Dialect, Row
from callboard.kernel.errors import ConflictError, InputError, UnavailableError

_Result = TypeVar("_Result")

_BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresDatabase:
    """One database. Implements ``kernel.db.interface.Database``. Made by ``open``.

    ``dsn`` is a libpq URL; it may hold a password, so it never goes into a log or an error.
    """

    dialect: Dialect = "postgresql"

    def __init__(self, dsn: str, *, max_connections: int, acquire_timeout_s: float) -> None:
        self.dsn = dsn
        self._acquire_timeout_s = acquire_timeout_s
        self._left = max_connections
        self._free: list[asyncpg.Connection] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self._listeners: dict[str, list[Callable[[str], None]]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._channels_changed = asyncio.Event()

    @classmethod
    async def open(
        cls, dsn: str, *, max_connections: int = 10, acquire_timeout_s: float = 30.0, connect_timeout_s: float = 10.0
    ) -> PostgresDatabase:
        """Connect once, so that a wrong address shows at start. Raises ``UnavailableError``."""
        database = cls(dsn, max_connections=max_connections, acquire_timeout_s=acquire_timeout_s)
        database._connect_timeout_s = connect_timeout_s
        async with database.read(snapshot=False) as transaction:
            await transaction.fetch_value("SELECT 1")
        return database

    _connect_timeout_s = 10.0

    async def _connect(self) -> asyncpg.Connection:
        try:
            return await asyncpg.connect(
                self.dsn,
                timeout=self._connect_timeout_s,
                statement_cache_size=1024,
                max_cached_statement_lifetime=0,
                server_settings={"application_name": "callboard", "jit": "off"},
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise UnavailableError(
                f"PostgreSQL cannot be reached: {reason}. Check backend.database.connection."
            ) from error

    async def _take(self) -> asyncpg.Connection:
        while True:
            if self._closed:
                raise UnavailableError("The database is closed.")
            while self._free:
                connection = self._free.pop()
                if not connection.is_closed():
                    return connection
                self._left += 1
            if self._left > 0:
                self._left -= 1
                try:
                    return await self._connect()
                except BaseException:
                    self._left += 1
                    self._wake_one()
                    raise
            await self._wait()

    async def _wait(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._acquire_timeout_s):
                await turn
        except TimeoutError as error:
            raise UnavailableError(
                f"No database connection came free within {self._acquire_timeout_s:g} s. Try again."
            ) from error
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake_one()
            raise

    def _wake_one(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _empty_pool(self) -> None:
        for connection in self._free:
            connection.terminate()
        self._left += len(self._free)
        self._free.clear()

    def _give(self, connection: asyncpg.Connection) -> None:
        if self._closed or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
            self._left += 1
        else:
            self._free.append(connection)
        self._wake_one()

    def read(self, *, snapshot: bool = True) -> _Scope:
        return _Scope(self, _BEGIN_READ if snapshot else "", writes=False)

    def write(self) -> _Scope:
        return _Scope(self, "BEGIN", writes=True)

    def listen(self, channel: str, callback: Callable[[str], None]) -> Callable[[], None]:
        """See ``interface.Database.listen``. ``channel`` is a plain identifier."""
        if not channel.isidentifier():
            raise ValueError(f"{channel!r} is no channel name: letters, digits and _ only.")
        callbacks = self._listeners.setdefault(channel, [])
        callbacks.append(callback)
        self._channels_changed.set()
        if self._listening is None:
            self._listening = asyncio.get_running_loop().create_task(self._listen(), name="postgresql listener")

        def stop() -> None:
            if callback in callbacks:
                callbacks.remove(callback)

        return stop

    async def _listen(self) -> None:
        """Keep one connection listening; whenever it begins to hear, tell the listeners to look for themselves."""
        pause = 0.5
        while True:
            connection = None
            try:
                connection = await self._connect()
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                known: set[str] = set()
                while not lost.is_set():
                    self._channels_changed.clear()
                    for channel in self._listeners.keys() - known:
                        await connection.add_listener(channel, self._on_notice)
                        known.add(channel)
                        self._call_listeners(channel, "")
                    pause = 0.5
                    changes = [asyncio.ensure_future(event.wait()) for event in (lost, self._channels_changed)]
                    try:
                        # The probe finds a server that went without a word.
                        await asyncio.wait(changes, timeout=30, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for change in changes:
                            change.cancel()
                    if not lost.is_set():
                        await connection.execute("SELECT 1", timeout=10)
            except (UnavailableError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                pass  # the requests that need the database report the outage; here it is waited for
            finally:
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10)

    def _on_notice(self, connection: Any, pid: int, channel: str, payload: str) -> None:
        self._call_listeners(channel, payload)

    def _call_listeners(self, channel: str, payload: str) -> None:
        for callback in tuple(self._listeners.get(channel, ())):
            try:
                callback(payload)
            except Exception as error:
                asyncio.get_running_loop().call_exception_handler(
                    {"message": f"A listener on {channel} failed", "exception": error}
                )

    async def close(self) -> None:
        """Close what is free; connections in use close when they are given back."""
        if self._closed:
            return
        self._closed = True
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        while self._waiting:
            self._wake_one()
        for connection in self._free:
            try:
                await connection.close(timeout=5)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                connection.terminate()
        self._free.clear()


_DIED = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,  # the server's farewell
    asyncpg.InternalClientError,  # a statement that crossed it on the way
)


class _Scope:
    __slots__ = ("_begin", "_connection", "_database", "_transaction", "_writes")

    def __init__(self, database: PostgresDatabase, begin: str, *, writes: bool) -> None:
        self._database = database
        self._begin = begin
        self._writes = writes

    async def __aenter__(self) -> PostgresTransaction:
        database = self._database
        connection = await database._take()
        if self._begin:
            try:
                try:
                    await connection.execute(self._begin)
                except _DIED:
                    # It died in the pool (a restarted server, a firewall), as the others there may have: one fresh
                    # connection, then it is an error.
                    connection.terminate()
                    database._give(connection)
                    database._empty_pool()
                    connection = await database._take()
                    await connection.execute(self._begin)
            except BaseException as error:
                connection.terminate()
                database._give(connection)
                if isinstance(error, Exception):
                    _raise_mapped(error)
                raise
        self._connection = connection
        self._transaction = PostgresTransaction(connection, writes=self._writes)
        return self._transaction

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, transaction = self._connection, self._transaction
        transaction.is_open = False
        committed = False
        try:
            if self._begin and not connection.is_closed():
                if kind is None:
                    status = await _guard(connection.execute("COMMIT"))
                    if status != "COMMIT":
                        raise UnavailableError("The transaction had failed and was rolled back. Nothing was stored.")
                    committed = self._writes
                elif isinstance(error, asyncio.CancelledError):
                    # The statement may still be under way; a dropped connection rolls back by itself.
                    connection.terminate()
                else:
                    await connection.execute("ROLLBACK")
            elif kind is None and self._begin:
                raise UnavailableError("The connection to PostgreSQL was lost; nothing was stored. Try again.")
        except BaseException as failure:
            connection.terminate()
            # Where the block itself failed, its own error tells more than the rollback that followed it.
            if kind is None or not isinstance(failure, Exception):
                raise
        finally:
            self._database._give(connection)
            if committed:
                transaction.run_callbacks()


class PostgresTransaction(AfterCommit):
    """Implements ``kernel.db.interface.Transaction`` on one connection."""

    dialect: Dialect = "postgresql"

    __slots__ = ("connection", "is_open")

    def __init__(self, connection: asyncpg.Connection, *, writes: bool) -> None:
        self.connection = connection
        self.is_open = True
        self._writes = writes
        self._callbacks: list[Callable[[], None]] = []

    def _open(self) -> asyncpg.Connection:
        if not self.is_open:
            raise RuntimeError("The transaction has ended.")
        return self.connection

    async def fetch_all(self, sql: str, *args: Any) -> list[Row]:
        return await _guard(self._open().fetch(sql, *args))

    async def fetch_one(self, sql: str, *args: Any) -> Row | None:
        if self._writes:
            # A limit of one row would stop an INSERT … RETURNING after its first row.
            rows = await _guard(self._open().fetch(sql, *args))
            return rows[0] if rows else None
        return await _guard(self._open().fetchrow(sql, *args))

    async def fetch_value(self, sql: str, *args: Any) -> Any:
        row = await self.fetch_one(sql, *args)
        return None if row is None else row[0]

    async def execute(self, sql: str, *args: Any) -> int:
        status = await _guard(self._open().execute(sql, *args))
        command, _, count = status.rpartition(" ")
        is_change = command.startswith(("INSERT", "UPDATE", "DELETE", "MERGE"))
        return int(count) if is_change and count.isdigit() else 0

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        await _guard(self._open().executemany(sql, rows))

    async def insert_many(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, same: Sequence[Any] = ()
    ) -> None:
        records = [(*same, *row) for row in rows] if same else rows
        await _guard(self._open().copy_records_to_table(table, records=records, columns=columns))

    def stream(self, sql: str, *args: Any, chunk: int = 500) -> _Stream:
        return _Stream(self._open(), sql, args, chunk)

    def any_of(self, column: str, parameter: int, type: lists.ElementType = "text") -> str:
        return lists.any_of("postgresql", column, parameter, type)

    def each_of(self, parameter: int, type: lists.ElementType = "text") -> str:
        return lists.each_of("postgresql", parameter, type)

    def list_arg(self, values: Iterable[Any]) -> Any:
        return lists.list_arg("postgresql", values)

    async def notify(self, channel: str, payload: str = "") -> None:
        await _guard(self._open().execute("SELECT pg_notify($1, $2)", channel, payload))


class _Stream:
    """Chunks of rows by a server-side cursor."""

    __slots__ = ("_args", "_chunk", "_connection", "_own", "_sql")

    def __init__(self, connection: asyncpg.Connection, sql: str, args: tuple[Any, ...], chunk: int) -> None:
        self._connection = connection
        self._sql = sql
        self._args = args
        self._chunk = chunk
        self._own = False

    async def __aenter__(self) -> AsyncIterator[list[Row]]:
        if not self._connection.is_in_transaction():  # ``read(snapshot=False)``: a cursor lives in a transaction
            await _guard(self._connection.execute(_BEGIN_READ))
            self._own = True
        return self._chunks()

    async def _chunks(self) -> AsyncIterator[list[Row]]:
        cursor = await _guard(self._connection.cursor(self._sql, *self._args))
        while rows := await _guard(cursor.fetch(self._chunk)):
            yield rows
            if len(rows) < self._chunk:
                return

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._own and not self._connection.is_closed():
            if kind is not None and issubclass(kind, asyncio.CancelledError):
                self._connection.terminate()
            else:
                await _guard(self._connection.execute("ROLLBACK"))


async def _guard(work: Awaitable[_Result]) -> _Result:
    try:
        return await work
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        _raise_mapped(error)


def _raise_mapped(error: Exception) -> NoReturn:
    """Raise the error of the tree that ``error`` amounts to; itself when it is a mistake in a statement."""
    match error:
        case asyncpg.CharacterNotInRepertoireError():
            raise InputError("A text holds a NUL character, which PostgreSQL cannot store or look for.") from error
        case asyncpg.UniqueViolationError() | asyncpg.ForeignKeyViolationError() | asyncpg.ExclusionViolationError():
            raise ConflictError(f"It clashes with what is stored already: {error}.") from error
        case asyncpg.SerializationError() | asyncpg.DeadlockDetectedError() | asyncpg.LockNotAvailableError():
            raise UnavailableError(f"Two changes stood in each other's way: {error}. Try again.") from error
        case asyncpg.DiskFullError():
            raise UnavailableError("The disk of PostgreSQL is full. Nothing stored was lost.") from error
        case asyncpg.OutdatedSchemaCacheError() | asyncpg.InvalidCachedStatementError():
            raise UnavailableError("The tables changed under way (an upgrade). Try again.") from error
        case (
            OSError()
            | asyncpg.PostgresConnectionError()
            | asyncpg.OperatorInterventionError()
            | asyncpg.InsufficientResourcesError()
        ):
            raise UnavailableError(f"PostgreSQL does not answer: {error}. Nothing stored was lost.") from error
        case asyncpg.InternalClientError():
            # Between the server's farewell and the end of the connection asyncpg takes a statement for a mix-up.
            raise UnavailableError("The connection to PostgreSQL was lost. Nothing stored was lost.") from error
        case asyncpg.InterfaceError() if "closed" in str(error):
            raise UnavailableError(f"The connection to PostgreSQL was lost: {error}.") from error
    raise error

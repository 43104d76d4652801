"""What the rest of Callboard may ask of a database; SQLite (APSW) and PostgreSQL (asyncpg) both answer it.

SQL is written once for both: numbered parameters ``$1``, ``$2`` …, ``INSERT … ON CONFLICT``, ``RETURNING``.
Times are ISO 8601 text in UTC with milliseconds (``2026-11-23T03:12:00.000Z``), flags are 0 or 1 in an integer
column, JSON that is served as it is lies in a binary column as UTF-8.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Callable, Iterable, Literal, Protocol, Sequence

Dialect = Literal["sqlite", "postgresql"]
Row = Sequence[Any]


class Transaction(Protocol):
    """An open transaction. Rows come back as sequences in the order of the columns asked for."""

    dialect: Dialect

    async def fetch_all(self, sql: str, *args: Any) -> list[Row]: ...

    async def fetch_one(self, sql: str, *args: Any) -> Row | None: ...

    async def fetch_value(self, sql: str, *args: Any) -> Any:
        """First column of the first row, or None."""

    async def execute(self, sql: str, *args: Any) -> int:
        """Run a statement; number of rows it changed."""

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None: ...

    async def insert_many(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, same: Sequence[Any] = ()
    ) -> None:
        """Plain inserts as fast as the engine can (COPY on PostgreSQL). A clash raises ``ConflictError``.

        ``same`` are the values of the first columns, where all rows have the same ones; ``rows`` then hold the others.
        """

    def stream(self, sql: str, *args: Any, chunk: int = 500) -> AbstractAsyncContextManager[Any]:
        """``async with tx.stream(sql) as chunks: async for rows in chunks`` — lists of at most ``chunk`` rows."""

    def any_of(self, column: str, parameter: int, type: Literal["text", "bigint"] = "text") -> str:
        """SQL that is true where ``column`` is among the list given as that parameter. See ``list_arg``."""

    def each_of(self, parameter: int, type: Literal["text", "bigint"] = "text") -> str:
        """A SELECT with a row for each of the list given as that parameter, to insert from. See ``list_arg``."""

    def list_arg(self, values: Iterable[Any]) -> Any:
        """``values`` in the form that ``any_of`` and ``each_of`` want as their argument."""

    async def notify(self, channel: str, payload: str = "") -> None:
        """Once committed, call those who ``listen`` on the channel, in every replica; never after a rollback.

        ``payload`` is at most 7,900 bytes (PostgreSQL's limit); equal calls in one transaction may arrive as one.
        """

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call (not awaited, on the event loop) once the transaction has committed; never if it rolls back."""


class Database(Protocol):
    """A pool. ``read`` gives a consistent snapshot; ``write`` is serialised on SQLite and retried by nobody.

    Leave a transaction as soon as a statement in it has failed: PostgreSQL runs no further one.
    """

    dialect: Dialect

    def read(self, *, snapshot: bool = True) -> AbstractAsyncContextManager[Transaction]:
        """``snapshot=False`` for a single statement: each one sees the latest state, and PostgreSQL saves two trips."""

    def write(self) -> AbstractAsyncContextManager[Transaction]: ...

    def listen(self, channel: str, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call (on the event loop) for each ``notify`` on the channel; the answer ends that.

        PostgreSQL is heard a moment later, and not during an outage; each time it begins to be heard there is one call
        with ``""``: then look for yourself.
        """

    async def close(self) -> None: ...

"""A read transaction that opens when something is first asked of it.

Most reads are answered from ``store.index`` without the database; those should not pay for a transaction. Statements
see the latest state each (no snapshot): what the index keeps must not be older than the revision it stands at.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Iterable, Self

from callboard.kernel.db import lists
from callboard.kernel.db.interface import Database, Row, Transaction


class LazyRead:
    """The reading half of ``Transaction``; ``async with LazyRead(db) as tx``."""

    __slots__ = ("_context", "_db", "_tx", "dialect")

    def __init__(self, db: Database) -> None:
        self._db = db
        self.dialect = db.dialect
        self._context: AbstractAsyncContextManager[Transaction] | None = None
        self._tx: Transaction | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._context is not None:
            context, self._context, self._tx = self._context, None, None
            await context.__aexit__(type, error, traceback)

    async def _open(self) -> Transaction:
        if self._tx is None:
            context = self._db.read(snapshot=False)
            self._tx = await context.__aenter__()
            self._context = context
        return self._tx

    async def fetch_all(self, sql: str, *args: Any) -> list[Row]:
        return await (self._tx or await self._open()).fetch_all(sql, *args)

    async def fetch_one(self, sql: str, *args: Any) -> Row | None:
        return await (self._tx or await self._open()).fetch_one(sql, *args)

    async def fetch_value(self, sql: str, *args: Any) -> Any:
        return await (self._tx or await self._open()).fetch_value(sql, *args)

    def any_of(self, column: str, parameter: int, type: lists.ElementType = "text") -> str:
        return lists.any_of(self.dialect, column, parameter, type)

    def list_arg(self, values: Iterable[Any]) -> Any:
        return lists.list_arg(self.dialect, values)

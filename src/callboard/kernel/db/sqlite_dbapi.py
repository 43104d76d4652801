"""Just enough of PEP 249 over APSW for SQLAlchemy to drive Alembic. Nothing else uses it."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Sequence

import apsw

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"
sqlite_version_info = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
sqlite_version = apsw.sqlite_lib_version()
version_info = sqlite_version_info

Error = apsw.Error
Warning = UserWarning
InterfaceError = apsw.MisuseError
DatabaseError = apsw.Error
DataError = apsw.MismatchError
OperationalError = apsw.BusyError
IntegrityError = apsw.ConstraintError
InternalError = apsw.InternalError
ProgrammingError = apsw.SQLError
NotSupportedError = apsw.NoLFSError

PARSE_DECLTYPES = 1
PARSE_COLNAMES = 2
Binary = bytes


def connect(path: str, *, busy_timeout_s: float) -> Connection:
    """A connection that takes the write lock at once, waiting that long for it."""
    return Connection(path, busy_timeout_s)


class Connection:
    """A connection that is always in a transaction which may write."""

    isolation_level: str | None = ""

    def __init__(self, path: str, busy_timeout_s: float) -> None:
        self._connection = apsw.Connection(path)
        self._connection.set_busy_timeout(int(busy_timeout_s * 1000))

    def _begin(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def cursor(self, *_: Any) -> Cursor:
        return Cursor(self)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        """Run one statement, or a script of several without parameters."""
        cursor = self.cursor()
        cursor.execute(sql, parameters)
        return cursor

    def commit(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self.rollback()
        self._connection.close(True)

    def create_function(self, name: str, arguments: int, function: Callable[..., Any], **_: Any) -> None:
        self._connection.create_scalar_function(name, function, arguments)


class Cursor:
    """Rows are fetched at once: upgrades read little."""

    arraysize = 1
    lastrowid: int | None = None

    def __init__(self, connection: Connection) -> None:
        self._owner = connection
        self._rows: list[Any] = []
        self.description: tuple[Any, ...] | None = None
        self.rowcount = -1

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._owner._begin()
        connection = self._owner._connection
        before = connection.total_changes()
        described: list[tuple[Any, ...]] = []
        cursor = connection.cursor()

        def trace(traced: apsw.Cursor, text: str, bindings: Any) -> bool:
            described[:] = [traced.description]
            return True

        # Afterwards APSW no longer knows the columns of a statement that gave no row.
        cursor.exec_trace = trace
        self._rows = cursor.execute(sql, tuple(parameters) or None).fetchall()
        columns = described[0] if described else ()
        self.description = tuple((column[0], None, None, None, None, None, None) for column in columns) or None
        self.rowcount = connection.changes() if connection.total_changes() != before else -1
        self.lastrowid = connection.last_insert_rowid()

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._owner._begin()
        connection = self._owner._connection
        before = connection.total_changes()
        connection.cursor().executemany(sql, rows)
        self._rows, self.description = [], None
        self.rowcount = connection.total_changes() - before

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        count = size or self.arraysize
        taken, self._rows = self._rows[:count], self._rows[count:]
        return taken

    def fetchall(self) -> list[Any]:
        taken, self._rows = self._rows, []
        return taken

    def close(self) -> None:
        self._rows = []

"""What SQLite's errors amount to."""

from __future__ import annotations

from typing import NoReturn

import apsw

from callboard.kernel.errors import ConflictError, UnavailableError

_CLASHES = frozenset(
    {
        apsw.SQLITE_CONSTRAINT_UNIQUE,
        apsw.SQLITE_CONSTRAINT_PRIMARYKEY,
        apsw.SQLITE_CONSTRAINT_ROWID,
        apsw.SQLITE_CONSTRAINT_FOREIGNKEY,
    }
)


def raise_mapped(error: apsw.Error) -> NoReturn:
    """Raise the error of the tree that ``error`` amounts to; itself when it is a mistake in a statement."""
    match error:
        case apsw.ConstraintError() if error.extendedresult in _CLASHES:  # type: ignore[attr-defined]
            raise ConflictError(f"It clashes with what is stored already: {error}.") from error
        case apsw.BusyError() | apsw.LockedError():
            raise UnavailableError(f"The database is busy: {error}. Try again.") from error
        case apsw.FullError():
            raise UnavailableError("The disk that holds the database is full. Nothing stored was lost.") from error
        case apsw.IOError() | apsw.CantOpenError() | apsw.ReadOnlyError() | apsw.ConnectionClosedError():
            raise UnavailableError(f"The database cannot be used: {error}.") from error
    raise error

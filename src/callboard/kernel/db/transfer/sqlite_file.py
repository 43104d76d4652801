"""A SQLite database into another file while it is used, by SQLite's own backup."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

from callboard.kernel.errors import UnavailableError

PAGES_AT_ONCE = 512
_MAGIC = b"SQLite format 3\0"


def is_sqlite(path: Path) -> bool:
    """Whether the file is a SQLite database. Raises ``UnavailableError`` when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror or error}.") from error


def backup_file(source: Path, target: Path, tell: Callable[[int, int], None] | None = None) -> None:
    """Copy ``source`` as of one moment; ``target`` appears when it is whole, checked, one file, for its owner's eyes alone.

    ``tell(done, total)`` hears of pages. Blocks; call it in a thread. Raises ``UnavailableError``.
    """
    import apsw

    if not source.exists():
        raise UnavailableError(f"There is no database at {source}.")
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        reader = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
        writer = apsw.Connection(str(partial))
        try:
            reader.set_busy_timeout(5000)
            # A transaction that stays open holds the moment: without it, each change by others would begin the copy anew.
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchall()
            with writer.backup("main", reader, "main") as backup:
                while not backup.done:
                    backup.step(PAGES_AT_ONCE)
                    if tell is not None:
                        tell(backup.page_count - backup.remaining, backup.page_count)
            writer.pragma("journal_mode", "delete")
            wrong = writer.pragma("quick_check")
            if wrong != "ok":
                raise UnavailableError(f"The copy of {source} is damaged, and so may the database be: {wrong}")
        finally:
            writer.close(True)
            reader.close(True)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, target)
    except apsw.Error as error:
        raise UnavailableError(f"{source} cannot be backed up: {error}.") from error
    except OSError as error:
        raise UnavailableError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)

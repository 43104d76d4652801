"""The tables of a portal, made once in a process: making them takes longer than most tests."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any, Sequence

from callboard.app import BUILTINS
from callboard.kernel.db.connection import FILE_NAME
from callboard.kernel.db.interface import Database
from callboard.kernel.plugins.loader import PluginManager
from callboard.kernel.settings import Settings


async def make_tables(db: Database) -> None:
    """Give an empty database the tables of all built-in features, as the first start of a portal does."""
    from callboard.kernel.db.migrations import upgrade

    await upgrade(db, _builtin_migrations())


@functools.cache
def _builtin_migrations() -> Sequence[Any]:
    plugins = PluginManager(Settings.of({}, has_file=False))
    plugins.load(BUILTINS, installed=False)
    return plugins.collect("register_migrations")


_store: list[bytes] = []
"""The SQLite file of a portal that has its tables and nothing else; made once in a process."""


async def lay_tables(folder: Path) -> None:
    """Where ``folder`` holds no store yet, put one there with its tables: copying the file takes a tenth of making them.

    What further plugins keep, the start adds.
    """
    file = folder / FILE_NAME
    if file.exists():
        return
    if not _store:
        from callboard.kernel.db.sqlite import SqliteDatabase

        with tempfile.TemporaryDirectory(prefix="callboard-test-") as temporary:
            made = Path(temporary, FILE_NAME)
            db = SqliteDatabase.open(made)
            try:
                await make_tables(db)
            finally:
                await db.close()
            _store.append(made.read_bytes())
    folder.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_store[0])

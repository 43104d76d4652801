"""What ``callboard db backup``, ``restore`` and ``copy`` do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, AsyncIterator, Sequence
from urllib.parse import urlsplit

from callboard.cli.output import OK, Progress, print_json, print_table
from callboard.kernel.errors import ConflictError, InputError, NotFoundError

if TYPE_CHECKING:
    from callboard.kernel.db.interface import Database
    from callboard.kernel.db.migrations import Migrations
    from callboard.kernel.db.transfer import Copied, Source
    from callboard.kernel.settings import Settings

Place = Path | str
"""The path of a SQLite file, or the URL of a PostgreSQL database."""


def settings_and_tables(config: Sequence[Path]) -> tuple[Settings, Sequence[Migrations]]:
    """The settings, and the tables of all features and plugins that they switch on; nothing is connected."""
    from callboard.app import BUILTINS
    from callboard.kernel.logs import configure_logs
    from callboard.kernel.plugins.loader import PluginManager
    from callboard.kernel.settings import Settings

    settings = Settings.load(tuple(config))
    configure_logs(level="error", secrets=settings.secrets)
    manager = PluginManager(settings)
    manager.load(BUILTINS)
    return settings, manager.collect("register_migrations")


def shown(place: Place) -> str:
    """A place without its password."""
    if isinstance(place, Path):
        return str(place)
    parts = urlsplit(place)
    return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


@asynccontextmanager
async def _open(place: Place, *, ensure_exists: bool = False) -> AsyncIterator[Database]:
    from callboard.kernel.db.postgres_target import open_database
    from callboard.kernel.db.sqlite import SqliteDatabase

    if isinstance(place, Path):
        db: Database = SqliteDatabase.open(place)
    else:
        db = await open_database(place, ensure_exists=ensure_exists, max_connections=4)
    try:
        yield db
    finally:
        await db.close()


def _require_new(file: Path, force: bool) -> None:
    if file.is_dir():
        raise InputError(f"{file} is a folder. Name the file to write.")
    if file.exists() and not force:
        raise ConflictError(f"{file} is there already. Choose another name, or say --force to write over it.")
    if not file.absolute().parent.is_dir():
        raise NotFoundError(f"The folder {file.absolute().parent} does not exist.")


# ---- backup --------------------------------------------------------------------------------------------------------------


async def run_backup(file: Path, data: Path, config: Sequence[Path], *, force: bool, as_json: bool) -> int:
    from callboard.kernel.db.connection import locate
    from callboard.kernel.db.transfer import DatabaseSource, write_archive
    from callboard.kernel.db.transfer.sqlite_file import backup_file

    settings, migrations = settings_and_tables(config)
    _require_new(file, force)
    place = locate(settings, data)
    with Progress("Backing up", quiet=as_json) as progress:
        if isinstance(place, Path):
            await asyncio.to_thread(backup_file, place, file, progress.tell)
            told: Any = {"engine": "sqlite"}
        else:
            async with _open(place) as db:
                tables = await write_archive(
                    DatabaseSource(db, migrations), file, tell=lambda _, done, total: progress.tell(done, total)
                )
            told = {"engine": "postgresql", "rows": sum(table.rows for table in tables)}
    told = {"file": str(file), "from": shown(place), "sizeBytes": file.stat().st_size, **told}
    if as_json:
        print_json(told)
    else:
        print(
            f"{told['from']} is in {file} ({told['sizeBytes']:,} bytes). It holds password hashes and keys: keep it safe."
        )
    return OK


# ---- restore and copy ----------------------------------------------------------------------------------------------------


async def run_restore(
    file: Path, data: Path, config: Sequence[Path], *, force: bool, without: Sequence[str], as_json: bool
) -> int:
    from callboard.kernel.db.connection import locate
    from callboard.kernel.db.transfer import ArchiveSource, SqliteSource, is_archive
    from callboard.kernel.db.transfer.sqlite_file import is_sqlite

    settings, migrations = settings_and_tables(config)
    if not file.is_file():
        raise NotFoundError(f"There is no file {file}.")
    if is_archive(file):
        source: Source = ArchiveSource(file, migrations, without=without)
    elif is_sqlite(file):
        source = SqliteSource(file, migrations, without=without)
    else:
        raise InputError(f"{file} is no backup: neither an archive of Callboard nor a SQLite database.")
    place = locate(settings, data)
    if isinstance(place, Path) and place.exists() and place.samefile(file):
        raise InputError(f"{file} is the database itself.")
    copied = await _copy(source, place, migrations, "Restoring", force=force, as_json=as_json)
    return _report(copied, str(file), place, as_json)


async def run_copy(
    source: Place, target: Place, config: Sequence[Path], *, force: bool, without: Sequence[str], as_json: bool
) -> int:
    from callboard.kernel.db.transfer import DatabaseSource, SqliteSource

    _, migrations = settings_and_tables(config)
    if isinstance(source, Path):
        if not source.is_file():
            raise NotFoundError(f"There is no database at {source}.")
        if isinstance(target, Path) and target.exists() and target.samefile(source):
            raise InputError("--from and --to are the same database.")
        copied = await _copy(
            SqliteSource(source, migrations, without=without),
            target,
            migrations,
            "Copying",
            force=force,
            as_json=as_json,
        )
    else:
        if source == target:
            raise InputError("--from and --to are the same database.")
        async with _open(source) as db:
            from_database = DatabaseSource(db, migrations, without=without)
            copied = await _copy(from_database, target, migrations, "Copying", force=force, as_json=as_json)
    return _report(copied, shown(source), target, as_json)


async def _copy(
    source: Source, place: Place, migrations: Sequence[Migrations], what: str, *, force: bool, as_json: bool
) -> Copied:
    from callboard.kernel.db.transfer import copy_all
    from callboard.kernel.db.transfer.in_use import require_unused_file, require_unused_server

    if isinstance(place, Path):
        require_unused_file(place)
    async with _open(place, ensure_exists=True) as db:
        if not isinstance(place, Path):
            await require_unused_server(db)
        with Progress(what, quiet=as_json) as progress:
            return await copy_all(
                source, db, migrations, force=force, tell=lambda _, done, total: progress.tell(done, total)
            )


def _report(copied: Copied, source: str, target: Place, as_json: bool) -> int:
    if as_json:
        print_json(
            {
                "from": source, "to": shown(target), "madeBy": copied.made_by, "rows": copied.rows,
                "tables": [{"name": t.name, "rows": t.rows, "checksum": t.checksum} for t in copied.tables],
            }
        )  # fmt: skip
        return OK
    print_table(
        ("table", "rows", "checksum"), [(t.name, t.rows, t.checksum[:12]) for t in copied.tables if t.rows], empty=""
    )
    print(f"{copied.rows} rows of {len(copied.tables)} tables are in {shown(target)}, counted and compared.")
    return OK

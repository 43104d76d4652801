"""Bringing the tables to the version that this code needs.

A feature's tables have a name and a package with ``versions/``: each version is ``NNNN_name.sqlite.sql``,
``NNNN_name.postgresql.sql`` and the Alembic revision ``NNNN_name.py`` that runs the one for the engine at hand. What is
applied stands in ``alembic_version_<name>``, Alembic's own table.

Tables that are not there at all are made straight from the SQL files and stamped: importing Alembic and SQLAlchemy
takes longer than everything else at the first start. Older tables are brought up by Alembic. Both run under a lock and
in one transaction, so replicas that start together do not meet, and a failed upgrade leaves the old tables.
"""

from __future__ import annotations

import asyncio
import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Sequence

from callboard.kernel.db.interface import Database, Dialect, Transaction
from callboard.kernel.errors import ConflictError

LOCK_KEY = 0x43414C4C_424F4152
"""Key of PostgreSQL's advisory lock around upgrades ("CALLBOAR")."""

_VERSION = re.compile(r"^(\d{4}_[a-z0-9_]+)\.py$")


class SchemaTooNew(ConflictError):
    """The tables were made by a later release than this code."""

    code = "database.schema_too_new"


@dataclass(frozen=True, slots=True)
class Migrations:
    """Tables of one feature or plugin.

    ``name``: letters, digits and ``_``; its version table is ``alembic_version_<name>``. ``package``: dotted name of
    the package that holds ``versions/``.
    """

    name: str
    package: str

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"{self.name!r} cannot name a version table: letters, digits and _ only.")

    @property
    def folder(self) -> Path:
        """The folder of the versions. Packages are installed unpacked."""
        return Path(importlib.import_module(self.package).__path__[0], "versions")

    @property
    def version_table(self) -> str:
        return f"alembic_version_{self.name}"

    def versions(self) -> list[str]:
        """Names of all versions, oldest first. They form one line: each follows the one before it."""
        found = sorted(match[1] for file in self.folder.iterdir() if (match := _VERSION.match(file.name)))
        if not found:
            raise FileNotFoundError(f"{self.folder} holds no versions (NNNN_name.py).")
        return found

    def sql_of(self, version: str, dialect: Dialect) -> str:
        """The SQL text of one version."""
        return (self.folder / f"{version}.{dialect}.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Pending:
    """What one feature's tables lack. ``current`` is None where there are none yet."""

    name: str
    current: str | None
    versions: tuple[str, ...]


async def check(db: Database, migrations: Iterable[Migrations]) -> list[Pending]:
    """What ``upgrade`` would apply, in order; nothing when all is up to date. Raises ``SchemaTooNew``."""
    async with db.read() as tx:
        return await _pending(tx, list(migrations))


async def upgrade(db: Database, migrations: Iterable[Migrations]) -> list[Pending]:
    """Bring all tables to their newest version, in the order given; what was applied.

    Raises ``SchemaTooNew`` when the database comes from a later release; then nothing is changed.
    """
    wanted = list(migrations)
    todo = await check(db, wanted)
    if not todo:
        return []
    if all(pending.current is None for pending in todo):
        applied = await _create(db, wanted)
        if applied is not None:
            return applied
    from callboard.kernel.db.alembic_upgrade import upgrade_with_alembic

    return await asyncio.to_thread(upgrade_with_alembic, db, wanted)


async def _create(db: Database, migrations: Sequence[Migrations]) -> list[Pending] | None:
    """Make what is absent from the SQL files; None if, once locked, something turned out to be older instead."""
    async with db.write() as tx:
        if tx.dialect == "postgresql":
            await tx.execute("SELECT pg_advisory_xact_lock($1)", LOCK_KEY)
        todo = await _pending(tx, migrations)
        if any(pending.current is not None for pending in todo):
            return None
        by_name = {one.name: one for one in migrations}
        for pending in todo:
            one = by_name[pending.name]
            for version in pending.versions:
                await tx.execute(one.sql_of(version, tx.dialect))
            # As Alembic makes it, so that Alembic takes over from here.
            await tx.execute(
                f"CREATE TABLE IF NOT EXISTS {one.version_table} (\n"
                f"\tversion_num VARCHAR(32) NOT NULL, \n"
                f"\tCONSTRAINT {one.version_table}_pkc PRIMARY KEY (version_num)\n)"
            )
            await tx.execute(f"INSERT INTO {one.version_table} (version_num) VALUES ($1)", pending.versions[-1])
        return todo


async def _pending(tx: Transaction, migrations: Sequence[Migrations]) -> list[Pending]:
    if tx.dialect == "sqlite":
        listing = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'alembic_version_%'"
    else:
        listing = (
            "SELECT tablename::text FROM pg_catalog.pg_tables"
            " WHERE schemaname = current_schema() AND tablename LIKE 'alembic_version_%'"
        )
    tables = {row[0] for row in await tx.fetch_all(listing)}
    todo = []
    for one in migrations:
        current = None
        if one.version_table in tables:
            current = await tx.fetch_value(f"SELECT version_num FROM {one.version_table}")
        steps = missing_versions(one, current)
        if steps:
            todo.append(Pending(one.name, current, tuple(steps)))
    return todo


def missing_versions(migrations: Migrations, current: str | None) -> list[str]:
    """Versions after ``current``, oldest first; all of them if it is None. Raises ``SchemaTooNew`` if it is unknown."""
    versions = migrations.versions()
    if current is None:
        return versions
    if current not in versions:
        raise SchemaTooNew(
            f"The tables of {migrations.name!r} are at version {current!r}, which this release does not know"
            f" (its newest is {versions[-1]!r}). Start the release that made them, or a later one."
        )
    return versions[versions.index(current) + 1 :]

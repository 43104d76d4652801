"""Upgrades of tables that exist, by Alembic. Imported only when there is something to upgrade: it costs a second.

PostgreSQL is driven by psycopg. SQLite is driven through the SQLite that the portal itself uses (``sqlite_dbapi``):
Python's own is older, and might not understand the tables.
"""

from __future__ import annotations

from typing import Any, Sequence

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from callboard.kernel.db.interface import Database
from callboard.kernel.db.migrations import LOCK_KEY, Migrations, Pending, missing_versions
from callboard.kernel.errors import UnavailableError


def upgrade_with_alembic(db: Database, migrations: Sequence[Migrations]) -> list[Pending]:
    """As ``migrations.upgrade``, in the calling thread, in one transaction. All of it holds or nothing."""
    engine = _engine(db)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
            applied = [_upgrade_one(connection, one) for one in migrations]
            return [pending for pending in applied if pending.versions]
    except DBAPIError as error:
        if error.connection_invalidated:
            raise UnavailableError(
                f"The database was lost during the upgrade: {error.orig}. Nothing changed."
            ) from error
        raise
    finally:
        engine.dispose()


def _engine(db: Database) -> Engine:
    if db.dialect == "sqlite":
        from callboard.kernel.db import sqlite_dbapi

        path = str(db.path)  # type: ignore[attr-defined]
        timeout_s = db.busy_timeout_s  # type: ignore[attr-defined]
        return create_engine(
            "sqlite://",
            module=sqlite_dbapi,
            creator=lambda: sqlite_dbapi.connect(path, busy_timeout_s=timeout_s),
            poolclass=NullPool,
        )
    import psycopg

    dsn = db.dsn  # type: ignore[attr-defined]
    # Autocommit is off: psycopg opens the transaction, and a script of several statements stays inside it.
    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=NullPool)


def _upgrade_one(connection: Connection, migrations: Migrations) -> Pending:
    script = ScriptDirectory(str(migrations.folder.parent), version_locations=[str(migrations.folder)])

    def steps(current: Any, context: MigrationContext) -> Any:
        return script._upgrade_revs("head", current)

    context = MigrationContext.configure(
        connection, opts={"version_table": migrations.version_table, "fn": steps, "script": script}
    )
    current = context.get_current_revision()
    missing = missing_versions(migrations, current)
    with Operations.context(context):
        context.run_migrations()
    return Pending(migrations.name, current, tuple(missing))

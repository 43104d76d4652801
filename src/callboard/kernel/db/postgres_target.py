"""Opening a PostgreSQL database that may not exist yet."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import asyncpg

from callboard.kernel.db.postgres import PostgresDatabase
from callboard.kernel.errors import UnavailableError


async def open_database(dsn: str, *, ensure_exists: bool, max_connections: int) -> PostgresDatabase:
    """Open; when the server says that there is no such database, make it first. Raises ``UnavailableError``."""
    try:
        return await PostgresDatabase.open(dsn, max_connections=max_connections)
    except UnavailableError as error:
        if not ensure_exists or not isinstance(error.__cause__, asyncpg.InvalidCatalogNameError):
            raise
    await create_database(dsn)
    return await PostgresDatabase.open(dsn, max_connections=max_connections)


async def create_database(dsn: str) -> None:
    """Make the database that ``dsn`` names, through the server's ``postgres`` database. Fine if another was quicker."""
    parts = urlsplit(dsn)
    name = unquote(parts.path.lstrip("/"))
    query = f"?{parts.query}" if parts.query else ""
    try:
        connection = await asyncpg.connect(f"postgresql://{parts.netloc}/postgres{query}", timeout=10)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UnavailableError(f"The database {name!r} is not there and cannot be made: {error}.") from error
    try:
        quoted = '"' + name.replace('"', '""') + '"'
        await connection.execute(f"CREATE DATABASE {quoted} ENCODING 'UTF8' TEMPLATE template0")
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        return
    except asyncpg.PostgresError as error:
        raise UnavailableError(f"The database {name!r} is not there and cannot be made: {error}.") from error
    finally:
        await connection.close()

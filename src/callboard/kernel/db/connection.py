"""From the settings to an open database. Engines are imported when chosen, so a laptop never loads asyncpg.

Source of the forms: Backstage ``backend.database`` ({client, connection}); knex's connection objects.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from callboard.kernel.errors import InputError

if TYPE_CHECKING:
    from callboard.kernel.db.interface import Database
    from callboard.kernel.settings import Settings

FILE_NAME = "callboard.sqlite3"
DEFAULT_DATABASE = "callboard"

_SQLITE_CLIENTS = ("better-sqlite3", "sqlite3", "sqlite")
_POSTGRES_CLIENTS = ("pg", "postgres", "postgresql")


async def connect(settings: Settings, data_dir: Path) -> Database:
    """Open what ``backend.database`` names; without it the file ``callboard.sqlite3`` in ``data_dir``.

    A PostgreSQL database that is not there yet is made, unless ``ensureExists`` is false.

    Raises:
        InputError: The setting has no form known here; ``field`` names the key.
        UnavailableError: The database cannot be opened.
    """
    section = settings.get("backend.database", None)
    client, connection = _parse_section(section)
    if client == "sqlite":
        from callboard.kernel.db.sqlite import SqliteDatabase

        return SqliteDatabase.open(parse_sqlite_path(connection, data_dir))
    from callboard.kernel.db.postgres_target import open_database

    assert isinstance(section, Mapping)
    return await open_database(
        parse_postgres_dsn(connection, data_dir),
        ensure_exists=section.get("ensureExists", True) is not False,
        max_connections=_max_connections(section),
    )


def locate(settings: Settings, data_dir: Path) -> Path | str:
    """What ``connect`` would open, without opening it: the path of a SQLite file, or the URL of a PostgreSQL database.

    Raises ``InputError`` as ``connect`` does, and for ``:memory:``, which nobody else can find.
    """
    client, connection = _parse_section(settings.get("backend.database", None))
    if client != "sqlite":
        return parse_postgres_dsn(connection, data_dir)
    path = parse_sqlite_path(connection, data_dir)
    if not isinstance(path, Path):
        raise InputError("A database in memory ends with its process.", field="backend.database.connection")
    return path


def parse_place(text: str) -> Path | str:
    """A database as people name it on a command line: a PostgreSQL URL, a data folder, or a SQLite file."""
    if _is_postgres_url(text):
        return _with_database(text, {})
    path = Path(text)
    if "://" in text:
        raise InputError(
            f"{text.partition('://')[0]}:// is no database that is known here. Use postgresql://, or a folder."
        )
    return path if path.is_file() or path.suffix in (".sqlite3", ".sqlite", ".db") else path / FILE_NAME


def _parse_section(section: Any) -> tuple[str, Any]:
    if section is None:
        return "sqlite", None
    if isinstance(section, str):
        return ("postgresql" if _is_postgres_url(section) else "sqlite"), section
    if not isinstance(section, Mapping):
        raise InputError("backend.database must be an object with client and connection.", field="backend.database")
    client, connection = section.get("client"), section.get("connection")
    if client in _SQLITE_CLIENTS or (client is None and not _is_postgres_url(connection)):
        return "sqlite", connection
    if client in _POSTGRES_CLIENTS or client is None:
        return "postgresql", connection
    raise InputError(
        f"backend.database.client {client!r} is not known. Use better-sqlite3 (a file) or pg (PostgreSQL).",
        field="backend.database.client",
    )


def _is_postgres_url(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("postgres://", "postgresql://"))


def _max_connections(section: Mapping[str, Any]) -> int:
    knex = section.get("knexConfig")
    pool = knex.get("pool") if isinstance(knex, Mapping) else None
    size = pool.get("max", 10) if isinstance(pool, Mapping) else 10
    if isinstance(size, bool) or not isinstance(size, int) or size < 2:
        raise InputError("The pool needs at least 2 connections.", field="backend.database.knexConfig.pool.max")
    return size


def parse_sqlite_path(connection: Any, data_dir: Path) -> Path | str:
    """The file that ``connection`` means: ``:memory:``, a path, ``{filename}``, ``{directory}`` or nothing."""
    match connection:
        case None:
            return data_dir / FILE_NAME
        case ":memory:" | {"filename": ":memory:"}:
            return ":memory:"
        case str() | {"filename": str()}:
            return Path(connection if isinstance(connection, str) else connection["filename"])
        case {"directory": str(directory)}:
            return Path(directory) / FILE_NAME
    raise InputError(
        "A SQLite connection is ':memory:', a file name, {directory: …} or {filename: …}.",
        field="backend.database.connection",
    )


def parse_postgres_dsn(connection: Any, data_dir: Path) -> str:
    """A libpq URL from a URL or from ``{host, port, user, password, database, ssl, connectionString}``.

    ``ssl: true`` checks the server's certificate, ``{rejectUnauthorized: false}`` does not; a ``ca`` given as text is
    written to ``data_dir``. A missing database is ``callboard``.
    """
    field = "backend.database.connection"
    if isinstance(connection, str):
        if not _is_postgres_url(connection):
            raise InputError("A PostgreSQL connection string starts with postgresql://.", field=field)
        return _with_database(connection, {})
    if connection is None:
        connection = {}
    if not isinstance(connection, Mapping):
        raise InputError("A PostgreSQL connection is a URL or {host, port, user, password, database}.", field=field)
    extra = _ssl_parameters(connection.get("ssl"), data_dir)
    url = connection.get("connectionString")
    if url is not None:
        if not _is_postgres_url(url):
            raise InputError("connectionString must start with postgresql://.", field=f"{field}.connectionString")
        return _with_database(url, extra)
    host, port = str(connection.get("host", "localhost")), connection.get("port", 5432)
    if isinstance(port, bool) or not str(port).isdigit():
        raise InputError(f"{port!r} is no port.", field=f"{field}.port")
    user, password = connection.get("user"), connection.get("password")
    account = quote(str(user), safe="") if user is not None else ""
    if password is not None:
        account += ":" + quote(str(password), safe="")
    if account:
        account += "@"
    if host.startswith("/"):  # a folder with the server's socket
        place, extra = "", {"host": host, "port": str(port), **extra}
    else:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    database = quote(str(connection.get("database") or DEFAULT_DATABASE), safe="")
    query = f"?{urlencode(extra)}" if extra else ""
    return f"postgresql://{account}{place}/{database}{query}"


def _with_database(url: str, extra: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = urlencode({**dict(parse_qsl(parts.query)), **extra})
    path = parts.path if parts.path.strip("/") else f"/{DEFAULT_DATABASE}"
    # ``urlunsplit`` drops the slashes of an empty host, which libpq needs.
    return f"postgresql://{parts.netloc}{urlunsplit(('', '', path, query, ''))}"


def _ssl_parameters(ssl: Any, data_dir: Path) -> dict[str, str]:
    if ssl is None or ssl is False:
        return {}
    if not (ssl is True or isinstance(ssl, Mapping)):
        raise InputError("ssl is true, false or {ca, rejectUnauthorized}.", field="backend.database.connection.ssl")
    options = ssl if isinstance(ssl, Mapping) else {}
    if options.get("rejectUnauthorized") is False:
        return {"sslmode": "require"}
    ca = options.get("ca")
    if ca is None:
        from ssl import get_default_verify_paths

        roots = get_default_verify_paths().cafile
        return {"sslmode": "verify-full", **({"sslrootcert": roots} if roots else {})}
    text = str(ca)
    if "BEGIN CERTIFICATE" not in text:
        return {"sslmode": "verify-full", "sslrootcert": text}
    data_dir.mkdir(parents=True, exist_ok=True)
    file = data_dir / "postgresql-ca.pem"
    file.write_text(text, encoding="utf-8")
    return {"sslmode": "verify-full", "sslrootcert": str(file)}

"""``backend.database`` in the forms that Backstage's app-config files have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from callboard.kernel.db.connection import connect, parse_postgres_dsn, parse_sqlite_path
from callboard.kernel.errors import InputError, UnavailableError
from callboard.kernel.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("connection", "file"),
    [
        (None, "data/callboard.sqlite3"),
        ("some/file.db", "some/file.db"),
        ({"filename": "some/file.db"}, "some/file.db"),
        ({"directory": "some"}, "some/callboard.sqlite3"),
        (":memory:", ":memory:"),
        ({"filename": ":memory:"}, ":memory:"),
    ],
)
def test_sqlite_connections_name_a_file(connection: Any, file: str) -> None:
    """Each of Backstage's forms, and none."""
    assert str(parse_sqlite_path(connection, Path("data"))) == file


@pytest.mark.parametrize(
    ("connection", "dsn"),
    [
        ("postgresql://ada@db/portal", "postgresql://ada@db/portal"),
        ("postgres://ada:x%2Fy@db:6432", "postgresql://ada:x%2Fy@db:6432/callboard"),
        ({}, "postgresql://localhost:5432/callboard"),
        (
            {"host": "db", "port": "6432", "user": "a da", "password": "p@ss/w:rd", "database": "portal"},
            "postgresql://a%20da:p%40ss%2Fw%3Ard@db:6432/portal",
        ),
        ({"host": "::1"}, "postgresql://[::1]:5432/callboard"),
        ({"host": "/run/pg", "user": "ada"}, "postgresql://ada@/callboard?host=%2Frun%2Fpg&port=5432"),
        (
            {"connectionString": "postgresql://db/portal?application_name=x", "ssl": {"rejectUnauthorized": False}},
            "postgresql://db/portal?application_name=x&sslmode=require",
        ),
    ],
)
def test_postgres_connections_become_a_url(connection: Any, dsn: str, tmp_path: Path) -> None:
    """With every part quoted as a URL needs it."""
    assert parse_postgres_dsn(connection, tmp_path) == dsn


def test_a_certificate_authority_given_as_text_is_written_to_the_data_folder(tmp_path: Path) -> None:
    """Both drivers want it as a file; the server's name is checked too."""
    ca = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
    query = parse_qs(urlsplit(parse_postgres_dsn({"ssl": {"ca": ca}}, tmp_path)).query)
    assert query["sslmode"] == ["verify-full"]
    assert Path(query["sslrootcert"][0]).read_text() == ca


def test_plain_ssl_checks_the_certificate(tmp_path: Path) -> None:
    """``ssl: true`` is not merely encryption."""
    assert "sslmode=verify-full" in parse_postgres_dsn({"ssl": True}, tmp_path)


@pytest.mark.parametrize(
    ("database", "field"),
    [
        ("mysql", None),
        ({"client": "mysql", "connection": {}}, "backend.database.client"),
        ({"client": "pg", "connection": "mysql://x"}, "backend.database.connection"),
        ({"client": "pg", "connection": {"port": "x"}}, "backend.database.connection.port"),
        ({"client": "pg", "connection": {"ssl": "yes"}}, "backend.database.connection.ssl"),
        ({"client": "pg", "knexConfig": {"pool": {"max": 1}}}, "backend.database.knexConfig.pool.max"),
        ({"client": "better-sqlite3", "connection": {"host": "x"}}, "backend.database.connection"),
        ([], "backend.database"),
    ],
)
async def test_what_cannot_be_used_is_refused_by_key(
    database: Any, field: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the key that is wrong. A bare word is a file name, not an error."""
    monkeypatch.chdir(tmp_path)
    settings = Settings.of({"backend": {"database": database}})
    if field is None:
        db = await connect(settings, tmp_path)
        assert (tmp_path / "mysql").exists()
        await db.close()
        return
    with pytest.raises(InputError) as caught:
        await connect(settings, tmp_path)
    assert caught.value.field == field


async def test_without_settings_the_file_lies_in_the_data_folder(tmp_path: Path) -> None:
    """The folder is made."""
    db = await connect(Settings.of({}), tmp_path / "new" / "data")
    assert (tmp_path / "new" / "data" / "callboard.sqlite3").is_file()
    await db.close()


@pytest.mark.postgres
async def test_a_database_that_is_not_there_is_made(postgres_dsn: str, tmp_path: Path) -> None:
    """Unless ``ensureExists`` is false; then it is an error."""
    url = urlsplit(postgres_dsn)
    connection = {"host": parse_qs(url.query)["host"][0], "user": "postgres", "database": "Fresh one"}
    backend: dict[str, Any] = {"database": {"client": "pg", "connection": connection, "ensureExists": False}}
    with pytest.raises(UnavailableError, match="Fresh one"):
        await connect(Settings.of({"backend": backend}), tmp_path)
    backend["database"]["ensureExists"] = True
    for _ in range(2):
        db = await connect(Settings.of({"backend": backend}), tmp_path)
        async with db.read() as tx:
            assert await tx.fetch_value("SELECT current_database()::text") == "Fresh one"
        await db.close()


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """With a hint at the setting, and without the password."""
    connection = {"host": "127.0.0.1", "port": 1, "password": "hunter2"}
    settings = Settings.of({"backend": {"database": {"client": "pg", "connection": connection}}})
    with pytest.raises(UnavailableError, match=r"backend\.database\.connection") as caught:
        await connect(settings, tmp_path)
    assert "hunter2" not in str(caught.value)

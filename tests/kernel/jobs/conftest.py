"""Workers that stop with the test, and a second replica."""

from __future__ import annotations

from typing import Any, AsyncIterator, Callable

import pytest

from callboard.kernel.db.interface import Database
from callboard.kernel.db.migrations import upgrade
from callboard.kernel.jobs import Jobs
from callboard.kernel.migrations import MIGRATIONS


@pytest.fixture
async def second_db(postgres_db: Any) -> AsyncIterator[Database]:
    """Another pool on the database of ``postgres_db``, as another replica has it."""
    from callboard.kernel.db.postgres import PostgresDatabase

    await upgrade(postgres_db, [MIGRATIONS])
    other = await PostgresDatabase.open(postgres_db.dsn)
    yield other
    await other.close()


@pytest.fixture
async def started() -> AsyncIterator[Callable[[Jobs], Any]]:
    """Starts jobs, and stops them after the test."""
    running: list[Jobs] = []

    async def start(jobs: Jobs) -> Jobs:
        running.append(jobs)
        await jobs.start()
        return jobs

    yield start
    for jobs in running:
        await jobs.stop(grace_s=0.1)

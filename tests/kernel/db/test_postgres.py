"""What only PostgreSQL does: connections that break, and changes that stand in each other's way."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from callboard.kernel.db.postgres import PostgresDatabase
from callboard.kernel.errors import UnavailableError

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


async def disconnect_all(dsn: str) -> None:
    """What a restart of the server does to the connections of the test database."""
    admin = await asyncpg.connect(dsn)
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'callboard_test'")
    await admin.close()


async def test_connections_that_broke_while_idle_are_replaced(postgres_db: PostgresDatabase, postgres_dsn: str) -> None:
    """The next transaction after a restart works."""
    async with postgres_db.read() as tx:
        await tx.fetch_value("SELECT 1")
    await disconnect_all(postgres_dsn)
    async with postgres_db.read() as tx:
        assert await tx.fetch_value("SELECT 1") == 1


async def test_a_connection_that_breaks_in_use_is_an_outage(postgres_db: PostgresDatabase, postgres_dsn: str) -> None:
    """The transaction fails as unavailable, nothing is stored, the next one works."""
    async with postgres_db.write() as tx:
        await tx.execute("CREATE TABLE item (id TEXT)")
    with pytest.raises(UnavailableError):
        async with postgres_db.write() as tx:
            await tx.execute("INSERT INTO item VALUES ('a')")
            await disconnect_all(postgres_dsn)
            await asyncio.sleep(0.05)
            await tx.fetch_value("SELECT 1")
    with pytest.raises(UnavailableError):
        async with postgres_db.write() as tx:
            await tx.execute("INSERT INTO item VALUES ('a')")
            await disconnect_all(postgres_dsn)
    async with postgres_db.read() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM item") == 0


async def test_listeners_are_told_after_an_outage(postgres_db: PostgresDatabase, postgres_dsn: str) -> None:
    """Notices were lost meanwhile, so one call without payload says: look for yourself. Then notices flow again."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    postgres_db.listen("news", heard.put_nowait)

    async def heard_within(payload: str) -> None:
        async with asyncio.timeout(10):
            while True:
                async with postgres_db.write() as tx:
                    await tx.notify("news", payload)
                await asyncio.sleep(0.02)
                while not heard.empty():
                    if heard.get_nowait() == payload:
                        return

    await heard_within("before")
    await disconnect_all(postgres_dsn)
    async with asyncio.timeout(10):
        while await heard.get() != "":
            continue
    await heard_within("after")


async def test_a_deadlock_is_worth_another_try(postgres_db: PostgresDatabase) -> None:
    """One of the two gets through, the other is unavailable (not a conflict: nothing is there that clashes)."""
    async with postgres_db.write() as tx:
        await tx.execute(
            "CREATE TABLE item (id TEXT PRIMARY KEY, n BIGINT); INSERT INTO item VALUES ('a', 0), ('b', 0)"
        )
    first_locks = asyncio.Barrier(2)

    async def update(*ids: str) -> None:
        async with postgres_db.write() as tx:
            await tx.execute("SET LOCAL deadlock_timeout = '50ms'")
            await tx.execute("UPDATE item SET n = n + 1 WHERE id = $1", ids[0])
            await first_locks.wait()
            await tx.execute("UPDATE item SET n = n + 1 WHERE id = $1", ids[1])

    outcomes: list[Any] = await asyncio.gather(update("a", "b"), update("b", "a"), return_exceptions=True)
    assert sorted(type(outcome) for outcome in outcomes if outcome is not None) == [UnavailableError]


async def test_a_swallowed_failure_is_not_taken_for_a_commit(postgres_db: PostgresDatabase) -> None:
    """PostgreSQL answers COMMIT of a failed transaction with ROLLBACK; that must not look like success."""
    async with postgres_db.write() as tx:
        await tx.execute("CREATE TABLE item (id TEXT)")
    called: list[bool] = []
    with pytest.raises(UnavailableError, match="Nothing was stored"):
        async with postgres_db.write() as tx:
            await tx.execute("INSERT INTO item VALUES ('a')")
            tx.after_commit(lambda: called.append(True))
            with pytest.raises(asyncpg.UndefinedTableError):
                await tx.execute("SELECT * FROM nowhere")
    assert called == []


async def test_a_pool_in_use_is_waited_for_and_then_an_outage(postgres_url: str) -> None:
    """Two connections, both held: the third waits for its share of time, then says so."""
    database = await PostgresDatabase.open(postgres_url, max_connections=2, acquire_timeout_s=0.1)
    async with database.read(), database.read():
        with pytest.raises(UnavailableError, match="0.1 s"):
            async with database.read():
                pytest.fail("both connections are held")
    async with database.read() as tx:
        assert await tx.fetch_value("SELECT 1") == 1
    await database.close()

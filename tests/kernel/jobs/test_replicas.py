"""Several workers on one database: what one leaves another takes up, and nothing is done twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callboard.kernel.clock import SystemClock
from callboard.kernel.db.interface import Database
from callboard.kernel.db.migrations import upgrade
from callboard.kernel.jobs import JobContext, LeaseLost
from callboard.kernel.migrations import MIGRATIONS
from callboard.testing.clock import FakeClock
from tests.kernel.jobs.working import Recorder, enqueue, make, until

pytestmark = pytest.mark.anyio


async def test_another_replica_takes_over_what_a_dead_one_held(store: Database, started: Any) -> None:
    """Once the lease has ended, not before; what the dead one still does no longer counts."""
    stopped_clock, clock = FakeClock(), FakeClock()
    entered, gate, told = asyncio.Event(), asyncio.Event(), []

    async def hang(context: JobContext) -> None:
        entered.set()
        await gate.wait()
        try:
            await context.heartbeat()
        except LeaseLost:
            told.append("lost")
            raise

    dying = await started(make(store, stopped_clock, hang, lease_s=60))  # its clock stands: it renews nothing
    await enqueue(store, dying, payload={"n": 1})
    await asyncio.wait_for(entered.wait(), 5)

    heir = make(store, clock, work := Recorder(), lease_s=60)
    clock.advance(60)
    assert await heir.run_due() == 0
    clock.advance(0.001)
    assert await heir.run_due() == 1
    assert (work.ran, work.attempts) == ([1], [2])
    gate.set()
    await until(lambda: told == ["lost"])
    assert await heir.count_jobs() == {}


async def test_a_living_replica_keeps_its_job_beyond_the_lease(store: Database, started: Any) -> None:
    """It renews by itself while the handler runs: hours of work with a lease of a minute."""
    clock, entered, gate = FakeClock(), asyncio.Event(), asyncio.Event()

    async def slow(context: JobContext) -> None:
        entered.set()
        await gate.wait()

    jobs = await started(make(store, clock, slow, lease_s=60, timeout_s=10 * 3600))
    await enqueue(store, jobs)
    await asyncio.wait_for(entered.wait(), 5)
    other = make(store, clock, work := Recorder(), lease_s=60)
    for _ in range(20):
        await until(lambda: clock.sleepers >= 2)
        clock.advance(20)
        await asyncio.sleep(0.02)
        assert await other.run_due() == 0
    gate.set()
    async with asyncio.timeout(5):
        while await jobs.count_jobs():
            await asyncio.sleep(0.01)
    assert work.ran == []


async def test_a_job_that_kills_its_replicas_dies(store: Database, clock: FakeClock) -> None:
    """Taken over as often as it has attempts, then given up instead of killing the next one."""
    lived: list[int] = []

    async def crash(context: JobContext) -> None:
        lived.append(context.attempt)
        raise asyncio.CancelledError  # stands for the end of the process: nothing is stored about it

    async with store.write() as tx:
        await make(store, clock, crash).enqueue(tx, "work", {})
        await tx.execute(
            "UPDATE kernel_job SET state = 'running', attempt = 2, lease_owner = 'x', lease_until = '2000'"
        )
    jobs = make(store, clock, crash, max_attempts=2)
    await jobs.run_due()
    assert lived == []
    assert [job.attempt for job in await jobs.list_jobs("dead")] == [3]


@pytest.mark.postgres
async def test_two_replicas_share_the_work_and_do_none_twice(
    postgres_db: Any, second_db: Database, started: Any
) -> None:
    """Three hundred jobs, keyed and unkeyed, on two pools at once."""
    ran: dict[str, list[int]] = {"a": [], "b": []}
    replicas = []
    for name, database in (("a", postgres_db), ("b", second_db)):

        async def work(context: JobContext, name: str = name) -> None:
            ran[name].append(context.payload["n"])
            await asyncio.sleep(0.001)

        replicas.append(make(database, SystemClock(), work, concurrency=4))
    for jobs in replicas:
        await started(jobs)
    async with postgres_db.write() as tx:
        await replicas[0].enqueue_many(tx, "work", [(f"k{n}" if n % 2 else None, {"n": n}) for n in range(300)])
    await until(lambda: len(ran["a"]) + len(ran["b"]) >= 300)
    await asyncio.sleep(0.05)
    assert sorted(ran["a"] + ran["b"]) == list(range(300))
    assert min(len(ran["a"]), len(ran["b"])) > 20


@pytest.mark.postgres
async def test_a_job_from_another_replica_is_seen_without_polling(
    postgres_db: Any, second_db: Database, started: Any
) -> None:
    """Enqueued over one pool, run by a worker on the other whose clock stands still: the notice woke it."""
    await started(make(second_db, FakeClock(), work := Recorder()))
    sender = make(postgres_db, FakeClock(), Recorder())
    await asyncio.sleep(0.3)  # its listening connection opens
    await enqueue(postgres_db, sender, payload={"n": 1})
    await until(lambda: work.ran == [1], within_s=2)


async def test_workers_survive_an_outage_of_the_database(sqlite_db: Any, started: Any) -> None:
    """While the tables cannot be read the worker tries again and again, and works when they can."""
    clock = FakeClock()
    jobs = make(sqlite_db, clock, work := Recorder())
    await started(jobs)  # there are no tables yet
    await until(lambda: clock.sleepers >= 1)
    await upgrade(sqlite_db, [MIGRATIONS])
    await enqueue(sqlite_db, jobs, payload={"n": 1})
    await until(lambda: work.ran == [1])

"""What work is promised: it runs once it is committed, again when it fails, and never twice at the same time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from callboard.kernel.clock import SystemClock
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import ConflictError, NotFoundError
from callboard.kernel.jobs import JobContext, JobFailed, JobKind, RetryLater
from callboard.testing.clock import FakeClock
from tests.kernel.jobs.working import Recorder, enqueue, make, until

pytestmark = pytest.mark.anyio


async def test_a_job_runs_with_its_payload_and_is_gone(store: Database, clock: FakeClock) -> None:
    """Once; a second look finds nothing."""
    work = Recorder()
    jobs = make(store, clock, work)
    await enqueue(store, jobs, payload={"n": "Größe"})
    assert await jobs.run_due() == 1
    assert await jobs.run_due() == 0
    assert work.ran == ["Größe"]
    assert await jobs.count_jobs() == {}


async def test_a_rolled_back_job_never_runs(store: Database, clock: FakeClock) -> None:
    """It belongs to the transaction that asked for it."""
    jobs = make(store, clock, work := Recorder())
    with pytest.raises(LookupError):
        async with store.write() as tx:
            await jobs.enqueue(tx, "work", {})
            raise LookupError
    assert await jobs.run_due() == 0
    assert work.ran == []


async def test_an_unknown_kind_is_refused(store: Database, clock: FakeClock) -> None:
    """At once, not when it should run."""
    jobs = make(store, clock, Recorder())
    with pytest.raises(ValueError, match="wrok"):
        await enqueue(store, jobs, "wrok")


async def test_the_urgent_goes_first_then_the_older(store: Database, clock: FakeClock) -> None:
    """By priority, then by the time it was due, then in the order it came."""
    jobs = make(store, clock, work := Recorder())
    later = clock.now() - timedelta(seconds=1)
    for n, priority, run_at in ((1, 0, None), (2, 0, None), (3, 0, later), (4, 9, None)):
        await enqueue(store, jobs, payload={"n": n}, priority=priority, run_at=run_at)
    await jobs.run_due()
    assert work.ran == [4, 3, 1, 2]


async def test_a_job_waits_for_its_time(store: Database, clock: FakeClock) -> None:
    """To the millisecond, and not before."""
    jobs = make(store, clock, work := Recorder())
    await enqueue(store, jobs, run_at=clock.now() + timedelta(hours=1))
    clock.advance(3599.999)
    assert await jobs.run_due() == 0
    clock.advance(0.001)
    assert await jobs.run_due() == 1
    assert len(work.ran) == 1


async def test_waiting_jobs_with_one_key_are_one(store: Database, clock: FakeClock) -> None:
    """The newer payload, the higher priority, the earlier time; without a key, or of another kind, they stay apart."""
    jobs = make(store, clock, work := Recorder())
    jobs.register_kinds([JobKind("other", other := Recorder())])
    soon, late = clock.now() + timedelta(seconds=10), clock.now() + timedelta(hours=1)
    first = await enqueue(store, jobs, payload={"n": 1}, key="a", run_at=late)
    assert await enqueue(store, jobs, payload={"n": 2}, key="a", run_at=soon, priority=5) == first
    assert await enqueue(store, jobs, payload={"n": 3}, key="a", run_at=late, priority=1) == first
    [info] = await jobs.list_jobs("waiting")
    assert (info.run_at, info.priority, info.payload) == (soon, 5, {"n": 3})
    await enqueue(store, jobs, "other", payload={"n": 4}, key="a")
    await enqueue(store, jobs, payload={"n": 5})
    await enqueue(store, jobs, payload={"n": 5})
    clock.advance(3600)
    await jobs.run_due()
    assert (sorted(work.ran), other.ran) == ([3, 5, 5], [4])


async def test_jobs_in_bulk_merge_by_key_too(store: Database, clock: FakeClock) -> None:
    """Among themselves and with what waits already."""
    jobs = make(store, clock, work := Recorder())
    await enqueue(store, jobs, key="k1", payload={"n": "old"})
    async with store.write() as tx:
        await jobs.enqueue_many(tx, "work", [(f"k{n % 100}", {"n": n}) for n in range(150)])
    assert await jobs.run_due() == 100
    assert sorted(work.ran) == list(range(50, 150))


async def test_a_job_asked_for_while_it_runs_follows_once(store: Database, started: Any) -> None:
    """However often it is asked for, and never beside the running one."""
    running, most, gate, entered = 0, 0, asyncio.Event(), asyncio.Event()
    ran: list[int] = []

    async def work(context: JobContext) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        entered.set()
        await gate.wait()
        ran.append(context.payload["n"])
        running -= 1

    jobs = await started(make(store, SystemClock(), work, concurrency=4))
    await enqueue(store, jobs, payload={"n": 1}, key="a")
    await asyncio.wait_for(entered.wait(), 5)
    for n in (2, 3, 4):
        await enqueue(store, jobs, payload={"n": n}, key="a")
        await asyncio.sleep(0.01)
    gate.set()
    await until(lambda: ran == [1, 4])
    await asyncio.sleep(0.05)
    assert (ran, most) == ([1, 4], 1)


async def test_a_started_worker_runs_a_new_job_without_delay(store: Database, started: Any) -> None:
    """No polling in between: the commit wakes the worker. On a clock that stands still, too."""
    jobs = await started(make(store, FakeClock(), work := Recorder()))
    await asyncio.sleep(0.05)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    await enqueue(store, jobs, payload={"n": 1})
    await until(lambda: work.ran == [1])
    assert loop.time() - begin < 1


async def test_failed_jobs_are_tried_again_after_growing_pauses(store: Database, clock: FakeClock) -> None:
    """1, 5 and 5 seconds as the kind says; a success ends it."""
    work = Recorder()
    work.failures = [ValueError("one"), ValueError("two"), ValueError("three")]
    jobs = make(store, clock, work, backoff_s=(1, 5), max_attempts=5)
    await enqueue(store, jobs)
    await jobs.run_due()
    for pause in (1, 5, 5):
        clock.advance(pause - 0.001)
        assert await jobs.run_due() == 0
        clock.advance(0.001)
        assert await jobs.run_due() == 1
    assert work.attempts == [1, 2, 3, 4]
    assert await jobs.count_jobs() == {}


async def test_a_job_that_keeps_failing_dies_and_may_be_revived(store: Database, clock: FakeClock) -> None:
    """It is kept with its error, runs no more by itself, and gets all attempts again on request."""
    work = Recorder()
    work.failures = [ValueError("first"), ValueError("last words")]
    jobs = make(store, clock, work, backoff_s=(1,), max_attempts=2)
    id = await enqueue(store, jobs, payload={"n": 7})
    await jobs.run_due()
    clock.advance(1)
    await jobs.run_due()
    clock.advance(3600)
    assert await jobs.run_due() == 0
    [dead] = await jobs.list_jobs("dead")
    assert (dead.id, dead.last_error, dead.attempt, dead.payload) == (id, "last words", 2, {"n": 7})
    await jobs.retry_dead(id)
    assert await jobs.run_due() == 1
    assert work.attempts == [1, 2, 1]
    with pytest.raises(NotFoundError):
        await jobs.retry_dead(id)


async def test_a_dead_job_with_a_waiting_successor_stays_dead(store: Database, clock: FakeClock) -> None:
    """Reviving it would make two of one key."""
    work = Recorder()
    work.failures = [JobFailed("bad")]
    jobs = make(store, clock, work)
    id = await enqueue(store, jobs, key="a")
    await jobs.run_due()
    await enqueue(store, jobs, key="a")
    with pytest.raises(ConflictError):
        await jobs.retry_dead(id)


async def test_hopeless_work_is_not_repeated(store: Database, clock: FakeClock) -> None:
    """``JobFailed`` needs no further attempt."""
    work = Recorder()
    work.failures = [JobFailed("no such host, ever")]
    jobs = make(store, clock, work)
    await enqueue(store, jobs)
    await jobs.run_due()
    assert [job.last_error for job in await jobs.list_jobs("dead")] == ["no such host, ever"]


async def test_waiting_for_a_source_costs_no_attempt(store: Database, clock: FakeClock) -> None:
    """A source that answers 429 for an hour leaves the job alive, on its first attempt."""
    work = Recorder()
    work.failures = [RetryLater(60, "rate limit") for _ in range(60)]
    jobs = make(store, clock, work, max_attempts=2)
    await enqueue(store, jobs)
    for _ in range(60):
        assert await jobs.run_due() == 1
        assert await jobs.run_due() == 0
        clock.advance(60)
    assert await jobs.run_due() == 1
    assert set(work.attempts) == {1}
    assert await jobs.count_jobs() == {}


async def test_a_failing_job_yields_to_the_one_that_waits_with_its_key(store: Database, clock: FakeClock) -> None:
    """Asked for again while it ran and failed: one job is left, the newer, on its first attempt."""
    attempts: list[tuple[Any, int]] = []

    async def work(context: JobContext) -> None:
        attempts.append((context.payload["n"], context.attempt))
        if context.payload["n"] == 1:
            await enqueue(store, jobs, payload={"n": 2}, key="a")
            raise ValueError("failed")

    jobs = make(store, clock, work)
    await enqueue(store, jobs, payload={"n": 1}, key="a")
    await jobs.run_due()
    clock.advance(3600)
    await jobs.run_due()
    assert attempts == [(1, 1), (2, 1)]
    assert await jobs.count_jobs() == {}


async def test_a_job_that_takes_too_long_is_cancelled_and_counts_as_failed(store: Database, started: Any) -> None:
    """By the clock; then it is tried again like any other failure."""
    clock = FakeClock()
    outcomes: list[str] = []

    async def work(context: JobContext) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            outcomes.append(f"cancelled {context.attempt}")
            raise

    jobs = await started(make(store, clock, work, timeout_s=10, max_attempts=1))
    await enqueue(store, jobs)
    await until(lambda: clock.sleepers >= 2)
    clock.advance(10)
    await until(lambda: outcomes == ["cancelled 1"])
    async with asyncio.timeout(5):
        while not (dead := await jobs.list_jobs("dead")):
            await asyncio.sleep(0.01)
    assert dead[0].last_error == "It took longer than 10 s."


async def test_stopping_lets_running_jobs_end(store: Database) -> None:
    """Within the grace period; the ones that waited stay waiting."""
    ran: list[int] = []
    entered = asyncio.Event()

    async def work(context: JobContext) -> None:
        entered.set()
        await asyncio.sleep(0.1)
        ran.append(context.payload["n"])

    jobs = make(store, SystemClock(), work)
    for n in (1, 2):
        await enqueue(store, jobs, payload={"n": n})
    await jobs.start()
    await asyncio.wait_for(entered.wait(), 5)
    await jobs.stop(grace_s=5)
    assert ran == [1]
    assert await jobs.count_jobs() == {("work", "waiting"): 1}


async def test_stopping_gives_back_what_takes_too_long(store: Database, clock: FakeClock) -> None:
    """Cancelled after the grace period, it waits for another replica at once and has lost no attempt."""
    entered = asyncio.Event()

    async def work(context: JobContext) -> None:
        entered.set()
        await asyncio.sleep(3600)

    jobs = make(store, clock, work)
    await enqueue(store, jobs)
    await jobs.start()
    await asyncio.wait_for(entered.wait(), 5)
    await jobs.stop(grace_s=0)
    other = make(store, clock, recorder := Recorder())
    assert await other.run_due() == 1
    assert recorder.attempts == [1]


async def test_no_more_run_at_once_than_the_kind_allows(store: Database, started: Any) -> None:
    """Three of ten at a time, and all ten in the end."""
    running, most, done = 0, 0, 0

    async def work(context: JobContext) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        done += 1

    jobs = make(store, SystemClock(), work, concurrency=3)
    for _ in range(10):
        await enqueue(store, jobs)
    await started(jobs)
    await until(lambda: done == 10)
    assert most == 3

"""What work is promised: it runs once it is committed, again when it fails, and never twice at the same time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, AsyncIterator, Callable

import pytest

from callboard.kernel.clock import SystemClock
from callboard.kernel.db.interface import Database
from callboard.kernel.db.migrations import upgrade
from callboard.kernel.errors import ConflictError, NotFoundError
from callboard.kernel.jobs import JobContext, JobFailed, JobKind, Jobs, LeaseLost, RetryLater, Schedule
from callboard.kernel.migrations import MIGRATIONS
from callboard.testing.clock import FakeClock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(db: Database) -> Database:
    """A database with the kernel's tables."""
    await upgrade(db, [MIGRATIONS])
    return db


@pytest.fixture
async def second_db(postgres_db: Any) -> AsyncIterator[Database]:
    """Another pool on the database of ``postgres_db``, as another replica has it."""
    from callboard.kernel.db.postgres import PostgresDatabase

    await upgrade(postgres_db, [MIGRATIONS])
    other = await PostgresDatabase.open(postgres_db.dsn)
    yield other
    await other.close()


class Recorder:
    """A handler that notes what it ran, and fails as often as told."""

    def __init__(self) -> None:
        self.ran: list[Any] = []
        self.attempts: list[int] = []
        self.failures: list[Exception] = []

    async def __call__(self, context: JobContext) -> None:
        self.ran.append(context.payload.get("n"))
        self.attempts.append(context.attempt)
        if self.failures:
            raise self.failures.pop(0)


async def enqueue(db: Database, jobs: Jobs, kind: str = "work", payload: Any = None, **options: Any) -> int:
    async with db.write() as tx:
        return await jobs.enqueue(tx, kind, payload or {}, **options)


def make(db: Database, clock: Any, handler: Any, **options: Any) -> Jobs:
    jobs = Jobs(db, clock)
    jobs.register_kinds([JobKind("work", handler, **options)])
    return jobs


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


async def until(condition: Callable[[], bool], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


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
        await tx.execute("UPDATE kernel_job SET state = 'running', attempt = 2, lease_owner = 'x', lease_until = '2000'")
    jobs = make(store, clock, crash, max_attempts=2)
    await jobs.run_due()
    assert lived == []
    assert [job.attempt for job in await jobs.list_jobs("dead")] == [3]


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


async def test_schedules_run_again_and_again(store: Database, clock: FakeClock) -> None:
    """First after the initial delay, then every so often; a run that was missed is made up once, not ten times."""
    jobs = make(store, clock, work := Recorder())
    minute = timedelta(minutes=1)
    jobs.register_schedules([Schedule("demo_tick", minute, "work", {"n": "tick"}, initial_delay=3 * minute)])
    await jobs.run_due()
    clock.advance(179)
    assert await jobs.run_due() == 0
    clock.advance(1)
    assert await jobs.run_due() == 1
    clock.advance(59)
    assert await jobs.run_due() == 0
    clock.advance(1)
    assert await jobs.run_due() == 1
    clock.advance(600)
    assert await jobs.run_due() == 1
    assert work.ran == ["tick"] * 3


async def test_replicas_share_a_schedule(store: Database, clock: FakeClock) -> None:
    """Of three, one runs each time; a restart keeps the times, and a shorter interval takes effect."""
    works = [Recorder() for _ in range(3)]
    replicas = [make(store, clock, work) for work in works]
    for jobs in replicas:
        jobs.register_schedules([Schedule("demo_tick", timedelta(minutes=1), "work")])
    for _ in range(5):
        await asyncio.gather(*(jobs.run_due() for jobs in replicas))
        clock.advance(60)
    assert sum(len(work.ran) for work in works) == 5

    restarted = make(store, clock, work := Recorder())
    restarted.register_schedules([Schedule("demo_tick", timedelta(seconds=10), "work")])
    await restarted.run_due()
    clock.advance(10)
    await restarted.run_due()
    assert len(work.ran) == 2


async def test_a_schedule_of_an_hour_shows_and_can_be_triggered(store: Database, clock: FakeClock) -> None:
    """The task on the wire before, after and following an error; an unknown one is not found."""
    work = Recorder()
    work.failures = [JobFailed("no disk")]
    jobs = make(store, clock, work, timeout_s=900)
    jobs.register_schedules(
        [
            Schedule("search_index", timedelta(minutes=10), "work", initial_delay=timedelta(seconds=3)),
            Schedule("catalog_sweep", timedelta(hours=1), "work"),
        ]
    )
    await jobs.run_due()
    assert [task["taskId"] for task in await jobs.list_tasks()] == ["search_index", "catalog_sweep"]
    assert await jobs.list_tasks("search") == [
        {
            "taskId": "search_index",
            "pluginId": "search",
            "scope": "global",
            "settings": {
                "version": 2,
                "cadence": "PT10M",
                "initialDelayDuration": "PT3S",
                "timeoutAfterDuration": "PT15M",
            },
            "taskState": {"status": "idle", "startsAt": "2026-11-23T03:12:03.000+00:00"},
            "workerState": {"status": "initial-wait"},
        }
    ]
    [task] = await jobs.list_tasks("catalog")
    assert task["taskState"] == {
        "status": "idle",
        "startsAt": "2026-11-23T04:12:00.000+00:00",
        "lastRunError": "no disk",
        "lastRunEndedAt": "2026-11-23T03:12:00.000+00:00",
    }
    clock.advance(1)
    await jobs.trigger("catalog_sweep")
    assert await jobs.run_due() == 1
    [task] = await jobs.list_tasks("catalog")
    assert task["taskState"] == {
        "status": "idle",
        "startsAt": "2026-11-23T04:12:01.000+00:00",
        "lastRunEndedAt": "2026-11-23T03:12:01.000+00:00",
    }
    with pytest.raises(NotFoundError, match="Task nope does not exist"):
        await jobs.trigger("nope")


async def test_a_running_task_shows_as_such_and_cannot_be_triggered(store: Database, started: Any) -> None:
    """Conflict, as Backstage answers."""
    entered = asyncio.Event()

    async def work(context: JobContext) -> None:
        entered.set()
        await asyncio.sleep(3600)

    jobs = make(store, FakeClock(), work)
    jobs.register_schedules([Schedule("demo_tick", timedelta(hours=1), "work")])
    await started(jobs)
    await asyncio.wait_for(entered.wait(), 5)
    [task] = await jobs.list_tasks()
    assert task["taskState"] == {"status": "running", "startedAt": "2026-11-23T03:12:00.000+00:00"}
    with pytest.raises(ConflictError):
        await jobs.trigger("demo_tick")


async def test_names_are_taken_once(store: Database, clock: FakeClock) -> None:
    """Two features with one name would run each other's work."""
    jobs = make(store, clock, Recorder())
    with pytest.raises(ValueError, match="work"):
        jobs.register_kinds([JobKind("work", Recorder())])
    with pytest.raises(ValueError, match="absent"):
        jobs.register_schedules([Schedule("demo", timedelta(hours=1), "absent")])


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

"""Work that comes back: when it runs, who runs it, and how it shows on the wire."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from callboard.kernel.db.interface import Database
from callboard.kernel.errors import ConflictError, NotFoundError
from callboard.kernel.jobs import JobContext, JobFailed, JobKind, Schedule
from callboard.testing.clock import FakeClock
from tests.kernel.jobs.working import Recorder, make

pytestmark = pytest.mark.anyio


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

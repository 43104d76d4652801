"""Who holds a lease, and whether they are still there."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from typing import Any

import pytest

from callboard.kernel.clock import SystemClock
from callboard.kernel.db.migrations import upgrade
from callboard.kernel.db.sqlite import SqliteDatabase
from callboard.kernel.jobs import JobContext, JobKind, Jobs
from callboard.kernel.jobs.owners import is_gone, make_owner
from callboard.kernel.migrations import MIGRATIONS

pytestmark = pytest.mark.anyio


def owner(process: int, host: str | None = None) -> str:
    return f"{host or socket.gethostname()}/{process}/aa"


@pytest.fixture(scope="module")
def ended() -> int:
    """The number of a process that ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


async def test_a_process_that_ended_is_gone(ended: int) -> None:
    """One that runs, one elsewhere, oneself and a name of another form are not."""
    me = make_owner()
    assert is_gone(owner(ended), me=me)
    assert not is_gone(owner(os.getppid()), me=me)
    assert not is_gone(owner(ended, "another-host"), me=me)
    assert not is_gone(me, me=me)
    assert not is_gone("written by another version", me=me)


async def test_an_earlier_process_with_our_number_is_gone() -> None:
    """A container that starts again often has the number that it had before."""
    assert is_gone(owner(os.getpid()), me=make_owner())


@pytest.mark.parametrize("is_running", [False, True])
async def test_work_of_a_process_that_died_is_taken_up_at_once(
    sqlite_db: SqliteDatabase, ended: int, is_running: bool
) -> None:
    """On SQLite nobody waits for the lease of a dead process; one that lives keeps its work."""
    await upgrade(sqlite_db, [MIGRATIONS])
    done = asyncio.Event()

    async def work(context: JobContext) -> None:
        done.set()

    jobs = Jobs(sqlite_db, SystemClock())
    jobs.register_kinds([JobKind("work", work)])
    async with sqlite_db.write() as tx:
        id = await jobs.enqueue(tx, "work", {})
        await tx.execute(
            "UPDATE kernel_job SET state = 'running', attempt = 1, lease_until = '2999-01-01T00:00:00.000Z', lease_owner = $2"
            " WHERE id = $1",
            id,
            owner(os.getppid() if is_running else ended),
        )
    await jobs.start()
    try:
        async with asyncio.timeout(0.5 if is_running else 10):
            await done.wait()
    except TimeoutError:
        pass
    finally:
        await jobs.stop(grace_s=1)
    assert done.is_set() is not is_running


async def test_no_lease_is_longer_than_the_settings_say(sqlite_db: SqliteDatabase) -> None:
    """``jobs.lease`` cuts the lease of every kind; a shorter one stays."""
    await upgrade(sqlite_db, [MIGRATIONS])
    leases: dict[str, float] = {}

    async def note(context: JobContext) -> None:
        async with sqlite_db.read() as tx:
            until: Any = await tx.fetch_value("SELECT lease_until FROM kernel_job WHERE id = $1", context.id)
        from callboard.kernel.clock import parse_time

        leases[context.kind] = (parse_time(until) - context.clock.now()).total_seconds()

    jobs = Jobs(sqlite_db, SystemClock(), lease_s=5)
    jobs.register_kinds([JobKind("long", note, lease_s=120), JobKind("short", note, lease_s=2)])
    async with sqlite_db.write() as tx:
        for kind in ("long", "short"):
            await jobs.enqueue(tx, kind, {})
    await jobs.run_due()
    assert 3 < leases["long"] <= 5
    assert 0 < leases["short"] <= 2

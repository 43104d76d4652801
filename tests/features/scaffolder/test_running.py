"""Tasks while they run: followed, cut off, put aside, taken over."""

from __future__ import annotations

import asyncio
import os

import pytest

from callboard.features.scaffolder.interface import TaskQuery
from callboard.features.scaffolder.tasks import record
from callboard.kernel.clock import SystemClock
from callboard.kernel.errors import NotAllowedError
from callboard.kernel.jobs import LeaseLost
from tests.features.scaffolder.conftest import ADA, BOB, step, template

pytestmark = pytest.mark.anyio

GATE = template("gate", step("first", "note"), step("gate", "wait"), step("last", "note"))


async def test_the_log_is_seen_while_a_step_works(each_shop) -> None:
    """Who waits is woken by the step's own words, long before it ends."""
    async with each_shop(GATE, jobs=True, clock=SystemClock()) as shop:
        id = await shop.create("gate")
        seen, after = [], None
        async with asyncio.timeout(10):
            while "waiting at the gate" not in seen:
                events = await shop.tasks.wait_events(id, after=after, timeout_s=5, actor=ADA)
                seen += [event.body["message"] for event in events]
                after = events[-1].id if events else after
        task = await shop.get(id)
        assert (task.state, shop.states(task)) == (
            "processing",
            {"first": "completed", "gate": "processing", "last": "open"},
        )
        assert len(shop.workspaces()) == 1
        assert await shop.tasks.wait_events(id, after=after, timeout_s=0.05, actor=ADA) == []
        shop.acting.gate.set()
        assert (await shop.ended(id)).state == "completed"


async def test_cancelling_cuts_a_running_step_off(each_shop) -> None:
    """The step is told at once; the task ends cancelled, with its reason, and can be tried again."""
    async with each_shop(GATE, jobs=True, clock=SystemClock()) as shop:
        id = await shop.create("gate")
        await shop.until(lambda: len(shop.acting.lines()) == 2)
        begun = asyncio.get_running_loop().time()
        await shop.tasks.cancel(id, actor=ADA)
        await shop.tasks.cancel(id, actor=ADA)
        task = await shop.ended(id)
        assert asyncio.get_running_loop().time() - begun < 3
        assert (task.state, task.error) == (
            "cancelled",
            {"name": "CancelledError", "message": "The task was cancelled."},
        )
        assert shop.states(task) == {"first": "completed", "gate": "cancelled", "last": "skipped"}
        assert [line.split()[2] for line in shop.acting.lines()] == ["done", "begun", "cut"]
        types = [event.type for event in await shop.events(id) if event.type != "log"]
        assert types == ["cancelled", "completion"]
        await shop.tasks.cancel(id, actor=ADA)
        await shop.until(lambda: not shop.workspaces())
        shop.acting.gate.set()
        await shop.tasks.retry(id, actor=ADA)
        assert (await shop.ended(id)).state == "completed"


async def test_cancelling_ends_the_process_of_a_step(open_shop) -> None:
    """Nothing of the step goes on."""
    async with open_shop(template("process", step("run", "process")), jobs=True, clock=SystemClock()) as shop:
        id = await shop.create("process")
        await shop.until(lambda: bool(shop.acting.lines()))
        process = int(shop.acting.lines()[0].split()[2])
        await shop.tasks.cancel(id, actor=ADA)
        assert (await shop.ended(id)).state == "cancelled"
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


async def test_a_task_that_waits_its_turn_is_cancelled_at_once(each_shop) -> None:
    """Nobody has begun it, so nobody needs to be asked."""
    async with each_shop(GATE) as shop:
        id = await shop.create("gate")
        await shop.tasks.cancel(id, actor=ADA)
        assert (await shop.get(id)).state == "cancelled"
        await shop.work()
        assert shop.acting.lines() == []


async def test_the_limit_of_tasks_at_once(open_shop) -> None:
    """Others wait, and come after."""
    async with open_shop(GATE, jobs=True, clock=SystemClock(), concurrentTasksLimit=2) as shop:
        for _ in range(4):
            await shop.create("gate")
        await shop.until(lambda: len([line for line in shop.acting.lines() if "begun" in line]) == 2)
        await asyncio.sleep(0.2)
        page = await shop.tasks.list(TaskQuery(), actor=ADA)
        assert sorted(task.state for task in page.tasks) == ["open", "open", "processing", "processing"]
        shop.acting.gate.set()
        for task in page.tasks:
            assert (await shop.ended(task.id)).state == "completed"


async def test_a_replica_that_runs_no_tasks(open_shop) -> None:
    """With a limit of 0 they wait for another one."""
    async with open_shop(GATE, jobs=True, clock=SystemClock(), concurrentTasksLimit=0) as shop:
        id = await shop.create("gate")
        await asyncio.sleep(0.3)
        assert (await shop.get(id)).state == "open"


async def test_a_step_that_waits_for_somebody_holds_nobody_up(each_shop) -> None:
    """The task is put aside, survives, and goes on when it is told to, with the files of the steps before."""
    shown = template(
        "approve",
        step("write", "write", input={"files": {"a.txt": "a"}}),
        step("pause", "pause", input={"gate": "yes"}),
        step("list", "list"),
        output={"files": "${{ steps.list.output.files }}"},
    )
    async with each_shop(shown) as shop:
        id = (await shop.run("approve")).id
        task = await shop.get(id)
        assert (task.state, shop.states(task)["pause"]) == ("processing", "waiting")
        assert shop.workspaces() == []
        assert "waiting for an approval" in await shop.messages(id)
        other = await shop.run("approve")
        await shop.tasks.cancel(other.id, actor=ADA)
        assert (await shop.get(other.id)).state == "cancelled"
        await shop.portal.jobs.run_due(("scaffolder.task",))
        shop.acting.open_gates.add("yes")
        async with shop.portal.db.write() as tx:
            await shop.tasks.resume(tx, id)
        await shop.work()
        task = await shop.get(id)
        assert (task.state, task.output) == ("completed", {"files": {"a.txt": "a"}})
        assert [line.split()[1] for line in shop.acting.lines()].count("write") == 2


async def test_a_task_is_taken_over_after_the_last_finished_step(each_shop) -> None:
    """An attempt that came to nothing is followed by another; the first writes nothing more."""
    async with each_shop(GATE) as shop:
        id = await shop.create("gate")
        parts, worker = shop.scaffolder.parts, shop.scaffolder.worker
        first = asyncio.ensure_future(worker.run(_Job(id)))
        await shop.until(lambda: len(shop.acting.lines()) == 2)
        gate, shop.acting.gate = shop.acting.gate, asyncio.Event()
        shop.acting.gate.set()
        await worker.run(_Job(id))
        assert (await shop.get(id)).state == "completed"
        gate.set()
        with pytest.raises(LeaseLost):
            await first
        task = await shop.get(id)
        assert (task.state, task.attempt) == ("completed", 2)
        worked = [line.split()[1] for line in shop.acting.lines() if not line.endswith(" cut")]
        assert worked == ["first", "gate", "gate", "last"]
        messages = await shop.messages(id)
        assert messages.count("Finished step Gate") == 1
        assert "The task goes on: the portal that ran it was stopped." in messages
        audited = (await shop.portal.audit.list_events(event="action-invoke")).items
        # Each time that an action ran, also for the attempt that may write nothing more of the task.
        assert sorted(row.meta["action"] for row in audited) == ["test:note", "test:note", "test:wait", "test:wait"]
        assert os.listdir(parts.workspaces.root) == []


async def test_without_recovery_a_task_that_was_cut_off_has_failed(open_shop) -> None:
    """As Backstage has it by default."""
    async with open_shop(GATE, taskRecovery={"enabled": False}) as shop:
        id = await shop.create("gate")
        first = asyncio.ensure_future(shop.scaffolder.worker.run(_Job(id)))
        await shop.until(lambda: len(shop.acting.lines()) == 2)
        await shop.scaffolder.worker.run(_Job(id))
        task = await shop.get(id)
        assert (task.state, task.error["message"]) == (
            "failed",
            "The portal that ran the task was stopped while it did.",
        )
        shop.acting.gate.set()
        with pytest.raises(LeaseLost):
            await first


async def test_a_task_that_stops_every_portal_is_given_up(open_shop) -> None:
    """After the sixth time it is told why, and not begun again."""
    async with open_shop(GATE) as shop:
        id = await shop.create("gate")
        async with shop.portal.db.write() as tx:
            await tx.execute("UPDATE scaffolder_task SET run = 'gone', takeovers = 5, state = 'processing'")
        await shop.work()
        task = await shop.get(id)
        assert task.state == "failed" and "6 times" in task.error["message"]


async def test_the_stop_of_the_portal_puts_a_task_back(open_shop) -> None:
    """The next start goes on after the last finished step, without counting it as a failure."""
    async with open_shop(GATE, jobs=True, clock=SystemClock()) as shop:
        id = await shop.create("gate")
        await shop.until(lambda: len(shop.acting.lines()) == 2)
    async with open_shop(GATE, jobs=True, clock=SystemClock()) as shop:
        shop.acting.gate.set()
        task = await shop.ended(id)
        assert (task.state, task.attempt) == ("completed", 2)
        words = [tuple(line.split()[1:]) for line in shop.acting.lines()]
        assert words == [("first", "done"), ("gate", "begun"), ("gate", "cut"), ("gate", "begun"), ("last", "done")]


async def test_a_task_of_which_nobody_hears_is_ended(each_shop) -> None:
    """The janitor tells why; tasks long past are forgotten with all that belongs to them."""
    async with each_shop(GATE, template("note", step("one", "note"))) as shop:
        done = await shop.run("note")
        id = await shop.create("gate")
        async with shop.portal.db.write() as tx:
            await tx.execute(
                "UPDATE scaffolder_task SET run = 'gone', state = 'processing', heartbeat_at = $2 WHERE id = $1",
                id,
                "2026-01-01T00:00:00.000Z",
            )
        await shop.scaffolder.janitor.run(None)
        task = await shop.get(id)
        assert task.state == "failed" and "stale" in task.error["message"]
        assert shop.portal.clock is not None
        shop.portal.clock.advance(400 * 86400)
        await shop.scaffolder.janitor.run(None)
        assert (await shop.tasks.list(TaskQuery(), actor=ADA)).total == 0
        for table in ("task_step", "task_event", "task_checkpoint"):
            assert await shop.rows(f"SELECT 1 FROM scaffolder_{table}") == []
        assert done.state == "completed"


async def test_files_of_a_failed_task_are_not_kept_for_ever(each_shop) -> None:
    """After a week another try starts over."""
    shown = template("again", step("write", "write", input={"files": {"a": "1"}}), step("break", "fail"))
    async with each_shop(shown) as shop:
        shop.acting.failing.add("break")
        task = await shop.run("again")
        assert shop.left_on_disk() or await shop.rows("SELECT 1 FROM scaffolder_workspace")
        shop.portal.clock.advance(8 * 86400)
        await shop.scaffolder.janitor.run(None)
        assert shop.left_on_disk() == [] and await shop.rows("SELECT 1 FROM scaffolder_workspace") == []
        shop.acting.failing.clear()
        await shop.tasks.retry(task.id, actor=ADA)
        await shop.work()
        assert (await shop.get(task.id)).state == "completed"
        assert [line.split()[1] for line in shop.acting.lines()] == ["write", "write", "break"]


async def test_what_a_killed_process_left_is_cleared_away(open_shop) -> None:
    """Folders of attempts that nobody works in go at the next start; others' dry runs stay."""
    async with open_shop() as shop:
        root = shop.scaffolder.parts.workspaces.root
        (root / "0123" / "files").mkdir(parents=True)
        (root / "0123" / "files" / "left").write_text("x")
        (root / "0123" / "files").chmod(0o500)
        (root / "dry-here~999999999~a~b").mkdir()
        mine = shop.scaffolder.parts.workspaces.make_dry()
        await shop.scaffolder.janitor.clear_disk()
        names = set(shop.workspaces())
        assert names == {mine.name, "dry-here~999999999~a~b"}


async def test_a_log_without_end_is_cut(open_shop, monkeypatch) -> None:
    """What a step says does not fill the database; how it ended is still told."""
    monkeypatch.setattr(record, "MAX_LINES", 50)
    async with open_shop(template("burst", step("burst", "burst", input={"lines": 100}))) as shop:
        task = await shop.run("burst")
        messages = await shop.messages(task.id)
        assert len([message for message in messages if message.startswith("line ")]) < 50
        assert messages[-1] == "Run completed with status: completed"
        assert "The log has 50 lines; what follows is not kept." in messages


async def test_somebody_else_may_not_cut_it_off(open_shop) -> None:
    """By default a task is its creator's to end and to try again."""
    async with open_shop(GATE) as shop:
        id = await shop.create("gate")
        for call in (shop.tasks.cancel, shop.tasks.retry):
            with pytest.raises(NotAllowedError):
                await call(id, actor=BOB)
        assert (await shop.get(id, BOB)).state == "open"


class _Job:
    """What a job hands to the worker."""

    def __init__(self, id: str) -> None:
        self.payload = {"task": id}

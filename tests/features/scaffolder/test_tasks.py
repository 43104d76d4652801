"""Tasks from their making to their end, on both engines."""

from __future__ import annotations

import pytest

from callboard.features.scaffolder.interface import (
    TaskNotEnded,
    TaskNotFound,
    TaskQuery,
    TemplateNotFound,
    ValuesRefused,
)
from callboard.kernel.errors import InputError
from tests.features.scaffolder.conftest import ADA, BOB, step, template

pytestmark = pytest.mark.anyio

THREE = template(
    "three",
    step("say", "say", input={"message": "hello ${{ parameters.name }}"}),
    step("write", "write", input={"files": {"a.txt": "${{ parameters.name }}"}}),
    step("list", "list"),
    parameters=[{"title": "Basics", "required": ["name"], "properties": {"name": {"type": "string"}}}],
    output={
        "files": "${{ steps.list.output.files }}",
        "text": [{"title": "Made", "content": "${{ parameters.name }}"}],
    },
)


async def test_a_task_runs_to_its_end(each_shop) -> None:
    """State, steps, output and the log are those of the wire, and nothing is left on the disk."""
    async with each_shop(THREE) as shop:
        id = await shop.create("three", {"name": "till"})
        waiting = await shop.get(id)
        assert (waiting.state, shop.states(waiting)) == ("open", {"say": "open", "write": "open", "list": "open"})
        await shop.work()
        task = await shop.get(id)
        assert (task.state, task.error, task.attempt) == ("completed", None, 1)
        assert task.output == {"files": {"a.txt": "till"}, "text": [{"title": "Made", "content": "till"}]}
        assert set(shop.states(task).values()) == {"completed"}
        assert task.spec["templateInfo"]["entityRef"] == "template:default/three"
        assert (task.spec["user"], task.created_by) == ({"ref": ADA.subject}, ADA.subject)
        assert task.ended_at and task.started_at and all(one.started_at and one.ended_at for one in task.steps)
        events = await shop.events(id)
        assert [event.body["message"] for event in events] == [
            "Starting up task with 3 steps",
            "Beginning step Say",
            "hello till",
            "Finished step Say",
            "Beginning step Write",
            "Finished step Write",
            "Beginning step List",
            "Finished step List",
            "Run completed with status: completed",
        ]
        assert [event.id for event in events] == sorted(event.id for event in events)
        assert events[-1].type == "completion" and events[-1].body["output"] == task.output
        assert shop.workspaces() == [] and shop.left_on_disk() == []
        assert await shop.rows("SELECT 1 FROM scaffolder_workspace") == []


async def test_events_after_one_always_hold_the_completion(open_shop) -> None:
    """Who asks for what came after the end is told once more that it ended."""
    async with open_shop(THREE) as shop:
        id = (await shop.run("three", {"name": "a"})).id
        events = await shop.events(id)
        after = await shop.tasks.events(id, after=events[3].id, actor=ADA)
        assert [event.id for event in after] == [event.id for event in events[4:]]
        (last,) = await shop.tasks.wait_events(id, after=10**9, timeout_s=5, actor=ADA)
        assert last.type == "completion"


async def test_answers_that_do_not_fit_are_refused(open_shop) -> None:
    """Nothing is made, and each problem says where."""
    async with open_shop(THREE) as shop:
        with pytest.raises(ValuesRefused) as refused:
            await shop.create("three", {"name": 3})
        (problem,) = refused.value.problems
        assert (problem.path, problem.property, problem.message) == (
            ["name"],
            "instance.name",
            "is not of a type(s) string",
        )
        with pytest.raises(TemplateNotFound, match="Template template:default/nope not found"):
            await shop.create("nope")
        with pytest.raises(InputError):
            await shop.create("template:default/")
        assert (await shop.tasks.list(TaskQuery(), actor=ADA)).total == 0


async def test_a_failing_step_ends_the_task_with_its_reason(each_shop) -> None:
    """Later steps are passed over, those that ask for it run, and the first error is the task's."""
    shown = template(
        "broken",
        step("first", "note"),
        step("second", "fail", input={"message": "no luck"}),
        step("third", "note"),
        step("last", "note", **{"if": "${{ failure() }}"}),
    )
    async with each_shop(shown) as shop:
        shop.acting.failing.add("second")
        task = await shop.run("broken")
        assert task.state == "failed"
        assert task.error == {"name": "Error", "message": "RuntimeError: it broke: no luck"}
        assert shop.states(task) == {"first": "completed", "second": "failed", "third": "skipped", "last": "completed"}
        assert [one.error for one in task.steps] == [None, "RuntimeError: it broke: no luck", None, None]
        assert (await shop.events(task.id))[-1].body["error"] == task.error
        assert shop.workspaces() == []


async def test_an_action_that_is_not_open_to_whoever_started_it_is_told_as_such(open_shop) -> None:
    """Not as one that is not there."""
    give = {"recipients": "broadcast", "title": "Hello"}
    tell = template("tell", {"id": "tell", "action": "notification:send", "input": give})
    lost = template("lost", {"id": "lost", "action": "no:such", "input": {}})
    async with open_shop(tell, lost) as shop:
        messages = [(await shop.run(name)).error["message"] for name in ("tell", "lost")]
        assert messages[0].startswith("Unauthorized action: notification:send.")
        assert messages[1] == "Template action with ID 'no:such' is not registered"


async def test_trying_again_goes_on_from_the_step_that_failed(each_shop) -> None:
    """With the files and outputs of the steps before; those do not run again."""
    shown = template(
        "again",
        step("write", "write", input={"files": {"kept.txt": "of the first try", "deep/er.txt": "x"}}),
        step("give", "say", input={"word": "given"}),
        step("break", "fail"),
        step("list", "list"),
        output={"files": "${{ steps.list.output.files }}", "word": "${{ steps.give.output.word }}"},
    )
    async with each_shop(shown) as shop:
        shop.acting.failing.add("break")
        failed = await shop.run("again")
        with pytest.raises(TaskNotFound):
            await shop.tasks.retry("00000000-0000-0000-0000-000000000000", actor=ADA)
        assert (failed.state, shop.states(failed)["list"]) == ("failed", "skipped")
        shop.acting.failing.clear()
        await shop.tasks.retry(failed.id, actor=ADA)
        again = await shop.get(failed.id)
        assert (again.state, again.error, again.output) == ("open", None, {})
        with pytest.raises(TaskNotEnded):
            await shop.tasks.retry(failed.id, actor=ADA)
        await shop.work()
        done = await shop.get(failed.id)
        assert (done.state, done.attempt) == ("completed", 2)
        assert done.output == {"files": {"kept.txt": "of the first try", "deep/er.txt": "x"}, "word": "given"}
        assert [line.split()[1] for line in shop.acting.lines()] == ["write", "break"]
        types = [event.type for event in await shop.events(done.id)]
        assert types.count("completion") == 1 and types.count("recovered") == 1
        assert "Skipping step write because it was already completed in a previous run" in await shop.messages(done.id)
        assert shop.workspaces() == [] and shop.left_on_disk() == []
        assert await shop.rows("SELECT 1 FROM scaffolder_workspace") == []


async def test_a_completed_task_tried_again_starts_over(open_shop) -> None:
    """As in Backstage a retry of what is done does it all again."""
    async with open_shop(template("note", step("one", "note"), step("two", "note"))) as shop:
        task = await shop.run("note")
        await shop.tasks.retry(task.id, actor=ADA)
        await shop.work()
        assert (await shop.get(task.id)).state == "completed"
        assert [line.split()[1] for line in shop.acting.lines()] == ["one", "two", "one", "two"]


async def test_a_checkpoint_is_not_done_again(each_shop) -> None:
    """What a step keeps survives its failure."""
    async with each_shop(
        template("keep", step("make", "keep"), output={"n": "${{ steps.make.output.number }}"})
    ) as shop:
        shop.acting.failing.add("make")
        task = await shop.run("keep")
        shop.acting.failing.clear()
        await shop.tasks.retry(task.id, actor=ADA)
        await shop.work()
        assert (await shop.get(task.id)).output == {"n": 42}
        assert [line.split()[2] for line in shop.acting.lines()] == ["made"]


async def test_a_list_of_tasks(each_shop) -> None:
    """By creator, state and template, newest first or as asked, paged, with the count of all."""
    async with each_shop(THREE, template("note", step("one", "note"))) as shop:
        first = await shop.create("three", {"name": "a"}, actor=BOB)
        second = await shop.create("note")
        await shop.work()
        third = await shop.create("note")

        async def ids(**query) -> list[str]:
            page = await shop.tasks.list(TaskQuery(**query), actor=ADA)
            assert page.total >= len(page.tasks)
            return [task.id for task in page.tasks]

        assert await ids() == [third, second, first]
        assert await ids(created_by=[ADA.subject]) == [third, second]
        assert await ids(states=["completed"]) == [second, first]
        assert await ids(states=["completed", "open"], template_refs=["template:default/note"]) == [third, second]
        assert await ids(order=[("created_at", "asc")], limit=2) == [first, second]
        assert await ids(limit=1, offset=1) == [second]
        assert await ids(order=[("state", "desc"), ("created_by", "asc")]) == [third, second, first]
        page = await shop.tasks.list(TaskQuery(limit=1), actor=ADA)
        assert (page.total, page.tasks[0].steps) == (3, ())


async def test_starting_over_forgets_what_was_told(open_shop) -> None:
    """A template that wants it runs from its first step when it is tried again."""
    shown = template(
        "over",
        step("first", "note"),
        step("break", "fail"),
        EXPERIMENTAL_recovery={"EXPERIMENTAL_strategy": "startOver"},
    )
    async with open_shop(shown) as shop:
        shop.acting.failing.add("break")
        task = await shop.run("over")
        assert all(event.is_recoverable for event in await shop.events(task.id))
        shop.acting.failing.clear()
        await shop.tasks.retry(task.id, actor=ADA)
        await shop.work()
        assert [line.split()[1] for line in shop.acting.lines()] == ["first", "first", "break"]


async def test_what_happens_is_audited_and_told(open_shop) -> None:
    """Who made a task, how it ended, with long answers cut; and an event for each state."""
    async with open_shop(THREE, auditor={"taskParameterMaxLength": 5}) as shop:
        heard = shop.portal.events.subscribe("scaffolder.task")
        await shop.run("three", {"name": "a-long-name"})
        rows = (await shop.portal.audit.list_events(event="task")).items
        assert [(row.meta["actionType"], row.status, row.actor) for row in rows] == [
            ("execution", "succeeded", ADA.subject),
            ("create", "succeeded", ADA.subject),
        ]
        assert rows[1].meta["taskParameters"] == {"name": "a-lon...<truncated>"}
        told = [(await heard.next(1)).payload["status"] for _ in range(2)]
        assert told == ["open", "completed"]
        text = shop.portal.metrics.format_text().decode()
        assert 'scaffolder_task_count_total{result="completed"} 1.0' in text
        assert 'scaffolder_step_count_total{action="test:list",result="completed"} 1.0' in text

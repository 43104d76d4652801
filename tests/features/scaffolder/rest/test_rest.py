"""The wire where Backstage's client does not look: errors, filters, streams that wait, limits, and the actions for agents."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from callboard.kernel.clock import SystemClock
from callboard.kernel.errors import InputError, NotFoundError
from tests.features.scaffolder.conftest import ADA, BOB, step, template

pytestmark = pytest.mark.anyio

API = "/api/scaffolder/v2"
GREET = template(
    "greet",
    step("say", "say", input={"message": "hello ${{ parameters.name }}"}),
    parameters=[{"required": ["name"], "properties": {"name": {"type": "string"}}}],
    output={"said": "${{ parameters.name }}"},
)


def messages(body: bytes | str) -> list[dict[str, Any]]:
    """The data of server-sent events, with the event's name."""
    text = body.decode() if isinstance(body, bytes) else body
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in fields:
            found.append({"event": fields["event"], "id": fields["id"], **json.loads(fields["data"])})
    return found


async def test_refused_answers_are_told_as_json_schema_tells_them(open_shop: Any) -> None:
    """One row a problem, with path, property and stack; other errors are Backstage's body."""
    async with open_shop(GREET) as shop, shop.portal.client(ADA) as client:
        refused = await client.post(f"{API}/tasks", json={"templateRef": "greet", "values": {"name": 3}})
        assert refused.status_code == 400
        (problem,) = refused.json()["errors"]
        assert (problem["path"], problem["property"], problem["name"]) == (["name"], "instance.name", "type")
        assert problem["stack"] == f"instance.name {problem['message']}"
        for body, said in (
            ({"values": {}}, "templateRef must name a template"),
            ({"templateRef": "greet", "values": []}, "values must be an object"),
            ({"templateRef": "greet", "values": {"name": "x"}, "secrets": {"a": 1}}, "secrets must map names to texts"),
        ):
            bad = await client.post(f"{API}/tasks", json=body)
            assert (bad.status_code, bad.json()["error"]["name"]) == (400, "InputError")
            assert said in bad.json()["error"]["message"]
        missing = await client.post(f"{API}/tasks", json={"templateRef": "nope", "values": {}})
        assert (missing.status_code, missing.json()["response"]) == (404, {"statusCode": 404})
        wrong = await client.get(f"{API}/templates/default/component/greet/parameter-schema")
        assert wrong.status_code == 404
    async with open_shop(GREET) as shop, shop.portal.client() as nobody:
        assert (await nobody.get(f"{API}/tasks")).status_code == 401


async def test_tasks_are_filtered_ordered_and_paged(open_shop: Any) -> None:
    """By who started them, by state; a filter that is none is told."""
    async with open_shop(GREET) as shop:
        first = (await shop.run("greet", {"name": "a"})).id
        second = await shop.create("greet", {"name": "b"}, actor=BOB)
        async with shop.portal.client(ADA) as client:

            async def ids(query: str) -> list[str]:
                answer = await client.get(f"{API}/tasks?{query}")
                assert answer.status_code == 200, answer.text
                return [task["id"] for task in answer.json()["tasks"]]

            assert await ids("") == [second, first]
            assert await ids("order=asc:created_at") == [first, second]
            assert await ids("status=completed&status=failed") == [first]
            assert await ids("createdBy=user:default/bob") == [second]
            assert await ids("limit=1&offset=1") == [first]
            page = (await client.get(f"{API}/tasks?limit=1")).json()
            assert (len(page["tasks"]), page["totalTasks"]) == (1, 2)
            for query in ("limit=x", "offset=-1", "status=done", "order=created_at", "order=up:created_at"):
                assert (await client.get(f"{API}/tasks?{query}")).status_code == 400


async def test_a_stream_tells_from_after_and_ends_with_the_task(open_shop: Any) -> None:
    """Event names, ids to take up from, and no completion told twice."""
    async with open_shop(GREET) as shop:
        id = (await shop.run("greet", {"name": "a"})).id
        async with shop.portal.client(ADA) as client:
            answer = await client.get(f"{API}/tasks/{id}/eventstream")
            assert answer.headers["content-type"].startswith("text/event-stream")
            told = messages(answer.content)
            assert [one["event"] for one in told] == ["log"] * (len(told) - 1) + ["completion"]
            ids = [int(one["id"]) for one in told]
            assert ids == sorted(set(ids))
            headers = {"last-event-id": str(told[1]["id"])}
            rest = messages((await client.get(f"{API}/tasks/{id}/eventstream", headers=headers)).content)
            assert [one["id"] for one in rest] == [one["id"] for one in told[2:]]
            last = (await client.get(f"{API}/tasks/{id}/events?after=999999")).json()
            assert [one["type"] for one in last] == ["completion"]
            assert (await client.get(f"{API}/tasks/nope/eventstream")).status_code == 404
            assert (await client.get(f"{API}/tasks/{id}/eventstream?after=x")).status_code == 400


async def test_streams_end_when_the_portal_stops(open_shop: Any) -> None:
    """Also a long poll, which then tells nothing."""
    async with open_shop(GREET) as shop:
        id = await shop.create("greet", {"name": "a"})
        async with shop.portal.client(ADA) as client:
            waiting = [
                asyncio.create_task(client.get(f"{API}/tasks/{id}/{what}")) for what in ("eventstream", "events")
            ]
            await asyncio.sleep(0.1)
            assert not any(one.done() for one in waiting)
            shop.portal.stopping.set()
            stream, poll = await asyncio.wait_for(asyncio.gather(*waiting), 5)
            assert messages(stream.content) == []
            assert poll.json() == []


async def test_whoever_asks_right_away_hears_how_a_small_task_ended(open_shop: Any) -> None:
    """A task that takes longer is shown as it is, soon; so is one that nobody has begun."""
    gate = template("gate", step("gate", "wait"))
    async with open_shop(GREET, gate, jobs=True, clock=SystemClock()) as shop, shop.portal.client(ADA) as client:
        await shop.ended(await shop.create("greet", {"name": "you"}))
        states = []
        for _ in range(5):
            id = (await client.post(f"{API}/tasks", json={"templateRef": "greet", "values": {"name": "x"}})).json()[
                "id"
            ]
            states.append((await client.get(f"{API}/tasks/{id}")).json()["status"])
        assert "completed" in states
        id = (await client.post(f"{API}/tasks", json={"templateRef": "gate", "values": {}})).json()["id"]
        begun = asyncio.get_running_loop().time()
        assert (await client.get(f"{API}/tasks/{id}")).json()["status"] in ("open", "processing")
        await asyncio.sleep(0.1)
        for _ in range(20):
            assert (await client.get(f"{API}/tasks/{id}")).json()["status"] == "processing"
        assert asyncio.get_running_loop().time() - begun < 20 * 0.05, "an older task is not waited for"
        shop.acting.gate.set()
        assert (await shop.ended(id)).state == "completed"


async def test_a_dry_run_that_fails_tells_how_far_it_came(open_shop: Any) -> None:
    """400 with the error as Backstage tells it, and the log; sizes and files are checked."""
    failing = template("failing", step("say", "say", input={"message": "first"}), {"action": "nobody:knows"})
    async with open_shop(GREET) as shop, shop.portal.client(ADA) as client:
        body = {"template": failing, "values": {}}
        answer = await client.post(f"{API}/dry-run", json=body)
        told = answer.json()
        assert (answer.status_code, told["error"]["name"]) == (400, "NotFoundError")
        assert "nobody:knows" in told["error"]["message"]
        assert "first" in [row["body"]["message"] for row in told["log"]]
        content = base64.b64encode(b"x").decode()
        for files, said in (
            ([{"path": "a"}], "must have path and base64Content"),
            ([{"path": "a", "base64Content": "%"}], "is not base64"),
            ([{"path": "../a", "base64Content": content}], "outside the workspace"),
        ):
            bad = await client.post(f"{API}/dry-run", json={**body, "directoryContents": files})
            assert bad.status_code == 400 and said in bad.text
        refused = await client.post(f"{API}/dry-run", json={"template": GREET, "values": {}})
        assert refused.json()["errors"][0]["name"] == "required"
        huge = [{"path": "a", "base64Content": "A" * (10 * 1024 * 1024)}]
        assert (await client.post(f"{API}/dry-run", json={**body, "directoryContents": huge})).status_code == 413


async def test_agents_run_and_follow_templates(open_shop: Any) -> None:
    """The five actions, with the ids that Backstage has."""
    async with open_shop(GREET) as shop:

        async def act(name: str, input: Any, **options: Any) -> Any:
            return await shop.portal.actions.invoke(f"scaffolder:{name}", input, actor=ADA, **options)

        id = (await act("execute-template", {"templateRef": "greet", "values": {"name": "ada"}}))["taskId"]
        assert (await act("get-scaffolder-task-logs", {"taskId": id}))["status"] == "open"
        await shop.work()
        logs = await act("get-scaffolder-task-logs", {"taskId": id})
        assert logs["status"] == "completed"
        assert "hello ada" in [event["body"]["message"] for event in logs["events"]]
        listed = await act("list-scaffolder-tasks", {"owned": True, "status": ["completed"]})
        assert ([task["id"] for task in listed["tasks"]], listed["totalTasks"]) == ([id], 1)
        assert "test:say" in [one["id"] for one in (await act("list-scaffolder-actions", {}))["actions"]]
        steps = [
            {"id": "f", "action": "fetch:template", "input": {"url": "./s", "values": {"n": "${{ parameters.name }}"}}}
        ]
        dry = {**GREET, "spec": {**GREET["spec"], "steps": steps}}
        files = [{"path": "s/a.txt", "content": "é ${{ values.n }}"}]
        tried = await act("dry-run-template", {"template": dry, "values": {"name": "x"}, "files": files})
        assert base64.b64decode(tried["directoryContents"][0]["base64Content"]).decode() == "é x"
        assert (tried["output"], "error" in tried) == ({"said": "x"}, False)
        with pytest.raises(NotFoundError):
            await act("get-scaffolder-task-logs", {"taskId": "nope"})
        with pytest.raises(InputError):
            await act("execute-template", {"templateRef": "greet", "values": {}})

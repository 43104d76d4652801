"""Backstage's own scaffolder client against a running portal: every method that its type declarations name."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any, AsyncIterator

import pytest

from callboard.features.scaffolder.interface import Autocomplete, TemplateGlobal
from callboard.kernel.plugins.hooks import hookimpl
from callboard.testing import make_portal
from callboard.testing.portal import PortalForTest
from tests.features.catalog.conftest import World, world
from tests.wire.peer import TOKEN, serving

__all__ = ["world"]
pytestmark = [pytest.mark.anyio, pytest.mark.npm]
PACKAGE = Path(__file__).resolve().parents[2] / "node_modules" / "@backstage" / "plugin-scaffolder-common"
REF = "template:default/hello"
TEMPLATE: dict[str, Any] = {
    "apiVersion": "scaffolder.backstage.io/v1beta3",
    "kind": "Template",
    "metadata": {"name": "hello", "title": "Hello", "description": "Greets."},
    "spec": {
        "type": "service",
        "parameters": [{"title": "Who", "required": ["name"], "properties": {"name": {"type": "string"}}}],
        "steps": [
            {"id": "log", "name": "Greet", "action": "debug:log", "input": {"message": "hello ${{ parameters.name }}"}}
        ],
        "output": {"text": [{"title": "Said", "content": "hello ${{ parameters.name }}"}]},
    },
}


class Suggesting:
    """A plugin with a source host's suggestions and a function for templates."""

    @hookimpl
    def register_autocomplete(self, portal: Any) -> Any:
        async def branches(token: str, context: Any) -> Any:
            assert token == "host-token"
            return [{"id": f"{context['owner']}/main", "title": "main"}]

        return [Autocomplete("forge", "branches", branches)]

    @hookimpl
    def register_template_extensions(self, portal: Any) -> Any:
        return [TemplateGlobal("company", "Acme", "Who we are.")]


@pytest.fixture
async def portal(world: World) -> AsyncIterator[PortalForTest]:
    """A portal with one template, which works its jobs off by itself."""
    world.write("templates.yaml", TEMPLATE)
    access = [{"type": "static", "options": {"token": TOKEN, "subject": "client"}}]
    settings = world.settings(["templates.yaml"], more={"backend": {"auth": {"externalAccess": access}}})
    async with make_portal(
        settings, plugins=[("suggesting", Suggesting())], data_dir=world.data_dir, clock=world.clock
    ) as portal:
        await portal.jobs.run_due()
        yield portal


class Client:
    """The client in its Node process. A call gives the method's result or raises ``ClientError``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.called: set[str] = set()

    async def call(self, method: str, *args: Any, polling: bool = False) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self.called.add(method)
        command = json.dumps({"method": method, "args": args, "polling": polling})
        self._process.stdin.write(command.encode() + b"\n")
        answer = json.loads(await asyncio.wait_for(self._process.stdout.readline(), 30))
        if "error" in answer:
            raise ClientError(answer["error"])
        return answer["result"]


class ClientError(Exception):
    """What the client threw: name, message, status."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.name, self.status = error["name"], error["status"]


@pytest.fixture
async def client(portal: PortalForTest) -> AsyncIterator[Client]:
    """The client, pointed at the portal on a socket."""
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if node is None or not PACKAGE.is_dir():
        pytest.skip("needs node and `npm ci`: `make setup` gives both")
    script = str(Path(__file__).with_name("scaffolder_client.mjs"))
    async with serving(portal.portal) as url:
        process = await asyncio.create_subprocess_exec(
            node, script, url, TOKEN, "external:client",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**24,
        )  # fmt: skip
        try:
            yield Client(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await asyncio.wait_for(process.communicate(), 10)


async def test_every_method_works(client: Client, portal: PortalForTest) -> None:
    """What a template asks, a run from its start to its end, and what the portal can do; no declared method is left out."""
    await _run(client, portal)
    await _dry_run(client)
    await _knows(client)
    await _refusals(client)
    declared = declared_methods((PACKAGE / "dist" / "index.d.ts").read_text())
    assert len(declared) >= 12
    assert declared - client.called == set()


def declared_methods(declarations: str) -> set[str]:
    """Public methods of ``class ScaffolderClient`` in its type declarations."""
    body = declarations.split("declare class ScaffolderClient ", 1)[1].split("\n}", 1)[0]
    return set(re.findall(r"^    (\w+)\(", body, re.MULTILINE)) - {"constructor"}


async def _run(client: Client, portal: PortalForTest) -> None:
    form = await client.call("getTemplateParameterSchema", REF)
    assert (form["title"], form["description"], form["steps"][0]["title"]) == ("Hello", "Greets.", "Who")
    assert form["steps"][0]["schema"]["required"] == ["name"]
    id = (await client.call("scaffold", {"templateRef": REF, "values": {"name": "ada"}, "secrets": {"key": "s3cr3t"}}))[
        "taskId"
    ]
    waiting = await client.call("getTask", id)
    assert (waiting["status"], waiting["spec"]["parameters"]) == ("open", {"name": "ada"})
    assert "s3cr3t" not in json.dumps(waiting)
    # The stream is open before anything happens, and ends with the task.
    streaming = asyncio.create_task(client.call("streamLogs", {"taskId": id}))
    await asyncio.sleep(0.2)
    await portal.jobs.run_due(("scaffolder.task",))
    events = await streaming
    messages = [event["body"]["message"] for event in events]
    assert messages[0] == "Starting up task with 1 steps"
    assert "hello ada" in messages
    assert messages[-1] == "Run completed with status: completed"
    assert events[-1]["type"] == "completion"
    assert events[-1]["body"]["output"] == {"text": [{"title": "Said", "content": "hello ada"}]}
    assert await client.call("streamLogs", {"taskId": id}, polling=True) == events
    later = await client.call("streamLogs", {"taskId": id, "after": events[2]["id"]})
    assert later == events[3:]
    assert (await client.call("getTask", id))["status"] == "completed"
    listed = await client.call("listTasks", {"filterByOwnership": "all", "limit": 5, "offset": 0})
    assert ([task["id"] for task in listed["tasks"]], listed["totalTasks"]) == ([id], 1)
    assert (await client.call("listTasks", {"filterByOwnership": "owned"}))["totalTasks"] == 0
    assert await client.call("retry", id) == {"id": id}
    with pytest.raises(ClientError) as early:
        await client.call("retry", id)
    assert early.value.status == 409
    assert await client.call("cancelTask", id) == {"status": "cancelled"}
    assert (await client.call("getTask", id))["status"] == "cancelled"


async def _dry_run(client: Client) -> None:
    steps = [
        {"id": "fetch", "action": "fetch:template", "input": {"url": "./skeleton", "values": {"name": "${{ parameters.name }}"}}}
    ]  # fmt: skip
    template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "steps": steps, "output": {"who": "${{ parameters.name }}"}}}
    content = base64.b64encode(b"# ${{ values.name }}\n").decode()
    result = await client.call(
        "dryRun",
        {
            "template": template,
            "values": {"name": "orders"},
            "directoryContents": [{"path": "skeleton/README.md", "base64Content": content}],
        },
    )
    (made,) = result["directoryContents"]
    assert (made["path"], made["executable"]) == ("README.md", False)
    assert base64.b64decode(made["base64Content"]) == b"# orders\n"
    assert result["output"] == {"who": "orders"}
    assert result["steps"] == [{"id": "fetch", "name": "fetch:template", "action": "fetch:template"}]
    assert result["log"][0]["body"]["message"] == "Starting up task with 1 steps"


async def _knows(client: Client) -> None:
    actions = {action["id"]: action for action in await client.call("listActions")}
    assert list(actions) == sorted(actions)
    assert "message" in actions["debug:log"]["schema"]["input"]["properties"]
    assert "action: debug:log" in actions["debug:log"]["examples"][0]["example"]
    assert {"fetch:template", "catalog:register", "scaffolder:execute-template"} <= set(actions)
    extensions = await client.call("listTemplatingExtensions")
    assert "parseRepoUrl" in extensions["filters"]
    assert extensions["globals"]["values"]["company"] == {"description": "Who we are.", "value": "Acme"}
    found = await client.call(
        "autocomplete",
        {"token": "host-token", "provider": "forge", "resource": "branches", "context": {"owner": "acme"}},
    )
    assert found == {"results": [{"id": "acme/main", "title": "main"}]}
    hosts = await client.call("getIntegrationsList", {"allowedHosts": ["github.com"]})
    assert hosts["integrations"][0]["host"] == "github.com"


async def _refusals(client: Client) -> None:
    with pytest.raises(ClientError, match="errors.*instance.name|is not of a type|required"):
        await client.call("scaffold", {"templateRef": REF, "values": {}})
    for method, args in (
        ("getTask", ["nope"]),
        ("cancelTask", ["nope"]),
        ("retry", ["nope"]),
        ("getTemplateParameterSchema", ["template:default/nope"]),
    ):
        with pytest.raises(ClientError) as missing:
            await client.call(method, *args)
        assert missing.value.status == 404
    with pytest.raises(ClientError) as unknown:
        await client.call("autocomplete", {"token": "t", "provider": "nobody", "resource": "x", "context": {}})
    assert unknown.value.status == 400

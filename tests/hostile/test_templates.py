"""Templates that mean harm: nothing outside the workspace is read, written or named, and no secret is told."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any, Mapping, Sequence

import pytest

from callboard.cli.template_local import LocalActions, MemoryRecord
from callboard.features.scaffolder.languages import Extensions
from callboard.features.scaffolder.running import RunResult, TaskRunner
from callboard.features.scaffolder.sources import CatalogTemplateSource
from callboard.features.scaffolder.spec import read_spec
from callboard.kernel.workspace import Workspace
from callboard.model.urls import DEFAULT_HOSTS

pytestmark = pytest.mark.anyio
SECRET = "hunter2-which-nobody-may-read"


class Nowhere:
    def handles(self, url: str) -> bool:
        return False

    async def read(self, url: str, *, etag: str | None = None) -> Any:
        raise AssertionError(f"{url} was asked for")

    search = read

    def resolve(self, target: str, base: str) -> str:
        raise AssertionError(target)


class Cell:
    """A workspace and a template side by side, with a treasure outside both."""

    def __init__(self, folder: Path) -> None:
        self.template, self.root, self.outside = folder / "template", folder / "workspace", folder / "outside"
        for place in (self.template, self.root, self.outside):
            place.mkdir()
        self.treasure = self.outside / "treasure"
        self.treasure.write_text("gold")
        self.record = MemoryRecord()
        self.result: RunResult | None = None

    async def run(self, *steps: Mapping[str, Any], secrets: Mapping[str, str] | None = None) -> RunResult:
        base = f"file://{self.template}/template.yaml"
        spec = read_spec(
            {"steps": steps, "parameters": {}, "templateInfo": {"baseUrl": base, "entityRef": "template:a/b"}}
        )
        language = Extensions.of(DEFAULT_HOSTS).language
        self.record = MemoryRecord()
        runner = TaskRunner(
            spec, task_id="t", language=language, actions=LocalActions(CatalogTemplateSource(Nowhere()), language),
            record=self.record, workspace=Workspace(self.root), secrets=secrets,
        )  # fmt: skip
        self.result = await runner.run()
        return self.result

    def is_safe(self) -> bool:
        """Whether the treasure is as it was, alone, and nowhere in the workspace or the log."""
        inside = b"".join(p.read_bytes() for p in self.root.rglob("*") if p.is_file() and not p.is_symlink())
        said = json.dumps([line.message for line in self.record.lines]) + json.dumps(self.result and self.result.output)
        return (
            self.treasure.read_text() == "gold"
            and os.listdir(self.outside) == ["treasure"]
            and b"gold" not in inside
            and "gold" not in said
            and not os.path.lexists(self.root.parent / "escaped")
        )


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    return Cell(tmp_path)


def step(action: str, **input: Any) -> dict[str, Any]:
    return {"id": action.replace(":", "-"), "action": action, "input": input}


AWAY = (
    "../escaped",
    "/{outside}/escaped",
    "a/../../escaped",
    "{outside}/treasure",
    "../outside/treasure",
    "..",
    "a/../..",
)
WRITERS: Sequence[tuple[str, Mapping[str, Any], str]] = (
    ("fetch:plain", {"url": "./s"}, "targetPath"),
    ("fetch:template", {"url": "./s", "values": {}}, "targetPath"),
    ("fetch:plain:file", {"url": "./s/f"}, "targetPath"),
    ("fetch:template:file", {"url": "./s/f", "values": {}, "replace": True}, "targetPath"),
    ("workspace:template", {"sourcePath": "in", "values": {}}, "targetPath"),
    ("workspace:template:file", {"sourcePath": "in/f", "values": {}, "replace": True}, "targetPath"),
    ("workspace:template", {"targetPath": "x", "values": {}}, "sourcePath"),
    ("workspace:template:file", {"targetPath": "x", "values": {}}, "sourcePath"),
    ("catalog:write", {"entity": {"kind": "X"}}, "filePath"),
    ("roadiehq:utils:fs:write", {"content": "x"}, "path"),
    ("roadiehq:utils:fs:append", {"content": "x"}, "path"),
    ("roadiehq:utils:fs:parse", {}, "path"),
    ("roadiehq:utils:json:merge", {"content": {}}, "path"),
    ("roadiehq:utils:merge", {"content": {}}, "path"),
    ("roadiehq:utils:zip", {"outputPath": "z.zip"}, "path"),
    ("roadiehq:utils:zip", {"path": "in"}, "outputPath"),
)


@pytest.mark.parametrize(("action", "input", "field"), WRITERS, ids=[f"{a}-{f}" for a, _, f in WRITERS])
async def test_no_path_of_an_action_leads_out(cell: Cell, action: str, input: Mapping[str, Any], field: str):
    """Up, absolute, or through links to folders and files that lie in the workspace."""
    (cell.template / "s").mkdir()
    (cell.template / "s/f").write_text("x")
    (cell.root / "in").mkdir()
    (cell.root / "in/f").write_text("x")
    (cell.root / "door").symlink_to(cell.outside)
    (cell.root / "pin").symlink_to(cell.treasure)
    for path in (*AWAY, "door/escaped", "door/treasure", "door", "pin", "in/../door/treasure"):
        value = path.format(outside=str(cell.outside).lstrip("/") if path.startswith("/") else cell.outside)
        result = await cell.run(step(action, **input, **{field: value}))
        assert cell.is_safe(), value
        assert result.status == "failed", value


@pytest.mark.parametrize(
    ("action", "make"),
    [
        ("fs:delete", lambda p: {"files": [p]}),
        ("fs:rename", lambda p: {"files": [{"from": p, "to": "x", "overwrite": True}]}),
        ("fs:rename", lambda p: {"files": [{"from": "f", "to": p, "overwrite": True}]}),
        ("fs:readdir", lambda p: {"paths": [p], "recursive": True}),
        ("roadiehq:utils:fs:replace", lambda p: {"files": [{"file": p, "find": "gold", "replaceWith": "lead"}]}),
    ],
)
async def test_no_list_of_paths_leads_out(cell: Cell, action: str, make: Any):
    """Links themselves may go; what they lead to stays, whatever globs say."""
    (cell.root / "door").symlink_to(cell.outside)
    for path in (*AWAY, "door/treasure", "door/*", "**/treasure", "../*", "../outside/**", "door/**", "*/treasure"):
        (cell.root / "f").write_text("x")
        value = path.format(outside=str(cell.outside).lstrip("/") if path.startswith("/") else cell.outside)
        await cell.run(step(action, **make(value)))
        assert cell.is_safe(), value
    await cell.run(step("fs:delete", files=["door", "."]))
    assert cell.is_safe() and list(cell.root.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../escaped", "..", "a/../../escaped", "/etc/escaped", "door/escaped", "a\\..\\..\\escaped", "\x00"]
)
async def test_no_rendered_name_leads_out(cell: Cell, name: str):
    """Of a file or a folder, whatever the values make of it."""
    (cell.template / "s").mkdir()
    (cell.template / "s/${{ values.n }}").write_text("x")
    (cell.template / "d/${{ values.n }}").mkdir(parents=True)
    (cell.template / "d/${{ values.n }}/f").write_text("x")
    (cell.root / "door").symlink_to(cell.outside)
    for url in ("./s", "./d"):
        await cell.run(step("fetch:template", url=url, values={"n": name}, targetPath="to", replace=True))
        await cell.run(step("fetch:template", url=url, values={"n": name}, replace=True))
        assert cell.is_safe()
    assert not (cell.root.parent / "escaped").exists() and not Path("/etc/escaped").exists()


async def test_links_of_a_template_do_not_lead_out(cell: Cell):
    """Neither absolute ones nor relative ones; not even as a file to fetch."""
    for name, target in (("a", str(cell.treasure)), ("b", "../../outside/treasure"), ("c", "../../../outside")):
        folder = cell.template / name
        folder.mkdir()
        (folder / "link").symlink_to(target)
        for action in ("fetch:plain", "fetch:template"):
            assert (await cell.run(step(action, url=f"./{name}", values={}))).status == "failed"
        assert (await cell.run(step("fetch:plain:file", url=f"./{name}/link", targetPath="x"))).status == "failed"
        assert cell.is_safe()


async def test_a_link_swapped_in_between_steps_is_not_followed(cell: Cell):
    """What was a folder in one step and is a link in the next leads nowhere; a link in place of a file is replaced."""
    (cell.template / "s").mkdir()
    (cell.template / "s/treasure").write_text("mine")
    first = await cell.run(step("fetch:plain", url="./s", targetPath="dir"))
    assert first.status == "completed"
    (cell.root / "dir/treasure").unlink()
    (cell.root / "dir").rmdir()
    (cell.root / "dir").symlink_to(cell.outside)
    assert (await cell.run(step("fetch:plain", url="./s", targetPath="dir"))).status == "failed" and cell.is_safe()
    (cell.root / "dir").unlink()
    (cell.root / "dir").mkdir()
    (cell.root / "dir/treasure").symlink_to("../elsewhere")
    assert (await cell.run(step("fetch:plain", url="./s", targetPath="dir"))).status == "failed"
    (cell.root / "dir/treasure").unlink()
    (cell.root / "dir/treasure").symlink_to("beside")
    assert (await cell.run(step("fetch:plain", url="./s", targetPath="dir"))).status == "completed"
    assert (cell.root / "dir/treasure").read_text() == "mine" and os.listdir(cell.root / "dir") == ["treasure"]


async def test_links_made_by_moving_do_not_lead_out(cell: Cell):
    """A relative link that is moved to where it would point out is refused."""
    (cell.root / "a/b/c").mkdir(parents=True)
    (cell.root / "f").write_text("x")
    (cell.root / "a/b/c/up").symlink_to("../../../f")
    result = await cell.run(step("fs:rename", files=[{"from": "a/b/c/up", "to": "up"}]))
    assert result.status == "failed" and not (cell.root / "up").is_symlink()


async def test_special_files_are_never_read(cell: Cell):
    """A pipe would hold the step for ever."""
    os.mkfifo(cell.template / "pipe")
    (cell.template / "s").mkdir()
    os.mkfifo(cell.template / "s/pipe")
    os.mkfifo(cell.root / "pipe")
    async with asyncio.timeout(10):
        for one in (
            step("fetch:plain:file", url="pipe", targetPath="x"),
            step("fetch:plain", url="s"),
            step("roadiehq:utils:fs:parse", path="pipe"),
            step("roadiehq:utils:zip", path=".", outputPath="z.zip"),
        ):
            assert (await cell.run(one)).status == "failed"


async def test_runaway_templates_end(cell: Cell):
    """Loops, sizes and depths have bounds; the step fails with a sentence."""
    (cell.template / "loop").write_text(
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"
    )
    (cell.template / "big").write_text("{% for a in range(9999) %}${{ values.x }}{% endfor %}")
    async with asyncio.timeout(30):
        for name in ("loop", "big"):
            values = {"x": "y" * 50_000}
            result = await cell.run(step("fetch:template:file", url=name, targetPath="x", values=values))
            assert result.status == "failed" and "needs more than" in (result.error or {})["message"]
    assert not (cell.root / "x").exists()


async def test_no_attribute_of_python_is_reached(cell: Cell):
    """Values are plain: what looks like a way in is undefined or a fault."""
    for source in (
        "values.__class__",
        "values.x.__init__.__globals__",
        "values.x.mro()",
        "''.constructor",
        "range.__self__",
    ):
        (cell.template / "f").write_text("${{ " + source + " }}")
        await cell.run(step("fetch:template:file", url="f", targetPath="x", values={"x": "y"}, replace=True))
        made = (cell.root / "x").read_text() if (cell.root / "x").exists() else ""
        assert "class" not in made and "object" not in made and "<" not in made


async def test_no_secret_is_told(cell: Cell):
    """Not in the log, the output, nor the error: as it is, in lines, or as part of something made from it."""
    (cell.template / "f").write_text("x")
    secret = "${{ secrets.token }}"
    result = await cell.run(
        step("debug:log", message=f"it is {secret}", extra={"deep": [secret]}),
        {**step("fs:readdir", paths=["."]), "id": "list"},
        step("roadiehq:utils:fs:write", path="s.txt", content=f"<{secret}>"),
        {**step("debug:log", listWorkspace="with-contents"), "id": "look"},
        step("fs:delete", files=[f"../{secret}"]),
        secrets={"token": SECRET},
    )
    said = json.dumps([line.to_body() for line in cell.record.lines]) + json.dumps([result.output, result.error])
    assert SECRET not in said and result.status == "failed" and "***" in said
    assert SECRET in (cell.root / "s.txt").read_text()

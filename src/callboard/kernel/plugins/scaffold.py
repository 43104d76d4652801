"""``callboard plugin new``: a package that works from the first minute, with a test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

from callboard.kernel.errors import ConflictError, InputError
from callboard.kernel.plugins.manifest import PLUGIN_NAME


@dataclass(frozen=True, slots=True)
class PlannedFile:
    path: Path
    text: str


def plan_plugin(name: str, folder: Path, *, version: str) -> list[PlannedFile]:
    """The files of a new plugin ``name`` in ``folder/callboard-<name>``; ``version`` is that of Callboard.

    Raises ``InputError`` for a name that is none: lower-case letters, digits and dashes.
    """
    if not PLUGIN_NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no plugin name: use lower-case letters, digits and dashes, beginning with a letter"
        )
    module = f"callboard_{name.replace('-', '_')}"
    minor = ".".join(version.split(".")[:2])
    values = {"name": name, "module": module, "minor": minor, "title": name.replace("-", " ").capitalize()}
    root = folder / f"callboard-{name}"
    return [
        PlannedFile(root / Template(path).substitute(values), Template(text).substitute(values))
        for path, text in _FILES.items()
    ]


def apply_plugin(files: list[PlannedFile]) -> None:
    """Write the files. Raises ``ConflictError`` if one is there already; then none is written."""
    for file in files:
        if file.path.exists():
            raise ConflictError(f"{file.path} is there already; nothing was written")
    for file in files:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(file.text, encoding="utf-8")


_FILES: dict[str, str] = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "callboard-$name"
version = "0.1.0"
description = "$title for Callboard."
requires-python = ">=3.11"
dependencies = ["callboard>=$minor"]

[project.entry-points."callboard.plugins"]
$name = "$module.plugin"

[tool.hatch.build.targets.wheel]
packages = ["src/$module"]

[tool.pytest.ini_options]
pythonpath = ["src"]
testpaths = ["tests"]
""",
    "README.md": """\
# callboard-$name

A plugin for Callboard.

    pip install -e .
    callboard plugin list
    python -m pytest

It adds a page at `/$name` with an entry in the navigation, and the action `$name:greet`
(`callboard action run $name:greet --input '{"name": "Ada"}'`). `plugins.$name.greeting` in app-config.yaml changes the words.
""",
    "src/$module/__init__.py": '"""$title for Callboard."""\n',
    "src/$module/manifest.toml": """\
name = "$name"
version = "0.1.0"
description = "$title for Callboard."
requires = ">=$minor"
hooks = ["register_actions", "register_nav_items", "register_routes", "register_settings"]
hosts = []
""",
    "src/$module/plugin.py": '''\
"""The wiring of the plugin: every hook returns values and changes nothing."""

from __future__ import annotations

from html import escape
from typing import Any, Mapping, Sequence

from starlette.responses import HTMLResponse, Response

from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Setting
from callboard.kernel.web.routing import Route
from callboard.kernel.web.shell import NavItem


@hookimpl
def register_settings() -> Sequence[Setting]:
    return [Setting("plugins.$name.greeting", "text", "Hello", None, "The word that greets.")]


@hookimpl
def register_routes(portal: Any) -> Sequence[Route]:
    greeting = portal.settings.get_str("plugins.$name.greeting", "Hello")

    async def page(request: Any) -> Response:
        return HTMLResponse(f"<!doctype html><title>$title</title><h1>{escape(greeting)}</h1>")

    return [Route("/$name", page, auth="page")]


@hookimpl
def register_nav_items(portal: Any) -> Sequence[NavItem]:
    return [NavItem(id="$name", title="$title", path="/$name", icon="puzzle", rank=900)]


@hookimpl
def register_actions(portal: Any) -> Sequence[Action]:
    greeting = portal.settings.get_str("plugins.$name.greeting", "Hello")

    async def greet(context: ActionContext) -> Mapping[str, Any]:
        return {"text": f"{greeting}, {context.input['name']}"}

    return [
        Action(
            id="$name:greet",
            title="Greet",
            description="Greets somebody by name.",
            handler=greet,
            input_schema={
                "type": "object",
                "properties": {"name": {"type": "string", "minLength": 1}},
                "required": ["name"],
                "additionalProperties": False,
            },
            output_schema={"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
            attributes=ActionAttributes(read_only=True, idempotent=True),
        )
    ]
''',
    "tests/test_plugin.py": '''\
"""The plugin in a real portal, in this process."""

from __future__ import annotations

import pytest
from $module import plugin

from callboard.testing import make_portal, user

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_the_action_greets_with_the_word_from_the_settings() -> None:
    """The setting reaches the action, and the action is offered to a signed-in user."""
    settings = {"plugins": {"$name": {"greeting": "Ahoy"}}}
    async with make_portal(settings, plugins=[("$name", plugin)]) as portal:
        output = await portal.actions.invoke("$name:greet", {"name": "Ada"}, actor=user("ada"))
        assert output == {"text": "Ahoy, Ada"}


async def test_the_page_is_there() -> None:
    """A signed-in user reads the page."""
    async with make_portal(plugins=[("$name", plugin)]) as portal:
        async with portal.client(user("ada")) as client:
            answer = await client.get("/$name")
        assert answer.status_code == 200
        assert "Hello" in answer.text
''',
}

"""Every publishing action describes itself fully."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from callboard.kernel.actions import ActionRegistry
from callboard.kernel.errors import InputError
from callboard.testing.actors import admin
from tests.integrations.conftest import Connect
from tests.integrations.publishing.steps import portal_of

pytestmark = pytest.mark.anyio
NAMES = ["git", "github", "gitlab", "gitea", "bitbucket", "azure", "gerrit"]


@pytest.fixture
def registry(connect: Connect, clock: Any, tmp_path: Path) -> ActionRegistry:
    wire = connect({})
    portal = portal_of(wire.settings, wire.http, clock, tmp_path)
    registry = ActionRegistry(None, None)
    for name in NAMES:
        plugin = import_module(f"callboard.integrations.{name}.plugin")
        portal.add(plugin.register_services(portal))
        registry.register(plugin.register_actions(portal))
    return registry


async def test_examples_fit_the_schemas_and_fields_say_what_they_are(registry: ActionRegistry):
    """An example is a step of this action; every field of input and output has a description."""
    actions = registry.list(admin(), with_workspace=True)
    assert len(actions) >= 30
    for action in actions:
        assert action.examples, action.id
        for example in action.examples:
            (step,) = yaml.safe_load(example["example"])["steps"]
            assert step["action"] == action.id
            # expressions stand for values of any type
            registry.check_input(action, {k: 1 if k == "number" else v for k, v in step["input"].items()}, {})
        for schema in (action.input_schema, action.output_schema):
            jsonschema_rs.meta.validate(dict(schema))
            fields = schema.get("properties", {})
            assert all(one.get("description") or "properties" in one for one in fields.values()), action.id


async def test_nobody_runs_them_outside_templates(registry: ActionRegistry):
    """They act with the credentials of the portal, which are not everybody's."""
    assert registry.list(admin()) == []
    with pytest.raises(InputError, match="only as a step"):
        await registry.invoke("github:issues:create", {"repoUrl": "x", "title": "x"}, actor=admin())

"""The registry: who may, what fits, what is recorded."""

from __future__ import annotations

from typing import Any, Mapping

import pytest

from callboard.kernel.actions import (
    Action,
    ActionAttributes,
    ActionContext,
    ActionNotFound,
    ActionRegistry,
    format_action,
)
from callboard.kernel.auth.actor import ANONYMOUS, Actor
from callboard.kernel.errors import ConflictError, InputError, NotAllowedError, UnavailableError
from callboard.kernel.permissions import ALLOW, DENY, Decision, Permission
from callboard.kernel.settings import Settings
from callboard.testing import admin, user
from tests.kernel.conftest import RecordingAudit

pytestmark = pytest.mark.anyio
SECRET = Permission("thing.update", "update")


class OnlyAdmins:
    """Permissions by which administrators may everything and others nothing that is asked for."""

    def decide(self, actor: Actor, permission: Permission) -> Decision:
        return ALLOW if "admin" in actor.roles else DENY


async def double(context: ActionContext) -> Mapping[str, Any]:
    return {"n": context.input["n"] * 2, "tried": context.dry_run}


def action(id: str = "math:double", **changes: Any) -> Action:
    given: dict[str, Any] = {
        "title": "Double",
        "description": "Doubles a number.",
        "handler": double,
        "input_schema": {
            "type": "object",
            "properties": {"n": {"type": "integer"}},
            "required": ["n"],
            "additionalProperties": False,
        },
        "output_schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
        **changes,
    }
    return Action(id, **given)


def registry(*actions: Action, audit: RecordingAudit | None = None, settings: Settings | None = None) -> ActionRegistry:
    made = ActionRegistry(OnlyAdmins(), audit, settings)  # type: ignore[arg-type]
    made.register(actions)
    return made


async def test_an_action_runs_on_input_that_fits() -> None:
    """The handler gets input and actor; its output comes back."""
    assert await registry(action()).invoke("math:double", {"n": 2}, actor=user("ada")) == {"n": 4, "tried": False}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "n"),
        ({"n": "x"}, '^Invalid input passed to action "math:double": n: '),
        ([], "object"),
        ({"n": 1, "m": 2}, "m"),
    ],
)
async def test_input_that_does_not_fit_is_refused_with_the_place(given: Any, message: str) -> None:
    """The schema is checked before the handler sees anything."""
    with pytest.raises(InputError, match=message):
        await registry(action()).invoke("math:double", given, actor=user("ada"))


async def test_hidden_actions_read_as_not_found() -> None:
    """Who may not, does not learn that the action exists; nobody at all is told to sign in."""
    actions = registry(action(), action("thing:change", permission=SECRET))
    assert [one.id for one in actions.list(user("ada"))] == ["math:double"]
    assert [one.id for one in actions.list(admin())] == ["math:double", "thing:change"]
    assert list(actions.list(ANONYMOUS)) == []
    for id in ("thing:change", "no:such"):
        with pytest.raises(ActionNotFound, match=f'Action "{id}" not found'):
            await actions.invoke(id, {"n": 1}, actor=user("ada"))
    with pytest.raises(NotAllowedError):
        await actions.invoke("math:double", {"n": 1}, actor=ANONYMOUS)


async def test_a_dry_run_needs_an_action_that_has_one() -> None:
    """Nothing is done by accident."""
    actions = registry(action(), action("math:try", supports_dry_run=True))
    assert (await actions.invoke("math:try", {"n": 1}, actor=user("ada"), dry_run=True))["tried"] is True
    with pytest.raises(InputError, match="without effect"):
        await actions.invoke("math:double", {"n": 1}, actor=user("ada"), dry_run=True)


async def test_actions_on_files_are_for_template_steps_only() -> None:
    """Without a workspace they are neither listed nor run."""
    actions = registry(action("fs:copy", needs_workspace=True))
    assert list(actions.list(user("ada"))) == []
    assert [one.id for one in actions.list(user("ada"), with_workspace=True)] == ["fs:copy"]
    with pytest.raises(InputError, match="template"):
        await actions.invoke("fs:copy", {"n": 1}, actor=user("ada"))
    assert (await actions.invoke("fs:copy", {"n": 1}, actor=user("ada"), workspace="/tmp/x"))["n"] == 2


async def test_secrets_are_checked_and_never_repeated() -> None:
    """An error about a secret does not quote it, and the audit does not have it."""
    audit = RecordingAudit()
    schema = {
        "type": "object",
        "properties": {"password": {"type": "string", "minLength": 20}},
        "required": ["password"],
    }
    actions = registry(action("x:y", secrets_schema=schema), audit=audit)
    with pytest.raises(InputError) as caught:
        await actions.invoke("x:y", {"n": 1}, actor=user("ada"), secrets={"password": "hunter22"})
    assert "hunter22" not in str(caught.value)
    await actions.invoke("x:y", {"n": 1}, actor=user("ada"), secrets={"password": "a-very-long-password-indeed"})
    assert "password" not in str(audit.events)


async def test_what_changes_something_or_fails_is_audited() -> None:
    """Reads leave no trace unless they fail; changes and failures do, with who and how severe."""

    async def fail(context: ActionContext) -> Mapping[str, Any]:
        raise UnavailableError("the host is down")

    audit = RecordingAudit()
    actions = registry(
        action(),
        action("math:read", attributes=ActionAttributes(read_only=True)),
        action("math:fail", attributes=ActionAttributes(read_only=True), handler=fail),
        audit=audit,
    )
    for id in ("math:double", "math:read"):
        await actions.invoke(id, {"n": 1}, actor=user("ada"))
    with pytest.raises(UnavailableError):
        await actions.invoke("math:fail", {"n": 1}, actor=user("ada"))
    told = [(one["meta"]["action"], one["status"], one["severity"], one["actor"]) for one in audit.events]
    assert told == [
        ("math:double", "succeeded", "medium", "user:default/ada"),
        ("math:fail", "failed", "low", "user:default/ada"),
    ]


def test_an_id_is_taken_once_and_has_two_parts() -> None:
    """Two plugins cannot register the same thing."""
    with pytest.raises(ConflictError, match="math:double"):
        registry(action(), action())
    with pytest.raises(InputError, match="<plugin>:<name>"):
        registry(action("double"))


def test_the_settings_filter_what_is_offered() -> None:
    """backend.actions.filter includes and excludes by id and attributes, as in Backstage."""
    settings = Settings.of(
        {
            "backend": {
                "actions": {
                    "filter": {"include": [{"id": "math:*"}], "exclude": [{"attributes": {"destructive": True}}]}
                }
            }
        }
    )
    reading = ActionAttributes(read_only=True)
    actions = registry(
        action("math:a", attributes=reading), action("math:b"), action("x:c", attributes=reading), settings=settings
    )
    assert [one.id for one in actions.list(admin())] == ["math:a"]


def test_the_wire_form_is_backstages() -> None:
    """Names of attributes, schemas apart, destructive unless read-only."""
    assert format_action(action()) == {
        "id": "math:double",
        "name": "double",
        "title": "Double",
        "description": "Doubles a number.",
        "pluginId": "math",
        "schema": {"input": action().input_schema, "output": action().output_schema},
        "attributes": {"readOnly": False, "destructive": True, "idempotent": False},
    }


async def test_actions_that_were_put_off_are_there_for_whoever_asks() -> None:
    """Listed, looked up and invoked as if they had been registered; they are made once."""
    made: list[str] = []
    actions = registry()

    def fill() -> None:
        made.append("filled")
        actions.register([action()])

    actions.put_off(fill)
    assert made == []
    assert await actions.invoke("math:double", {"n": 2}, actor=user("ada")) == {"n": 4, "tried": False}
    assert [one.id for one in actions.list(user("ada"))] == ["math:double"] and actions.has("math:double")
    assert made == ["filled"]

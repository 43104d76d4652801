"""What templates ask, which answers fit, and what is hidden from whom."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.scaffolder.interface import DryRun, TaskNotFound, TaskQuery, TemplateNotFound, ValuesRefused
from callboard.features.scaffolder.permissions import HasActionId, HasProperty, HasTag, IsCreatedBy, holds
from callboard.features.scaffolder.values import ValueChecks
from callboard.kernel.auth.actor import ANONYMOUS
from callboard.kernel.errors import AuthenticationError, InputError, NotAllowedError
from callboard.kernel.read_file import TreeFile
from callboard.model.predicates import All, Any_, Negation
from callboard.model.refs import EntityRef
from tests.features.scaffolder.conftest import ADA, BOB, step, template

pytestmark = pytest.mark.anyio

PAGES: list[dict[str, Any]] = [
    {"title": "Basics", "description": "First", "required": ["name"], "properties": {"name": {"type": "string"}}},
    {"properties": {"size": {"type": "integer", "minimum": 2}}, "backstage:permissions": {"tags": ["internal"]}},
]


def policy(*rules: Any) -> dict[str, Any]:
    return {"permission": {"policy": {"roles": {"all": {"members": ["$everyone"], "rules": list(rules)}}}}}


def deny(permission: str, rule: str, params: Any, type: str) -> dict[str, Any]:
    when = {"rule": rule, "resourceType": type, "params": params}
    return {"permission": [permission], "effect": "deny", "when": when}


async def test_a_form_is_that_of_the_wire(open_shop) -> None:
    """Title, pages with a title each, and what the template says of its buttons and decorators."""
    shown = template(
        "form",
        step("one", "note"),
        parameters=PAGES,
        presentation={"buttonLabels": {"reviewButtonText": "Look"}},
        EXPERIMENTAL_formDecorators=[{"id": "d"}],
    )
    shown["metadata"]["ui:options"] = {"wide": True}
    async with open_shop(shown, template("bare", step("one", "note"), parameters=PAGES[0])) as shop:
        form = await shop.templates.find_form(EntityRef.parse("template:default/form"), actor=ADA)
        assert (form.ref, form.title, form.description) == ("template:default/form", "Form", None)
        assert form.steps == [
            {"title": "Basics", "description": "First", "schema": PAGES[0]},
            {"title": "Please enter the following information", "schema": PAGES[1]},
        ]
        assert form.presentation == {"buttonLabels": {"reviewButtonText": "Look"}}
        assert (form.ui_options, form.form_decorators) == ({"wide": True}, [{"id": "d"}])
        bare = await shop.templates.find_form(EntityRef.parse("template:default/bare"), actor=ADA)
        assert [page["title"] for page in bare.steps] == ["Basics"]
        with pytest.raises(TemplateNotFound):
            await shop.templates.find_form(EntityRef.parse("template:default/nope"), actor=ADA)


async def test_answers_are_checked_by_all_pages_or_one(open_shop) -> None:
    """Each page sees all answers."""
    async with open_shop(template("form", step("one", "note"), parameters=PAGES)) as shop:
        ref = EntityRef.parse("template:default/form")

        async def found(values: dict[str, Any], page: int | None = None) -> list[str]:
            problems = await shop.templates.check_values(ref, values, actor=ADA, page=page)
            return [f"{one.property} {one.message}" for one in problems]

        assert await found({"size": 1}) == [
            'instance requires property "name"',
            "instance.size must be greater than or equal to 2",
        ]
        assert await found({"size": 1}, page=0) == ['instance requires property "name"']
        assert await found({"name": "a", "size": 3}) == []
        with pytest.raises(InputError):
            await found({}, page=2)


async def test_hidden_pages_and_steps_are_as_if_they_were_not_there(open_shop) -> None:
    """What a policy hides by its tag is neither asked nor run."""
    tagged = {"backstage:permissions": {"tags": ["internal"]}}
    shown = template("form", step("one", "note"), step("two", "note", **tagged), parameters=PAGES)
    rules = policy(
        deny("scaffolder.template.parameter.read", "HAS_TAG", {"tag": "internal"}, "scaffolder-template"),
        deny("scaffolder.template.step.read", "HAS_TAG", {"tag": "internal"}, "scaffolder-template"),
    )
    async with open_shop(shown, more=rules) as shop:
        form = await shop.templates.find_form(EntityRef.parse("template:default/form"), actor=ADA)
        assert [page["title"] for page in form.steps] == ["Basics"]
        task = await shop.run("form", {"name": "a", "size": "not looked at"})
        assert shop.states(task) == {"one": "completed"}


async def test_actions_are_kept_from_steps_by_their_input(open_shop) -> None:
    """The rendered input counts, not what the template says."""
    shown = template("form", step("one", "note", input={"word": "${{ parameters.word }}"}))
    rule = deny(
        "scaffolder.action.execute", "HAS_STRING_PROPERTY", {"key": "word", "value": "bad"}, "scaffolder-action"
    )
    async with open_shop(shown, more=policy(rule)) as shop:
        assert (await shop.run("form", {"word": "good"})).state == "completed"
        task = await shop.run("form", {"word": "bad"})
        assert (task.state, task.error["name"]) == ("failed", "NotAllowedError")
        assert [line.split()[2] for line in shop.acting.lines()] == ["good"]


async def test_tasks_of_others_are_hidden_where_the_policy_says_so(each_shop) -> None:
    """In the list and its count, and everywhere else: as if they were not there."""
    when = {"rule": "IS_TASK_OWNER", "resourceType": "scaffolder-task", "params": {"createdBy": ["$currentUser"]}}
    rule = {"permission": ["scaffolder.task.read"], "effect": "deny", "when": {"not": when}}
    async with each_shop(template("note", step("one", "note")), more=policy(rule)) as shop:
        mine = await shop.create("note")
        await shop.create("note", actor=BOB)
        page = await shop.tasks.list(TaskQuery(), actor=ADA)
        assert ([task.id for task in page.tasks], page.total) == ([mine], 1)
        for call in (shop.tasks.get, shop.tasks.events, shop.tasks.cancel, shop.tasks.retry):
            with pytest.raises(TaskNotFound, match=f"No task with id '{mine}' found"):
                await call(mine, actor=BOB)


async def test_nobody_known_does_nothing(open_shop) -> None:
    """Every door asks who comes."""
    async with open_shop(template("note", step("one", "note"))) as shop:
        for call in (shop.create("note", actor=ANONYMOUS), shop.tasks.list(TaskQuery(), actor=ANONYMOUS)):
            with pytest.raises(AuthenticationError):
                await call


async def test_a_dry_run_leaves_nothing(open_shop) -> None:
    """Actions that can are tried, others told of; files come back, and nothing is stored or left on the disk."""
    shown = template(
        "dry",
        step("say", "say", input={"message": "${{ parameters.name }} ${{ secrets.token }}"}),
        step("note", "note"),
        step("write", "write", input={"files": {"made.txt": "${{ parameters.name }}"}}),
        output={"name": "${{ parameters.name }}"},
        parameters=PAGES[0],
    )
    async with open_shop() as shop:
        files = [TreeFile("skeleton/a.txt", b"a")]
        dry = DryRun(shown, {"name": "till"}, files, {"token": "s3cr3t"})
        result = await shop.tasks.dry_run(dry, actor=ADA)
        assert (result.output, result.error) == ({"name": "till"}, None)
        assert [(file.path, file.content) for file in result.files] == [("made.txt", b"till")]
        assert result.steps[0] == {"id": "say", "name": "Say", "action": "test:say"}
        messages = [line["message"] for line in result.log]
        assert "Skipping because test:note does not support dry-run" in messages
        assert "s3cr3t" not in repr(result.log)
        assert shop.workspaces() == [] and (await shop.tasks.list(TaskQuery(), actor=ADA)).total == 0
        with pytest.raises(ValuesRefused):
            await shop.tasks.dry_run(DryRun(shown, {}), actor=ADA)
        with pytest.raises(InputError, match="Input template is not a template"):
            await shop.tasks.dry_run(DryRun({"kind": "Nope"}, {}), actor=ADA)
        unknown = template("dry", {"action": "nope:nope"})
        failed = await shop.tasks.dry_run(DryRun(unknown, {}), actor=ADA)
        assert failed.error is not None and failed.error["name"] == "NotFoundError"


async def test_a_dry_run_needs_its_permission(open_shop) -> None:
    """Also of who may run templates."""
    rule = {"permission": ["scaffolder.template.dry-run"], "effect": "deny"}
    async with open_shop(more=policy(rule)) as shop:
        with pytest.raises(NotAllowedError):
            await shop.tasks.dry_run(DryRun(template("dry", step("say", "say")), {}), actor=ADA)


def test_rules_hold_as_they_say() -> None:
    """On single things; values compare with their type and letters."""
    resource = {"action": "debug:log", "input": {"a": {"b": ["x", "Y"]}, "n": 1, "yes": True, "no": False, "empty": ""}}
    for rule, wanted in (
        (HasActionId("debug:log"), True),
        (HasActionId("debug:wait"), False),
        (HasProperty("a.b", "x"), True),
        (HasProperty("a.b", "y"), False),
        (HasProperty("a.b[1]", "Y"), True),
        (HasProperty("a", None), True),
        (HasProperty("a.c", None), False),
        (HasProperty("empty", None), False),
        (HasProperty("n", 1), True),
        (HasProperty("n", True), False),
        (HasProperty("yes", True), True),
        (HasProperty("no", False), True),
    ):
        assert holds(rule, resource) is wanted, rule
        assert holds(Negation(rule), resource) is not wanted
    page = {"backstage:permissions": {"tags": ["a"]}}
    assert holds(All((HasTag("a"), Negation(HasTag("b")))), page) and not holds(Any_(()), page)
    assert not holds(HasTag("a"), {}) and not holds(IsCreatedBy(("user:default/a",)), {"created_by": None})


@pytest.mark.parametrize(
    ("schema", "values", "wanted"),
    [
        ({"properties": {"a": {"pattern": "^[a-z]+$"}}}, {"a": "A"}, ('instance.a', 'does not match pattern "^[a-z]+$"')),
        ({"properties": {"a": {"enum": ["x", 1]}}}, {"a": 2}, ("instance.a", "is not one of enum values: x,1")),
        ({"properties": {"l": {"items": {"maxLength": 1}}}}, {"l": ["a", "bb"]}, ("instance.l[1]", "does not meet maximum length of 1")),
        ({"additionalProperties": False}, {"a": 1}, ("instance", 'is not allowed to have the additional property "a"')),
        ({"properties": {"a": {"type": ["string", "null"]}}}, {"a": 1}, ("instance.a", "is not of a type(s) string,null")),
        ({"properties": {"a": {"anyOf": [{"type": "string", "title": "T"}, {"type": "null"}]}}}, {"a": 1}, ("instance.a", 'is not any of "T",[subschema 1]')),
        ({"dependencies": {"a": ["b"]}}, {"a": 1}, ("instance", 'requires property "b"')),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, ("instance", 'requires property "b"')),
        ({"properties": {"a": {"type": "array", "uniqueItems": True}}}, {"a": [1, 1]}, ("instance.a", "contains duplicate item")),
        ({"properties": {"a": {"minimum": 1, "exclusiveMinimum": True}}}, {"a": 1}, ("instance.a", "must be strictly greater than 1")),
    ],
)  # fmt: skip
def test_problems_read_as_on_the_wire(schema: Any, values: Any, wanted: tuple[str, str]) -> None:
    """In the words of the validator that Backstage uses."""
    (problem,) = ValueChecks().check(schema, values)
    assert (problem.property, problem.message) == wanted


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"type": "any", "required": True, "ui:field": "X", "pattern": "(?<"}}},
        {"type": "object", "properties": {"a": None, "b": "text"}, "enum": [], "minLength": "3"},
        {"allOf": [], "properties": [], "items": 3, "multipleOf": 0, "format": 3},
        {"$ref": "#/definitions/x", "definitions": {"x": {"type": "object"}}},
    ],
)
def test_what_is_no_schema_in_a_template_is_passed_over(schema: Any) -> None:
    """Forms that people use today keep working."""
    assert ValueChecks().check(schema, {"a": "x"}) == []


def test_a_schema_never_reads_from_elsewhere() -> None:
    """A reference that leads out is told, and not followed."""
    with pytest.raises(InputError, match="outside the template"):
        ValueChecks().check({"$ref": "http://127.0.0.1:9/x.json"}, {})


def test_every_form_of_the_corpus_takes_its_answers(shared) -> None:
    """Real templates with the values that were picked for them."""
    import json

    import yaml

    checks, seen = ValueChecks(), 0
    for file in sorted((shared / "corpus" / "templates").glob("*/job.json")):
        job = json.loads(file.read_text())
        path = next(job[key] for key in ("template", "template_path", "path", "file") if key in job)
        documents = yaml.safe_load_all((file.parent / "src" / path).read_text())
        entity = next(one for one in documents if one and one.get("kind") == "Template")
        values = json.loads((file.parent / "values.json").read_text())
        pages = entity["spec"].get("parameters") or []
        for page in pages if isinstance(pages, list) else [pages]:
            assert checks.check(page, values) == [], file
        seen += 1
    assert seen == 35

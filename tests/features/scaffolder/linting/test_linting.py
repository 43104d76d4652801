"""What the linter finds in a template, each with its place; and that it is silent where nothing is wrong."""

from __future__ import annotations

from typing import Any, Sequence

import pytest

from callboard.features.scaffolder.language import Language
from callboard.features.scaffolder.linting import Finding, lint_template
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.read_file import TreeFile


async def _nothing(context: ActionContext) -> dict[str, Any]:
    return {}


ACTIONS = {
    action.id: action
    for action in (
        Action(
            "test:say", "Say", "Says.", _nothing,
            {"type": "object", "required": ["message"], "additionalProperties": False,
             "properties": {"message": {"type": "string"}, "times": {"type": "integer"}, "loud": {"type": "boolean"}}},
            {"type": "object", "properties": {"said": {"type": "string"}}},
        ),
        Action("fetch:template", "Fetch", "Fetches.", _nothing, {"type": "object"}),
    )
}  # fmt: skip

HEAD = """\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata:
  name: it
spec:
  type: service
"""
GOOD = (
    HEAD
    + """\
  parameters:
    - title: Basics
      required: [name]
      properties:
        name: {type: string}
        kind: {type: string}
        deploy: {type: boolean}
        token: {type: string, ui:field: Secret}
      dependencies:
        kind: {oneOf: [{properties: {kind: {enum: [a]}, port: {type: integer}}}]}
  steps:
    - id: first
      action: test:say
      input: {message: "hello ${{ parameters.name }}", times: "${{ parameters.port }}"}
    - id: second-one
      action: test:say
      if: ${{ parameters.deploy and failure() }}
      each: [1, 2]
      input: {message: "${{ steps.first.output.said | upper }} ${{ each.value }} ${{ secrets.token }}"}
  output:
    links:
      - {title: See, url: "${{ steps['second-one'].output.said[0] }}"}
"""
)


def lint(text: str, **options: Any) -> list[Finding]:
    return lint_template(text, file="t.yaml", language=Language(), find_action=ACTIONS.get, **options)


def rules(text: str, **options: Any) -> list[str]:
    return [one.rule for one in lint(text, **options)]


def with_step(step: str, parameters: str = "") -> str:
    asked = f"  parameters:\n    properties: {{{parameters}}}\n" if parameters else ""
    return f"{HEAD}{asked}  steps:\n    - {step}\n"


def test_a_sound_template_has_no_findings() -> None:
    """Names, conditions, loops, secrets, filters and a hyphen in an id, all as they should be."""
    assert [str(one) for one in lint(GOOD)] == []


@pytest.mark.parametrize(
    ("change", "rule", "at"),
    [
        (("parameters.name }}", "parameters.nam }}"), "unknown-parameter", "parameters.nam"),
        (("steps.first.output.said", "steps.third.output.said"), "unknown-step", "steps.third"),
        (("steps.first.output.said", "steps['second-one'].output.said"), "later-step", "steps['second-one']"),
        (("steps.first.output.said", "steps.first.output.sad"), "unknown-output", "steps.first.output.sad"),
        (("steps.first.output.said", "steps.first.said"), "step-output", "steps.first.said"),
        (("| upper", "| toupper"), "unknown-filter", "toupper"),
        (("| upper", "| tojson"), "old-filter", "tojson"),
        (("said | upper", "said.upper()"), "python-method", "upper()"),
        (("${{ each.value }}", "{{ each.value }}"), "plain-braces", "{{ each.value"),
        (("steps['second-one']", "steps.second-one"), "minus", "steps.second-one"),
        (("said[0] }}", "said[0] }} ${{ secrets.other }}"), "secret-not-visible", "secrets.other"),
        (("${{ parameters.deploy and failure() }}", "${{ parameters.deploy == 'true' }}"), "flag-as-text", "parameters.deploy =="),
        (("${{ parameters.deploy and failure() }}", "'false'"), "false-as-text", "if: 'false'"),
        (("action: test:say\n      if", "action: test:shout\n      if"), "unknown-action", "action: test:shout"),
        (("id: second-one", "id: first"), "step-id-twice", "id: first\n      action: test:say\n      if"),
        (('times: "${{ parameters.port }}"', "times: often"), "input", "times: often"),
        (('times: "${{ parameters.port }}"', "tims: 3"), "input", 'input: {message: "hello'),
        (('"${{ parameters.port }}"', '"{% if parameters.port %}1{% endif %}"'), "text-not-value", "{% if"),
        (("ui:field: Secret", "ui:widget: password"), "password-in-clear", "token: {"),
        (("type: service\n", "kind: service\n"), "schema", "spec:"),
        (("v1beta3", "v1beta2"), "version", "apiVersion:"),
        (("kind: Template", "kind: Component"), "no-template", "apiVersion:"),
    ],
)  # fmt: skip
def test_each_fault_is_found_at_its_place(change: tuple[str, str], rule: str, at: str) -> None:
    """One change of the sound template, and the finding that stands for it; ``at`` is what stands at its place."""
    changed = GOOD.replace(*change, 1)
    offset = changed.index(at)
    place = (changed.count("\n", 0, offset) + 1, offset - changed.rfind("\n", 0, offset))
    found = [one for one in lint(changed) if one.rule == rule]
    assert found, [str(one) for one in lint(changed)]
    assert place in [(one.line, one.column) for one in found], (place, str(found[0]))
    assert all(one.message and "{name}" not in one.message for one in found)


def test_what_cannot_be_read_is_told_with_its_place() -> None:
    """YAML and expressions."""
    assert [(one.rule, one.line) for one in lint(GOOD.replace("  steps:", " steps:"))] == [("yaml", 17)]
    (one,) = [one for one in lint(GOOD.replace("${{ each.value }}", "${{ each.value")) if one.rule == "syntax"]
    assert one.line == GOOD[: GOOD.index("each.value")].count("\n") + 1


def test_what_expressions_come_to_is_not_judged() -> None:
    """An input that is rendered may be of any type; a field that is missing is missing all the same."""
    assert rules(with_step("{action: 'test:say', input: {message: hi, loud: '${{ 1 == 1 }}'}}")) == []
    assert rules(with_step("{action: 'test:say', input: {loud: '${{ 1 == 1 }}'}}")) == ["input"]


def test_parameters_that_nothing_uses_are_told() -> None:
    """Unless the form itself reads them, or an expression reads all."""
    asked = "used: {type: string}, idle: {type: string}"
    (one,) = lint(with_step("{action: 'test:say', input: {message: '${{ parameters.used }}'}}", asked))
    assert (one.rule, one.severity, one.field) == ("unused-parameter", "warning", "spec.parameters.properties.idle")
    assert rules(with_step("{action: 'test:say', input: {message: '${{ parameters | dump }}'}}", asked)) == []


def test_secrets_that_nothing_gives_are_told() -> None:
    """A schema, a Secret field or a picker's credentials give them; decorators may give any."""
    step = "{action: 'test:say', input: {message: '${{ secrets.key }}'}}"
    assert rules(with_step(step)) == ["unknown-secret"]
    assert rules(with_step(step, "repo: {ui:field: RepoUrlPicker, ui:options: {requestUserCredentials: {secretsKey: key}}}")) == ["unused-parameter"]  # fmt: skip
    assert rules(with_step(step) + "  secrets: {schema: {type: object, properties: {key: {type: string}}}}\n") == []
    assert rules(with_step(step) + "  formDecorators: [{id: token}]\n") == []


def test_actions_of_elsewhere_may_be_allowed() -> None:
    step = with_step("{action: 'acme:deploy'}")
    assert rules(step) == ["unknown-action"]
    assert rules(step, allowed=["acme:*"]) == []


def test_places_in_folded_and_block_texts() -> None:
    """Lines count in the file, also within a text of many lines and in the second document."""
    text = with_step("action: test:say\n      input:\n        message: |\n          one\n          ${{ nope }}")
    (one,) = lint("---\n# first\n---\n" + text)
    assert (one.rule, one.line, one.column) == ("unknown-name", 15, 15)


def test_skeletons_are_looked_into() -> None:
    """Syntax, filters, values that the step does not pass, and what was meant for another tool; not what is only copied."""
    step = with_step(
        "{action: 'fetch:template', input: {url: ./skeleton, copyWithoutTemplating: [plain/*], values: {name: x}}}"
    )
    files = [
        TreeFile("good.md", b"# ${{ values.name }}\n"),
        TreeFile("bad.md", b"\n${{ values.name | }}\n"),
        TreeFile("ci.yml", b"a: ${{ secrets.A }}\nb: ${{ secrets.B }}\nc: ${{ values.nam }}\n"),
        TreeFile("plain/x.yml", b"${{ secrets.A }}"),
        TreeFile("logo.png", b"\x89PNG\x00${{"),
    ]

    def read(url: str, is_tree: bool) -> Sequence[TreeFile]:
        assert (url, is_tree) == ("./skeleton", True)
        return files

    found = [(one.rule, one.file, one.line) for one in lint(step, read_skeleton=read)]
    assert found == [
        ("syntax", "skeleton/bad.md", 2),
        ("unknown-value", "skeleton/ci.yml", 1),
        ("value-not-passed", "skeleton/ci.yml", 3),
    ]

"""``/create/actions``: what steps can do, as the registry says it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any, Mapping, Sequence
from urllib.parse import quote

from markupsafe import Markup

from callboard.features.scaffolder.pages.common import ACTIONS, coded
from callboard.features.scaffolder.pages.schemas import SchemaRow, schema_rows
from callboard.kernel.actions import Action
from callboard.ui.code import Code, format_yaml, show_code
from callboard.ui.markdown import render_markdown
from callboard.ui.messages import Translator
from callboard.ui.parts import Crumb, Tab


@dataclass(frozen=True, slots=True)
class ActionLine:
    """An action in the list. ``summary`` is the first line of what it says of itself."""

    id: str
    href: str
    summary: Markup
    marks: Sequence[str]


@dataclass(frozen=True, slots=True)
class ActionsPage:
    """``scaffolder/actions.html``. ``groups`` are (what stands before the colon, actions)."""

    title: str
    crumbs: Sequence[Crumb]
    tabs: Sequence[Tab]
    q: str
    groups: Sequence[tuple[str, Sequence[ActionLine]]]
    total: int


@dataclass(frozen=True, slots=True)
class ActionPage:
    """``scaffolder/action.html``. ``examples`` are (description or empty, YAML)."""

    title: str
    crumbs: Sequence[Crumb]
    description: Markup
    marks: Sequence[tuple[str, str]]
    inputs: Sequence[SchemaRow]
    outputs: Sequence[SchemaRow]
    secrets: Sequence[SchemaRow]
    takes_more: bool
    examples: Sequence[tuple[str, Code]]
    step: Code


def marks_of(action: Action) -> list[str]:
    """Ids of what is worth knowing before one uses it."""
    marks = []
    if action.supports_dry_run or action.attributes.read_only:
        marks.append("dry_run")
    if action.needs_workspace:
        marks.append("workspace")
    if action.attributes.read_only:
        marks.append("read_only")
    elif action.attributes.is_destructive and action.attributes.destructive:
        marks.append("destructive")
    return marks


def find_actions(actions: Sequence[Action], q: str) -> list[Action]:
    """Those of which each word of ``q`` stands in the id, the title, the description or the name of an input."""
    words = q.lower().split()[:8]

    def fits(action: Action) -> bool:
        properties = action.input_schema.get("properties")
        names = " ".join(properties) if isinstance(properties, Mapping) else ""
        text = f"{action.id} {action.title} {action.description} {names}".lower()
        return all(word in text for word in words)

    return [action for action in actions if fits(action)]


def actions_page(actions: Sequence[Action], q: str, tabs: Sequence[Tab], t: Translator) -> ActionsPage:
    found = find_actions(actions, q)
    lines = [
        ActionLine(
            action.id,
            action_href(action.id),
            coded(_summary(action)),
            [t(f"scaffolder.page.mark.{mark}") for mark in marks_of(action)],
        )
        for action in found
    ]
    groups = [(name, list(rows)) for name, rows in groupby(lines, key=lambda line: line.id.partition(":")[0])]
    return ActionsPage(t("scaffolder.page.actions.title"), (), tabs, q, groups, len(found))


def action_page(action: Action, t: Translator) -> ActionPage:
    schema = action.input_schema
    inputs = schema_rows(schema)
    return ActionPage(
        title=action.id,
        crumbs=(Crumb(t("scaffolder.page.actions.title"), ACTIONS), Crumb(action.id)),
        description=render_markdown(action.description),
        marks=[
            (t(f"scaffolder.page.mark.{mark}"), t(f"scaffolder.page.mark.{mark}_means")) for mark in marks_of(action)
        ],
        inputs=inputs,
        outputs=schema_rows(action.output_schema),
        secrets=schema_rows(action.secrets_schema),
        takes_more=schema.get("additionalProperties") is not False,
        examples=[example for one in action.examples if (example := _example(one)) is not None],
        step=show_code(format_yaml([_step(action, inputs)]), "yaml"),
    )


def action_href(id: str) -> str:
    return f"{ACTIONS}/{quote(id, safe='')}"


def _summary(action: Action) -> str:
    text = (action.description or action.title).strip()
    line = text.splitlines()[0] if text else ""
    return line if len(line) <= 200 else f"{line[:200]}…"


def _example(one: Mapping[str, Any]) -> tuple[str, Code] | None:
    """Backstage's ``{description, example}`` with YAML, or the registry's ``{title?, input}``."""
    text = one.get("example")
    said = str(one.get("description") or one.get("title") or "")
    if isinstance(text, str) and text.strip():
        return said, show_code(text.strip("\n") + "\n", "yaml")
    if "input" in one:
        return said, show_code(format_yaml({"input": one["input"]}), "yaml")
    return None


def _step(action: Action, inputs: Sequence[SchemaRow]) -> dict[str, Any]:
    """A step to copy: what must be given, or the first inputs where nothing must."""
    top = [row for row in inputs if row.depth == 0]
    wanted = [row for row in top if row.is_required] or top[:2]
    step: dict[str, Any] = {"id": action.name.split(":")[-1], "name": action.title or action.id, "action": action.id}
    if wanted:
        step["input"] = {row.name: _sample(row) for row in wanted}
    return step


def _sample(row: SchemaRow) -> Any:
    if row.choices:
        return row.choices[0]
    if "[]" in row.type:
        return []
    return {"object": {}, "boolean": True, "number": 1, "integer": 1}.get(row.type, f"${{{{ parameters.{row.name} }}}}")

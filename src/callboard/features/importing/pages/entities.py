"""An entity of a plan as pages draw it: what it is, what becomes of it, and where each cell went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Mapping, Sequence

import orjson

from callboard.features.importing.interface import Action, CellNote, PlannedEntity
from callboard.features.importing.pages.frame import ACTION_STATUS, ref_link
from callboard.ui.messages import Translator
from callboard.ui.parts import EntityLink
from callboard.ui.wording import in_words

MAX_TEXT = 400
_CELL_STATUS = {"cleaned": "info", "rejected": "bad"}


@dataclass(frozen=True, slots=True)
class CellView:
    """A cell: what stands in the sheet, and the field and value it became.

    ``row`` is set where one entity has cells of several rows. ``status`` is the look of the chip, empty for none.
    """

    row: str
    column: str
    raw: str
    path: str
    value: str
    state: Literal["taken", "cleaned", "empty", "ignored", "rejected"]
    status: str
    note: str


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A field that changes. ``before`` and ``after`` are None where there is none."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class PlannedView:
    """An entity of a plan. ``link.href`` leads to its page, which exists only where ``exists``.

    ``rows`` says in words where it comes from. ``facts`` are the few things one looks for: (message id, text).
    ``cells`` leave the empty ones out; ``empty_cells`` counts those. ``cleaned`` counts cells that were changed on their way.
    """

    link: EntityLink
    exists: bool
    action: Action
    status: str
    rows: str
    reason: str
    description: str
    facts: Sequence[tuple[str, str]]
    cells: Sequence[CellView]
    empty_cells: int
    cleaned: int
    rejected: int
    diff: Sequence[DiffLine]


def shown(value: Any) -> str:
    """A value of an entity in one line: texts as they are, lists with commas, anything else as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        said = value
    elif isinstance(value, (list, tuple)) and all(isinstance(item, (str, int)) for item in value):
        said = ", ".join(str(item) for item in value)
    elif isinstance(value, Mapping) and isinstance(value.get("url"), str):  # a link
        title = value.get("title")
        said = f"{title}: {value['url']}" if title else value["url"]
    elif isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) and "url" in item for item in value):
        said = ", ".join(shown(item) for item in value)
    else:
        said = orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()
    return said if len(said) <= MAX_TEXT else said[:MAX_TEXT] + "…"


def rows_text(rows: Sequence[int], t: Translator) -> str:
    """``row 12``, ``rows 12 and 40``; empty where no row names it."""
    if not rows:
        return ""
    listed = ", ".join(str(row) for row in rows[:8]) + (" …" if len(rows) > 8 else "")
    return t("importing.rows", n=len(rows), rows=listed)


def field_name(path: str) -> str:
    """A JSON pointer (RFC 6901) as pages name fields: ``spec.type``; anything else as it is."""
    if not path.startswith("/"):
        return path
    return ".".join(part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/"))


def diff_line(change: Mapping[str, Any]) -> DiffLine:
    return DiffLine(
        path=field_name(str(change.get("path", ""))),
        before=shown(change["from"]) if "from" in change else None,
        after=shown(change["to"]) if "to" in change else None,
    )


def planned_view(planned: PlannedEntity, t: Translator, *, is_applied: bool = False) -> PlannedView:
    """``is_applied``: what the plan creates exists by now."""
    entity: Mapping[str, Any] = planned.entity or {}
    metadata: Mapping[str, Any] = entity.get("metadata") or {}
    spec: Mapping[str, Any] = entity.get("spec") or {}
    profile = spec.get("profile")
    name = profile.get("displayName") if isinstance(profile, Mapping) else None
    title = metadata.get("title") or name
    facts = [
        (f"importing.fact.{key}", shown(spec[key])) for key in ("owner", "type", "lifecycle", "system") if spec.get(key)
    ]
    several = len(planned.rows) > 1
    return PlannedView(
        link=ref_link(planned.ref, str(title) if title else None),
        exists=planned.action in ("change", "unchanged", "conflict") or (is_applied and planned.action == "create"),
        action=planned.action,
        status=ACTION_STATUS[planned.action],
        rows=rows_text(planned.rows, t),
        reason=in_words(t, planned.reason),
        description=shown(metadata.get("description")),
        facts=[(id, _short_owner(value) if id.endswith("owner") else value) for id, value in facts],
        cells=[_cell(cell, several, t) for cell in planned.cells if cell.state != "empty"],
        empty_cells=sum(cell.state == "empty" for cell in planned.cells),
        cleaned=sum(cell.state == "cleaned" for cell in planned.cells),
        rejected=sum(cell.state == "rejected" for cell in planned.cells),
        diff=[diff_line(change) for change in planned.diff],
    )


def _cell(cell: CellNote, several: bool, t: Translator) -> CellView:
    return CellView(
        row=str(cell.row) if several else "",
        column=cell.column,
        raw=cell.raw if len(cell.raw) <= MAX_TEXT else cell.raw[:MAX_TEXT] + "…",
        path=cell.path,
        value=shown(cell.value),
        state=cell.state,
        status=_CELL_STATUS.get(cell.state, ""),
        note=in_words(t, cell.note),
    )


def _short_owner(ref: str) -> str:
    """``group:default/payments`` as people say it."""
    kind, _, rest = ref.partition(":")
    return rest.removeprefix("default/") if kind.lower() in ("group", "user") else ref

"""What the pages of templates and tasks share: addresses, states as marks, times, refs as links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Container, Mapping, Sequence
from urllib.parse import quote, urlencode

from markupsafe import Markup, escape

from callboard.features.catalog.interface.links import link_to
from callboard.features.scaffolder.interface import Task, TaskState
from callboard.kernel.clock import parse_time
from callboard.model.refs import EntityRef, RefError
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import EntityLink, Tab

CREATE = "/create"
TASKS = "/create/tasks"
APPROVALS = "/create/approvals"
ACTIONS = "/create/actions"
EDIT = "/create/edit"
RUNNING: tuple[TaskState, ...] = ("open", "processing")
ENDED: tuple[TaskState, ...] = ("completed", "failed", "cancelled")
LONGEST_LINK = 6_000
"""Characters of answers that an address may carry: proxies commonly refuse more than 8 KiB."""

_STATUS: Mapping[str, str] = {
    "open": "unknown", "waiting": "warn", "processing": "info", "completed": "ok", "failed": "bad", "skipped": "unknown",
    "cancelled": "warn",
}  # fmt: skip
_ICONS: Mapping[str, str] = {
    "open": "waiting", "waiting": "waiting", "processing": "refresh", "completed": "ok", "failed": "bad",
    "skipped": "skipped", "cancelled": "close",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StateView:
    """A state as drawn: its word, the status that colours it, and its icon."""

    name: str
    title: str
    status: str
    icon: str


def state_view(state: str, t: Translator) -> StateView:
    return StateView(state, t(f"scaffolder.page.state.{state}"), _STATUS[state], _ICONS[state])


def form_href(ref: EntityRef | str, values: Mapping[str, Any] | None = None) -> str:
    """The form of a template, filled in with ``values`` where an address can carry them."""
    parsed = EntityRef.parse(ref, default_kind="template") if isinstance(ref, str) else ref
    path = f"{CREATE}/templates/{quote(parsed.namespace.lower(), safe='')}/{quote(parsed.name.lower(), safe='')}"
    if values:
        import orjson

        query = urlencode({"formData": orjson.dumps(dict(values)).decode()})
        if len(query) <= LONGEST_LINK:
            return f"{path}?{query}"
    return path


def task_href(id: str) -> str:
    return f"{TASKS}/{quote(id, safe='')}"


def area_tabs(current: str, t: Translator, *, closed: Container[str] = ()) -> Sequence[Tab]:
    """The pages around templates, but for those ``closed`` to the reader."""
    rows = {"templates": CREATE, "tasks": TASKS, "approvals": APPROVALS, "actions": ACTIONS, "edit": EDIT}
    return [
        Tab(id, t(f"scaffolder.page.tab.{id}"), href, current=id == current)
        for id, href in rows.items()
        if id == current or id not in closed
    ]


def seconds_between(start: str | None, end: str | None) -> float | None:
    if start is None or end is None:
        return None
    return max((parse_time(end) - parse_time(start)).total_seconds(), 0.0)


def duration_text(seconds: float | None, t: Translator) -> str:
    """``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 7 min``; nothing for what has no length."""
    if seconds is None:
        return ""
    if seconds < 10:
        return t(
            "scaffolder.page.seconds",
            seconds=t("scaffolder.page.tenths", whole=int(seconds), tenths=int(seconds * 10) % 10),
        )
    whole = int(seconds)
    if whole < 60:
        return t("scaffolder.page.seconds", seconds=str(whole))
    if whole < 3600:
        return t("scaffolder.page.minutes", minutes=whole // 60, seconds=whole % 60)
    return t("scaffolder.page.hours", hours=whole // 3600, minutes=whole % 3600 // 60)


def at(text: str | None, now: datetime) -> Moment | None:
    return None if text is None else moment(parse_time(text), now)


def clock_of(text: str) -> str:
    """The time of day (UTC) that stands before a line of a log."""
    return f"{parse_time(text).astimezone(UTC):%H:%M:%S}"


def links_of(known: Mapping[str, Mapping[str, Any]], refs: Sequence[str | None]) -> dict[str, EntityLink]:
    """Links to entities by ref; ``known`` are the documents of those that the reader may see."""
    return {ref: link_to(ref, known.get(ref.lower())) for ref in refs if ref}


def template_title(task: Task, known: Mapping[str, Mapping[str, Any]]) -> str:
    """What people call the template of a task: as it was called when the task began."""
    info = task.spec.get("templateInfo")
    entity = info.get("entity") if isinstance(info, Mapping) else None
    metadata = entity.get("metadata") if isinstance(entity, Mapping) else None
    if isinstance(metadata, Mapping):
        title = metadata.get("title") or metadata.get("name")
        if isinstance(title, str) and title:
            return title
    document = known.get((task.template_ref or "").lower())
    if document is not None:
        return str(document["metadata"].get("title") or document["metadata"]["name"])
    return task.template_ref or task.id


def parse_template_ref(text: str) -> EntityRef | None:
    try:
        ref = EntityRef.parse(text, default_kind="template")
    except RefError:
        return None
    return ref if ref.kind.lower() == "template" else None


def start_of(text: str) -> int:
    """The number of rows to pass over, from an address."""
    return int(text) if text.isdecimal() and len(text) < 8 else 0


def with_params(path: str, params: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(params)}" if params else path


_CODE = re.compile(r"`([^`\n]+)`")
_ESCAPE = re.compile(
    r"\x1b\[([0-9;]*)m|\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]"
)


def ansi_html(text: str) -> Markup:
    """A line of a log with the sixteen colours and bold of a terminal; what else a terminal would obey is left out."""
    if "\x1b" not in text and not _ESCAPE.search(text):
        return escape(text)
    out: list[Markup] = []
    style: set[str] = set()
    last = 0
    for match in _ESCAPE.finditer(text):
        out.append(_styled(text[last : match.start()], style))
        last = match.end()
        for code in match[1].split(";") if match[1] is not None else ():
            style = _after(style, int(code or 0) if (code or "0").isdecimal() and len(code) < 4 else -1)
    out.append(_styled(text[last:], style))
    return Markup("").join(out)


def _styled(text: str, style: set[str]) -> Markup:
    if not text:
        return Markup("")
    return Markup('<span class="{}">{}</span>').format(" ".join(sorted(style)), text) if style else escape(text)


def _after(style: set[str], code: int) -> set[str]:
    if code == 0:
        return set()
    if code == 1:
        return style | {"ansi-bold"}
    if code == 22:
        return style - {"ansi-bold"}
    colour = code - 30 if 30 <= code <= 37 else code - 90 if 90 <= code <= 97 else None
    if colour is not None or code == 39:
        style = {one for one in style if not one[5:].isdecimal()}
    return style if colour is None else style | {f"ansi-{colour}"}


def plain_text(text: str) -> str:
    """A line of a log without what a terminal would obey."""
    return _ESCAPE.sub("", text)


def value_text(value: Any) -> str:
    """A value for people: text as it is, else compact JSON, cut where it is long."""
    if isinstance(value, str):
        text = value
    else:
        import orjson

        text = orjson.dumps(value, default=str).decode()
    return text if len(text) <= 400 else f"{text[:400]}…"


def coded(text: str) -> Markup:
    """Text of an author on one line, with what stands between backticks as code; no other Markdown."""
    parts = _CODE.split(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(one) if n % 2 else escape(one) for n, one in enumerate(parts)
    )

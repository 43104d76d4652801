"""``/create/tasks/<id>``: one run, its steps with what they logged, and what came out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

from markupsafe import Markup

from callboard.features.catalog.interface.links import entity_href, safe_href
from callboard.features.scaffolder.interface import Task, TaskEvent
from callboard.features.scaffolder.pages.answers import about_of, answer_rows, linked_answers
from callboard.features.scaffolder.pages.common import (
    ENDED,
    RUNNING,
    TASKS,
    StateView,
    ansi_html,
    at,
    clock_of,
    duration_text,
    form_href,
    links_of,
    plain_text,
    seconds_between,
    state_view,
    task_href,
    template_title,
    value_text,
)
from callboard.kernel.clock import format_time
from callboard.model.refs import EntityRef, RefError
from callboard.ui.icons import link_icon
from callboard.ui.markdown import render_markdown
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment
from callboard.ui.parts import Crumb, EntityLink, LinkItem

LONGEST_LOG = 1_000
"""Lines of one step on a page; the whole log is a text to download."""
_SECRET = re.compile(r"\bsecrets\s*(?:\.\s*([A-Za-z_$][\w$]*)|\[\s*['\"]([^'\"]+)['\"]\s*\])")


@dataclass(frozen=True, slots=True)
class LogLine:
    """``id`` is the event's number; ``html`` is safe."""

    id: int
    clock: str
    html: Markup


@dataclass(frozen=True, slots=True)
class StepView:
    """A step. ``anchor`` is its id on the page; ``since`` is when a running one began, for a clock that ticks."""

    anchor: str
    name: str
    action: str
    state: StateView
    duration: str
    since: str | None
    error: str
    lines: Sequence[LogLine]
    left_out: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class OutputText:
    title: str
    icon: str
    html: Markup


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out. ``values`` are further outputs, as text."""

    links: Sequence[LinkItem]
    texts: Sequence[OutputText]
    values: Sequence[tuple[str, str]]

    @property
    def is_empty(self) -> bool:
        return not self.links and not self.texts and not self.values


@dataclass(frozen=True, slots=True)
class Failure:
    """Why it failed, and in which step; ``anchor`` leads there."""

    message: str
    step: str
    anchor: str


@dataclass(frozen=True, slots=True)
class RunPage:
    """``scaffolder/run.html`` and its parts. ``secrets`` are names that another try needs. ``told`` is what a screen reader hears.
    ``waits`` lead to what somebody has to approve; ``about`` tells the run from others of its template.
    """

    title: str
    about: str
    crumbs: Sequence[Crumb]
    id: str
    href: str
    state: StateView
    is_running: bool
    told: str
    steps: Sequence[StepView]
    before: Sequence[LogLine]
    outcome: Outcome
    failure: Failure | None
    by: EntityLink | None
    template: EntityLink | None
    started: Moment | None
    duration: str
    since: str | None
    attempt: int
    answers: Sequence[tuple[str, str]]
    again_href: str | None
    secrets: Sequence[str]
    can_act: bool
    last_event: int
    error: str = ""
    waits: Sequence[LinkItem] = ()


def step_views(
    task: Task, events: Sequence[TaskEvent], now: datetime, t: Translator
) -> tuple[list[StepView], list[LogLine]]:
    """The steps with their logs, and what was logged outside of steps."""
    ids = {step.id for step in task.steps}
    logs: dict[str | None, list[LogLine]] = {}
    for event in events:
        step = event.body.get("stepId")
        logs.setdefault(step if step in ids else None, []).append(line_of(event))
    views = []
    failed_seen = False
    for step in task.steps:
        lines = logs.get(step.id, [])
        is_open = step.state in ("processing", "waiting") or (step.state == "failed" and not failed_seen)
        failed_seen = failed_seen or step.state == "failed"
        running = step.state in ("processing", "waiting")
        end = format_time(now) if running else step.ended_at
        views.append(
            StepView(
                anchor=anchor_of(step.id),
                name=step.name,
                action=step.action,
                state=state_view(step.state, t),
                duration=duration_text(seconds_between(step.started_at, end), t) if step.state != "skipped" else "",
                since=step.started_at if running else None,
                error=(step.error or "") if step.error != (task.error or {}).get("message") else "",
                lines=lines[-LONGEST_LOG:],
                left_out=max(len(lines) - LONGEST_LOG, 0),
                is_open=is_open,
            )
        )
    return views, logs.get(None, [])[-LONGEST_LOG:]


def anchor_of(step_id: str) -> str:
    return "step-" + re.sub(r"[^A-Za-z0-9_-]", lambda found: f"-{ord(found[0]):x}-", step_id)


def line_of(event: TaskEvent) -> LogLine:
    return LogLine(event.id, clock_of(event.created_at), ansi_html(str(event.body.get("message", ""))))


def plain_log(events: Sequence[TaskEvent]) -> str:
    """The whole log as text, one event a line, its further lines below it."""
    out = []
    for event in events:
        step = event.body.get("stepId")
        out.append(
            f"{event.created_at} {f'[{step}] ' if step else ''}{plain_text(str(event.body.get('message', '')))}\n"
        )
    return "".join(out)


def outcome_of(output: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Outcome:
    """Links that lead somewhere, texts as sanitised Markdown, and whatever else the template gave.

    A link to an entity that the reader cannot see is left out; one that is no address of the web is, too.
    """
    links, texts = [], []
    for link in _objects(output.get("links")):
        item = _link(link, known)
        if item is not None:
            links.append(item)
    for text in _objects(output.get("text")):
        content = text.get("content")
        if isinstance(content, str) and content.strip():
            title = str(text.get("title") or "")
            texts.append(
                OutputText(
                    title, link_icon(_text(text.get("icon"))) if text.get("icon") else "", render_markdown(content)
                )
            )
    values = [
        (name, value_text(value))
        for name, value in output.items()
        if name not in ("links", "text") and value not in (None, "")
    ]
    return Outcome(links, texts, values)


def linked_refs(output: Mapping[str, Any]) -> list[str]:
    """Refs of entities that the links name, lower-cased."""
    refs = []
    for link in _objects(output.get("links")):
        ref = _entity(link)
        if ref is not None:
            refs.append(str(ref).lower())
    return refs


def _entity(link: Mapping[str, Any]) -> EntityRef | None:
    ref = link.get("entityRef")
    if not isinstance(ref, str) or not ref:
        return None
    try:
        return EntityRef.parse(ref, default_kind="component")
    except RefError:
        return None


def _link(link: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> LinkItem | None:
    icon = _text(link.get("icon"))
    ref = _entity(link)
    if ref is not None:
        entity = known.get(str(ref).lower())
        title = _text(link.get("title")) or (str(entity["metadata"].get("title") or ref.name) if entity else ref.name)
        return LinkItem(title, entity_href(ref), link_icon(icon) if icon else "catalog")
    href = safe_href(_text(link.get("url")))
    if href is None:
        return None
    return LinkItem(_text(link.get("title")) or href, href, link_icon(icon) if icon else "external")


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def secret_names(spec: Mapping[str, Any]) -> list[str]:
    """Secrets that the steps read, by name: they are gone when a task ends, and another try needs them again."""
    found: dict[str, None] = {}

    def walk(value: Any) -> None:
        if isinstance(value, str):
            for match in _SECRET.finditer(value):
                found[match[1] or match[2]] = None
        elif isinstance(value, Mapping):
            for one in value.values():
                walk(one)
        elif isinstance(value, (list, tuple)):
            for one in value:
                walk(one)

    for step in spec.get("steps") or ():
        walk({key: step.get(key) for key in ("input", "if", "each")} if isinstance(step, Mapping) else None)
    return list(found)[:20]


def told_of(task: Task, t: Translator) -> str:
    """One sentence: where the run is. It changes with a step, not with each line of the log."""
    title = t(f"scaffolder.page.told.{task.state}")
    if task.state != "processing":
        return title
    total = len(task.steps)
    for n, step in enumerate(task.steps, 1):
        if step.state in ("processing", "waiting"):
            key = "scaffolder.page.told.waits" if step.state == "waiting" else "scaffolder.page.told.step"
            return t(key, at=n, total=total, name=step.name)
    return title


def run_page(
    task: Task,
    events: Sequence[TaskEvent],
    known: Mapping[str, Mapping[str, Any]],
    t: Translator,
    *,
    now: datetime,
    may_act: bool,
    may_create: bool,
    error: str = "",
    waits: Sequence[tuple[str, str]] = (),
) -> RunPage:
    title = template_title(task, known)
    steps, before = step_views(task, events, now, t)
    is_running = task.state in RUNNING
    end = format_time(now) if is_running else task.ended_at
    links = links_of(known, [task.created_by, task.template_ref])
    failed = next((step for step in task.steps if step.state == "failed"), None)
    failure = None
    if task.state == "failed":
        message = str((task.error or {}).get("message") or (failed.error if failed else "") or "")
        failure = Failure(message, failed.name if failed else "", anchor_of(failed.id) if failed else "")
    template = known.get((task.template_ref or "").lower())
    return RunPage(
        title=title,
        crumbs=(Crumb(t("scaffolder.page.tasks.title"), TASKS), Crumb(title)),
        id=task.id,
        href=task_href(task.id),
        about=about_of(task.spec),
        state=state_view("waiting" if waits else task.state, t),
        is_running=is_running,
        told=told_of(task, t),
        steps=steps,
        before=before,
        outcome=outcome_of(task.output, known),
        failure=failure,
        by=links.get(task.created_by or ""),
        template=links.get(task.template_ref or ""),
        started=at(task.started_at or task.created_at, now),
        duration=duration_text(seconds_between(task.started_at, end), t),
        since=task.started_at if is_running else None,
        attempt=task.attempt,
        answers=answer_rows(task.spec, template, t),
        again_href=form_href(task.template_ref, linked_answers(task.spec, template))
        if may_create and task.template_ref
        else None,
        secrets=secret_names(task.spec) if task.state in ENDED else (),
        can_act=may_act,
        last_event=max((event.id for event in events), default=0),
        waits=[LinkItem(title, href) for title, href in waits],
        error=error,
    )

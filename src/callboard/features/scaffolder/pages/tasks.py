"""``/create/tasks``: runs of templates, one's own or all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Mapping, Sequence, cast

from callboard.features.scaffolder.interface import Task, TaskQuery, TaskState
from callboard.features.scaffolder.pages.answers import about_of
from callboard.features.scaffolder.pages.common import (
    ENDED,
    TASKS,
    StateView,
    at,
    duration_text,
    links_of,
    parse_template_ref,
    seconds_between,
    start_of,
    state_view,
    task_href,
    template_title,
    with_params,
)
from callboard.kernel.clock import format_time
from callboard.model.refs import EntityRef, RefError
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment
from callboard.ui.parts import Crumb, EntityLink, LinkItem, Pager, Tab

SIZE = 30
STATES: Sequence[TaskState] = ("open", "processing", "completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class TaskListState:
    """What the address asks for. ``whose`` is ``mine`` or ``all``; ``template`` and ``by`` are refs."""

    whose: str = "mine"
    states: tuple[TaskState, ...] = ()
    template: str = ""
    by: str = ""
    start: int = 0

    @classmethod
    def parse(cls, params: Any, *, has_own: bool) -> TaskListState:
        by, template = str(params.get("by", "")).strip()[:200], str(params.get("template", "")).strip()[:200]
        whose = "all" if params.get("whose") == "all" or by or not has_own else "mine"
        states = tuple(dict.fromkeys(cast(TaskState, one) for one in params.getlist("state") if one in STATES))
        return cls(whose, states, template, by, start_of(params.get("start", "")))

    @property
    def is_filtered(self) -> bool:
        return bool(self.states or self.template or self.by)

    def query(self, me: str) -> TaskQuery | None:
        """None: what is asked for cannot be there."""
        templates: tuple[str, ...] = ()
        if self.template:
            ref = parse_template_ref(self.template)
            if ref is None:
                return None
            templates = (str(ref).lower(),)
        by: tuple[str, ...] = (me,) if self.whose == "mine" else ()
        if self.by:
            try:
                by = (str(EntityRef.parse(self.by, default_kind="user")).lower(),)
            except RefError:
                return None
        return TaskQuery(by, self.states, templates, limit=SIZE, offset=self.start)

    def href(self, **changes: Any) -> str:
        """The same list with something else, from its first row."""
        then = replace(self, **{"start": 0, **changes})
        params = [("whose", "all")] if then.whose == "all" and not then.by else []
        params += [("state", state) for state in then.states]
        params += [(name, value) for name, value in (("template", then.template), ("by", then.by)) if value]
        return with_params(TASKS, [*params, *([("start", str(then.start))] if then.start else [])])


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A run in a list. ``about`` tells it from others of its template."""

    id: str
    title: str
    about: str
    href: str
    state: StateView
    by: EntityLink | None
    when: Moment | None
    duration: str
    problem: str


@dataclass(frozen=True, slots=True)
class TaskListPage:
    """``scaffolder/tasks.html``. ``people`` and ``templates`` are suggestions: (ref, title)."""

    title: str
    crumbs: Sequence[Crumb]
    tabs: Sequence[Tab]
    whose: Sequence[tuple[str, str, bool]]
    states: Sequence[tuple[str, str, bool]]
    state: TaskListState
    rows: Sequence[TaskRow]
    total: int
    pager: Pager | None
    templates: Sequence[tuple[str, str]]
    people: Sequence[tuple[str, str]]
    clear_href: str
    ways: Sequence[LinkItem]


def row_of(task: Task, known: Mapping[str, Mapping[str, Any]], now: datetime, t: Translator) -> TaskRow:
    ended = task.ended_at if task.state in ENDED else format_time(now)
    links = links_of(known, [task.created_by])
    return TaskRow(
        id=task.id,
        title=template_title(task, known),
        about=about_of(task.spec),
        href=task_href(task.id),
        state=state_view("waiting" if task.is_waiting else task.state, t),
        by=links.get(task.created_by or ""),
        when=at(task.created_at, now),
        duration=duration_text(seconds_between(task.started_at, ended), t),
        problem=str(task.error.get("message") or "") if task.error and task.state == "failed" else "",
    )


def state_choices(state: TaskListState, t: Translator) -> list[tuple[str, str, bool]]:
    """(word, address, chosen): one state at a time, or any."""
    any_state = (t("scaffolder.page.tasks.any"), state.href(states=()), not state.states)
    return [
        any_state,
        *((t(f"scaffolder.page.state.{one}"), state.href(states=(one,)), state.states == (one,)) for one in STATES),
    ]


def refs_of(tasks: Sequence[Task]) -> list[str | None]:
    return [*(task.created_by for task in tasks), *(task.template_ref for task in tasks)]

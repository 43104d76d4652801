"""Pages of what runs: sources, jobs and schedules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from callboard.features.admin.pages.frame import Frame
from callboard.ui.moments import Moment
from callboard.ui.parts import Pager, Status


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source of entities. ``health`` ok, bad or unknown (not read yet); ``every`` in words."""

    name: str
    way: str
    entities: int
    health: Status
    refreshed: Moment | None
    failed_since: Moment | None
    error: str | None
    every: str | None
    next_run: Moment | None
    is_running: bool
    can_run: bool


@dataclass(frozen=True, slots=True)
class SourcesPage:
    """``admin/sources.html``."""

    frame: Frame
    title: str
    sources: Sequence[SourceRow]
    pager: Pager
    may_run: bool
    failing: int


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A schedule: ``every`` in words, ``state`` running, idle or initial-wait."""

    id: str
    plugin: str
    every: str
    state: str
    next_run: Moment | None
    ended: Moment | None
    error: str | None


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job; ``payload`` is what it is about, as short text."""

    id: int
    kind: str
    key: str
    payload: str
    attempt: int
    due: Moment
    error: str | None


@dataclass(frozen=True, slots=True)
class JobsPage:
    """``admin/jobs.html``. ``choices`` are (state, title, href, count, current); ``older_href`` leads to the next page."""

    frame: Frame
    title: str
    state: str
    choices: Sequence[tuple[str, str, str, int, bool]]
    jobs: Sequence[JobRow]
    older_href: str | None
    newest_href: str | None
    tasks: Sequence[TaskRow]
    may_run: bool

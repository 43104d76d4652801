"""What the templates of the card and the tab show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Sequence

from callboard.integrations.github_actions.runs import Run
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Crumb, Pager


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as drawn. ``rerun_href`` None where it cannot be run again from here."""

    run: Run
    word: str
    took: str
    at: Moment | None
    rerun_href: str | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there are no runs to show: ``id`` names the words, ``minutes`` until a limit is over."""

    id: str
    slug: str = ""
    host: str = ""
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class RunsPage:
    """``github_actions/card.html`` and ``runs.html``. ``trouble`` instead of rows; ``branch`` is the filter in use."""

    title: str
    crumbs: Sequence[Crumb]
    rows: Sequence[RunRow]
    tab_href: str
    slug: str = ""
    branch: str | None = None
    pager: Pager | None = None
    trouble: Trouble | None = None


def run_row(run: Run, now: datetime, t: Translator, rerun_href: str | None) -> RunRow:
    id = f"github_actions.word.{run.word}"
    return RunRow(
        run=run,
        word=t(id) if t.has(id) else run.word.replace("_", " "),
        took=duration(run.took, t) if run.took is not None else "",
        at=moment(run.started_at, now) if run.started_at is not None else None,
        rerun_href=rerun_href,
    )


def duration(took: timedelta, t: Translator) -> str:
    """In the two largest units that say something."""
    seconds = int(took.total_seconds())
    if seconds < 60:
        return t("github_actions.seconds", n=seconds)
    if seconds < 3600:
        return t("github_actions.minutes", n=seconds // 60, rest=seconds % 60)
    return t("github_actions.hours", n=seconds // 3600, rest=seconds % 3600 // 60)

"""What templates and tasks put on other pages: the page of a template entity, and the home page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from callboard.features.scaffolder.interface import TemplateUse
from callboard.features.scaffolder.pages.tasks import TaskRow
from callboard.ui.moments import Moment


@dataclass(frozen=True, slots=True)
class TemplateRuns:
    """``scaffolder/template_card.html``: the latest runs and how all of them fared. ``percent`` is of those that ended."""

    use: TemplateUse
    percent: int | None
    last_success: Moment | None
    rows: Sequence[TaskRow]
    all_href: str
    form_href: str | None


@dataclass(frozen=True, slots=True)
class HomeRuns:
    """``scaffolder/home_card.html``: runs of mine that go on, and those that failed since yesterday."""

    rows: Sequence[TaskRow]
    all_href: str
    more: int

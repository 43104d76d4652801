"""The first page: what is in the catalog, what changed, what needs attention, what is mine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from callboard.features.catalog.pages.listing import KindChoice, Row
from callboard.features.catalog.pages.problems import FindingView
from callboard.ui.moments import Moment
from callboard.ui.parts import Crumb, EntityLink


@dataclass(frozen=True, slots=True)
class RecentChange:
    """An entity that changed lately; ``change`` is the word of ``HistoryEntry``."""

    link: EntityLink
    change: str
    at: Moment


@dataclass(frozen=True, slots=True)
class HomePage:
    """``catalog/home.html``. ``mine`` is None for those who cannot own anything."""

    title: str
    crumbs: Sequence[Crumb]
    greeting: str | None
    total: int
    kinds: Sequence[KindChoice]
    changes: Sequence[RecentChange]
    problems: Sequence[FindingView]
    problem_count: int
    mine: Sequence[Row] | None
    mine_count: int
    mine_href: str | None

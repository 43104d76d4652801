"""The first page: what is mine and what needs me, then what is in the catalog, what changed, what is broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

from callboard.features.catalog.pages.entity import RenderedCard
from callboard.features.catalog.pages.listing import KindChoice, Row
from callboard.features.catalog.pages.problems import ProblemFileView
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
    """``catalog/home.html``.

    ``mine`` and ``needs`` (the files with problems of what is mine) are None for those who cannot own anything; ``groups``
    are those through whom they own. ``problems`` are everybody's. ``is_empty``: there is nothing but Locations, and the page
    teaches the first steps.
    """

    title: str
    crumbs: Sequence[Crumb]
    greeting: str | None
    groups: Sequence[EntityLink]
    is_empty: bool
    kinds: Sequence[KindChoice]
    changes: Sequence[RecentChange]
    problems: Sequence[ProblemFileView]
    problem_count: int
    needs: Sequence[ProblemFileView] | None
    needs_count: int
    mine: Sequence[Row] | None
    mine_count: int
    mine_href: str | None
    cards: Mapping[str, Sequence[RenderedCard]]
    """What plugins show, by column."""

"""The first page: what is mine and what needs me, then what is in the catalog, what changed, what is broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

from markupsafe import Markup

from callboard.features.catalog.pages.listing import KindChoice, Row
from callboard.features.catalog.pages.problems import ProblemFileView
from callboard.features.catalog.personal.arrangement import ColumnName
from callboard.ui.moments import Moment
from callboard.ui.parts import Crumb, EntityLink


@dataclass(frozen=True, slots=True)
class RecentChange:
    """An entity that changed lately; ``change`` is the word of ``HistoryEntry``."""

    link: EntityLink
    change: str
    at: Moment


@dataclass(frozen=True, slots=True)
class HomeItem:
    """An entity on a card, with when something happened to it where the card tells that."""

    link: EntityLink
    text: str = ""
    at: Moment | None = None


@dataclass(frozen=True, slots=True)
class PlacedCard:
    """A card in its place. ``html`` is None for the portal's own, which the template draws by ``id``."""

    id: str
    title: str
    html: Markup | None = None


@dataclass(frozen=True, slots=True)
class HomePage:
    """``catalog/home.html``. What is not on a card that is shown is not asked for and stays empty.

    ``mine`` and ``needs`` (the files with problems of what is mine) are None for those who cannot own anything; ``groups``
    are those through whom they own. ``problems`` are everybody's. ``is_empty``: there is nothing but Locations, and the page
    teaches the first steps. ``hidden`` are cards that could be shown, told while the page is being arranged.
    """

    title: str
    crumbs: Sequence[Crumb]
    greeting: str | None
    groups: Sequence[EntityLink]
    is_empty: bool
    kinds: Sequence[KindChoice]
    columns: Mapping[ColumnName, Sequence[PlacedCard]]
    """The cards that are shown, in their order."""
    changes: Sequence[RecentChange] = ()
    problems: Sequence[ProblemFileView] = ()
    problem_count: int = 0
    needs: Sequence[ProblemFileView] | None = None
    needs_count: int = 0
    mine: Sequence[Row] | None = None
    mine_count: int = 0
    mine_href: str | None = None
    starred: Sequence[HomeItem] = ()
    starred_count: int = 0
    lately: Sequence[HomeItem] = ()
    often: Sequence[HomeItem] = ()
    around: Sequence[HomeItem] = ()
    hidden: Sequence[PlacedCard] = ()
    may_arrange: bool = False
    is_arranging: bool = False
    is_own_order: bool = False

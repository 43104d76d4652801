"""What the templates of saved views and of the choice of columns show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from callboard.features.catalog.interface.personal import SavedView
from callboard.features.catalog.pages.columns import ShownColumn
from callboard.features.catalog.pages.list_state import ListState
from callboard.ui.moments import Moment
from callboard.ui.parts import Crumb


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A saved view in the list of them. ``audience`` in words; ``defaults`` (ref, title, is default) for whom it may be one."""

    view: SavedView
    href: str
    kind: str
    audience: str
    says: str
    at: Moment
    defaults: Sequence[tuple[str, str, bool]]


@dataclass(frozen=True, slots=True)
class ViewsPage:
    """``catalog/views.html``. ``audiences`` (ref, title) are whom the reader may share with."""

    title: str
    crumbs: Sequence[Crumb]
    rows: Sequence[ViewRow]
    audiences: Sequence[tuple[str, str]]
    list_href: str


@dataclass(frozen=True, slots=True)
class ColumnsPage:
    """``catalog/columns.html``. ``suggested`` are search keys for the field in which one is typed; ``reset_href`` the defaults."""

    title: str
    crumbs: Sequence[Crumb]
    state: ListState
    chosen: Sequence[ShownColumn]
    others: Sequence[ShownColumn]
    suggested: Sequence[str]
    hidden: Sequence[tuple[str, str]]
    reset_href: str
    is_full: bool

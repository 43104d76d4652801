"""The shelf above a list: its saved views as tabs, and what can be done with the list that is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Mapping, Sequence
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from callboard.features.catalog.interface.personal import EVERYBODY, SavedView, SavedViews, ViewNotFound
from callboard.features.catalog.pages.list_state import ListState
from callboard.features.catalog.pages.listing import Shelf
from callboard.kernel.auth.actor import Actor
from callboard.ui.messages import Translator
from callboard.ui.parts import Tab

MAX_TABS = 12
ALL = "all"
_PAGING = ("after", "before", "start")


def view_href(view: SavedView) -> str:
    """The address that opens the view, as it is whenever it is opened."""
    return "/catalog?" + urlencode({"view": view.id})


def audience_title(audience: str, actor: Actor, titles: Mapping[str, str], t: Translator) -> str:
    """Whom a view is for, in words. ``titles`` by ref of group."""
    if audience == EVERYBODY:
        return t("catalog.views.for_everybody")
    return t("catalog.views.for_me") if audience == actor.subject else titles.get(audience, audience)


@dataclass(frozen=True, slots=True)
class Opened:
    """A list to show: its state, the views of its kind, the one that it is or came from, and whether one is the default."""

    state: ListState
    views: Sequence[SavedView]
    base: SavedView | None


async def open_list(saved: SavedViews, params: Any, *, actor: Actor) -> Opened:
    """Which list an address means.

    ``view=<id>`` is that view; an address that says no more than the kind is the default view of the kind, if there is one.
    What is made from a view carries ``base=<id>``. Raises ``ViewNotFound`` for ``view`` alone: a base may be gone.
    """
    wanted = params.get("view", "")
    state = ListState.parse(params)
    if wanted:
        view = await saved.get(wanted, actor=actor)
        state = _state_of(view, params)
        return Opened(state, await saved.list(actor=actor, kind=view.kind), view)
    kind = state.kind or ""
    views = await saved.list(actor=actor, kind=kind)
    default = await saved.find_default(kind, actor=actor) if not state.base and _says_kind_alone(params) else None
    if default is not None:
        return Opened(_state_of(default, params), views, default)
    base = None
    if state.base and state.base != ALL:
        base = next((view for view in views if view.id == state.base), None)
        if base is None:
            try:
                base = await saved.get(state.base, actor=actor)
            except ViewNotFound:
                state = replace(state, base="")
    elif any(view.default_for for view in views):
        state = replace(state, base=ALL)  # or taking the last filter away would lead to the default
    return Opened(state, views, base)


def _state_of(view: SavedView, params: Any) -> ListState:
    pairs = [
        *QueryParams(view.query).multi_items(),
        *((n, params[n]) for n in _PAGING if params.get(n)),
        ("base", view.id),
    ]
    return ListState.parse(QueryParams(pairs))


def _says_kind_alone(params: Any) -> bool:
    return all(name in ("kind", "focus") or not value for name, value in params.multi_items())


def shelf_of(
    opened: Opened, *, actor: Actor, audiences: Sequence[str], titles: Mapping[str, str], t: Translator
) -> Shelf:
    """What the template shows. ``audiences`` are those whom the actor may save for."""
    state, base = opened.state, opened.base
    is_base = base is not None and base.query == state.saved
    has_default = any(view.default_for for view in opened.views)
    plain: list[tuple[str, str]] = [("kind", state.kind)] if state.kind else []
    plain += [("base", ALL)] if has_default else []
    tabs = [
        Tab(ALL, t("catalog.views.all"), "/catalog" + ("?" + urlencode(plain) if plain else ""), current=base is None)
    ]
    shown = list(opened.views[:MAX_TABS])
    if base is not None and base.id not in {view.id for view in shown}:
        shown.append(base)
    for view in shown:
        tabs.append(Tab(view.id, view.name, view_href(view), current=base is not None and view.id == base.id))
    return Shelf(
        tabs=tabs if len(tabs) > 1 else (),
        unlisted=max(0, len(opened.views) - MAX_TABS),
        audiences=[(a, audience_title(a, actor, titles, t)) for a in audiences],
        base=base,
        is_changed=base is not None and not is_base,
        query=state.saved,
        manage_href="/catalog/views" + ("?" + urlencode({"kind": state.kind}) if state.kind else ""),
    )

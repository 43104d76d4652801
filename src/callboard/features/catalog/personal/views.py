"""Handlers of what people keep: saved views, columns, stars, the order of the home page. Every form works without script."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import QueryParams
from starlette.responses import Response

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.catalog.interface.personal import NewView, SavedViews, Stars
from callboard.features.catalog.pages.columns import MAX_COLUMNS, OWN, ColumnChoice, keys_in
from callboard.features.catalog.pages.links import display_title, kind_title
from callboard.features.catalog.pages.list_state import ListState
from callboard.features.catalog.personal.arrangement import COLUMNS, HomeOrder, arrange
from callboard.features.catalog.personal.page_values import ColumnsPage, ViewRow, ViewsPage
from callboard.features.catalog.personal.shelf import audience_title, view_href
from callboard.features.catalog.views.home import HomeReader, role_of
from callboard.features.catalog.views.reading import decode, look_up
from callboard.kernel.clock import Clock
from callboard.kernel.errors import InputError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Empty, Json, Redirect
from callboard.kernel.web.routing import Route
from callboard.ui.messages import Messages, Translator
from callboard.ui.moments import moment
from callboard.ui.parts import Crumb

LOOKED_THROUGH = 50
"""Rows whose keys are offered as columns."""


class PersonalViews:
    """``/catalog/views``, ``/catalog/columns``, ``/catalog/stars`` and ``/home/arrange``."""

    def __init__(
        self,
        queries: CatalogQueries,
        saved: SavedViews,
        stars: Stars,
        home: HomeReader,
        choice: ColumnChoice,
        *,
        clock: Clock,
        messages: Messages,
    ) -> None:
        self._queries = queries
        self._saved = saved
        self._stars = stars
        self._home = home
        self._choice = choice
        self._clock = clock
        self._messages = messages

    def routes(self) -> list[Route]:
        return [
            Route("/catalog/views", self.views, auth="page", name="catalog-views"),
            Route("/catalog/views", self.create_view, ("POST",), auth="page", name="catalog-view-create"),
            Route("/catalog/views/{id}", self.change_view, ("POST",), auth="page", name="catalog-view-change"),
            Route("/catalog/columns", self.columns, auth="page", name="catalog-columns"),
            Route("/catalog/stars", self.star, ("POST",), auth="page", name="catalog-star"),
            Route("/home/arrange", self.arrange, ("POST",), auth="page", name="home-arrange"),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    async def titles_of(self, audiences: Any, request: Request) -> Mapping[str, str]:
        """Titles of the groups among ``audiences``, in one query."""
        groups = [a for a in audiences if a.startswith("group:")]
        known = await look_up(self._queries, groups, actor=request.actor)
        return {ref: display_title(entity) for ref, entity in known.items() if entity is not None}

    # ---- saved views -------------------------------------------------------------------------------------------------

    async def views(self, request: Request) -> Response:
        t, actor, now = self._t(request), request.actor, self._clock.now()
        found = await self._saved.list(actor=actor)
        mine = self._saved.audiences(actor)
        titles = await self.titles_of({*mine, *(v.audience for v in found)}, request)
        rows = [
            ViewRow(
                view=v,
                href=view_href(v),
                kind=kind_title(v.kind, t) if v.kind else t("catalog.list.all_kinds"),
                audience=audience_title(v.audience, actor, titles, t),
                says=_said(v.query),
                at=moment(v.updated_at, now),
                defaults=[
                    (a, audience_title(a, actor, titles, t), a in v.default_for)
                    for a in mine
                    if a == actor.subject or v.audience in (a, "everybody")
                ],
            )
            for v in found
        ]
        kind = request.query_params.get("kind", "")[:63]
        page = ViewsPage(
            title=t("catalog.views.title"),
            crumbs=(Crumb(t("catalog.title"), "/catalog"), Crumb(t("catalog.views.title"))),
            rows=rows,
            audiences=[(a, audience_title(a, actor, titles, t)) for a in mine],
            list_href="/catalog" + ("?" + urlencode({"kind": kind}) if kind else ""),
        )
        return request.render("catalog/views.html", page)

    async def create_view(self, request: Request) -> Response:
        form = await request.read_form()
        new = NewView(form.get("name", ""), form.get("query", ""), form.get("audience", ""))
        made = await self._saved.create(new, actor=request.actor)
        if form.get("default"):
            await self._saved.set_default(made.id, new.audience, True, actor=request.actor)
        return Redirect(view_href(made))

    async def change_view(self, request: Request) -> Response:
        """``do``: rename (with ``name`` and ``audience``), update (``query``), delete, default or plain (for ``audience``)."""
        id, form, actor = request.path_params["id"], await request.read_form(), request.actor
        do = form.get("do", "")
        if do == "delete":
            await self._saved.delete(id, actor=actor)
        elif do == "rename":
            audience = form.get("audience")
            await self._saved.update(id, name=form.get("name", ""), audience=audience or None, actor=actor)
        elif do == "update":
            view = await self._saved.update(id, query=form.get("query", ""), actor=actor)
            return Redirect(view_href(view))
        elif do in ("default", "plain"):
            await self._saved.set_default(id, form.get("audience", ""), do == "default", actor=actor)
        else:
            raise InputError(f"There is nothing to do by the name {do[:40]!r}.", field="do")
        return Redirect("/catalog/views")

    # ---- columns -----------------------------------------------------------------------------------------------------

    async def columns(self, request: Request) -> Response:
        """Choose and order columns. ``move=<up|down>:<id>`` moves one, ``drop=<id>`` takes it away, and the page comes again."""
        t = self._t(request)
        state = ListState.parse(request.query_params)
        shown = [c.id for c in self._choice.shown(state.columns, state.kind, t)]
        shown = _moved(shown, request.query_params)
        state = replace(state, columns=tuple(shown))
        query = replace(state.query(), limit=LOOKED_THROUGH, after=None, before=None, want_total=False)
        page = await self._queries.list_raw(query, actor=request.actor)
        suggested = keys_in(decode(page.items))
        offered = [id for id in (*OWN, *self._choice.plugin_ids) if id not in shown]
        title = t("catalog.columns.title")
        list_href = replace(state, columns=()).href()
        values = ColumnsPage(
            title=title,
            crumbs=(Crumb(t("catalog.title"), list_href), Crumb(title)),
            state=state,
            chosen=[c for id in shown if (c := self._choice.find(id, t)) is not None],
            others=[c for id in offered if (c := self._choice.find(id, t)) is not None],
            suggested=suggested,
            hidden=[(n, v) for n, v in state.params(paging=False) if n != "columns"],
            reset_href=list_href,
            is_full=len(shown) >= MAX_COLUMNS,
        )
        return request.render("catalog/columns.html", values)

    # ---- stars -------------------------------------------------------------------------------------------------------

    async def star(self, request: Request) -> Response:
        """``star`` or ``unstar`` name an entity ref. Back to where one was, or 204 to a script."""
        form = await request.read_form()
        is_starred = "star" in form
        await self._stars.set(form.get("star") or form.get("unstar") or "", is_starred, actor=request.actor)
        if request.headers.get("accept") == "application/json":
            return Empty()
        return Redirect(own_path(form.get("next", "")))

    # ---- the home page -----------------------------------------------------------------------------------------------

    async def arrange(self, request: Request) -> Response:
        """``do`` is ``<step>:<card>`` or ``reset``; a script sends the whole order as ``top``, ``main``, ``side``, ``hidden``."""
        form = await request.read_form()
        do = form.get("do", "")
        if do == "reset":
            await self._home.arrangements.put(None, actor=request.actor)
        elif "main" in form:
            given: dict[str, Any] = {name: form.get(name, "").split(",") for name in COLUMNS}
            offered = [(card.id, card.column) for card in sorted(self._home.cards, key=lambda card: card.rank)]
            before = await self._home.order(request)
            whole = arrange({**given, "hidden": sorted(before.hidden)}, role_of(request), offered)
            await self._home.arrangements.put(HomeOrder(whole.columns, whole.hidden, True), actor=request.actor)
            return Json({name: list(ids) for name, ids in whole.columns.items()})
        else:
            step, _, card = do.partition(":")
            order = await self._home.order(request)
            await self._home.arrangements.put(order.moved(card, step), actor=request.actor)
        return Redirect("/?arrange=1")


def own_path(text: str) -> str:
    """``text`` if it is a path of this portal, else the catalog."""
    parts = urlsplit(text[:4000])
    is_own = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return text if is_own and "\n" not in text and "\r" not in text else "/catalog"


def _moved(ids: list[str], params: Any) -> list[str]:
    where, _, id = params.get("move", "").partition(":")
    if id in ids and where in ("up", "down"):
        at = ids.index(id)
        to = at - 1 if where == "up" else at + 1
        if 0 <= to < len(ids):
            ids[at], ids[to] = ids[to], ids[at]
    if (gone := params.get("drop", "")) in ids and len(ids) > 1:
        ids.remove(gone)
    return ids


def _said(query: str) -> str:
    """The filters of a view as people read them."""
    pairs = [(n, v) for n, v in QueryParams(query).multi_items() if n not in ("kind", "columns", "size", "sort")]
    return " · ".join(v if n == "q" else f"{n}: {v}" for n, v in pairs)[:200]

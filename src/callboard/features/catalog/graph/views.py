"""The graph for people: its page, the tab of the entity page, the file to save."""

from __future__ import annotations

from typing import Any, Sequence
from urllib.parse import quote

from markupsafe import Markup
from starlette.responses import Response

from callboard.features.catalog.graph.drawing import draw_file
from callboard.features.catalog.graph.layout import lay_out
from callboard.features.catalog.graph.pages import (
    FILE,
    PAGE,
    Asked,
    GraphPage,
    GraphState,
    edge_names,
    empty_page,
    graph_page,
    node_views,
    parse_ref,
)
from callboard.features.catalog.graph.reader import GraphReader, ReadGraph
from callboard.features.catalog.interface import CatalogQueries, EntityNotFound, EntityTab
from callboard.features.catalog.pages.links import display_title, why_href
from callboard.features.catalog.pages.problems import near_links
from callboard.kernel.errors import InputError
from callboard.kernel.gc_pause import paused_gc
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages
from callboard.ui.parts import Banner, LinkItem


class GraphViews:
    """``/catalog-graph``, ``/catalog-graph.svg`` and the tab ``graph``."""

    def __init__(self, queries: CatalogQueries, reader: GraphReader, messages: Messages) -> None:
        self._queries = queries
        self._reader = reader
        self._messages = messages

    def routes(self) -> list[Route]:
        return [
            Route(PAGE, self.page, auth="page", name="catalog-graph"),
            Route(FILE, self.file, auth="page", name="catalog-graph-file"),
        ]

    def tabs(self) -> Sequence[EntityTab]:
        return [EntityTab("graph", "catalog.tab.graph", self.tab, rank=25)]

    def _asked(self, request: Request, root: str | None = None) -> Asked:
        state = GraphState.parse(request.query_params, root)
        leaf = request.query_params.get("list", "")
        number = max(int(leaf), 1) if leaf.isdecimal() and len(leaf) < 5 else 1
        return Asked(state, self._reader.types, self._messages.translator(request.locale), root is not None, number)

    async def page(self, request: Request) -> Response:
        asked = self._asked(request)
        if not asked.state.root:
            return request.render("catalog/graph.html", empty_page(asked))
        root = parse_ref(asked.state.root)
        if root is None:
            told = Banner("bad", asked.t("graph.no_ref", ref=asked.state.root), [asked.t("graph.no_ref_means")])
            return request.render("catalog/graph.html", empty_page(asked, [told]), status=400)
        # Thousands of small values, none of them in cycles: looking for these took a fifth of the time.
        with paused_gc():
            return request.render("catalog/graph.html", await self._read_page(root, asked, request))

    async def tab(self, entity: Any, request: Request) -> Markup:
        """The body of the tab."""
        root = str(EntityRef.of(entity))
        with paused_gc():
            page = await self._read_page(root, self._asked(request, root), request)
            response = request.render("catalog/graph_part.html", page)
        return Markup(bytes(response.body).decode())

    async def file(self, request: Request) -> Response:
        asked = self._asked(request)
        root, to = parse_ref(asked.state.root), parse_ref(asked.state.to) if asked.state.to else None
        if root is None or (asked.state.to and to is None):
            raise InputError("Say by root, an entity ref such as component:default/shop, what to draw.", field="root")
        read = await self._read(root, to, asked, request)
        names = edge_names(asked.types, read.graph.edges, asked.t)
        entity = read.entities.get(root)
        title = asked.t("graph.of", title=display_title(entity) if entity else root)
        note = asked.t("graph.file_note", ref=root, n=len(read.graph.places))
        drawn = draw_file(lay_out(read.graph), node_views(read, asked), names, title, note)
        name = quote(f"{EntityRef.parse(root).name}-graph.svg")
        headers = {"content-disposition": f"attachment; filename*=utf-8''{name}", "cache-control": "private, no-cache"}
        return Response(drawn, media_type="image/svg+xml", headers=headers)

    async def _read(self, root: str, to: str | None, asked: Asked, request: Request) -> ReadGraph:
        question = asked.state.question(root, to if to != root else None, asked.types)
        return await self._reader.read(question, actor=request.actor)

    async def _read_page(self, root: str, asked: Asked, request: Request) -> GraphPage:
        """With another end that is no ref, or that the actor does not see, the page says so and shows what is around."""
        t, written = asked.t, asked.state.to
        to = parse_ref(written) if written else None
        try:
            if written and to is None:
                told = Banner("bad", t("graph.no_ref", ref=written), [t("graph.no_ref_means")])
                return graph_page(await self._read(root, None, asked, request), asked, [told])
            return graph_page(await self._read(root, to, asked, request), asked)
        except EntityNotFound as error:
            missing = str(error.ref)
            near = near_links(await self._queries.near_matches(EntityRef.parse(missing), actor=request.actor))
            if missing == root:
                error.suggestions = near
                error.ways = [(t("catalog.why.ask"), why_href(root))]
                raise
        ways = [LinkItem(title, asked.href(to=title), "search") for title, _ in near[:3]]
        told = Banner("bad", t("graph.unknown", ref=missing), [t("graph.unknown_means")], ways)
        return graph_page(await self._read(root, None, asked, request), asked, [told])

"""The routes of the catalog's pages, and the handlers behind them."""

from __future__ import annotations

from typing import Any, Sequence
from urllib.parse import urlencode

from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from callboard.features.catalog.interface import (
    CatalogCommands,
    CatalogQueries,
    EntityCard,
    EntityNotFound,
    EntityQuery,
    EntityTab,
    Order,
    Why,
)
from callboard.features.catalog.pages.home import HomePage, RecentChange
from callboard.features.catalog.pages.links import entity_href, kind_title, link_to, related
from callboard.features.catalog.pages.listing import KindChoice, ListState, row_of
from callboard.features.catalog.pages.problems import finding_view, near_links, problems_page, why_page
from callboard.features.catalog.views.entity import EntityReader
from callboard.features.catalog.views.listing import find_quickly, iter_csv, read_list
from callboard.features.catalog.views.reading import decode, look_up
from callboard.kernel.clock import Clock
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Messages, Translator
from callboard.ui.moments import moment

PROBLEMS_PAGE = 50
HOME_ROWS = 8


class CatalogViews:
    """Pages at ``/``, ``/catalog…`` and the palette's ``/api/catalog/v1/find``.

    ``tabs`` and ``cards`` are what plugins registered. Dependencies arrive here and nowhere else.
    """

    def __init__(
        self,
        queries: CatalogQueries,
        commands: CatalogCommands,
        *,
        clock: Clock,
        messages: Messages,
        tabs: Sequence[EntityTab] = (),
        cards: Sequence[EntityCard] = (),
    ) -> None:
        self._queries = queries
        self._commands = commands
        self._clock = clock
        self._messages = messages
        self._entities = EntityReader(queries, tabs, cards)

    def routes(self) -> list[Route]:
        entity = "/catalog/{namespace}/{kind}/{name}"
        return [
            Route("/", self.home, auth="page", name="home"),
            Route("/catalog", self.list, auth="page", name="catalog"),
            Route("/catalog.csv", self.list_csv, auth="page", name="catalog-csv"),
            Route("/catalog/why", self.why, auth="page", name="catalog-why"),
            Route("/catalog/problems", self.problems, auth="page", name="catalog-problems"),
            Route(entity + "/refresh", self.refresh, methods=("POST",), auth="page", name="catalog-refresh"),
            Route(entity, self.entity, auth="page", name="catalog-entity"),
            Route(entity + "/{tab}", self.entity, auth="page", name="catalog-entity-tab"),
            Route("/api/catalog/v1/find", self.find, auth="required", name="catalog-find"),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    async def home(self, request: Request) -> Response:
        actor, now, t = request.actor, self._clock.now(), self._t(request)
        facets = await self._queries.facets(["kind"], actor=actor)
        kinds = sorted(facets.get("kind", ()), key=lambda v: -v.count)
        changes = await self._queries.list_changes(actor=actor, limit=HOME_ROWS)
        findings, problem_count = await self._queries.list_findings(limit=5, actor=actor)
        mine: list[Any] | None = None
        mine_count, mine_href = 0, None
        owned: list[Any] = []
        owns = actor.is_user and bool(actor.ownership) and not request.portal.auth.is_guest(actor)
        if owns:
            own = sorted(actor.ownership)
            query = EntityQuery(
                predicate=has_value("relations.ownedby", own), order=Order("metadata.name"), limit=HOME_ROWS
            )
            page = await self._queries.list_raw(query, actor=actor)
            owned, mine_count = decode(page.items), page.total or 0
            mine_href = "/catalog?" + urlencode([("owner", o) for o in own])
        named = [c.ref.lower() for c in changes]
        named += [f.entity_ref.lower() for f in findings if f.entity_ref]
        named += [r for e in owned for r in [*related(e, "ownedBy")[:2], *related(e, "partOf")[:2]]]
        known = await look_up(self._queries, named, actor=actor)
        if owns:
            mine = [row_of(e, known, None, now) for e in owned]
        problems = []
        for finding in findings:
            ref = finding.entity_ref.lower() if finding.entity_ref else None
            problems.append(finding_view(finding, now, link_to(ref, known.get(ref), known=False) if ref else None))
        page_value = HomePage(
            title=t("home.title"),
            crumbs=(),
            greeting=actor.display_name if owns else None,
            total=sum(v.count for v in kinds),
            kinds=[
                KindChoice(
                    kind_title(v.value, t),
                    v.count,
                    "/catalog?" + urlencode({"kind": v.value.lower()}),
                    m.icon,
                    m.hue,
                    False,
                )
                for v in kinds
                if (m := kind_mark(v.value))
            ],
            changes=[
                RecentChange(link_to(c.ref, known.get(c.ref.lower()), known=False), c.change, moment(c.at, now))
                for c in changes
            ],
            problems=problems,
            problem_count=problem_count,
            mine=mine,
            mine_count=mine_count,
            mine_href=mine_href,
        )
        return request.render("catalog/home.html", page_value)

    async def list(self, request: Request) -> Response:
        state = ListState.parse(request.query_params)
        page = await read_list(self._queries, state, actor=request.actor, now=self._clock.now(), t=self._t(request))
        return request.render("catalog/list.html", page)

    async def list_csv(self, request: Request) -> Response:
        state = ListState.parse(request.query_params)
        headers = {"content-disposition": 'attachment; filename="catalog.csv"'}
        rows = iter_csv(self._queries, state, actor=request.actor)
        return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)

    async def entity(self, request: Request) -> Response:
        params = request.path_params
        ref = EntityRef(params["kind"], params["namespace"], params["name"])
        t = self._t(request)
        try:
            page = await self._entities.read(ref, params.get("tab", "overview"), request, now=self._clock.now(), t=t)
        except EntityNotFound as error:
            near = await self._queries.near_matches(ref, actor=request.actor)
            error.suggestions = near_links(near)
            raise
        return request.render("catalog/entity.html", page)

    async def refresh(self, request: Request) -> Response:
        params = request.path_params
        ref = EntityRef(params["kind"], params["namespace"], params["name"])
        await self._commands.refresh(ref, actor=request.actor)
        return RedirectResponse(entity_href(ref) + "?refreshed=1", status_code=303)

    async def why(self, request: Request) -> Response:
        asked = request.query_params.get("asked", "").strip()[:2000]
        now, t = self._clock.now(), self._t(request)
        answer: Why | None = None
        recent: Sequence[Any] = ()
        if asked:
            answer = await self._commands.why(asked, actor=request.actor)
        else:
            recent, _ = await self._queries.list_findings(severity="error", limit=8, actor=request.actor)
        return request.render("catalog/why.html", why_page(asked, answer, recent, now, t))

    async def problems(self, request: Request) -> Response:
        params, actor, t = request.query_params, request.actor, self._t(request)
        severity = params.get("severity") if params.get("severity") in ("error", "warning") else None
        may_be_mine = actor.is_user and bool(actor.ownership)
        mine = may_be_mine and params.get("mine") == "1"
        offset = int(params["offset"]) if params.get("offset", "").isdecimal() and len(params["offset"]) < 9 else 0
        owner = sorted(actor.ownership) if mine else None
        findings, total = await self._queries.list_findings(
            severity=severity,  # type: ignore[arg-type]
            owner=owner,
            limit=PROBLEMS_PAGE,
            offset=offset,
            actor=actor,
        )
        known = await look_up(self._queries, [f.entity_ref.lower() for f in findings if f.entity_ref], actor=actor)
        page = problems_page(
            findings,
            total,
            known=known,
            severity=severity,
            mine=mine,
            may_be_mine=may_be_mine,
            offset=offset,
            limit=PROBLEMS_PAGE,
            now=self._clock.now(),
            t=t,
        )
        return request.render("catalog/problems.html", page)

    async def find(self, request: Request) -> Response:
        words = request.query_params.get("q", "").strip()
        items = await find_quickly(self._queries, words, actor=request.actor) if words else []
        return JSONResponse({"items": items})

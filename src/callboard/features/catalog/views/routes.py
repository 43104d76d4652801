"""The routes of the catalog's pages, and the handlers behind them."""

from __future__ import annotations

from typing import Any, Sequence
from urllib.parse import quote

from starlette.responses import JSONResponse, RedirectResponse, Response

from callboard.features.catalog.apis.service import ApiDefinitions
from callboard.features.catalog.interface import (
    CatalogCommands,
    CatalogQueries,
    EntityAction,
    EntityCard,
    EntityNotFound,
    EntityTab,
    Why,
)
from callboard.features.catalog.interface.aliases import CatalogAliases
from callboard.features.catalog.interface.reasons import OwnershipReasons
from callboard.features.catalog.pages.links import display_title, entity_href, spec_of, why_href
from callboard.features.catalog.pages.list_state import own_facets
from callboard.features.catalog.pages.problems import (
    FILES_PAGE,
    MAX_OF_FILE,
    ProblemsState,
    named_in,
    near_links,
    problems_page,
)
from callboard.features.catalog.pages.why import why_page
from callboard.features.catalog.personal.shelf import open_list, shelf_of
from callboard.features.catalog.problems import ProblemFilter, ProblemReader
from callboard.features.catalog.views.entity import EntityReader
from callboard.features.catalog.views.home import Personal
from callboard.features.catalog.views.listing import find_quickly, read_list
from callboard.features.catalog.views.reading import look_up, own_paths, own_refs
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock
from callboard.kernel.errors import NotFoundError
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.kinds import KindRegistry
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages, Translator

RECENT_FILES = 6
MAX_FOUND = 20
_NOT_KEPT = {"cache-control": "private, no-cache"}
"""An alias can be taken back, so browsers ask again."""


class CatalogViews:
    """Pages at ``/``, ``/catalog…`` and ``/api/catalog/v1/find`` for fields that name an entity.

    ``tabs``, ``cards`` and ``actions`` are what plugins registered. Dependencies arrive here and nowhere else.
    """

    def __init__(
        self,
        queries: CatalogQueries,
        commands: CatalogCommands,
        problems: ProblemReader,
        *,
        clock: Clock,
        messages: Messages,
        kinds: KindRegistry,
        tabs: Sequence[EntityTab] = (),
        cards: Sequence[EntityCard] = (),
        actions: Sequence[EntityAction] = (),
        definitions: ApiDefinitions | None = None,
        personal: Personal,
        reasons: OwnershipReasons | None = None,
        aliases: CatalogAliases | None = None,
    ) -> None:
        self._queries = queries
        self._commands = commands
        self._problems = problems
        self._clock = clock
        self._messages = messages
        self._kinds = kinds
        self._personal = personal
        self._reasons = reasons
        self._aliases = aliases
        self._entities = EntityReader(queries, problems, tabs, cards, actions, definitions, reasons)

    def routes(self) -> list[Route]:
        entity = "/catalog/{namespace}/{kind}/{name}"
        return [
            Route("/", self.home, auth="page", name="home"),
            Route("/catalog", self.list, auth="page", name="catalog"),
            Route("/catalog/why", self.why, auth="page", name="catalog-why"),
            Route("/catalog/problems", self.problems, auth="page", name="catalog-problems"),
            Route(entity + "/refresh", self.refresh, methods=("POST",), auth="page", name="catalog-refresh"),
            Route(entity, self.entity, auth="page", name="catalog-entity"),
            Route(entity + "/definition/raw", self.definition, auth="page", name="catalog-definition"),
            Route(entity + "/{tab}", self.entity, auth="page", name="catalog-entity-tab"),
            Route("/api/catalog/v1/find", self.find, auth="required", name="catalog-find"),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    async def home(self, request: Request) -> Response:
        page = await self._personal.home.read(request, now=self._clock.now(), t=self._t(request))
        return request.render("catalog/home.html", page)

    async def list(self, request: Request) -> Response:
        t, actor, personal = self._t(request), request.actor, self._personal
        opened = await open_list(personal.saved, request.query_params, actor=actor)
        audiences = personal.saved.audiences(actor)
        groups = [audience for audience in audiences if audience.startswith("group:")]
        known = await look_up(self._queries, groups, actor=actor)
        titles = {ref: display_title(entity) for ref, entity in known.items() if entity is not None}
        page = await read_list(
            self._queries,
            opened.state,
            request,
            choice=personal.choice,
            shelf=shelf_of(opened, actor=actor, audiences=audiences, titles=titles, t=t),
            own=own_facets(self._kinds, opened.state.kind),
            stars=await self._stars_of(actor),
            paths=await own_paths(self._reasons, request),
            now=self._clock.now(),
            t=t,
        )
        return request.render("catalog/list.html", page)

    async def _stars_of(self, actor: Actor) -> frozenset[str] | None:
        """None for those who keep none."""
        stars = self._personal.stars
        return frozenset(await stars.list(actor=actor)) if stars.is_kept_for(actor) else None

    async def entity(self, request: Request) -> Response:
        ref, tab, t = _ref(request), request.path_params.get("tab", "overview"), self._t(request)
        try:
            page = await self._entities.read(ref, tab, request, now=self._clock.now(), t=t)
        except EntityNotFound as error:
            if (moved := await self._moved(ref, request)) is not None:
                return moved
            near = await self._queries.near_matches(ref, actor=request.actor)
            error.suggestions = near_links(near)
            error.ways = [(t("catalog.why.ask"), why_href(str(ref)))]
            raise
        if not request.is_fragment:
            self._personal.visits.note(str(ref), request.actor)
        stars = await self._stars_of(request.actor)
        return request.render("catalog/entity.html", page, starred=None if stars is None else str(ref) in stars)

    async def _moved(self, ref: EntityRef, request: Request) -> Response | None:
        """The way to where the entity is now, for one that has another name since."""
        alias = await self._aliases.resolve(str(ref), actor=request.actor) if self._aliases is not None else None
        if alias is None:
            return None
        href = entity_href(alias.new, request.path_params.get("tab"))
        query = request.url.query
        return RedirectResponse(f"{href}?{query}" if query else href, status_code=301, headers=_NOT_KEPT)

    async def refresh(self, request: Request) -> Response:
        ref = _ref(request)
        await self._commands.refresh(ref, actor=request.actor)
        return RedirectResponse(entity_href(ref) + "?refreshed=1", status_code=303)

    async def definition(self, request: Request) -> Response:
        """The definition of an API as it was written, to save: what a page shows of it may be cut."""
        ref = _ref(request)
        entity = await self._entities.get(ref, request)
        text = spec_of(entity).get("definition")
        if not isinstance(text, str):
            raise NotFoundError("This entity has no definition.")
        name = quote(f"{ref.name}-definition.txt")
        headers = {"content-disposition": f"attachment; filename*=utf-8''{name}", "cache-control": "private, no-cache"}
        return Response(text, media_type="text/plain; charset=utf-8", headers=headers)

    async def why(self, request: Request) -> Response:
        asked = request.query_params.get("asked", "").strip()[:2000]
        now, t = self._clock.now(), self._t(request)
        answer: Why | None = None
        recent: Sequence[Any] = ()
        if asked:
            answer = await self._commands.why(asked, actor=request.actor)
        else:
            found = await self._problems.list_by_file(
                ProblemFilter("error"), limit=RECENT_FILES, shown=1, actor=request.actor
            )
            recent = [p.finding for file in found.files for p in file.problems]
        return request.render("catalog/why.html", why_page(asked, answer, recent, now, t))

    async def problems(self, request: Request) -> Response:
        state, own, t = ProblemsState.parse(request.query_params), own_refs(request), self._t(request)
        found = await self._problems.list_by_file(
            state.wanted(own),
            limit=FILES_PAGE,
            offset=(state.page - 1) * FILES_PAGE,
            shown=MAX_OF_FILE,
            own=own,
            actor=request.actor,
        )
        known = await look_up(self._queries, named_in(found), actor=request.actor)
        page = problems_page(found, state, known=known, may_own=bool(own), now=self._clock.now(), t=t)
        return request.render("catalog/problems.html", page)

    async def find(self, request: Request) -> Response:
        """``q`` are the words; ``kinds`` (by commas) and ``limit`` are what a field that names an entity asks by."""
        said = request.query_params
        words, limit = said.get("q", "").strip(), said.get("limit", "")
        asked = {"limit": max(1, min(int(limit), MAX_FOUND))} if limit.isdecimal() and len(limit) < 4 else {}
        kinds = [kind for kind in said.get("kinds", "").lower().split(",")[:50] if kind]
        is_field = "kinds" in said  # which offers something before anything is typed
        items = (
            await find_quickly(self._queries, words, actor=request.actor, kinds=kinds, **asked)
            if words or is_field
            else []
        )
        return JSONResponse({"items": items})


def _ref(request: Request) -> EntityRef:
    params = request.path_params
    return EntityRef(params["kind"], params["namespace"], params["name"])

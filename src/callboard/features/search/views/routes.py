"""The routes of the pages of search, and the handlers behind them. Everything works without script."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from starlette.responses import Response

from callboard.features.search.history.service import SearchHistory
from callboard.features.search.history.settings import HistorySettings
from callboard.features.search.interface import MAX_TERM_LENGTH, Indexing
from callboard.features.search.pages.results import SearchPage, quick_item, results_page
from callboard.features.search.pages.state import PATH, SearchState
from callboard.features.search.pages.unanswered import PATH as UNANSWERED
from callboard.features.search.pages.unanswered import SIZE, read_order, table, unanswered_page
from callboard.features.search.views.asking import Asking
from callboard.features.search.views.quick import QuickFinder
from callboard.kernel.clock import Clock
from callboard.kernel.errors import InputError
from callboard.kernel.web.notices import Notice, leave_notice
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Empty, Json, Redirect
from callboard.kernel.web.routing import Route
from callboard.ui.messages import Messages, Translator

EXPORTED = 10_000
BOM = "\ufeff"


class SearchViews:
    """Pages at ``/search…`` and what their script and the command palette ask. Dependencies arrive here and nowhere else."""

    def __init__(
        self,
        asking: Asking,
        quick: QuickFinder,
        history: SearchHistory,
        settings: HistorySettings,
        indexing: Indexing,
        *,
        clock: Clock,
        messages: Messages,
    ) -> None:
        self._asking = asking
        self._quick = quick
        self._history = history
        self._settings = settings
        self._indexing = indexing
        self._clock = clock
        self._messages = messages

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self.search, auth="page", name="search"),
            Route(f"{PATH}/found", self.found, auth="page", name="search-found"),
            Route(f"{PATH}/recent", self.forget, ("POST",), auth="page", name="search-forget"),
            Route(f"{PATH}/wanted", self.want, ("POST",), auth="page", name="search-want"),
            Route(UNANSWERED, self.unanswered, auth="page", name="search-unanswered"),
            Route(UNANSWERED, self.forget_missed, ("POST",), auth="page", name="search-unanswered-forget"),
            Route(f"{UNANSWERED}.csv", self.csv, auth="page", name="search-unanswered-csv"),
            Route("/api/search/v1/find", self.find, openapi=_FIND),
            Route("/api/search/v1/opened", self.opened, ("POST",), openapi=_OPENED),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    # ---- results -----------------------------------------------------------------------------------------------------

    async def search(self, request: Request) -> Response:
        """The whole page. A question asked so counts as one, on its first page and before it is narrowed."""
        page = await self._page(request)
        self._note(page, request)
        return request.render("search/search.html", page)

    async def found(self, request: Request) -> Response:
        """What changes as one types. With ``settled`` the person has stopped: then it counts as a question."""
        page = await self._page(request)
        if "settled" in request.query_params:
            self._note(page, request)
        return request.render("search/found.html", page)

    def _note(self, page: SearchPage, request: Request) -> None:
        state = page.state
        if state.q and not state.start and not state.is_filtered and (page.best is not None or not page.indexing):
            self._history.note(state.q, page.best, actor=request.actor)

    async def _page(self, request: Request) -> SearchPage:
        t, actor = self._t(request), request.actor
        types = self._asking.types(t)
        state = SearchState.parse(request.query_params, list(types))
        may_read = self._history.may_read(actor)
        indexing = await self._indexing.sentence(actor, t)
        if not state.q and not state.is_filtered:
            beginning = await self._asking.beginning(t, actor=actor)
            return SearchPage(t("nav.search"), state, may_read, beginning=beginning, indexing=indexing)
        found = await self._asking.results(state, actor=actor)
        nothing = None
        if not found.main.hits and not state.start:
            nothing = await self._asking.nothing(state, t, actor=actor)
        return results_page(
            state,
            found,
            types,
            t,
            now=self._clock.now(),
            may_read_unanswered=may_read,
            nothing=nothing,
            indexing=indexing,
        )

    # ---- one's own searches, and what is missing ---------------------------------------------------------------------

    async def forget(self, request: Request) -> Response:
        """One's own searches: that of ``term``, or without it all."""
        form = await request.read_form()
        await self._history.forget(form.get("term") or None, actor=request.actor)
        told = "search.recent.forgotten" if form.get("term") else "search.recent.cleared"
        return leave_notice(request, Redirect(PATH), Notice(told))

    async def want(self, request: Request) -> Response:
        """Say that something is missing."""
        term = (await request.read_form()).get("term", "")
        await self._history.want(term, actor=request.actor)
        return leave_notice(request, Redirect(SearchState(term[:MAX_TERM_LENGTH]).href()), Notice("search.none.told"))

    async def opened(self, request: Request) -> Response:
        """A result was opened: it counts once for each person and week."""
        body = await request.require_object()
        type, id, after = (body.get(key, "") for key in ("type", "id", "after"))
        if not all(isinstance(one, str) for one in (type, id, after)) or not type or not id:
            raise InputError("A document is named by its type and its id, both text.", field="id")
        await self._history.open(type[:200], id[:1_000], after[:MAX_TERM_LENGTH], actor=request.actor)
        return Empty()

    async def find(self, request: Request) -> Response:
        """The first few results while one types, for the command palette."""
        words = " ".join(request.query_params.get("q", "")[: 2 * MAX_TERM_LENGTH].split())[:MAX_TERM_LENGTH]
        if not words:
            return Json({"items": []})
        t = self._t(request)
        types = self._asking.types(t)
        items = [quick_item(hit, types) for hit in await self._quick.find(words, actor=request.actor)]
        behind = await self._indexing.sentence(request.actor, t)
        return Json({"items": items, "indexing": behind} if behind else {"items": items})

    # ---- what nothing was found for ----------------------------------------------------------------------------------

    async def unanswered(self, request: Request) -> Response:
        by, start = read_order(request.query_params)
        rows, total, titles = await self._history.list_missed(by, SIZE, start, actor=request.actor)
        page = unanswered_page(
            rows, total, titles, by, start, self._t(request), now=self._clock.now(), days=self._settings.retention.days,
            may_delete=self._history.may_delete(request.actor), may_add=self._history.may_add_synonyms(request.actor),
        )  # fmt: skip
        return request.render("search/unanswered.html", page)

    async def csv(self, request: Request) -> Response:
        """The first ``EXPORTED`` terms, most often asked first."""
        rows, _, titles = await self._history.list_missed("times", EXPORTED, 0, actor=request.actor)
        headers = {"content-disposition": 'attachment; filename="unanswered.csv"', "cache-control": "private, no-store"}
        return Response(BOM + table(rows, titles), media_type="text/csv; charset=utf-8", headers=headers)

    async def forget_missed(self, request: Request) -> Response:
        form = await request.read_form()
        await self._history.forget_missed(form.get("term", ""), actor=request.actor)
        return leave_notice(request, Redirect(UNANSWERED), Notice("search.unanswered.forgotten"))


_ITEM = {
    "type": "object",
    "required": ["title", "href", "type", "id"],
    "properties": {
        name: {"type": "string"} for name in ("title", "hint", "href", "icon", "group", "type", "id")
    } | {"hue": {"type": "integer"}},
}  # fmt: skip
_FIND: Mapping[str, Any] = {
    "summary": "The first few results while one types",
    "parameters": [{"name": "q", "in": "query", "schema": {"type": "string"}, "description": "The words; the last may be only begun."}],
    "responses": {
        "200": {
            "description": "Best first",
            "content": {
                "application/json": {
                    "schema": {"type": "object", "properties": {"items": {"type": "array", "items": _ITEM}, "indexing": {"type": "string"}}}
                }
            },
        }
    },
}  # fmt: skip
_OPENED: Mapping[str, Any] = {
    "summary": "Say that a result was opened",
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["type", "id"],
                    "properties": {
                        "type": {"type": "string", "minLength": 1},
                        "id": {"type": "string", "minLength": 1},
                        "after": {"type": "string", "description": "What was searched for before without result."},
                    },
                }
            }
        },
    },
    "responses": {"204": {"description": "Taken note of"}, "400": {"description": "No document is named"}},
}


def page_routes(
    portal: Any,
    asking: Asking,
    quick: QuickFinder,
    history: SearchHistory,
    settings: HistorySettings,
    indexing: Indexing,
) -> Sequence[Route]:
    return SearchViews(
        asking, quick, history, settings, indexing, clock=portal.clock, messages=portal.service(Messages)
    ).routes()

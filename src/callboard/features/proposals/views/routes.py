"""The routes of the pages of proposals, and the handlers behind them. Every form works without script."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import orjson
from starlette.responses import RedirectResponse, Response

from callboard.features.catalog.interface import BY_TITLE, CatalogQueries, EntityQuery, Order
from callboard.features.proposals.interface import (
    BULK_FIELDS,
    EDITABLE,
    LISTS,
    Decision,
    Proposal,
    ProposalNotFound,
    ProposalService,
)
from callboard.features.proposals.pages.detail import detail_page, facts_of
from callboard.features.proposals.pages.listing import ListState, list_page, outcome_banners
from callboard.features.proposals.pages.scans import SCANS_PAGE, scan_detail, start_page
from callboard.kernel.clock import Clock
from callboard.kernel.errors import (
    CallboardError,
    ConflictError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
)
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef
from callboard.ui.code import show_code
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Banner

SUGGESTED = 200
BULK_BODY_BYTES = 256 * 1024


class ProposalViews:
    """Pages at ``/proposals…``. Dependencies arrive here and nowhere else."""

    def __init__(
        self, proposals: ProposalService, queries: CatalogQueries, *, clock: Clock, messages: Messages
    ) -> None:
        self._proposals = proposals
        self._queries = queries
        self._clock = clock
        self._messages = messages

    def routes(self) -> list[Route]:
        one = "/proposals/{id}"
        return [
            Route("/proposals", self.list, auth="page", name="proposals"),
            Route("/proposals", self.decide, ("POST",), auth="page", name="proposals-decide", max_body_bytes=BULK_BODY_BYTES),
            Route("/proposals/scan", self.start, auth="page", name="proposals-start"),
            Route("/proposals/scan", self.scan, ("POST",), auth="page", name="proposals-scan"),
            Route("/proposals/scans/{id}", self.progress, auth="page", name="proposals-progress"),
            Route("/proposals/catalog-info.yaml", self.descriptor, auth="page", name="proposals-descriptor"),
            Route(one, self.detail, auth="page", name="proposal"),
            Route(one, self.decide_one, ("POST",), auth="page", name="proposal-decide"),
        ]  # fmt: skip

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    # ---- the queue -------------------------------------------------------------------------------------------------------

    async def list(self, request: Request) -> Response:
        return await self._list(request, ListState.parse(request.query_params))

    async def _list(
        self, request: Request, state: ListState, banners: Sequence[Banner] = (), status: int = 200
    ) -> Response:
        found = await self._proposals.list_proposals(state.query(), actor=request.actor)
        is_new = False
        if not found.total and not state.is_filtered and not any(count for _, _, count in found.facets["state"]):
            is_new = (await self._proposals.list_scans(limit=0, actor=request.actor)).total == 0
        page = list_page(
            found, state, self._t(request), is_new=is_new, banners=banners, people=await self._suggest(request, ("group", "user")),
        )  # fmt: skip
        return request.render("proposals/list.html", page, status)

    async def decide(self, request: Request) -> Response:
        """Something for several at once; what became of each is told on the same list."""
        form = await request.form()
        state = ListState.parse(form)
        ids = [str(id) for id in form.getlist("id")]
        t = self._t(request)
        if not ids:
            return await self._list(request, state, [Banner("warn", t("proposals.told.none"))], 400)
        try:
            decisions = await self._do(request, str(form.get("do", "")), ids, form)
        except (InputError, LimitError, ConflictError, ProposalNotFound) as error:
            return await self._list(request, state, [Banner("bad", error.message)], _status(error))
        banners = outcome_banners(decisions, t)
        refused = any(one.outcome in ("conflict", "refused", "missing") for one in decisions)
        return await self._list(request, state, banners, 409 if refused else 200)

    async def _do(self, request: Request, what: str, ids: Sequence[str], form: Any) -> Sequence[Decision]:
        actor, service = request.actor, self._proposals
        if what == "accept":
            return await service.accept(ids, actor=actor)
        if what == "ignore":
            return await service.ignore(ids, actor=actor)
        if what == "reopen":
            return await service.reopen(ids, actor=actor)
        values = {path: str(form[path]).strip() for path in BULK_FIELDS if str(form.get(path) or "").strip()}
        if not values:
            raise InputError(self._t(request)("proposals.told.no_value"), field="spec.owner")
        return await service.change(ids, values, actor=actor)

    # ---- one of them -----------------------------------------------------------------------------------------------------

    async def detail(self, request: Request) -> Response:
        banners = []
        told = request.query_params.get("told", "")
        if told in ("changed", "ignored", "open", "seen", "updated"):
            banners.append(Banner("ok", self._t(request)(f"proposals.one.{told}")))
        return await self._detail(request, request.path_params["id"], banners)

    async def _detail(
        self, request: Request, id: str, banners: Sequence[Banner] = (), *, said: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None, status: int = 200,
    ) -> Response:  # fmt: skip
        proposal = await self._proposals.get_proposal(id, actor=request.actor)
        text = await self._proposals.descriptor([id], actor=request.actor)
        page = detail_page(
            proposal, self._t(request), now=self._clock.now(), facts=facts_of(proposal), yaml=show_code(text, "yaml", max_bytes=20_000),
            banners=banners, said=said, errors=errors,
            options={
                "owners": await self._suggest(request, ("group", "user")), "systems": await self._suggest(request, ("system",)),
            } if proposal.state == "open" else {},
        )  # fmt: skip
        return request.render("proposals/detail.html", page, status)

    async def decide_one(self, request: Request) -> Response:
        id, form = request.path_params["id"], await request.read_form()
        what, said = form.get("do", "save"), {}
        try:
            if what in ("save", "accept") and "metadata.name" in form:
                proposal = await self._proposals.get_proposal(id, actor=request.actor)
                said = {path: form[path] for path in EDITABLE if path in form}
                values = _changed(proposal, said)
                if values:
                    await self._proposals.change([id], values, actor=request.actor)
            if what == "save":
                return _to(id, "changed")
            if what in ("update", "dismiss"):
                act = self._proposals.update if what == "update" else self._proposals.dismiss
                decision = await act(id, actor=request.actor)
                told = "updated" if what == "update" else "seen"
            else:
                decision = (await self._do(request, what, [id], form))[0]
                told = "ignored" if what == "ignore" else "open"
        except (InputError, ConflictError, LimitError, NotAllowedError) as error:
            errors = {error.field: error.message} if error.field else {}
            return await self._detail(
                request, id, [Banner("bad", error.message)], said=said, errors=errors, status=_status(error)
            )
        if decision.outcome in ("conflict", "refused", "missing"):
            banner = Banner("bad", decision.message or decision.outcome)
            return await self._detail(request, id, [banner], said=said, status=409)
        if decision.outcome == "accepted":
            ref = EntityRef.parse(decision.ref)
            return RedirectResponse(f"/catalog/{ref.namespace}/{ref.kind}/{ref.name}", status_code=303)
        return _to(id, told)

    async def descriptor(self, request: Request) -> Response:
        text = await self._proposals.descriptor(request.query_params.getlist("id"), actor=request.actor)
        headers = {"content-disposition": 'attachment; filename="catalog-info.yaml"'}
        return Response(text, media_type="application/yaml", headers=headers)

    # ---- scans -------------------------------------------------------------------------------------------------------------

    async def start(self, request: Request) -> Response:
        return await self._start(request, target=request.query_params.get("target", "")[:1_000])

    async def _start(self, request: Request, *, target: str = "", error: str = "", status: int = 200) -> Response:
        start = request.query_params.get("start", "")
        offset = int(start) if start.isdecimal() and len(start) < 7 else 0
        found = await self._proposals.list_scans(limit=SCANS_PAGE, offset=offset, actor=request.actor)
        choices = self._proposals.choices(actor=request.actor)
        page = start_page(
            found, choices, self._t(request), now=self._clock.now(), offset=offset, target=target, error=error
        )
        return request.render("proposals/scan.html", page, status)

    async def scan(self, request: Request) -> Response:
        form = await request.read_form()
        target = form.get("target", "").strip() or form.get("choice", "").strip()
        try:
            scan = await self._proposals.scan(target, again=form.get("again") == "1", actor=request.actor)
        except (InputError, LimitError, NotFoundError) as error:
            return await self._start(request, target=target, error=error.message, status=_status(error))
        return RedirectResponse(f"/proposals/scans/{scan.id}", status_code=303)

    async def progress(self, request: Request) -> Response:
        scan = await self._proposals.get_scan(request.path_params["id"], actor=request.actor)
        return request.render("proposals/progress.html", scan_detail(scan, self._t(request), now=self._clock.now()))

    async def _suggest(self, request: Request, kinds: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Entities to suggest; the list is cut, and any ref can be typed."""
        query = EntityQuery(has_value("kind", kinds), Order(BY_TITLE), limit=SUGGESTED, want_total=False)
        found = []
        for raw in (await self._queries.list_raw(query, actor=request.actor)).items:
            entity = orjson.loads(raw)
            ref = EntityRef.of(entity)
            found.append((str(ref), str(entity["metadata"].get("title") or ref.name)))
        return found


def page_routes(portal: Any) -> Sequence[Route]:
    return ProposalViews(
        portal.service(ProposalService),
        portal.service(CatalogQueries),
        clock=portal.clock,
        messages=portal.service(Messages),
    ).routes()


def _changed(proposal: Proposal, said: Mapping[str, str]) -> dict[str, Any]:
    """What a form says otherwise than the proposal; an emptied field goes back to what was found."""
    values: dict[str, Any] = {}
    for path, text in said.items():
        field = proposal.fields.get(path)
        now = field.value if field is not None else None
        if path in LISTS:
            items = [line.strip() for line in text.replace("\r", "").split("\n") if line.strip()]
            if items != [str(one) for one in now or ()]:
                values[path] = items
        elif text.strip().replace("\r\n", "\n") != str(now or ""):
            values[path] = text.strip().replace("\r\n", "\n") or None
    return values


def _status(error: CallboardError) -> int:
    for kind, status in ((LimitError, 429), (NotFoundError, 404), (NotAllowedError, 403), (ConflictError, 409)):
        if isinstance(error, kind):
            return status
    return 400


def _to(id: str, told: str) -> Response:
    return RedirectResponse(f"/proposals/{id}?told={told}", status_code=303)

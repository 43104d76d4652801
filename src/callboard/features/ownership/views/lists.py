"""``/ownership`` and ``/ownership/gone``: lists in which much is done at once. Every form works without script."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from starlette.responses import RedirectResponse, Response

from callboard.features.ownership.gone import Gone
from callboard.features.ownership.handing import MAX_AT_ONCE
from callboard.features.ownership.interface import TROUBLES, ListQuery, NotAsSeen, OwnershipService, Trouble
from callboard.features.ownership.pages.lists import (
    PAGE,
    PATH,
    GonePage,
    ListState,
    gone_choices,
    gone_href,
    gone_row,
    named_in,
    to_confirm_page,
)
from callboard.features.ownership.parts import Parts
from callboard.features.ownership.views.base import POST, TOLD, Views, own_refs, status_of
from callboard.kernel.errors import CallboardError, InputError, LimitError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import safe_next
from callboard.kernel.web.routing import Route
from callboard.ui.messages import Messages
from callboard.ui.parts import Banner, Crumb, Pager

DONE = ("confirmed", "offered", "taken", "laid", "declined", "withdrawn", "assigned")


class ListViews(Views):
    """Dependencies arrive here and nowhere else."""

    def __init__(self, service: OwnershipService, parts: Parts, gone: Gone, messages: Messages) -> None:
        super().__init__(parts, gone, messages)
        self._service = service

    def routes(self) -> list[Route]:
        return [
            Route("/ownership", self.list, auth="page", name="ownership"),
            Route("/ownership/confirm", self.confirm, name="ownership-confirm", **POST),
            Route("/ownership/hand-over", self.hand_over, name="ownership-hand-over", **POST),
            Route("/ownership/handovers/{id}", self.answer, name="ownership-answer", **POST),
            Route("/ownership/gone", self.gone, auth="page", name="ownership-gone"),
            Route("/ownership/gone", self.assign, name="ownership-assign", **POST),
        ]

    # ---- to confirm --------------------------------------------------------------------------------------------------

    async def list(self, request: Request) -> Response:
        return await self._list(request, request.query_params)

    async def _list(self, request: Request, params: Any, error: CallboardError | None = None) -> Response:
        t, own = self.t(request), own_refs(request)
        state = ListState.parse(params, may_own=bool(own))
        found = await self._service.list_items(state.query(own), actor=request.actor)
        summary = await self._service.summarize(actor=request.actor)
        refs = [*named_in(found.items), state.owner, *(owner for owner, _ in summary.owners[:20])]
        banners = [self.told(error, t)] if error is not None else []
        done = params.get("done", "")
        if error is None and done in DONE:
            n = params.get("n", "1")
            banners = [Banner("ok", t(f"ownership.done.{done}", n=int(n) if n.isdecimal() and len(n) < 7 else 1))]
        known = await self.known([r for r in refs if ":" in r], request)
        items = [item.ref for item in found.items if item.ref in known]
        confirmable = {ref for ref in items if self._parts.may_confirm(request.actor, known[ref])}
        page = to_confirm_page(
            found, state, summary, known=known, own=own, groups=await self.groups(request), confirmable=confirmable, banners=banners, now=self._parts.clock.now(), t=t,
        )  # fmt: skip
        return request.render("ownership/list.html", page, 200 if error is None else status_of(error))

    async def confirm(self, request: Request) -> Response:
        form = await request.form()
        values = [str(value) for key, value in form.multi_items() if key == "item"]
        seen: dict[str, str | None] = {}
        for value in values:
            ref, _, mark = value.partition("|")
            seen[ref] = mark or None
        back = safe_next(str(form.get("back", "")), PATH)
        try:
            if not seen:
                raise InputError(self.t(request)("ownership.none_chosen"), field="item")
            done = await self._service.confirm(seen, actor=request.actor)
        except TOLD as error:
            if isinstance(error, NotAsSeen) and not back.startswith(PATH):
                return RedirectResponse(back, status_code=303)  # its page shows what stands now
            return await self._list(request, {}, error)
        return _back(back, "confirmed", len(done))

    async def hand_over(self, request: Request) -> Response:
        form = await request.form()
        refs = [str(value).partition("|")[0] for key, value in form.multi_items() if key == "item"]
        try:
            if not refs:
                raise InputError(self.t(request)("ownership.none_chosen"), field="item")
            offers = await self._service.hand_over(
                refs, str(form.get("owner", "")), note=str(form.get("note", "")), actor=request.actor
            )
        except TOLD as error:
            return await self._list(request, {}, error)
        return _back(safe_next(str(form.get("back", "")), PATH), "offered", len(offers))

    async def answer(self, request: Request) -> Response:
        form = await request.read_form()
        id, do = request.path_params["id"], form.get("do", "")
        back = safe_next(form.get("back"), PATH)
        try:
            if do == "withdraw":
                await self._service.withdraw(id, actor=request.actor)
            elif do in ("accept", "decline"):
                answered = await self._service.answer(
                    id, accept=do == "accept", note=form.get("note", ""), actor=request.actor
                )
                if answered.way == "overlay":
                    return _back(back, "laid", 1)
            else:
                raise InputError("An answer is accept, decline or withdraw.", field="do")
        except TOLD as error:
            return await self._list(request, {}, error)
        return _back(back, {"accept": "taken", "decline": "declined", "withdraw": "withdrawn"}[do], 1)

    # ---- without owner -----------------------------------------------------------------------------------------------

    async def gone(self, request: Request) -> Response:
        t, params = self.t(request), request.query_params
        trouble: Trouble | None = next((one for one in TROUBLES if one == params.get("trouble")), None)
        q, number = params.get("q", "").strip()[:200], params.get("page", "")
        page = max(1, int(number)) if number.isdecimal() and len(number) < 7 else 1
        query = ListQuery(None, "unowned", trouble, text=q, limit=PAGE, offset=(page - 1) * PAGE)
        found = await self._service.list_items(query, actor=request.actor)
        groups = await self._gone.list_groups(actor=request.actor)
        suggested = await self._gone.suggest(found.items, groups=groups, actor=request.actor)
        owners = [
            ref for one in suggested.values() for s in one for ref in (s.owner, *s.arguments.values()) if ":" in ref
        ]
        known, now = await self.known([*named_in(found.items), *owners], request), self._parts.clock.now()
        last = (page - 1) * PAGE + len(found.items)
        pager = Pager(
            (page - 1) * PAGE + 1 if found.items else 0, last if found.items else 0, found.total,
            gone_href(trouble or "", q, page - 1) if page > 1 else None,
            gone_href(trouble or "", q, page + 1) if last < found.total else None,
        )  # fmt: skip
        n = params.get("n", "")
        banners = [Banner("ok", t("ownership.done.assigned", n=int(n)))] if n.isdecimal() and len(n) < 7 else []
        shown = GonePage(
            t("ownership.gone.title"), (Crumb(t("ownership.title"), PATH), Crumb(t("ownership.gone.title"))), banners,
            gone_choices(trouble or "", q, t),
            [gone_row(item, suggested.get(item.ref, ()), known, now, t) for item in found.items], pager,
            [(group.ref, group.title) for group in groups], trouble or "", q, "", False, found.total,
        )  # fmt: skip
        return request.render("ownership/gone.html", shown)

    async def assign(self, request: Request) -> Response:
        t = self.t(request)
        form = await request.form()
        chosen = [str(value) for key, value in form.multi_items() if key == "item"]
        owners = {ref: str(form.get(f"owner:{ref}", "")).strip() for ref in chosen}
        every = str(form.get("owner", "")).strip()
        owners = {ref: owner or every for ref, owner in owners.items() if owner or every}
        note = str(form.get("note", ""))
        try:
            if not owners:
                raise InputError(t("ownership.gone.none_chosen"), field="item")
            if len(owners) > MAX_AT_ONCE:
                raise LimitError(f"At most {MAX_AT_ONCE} entities are given to owners at once on this page.")
            if form.get("do") == "assign":
                results = await self._gone.assign(owners, note=note, actor=request.actor)
                done = sum(result.outcome == "changed" for result in results)
                if done == len(results):
                    return RedirectResponse(f"{gone_href()}?n={done}", status_code=303)
                title = Banner("warn", t("ownership.gone.partly", n=done, of=len(results)))
            else:
                results = await self._gone.preview(owners, actor=request.actor)
                title = None
        except TOLD as error:
            shown = dict(list(owners.items())[:MAX_AT_ONCE])
            return await self._preview(request, shown, {}, note, [self.told(error, t)], status_of(error))
        told = {result.ref: (result.outcome, result.message) for result in results}
        return await self._preview(request, owners, told, note, [title] if title is not None else [], 200)

    async def _preview(
        self, request: Request, owners: Mapping[str, str], told: Mapping[str, tuple[str, str]], note: str,
        banners: Sequence[Banner], status: int,
    ) -> Response:  # fmt: skip
        t, now = self.t(request), self._parts.clock.now()
        found = await self._service.list_items(
            ListQuery(None, "all", limit=len(owners), refs=list(owners)), actor=request.actor
        )
        by_ref = {item.ref: item for item in found.items}
        items = [by_ref[ref] for ref in owners if ref in by_ref]
        known = await self.known([*named_in(items), *owners.values()], request)
        rows = [
            gone_row(item, (), known, now, t, chosen=owners[item.ref], outcome=told.get(item.ref, ("", ""))[0],
                     message=told.get(item.ref, ("", ""))[1])
            for item in items
        ]  # fmt: skip
        count = sum(row.outcome == "changed" for row in rows)
        shown = GonePage(
            t("ownership.gone.preview"),
            (Crumb(t("ownership.title"), PATH), Crumb(t("ownership.gone.title"), gone_href()), Crumb(t("ownership.gone.preview"))),
            banners, (), rows, None, await self.groups(request), "", "", note, True, count,
        )  # fmt: skip
        return request.render("ownership/gone.html", shown, status)


def _back(path: str, done: str, n: int) -> Response:
    if not path.startswith(PATH):
        return RedirectResponse(path, status_code=303)
    bare, _, query = path.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith(("done=", "n="))]
    return RedirectResponse(f"{bare}?{'&'.join([*kept, f'done={done}', f'n={n}'])}", status_code=303)

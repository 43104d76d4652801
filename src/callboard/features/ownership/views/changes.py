"""Pages that change something after a look: re-organisations, names, and renaming, handing over and merging one entity."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import urlencode

import orjson
from starlette.responses import RedirectResponse, Response

from callboard.features.catalog.interface import BY_TITLE, EntityNotFound, EntityQuery, Order
from callboard.features.ownership import domain
from callboard.features.ownership.gone import Gone
from callboard.features.ownership.handing import Handing
from callboard.features.ownership.merging import Choice, MergePlan, Merging
from callboard.features.ownership.naming import Naming, RenamePlan
from callboard.features.ownership.pages.changes import (
    NAMES,
    REORGANISE,
    hand_over_page,
    merge_page,
    names_page,
    rename_page,
    reorganise_page,
)
from callboard.features.ownership.pages.links import entity_href, title_of
from callboard.features.ownership.parts import Parts
from callboard.features.ownership.reorganising import Plan, Reorganising, Wish
from callboard.features.ownership.views.base import POST, TOLD, Views, ref_of, status_of
from callboard.kernel.errors import CallboardError, InputError
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages
from callboard.ui.parts import Banner

SUGGESTED = 300
_CHOICES: tuple[Choice, ...] = ("survivor", "other", "both")


class ChangeViews(Views):
    """Dependencies arrive here and nowhere else."""

    def __init__(
        self, parts: Parts, gone: Gone, messages: Messages, *, handing: Handing, reorganising: Reorganising,
        naming: Naming, merging: Merging,
    ) -> None:  # fmt: skip
        super().__init__(parts, gone, messages)
        self._handing = handing
        self._reorganising = reorganising
        self._naming = naming
        self._merging = merging

    def routes(self) -> list[Route]:
        one = "/catalog/{namespace}/{kind}/{name}"
        return [
            Route(REORGANISE, self.reorganise, auth="page", name="ownership-reorganise"),
            Route(REORGANISE, self.reorganised, name="ownership-reorganised", **POST),
            Route(REORGANISE + "/{id}/undo", self.undo, name="ownership-undo", **POST),
            Route(NAMES, self.names, auth="page", name="ownership-names"),
            Route(NAMES, self.named, name="ownership-named", **POST),
            Route(one + "/rename", self.rename, auth="page", name="ownership-rename"),
            Route(one + "/rename", self.renamed, name="ownership-renamed", **POST),
            Route(one + "/hand-over", self.hand_over, auth="page", name="ownership-hand-over-one"),
            Route(one + "/hand-over", self.handed_over, name="ownership-handed-over", **POST),
            Route(one + "/merge", self.merge, auth="page", name="ownership-merge"),
            Route(one + "/merge", self.merged, name="ownership-merged", **POST),
        ]

    # ---- re-organisations --------------------------------------------------------------------------------------------

    async def reorganise(self, request: Request) -> Response:
        params = request.query_params
        wish = _wish(params, None, is_asked="to" in params)
        t = self.t(request)
        banners = []
        n = params.get("n", "")
        if params.get("done") in ("applied", "undone") and n.isdecimal() and len(n) < 7:
            banners = [Banner("ok", t(f"ownership.reorganise.{params['done']}", n=int(n)))]
        if not wish.old_owner or not wish.new_owner:
            return await self._reorganise(request, wish, None, banners)
        try:
            plan = await self._reorganising.preview(wish, actor=request.actor)
        except TOLD as error:
            return await self._reorganise(request, wish, None, [self.told(error, t)], status_of(error))
        return await self._reorganise(request, wish, plan, banners)

    async def _reorganise(
        self, request: Request, wish: Wish, plan: Plan | None, banners: Sequence[Banner], status: int = 200
    ) -> Response:
        past = await self._reorganising.list_latest(actor=request.actor)
        refs = [ref for row in past for ref in (row.old_owner, row.new_owner, row.applied_by) if ":" in ref]
        if plan is not None:
            refs += [plan.old_owner, plan.new_owner, *(move.ref for move in plan.moves)]
        page = reorganise_page(
            wish, plan, past, known=await self.known([r for r in refs if r.startswith(_NAMED) or plan], request),
            groups=await self.groups(request), banners=banners, now=self._parts.clock.now(), t=self.t(request),
        )  # fmt: skip
        return request.render("ownership/reorganise.html", page, status)

    async def reorganised(self, request: Request) -> Response:
        form = await request.form()
        refs = [str(value) for key, value in form.multi_items() if key == "item"]
        wish = _wish(form, refs, is_asked=True)
        try:
            if not refs and not wish.alias:
                raise InputError(self.t(request)("ownership.none_chosen"), field="item")
            done = await self._reorganising.apply(wish, actor=request.actor)
        except TOLD as error:
            return await self._reorganise(request, wish, None, [self.told(error, self.t(request))], status_of(error))
        n = sum(move.result.outcome == "changed" for move in done.moves)
        return RedirectResponse(f"{REORGANISE}?done=applied&n={n}", status_code=303)

    async def undo(self, request: Request) -> Response:
        try:
            results = await self._reorganising.undo(request.path_params["id"], actor=request.actor)
        except TOLD as error:
            wish = Wish("", "")
            return await self._reorganise(request, wish, None, [self.told(error, self.t(request))], status_of(error))
        n = sum(result.outcome == "changed" for result in results)
        return RedirectResponse(f"{REORGANISE}?done=undone&n={n}", status_code=303)

    # ---- names -------------------------------------------------------------------------------------------------------

    async def names(self, request: Request) -> Response:
        return await self._names(request)

    async def _names(self, request: Request, error: CallboardError | None = None) -> Response:
        actor, t = request.actor, self.t(request)
        aliases = await self._naming.list_aliases(actor=actor)
        renames = await self._naming.list_renames(actor=actor)
        duplicates = await self._merging.list_duplicates(actor=actor)
        refs = [alias.new for alias in aliases] + [alias.by for alias in aliases if alias.by.startswith("user:")]
        refs += [row.new for row in renames] + [ref for twins in duplicates for ref in twins.refs]
        banners = [self.told(error, t)] if error is not None else []
        if request.query_params.get("done") and error is None:
            banners = [Banner("ok", t("ownership.names.done"))]
        page = names_page(
            aliases, renames, duplicates, known=await self.known(refs, request), banners=banners,
            now=self._parts.clock.now(), t=t,
        )  # fmt: skip
        return request.render("ownership/names.html", page, 200 if error is None else status_of(error))

    async def named(self, request: Request) -> Response:
        form = await request.read_form()
        old, do = form.get("ref", ""), form.get("do", "")
        try:
            if do == "remove":
                await self._naming.remove_alias(old, actor=request.actor)
            elif do in ("take", "dismiss"):
                await self._naming.take_rename(old, accept=do == "take", actor=request.actor)
            elif do == "unmerge":
                await self._merging.unmerge(old, actor=request.actor)
            else:
                raise InputError("It can be remove, take, dismiss or unmerge.", field="do")
        except TOLD as error:
            return await self._names(request, error)
        return RedirectResponse(f"{NAMES}?done=1", status_code=303)

    # ---- one entity --------------------------------------------------------------------------------------------------

    async def _get(self, request: Request) -> tuple[EntityRef, Mapping[str, Any]]:
        ref = ref_of(request)
        found = await self.known([str(ref)], request)
        if str(ref) not in found:
            raise EntityNotFound(ref)
        return ref, found[str(ref)]

    async def rename(self, request: Request) -> Response:
        ref, _ = await self._get(request)
        name = request.query_params.get("name", "").strip()
        if not name:
            await self._naming.plan(ref, f"{ref.name}-new", actor=request.actor)  # whether it can be renamed at all
            return await self._rename(request, ref, ref.name, "", None)
        return await self._look_at_name(request, ref, name, request.query_params.get("note", ""))

    async def _look_at_name(self, request: Request, ref: EntityRef, name: str, note: str) -> Response:
        try:
            plan = await self._naming.plan(ref, name, actor=request.actor)
        except TOLD as error:
            told = [self.told(error, self.t(request))]
            return await self._rename(request, ref, name, note, None, told, status_of(error))
        return await self._rename(request, ref, name, note, plan)

    async def _rename(
        self, request: Request, ref: EntityRef, name: str, note: str, plan: RenamePlan | None,
        banners: Sequence[Banner] = (), status: int = 200,
    ) -> Response:  # fmt: skip
        refs = [str(ref), *(one.ref for one in (plan.references if plan else ()))]
        page = rename_page(
            str(ref), name, note, plan, known=await self.known(refs, request), banners=banners, t=self.t(request)
        )
        return request.render("ownership/rename.html", page, status)

    async def renamed(self, request: Request) -> Response:
        ref, _ = await self._get(request)
        form = await request.read_form()
        name, note = form.get("name", ""), form.get("note", "")
        try:
            plan = await self._naming.rename(
                ref, name, rewrite=form.get("rewrite") == "1", note=note, actor=request.actor
            )
        except TOLD as error:
            told = [self.told(error, self.t(request))]
            return await self._rename(request, ref, name, note, None, told, status_of(error))
        return RedirectResponse(entity_href(plan.new), status_code=303)

    async def hand_over(self, request: Request) -> Response:
        return await self._hand_over(request, "", "")

    async def _hand_over(
        self, request: Request, new_owner: str, note: str, banners: Sequence[Banner] = (), status: int = 200
    ) -> Response:
        ref, entity = await self._get(request)
        await self._parts.require_entities([str(ref)], actor=request.actor, to_update=True)
        owner = domain.owner_of(entity)
        editable = await self._parts.editing.find_editable(ref, actor=request.actor)
        giver = editable.giver if editable is not None else None
        source = (giver.location or ", ".join(giver.names)) if giver is not None and not giver.is_own else ""
        page = hand_over_page(
            str(ref), owner, new_owner, note, source, known=await self.known([str(ref), owner], request),
            groups=await self.groups(request), banners=banners, t=self.t(request),
        )  # fmt: skip
        return request.render("ownership/hand_over.html", page, status)

    async def handed_over(self, request: Request) -> Response:
        form = await request.read_form()
        ref, owner, note = str(ref_of(request)), form.get("owner", ""), form.get("note", "")
        try:
            await self._handing.hand_over([ref], owner, note=note, actor=request.actor)
        except InputError as error:
            return await self._hand_over(request, owner, note, [self.told(error, self.t(request))], 400)
        return RedirectResponse(entity_href(ref), status_code=303)

    async def merge(self, request: Request) -> Response:
        return await self._merge(request, request.query_params)

    async def _merge(
        self, request: Request, params: Any, banners: Sequence[Banner] = (), status: int = 200
    ) -> Response:
        ref, entity = await self._get(request)
        await self._parts.require_entities([str(ref)], actor=request.actor, to_update=True)
        other, note = params.get("other", "").strip().lower(), params.get("note", "")
        plan: MergePlan | None = None
        if other:
            try:
                other = str(EntityRef.parse(other, default_kind=ref.kind))
                plan = await self._merging.plan(str(ref), other, choices=_choices(params), actor=request.actor)
            except (*TOLD, ValueError) as error:
                told = error if isinstance(error, CallboardError) else InputError(str(error))
                banners, status = banners or [self.told(told, self.t(request))], max(status, status_of(told))
        options = await self._options(request, str(entity["kind"])) if plan is None else []
        page = merge_page(
            str(ref), other, plan, note, known=await self.known([str(ref), other], request), options=options,
            banners=banners, t=self.t(request),
        )  # fmt: skip
        return request.render("ownership/merge.html", page, status)

    async def _options(self, request: Request, kind: str) -> list[tuple[str, str]]:
        query = EntityQuery(has_value("kind", [kind]), Order(BY_TITLE), limit=SUGGESTED, want_total=False)
        page = await self._parts.queries.list_raw(query, actor=request.actor)
        entities = [orjson.loads(raw) for raw in page.items]
        return [(str(EntityRef.of(entity)), title_of(entity)) for entity in entities]

    async def merged(self, request: Request) -> Response:
        form = await request.read_form()
        ref = str(ref_of(request))
        other, note = form.get("other", ""), form.get("note", "")
        if form.get("do") != "merge":
            given = [
                (key, value) for key, value in form.items() if key.startswith("choice:") or key in ("other", "note")
            ]
            return RedirectResponse(f"{entity_href(ref, 'merge')}?{urlencode(given)}", status_code=303)
        try:
            await self._merging.merge(ref, other, choices=_choices(form), note=note, actor=request.actor)
        except TOLD as error:
            return await self._merge(request, form, [self.told(error, self.t(request))], status_of(error))
        return RedirectResponse(entity_href(ref), status_code=303)


_NAMED = ("user:", "group:")


def _wish(form: Any, refs: Sequence[str] | None, *, is_asked: bool) -> Wish:
    """What a form asks for; boxes that were never shown stand as they usually do."""

    def box(name: str, usual: bool) -> bool:
        return form.get(name) == "1" if is_asked else usual

    return Wish(
        form.get("from", "").strip(), form.get("to", "").strip(), refs, box("groups", False), box("members", False),
        box("handovers", True), box("alias", False), form.get("note", ""),
    )  # fmt: skip


def _choices(form: Any) -> dict[str, Choice]:
    found: dict[str, Choice] = {}
    for key, value in form.items():
        choice = next((one for one in _CHOICES if one == value), None)
        if key.startswith("choice:") and choice is not None:
            found[key.removeprefix("choice:")] = choice
    return found

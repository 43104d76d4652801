"""``/api/ownership/v1``: what the pages of ownership do, for programs. Errors are problem+json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence, get_args

from callboard.features.catalog.interface import EntityNotFound
from callboard.features.ownership import wire
from callboard.features.ownership.gone import Gone
from callboard.features.ownership.interface import TROUBLES, ListQuery, OwnershipService
from callboard.features.ownership.merging import Choice, Merging
from callboard.features.ownership.naming import Naming
from callboard.features.ownership.reorganising import Reorganising, Wish
from callboard.kernel.errors import InputError
from callboard.kernel.web.responses import Empty, Json
from callboard.kernel.web.routing import Route
from callboard.model.refs import EntityRef, RefError

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

PREFIX = "/api/ownership/v1"
MAX_LIMIT = 500
MAX_BODY_BYTES = 4 * 1024 * 1024
SHOWS = ("open", "due", "overdue", "confirmed", "unowned", "offered", "disputed", "all")


class OwnershipRoutes:
    """Handlers over the services, which ask for permission."""

    def __init__(
        self, service: OwnershipService, *, gone: Gone, reorganising: Reorganising, naming: Naming, merging: Merging
    ) -> None:
        self._service = service
        self._gone = gone
        self._reorganising = reorganising
        self._naming = naming
        self._merging = merging

    # ---- reading -----------------------------------------------------------------------------------------------------

    async def summary(self, request: Request) -> Json:
        return Json(wire.summary_wire(await self._service.summarize(actor=request.actor)))

    async def entities(self, request: Request) -> Json:
        query = _query(request)
        page = await self._service.list_items(query, actor=request.actor)
        return Json(_page([wire.item_wire(item) for item in page.items], page.total, query.offset))

    async def entity(self, request: Request) -> Json:
        ref = EntityRef(**request.path_params)
        found = await self._service.find_standing(str(ref), actor=request.actor)
        if found is None:
            raise EntityNotFound(ref)
        return Json(wire.standing_wire(found))

    async def gone(self, request: Request) -> Json:
        query = _query(request, show="unowned")
        page = await self._service.list_items(query, actor=request.actor)
        groups = await self._gone.list_groups(actor=request.actor)
        found = await self._gone.suggest(page.items, groups=groups, actor=request.actor)
        items = [
            {**wire.item_wire(item), "suggestions": [wire.suggestion_wire(s) for s in found.get(item.ref, ())]}
            for item in page.items
        ]
        return Json(_page(items, page.total, query.offset))

    # ---- confirming and handing over ---------------------------------------------------------------------------------

    async def confirm(self, request: Request) -> Json:
        body = await request.require_object()
        seen: dict[str, str | None] = {}
        for row in _list(body, "entities"):
            if isinstance(row, str):
                seen[_ref(row, "entities")] = None
            elif isinstance(row, dict) and isinstance(row.get("mark"), (str, type(None))):
                seen[_ref(row.get("entityRef"), "entities")] = row.get("mark")
            else:
                raise InputError("entities holds refs, or objects with entityRef and mark.", field="entities")
        return Json({"confirmed": list(await self._service.confirm(seen, actor=request.actor))})

    async def hand_over(self, request: Request) -> Json:
        body = await request.require_object()
        refs = [_ref(row, "entityRefs") for row in _list(body, "entityRefs")]
        offers = await self._service.hand_over(
            refs, _text(body, "newOwner"), note=_text(body, "note", ""), actor=request.actor
        )
        return Json({"handovers": [wire.handover_wire(offer) for offer in offers]}, 201)

    async def answer(self, request: Request) -> Json:
        body = await request.require_object()
        accept = body.get("accept")
        if not isinstance(accept, bool):
            raise InputError("accept must be true or false.", field="accept")
        id = request.path_params["id"]
        done = await self._service.answer(id, accept=accept, note=_text(body, "note", ""), actor=request.actor)
        return Json(wire.handover_wire(done))

    async def withdraw(self, request: Request) -> Json:
        return Json(wire.handover_wire(await self._service.withdraw(request.path_params["id"], actor=request.actor)))

    # ---- owners ------------------------------------------------------------------------------------------------------

    async def assign(self, request: Request) -> Json:
        body = await request.require_object()
        owners = body.get("owners")
        if not isinstance(owners, dict) or not all(isinstance(owner, str) for owner in owners.values()):
            raise InputError("owners must be an object of entity refs and their owners.", field="owners")
        wanted = {_ref(ref, "owners"): owner for ref, owner in owners.items()}
        if _flag(body, "dryRun"):
            results = await self._gone.preview(wanted, actor=request.actor)
        else:
            results = await self._gone.assign(wanted, note=_text(body, "note", ""), actor=request.actor)
        return Json({"results": [wire.result_wire(result) for result in results]})

    async def reorganise(self, request: Request) -> Json:
        body = await request.require_object()
        refs = (
            None if body.get("entityRefs") is None else [_ref(row, "entityRefs") for row in _list(body, "entityRefs")]
        )
        wish = Wish(
            _text(body, "from"), _text(body, "to"), refs, _flag(body, "groups"), _flag(body, "members"),
            _flag(body, "handovers", usual=True), _flag(body, "alias"), _text(body, "note", ""),
        )  # fmt: skip
        if _flag(body, "dryRun"):
            plan = await self._reorganising.preview(wish, actor=request.actor)
            return Json(
                {"results": [wire.move_wire(move) for move in plan.moves], "handovers": plan.offered,
                 "aliasRefused": plan.alias_refused or None}
            )  # fmt: skip
        done = await self._reorganising.apply(wish, actor=request.actor)
        return Json({"id": done.id or None, "results": [wire.move_wire(move) for move in done.moves]})

    async def reorganisations(self, request: Request) -> Json:
        rows = await self._reorganising.list_latest(actor=request.actor)
        items = [
            {"id": r.id, "from": r.old_owner, "to": r.new_owner, "note": r.note, "changes": len(r.changes), "at": r.applied_at,
             "by": r.applied_by, "undoneAt": r.undone_at}
            for r in rows
        ]  # fmt: skip
        return Json({"items": items})

    async def undo(self, request: Request) -> Json:
        results = await self._reorganising.undo(request.path_params["id"], actor=request.actor)
        return Json({"results": [wire.result_wire(result) for result in results]})

    # ---- names -------------------------------------------------------------------------------------------------------

    async def aliases(self, request: Request) -> Json:
        found = await self._naming.list_aliases(actor=request.actor)
        return Json({"items": [wire.alias_wire(alias) for alias in found]})

    async def remove_alias(self, request: Request) -> Empty:
        await self._naming.remove_alias(_ref(request.query_params.get("ref"), "ref"), actor=request.actor)
        return Empty()

    async def rename(self, request: Request) -> Json:
        body = await request.require_object()
        ref, name = EntityRef.parse(_ref(body.get("entityRef"), "entityRef")), _text(body, "name")
        if _flag(body, "dryRun"):
            return Json(wire.rename_wire(await self._naming.plan(ref, name, actor=request.actor)))
        done = await self._naming.rename(
            ref, name, rewrite=_flag(body, "rewrite", usual=True), note=_text(body, "note", ""), actor=request.actor
        )
        return Json(wire.rename_wire(done))

    async def merge(self, request: Request) -> Json:
        body = await request.require_object()
        survivor, other = _ref(body.get("entityRef"), "entityRef"), _ref(body.get("other"), "other")
        choices: dict[str, Choice] = {}
        given = body.get("choices", {})
        if not isinstance(given, dict) or not all(value in get_args(Choice) for value in given.values()):
            raise InputError("choices must be an object of fields and survivor, other or both.", field="choices")
        choices.update(given)
        if _flag(body, "dryRun"):
            return Json(
                wire.merge_wire(await self._merging.plan(survivor, other, choices=choices, actor=request.actor))
            )
        done = await self._merging.merge(
            survivor, other, choices=choices, note=_text(body, "note", ""), actor=request.actor
        )
        return Json(wire.merge_wire(done))

    async def unmerge(self, request: Request) -> Json:
        body = await request.require_object()
        survivor = await self._merging.unmerge(_ref(body.get("other"), "other"), actor=request.actor)
        return Json({"entityRef": survivor})

    async def duplicates(self, request: Request) -> Json:
        found = await self._merging.list_duplicates(actor=request.actor)
        return Json({"items": [{"entityRefs": list(d.refs), "reason": d.reason, "value": d.value} for d in found]})


def _query(request: Request, show: str | None = None) -> ListQuery:
    params = request.query_params
    shown = show or params.get("show", "open")
    if shown not in SHOWS:
        raise InputError(f"show must be one of {', '.join(SHOWS)}.", field="show")
    trouble = params.get("trouble")
    if trouble is not None and trouble not in TROUBLES:
        raise InputError(f"trouble must be one of {', '.join(TROUBLES)}.", field="trouble")
    owners = [_ref(owner, "owner", "group") for owner in params.getlist("owner")]
    is_mine = params.get("mine") in ("1", "true")
    if is_mine:
        owners = sorted(request.actor.ownership)
    return ListQuery(
        owners if owners or is_mine else None, shown, trouble, params.get("kind"), params.get("q", "")[:200],  # type: ignore[arg-type]
        _number(params.get("limit"), "limit", 50, 1, MAX_LIMIT), _number(params.get("offset"), "offset", 0, 0, 10**9),
    )  # fmt: skip


def _page(items: Sequence[Any], total: int, offset: int) -> dict[str, Any]:
    page: dict[str, Any] = {"items": items, "totalItems": total}
    if items and offset + len(items) < total:
        page["nextOffset"] = offset + len(items)
    return page


def _number(text: str | None, field: str, usual: int, low: int, high: int) -> int:
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
        raise InputError(f"{field} must be a number from {low} to {high}.", field=field)
    return int(text)


def _ref(value: Any, field: str, kind: str | None = None) -> str:
    try:
        return str(EntityRef.parse(value, default_kind=kind))
    except RefError as error:
        raise InputError(str(error), field=field) from None


def _text(body: Mapping[str, Any], name: str, usual: str | None = None) -> str:
    value = body.get(name, usual)
    if not isinstance(value, str):
        raise InputError(f"{name} must be text.", field=name)
    return value


def _flag(body: Mapping[str, Any], name: str, *, usual: bool = False) -> bool:
    value = body.get(name, usual)
    if not isinstance(value, bool):
        raise InputError(f"{name} must be true or false.", field=name)
    return value


def _list(body: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = body.get(name)
    if not isinstance(value, list) or not value:
        raise InputError(f"{name} must be a list of at least one.", field=name)
    return value


_LIST_PARAMETERS = (
    ("show", f"One of {', '.join(SHOWS)}; open (due, overdue or disputed) if not given."), ("mine", "1: only the caller's."),
    ("owner", "Only this owner's; may be repeated."), ("kind", "Only this kind."), ("trouble", f"One of {', '.join(TROUBLES)}."),
    ("q", "In ref, title or owner."), ("limit", f"1 to {MAX_LIMIT}; 50 if not given."), ("offset", "How many to skip."),
)  # fmt: skip


def ownership_routes(routes: OwnershipRoutes) -> Sequence[Route]:
    rows: Sequence[tuple[str, str, Any, str]] = (
        ("GET", "/summary", routes.summary, "How many entities are confirmed, due, overdue and without owner: all, by kind, by owner, by day"),
        ("GET", "/entities", routes.entities, "Entities that somebody has to look at, longest due first"),
        ("GET", "/entities/{kind}/{namespace}/{name}", routes.entity, "How well one entity is confirmed, field by field"),
        ("POST", "/confirm", routes.confirm, "Confirm entities: {entities: [ref, or {entityRef, mark}]}"),
        ("POST", "/handovers", routes.hand_over, "Offer entities to another owner: {entityRefs, newOwner, note}"),
        ("POST", "/handovers/{id}/answer", routes.answer, "Accept or decline: {accept, note}"),
        ("POST", "/handovers/{id}/withdraw", routes.withdraw, "Take an offer back"),
        ("GET", "/gone", routes.gone, "Entities without an owner that is there, with suggestions and reasons"),
        ("POST", "/assign", routes.assign, "Give entities to owners: {owners: {ref: owner}, note, dryRun}"),
        ("POST", "/reorganisations", routes.reorganise, "Move what one owner has to another: {from, to, entityRefs, groups, members, handovers, alias, note, dryRun}"),
        ("GET", "/reorganisations", routes.reorganisations, "Re-organisations that were done, newest first"),
        ("POST", "/reorganisations/{id}/undo", routes.undo, "Take a re-organisation back"),
        ("GET", "/aliases", routes.aliases, "Earlier names of entities"),
        ("DELETE", "/aliases", routes.remove_alias, "Forget an earlier name (ref)"),
        ("POST", "/rename", routes.rename, "Rename an entity of the portal's store: {entityRef, name, rewrite, note, dryRun}"),
        ("POST", "/merge", routes.merge, "Make one of two entities: {entityRef, other, choices, note, dryRun}"),
        ("POST", "/unmerge", routes.unmerge, "Take two entities apart again: {other}"),
        ("GET", "/duplicates", routes.duplicates, "Entities that may be one"),
    )  # fmt: skip
    return [
        Route(
            PREFIX + path,
            handler,
            methods=(method,),
            openapi=_operation(path, method, summary),
            max_body_bytes=MAX_BODY_BYTES,
        )
        for method, path, handler, summary in rows
    ]


def _operation(path: str, method: str, summary: str) -> Mapping[str, Any]:
    status = "204" if method == "DELETE" else "201" if path == "/handovers" else "200"
    operation: dict[str, Any] = {"summary": summary, "responses": {status: {"description": summary}}}
    names = [name for name in ("kind", "namespace", "name", "id") if f"{{{name}}}" in path]
    parameters = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
    if path in ("/entities", "/gone"):
        parameters += [
            {"name": n, "in": "query", "required": False, "description": said, "schema": {"type": "string"}}
            for n, said in _LIST_PARAMETERS
        ]
    if method == "DELETE":
        parameters.append({"name": "ref", "in": "query", "required": True, "schema": {"type": "string"}})
    if parameters:
        operation["parameters"] = parameters
    return operation

"""``/api/editing/v1/bulk``: many entities changed at once, for programs. Errors are problem+json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from starlette.datastructures import ImmutableMultiDict

from callboard.features.catalog.interface.lists import EntityLists
from callboard.features.editing.bulk.interface import BulkChange, BulkChanges, BulkItem, BulkRecord
from callboard.features.editing.rest import PREFIX
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route
from callboard.model.predicates import Predicate

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

BULK = f"{PREFIX}/bulk"
MAX_BODY_BYTES = 1024 * 1024
MAX_PAGE = 500


def record_wire(record: BulkRecord) -> dict[str, Any]:
    return {
        "id": record.id, "stage": record.stage, "by": record.by, "createdAt": format_time(record.created_at),
        "appliedAt": format_time(record.applied_at) if record.applied_at else None,
        "undoneAt": format_time(record.undone_at) if record.undone_at else None,
        "change": {**record.change.values, "addTags": list(record.change.add_tags), "removeTags": list(record.change.remove_tags)},
        "why": record.why, "total": record.total, "done": record.done, "counts": dict(record.counts), "undone": dict(record.undone),
        "error": record.error or None,
    }  # fmt: skip


def item_wire(item: BulkItem) -> dict[str, Any]:
    return {
        "entityRef": item.ref, "outcome": item.outcome, "way": item.way, "message": item.message, "before": dict(item.before),
        "after": dict(item.after), "undo": item.undo, "undoMessage": item.undo_message or None,
    }  # fmt: skip


def change_from(data: Any) -> BulkChange:
    """``{"owner": "group:default/team", "lifecycle": null, "addTags": [], "removeTags": []}``. Raises ``InputError``."""
    if not isinstance(data, Mapping):
        raise InputError("change must be an object.", field="change")
    tags = {}
    for name in ("addTags", "removeTags"):
        given = data.get(name, [])
        if not isinstance(given, list) or not all(isinstance(tag, str) for tag in given):
            raise InputError(f"{name} must be a list of texts.", field=f"change.{name}")
        tags[name] = tuple(given)
    values = {name: value for name, value in data.items() if name not in tags}
    if not all(value is None or isinstance(value, str) for value in values.values()):
        raise InputError("The values of a change are texts, or null to take a field away.", field="change")
    return BulkChange(values, tags["addTags"], tags["removeTags"])


def chosen_from(data: Mapping[str, Any], lists: EntityLists) -> tuple[Predicate | None, Sequence[str] | None]:
    """``refs``, or ``filter`` with the parameters of the list page (``{"kind": "component", "owner": [...]}``)."""
    refs, said = data.get("refs"), data.get("filter")
    if refs is not None:
        if said is not None or not isinstance(refs, list) or not all(isinstance(ref, str) for ref in refs):
            raise InputError("Give refs, a list of entity refs, or filter, and not both.", field="refs")
        return None, refs
    if not isinstance(said, Mapping) or not said:
        raise InputError('Give refs or a filter, such as {"kind": "component"}.', field="filter")
    items = []
    for name, value in said.items():
        items += [(str(name), str(one)) for one in (value if isinstance(value, list) else [value])]
    listed = lists.parse(ImmutableMultiDict(items))
    known = {name for name, _ in listed.params}
    if unknown := [name for name, _ in items if name not in known]:
        raise InputError(f"{unknown[0]} is no filter of the list.", field="filter")
    return listed.predicate, None


class BulkRoutes:
    """Handlers over ``BulkChanges``, which asks for permission."""

    def __init__(self, bulk: BulkChanges, lists: EntityLists) -> None:
        self._bulk = bulk
        self._lists = lists

    async def plan(self, request: Request) -> Json:
        body = await request.require_object()
        predicate, refs = chosen_from(body, self._lists)
        record = await self._bulk.plan(
            change_from(body.get("change")),
            predicate=predicate,
            refs=refs,
            why=str(body.get("why") or ""),
            actor=request.actor,
        )
        return Json(record_wire(record), 201)

    async def list(self, request: Request) -> Json:
        limit, offset = _page(request)
        records, total = await self._bulk.list_records(limit=limit, offset=offset, actor=request.actor)
        return Json({"items": [record_wire(record) for record in records], "totalItems": total})

    async def get(self, request: Request) -> Json:
        return Json(record_wire(await self._bulk.get(request.path_params["id"], actor=request.actor)))

    async def items(self, request: Request) -> Json:
        limit, offset = _page(request)
        items, total = await self._bulk.list_items(
            request.path_params["id"],
            outcome=request.query_params.get("outcome"),
            limit=limit,
            offset=offset,
            actor=request.actor,
        )
        return Json({"items": [item_wire(item) for item in items], "totalItems": total})

    async def apply(self, request: Request) -> Json:
        return Json(record_wire(await self._bulk.apply(request.path_params["id"], actor=request.actor)))

    async def undo(self, request: Request) -> Json:
        return Json(record_wire(await self._bulk.undo(request.path_params["id"], actor=request.actor)))


def _page(request: Request) -> tuple[int, int]:
    numbers = []
    for name, default in (("limit", 50), ("offset", 0)):
        said = request.query_params.get(name, "")
        if said and (not said.isdecimal() or len(said) > 7):
            raise InputError(f"{name} must be a whole number.", field=name)
        numbers.append(int(said) if said else default)
    return min(max(numbers[0], 1), MAX_PAGE), numbers[1]


def bulk_routes(bulk: BulkChanges, lists: EntityLists) -> Sequence[Route]:
    routes = BulkRoutes(bulk, lists)
    one = f"{BULK}/{{id}}"
    rows: Sequence[tuple[str, str, Any, str]] = (
        ("POST", BULK, routes.plan, "Look at what a change of many entities would come to"),
        ("GET", BULK, routes.list, "Bulk changes that were applied, newest first"),
        ("GET", one, routes.get, "A bulk change with its stage and counts"),
        ("GET", f"{one}/items", routes.items, "Its entities with what stood before and after"),
        ("POST", f"{one}/apply", routes.apply, "Apply what was planned"),
        ("POST", f"{one}/undo", routes.undo, "Put back what stood before"),
    )
    return [
        Route(path, handler, methods=(method,), openapi=_operation(path, summary), max_body_bytes=MAX_BODY_BYTES)
        for method, path, handler, summary in rows
    ]


def _operation(path: str, summary: str) -> Mapping[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": {"200": {"description": summary}}}
    if "{id}" in path:
        operation["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    return operation

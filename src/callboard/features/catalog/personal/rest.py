"""``/api/catalog/v1/views``, ``…/view-defaults``, ``…/stars`` and what the palette offers, for programs. Errors are problem+json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.catalog.interface.personal import NewView, SavedView, SavedViews, Stars
from callboard.features.catalog.pages.links import kind_title, link_to
from callboard.features.catalog.personal.shelf import view_href
from callboard.features.catalog.personal.visits import Visits
from callboard.features.catalog.views.reading import look_up
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.kernel.web.responses import Empty, Json
from callboard.kernel.web.routing import Route
from callboard.ui.messages import Messages

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

PREFIX = "/api/catalog/v1"
PALETTE_ROWS = 8
PALETTE_VIEWS = 100

_VIEW = {
    "type": "object",
    "required": ["id", "name", "kind", "query", "audience", "href"],
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string", "maxLength": 60},
        "kind": {"type": "string", "description": "Lower-cased; empty for lists over all kinds."},
        "query": {"type": "string", "description": "The query string of the list page: filters, columns, sort, size."},
        "audience": {"type": "string", "description": "A user's ref, a group's ref, or `everybody`."},
        "owner": {"type": "string"},
        "href": {"type": "string", "description": "The page that opens it."},
        "defaultFor": {"type": "array", "items": {"type": "string"}},
        "mayChange": {"type": "boolean"},
        "updatedAt": {"type": "string", "format": "date-time"},
        "updatedBy": {"type": "string"},
    },
}
_NEW = {
    "type": "object",
    "required": ["name", "query"],
    "properties": {
        "name": {"type": "string", "maxLength": 60},
        "query": {"type": "string", "maxLength": 4000},
        "audience": {"type": "string", "description": "Yourself unless given."},
    },
}
_DEFAULT = {
    "type": "object",
    "required": ["view"],
    "properties": {
        "view": {"type": "string"},
        "audience": {"type": "string", "description": "Yourself unless given."},
        "default": {"type": "boolean", "description": "False takes it back; true unless given."},
    },
}
_STARS = {"type": "object", "properties": {"items": {"type": "array", "items": {"type": "string"}}}}


def view_wire(view: SavedView) -> dict[str, Any]:
    return {
        "id": view.id, "name": view.name, "kind": view.kind, "query": view.query, "audience": view.audience,
        "owner": view.owner, "href": view_href(view), "defaultFor": sorted(view.default_for), "mayChange": view.may_change,
        "updatedAt": format_time(view.updated_at), "updatedBy": view.updated_by,
    }  # fmt: skip


class PersonalRoutes:
    """Handlers over the services, which ask for permission."""

    def __init__(
        self, views: SavedViews, stars: Stars, visits: Visits, queries: CatalogQueries, messages: Messages
    ) -> None:
        self._views = views
        self._stars = stars
        self._visits = visits
        self._queries = queries
        self._messages = messages

    # ---- views ---------------------------------------------------------------------------------------------------------

    async def list(self, request: Request) -> Json:
        kind = request.query_params.get("kind")
        found = await self._views.list(actor=request.actor, kind=None if kind is None else kind.lower())
        return Json({"items": [view_wire(view) for view in found]})

    async def create(self, request: Request) -> Json:
        body = await request.require_object()
        new = NewView(_text(body, "name"), _text(body, "query"), _text(body, "audience", ""))
        return Json(view_wire(await self._views.create(new, actor=request.actor)), 201)

    async def get(self, request: Request) -> Json:
        return Json(view_wire(await self._views.get(request.path_params["id"], actor=request.actor)))

    async def update(self, request: Request) -> Json:
        body = await request.require_object()
        given = {name: _text(body, name) for name in ("name", "query", "audience") if name in body}
        return Json(view_wire(await self._views.update(request.path_params["id"], **given, actor=request.actor)))

    async def delete(self, request: Request) -> Empty:
        await self._views.delete(request.path_params["id"], actor=request.actor)
        return Empty()

    async def set_default(self, request: Request) -> Json:
        body = await request.require_object()
        wanted = body.get("default", True)
        if not isinstance(wanted, bool):
            raise InputError("default must be true or false.", field="default")
        id = _text(body, "view")
        await self._views.set_default(id, _text(body, "audience", ""), wanted, actor=request.actor)
        return Json(view_wire(await self._views.get(id, actor=request.actor)))

    # ---- stars, and the palette ------------------------------------------------------------------------------------------

    async def stars(self, request: Request) -> Json:
        return Json({"items": await self._stars.list(actor=request.actor)})

    async def set_star(self, request: Request) -> Json:
        params = request.path_params
        ref = f"{params['kind']}:{params['namespace']}/{params['name']}"
        await self._stars.set(ref, request.method == "PUT", actor=request.actor)
        return await self.stars(request)

    async def palette(self, request: Request) -> Json:
        """What the palette shows before anything is typed: starred, opened lately, saved views. Bounded."""
        actor, t = request.actor, self._messages.translator(request.locale)
        starred = list(reversed(await self._stars.list(actor=actor)))[: 2 * PALETTE_ROWS]
        lately, _ = await self._visits.list(actor=actor, limit=PALETTE_ROWS)
        known = await look_up(self._queries, [*starred, *lately], actor=actor)

        def items(refs: Sequence[str]) -> list[dict[str, Any]]:
            links = [link_to(ref, known[ref]) for ref in refs if known.get(ref)]
            return [{"title": x.title, "hint": x.ref, "href": x.href, "icon": x.icon, "hue": x.hue} for x in links]

        views = list(await self._views.list(actor=actor))[:PALETTE_VIEWS]
        return Json({
            "starred": items(starred)[:PALETTE_ROWS],
            "recent": items(lately),
            "views": [
                {"title": v.name, "hint": kind_title(v.kind, t) if v.kind else "", "href": view_href(v), "icon": "views"}
                for v in views
            ],
        })  # fmt: skip


def personal_routes(routes: PersonalRoutes) -> list[Route]:
    """The routes with their OpenAPI operations."""
    one, star = f"{PREFIX}/views/{{id}}", f"{PREFIX}/stars/{{kind}}/{{namespace}}/{{name}}"
    list_of_views = {"type": "object", "properties": {"items": {"type": "array", "items": _VIEW}}}
    rows: Sequence[tuple[str, str, Any, str, Any, Any, int]] = (
        ("GET", f"{PREFIX}/views", routes.list, "Saved views of lists that are there for you", None, list_of_views, 200),
        ("POST", f"{PREFIX}/views", routes.create, "Save a view of a list", _NEW, _VIEW, 201),
        ("GET", one, routes.get, "One saved view", None, _VIEW, 200),
        ("PUT", one, routes.update, "Rename, change or share a saved view", {**_NEW, "required": []}, _VIEW, 200),
        ("DELETE", one, routes.delete, "Delete a saved view", None, None, 204),
        ("PUT", f"{PREFIX}/view-defaults", routes.set_default, "The view that lists of a kind open with", _DEFAULT, _VIEW, 200),
        ("GET", f"{PREFIX}/stars", routes.stars, "Refs of the entities that you starred, the latest last", None, _STARS, 200),
        ("PUT", star, routes.set_star, "Star an entity", None, _STARS, 200),
        ("DELETE", star, routes.set_star, "Take the star from an entity", None, _STARS, 200),
        ("GET", f"{PREFIX}/palette", routes.palette, "What the command palette offers at first", None, {"type": "object"}, 200),
    )  # fmt: skip
    return [
        Route(path, handler, (method,), openapi=_operation(path, method, summary, body, answer, status))
        for method, path, handler, summary, body, answer, status in rows
    ]


def _operation(path: str, method: str, summary: str, body: Any, answer: Any, status: int) -> Mapping[str, Any]:
    content = {"content": {"application/json": {"schema": answer}}} if answer is not None else {}
    operation: dict[str, Any] = {"summary": summary, "responses": {str(status): {"description": summary, **content}}}
    names = [name for name in ("id", "kind", "namespace", "name") if f"{{{name}}}" in path]
    parameters = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
    if path == f"{PREFIX}/views" and method == "GET":
        parameters = [{"name": "kind", "in": "query", "required": False, "schema": {"type": "string"}}]
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise InputError(f"{name} must be text.", field=name)
    return value

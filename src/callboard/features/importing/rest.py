"""``/api/importing/v1``: everything the wizard does, for programs and the command line. Errors are problem+json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from callboard.features.importing.codec import mapping_of, to_wire
from callboard.features.importing.interface import ACTIONS, ImportService
from callboard.features.importing.sheets.limits import DEFAULT
from callboard.kernel.errors import InputError
from callboard.kernel.web.responses import Empty, Json
from callboard.kernel.web.routing import Route

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

PREFIX = "/api/importing/v1"
MAX_UPLOAD_BYTES = DEFAULT.file_bytes
MAX_BODY_BYTES = 1024 * 1024
MAX_PAGE = 500
MAX_WAIT_S = 30.0
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


class ImportRoutes:
    """Handlers over ``ImportService``, which asks for permission."""

    def __init__(self, imports: ImportService) -> None:
        self._imports = imports

    async def upload(self, request: Request) -> Json:
        """The body is the file; its name is the query parameter ``filename``."""
        filename = request.query_params.get("filename", "").strip()
        if not filename:
            raise InputError(
                "Say in ?filename= what the file is called; its ending tells its format.", field="filename"
            )
        record = await self._imports.upload(await request.body(), filename, actor=request.actor)
        return Json(to_wire(record), 201)

    async def list(self, request: Request) -> Json:
        limit, offset = _paging(request)
        page = await self._imports.list_imports(limit=limit, offset=offset, actor=request.actor)
        return Json({"items": to_wire(page.items), "totalItems": page.total})

    async def sources(self, request: Request) -> Json:
        return Json({"items": to_wire(await self._imports.list_sources(actor=request.actor))})

    async def get(self, request: Request) -> Json:
        return Json(to_wire(await self._imports.get_import(_id(request), actor=request.actor)))

    async def discard(self, request: Request) -> Empty:
        await self._imports.discard(_id(request), actor=request.actor)
        return Empty()

    async def propose(self, request: Request) -> Json:
        sheet = request.query_params.get("sheet")
        return Json(to_wire(await self._imports.propose(_id(request), sheet=sheet, actor=request.actor)))

    async def choose(self, request: Request) -> Json:
        body = await request.require_object()
        record = await self._imports.choose(
            _id(request), sheet=_text(body, "sheet"), mapping=mapping_of(body.get("mapping")),
            source=_text(body, "source") if body.get("source") is not None else None, actor=request.actor,
        )  # fmt: skip
        return Json(to_wire(record))

    async def plan(self, request: Request) -> Json:
        body = await request.require_object()
        record = await self._imports.plan(_id(request), wait_s=_seconds(body), actor=request.actor)
        return Json(to_wire(record))

    async def summary(self, request: Request) -> Json:
        return Json(to_wire(await self._imports.get_summary(_id(request), actor=request.actor)))

    async def planned(self, request: Request) -> Json:
        limit, offset = _paging(request)
        action = request.query_params.get("action")
        if action is not None and action not in ACTIONS:
            raise InputError(f"action must be one of {', '.join(ACTIONS)}.", field="action")
        page = await self._imports.list_planned(
            _id(request), action=action, q=request.query_params.get("q", ""), limit=limit, offset=offset,
            actor=request.actor,
        )  # fmt: skip
        return Json({"items": to_wire(page.entities), "totalItems": page.total})

    async def apply(self, request: Request) -> Json:
        body = await request.require_object()
        leaving = body.get("leaving", "remove")
        if leaving not in ("keep", "remove"):
            raise InputError("leaving must be keep or remove.", field="leaving")
        record = await self._imports.apply(
            _id(request), digest=_text(body, "digest"), leaving=leaving, wait_s=_seconds(body), actor=request.actor
        )
        return Json(to_wire(record))

    async def undo(self, request: Request) -> Json:
        return Json(to_wire(await self._imports.undo(_id(request), actor=request.actor)))

    async def drift(self, request: Request) -> Json:
        limit, _ = _paging(request)
        return Json(to_wire(await self._imports.get_drift(_id(request), limit=limit, actor=request.actor)))

    async def compute_drift(self, request: Request) -> Json:
        limit, _ = _paging(request)
        wait_s = _seconds(await request.require_object())
        found = await self._imports.compute_drift(_id(request), limit=limit, wait_s=wait_s, actor=request.actor)
        return Json(to_wire(found))


def import_routes(imports: ImportService) -> Sequence[Route]:
    """All routes, more specific paths first."""
    routes = ImportRoutes(imports)
    one = f"{PREFIX}/imports/{{id}}"
    rows: Sequence[tuple[str, str, Any, str, int | None]] = (
        ("GET", f"{PREFIX}/imports", routes.list, "Imports, newest first", None),
        ("POST", f"{PREFIX}/imports", routes.upload, "Upload a sheet: the body is the file, ?filename= its name", MAX_UPLOAD_BYTES),
        ("GET", f"{PREFIX}/sources", routes.sources, "Sheets that give entities now", None),
        ("GET", f"{one}/proposal", routes.propose, "What the columns of a tab could mean", None),
        ("GET", f"{one}/summary", routes.summary, "The plan in figures", None),
        ("GET", f"{one}/planned", routes.planned, "What becomes of each entity, by page", None),
        ("GET", f"{one}/drift", routes.drift, "How sheet and catalog differed when that was last worked out", None),
        ("POST", f"{one}/drift", routes.compute_drift, "Compare sheet and catalog anew: {waitSeconds?}", None),
        ("PUT", f"{one}/mapping", routes.choose, "Choose tab, mapping and source: {sheet, mapping, source?}", MAX_BODY_BYTES),
        ("POST", f"{one}/plan", routes.plan, "Plan it: {waitSeconds?}", None),
        ("POST", f"{one}/apply", routes.apply, "Write it: {digest, leaving?, waitSeconds?}", None),
        ("POST", f"{one}/undo", routes.undo, "Put back what stood before", None),
        ("GET", one, routes.get, "One import", None),
        ("DELETE", one, routes.discard, "Forget an import that was not applied", None),
    )  # fmt: skip
    return [
        Route(path, handler, methods=(method,), openapi=_operation(path, summary), max_body_bytes=limit)
        for method, path, handler, summary, limit in rows
    ]


def _operation(path: str, summary: str) -> Mapping[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": {"200": {"description": summary}}}
    if "{id}" in path:
        operation["parameters"] = [_ID]
    return operation


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise InputError(f"{name} must be text.", field=name)
    return value


def _seconds(body: Mapping[str, Any]) -> float:
    value = body.get("waitSeconds", 1.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_WAIT_S:
        raise InputError(f"waitSeconds must be a number from 0 to {MAX_WAIT_S:g}.", field="waitSeconds")
    return float(value)


def _paging(request: Request) -> tuple[int, int]:
    found = []
    for name, default, most in (("limit", 50, MAX_PAGE), ("offset", 0, 10**9)):
        text = request.query_params.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InputError(f"{name} must be a whole number.", field=name)
        found.append(min(int(text), most))
    return found[0], found[1]

"""``/api/proposals/v1``: everything that the pages do, for programs and the command line. Errors are problem+json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from callboard.features.proposals.codec import to_wire
from callboard.features.proposals.interface import (
    CONFIDENCE_VALUES,
    STATES,
    Decision,
    ProposalQuery,
    ProposalService,
)
from callboard.kernel.errors import InputError
from callboard.kernel.web.responses import Empty, Json
from callboard.kernel.web.routing import Route

if TYPE_CHECKING:
    from starlette.responses import Response

    from callboard.kernel.web.request import Request

PREFIX = "/api/proposals/v1"
MAX_FILES_BYTES = 48 * 1024 * 1024
MAX_PAGE = 200
_PATH_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


class ProposalRoutes:
    """Handlers over ``ProposalService``, which asks for permission."""

    def __init__(self, proposals: ProposalService) -> None:
        self._proposals = proposals

    async def scan(self, request: Request) -> Json:
        body = await request.require_object()
        again = body.get("again", False)
        if not isinstance(again, bool):
            raise InputError("again must be true or false.", field="again")
        return Json(to_wire(await self._proposals.scan(_text(body, "target"), again=again, actor=request.actor)), 202)

    async def scan_files(self, request: Request) -> Json:
        body = await request.require_object()
        files, paths = body.get("files"), body.get("paths", [])
        if not isinstance(files, Mapping) or not all(isinstance(text, str) for text in files.values()):
            raise InputError("files must map paths to texts.", field="files")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise InputError("paths must be a list of texts.", field="paths")
        url = _text(body, "url") if body.get("url") is not None else ""
        found = await self._proposals.scan_files(_text(body, "name"), files, paths=paths, url=url, actor=request.actor)
        return Json(to_wire(found), 201)

    async def scans(self, request: Request) -> Json:
        limit, offset = _paging(request)
        page = await self._proposals.list_scans(limit=limit, offset=offset, actor=request.actor)
        return Json({"items": to_wire(page.items), "totalItems": page.total})

    async def get_scan(self, request: Request) -> Json:
        return Json(to_wire(await self._proposals.get_scan(_id(request), actor=request.actor)))

    async def list(self, request: Request) -> Json:
        page = await self._proposals.list_proposals(query_of(request), actor=request.actor)
        facets = {
            name: [{"value": value, "title": title, "count": count} for value, title, count in rows] for name, rows in page.facets.items()
        }  # fmt: skip
        return Json({"items": to_wire(page.items), "totalItems": page.total, "facets": facets})

    async def get(self, request: Request) -> Json:
        return Json(to_wire(await self._proposals.get_proposal(_id(request), actor=request.actor)))

    async def change(self, request: Request) -> Json:
        body = await request.require_object()
        values = body.get("values")
        if not isinstance(values, Mapping) or not values:
            raise InputError("values must map fields to values.", field="values")
        return _told(await self._proposals.change(_ids(body), values, actor=request.actor))

    async def accept(self, request: Request) -> Json:
        return _told(await self._proposals.accept(_ids(await request.require_object()), actor=request.actor))

    async def ignore(self, request: Request) -> Json:
        return _told(await self._proposals.ignore(_ids(await request.require_object()), actor=request.actor))

    async def reopen(self, request: Request) -> Json:
        return _told(await self._proposals.reopen(_ids(await request.require_object()), actor=request.actor))

    async def update(self, request: Request) -> Json:
        return Json(to_wire(await self._proposals.update(_id(request), actor=request.actor)))

    async def dismiss(self, request: Request) -> Json:
        return Json(to_wire(await self._proposals.dismiss(_id(request), actor=request.actor)))

    async def descriptor(self, request: Request) -> Response:
        from starlette.responses import Response

        ids = request.query_params.getlist("id")
        text = await self._proposals.descriptor(ids, actor=request.actor)
        headers = {"content-disposition": 'attachment; filename="catalog-info.yaml"'}
        return Response(text, media_type="application/yaml", headers=headers)

    async def forget(self, request: Request) -> Empty:
        await self._proposals.forget(_id(request), actor=request.actor)
        return Empty()


def proposal_routes(proposals: ProposalService) -> Sequence[Route]:
    """All routes, more specific paths first."""
    routes = ProposalRoutes(proposals)
    many, one = f"{PREFIX}/proposals", f"{PREFIX}/proposals/{{id}}"
    rows: Sequence[tuple[str, str, Any, str, int | None]] = (
        ("GET", f"{PREFIX}/scans", routes.scans, "Scans, newest first", None),
        ("POST", f"{PREFIX}/scans", routes.scan, "Look at a repository, an organisation or a folder: {target, again?}", None),
        ("POST", f"{PREFIX}/scans/files", routes.scan_files, "Look at files that are sent: {name, files: {path: text}, paths?, url?}", MAX_FILES_BYTES),
        ("GET", f"{PREFIX}/scans/{{id}}", routes.get_scan, "How far a scan is, and what it found", None),
        ("GET", f"{PREFIX}/descriptor", routes.descriptor, "A catalog-info.yaml of proposals of one repository: ?id=…&id=…", None),
        ("DELETE", f"{PREFIX}/repositories/{{id}}", routes.forget, "Forget a repository with its proposals; entities stay", None),
        ("GET", many, routes.list, "Proposals, by page: ?state=&kind=&confidence=&repository=&scan=&changed=&q=", None),
        ("POST", f"{many}/change", routes.change, "Set fields: {ids, values: {field: value or null}}", None),
        ("POST", f"{many}/accept", routes.accept, "Make entities of them: {ids}", None),
        ("POST", f"{many}/ignore", routes.ignore, "Ignore them, also when they are found again: {ids}", None),
        ("POST", f"{many}/reopen", routes.reopen, "Open ignored ones again: {ids}", None),
        ("POST", f"{one}/update", routes.update, "Bring what changed in the files to the entity", None),
        ("POST", f"{one}/dismiss", routes.dismiss, "What changed in the files is seen and not wanted", None),
        ("GET", one, routes.get, "One proposal, with the evidence for each field", None),
    )  # fmt: skip
    return [
        Route(path, handler, methods=(method,), openapi=_operation(path, summary), max_body_bytes=limit)
        for method, path, handler, summary, limit in rows
    ]


def query_of(request: Request) -> ProposalQuery:
    """The query of an address. ``state=any`` is every state. Raises ``InputError`` for values that are none."""
    said = request.query_params
    state, confidence = said.get("state", "open"), said.get("confidence")
    if state not in (*STATES, "any"):
        raise InputError(f"state must be one of {', '.join(STATES)} or any.", field="state")
    if confidence is not None and confidence not in CONFIDENCE_VALUES:
        raise InputError(f"confidence must be one of {', '.join(CONFIDENCE_VALUES)}.", field="confidence")
    limit, offset = _paging(request)
    return ProposalQuery(
        state=None if state == "any" else state, kind=said.get("kind"), confidence=confidence, repository=said.get("repository"),  # type: ignore[arg-type]
        scan=said.get("scan"), changed=said.get("changed") in ("1", "true"), words=said.get("q", "")[:200], limit=limit, offset=offset,
    )  # fmt: skip


def _told(decisions: Sequence[Decision]) -> Json:
    return Json({"items": to_wire(list(decisions))})


def _operation(path: str, summary: str) -> Mapping[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": {"200": {"description": summary}}}
    if "{id}" in path:
        operation["parameters"] = [_PATH_ID]
    return operation


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _ids(body: Mapping[str, Any]) -> list[str]:
    ids = body.get("ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(id, str) for id in ids):
        raise InputError("ids must be a list of ids of proposals.", field="ids")
    return ids


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise InputError(f"{name} must be text.", field=name)
    return value


def _paging(request: Request) -> tuple[int, int]:
    found = []
    for name, default, most in (("limit", 50, MAX_PAGE), ("offset", 0, 10**8)):
        text = request.query_params.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InputError(f"{name} must be a whole number.", field=name)
        found.append(min(int(text), most))
    return found[0], found[1]

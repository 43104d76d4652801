"""``/api/editing/v1``: what the editor does, for programs. Errors are problem+json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from callboard.features.catalog.interface import EntityNotFound
from callboard.features.editing.interface import (
    Editable,
    EditConflict,
    Editing,
    Judgement,
    Saved,
    TextFinding,
    TextRefused,
)
from callboard.kernel.errors import InputError
from callboard.kernel.web.responses import PROBLEM, Empty, Json
from callboard.kernel.web.routing import Route
from callboard.model.refs import EntityRef

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

PREFIX = "/api/editing/v1"
MAX_BODY_BYTES = 1024 * 1024
"""Of a text of at most 512 KiB as JSON."""


def finding_wire(finding: TextFinding) -> dict[str, Any]:
    return {
        "message": finding.message, "line": finding.line, "column": finding.column, "field": finding.field, "fix": finding.fix,
    }  # fmt: skip


def judgement_wire(judged: Judgement) -> dict[str, Any]:
    return {
        "valid": judged.is_good, "entityRef": judged.ref, "findings": [finding_wire(found) for found in judged.findings]
    }  # fmt: skip


def saved_wire(saved: Saved) -> dict[str, Any]:
    return {"entityRef": saved.ref, "mark": saved.mark, "outcome": saved.outcome}


def editable_wire(found: Editable) -> dict[str, Any]:
    giver = found.giver
    return {
        "entityRef": found.ref, "text": found.text, "mark": found.mark, "mayUpdate": found.may_update, "mayDelete": found.may_delete,
        "giver": {
            "isOwn": giver.is_own, "location": giver.location, "origin": giver.origin, "editUrl": giver.edit_url,
            "names": list(giver.names),
        },
    }  # fmt: skip


class EditingRoutes:
    """Handlers over ``Editing``, which asks for permission."""

    def __init__(self, editing: Editing) -> None:
        self._editing = editing

    async def judge(self, request: Request) -> Json:
        body = await request.require_object()
        ref = EntityRef.parse(_text(body, "entityRef")) if body.get("entityRef") else None
        return Json(judgement_wire(await self._editing.judge(_text(body, "text"), ref=ref, actor=request.actor)))

    async def create(self, request: Request) -> Json:
        body = await request.require_object()
        return await self._save(request, _text(body, "text"), None, None)

    async def get(self, request: Request) -> Json:
        ref = _ref(request)
        found = await self._editing.find_editable(ref, actor=request.actor)
        if found is None:
            raise EntityNotFound(ref)
        return Json(editable_wire(found))

    async def change(self, request: Request) -> Json:
        body = await request.require_object()
        return await self._save(request, _text(body, "text"), _ref(request), _text(body, "mark"))

    async def delete(self, request: Request) -> Empty:
        await self._editing.delete(_ref(request), base_mark=request.query_params.get("mark"), actor=request.actor)
        return Empty()

    async def _save(self, request: Request, text: str, ref: EntityRef | None, mark: str | None) -> Json:
        try:
            saved = await self._editing.save(text, ref=ref, base_mark=mark, actor=request.actor)
        except TextRefused as error:
            more: dict[str, Any] = {"findings": [finding_wire(found) for found in error.findings]}
            return _problem(error, 400, "That cannot be used", more)
        except EditConflict as error:
            return _problem(
                error,
                409,
                "It clashes with what is there",
                {"theirs": editable_wire(error.theirs) if error.theirs else None},
            )
        return Json(saved_wire(saved), 201 if saved.outcome == "created" else 200)


def _problem(error: TextRefused | EditConflict, status: int, title: str, more: Mapping[str, Any]) -> Json:
    """problem+json with what a program needs to go on."""
    body = {
        "type": f"urn:callboard:error:{error.code}", "title": title, "status": status, "detail": error.message, "code": error.code,
        **more,
    }  # fmt: skip
    answer = Json(body, status)
    answer.headers["content-type"] = PROBLEM
    return answer


def editing_routes(editing: Editing) -> Sequence[Route]:
    routes = EditingRoutes(editing)
    one = f"{PREFIX}/entities/{{kind}}/{{namespace}}/{{name}}"
    rows: Sequence[tuple[str, str, Any, str]] = (
        ("POST", f"{PREFIX}/judge", routes.judge, "What would keep a text out, with line and column"),
        ("POST", f"{PREFIX}/entities", routes.create, "Create an entity in the portal's store"),
        ("GET", one, routes.get, "An entity as text, who gives it, and the mark of its version"),
        ("PUT", one, routes.change, "Change an entity of the portal's store from the version that mark names"),
        ("DELETE", one, routes.delete, "Delete an entity of the portal's store"),
    )
    return [
        Route(path, handler, methods=(method,), openapi=_operation(path, summary), max_body_bytes=MAX_BODY_BYTES)
        for method, path, handler, summary in rows
    ]


def _operation(path: str, summary: str) -> Mapping[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": {"200": {"description": summary}}}
    names = [name for name in ("kind", "namespace", "name") if f"{{{name}}}" in path]
    if names:
        operation["parameters"] = [
            {"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names
        ]
    return operation


def _ref(request: Request) -> EntityRef:
    return EntityRef(**request.path_params)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise InputError(f"{name} must be text.", field=name)
    return value

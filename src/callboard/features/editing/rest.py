"""``/api/editing/v1``: what the editor does, for programs. Errors are problem+json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from callboard.features.catalog.interface import EntityNotFound
from callboard.features.editing.interface import (
    Editable,
    EditConflict,
    Editing,
    EntityOverlay,
    HiddenEntity,
    Judgement,
    Saved,
    TextFinding,
    TextRefused,
)
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.kernel.web.responses import PROBLEM, Empty, Json
from callboard.kernel.web.routing import Route
from callboard.model.refs import EntityRef

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

PREFIX = "/api/editing/v1"
CLASH = "It clashes with what is there"
MAX_LISTED = 500
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


def overlay_wire(found: EntityOverlay) -> dict[str, Any]:
    return {
        "entityRef": found.ref, "mark": found.mark, "problem": found.problem, "isDormant": found.is_dormant,
        "mayUpdate": found.may_update,
        "fields": {
            one.path: {
                "value": one.value, "source": one.source, "sourceThen": one.base, "by": one.by, "at": format_time(one.at),
                "hasMoved": one.is_moved,
            }
            for one in found.fields
        },
    }  # fmt: skip


def hidden_wire(found: HiddenEntity) -> dict[str, Any]:
    return {
        "entityRef": found.ref, "title": found.title, "location": found.location, "by": found.by, "at": format_time(found.at),
        "why": found.why, "isDormant": found.is_dormant, "mayShow": found.may_show,
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

    async def get_overlay(self, request: Request) -> Json:
        ref = _ref(request)
        found = await self._editing.find_overlay(ref, actor=request.actor)
        if found is None:
            raise EntityNotFound(ref)
        return Json(overlay_wire(found))

    async def set_overlay(self, request: Request) -> Json:
        body = await request.require_object()
        fields, kept = body.get("fields"), body.get("kept", [])
        if not isinstance(fields, dict):
            raise InputError("fields must map the paths of fields to values; null takes a field away.", field="fields")
        if not isinstance(kept, list) or not all(isinstance(path, str) for path in kept):
            raise InputError("kept must be a list of paths.", field="kept")
        return await self._set(request, fields, _text(body, "mark"), kept)

    async def delete_overlay(self, request: Request) -> Json:
        return await self._set(request, {}, request.query_params.get("mark"), ())

    async def _set(self, request: Request, fields: Mapping[str, Any], mark: str | None, kept: Sequence[str]) -> Json:
        ref = _ref(request)
        try:
            found = await self._editing.set_overlay(ref, fields, base_mark=mark, actor=request.actor, kept=kept)
        except TextRefused as error:
            return _refusal(error)
        except EditConflict as error:
            now = await self._editing.find_overlay(ref, actor=request.actor)
            return _problem(error, 409, CLASH, {"theirs": overlay_wire(now) if now else None})
        return Json(overlay_wire(found))

    async def list_overlays(self, request: Request) -> Json:
        query = request.query_params
        found = await self._editing.list_overlays(
            actor=request.actor, after=query.get("after", ""), limit=_limit(query.get("limit"))
        )
        return Json({"items": [overlay_wire(one) for one in found]})

    async def list_hidden(self, request: Request) -> Json:
        query = request.query_params
        found = await self._editing.list_hidden(
            actor=request.actor, after=query.get("after", ""), limit=_limit(query.get("limit"))
        )
        return Json({"items": [hidden_wire(one) for one in found]})

    async def hide(self, request: Request) -> Empty:
        body = await request.require_object()
        why = body.get("why", "")
        if not isinstance(why, str):
            raise InputError("why must be text.", field="why")
        await self._editing.hide(_ref(request), why=why, actor=request.actor)
        return Empty()

    async def show(self, request: Request) -> Empty:
        await self._editing.show(_ref(request), actor=request.actor)
        return Empty()

    async def _save(self, request: Request, text: str, ref: EntityRef | None, mark: str | None) -> Json:
        try:
            saved = await self._editing.save(text, ref=ref, base_mark=mark, actor=request.actor)
        except TextRefused as error:
            return _refusal(error)
        except EditConflict as error:
            return _problem(
                error,
                409,
                CLASH,
                {"theirs": editable_wire(error.theirs) if error.theirs else None},
            )
        return Json(saved_wire(saved), 201 if saved.outcome == "created" else 200)


def _refusal(error: TextRefused) -> Json:
    more = {"findings": [finding_wire(found) for found in error.findings]}
    return _problem(error, 400, "That cannot be used", more)


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
        (
            "PUT",
            one,
            routes.change,
            "Change an entity from the version that mark names; of another source's, by overlay",
        ),
        ("DELETE", one, routes.delete, "Delete an entity of the portal's store"),
        ("GET", f"{one}/overlay", routes.get_overlay, "What the portal lays over an entity, field by field"),
        ("PUT", f"{one}/overlay", routes.set_overlay, "Have these fields alone laid over an entity of another source"),
        ("DELETE", f"{one}/overlay", routes.delete_overlay, "Have an entity be its source's alone again"),
        ("PUT", f"{one}/hidden", routes.hide, "Keep an entity of another source out of the catalog"),
        ("DELETE", f"{one}/hidden", routes.show, "Let an entity in again that is kept out"),
        ("GET", f"{PREFIX}/overlays", routes.list_overlays, "Overlays, in the order of their refs, after one"),
        ("GET", f"{PREFIX}/hidden", routes.list_hidden, "Entities that are kept out of the catalog, after one"),
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


def _limit(said: str | None) -> int:
    if said is None:
        return 50
    if not said.isdecimal() or not 0 < int(said[:9]) <= MAX_LISTED:
        raise InputError(f"limit must be a number from 1 to {MAX_LISTED}.", field="limit")
    return int(said)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise InputError(f"{name} must be text.", field=name)
    return value

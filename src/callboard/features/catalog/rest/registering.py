"""``/api/catalog/v1/locations``: registered locations with what came of them, and what one would bring."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from callboard.features.catalog.interface.registering import LocationPreview, LocationState, Registrations
from callboard.features.catalog.rest.own import finding_json
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

PREFIX = "/api/catalog/v1/locations"
MAX_PAGE = 100


def state_wire(state: LocationState) -> dict[str, Any]:
    return {
        **asdict(state.location), "createdAt": format_time(state.created_at), "createdBy": state.by,
        "readAt": format_time(state.read_at) if state.read_at else None, "files": state.files, "entities": state.entities,
        "problems": state.problems,
    }  # fmt: skip


def preview_wire(preview: LocationPreview) -> dict[str, Any]:
    return {
        "target": preview.target, "registeredAs": preview.exists, "isRepository": preview.is_repository,
        "candidates": list(preview.candidates), "isCut": preview.is_cut,
        "files": [
            {
                "location": file.location, "namedBy": file.named_by, "findings": [finding_json(f) for f in file.findings],
                "entities": [
                    {
                        "entityRef": entity.ref, "kind": entity.kind, "title": entity.title, "outcome": entity.outcome,
                        "line": entity.line, "heldBy": entity.held_by or None,
                        "findings": [finding_json(f) for f in entity.findings],
                    }
                    for entity in file.entities
                ],
            }
            for file in preview.files
        ],
    }  # fmt: skip


class RegistrationRoutes:
    """Handlers over ``Registrations``, which asks for permission."""

    def __init__(self, registrations: Registrations) -> None:
        self._registrations = registrations

    async def list(self, request: Request) -> Json:
        said = request.query_params
        limit, offset = _number(said.get("limit"), 50, "limit"), _number(said.get("offset"), 0, "offset")
        states, total = await self._registrations.list_states(
            limit=min(max(limit, 1), MAX_PAGE), offset=offset, words=said.get("q", ""), actor=request.actor
        )
        return Json({"items": [state_wire(state) for state in states], "totalItems": total})

    async def preview(self, request: Request) -> Json:
        target = (await request.require_object()).get("target")
        if not isinstance(target, str):
            raise InputError("target must be text.", field="target")
        return Json(preview_wire(await self._registrations.preview(target, actor=request.actor)))


def _number(said: str | None, default: int, name: str) -> int:
    if not said:
        return default
    if not said.isdecimal() or len(said) > 7:
        raise InputError(f"{name} must be a whole number.", field=name)
    return int(said)


def registration_routes(registrations: Registrations) -> Sequence[Route]:
    routes = RegistrationRoutes(registrations)
    return [
        Route(PREFIX, routes.list, openapi=_operation("Registered locations with what came of them", ("limit", "offset", "q"))),
        Route(
            f"{PREFIX}/preview", routes.preview, methods=("POST",),
            openapi=_operation("What registering an address would bring, by file and line"),
        ),
    ]  # fmt: skip


def _operation(summary: str, parameters: Sequence[str] = ()) -> Mapping[str, Any]:
    return {
        "summary": summary, "responses": {"200": {"description": summary}},
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in parameters],
    }  # fmt: skip

"""``/api/catalog/v1/kinds`` and ``/model``: the kinds that are valid here, and those that are declared in the portal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from callboard.features.catalog.interface.modelling import KindModels, KnownKind, ModelEffect, ModelVersion
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

PREFIX = "/api/catalog/v1"
MAX_BODY_BYTES = 1024 * 1024


def kind_wire(known: KnownKind) -> dict[str, Any]:
    definition = known.definition
    return {
        "group": definition.group, "kind": definition.kind, "singular": definition.singular, "plural": definition.plural,
        "description": definition.description, "icon": definition.icon, "origins": list(known.origins),
        "isExtended": known.is_extended, "entities": known.entities,
        "versions": [
            {
                "apiVersions": list(version.api_versions), "specType": version.spec_type, "schema": version.schema,
                "relations": [
                    {
                        "path": ".".join(one.path), "relation": one.relation, "reverse": one.reverse,
                        "defaultKind": one.default_kind, "allowedKinds": sorted(one.allowed_kinds or ()) or None,
                    }
                    for one in version.relation_fields
                ],
            }
            for version in definition.versions
        ],
    }  # fmt: skip


def version_wire(version: ModelVersion) -> dict[str, Any]:
    at = format_time(version.at) if version.at else None
    return {"version": version.number, "savedAt": at, "savedBy": version.by, "note": version.note}


def effect_wire(effect: ModelEffect) -> dict[str, Any]:
    return {
        "changes": [{"kind": kind, "field": field, "change": how} for kind, field, how in effect.changes],
        "judged": effect.judged, "refusedCount": effect.refused_count,
        "refused": [{"entityRef": r.ref, "message": r.message, "field": r.field} for r in effect.refused],
    }  # fmt: skip


class ModelRoutes:
    """Handlers over ``KindModels``, which asks for permission."""

    def __init__(self, models: KindModels) -> None:
        self._models = models

    async def kinds(self, request: Request) -> Json:
        return Json({"items": [kind_wire(known) for known in await self._models.list_kinds(actor=request.actor)]})

    async def get(self, request: Request) -> Json:
        layer, version = await self._models.get_layer(actor=request.actor)
        return Json({"kinds": list(layer), **version_wire(version)})

    async def put(self, request: Request) -> Json:
        body = await request.require_object()
        kinds, base = body.get("kinds"), body.get("version")
        if not isinstance(kinds, list) or not all(isinstance(one, dict) for one in kinds):
            raise InputError("kinds must be a list of definitions.", field="kinds")
        if not isinstance(base, int) or isinstance(base, bool):
            raise InputError(
                "version must be the number of the version that the change was made from.", field="version"
            )
        effect = await self._models.preview(kinds, actor=request.actor)
        if body.get("dryRun") is True:
            return Json(effect_wire(effect))
        saved = await self._models.save(
            kinds, base=base, note=str(body.get("note") or ""), refuse_entities=body.get("refuseEntities") is True,
            actor=request.actor,
        )  # fmt: skip
        return Json({**version_wire(saved), **effect_wire(effect)})


def model_routes(models: KindModels) -> Sequence[Route]:
    routes = ModelRoutes(models)
    rows: Sequence[tuple[str, str, Any, str]] = (
        ("GET", f"{PREFIX}/kinds", routes.kinds, "The kinds that are valid here, with their schemas and relations"),
        ("GET", f"{PREFIX}/model", routes.get, "Kinds and fields that are declared in the portal, and their version"),
        (
            "PUT",
            f"{PREFIX}/model",
            routes.put,
            "Declare these kinds and fields, or with dryRun see whom they would refuse",
        ),
    )
    return [
        Route(path, handler, methods=(method,), openapi=_operation(summary), max_body_bytes=MAX_BODY_BYTES)
        for method, path, handler, summary in rows
    ]


def _operation(summary: str) -> Mapping[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": summary}}}

"""All of the catalog's REST, ready for ``register_routes``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callboard.features.catalog.apis.service import ApiDefinitions
from callboard.features.catalog.graph.domain import USUAL_TYPES, RelationTypes
from callboard.features.catalog.interface import CatalogCommands, CatalogQueries
from callboard.features.catalog.interface.aliases import CatalogAliases
from callboard.features.catalog.rest.calls import PREFIX
from callboard.features.catalog.rest.endpoints import catalog_endpoints
from callboard.features.catalog.rest.handlers import endpoint_routes
from callboard.features.catalog.rest.openapi import openapi_document
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request


def catalog_routes(
    queries: CatalogQueries,
    commands: CatalogCommands,
    types: RelationTypes = USUAL_TYPES,
    definitions: ApiDefinitions | None = None,
    aliases: CatalogAliases | None = None,
) -> list[Route]:
    """Every endpoint, and the OpenAPI document of them."""
    endpoints = catalog_endpoints(queries, commands, types, definitions, aliases)

    async def document(request: Request) -> Json:
        return Json(openapi_document(endpoints))

    return [
        *endpoint_routes(endpoints),
        Route(f"{PREFIX}/openapi.json", document, auth="public"),
    ]

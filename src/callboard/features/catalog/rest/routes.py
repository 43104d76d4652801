"""All of the catalog's REST, ready for ``register_routes``."""

from __future__ import annotations

from callboard.features.catalog.apis.service import ApiDefinitions
from callboard.features.catalog.graph.domain import USUAL_TYPES, RelationTypes
from callboard.features.catalog.interface import CatalogCommands, CatalogQueries
from callboard.features.catalog.interface.aliases import CatalogAliases
from callboard.features.catalog.rest.endpoints import catalog_endpoints
from callboard.features.catalog.rest.handlers import endpoint_routes
from callboard.kernel.web.routing import Route


def catalog_routes(
    queries: CatalogQueries,
    commands: CatalogCommands,
    types: RelationTypes = USUAL_TYPES,
    definitions: ApiDefinitions | None = None,
    aliases: CatalogAliases | None = None,
) -> list[Route]:
    """Every endpoint."""
    return endpoint_routes(catalog_endpoints(queries, commands, types, definitions, aliases))

"""The table of routes: one row each, from which come the handlers' wiring and the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from callboard.features.catalog.apis.service import ApiDefinitions
from callboard.features.catalog.graph.domain import USUAL_TYPES, RelationTypes
from callboard.features.catalog.graph.reader import GraphReader
from callboard.features.catalog.interface import CatalogCommands, CatalogQueries
from callboard.features.catalog.interface.aliases import CatalogAliases
from callboard.features.catalog.rest import own, requests, resolving, schemas
from callboard.features.catalog.rest.answers import Answer
from callboard.features.catalog.rest.body import Schema
from callboard.features.catalog.rest.calls import Call, Handler
from callboard.features.catalog.rest.definitions import DIFF_PARAMETERS, VERSIONS_PARAMETERS, DefinitionRoutes
from callboard.features.catalog.rest.graph import GRAPH_PARAMETERS, GraphRoutes
from callboard.features.catalog.rest.locations import CREATE_PARAMETERS, OWNER_PARAMETERS, LocationRoutes
from callboard.features.catalog.rest.own import OwnRoutes
from callboard.features.catalog.rest.parameters import Parameter
from callboard.features.catalog.rest.reads import EntityReads
from callboard.model.refs import EntityRef


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path below ``/api/catalog``. ``answers`` maps a status to a schema's name, None for no body.

    ``media`` is the content type of a 200 that is not JSON alone.
    """

    method: str
    path: str
    id: str
    summary: str
    handler: Handler
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    answers: Mapping[int, str | None] | None = None
    media: tuple[str, ...] = ("application/json",)

    @property
    def is_own(self) -> bool:
        """Whether it is Callboard's, with problem+json for errors."""
        return self.path.startswith("/v1/")


class EntityRoutes:
    """Handlers of the entity reads: the same parsing and the same reads as the fast way in."""

    def __init__(self, reads: EntityReads) -> None:
        self._reads = reads

    async def entities(self, call: Call) -> Answer:
        return await self._reads.entities(requests.parse_entities(call.raw_query), actor=call.actor)

    async def by_query(self, call: Call) -> Answer:
        return await self._reads.by_query(requests.parse_by_query(call.raw_query), actor=call.actor)

    async def by_query_posted(self, call: Call) -> Answer:
        requests.parse_nothing(call.raw_query)
        body = await call.json(schemas.BY_QUERY_BODY)
        return await self._reads.by_query(requests.read_by_query(body), actor=call.actor)

    async def by_refs(self, call: Call) -> Answer:
        narrowed = requests.parse_by_refs_filter(call.raw_query)
        body = await call.json(schemas.BY_REFS_BODY)
        return await self._reads.by_refs(requests.read_by_refs(body, narrowed), actor=call.actor)

    async def facets(self, call: Call) -> Answer:
        return await self._reads.facets(requests.parse_facets(call.raw_query), actor=call.actor)

    async def facets_posted(self, call: Call) -> Answer:
        requests.parse_nothing(call.raw_query)
        body = await call.json(schemas.FACETS_BODY)
        return await self._reads.facets(requests.read_facets(body), actor=call.actor)

    async def by_name(self, call: Call) -> Answer:
        requests.parse_nothing(call.raw_query)
        return await self._reads.by_name(**call.path_params, actor=call.actor)

    async def by_uid(self, call: Call) -> Answer:
        requests.parse_nothing(call.raw_query)
        return await self._reads.by_uid(call.path_params["uid"], actor=call.actor)

    async def ancestry(self, call: Call) -> Answer:
        requests.parse_nothing(call.raw_query)
        return await self._reads.ancestry(EntityRef(**call.path_params), actor=call.actor)


def catalog_endpoints(
    queries: CatalogQueries,
    commands: CatalogCommands,
    types: RelationTypes = USUAL_TYPES,
    definitions: ApiDefinitions | None = None,
    aliases: CatalogAliases | None = None,
) -> tuple[Endpoint, ...]:
    """Every route of the catalog, bound to its services. More specific paths stand before those with parameters.

    ``types``: how relation types pair up here; the usual ones unless given. ``definitions``: those that the pages read, too.
    ``aliases`` None: every name is a present one.
    """
    entities = EntityRoutes(EntityReads(queries))
    locations = LocationRoutes(commands)
    ours = OwnRoutes(queries, commands)
    graphs = GraphRoutes(GraphReader(queries, types))
    apis = DefinitionRoutes(definitions or ApiDefinitions(queries))
    name = "/entities/by-name/{kind}/{namespace}/{name}"
    return (
        Endpoint("GET", "/entities", "GetEntities", "All entities, or a page of them.", entities.entities,
                 requests.ENTITIES_PARAMETERS, answers={200: "EntityList", 400: "Error"}),
        Endpoint("GET", "/entities/by-query", "GetEntitiesByQuery", "A page of entities with total and cursors.",
                 entities.by_query, requests.BY_QUERY_PARAMETERS, answers={200: "EntityPage", 400: "Error"}),
        Endpoint("POST", "/entities/by-query", "QueryEntitiesByPredicate", "The same, by a predicate.",
                 entities.by_query_posted, body=schemas.BY_QUERY_BODY, answers={200: "EntityPage", 400: "Error"}),
        Endpoint("POST", "/entities/by-refs", "GetEntitiesByRefs", "Many entities by their refs.", entities.by_refs,
                 requests.BY_REFS_PARAMETERS, schemas.BY_REFS_BODY, {200: "EntitiesByRef", 400: "Error"}),
        Endpoint("GET", "/entities/by-uid/{uid}", "GetEntityByUid", "One entity by its uid.", entities.by_uid,
                 answers={200: "Entity", 400: "Error", 404: "Error"}),
        Endpoint("DELETE", "/entities/by-uid/{uid}", "DeleteEntityByUid", "Remove an entity; it comes back while a source names it.",
                 locations.delete_entity, answers={204: None, 400: "Error", 403: "Error"}),
        Endpoint("GET", name, "GetEntityByName", "One entity by kind, namespace and name.", entities.by_name,
                 answers={200: "Entity", 400: "Error", 404: "Error"}),
        Endpoint("GET", f"{name}/ancestry", "GetEntityAncestryByName", "An entity and what it came from.",
                 entities.ancestry, answers={200: "Ancestry", 400: "Error", 403: "Error", 404: "Error"}),
        Endpoint("GET", "/entities/unprocessed/failed", "GetFailedEntities", "Documents that failed and never came through.",
                 locations.failed, OWNER_PARAMETERS, answers={200: "Unprocessed", 400: "Error", 403: "Error"}),
        Endpoint("GET", "/entities/unprocessed/pending", "GetPendingEntities", "Documents that wait to be processed.",
                 locations.pending, OWNER_PARAMETERS, answers={200: "Unprocessed", 400: "Error", 403: "Error"}),
        Endpoint("DELETE", "/entities/unprocessed/delete/{entity_id}", "DeleteUnprocessedEntity", "Forget one of those.",
                 locations.delete_unprocessed, answers={204: None, 400: "Error", 403: "Error", 404: "Error"}),
        Endpoint("GET", "/entity-facets", "GetEntityFacets", "Values of keys, with counts.", entities.facets,
                 requests.FACETS_PARAMETERS, answers={200: "Facets", 400: "Error"}),
        Endpoint("POST", "/entity-facets", "QueryEntityFacetsByPredicate", "The same, by a predicate.",
                 entities.facets_posted, body=schemas.FACETS_BODY, answers={200: "Facets", 400: "Error"}),
        Endpoint("POST", "/refresh", "RefreshEntity", "Read an entity's source again now.", locations.refresh,
                 body=schemas.REFRESH_BODY, answers={200: None, 400: "Error", 403: "Error", 404: "Error"}),
        Endpoint("POST", "/validate-entity", "ValidateEntity", "Would this entity be accepted?", locations.validate,
                 body=schemas.VALIDATE_BODY, answers={200: None, 400: "ValidationErrors", 403: "Error"}),
        Endpoint("POST", "/analyze-location", "AnalyzeLocation", "What a repository holds, and what could be registered.",
                 locations.analyze, body=schemas.ANALYZE_BODY,
                 answers={200: "Analysis", 400: "Error", 403: "Error", 404: "Error", 503: "Error"}),
        Endpoint("GET", "/locations", "GetLocations", "Registered locations.", locations.list,
                 answers={200: "LocationList", 400: "Error"}),
        Endpoint("POST", "/locations", "CreateLocation", "Register a location, or see what would come of it.",
                 locations.create, CREATE_PARAMETERS, schemas.LOCATION_BODY,
                 {201: "CreatedLocation", 400: "Error", 403: "Error", 409: "Error"}),
        Endpoint("POST", "/locations/by-query", "GetLocationsByQuery", "A page of registered locations.", locations.query,
                 body=schemas.LOCATIONS_QUERY_BODY, answers={200: "LocationPage", 400: "Error"}),
        Endpoint("GET", "/locations/by-entity/{kind}/{namespace}/{name}", "GetLocationByEntity",
                 "The location that an entity came from.", locations.by_entity,
                 answers={200: "Location", 400: "Error", 404: "Error"}),
        Endpoint("GET", "/locations/{id}", "GetLocation", "One registered location.", locations.get,
                 answers={200: "Location", 400: "Error", 404: "Error"}),
        Endpoint("PUT", "/locations/{id}", "UpdateLocation", "Point a location elsewhere.", locations.update,
                 body=schemas.LOCATION_BODY,
                 answers={200: "Location", 400: "Error", 403: "Error", 404: "Error", 409: "Error"}),
        Endpoint("DELETE", "/locations/{id}", "DeleteLocation", "Remove a location and what only it brought.",
                 locations.delete, answers={204: None, 400: "Error", 403: "Error", 404: "Error"}),
        Endpoint("GET", "/v1/why", "Why", "What happened to a URL, file or ref.", ours.why, own.WHY_PARAMETERS,
                 answers={200: "Why", 400: "Problem"}),
        Endpoint("GET", "/v1/history", "EntityHistory", "How an entity changed.", ours.history, own.HISTORY_PARAMETERS,
                 answers={200: "History", 400: "Problem", 404: "Problem"}),
        Endpoint("GET", "/v1/findings", "Findings", "What keeps entities back, or will.", ours.findings,
                 own.FINDINGS_PARAMETERS, answers={200: "FindingPage", 400: "Problem", 404: "Problem"}),
        Endpoint("GET", "/v1/graph", "Graph", "What lies around an entity, or the ways between two.", graphs.graph,
                 GRAPH_PARAMETERS, answers={200: "Graph", 400: "Problem", 404: "Problem"}),
        Endpoint("GET", "/v1/definition-versions", "DefinitionVersions", "Earlier definitions of an API.", apis.versions,
                 VERSIONS_PARAMETERS, answers={200: "DefinitionVersions", 400: "Problem", 404: "Problem"}),
        Endpoint("GET", "/v1/definition-diff", "DefinitionDiff", "What differs between two definitions, and what of it breaks.",
                 apis.diff, DIFF_PARAMETERS, answers={200: "DefinitionDiff", 400: "Problem", 404: "Problem"}),
        Endpoint("GET", "/v1/resolve", "Resolve", "The entity that has a ref, or had it before.",
                 resolving.ResolveRoute(queries, aliases).resolve, resolving.PARAMETERS,
                 answers={200: "Resolved", 400: "Problem", 404: "Problem"}),
        Endpoint("GET", "/v1/export", "Export", "A list of entities as a file.", ours.export, own.EXPORT_PARAMETERS,
                 answers={200: "EntityList", 400: "Problem"}, media=("application/json", "text/csv")),
    )  # fmt: skip

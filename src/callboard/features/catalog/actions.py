"""Actions of the catalog for agents, template steps and the CLI: thin over the catalog's services.

Ids, schemas and attributes: Backstage catalog-backend 4.0.0, as its actions registry lists them.
"""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import (
    CREATE_LOCATION,
    DELETE_LOCATION,
    READ_ENTITY,
    REFRESH_ENTITY,
    VALIDATE_ENTITY,
    CatalogCommands,
    CatalogQueries,
    EntityNotFound,
    EntityQuery,
    LocationNotFound,
)
from callboard.features.catalog.rest.reads import EntityReads
from callboard.features.catalog.rest.requests import read_by_query
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import ConflictError, InputError
from callboard.model.documents import parse_values
from callboard.model.predicates import Predicate, conjoin, has_value
from callboard.model.problems import Problem
from callboard.model.refs import EntityRef, LocationRef

_DRAFT = "http://json-schema.org/draft-07/schema#"
_TEXT = {"type": "string"}
_UNKNOWN_LOCATION = "url:https://localhost/entity-to-validate"
_MODEL_LIMIT = 40  # values shown of each type; a description that agents read should stay short


class CatalogActions:
    """Handlers. ``queries`` and ``commands`` check permission themselves, for the actor of the call."""

    def __init__(self, queries: CatalogQueries, commands: CatalogCommands) -> None:
        self._queries = queries
        self._commands = commands
        self._reads = EntityReads(queries)

    async def get_entity(self, context: ActionContext) -> Mapping[str, Any]:
        """One entity by name. Raises ``EntityNotFound``, or ``ConflictError`` where several fit."""
        return await self._find_one(context)

    async def query(self, context: ActionContext) -> Mapping[str, Any]:
        """A page of entities, as by-query gives it."""
        given = dict(context.input)
        order = given.pop("orderFields", None)
        if order is not None:
            given["orderBy"] = [order] if isinstance(order, Mapping) else list(order)
        answer = await self._reads.by_query(read_by_query(given), actor=context.actor)
        page = orjson.loads(answer.body)
        following = page["pageInfo"].get("nextCursor")
        out = {"items": page["items"], "totalItems": page["totalItems"], "hasMoreEntities": following is not None}
        return out if following is None else {**out, "nextPageCursor": following}

    async def validate(self, context: ActionContext) -> Mapping[str, Any]:
        """Whether a YAML text would be accepted; every problem as a line of text."""
        documents = parse_values(context.input["entity"])
        if isinstance(documents, Problem):
            return {"isValid": False, "isValidYaml": False, "errors": [documents.message]}
        if len(documents) != 1 or not isinstance(documents[0], dict):
            return {"isValid": False, "isValidYaml": True, "errors": ["Expected exactly one entity document"]}
        location = LocationRef.parse(context.input.get("location") or _UNKNOWN_LOCATION)
        findings = await self._commands.validate_entity(documents[0], location, actor=context.actor)
        errors = [finding.message for finding in findings if finding.severity == "error"]
        out: dict[str, Any] = {"isValid": not errors, "isValidYaml": True, "errors": errors}
        return out if errors else {**out, "entity": documents[0]}

    async def register(self, context: ActionContext) -> Mapping[str, Any]:
        """Register a descriptor's URL. A dry run processes it and writes nothing."""
        location = _url(context.input["locationUrl"])
        if context.dry_run:
            found = await self._commands.dry_run_location(location, actor=context.actor)
            return {"locationId": found.location.id}
        made = await self._commands.create_location(location, on_conflict="reject", actor=context.actor)
        return {"locationId": made.id}

    async def unregister(self, context: ActionContext) -> Mapping[str, Any]:
        """Remove a location by its id or URL, with what only it brought."""
        which = context.input["type"]
        if "locationId" in which:
            location_id = str(which["locationId"])
        else:
            wanted = which["locationUrl"]
            known = await self._commands.list_locations(actor=context.actor)
            found = next((location.id for location in known if location.target == wanted), None)
            if found is None:
                raise LocationNotFound(f'No registered location has the URL "{wanted}"')
            location_id = found
        if not context.dry_run:
            await self._commands.delete_location(location_id, actor=context.actor)
        return {}

    async def refresh(self, context: ActionContext) -> Mapping[str, Any]:
        """Have an entity's source read again now."""
        ref = EntityRef.of(await self._find_one(context))
        if not context.dry_run:
            await self._commands.refresh(ref, actor=context.actor)
        return {"entityRef": str(ref)}

    async def describe(self, context: ActionContext) -> Mapping[str, Any]:
        """Kinds, types, tags and relations that are in use and visible to the caller, as Markdown."""
        kinds = (await self._queries.facets(["kind"], actor=context.actor))["kind"]
        lines = ["# Catalog model", "", "An entity ref is `kind:namespace/name`; fields are named by dotted paths.", ""]
        for kind in kinds:
            found = await self._queries.facets(
                ["spec.type", "spec.lifecycle"], has_value("kind", [kind.value]), actor=context.actor
            )
            lines.append(f"## {kind.value} ({kind.count})")
            for key, values in found.items():
                if values:
                    lines.append(f"- `{key}`: " + _listed([value.value for value in values]))
            lines.append("")
        rest = await self._queries.facets(["metadata.tags"], actor=context.actor)
        lines += ["## Tags", _listed([value.value for value in rest["metadata.tags"]]) or "None.", ""]
        lines += ["## Relations", *await self._relations(context)]
        return {"description": "\n".join(lines)}

    async def _relations(self, context: ActionContext) -> list[str]:
        types: set[str] = set()
        async for chunk in self._queries.iter_raw(EntityQuery(want_total=False), actor=context.actor):
            for raw in chunk:
                types.update(relation["type"] for relation in orjson.loads(raw).get("relations", ()))
        return [f"- `relations.{name}`" for name in sorted(types)] or ["None."]

    async def _find_one(self, context: ActionContext) -> dict[str, Any]:
        asked = context.input
        parts = {
            "metadata.name": asked["name"],
            "kind": asked.get("kind"),
            "metadata.namespace": asked.get("namespace"),
        }
        wanted: Predicate = conjoin(*(has_value(key, [value]) for key, value in parts.items() if value))
        page = await self._queries.list_raw(EntityQuery(wanted, by_ref=True, limit=20), actor=context.actor)
        shown = {key.rpartition(".")[2]: value for key, value in parts.items() if value}
        described = ", ".join(f'{key} "{value}"' for key, value in shown.items())
        if not page.items:
            raise EntityNotFound(str(asked["name"]), f"No entity found with {described}")
        entities: list[dict[str, Any]] = [orjson.loads(item) for item in page.items]
        if len(entities) > 1:
            refs = ", ".join(str(EntityRef.of(entity)) for entity in entities)
            raise ConflictError(
                f"Several entities found with {described}; give kind and namespace too. They are: {refs}"
            )
        return entities[0]


def _listed(values: Sequence[str]) -> str:
    shown = ", ".join(f"`{value}`" for value in values[:_MODEL_LIMIT])
    return f"{shown} and {len(values) - _MODEL_LIMIT} more" if len(values) > _MODEL_LIMIT else shown


def _url(text: str) -> LocationRef:
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        raise InputError(f'"{text}" is not a URL', field="locationUrl")
    return LocationRef("url", text)


def _described(kind: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {**kind, "description": text}


def _object(properties: Mapping[str, Any], required: Sequence[str] = (), *, is_open: bool = False) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    return {**schema, "additionalProperties": is_open, "$schema": _DRAFT}


def _name_schema(verb: str, **more: Any) -> dict[str, Any]:
    part = {**_TEXT, **more}
    return _object(
        {
            "kind": _described(part, f"Kind of the entity to {verb}; may be left out where the name is enough."),
            "namespace": _described(
                part, f"Namespace of the entity to {verb}; may be left out where the name is enough."
            ),
            "name": _described(part, f"Name of the entity to {verb}."),
        },
        ("name",),
    )


_ORDER = {
    "type": "object",
    "properties": {
        "field": _described(_TEXT, "Dotted path, such as `spec.type`."),
        "order": {"type": "string", "enum": ["asc", "desc"]},
    },
    "required": ["field", "order"],
    "additionalProperties": False,
}
_FIELD_LIST = {"type": "array", "items": _TEXT}
_QUERY_INPUT = _object(
    {
        "query": {
            "type": "object",
            "description": "Predicate: dotted path to value, or $all, $any, $not; values may be $in, $exists, $contains, $hasPrefix.",
        },
        "fields": _described(_FIELD_LIST, "Dotted paths to return; whole entities if not given."),
        "limit": {"type": "integer", "exclusiveMinimum": 0, "description": "Most entities to return."},
        "offset": {"type": "integer", "minimum": 0, "description": "How many to skip."},
        "orderFields": {
            "anyOf": [_ORDER, {"type": "array", "items": _ORDER}],
            "description": "The first field counts.",
        },
        "fullTextFilter": {
            "type": "object",
            "properties": {"term": _TEXT, "fields": _FIELD_LIST},
            "required": ["term"],
            "additionalProperties": False,
        },
        "cursor": _described(_TEXT, "`nextPageCursor` of the page before; only `limit` and `fields` count beside it."),
    }
)
_QUERY_OUTPUT = _object(
    {
        "items": {"type": "array", "items": {"type": "object"}},
        "totalItems": {"type": "number"},
        "hasMoreEntities": {"type": "boolean"},
        "nextPageCursor": _TEXT,
    },
    ("items", "totalItems", "hasMoreEntities"),
)


def catalog_actions(queries: CatalogQueries, commands: CatalogCommands) -> list[Action]:
    """The catalog's actions, for ``register_actions``."""
    do = CatalogActions(queries, commands)
    read = ActionAttributes(read_only=True, destructive=False, idempotent=True)
    return [
        Action(
            "catalog:get-catalog-model-description",
            "Get a Catalog Model Description",
            "Describes what the catalog holds in Markdown: kinds with their types, tags and relations.",
            do.describe,
            output_schema=_object({"description": _TEXT}, ("description",)),
            attributes=read,
            permission=READ_ENTITY,
        ),
        Action(
            "catalog:get-catalog-entity",
            "Get Catalog Entity",
            "Gets one entity of the software catalog by name, and by kind and namespace where the name alone is not unique.",
            do.get_entity,
            _name_schema("get"),
            _object({}, is_open=True),
            attributes=read,
            permission=READ_ENTITY,
        ),
        Action(
            "catalog:query-catalog-entities",
            "Query Catalog Entities",
            "Finds entities by a predicate over dotted paths. Relations are `relations.<type>` with an entity ref as value;"
            " prefer them to spec fields: `relations.ownedby` rather than `spec.owner`.",
            do.query,
            _QUERY_INPUT,
            _QUERY_OUTPUT,
            attributes=read,
            permission=READ_ENTITY,
        ),
        Action(
            "catalog:validate-entity",
            "Validate Catalog Entity",
            "Tells whether the YAML of one entity would be accepted by the catalog, and what is wrong with it.",
            do.validate,
            _object({"entity": _TEXT, "location": {"type": "string", "format": "uri"}}, ("entity",)),
            _object(
                {
                    "isValid": {"type": "boolean"},
                    "isValidYaml": {"type": "boolean"},
                    "errors": {"type": "array", "items": _TEXT},
                    "entity": {"type": "object"},
                },
                ("isValid", "isValidYaml", "errors"),
            ),
            attributes=read,
            permission=VALIDATE_ENTITY,
        ),
        Action(
            "catalog:register-entity",
            "Register entity in the Catalog",
            "Registers the URL of a descriptor file as a location; all entities in the file come in. Gives the location's id.",
            do.register,
            _object({"locationUrl": _described(_TEXT, "URL of a catalog-info.yaml file.")}, ("locationUrl",)),
            _object({"locationId": _TEXT}, ("locationId",)),
            attributes=ActionAttributes(destructive=False),
            supports_dry_run=True,
            permission=CREATE_LOCATION,
        ),
        Action(
            "catalog:unregister-entity",
            "Unregister entity from the Catalog",
            "Removes a registered location, by its id or URL, and all entities that only it brought.",
            do.unregister,
            _object(
                {
                    "type": {
                        "anyOf": [
                            {**_object({key: _TEXT}, (key,)), "$schema": _DRAFT}
                            for key in ("locationId", "locationUrl")
                        ]
                    }
                },
                ("type",),
            ),
            _object({}),
            attributes=ActionAttributes(destructive=True, idempotent=True),
            supports_dry_run=True,
            permission=DELETE_LOCATION,
        ),
        Action(
            "catalog:refresh-catalog-entity",
            "Refresh Catalog Entity",
            "Has the source of one entity read again now, so that a change shows before the next step.",
            do.refresh,
            _name_schema("refresh", minLength=1),
            _object({"entityRef": _TEXT}, ("entityRef",)),
            attributes=ActionAttributes(destructive=False, idempotent=True),
            supports_dry_run=True,
            permission=REFRESH_ENTITY,
        ),
    ]

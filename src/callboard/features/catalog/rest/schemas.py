"""Schemas of bodies and answers: checked against by ``body`` and shown in the OpenAPI document."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def obj(properties: Json, required: tuple[str, ...] = (), **more: Any) -> Json:
    """An object schema. ``required`` is in the order in which what is missing gets reported."""
    schema: Json = {"type": "object", "properties": properties, **more}
    if required:
        schema["required"] = list(required)
    return schema


def array(items: Json, **more: Any) -> Json:
    return {"type": "array", "items": items, **more}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


STRING: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
INTEGER: Json = {"type": "integer"}
STRINGS = array(STRING)
QUERY: Json = {
    "type": "object",
    "description": "Predicate: `{path: value}`, `$all`, `$any`, `$not`, `$in`, `$exists`, `$contains`, `$hasPrefix`.",
}

# ---- bodies -----------------------------------------------------------------------------------------------------------

BY_QUERY_BODY = obj(
    {
        "cursor": STRING,
        "limit": {"type": "number", "minimum": 0},
        "offset": {"type": "number", "minimum": 0},
        "orderBy": array(
            obj(
                {"field": {"type": "string", "minLength": 1}, "order": {"type": "string", "enum": ["asc", "desc"]}},
                ("field",),
            )
        ),
        "fullTextFilter": obj({"term": STRING, "fields": STRINGS}),
        "fields": STRINGS,
        "totalItems": {"type": "string", "enum": ["include", "exclude"]},
        "query": QUERY,
    }
)
BY_REFS_BODY = obj({"entityRefs": STRINGS, "fields": STRINGS, "query": QUERY}, ("entityRefs",))
FACETS_BODY = obj({"facets": STRINGS, "query": QUERY}, ("facets",))
REFRESH_BODY = obj({"entityRef": STRING, "authorizationToken": STRING}, ("entityRef",), **{"x-strict": True})
LOCATION_BODY = obj(
    {
        "target": {"type": "string", "minLength": 1},
        "type": {"type": "string", "minLength": 1},
        "presence": {"type": "string", "enum": ["required", "optional"]},
    },
    ("target", "type"),
    **{"x-strict": True},
)
LOCATIONS_QUERY_BODY = obj({"cursor": STRING, "limit": {"type": "number", "minimum": 1}, "query": QUERY})
ANALYZE_BODY = obj(
    {"location": obj({"type": STRING, "target": STRING}, ("target", "type")), "catalogFilename": STRING}, ("location",)
)
VALIDATE_BODY = obj({"location": STRING, "entity": {"type": "object"}}, ("location", "entity"))

# ---- answers ----------------------------------------------------------------------------------------------------------

_FINDING = obj(
    {
        "severity": {"type": "string", "enum": ["error", "warning"]},
        "stage": STRING,
        "name": STRING,
        "message": STRING,
        "file": {"type": ["string", "null"]},
        "line": {"type": ["integer", "null"]},
        "column": {"type": ["integer", "null"]},
        "field": {"type": ["string", "null"]},
        "fix": {"type": ["string", "null"]},
        "entityRef": {"type": ["string", "null"]},
        "since": {"type": ["string", "null"], "format": "date-time"},
    },
    ("severity", "stage", "name", "message"),
)

COMPONENTS: Json = {
    "Entity": {"type": "object", "description": "A stitched entity, or the fields of it that were asked for."},
    "Error": obj(
        {
            "error": obj({"name": STRING, "message": STRING}, ("name", "message")),
            "request": obj({"method": STRING, "url": STRING}, ("method", "url")),
            "response": obj({"statusCode": INTEGER}, ("statusCode",)),
        },
        ("error", "request", "response"),
    ),
    "Problem": obj(
        {"type": STRING, "title": STRING, "status": INTEGER, "detail": STRING, "code": STRING}, ("title", "status")
    ),
    "PageInfo": obj({"nextCursor": STRING, "prevCursor": STRING}),
    "EntityPage": obj(
        {"items": array(ref("Entity")), "totalItems": INTEGER, "pageInfo": ref("PageInfo")},
        ("items", "totalItems", "pageInfo"),
    ),
    "EntityList": array(ref("Entity")),
    "EntitiesByRef": obj({"items": array({"anyOf": [ref("Entity"), {"type": "null"}]})}, ("items",)),
    "Facets": obj(
        {
            "facets": {
                "type": "object",
                "additionalProperties": array(obj({"value": STRING, "count": INTEGER}, ("value", "count"))),
            }
        },
        ("facets",),
    ),
    "Ancestry": obj(
        {
            "rootEntityRef": STRING,
            "items": array(obj({"entity": ref("Entity"), "parentEntityRefs": STRINGS}, ("entity", "parentEntityRefs"))),
        },
        ("rootEntityRef", "items"),
    ),
    "Location": obj(
        {"id": STRING, "type": STRING, "target": STRING, "entityRef": STRING}, ("id", "type", "target", "entityRef")
    ),
    "LocationList": array(obj({"data": ref("Location")}, ("data",))),
    "CreatedLocation": obj(
        {"location": ref("Location"), "entities": array(ref("Entity")), "exists": {"type": "boolean"}},
        ("location", "entities"),
    ),
    "LocationPage": obj(
        {"items": array(ref("Location")), "totalItems": INTEGER, "pageInfo": ref("PageInfo")},
        ("items", "totalItems", "pageInfo"),
    ),
    "Analysis": obj(
        {"existingEntityFiles": array({"type": "object"}), "generateEntities": array({"type": "object"})},
        ("existingEntityFiles", "generateEntities"),
    ),
    "ValidationErrors": obj(
        {"errors": array(obj({"name": STRING, "message": STRING}, ("name", "message")))}, ("errors",)
    ),
    "Unprocessed": obj({"type": STRING, "entities": array({"type": "object"})}, ("type", "entities")),
    "Finding": _FINDING,
    "FindingPage": obj(
        {"items": array(ref("Finding")), "totalItems": INTEGER, "nextOffset": INTEGER}, ("items", "totalItems")
    ),
    "History": obj(
        {
            "items": array(
                obj(
                    {
                        "id": INTEGER,
                        "ref": STRING,
                        "at": {"type": "string", "format": "date-time"},
                        "change": STRING,
                        "source": STRING,
                        "actor": STRING,
                        "diff": array({"type": "object"}),
                    },
                    ("id", "ref", "at", "change", "source", "actor", "diff"),
                )
            ),
            "nextBefore": INTEGER,
        },
        ("items",),
    ),
    "Resolved": obj(
        {
            "entityRef": STRING,
            "alias": obj({"ref": STRING, "reason": STRING, "note": STRING, "at": STRING, "by": STRING}),
        },
        ("entityRef",),
    ),
    "Graph": obj(
        {
            "root": STRING,
            "to": STRING,
            "nodes": array(
                obj(
                    {
                        "ref": STRING,
                        "kind": STRING,
                        "title": STRING,
                        "type": STRING,
                        "distance": INTEGER,
                        "layer": INTEGER,
                        "folded": INTEGER,
                    },
                    ("ref", "distance", "layer"),
                )
            ),
            "edges": array(
                obj(
                    {"source": STRING, "type": STRING, "target": STRING, "count": INTEGER},
                    ("source", "type", "target", "count"),
                )
            ),
            "relations": STRINGS,
            "omitted": INTEGER,
            "omittedEdges": INTEGER,
            "path": {"type": ["array", "null"], "items": STRING},
            "note": STRING,
        },
        ("root", "nodes", "edges", "relations", "omitted", "omittedEdges"),
    ),
    "DefinitionVersions": obj(
        {
            "items": array(
                obj(
                    {
                        "id": INTEGER,
                        "until": {"type": "string", "format": "date-time"},
                        "actor": STRING,
                        "characters": INTEGER,
                    },
                    ("id", "until", "actor", "characters"),
                )
            )
        },
        ("items",),
    ),
    "DefinitionDiff": obj(
        {
            "from": STRING,
            "to": STRING,
            "fromVersion": INTEGER,
            "toVersion": INTEGER,
            "format": {"type": "string", "enum": ["openapi", "asyncapi", "graphql", "proto"]},
            "breaking": INTEGER,
            "risky": INTEGER,
            "safe": INTEGER,
            "untold": INTEGER,
            "isWhole": {"type": "boolean"},
            "changes": array(
                obj(
                    {
                        "level": {"type": "string", "enum": ["breaking", "risky", "safe"]},
                        "sort": {"type": "string", "enum": ["added", "removed", "changed"]},
                        "rule": STRING,
                        "subject": STRING,
                        "place": STRING,
                        "before": STRING,
                        "after": STRING,
                        "message": STRING,
                    },
                    ("level", "sort", "rule", "subject", "message"),
                )
            ),
        },
        ("from", "to", "format", "breaking", "risky", "safe", "untold", "isWhole", "changes"),
    ),
    "Why": obj(
        {
            "asked": STRING,
            "kind": {"type": "string", "enum": ["ref", "location"]},
            "subjects": array({"type": "object"}),
            "suggestions": STRINGS,
        },
        ("asked", "kind", "subjects", "suggestions"),
    ),
}

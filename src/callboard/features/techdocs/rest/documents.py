"""What the OpenAPI document says of the routes."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

_TEXT = {"type": "string"}
METADATA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "site_name": _TEXT,
        "site_description": _TEXT,
        "build_timestamp": {"type": "integer", "description": "Milliseconds since 1970."},
        "files": {"type": "array", "items": _TEXT},
        "etag": _TEXT,
    },
}
ENTITY: Mapping[str, Any] = {"type": "object", "properties": {"locationMetadata": {"type": "object"}}}
PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "code": _TEXT,
        "message": _TEXT,
        "file": _TEXT,
        "line": {"type": ["integer", "null"]},
        "isError": {"type": "boolean"},
    },
}
TRIPLET: Sequence[Mapping[str, Any]] = tuple(
    {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in ("namespace", "kind", "name")
)


def operation(
    summary: str, schema: Mapping[str, Any] | None, *, media: str = "application/json", path: bool = False, triplet: bool = True,
    query: Sequence[str] = (),
) -> Mapping[str, Any]:  # fmt: skip
    parameters: list[Mapping[str, Any]] = [*TRIPLET] if triplet else []
    if path:
        parameters.append({"name": "path", "in": "path", "required": True, "schema": _TEXT})
    parameters += [{"name": name, "in": "query", "schema": _TEXT} for name in query]
    content = {media: {"schema": schema or {}}}
    responses: dict[str, Any] = {"200": {"description": summary, "content": content}}
    for status in ("400", "404"):
        responses[status] = {"description": "See the error."}
    return {"summary": summary, "parameters": parameters, "responses": responses}

"""The OpenAPI 3.1 document of ``/api/catalog``, made from the table of routes and the schemas."""

from __future__ import annotations

import functools
import re
from typing import Any, Iterable

from callboard import __version__
from callboard.features.catalog.rest import schemas
from callboard.features.catalog.rest.calls import PREFIX
from callboard.features.catalog.rest.endpoints import Endpoint
from callboard.features.catalog.rest.parameters import Parameter

_MEANINGS = {
    200: "Success.",
    201: "Registered, or what a dry run found.",
    204: "Done.",
    400: "The request cannot be used; the message says why.",
    401: "No credentials, or ones that do not hold.",
    403: "Known, but may not.",
    404: "Nothing by that name is visible to the caller.",
    409: "It clashes with what is there.",
    413: "The body is over 100 kB.",
    415: "The body is not JSON.",
    503: "Something outside does not answer.",
}


def openapi_document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The document served at ``/api/catalog/openapi.json``; paths are relative to the server ``/api/catalog``."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "catalog",
            "version": __version__,
            "description": "The software catalog: Backstage's wire, and Callboard's own routes under `/v1`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.COMPONENTS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def operation(endpoint: Endpoint) -> dict[str, Any]:
    """One operation object. References point at ``#/components/schemas``."""
    names = re.findall(r"{(\w+)}", endpoint.path)
    out: dict[str, Any] = {
        "operationId": endpoint.id,
        "summary": endpoint.summary,
        "tags": ["Catalog"],
        "parameters": [*(_path_parameter(name) for name in names), *(_query_parameter(p) for p in endpoint.parameters)],
        "responses": _responses(endpoint),
    }
    if endpoint.body is not None:
        shown = {key: value for key, value in endpoint.body.items() if not key.startswith("x-")}
        if endpoint.body.get("x-strict"):
            shown["additionalProperties"] = False
        out["requestBody"] = {"required": True, "content": {"application/json": {"schema": shown}}}
    return out


def inline(value: Any) -> Any:
    """``value`` without references, for documents that have no components of ours. What stands in several places is shared."""
    if isinstance(value, dict):
        name = value.get("$ref")
        if name is not None:
            return _inlined(name.rpartition("/")[2])
        return {key: inline(child) for key, child in value.items()}
    return [inline(child) for child in value] if isinstance(value, list) else value


@functools.cache
def _inlined(component: str) -> Any:
    return inline(schemas.COMPONENTS[component])


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    one: dict[str, Any] = {"type": parameter.type}
    if parameter.type == "string":
        one["minLength"] = 1
    if parameter.minimum is not None:
        one["minimum"] = parameter.minimum
    if parameter.enum:
        one["enum"] = list(parameter.enum)
    shown = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": {"type": "array", "items": one, "minItems": 1} if parameter.many else one,
    }
    if parameter.many:
        shown |= {"style": "form", "explode": True}
    return shown


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    answers: dict[int, str | None] = dict(endpoint.answers or {})
    problem = "Problem" if endpoint.is_own else "Error"
    answers.setdefault(401, problem)
    if endpoint.body is not None:
        answers |= {413: problem, 415: problem}
    out: dict[str, Any] = {}
    for status, name in sorted(answers.items()):
        out[str(status)] = {"description": _MEANINGS[status]}
        if name == "ValidationErrors":
            either = {"anyOf": [schemas.ref(name), schemas.ref("Error")]}
            out[str(status)]["content"] = {"application/json": {"schema": either}}
        elif name is not None:
            own_error = name == "Problem"
            media = (
                ("application/problem+json",)
                if own_error
                else endpoint.media
                if status == 200
                else ("application/json",)
            )
            out[str(status)]["content"] = {
                kind: {"schema": schemas.ref(name) if kind != "text/csv" else schemas.STRING} for kind in media
            }
    return out

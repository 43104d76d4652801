"""The OpenAPI document of the catalog."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from callboard.features.catalog.rest.endpoints import catalog_endpoints
from callboard.features.catalog.rest.openapi import inline, openapi_document
from callboard.features.catalog.rest.schemas import COMPONENTS
from callboard.testing.catalog import FakeCatalog

pytestmark = pytest.mark.anyio


async def test_document_is_served_and_names_every_route(wire: Any) -> None:
    """Every endpoint of the table, under the server's path."""
    document = (await wire.get("/openapi.json")).json
    assert (document["openapi"], document["servers"]) == ("3.1.0", [{"url": "/api/catalog"}])
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    table = catalog_endpoints(FakeCatalog(), FakeCatalog())
    assert described == {(endpoint.method, endpoint.path) for endpoint in table}
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


def test_references_lead_somewhere() -> None:
    """Inlining finds every component; each schema is a schema."""
    document = openapi_document(catalog_endpoints(FakeCatalog(), FakeCatalog()))
    assert "$ref" not in repr(inline(document["paths"]))
    for schema in COMPONENTS.values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **inline(schema)})


async def test_answers_fit_their_schemas(wire: Any) -> None:
    """A real answer of each read validates against what the document promises."""
    document = (await wire.get("/openapi.json")).json
    asked = {
        "/entities": "/entities",
        "/entities/by-query": "/entities/by-query?limit=1&orderField=metadata.name",
        "/entity-facets": "/entity-facets?facet=kind",
        "/entities/by-name/{kind}/{namespace}/{name}": "/entities/by-name/user/default/ada",
        "/entities/by-name/{kind}/{namespace}/{name}/ancestry": "/entities/by-name/user/default/ada/ancestry",
        "/locations": "/locations",
        "/v1/why": "/v1/why?asked=user:default/ada",
        "/v1/history": "/v1/history?ref=user:default/ada",
        "/v1/findings": "/v1/findings",
        "/v1/export": "/v1/export",
        "/v1/graph": "/v1/graph?root=component:service-0&relation=all&to=group:payments",
    }
    for path, target in asked.items():
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema_rs.validate(inline(schema), (await wire.get(target)).json)

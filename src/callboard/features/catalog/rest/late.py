"""What stands before the routes: the fast way in, and the document. All that they need is loaded when somebody first asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Sequence

from callboard.kernel.web.routing import RawHandler, RawRoute, Receive, Route, Scope, Send

if TYPE_CHECKING:
    from callboard.features.catalog.interface import CatalogQueries
    from callboard.kernel.web.request import Request
    from callboard.kernel.web.responses import Json

_PREFIX = "/api/catalog/ent"


def fast_route(queries: CatalogQueries) -> RawRoute:
    """The raw route for the web layer."""
    made: RawHandler | None = None

    async def answer(scope: Scope, receive: Receive, send: Send) -> int | bool:
        nonlocal made
        if made is None:
            from callboard.features.catalog.rest.fast import FastReads
            from callboard.features.catalog.rest.reads import EntityReads

            made = FastReads(EntityReads(queries))
        return await made(scope, receive, send)

    return RawRoute(_PREFIX, answer)


def document_route(make_endpoints: Callable[[], Sequence[Any]]) -> Route:
    """The OpenAPI document, Backstage's in form. The kernel would tell one of its own for a catalog without this route."""

    async def document(request: Request) -> Json:
        from callboard.features.catalog.rest.openapi import openapi_document
        from callboard.kernel.web.responses import Json

        return Json(openapi_document(make_endpoints()))

    return Route("/api/catalog/openapi.json", document, auth="public")

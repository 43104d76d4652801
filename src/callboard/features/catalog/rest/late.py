"""The fast way in, which stands before the routes; all that it needs is loaded when somebody first comes by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callboard.kernel.web.routing import RawHandler, RawRoute, Receive, Scope, Send

if TYPE_CHECKING:
    from callboard.features.catalog.interface import CatalogQueries

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

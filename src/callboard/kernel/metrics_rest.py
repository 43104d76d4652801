"""``GET /metrics``: what Prometheus scrapes. Open like the health probes; nothing in it names an entity or a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from callboard.kernel.metrics import TEXT_TYPE, Metrics
from callboard.kernel.web.routing import Route

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request


def metrics_route(metrics: Metrics) -> Route:
    """The route that shows ``metrics``."""

    async def show(request: Request) -> Response:
        return Response(metrics.format_text(), headers={"content-type": TEXT_TYPE, "cache-control": "no-store"})

    operation = {"summary": "Metrics in Prometheus' text form", "responses": {"200": {"description": "The metrics."}}}
    return Route("/metrics", show, auth="public", name="metrics", openapi=operation)

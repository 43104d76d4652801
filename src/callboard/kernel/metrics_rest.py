"""``GET /metrics``: what Prometheus scrapes. Open like the health probes; nothing in it names an entity or a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Awaitable, Callable, Sequence

from starlette.responses import Response

from callboard.kernel.errors import CallboardError
from callboard.kernel.logs import get_logger
from callboard.kernel.metrics import TEXT_TYPE, Metrics
from callboard.kernel.web.routing import Route

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

log = get_logger(__name__)


def metrics_route(metrics: Metrics, readers: Sequence[Callable[[], Awaitable[None]]] = ()) -> Route:
    """The route that shows ``metrics``, after ``readers`` have brought theirs up to date.

    A reader that fails leaves what it wrote before: during an outage of the database the other figures count most.
    """
    failing: set[int] = set()

    async def show(request: Request) -> Response:
        for number, read in enumerate(readers):
            try:
                await read()
                failing.discard(number)
            except CallboardError as error:
                if number not in failing:
                    log.warning("metrics cannot be read", error=str(error))
                failing.add(number)
        return Response(metrics.format_text(), headers={"content-type": TEXT_TYPE, "cache-control": "no-store"})

    operation = {"summary": "Metrics in Prometheus' text form", "responses": {"200": {"description": "The metrics."}}}
    return Route("/metrics", show, auth="public", name="metrics", openapi=operation)

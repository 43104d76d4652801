"""What the plugin of importing registers for people: routes of the pages."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.importing.interface import ImportService
from callboard.features.importing.views.routes import ImportViews
from callboard.kernel.web.routing import Route
from callboard.ui.messages import Messages


def page_routes(portal: Any, *, max_bytes: int) -> Sequence[Route]:
    """The pages; ``max_bytes`` is what an uploaded file may have."""
    return ImportViews(
        portal.service(ImportService),
        portal.service(CatalogQueries),
        clock=portal.clock,
        messages=portal.service(Messages),
        max_bytes=max_bytes,
    ).routes()

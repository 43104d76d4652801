"""What of the events of documentation may be told to whom: those of entities that the listener sees."""

from __future__ import annotations

from callboard.features.catalog.interface import CatalogQueries
from callboard.kernel.auth.actor import Actor
from callboard.kernel.events import Event


class SiteGuard:
    """Of an entity that is gone, nothing is told: whether somebody saw it cannot be told any more."""

    def __init__(self, queries: CatalogQueries) -> None:
        self._queries = queries

    async def show(self, event: Event, actor: Actor) -> Event | None:
        ref = str(event.payload.get("ref") or "")
        return event if await self._queries.find_raw(ref, actor=actor) is not None else None

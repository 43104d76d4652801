"""What of the catalog's events may be told to whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from callboard.features.catalog.service.queries import Queries
from callboard.kernel.auth.actor import Actor
from callboard.kernel.events import Event, EventGuard

CHANGED = "catalog.entities.changed"
_LISTS = ("created", "updated", "failed")


class EntityEvents:
    """Cuts ``catalog.entities.changed`` down to the entities that the listener sees now.

    What was deleted is told only to those from whom nothing is hidden: whether another saw it cannot be told any more.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def guards(self) -> Sequence[EventGuard]:
        return [EventGuard("catalog.*", self.show)]

    async def show(self, event: Event, actor: Actor) -> Event | None:
        if self._queries.is_open_to(actor):
            return event
        if event.topic != CHANGED:
            return None
        refs = [ref for name in _LISTS for ref in event.payload.get(name, ())]
        found = await self._queries.get_many_raw(refs, actor=actor)
        seen = {ref for ref, raw in zip(refs, found, strict=True) if raw is not None}
        lists = {name: [ref for ref in event.payload.get(name, ()) if ref in seen] for name in _LISTS}
        if not any(lists.values()):
            return None
        lists["deleted"] = []
        counts = {name: len(refs) for name, refs in lists.items()}
        return replace(event, payload={**event.payload, **lists, "counts": counts})

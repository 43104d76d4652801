"""How far the index is: what collators know beside what is in it, for pages and programs that would else say "nothing found"."""

from __future__ import annotations

import time
from typing import Callable, Mapping

from callboard.features.search.indexing import BULK_JOB, INDEX_JOB
from callboard.features.search.interface import (
    Collator,
    Extent,
    HasExtent,
    IndexPart,
    IndexState,
    Visibility,
)
from callboard.features.search.store import documents
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.clock import parse_time_if
from callboard.kernel.db.interface import Database
from callboard.kernel.jobs import Jobs
from callboard.ui.messages import Translator

LOOK_AGAIN_S = 0.5
SHARE = 100
"""Looking takes at most one part in so many of the time."""


class IndexProgress:
    """Implements ``interface.Indexing``. A state is kept for a moment: it is asked for with every search."""

    def __init__(
        self, db: Database, jobs: Jobs, *, collators: Callable[[], Mapping[str, Collator]],
        visibility: Callable[[], Visibility | None],
    ) -> None:  # fmt: skip
        self._db = db
        self._jobs = jobs
        self._collators = collators
        self._visibility = visibility
        self._kept: tuple[float, IndexState] | None = None

    async def state(self) -> IndexState:
        began = time.monotonic()
        if self._kept is not None and began < self._kept[0]:
            return self._kept[1]
        found = await self._look()
        now = time.monotonic()
        self._kept = now + max(LOOK_AGAIN_S, (now - began) * SHARE), found
        return found

    async def told(self, actor: Actor) -> IndexState | None:
        state = await self.state()
        if not state.is_behind:
            return None
        visibility = self._visibility()
        if visibility is not None and len(await visibility.visible(actor)) < len(await visibility.visible(SYSTEM)):
            return IndexState((), True)  # numbers would tell of what is hidden
        return state

    async def sentence(self, actor: Actor, t: Translator) -> str:
        from callboard.features.search.pages.indexing import sentence

        return sentence(await self.told(actor), t)

    async def _look(self) -> IndexState:
        jobs = await self._jobs.count_jobs()
        async with self._db.read(snapshot=False) as tx:
            indexed = await documents.count_scopes(tx)
            is_asked = await documents.is_pending(tx)
            changed = await documents.changed_at(tx)
        parts = []
        for collator in self._collators().values():
            there = indexed.get(collator.type, 0)
            extent = await collator.extent() if isinstance(collator, HasExtent) else Extent(there)
            parts.append(
                IndexPart(collator.type, collator.title, min(there, extent.scopes), extent.scopes, extent.unread)
            )
        is_underway = is_asked or any(
            jobs.get((kind, state), 0) for kind in (INDEX_JOB, BULK_JOB) for state in ("waiting", "running")
        )
        state = IndexState(parts, False, parse_time_if(changed))
        is_behind = (is_underway and state.missing > 0) or any(part.unread for part in parts)
        return IndexState(parts, is_behind, state.changed_at)

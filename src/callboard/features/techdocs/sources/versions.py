"""Branches and tags as menus show them: what is at hand at once, and asked anew in the background when it is old."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Sequence

from callboard.features.techdocs.domain import SitePlan
from callboard.features.techdocs.sources.reading import SiteReader
from callboard.kernel.clock import Clock
from callboard.kernel.errors import CallboardError
from callboard.kernel.logs import get_logger

log = get_logger(__name__)

AGAIN_AFTER_S = 1800.0
MAX_SITES = 1_000
MAX_ASKING = 20


class VersionLists:
    """What each site's repository said last, by the digest of its plan."""

    def __init__(self, clock: Clock, reader: SiteReader) -> None:
        self._clock = clock
        self._reader = reader
        self._known: OrderedDict[str, tuple[float, Sequence[str]]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[None]] = {}

    def at_hand(self, plan: SitePlan) -> Sequence[str]:
        """Names, the default branch first; empty until the repository has told."""
        asked_at, names = self._known.get(plan.digest, (float("-inf"), ()))
        is_due = self._clock.monotonic() - asked_at >= AGAIN_AFTER_S
        if is_due and plan.digest not in self._asking and len(self._asking) < MAX_ASKING:
            task = asyncio.create_task(self._ask(plan, names), name=f"techdocs versions {plan.ref}")
            self._asking[plan.digest] = task
            task.add_done_callback(lambda _: self._asking.pop(plan.digest, None))
        return names

    async def list(self, plan: SitePlan) -> Sequence[str]:
        """Asked now. Raises as readers do."""
        names = await self._reader.list_versions(plan)
        self._note(plan, names)
        return names

    async def settle(self) -> None:
        """Until all that was asked is answered."""
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def close(self) -> None:
        for task in self._asking.values():
            task.cancel()
        await self.settle()

    async def _ask(self, plan: SitePlan, before: Sequence[str]) -> None:
        try:
            await self.list(plan)
        except CallboardError as error:
            log.debug("versions not listed", site=plan.ref, error=error.message)
            self._note(plan, before)

    def _note(self, plan: SitePlan, names: Sequence[str]) -> None:
        self._known[plan.digest] = (self._clock.monotonic(), names)
        self._known.move_to_end(plan.digest)
        if len(self._known) > MAX_SITES:
            self._known.popitem(last=False)

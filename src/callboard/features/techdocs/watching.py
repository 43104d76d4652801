"""Changes of sites on disk, noticed at little cost: those opened lately are looked at every second, thousands of others in turn."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

from callboard.features.techdocs.domain import SitePlan
from callboard.features.techdocs.finding import Plans
from callboard.features.techdocs.keeping import SiteKeeper
from callboard.features.techdocs.sources.folder import FolderLook
from callboard.features.techdocs.sources.reading import Looks, SiteLook, SiteReader, paths_by_mount
from callboard.features.techdocs.store import files, sites
from callboard.features.techdocs.store.sites import SiteRow, VersionRow
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import CallboardError
from callboard.kernel.periodic import Periodic

EVERY_S = 1.0
SHARE = 200
"""Looking takes at most one part in so many of the time of a core."""
CLOSELY_SHARE = 50
"""Where something moved it may take one in so many."""
LIST_EVERY_S = 10.0
ROUND_S = 50
"""Within so many looks every site has its turn."""
AT_LEAST = 100
"""Sites of one look: of fewer all are looked at each time."""
CLOSELY = 50
"""Sites that are listed again at a time."""


@dataclass(slots=True)
class _Watched:
    """A site on disk. ``listed``: the digest of its plan as the list has it. ``look``: the last that saw what was read, or None."""

    listed: str
    plan: SitePlan | None
    look: SiteLook | None = None
    seen: tuple[str, str] | None = None
    """The plan's digest with the signature or what was wrong, of the look before."""


class SiteWatch:
    """Looks at sites on disk, and has changed ones read at once.

    A look is a word of the operating system for each file and folder that was read; only when that differs is a folder listed again.
    """

    def __init__(self, db: Database, plans: Plans, reader: SiteReader, keeper: SiteKeeper) -> None:
        self._db = db
        self._plans = plans
        self._reader = reader
        self._keeper = keeper
        self._looking = Periodic(self.look, lambda _: max(EVERY_S, self._pause_s), name="techdocs file watch")
        self._pause_s = 0.0
        self._list_at = float("-inf")
        self._sites: dict[str, _Watched] = {}
        self._turn: list[str] = []

    async def start(self) -> None:
        await self._looking.start()

    async def stop(self) -> None:
        await self._looking.stop()

    async def look(self) -> int:
        """One look at the sites whose turn it is; how many of them were read again."""
        self._pause_s = 0.0
        await self._list()
        refs = self._take_turn()
        stale = await asyncio.to_thread(self._find_stale, refs)
        changed = 0
        for start in range(0, len(stale), CLOSELY):
            changed += await self._look_closely(stale[start : start + CLOSELY])
        return changed

    # ---- whose turn it is --------------------------------------------------------------------------------------------

    async def _list(self) -> None:
        began = time.monotonic()
        if began < self._list_at:
            return
        async with self._db.read(snapshot=False) as tx:
            listed = await sites.list_plans(tx)
        for ref in self._sites.keys() - listed.keys():
            del self._sites[ref]
        differ = [ref for ref, plan in listed.items() if ref not in self._sites or self._sites[ref].listed != plan]
        for ref, plan in (await self._plans.find_many(differ, actor=SYSTEM) if differ else {}).items():
            is_watched = isinstance(plan, SitePlan) and self._reader.is_local(plan)
            self._sites[ref] = _Watched(listed[ref], plan if isinstance(plan, SitePlan) and is_watched else None)
        now = time.monotonic()
        self._list_at = now + max(LIST_EVERY_S, (now - began) * SHARE)

    def _take_turn(self) -> list[str]:
        if not self._turn:
            self._turn = [ref for ref, one in self._sites.items() if one.plan is not None]
        count = max(AT_LEAST, -(-len(self._sites) // ROUND_S))
        taken, self._turn = self._turn[:count], self._turn[count:]
        opened = (ref for ref in self._keeper.opened() if ref in self._sites and self._sites[ref].plan is not None)
        return list(dict.fromkeys((*opened, *(ref for ref in taken if ref in self._sites))))

    def _find_stale(self, refs: Sequence[str]) -> list[str]:
        """Those that were never looked at, and those where something moved; blocks."""
        began = time.thread_time()
        asked: dict[int, bool] = {}  # many sites may lie in one folder

        def is_stale(look: FolderLook) -> bool:
            if id(look) not in asked:
                asked[id(look)] = look.is_stale()
            return asked[id(look)]

        looks = ((ref, self._sites[ref].look) for ref in refs)
        stale = [ref for ref, look in looks if look is None or any(is_stale(one) for one in look.folders)]
        self._pause_s += (time.thread_time() - began) * SHARE
        return stale

    # ---- closely -----------------------------------------------------------------------------------------------------

    async def _look_closely(self, refs: Sequence[str]) -> int:
        async with self._db.read() as tx:
            known = await sites.find_sites(tx, refs)
            rows = await sites.find_versions(tx, refs)
            paths = await files.list_paths(tx, [row.id for row in rows.values()])
        # What was never read, or not as the entity says now, is about to be by a job.
        ready = [
            ref for ref in refs
            if ref in known and (known[ref].failure or (ref in rows and rows[ref].plan == self._plan(ref).digest))
        ]  # fmt: skip
        found = await asyncio.to_thread(self._list_folders, ready, rows, paths)
        changed = 0
        for ref in ready:
            one, row, look = self._sites[ref], rows.get(ref), found[ref]
            state = self._plan(ref).digest, look.signature if isinstance(look, SiteLook) else look
            if one.seen == state or _is_as_read(state, look, known[ref], row):
                one.look = look if isinstance(look, SiteLook) else None
            else:
                one.look = None  # what else belongs to it is known when it was read
                changed += 1
                try:
                    await self._keeper.refresh(self._plan(ref))
                except CallboardError:
                    pass  # the site says why
            one.seen = state
        return changed

    def _plan(self, ref: str) -> SitePlan:
        plan = self._sites[ref].plan
        assert plan is not None
        return plan

    def _list_folders(
        self, refs: Iterable[str], rows: Mapping[str, VersionRow], paths: Mapping[str, Sequence[str]]
    ) -> dict[str, SiteLook | str]:
        """What is there now, or why that cannot be said; blocks."""
        began, looks = time.thread_time(), Looks()
        found: dict[str, SiteLook | str] = {}
        for ref in refs:
            plan, row = self._plan(ref), rows.get(ref)
            known = {} if row is None else paths_by_mount(plan, row.meta, paths.get(row.id, ()))
            try:
                found[ref] = self._reader.look_at_folders(plan, known, looks)
            except CallboardError as error:
                found[ref] = error.message
        self._pause_s += (time.thread_time() - began) * CLOSELY_SHARE
        return found


def _is_as_read(state: tuple[str, str], look: SiteLook | str, site: SiteRow, row: VersionRow | None) -> bool:
    """Whether reading it would give what stands already."""
    if isinstance(look, str):
        return site.failure == look
    if row is None:
        return look.is_empty and site.failure is not None
    return (row.plan, row.revision) == state

"""What the service and the jobs of importing share."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import Any, Awaitable, Callable, Sequence

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.catalog.interface.aliases import CatalogAliases
from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.importing import store
from callboard.features.importing.guesses import Guesses
from callboard.features.importing.interface import ImportNotFound, Table, Workbook
from callboard.features.importing.planner import Planner
from callboard.features.importing.store import ImportRow
from callboard.features.importing.workbooks import Workbooks, table_of
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.jobs import Jobs
from callboard.kernel.permissions import PermissionService
from callboard.model.kinds import KindRegistry

WAIT_STEP_S = 0.25
"""How often the store is asked about work that another replica may do; what is done here is heard of at once."""


class Parts:
    """One portal's. What the catalog offers is asked for when it is first needed: providers of sheets make the catalog
    ask for this feature while it is being built itself.
    """

    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self.db: Database = portal.db
        self.clock: Clock = portal.clock
        self.jobs: Jobs = portal.jobs
        self.audit: Audit = portal.audit
        self.permissions: PermissionService = portal.permissions
        self.workbooks = Workbooks()
        self.guesses = Guesses()
        self.ended: dict[str, asyncio.Event] = {}
        """Imports somebody here waits for; set when a job of theirs has ended in this process."""

    @cached_property
    def queries(self) -> CatalogQueries:
        found: CatalogQueries = self._portal.service(CatalogQueries)
        return found

    @cached_property
    def sources(self) -> CatalogSources:
        found: CatalogSources = self._portal.service(CatalogSources)
        return found

    @cached_property
    def kinds(self) -> KindRegistry:
        found: KindRegistry = self._portal.service(KindRegistry)
        return found

    @cached_property
    def planner(self) -> Planner:
        return Planner(self.db, self.queries, self.sources, self._portal.service(CatalogAliases))

    def now(self) -> str:
        return format_time(self.clock.now())

    def tell_ended(self, id: str) -> None:
        event = self.ended.get(id)
        if event is not None:
            event.set()

    async def wait(self, id: str, is_at_it: Callable[[Transaction], Awaitable[bool]], wait_s: float) -> None:
        """Until the work known as ``id`` is over, or ``wait_s`` have gone."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        event = self.ended.setdefault(id, asyncio.Event())
        try:
            while (left := until - loop.time()) > 0:
                event.clear()
                async with self.db.read(snapshot=False) as tx:
                    if not await is_at_it(tx):
                        return
                try:
                    async with asyncio.timeout(min(left, WAIT_STEP_S)):
                        await event.wait()
                except TimeoutError:
                    pass
        finally:
            self.ended.pop(id, None)

    async def hidden(self, refs: Sequence[str], actor: Actor) -> frozenset[str]:
        """Those of ``refs`` that stand and that ``actor`` may not see."""
        return await self.queries.list_hidden(refs, actor=actor)

    async def load(self, row: ImportRow) -> tuple[Workbook, Table]:
        """The file of an import and the tab that was chosen. Raises ``ImportNotFound`` once the bytes are gone."""
        workbook = await self.load_workbook(row)
        return workbook, table_of(workbook, row.sheet)

    async def require_file(self, row: ImportRow) -> None:
        """Raise ``ImportNotFound`` once the bytes of an import are gone."""
        async with self.db.read() as tx:
            if not await store.list_kept(tx, [row.file_digest]):
                raise _gone(row)

    async def load_workbook(self, row: ImportRow) -> Workbook:
        kept = self.workbooks.find(row.file_digest, row.filename)
        if kept is not None:
            return kept
        async with self.db.read() as tx:
            content = await store.find_file(tx, row.file_digest)
        if content is None:
            raise _gone(row)
        return await self.workbooks.read(content, row.filename)


def _gone(row: ImportRow) -> ImportNotFound:
    return ImportNotFound(f"The file {row.filename} is not kept any more: uploads stay for 7 days. Upload it again.")

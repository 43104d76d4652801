"""What the service and the jobs of importing share."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import Any

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.importing import store
from callboard.features.importing.interface import ImportNotFound, Table, Workbook
from callboard.features.importing.planner import Planner
from callboard.features.importing.store import ImportRow
from callboard.features.importing.workbooks import Workbooks, table_of
from callboard.kernel.audit import Audit
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database
from callboard.kernel.jobs import Jobs
from callboard.kernel.permissions import PermissionService
from callboard.model.kinds import KindRegistry

PLAN_JOB = "importing.plan"
APPLY_JOB = "importing.apply"
SWEEP_JOB = "importing.sweep"


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
        return Planner(self.db, self.queries, self.sources)

    def now(self) -> str:
        return format_time(self.clock.now())

    def tell_ended(self, id: str) -> None:
        event = self.ended.get(id)
        if event is not None:
            event.set()

    async def load(self, row: ImportRow) -> tuple[Workbook, Table]:
        """The file of an import and the tab that was chosen. Raises ``ImportNotFound`` once the bytes are gone."""
        workbook = await self.load_workbook(row)
        return workbook, table_of(workbook, row.sheet)

    async def load_workbook(self, row: ImportRow) -> Workbook:
        kept = self.workbooks.find(row.file_digest, row.filename)
        if kept is not None:
            return kept
        async with self.db.read() as tx:
            content = await store.find_file(tx, row.file_digest)
        if content is None:
            raise ImportNotFound(
                f"The file {row.filename} is not kept any more: uploads stay for 7 days. Upload it again."
            )
        return await self.workbooks.read(content, row.filename)

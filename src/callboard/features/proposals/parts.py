"""What the service and the job of proposals share."""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any, Sequence

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.editing.interface import Editing
from callboard.features.proposals.people import Directory
from callboard.features.proposals.queue import Queue
from callboard.features.proposals.sources.repositories import Repositories
from callboard.kernel.audit import Audit
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database
from callboard.kernel.jobs import Jobs
from callboard.kernel.permissions import PermissionService


class Parts:
    """One portal's."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self.db: Database = portal.db
        self.clock: Clock = portal.clock
        self.jobs: Jobs = portal.jobs
        self.audit: Audit = portal.audit
        self.permissions: PermissionService = portal.permissions
        given = portal.settings.get("proposals.folders", None) or ()
        self.folders: Sequence[str] = [
            os.path.abspath(str(one)) for one in ([given] if isinstance(given, str) else given)
        ]

    @cached_property
    def queries(self) -> CatalogQueries:
        found: CatalogQueries = self._portal.service(CatalogQueries)
        return found

    @cached_property
    def sources(self) -> CatalogSources:
        found: CatalogSources = self._portal.service(CatalogSources)
        return found

    @cached_property
    def editing(self) -> Editing:
        found: Editing = self._portal.service(Editing)
        return found

    @cached_property
    def directory(self) -> Directory:
        return Directory(self.queries)

    @cached_property
    def queue(self) -> Queue:
        return Queue(self.db, self.queries, self.directory)

    @cached_property
    def repositories(self) -> Repositories:
        """Asked for when it is first needed: integrations stand above, and are built later."""
        collect = self._portal.plugins.collect
        return Repositories(
            collect("register_url_readers", portal=self._portal),
            collect("register_repository_listings", portal=self._portal),
        )

    def now(self) -> str:
        return format_time(self.clock.now())

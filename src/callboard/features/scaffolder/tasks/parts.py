"""What the parts of tasks share in one portal."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.scaffolder.interface.updates import RunRecorder
from callboard.features.scaffolder.languages import Extensions
from callboard.features.scaffolder.settings import ScaffolderSettings
from callboard.features.scaffolder.tasks.figures import TaskFigures
from callboard.features.scaffolder.tasks.sealing import Seals
from callboard.features.scaffolder.tasks.snapshots import DatabaseSnapshots, FileSnapshots, Snapshots
from callboard.features.scaffolder.tasks.stream import TaskStream
from callboard.features.scaffolder.tasks.workspaces import Workspaces
from callboard.features.scaffolder.templates import TemplateForms
from callboard.kernel.actions import ActionRegistry
from callboard.kernel.audit import Audit
from callboard.kernel.clock import Clock
from callboard.kernel.db.interface import Database
from callboard.kernel.events import Events
from callboard.kernel.jobs import Jobs
from callboard.kernel.permissions import PermissionService

TOPIC = "scaffolder.task"


class TaskParts:
    """Put together once; nothing is read or written yet."""

    def __init__(
        self, portal: Any, settings: ScaffolderSettings, templates: TemplateForms, extensions: Extensions
    ) -> None:
        self._portal = portal
        self.settings = settings
        self.templates = templates
        self.extensions = extensions
        self.db: Database = portal.db
        self.clock: Clock = portal.clock
        self.jobs: Jobs = portal.jobs
        self.audit: Audit = portal.audit
        self.events: Events = portal.events
        self.permissions: PermissionService = portal.permissions
        data_dir: Path = portal.data_dir
        self.seals = Seals(self.db, data_dir, settings.secrets_key)
        self.workspaces = Workspaces(data_dir, settings.working_directory, settings.limits)
        self.snapshots: Snapshots = (
            FileSnapshots(data_dir / "scaffolder" / "snapshots")
            if self.db.dialect == "sqlite"
            else DatabaseSnapshots(self.db)
        )
        self.stream = TaskStream(self.db)
        self.figures = TaskFigures(portal.metrics, by_template=settings.counts_templates)
        self.recorder: RunRecorder | None = None
        """Told of every run that completes, while its workspace is there. Given by the plugin's wiring."""

    @property
    def actions(self) -> ActionRegistry:
        found: ActionRegistry = self._portal.actions
        return found

    @cached_property
    def queries(self) -> CatalogQueries:
        found: CatalogQueries = self._portal.service(CatalogQueries)
        return found

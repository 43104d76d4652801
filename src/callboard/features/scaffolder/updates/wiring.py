"""What updates add to the scaffolder's plugin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.languages import Extensions
from callboard.features.scaffolder.settings import ScaffolderSettings
from callboard.features.scaffolder.updates.interface import TemplateUpdates
from callboard.features.scaffolder.updates.parts import UpdateParts
from callboard.features.scaffolder.updates.provenance import ANNOTATE_JOB, Provenance
from callboard.features.scaffolder.updates.service import UpdateService
from callboard.features.scaffolder.updates.views import UpdateViews
from callboard.kernel.jobs import JobContext, JobKind, Schedule
from callboard.ui.messages import Messages

LOOK_JOB = "scaffolder.update_look"
LOOK_EVERY = timedelta(hours=1)
PACKAGE = "callboard.features.scaffolder.updates"


class UpdateWiring:
    """The parts of one portal's updates, put together. ``recorder`` is for ``TaskParts.recorder``."""

    def __init__(self, portal: Any, settings: ScaffolderSettings, extensions: Extensions) -> None:
        self._parts = parts = UpdateParts(portal, settings, extensions)
        self.recorder = Provenance(parts)
        self.service = UpdateService(parts)

    def services(self) -> Mapping[type, Any]:
        return {UpdateWiring: self, TemplateUpdates: self.service}

    def kinds(self) -> Sequence[JobKind]:
        async def run(context: JobContext) -> None:
            await self.service.look_at_all()

        return [
            JobKind(LOOK_JOB, run, max_attempts=2),
            JobKind(ANNOTATE_JOB, self.recorder.annotate, max_attempts=8),
        ]

    def schedules(self) -> Sequence[Schedule]:
        """Which versions there are is looked at every hour: how far others are behind is counted in versions that were seen."""
        return [Schedule("scaffolder_update_look", LOOK_EVERY, LOOK_JOB, initial_delay=LOOK_EVERY)]

    def views(self, portal: Any) -> UpdateViews:
        """Pages, tabs and cards."""
        return UpdateViews(self.service, self._parts, portal.service(Messages))

"""What updates add to the scaffolder's plugin."""

from __future__ import annotations

from typing import Any

from callboard.features.scaffolder.languages import Extensions
from callboard.features.scaffolder.settings import ScaffolderSettings
from callboard.features.scaffolder.updates.parts import UpdateParts
from callboard.features.scaffolder.updates.provenance import Provenance
from callboard.features.scaffolder.updates.service import UpdateService
from callboard.features.scaffolder.updates.views import UpdateViews
from callboard.kernel.jobs import JobContext
from callboard.ui.messages import Messages

PACKAGE = "callboard.features.scaffolder.updates"


class UpdateWiring:
    """The parts of one portal's updates, put together. ``recorder`` is for ``TaskParts.recorder``."""

    def __init__(self, portal: Any, settings: ScaffolderSettings, extensions: Extensions) -> None:
        self._parts = parts = UpdateParts(portal, settings, extensions)
        self.recorder = Provenance(parts)
        self.service = UpdateService(parts)

    async def look(self, context: JobContext) -> None:
        """See which versions there are."""
        await self.service.look_at_all()

    def views(self, portal: Any) -> UpdateViews:
        """Pages, tabs and cards."""
        return UpdateViews(self.service, self._parts, portal.service(Messages))

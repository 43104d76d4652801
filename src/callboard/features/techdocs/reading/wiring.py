"""The parts of reading put together, and the views over them."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.features.techdocs.reading.checks import SiteChecks
from callboard.features.techdocs.reading.feedback import FeedbackService
from callboard.features.techdocs.reading.library import Library
from callboard.features.techdocs.reading.visits import Visits


class Reading:
    """What pages need beside the sites themselves. ``parts`` are ``TechDocsParts``. ``portal.service(Reading)`` is for hooks of techdocs."""

    def __init__(self, portal: Any, parts: Any) -> None:
        from callboard.features.catalog.interface import CatalogQueries
        from callboard.features.notifications.interface import Notifications

        self._portal = portal
        self._parts = parts
        self.queries: CatalogQueries = portal.service(CatalogQueries)
        self.visits = Visits(portal.db, portal.clock, parts.plans)
        self.library = Library(portal.db, parts.plans)
        self.checks = SiteChecks(portal.db, portal.clock, portal.jobs, parts.service)
        self.feedback = FeedbackService(
            db=portal.db, clock=portal.clock, docs=parts.service, queries=self.queries, permissions=portal.permissions,
            audit=portal.audit, notifications=portal.find_service(Notifications),
            shares_account=lambda actor: portal.auth.is_guest(actor) and not portal.demo,
        )  # fmt: skip
        self._views: tuple[Any, Any] | None = None

    def views(self) -> tuple[Any, Any]:
        """(reader, library). Made when first asked for: they pull what only pages need."""
        from callboard.features.techdocs.views.base import ReadingParts
        from callboard.features.techdocs.views.library import LibraryViews
        from callboard.features.techdocs.views.reader import ReaderViews
        from callboard.ui.messages import Messages

        if self._views is None:
            portal, parts = self._portal, self._parts
            shared = ReadingParts(
                parts.service, parts, self.queries, portal.service(Messages), self.feedback, self.visits, self.checks, self.library,
                parts.settings, portal.clock, portal,
            )  # fmt: skip
            self._views = ReaderViews(shared), LibraryViews(shared)
        return self._views

    def routes(self) -> Sequence[Any]:
        reader, library = self.views()
        return [*library.routes(), *reader.routes()]

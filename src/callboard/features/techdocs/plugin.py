"""The wiring of documentation: sources, store, rendering, and what others see of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import READ_ENTITY
from callboard.features.techdocs.interface import TechDocs
from callboard.features.techdocs.reading.wiring import Reading
from callboard.features.techdocs.settings import SETTINGS, TechDocsSettings
from callboard.kernel.events import EventGuard
from callboard.kernel.file_history import FileHistory
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.web.routing import LateRoutes
from callboard.kernel.web.shell import NavItem

NAV_ITEMS = (
    NavItem("docs", "techdocs.title", "/docs", "docs", 30, READ_ENTITY, "d"),
    NavItem(
        "docs-problems",
        "techdocs.problems.title",
        "/docs/problems",
        "problems",
        31,
        READ_ENTITY,
        in_rail=False,
        under="docs",
    ),
    NavItem(
        "docs-feedback",
        "techdocs.feedback.title",
        "/docs/feedback",
        "chat",
        32,
        READ_ENTITY,
        in_rail=False,
        under="docs",
    ),
)


class TechDocsParts:
    """The parts of one portal's documentation, put together. ``portal.service(TechDocsParts)`` is for its own hooks."""

    def __init__(self, portal: Any) -> None:
        from callboard.features.catalog.interface import CatalogQueries, UrlReader
        from callboard.features.techdocs.books import Books
        from callboard.features.techdocs.files import StaticFiles
        from callboard.features.techdocs.finding import Plans
        from callboard.features.techdocs.jobs import SiteJobs
        from callboard.features.techdocs.keeping import SiteKeeper
        from callboard.features.techdocs.service import TechDocsService
        from callboard.features.techdocs.sources.authors import Authors
        from callboard.features.techdocs.sources.reading import SiteReader
        from callboard.features.techdocs.sources.versions import VersionLists
        from callboard.features.techdocs.telling import SiteGuard
        from callboard.features.techdocs.watching import SiteWatch
        from callboard.features.techdocs.workers.pool import Workers
        from callboard.kernel.http_client import HttpClient
        from callboard.ui.messages import Messages

        self.settings = settings = TechDocsSettings.of(portal.settings, Path(os.getcwd()))
        queries, readers = portal.service(CatalogQueries), portal.service(UrlReader)
        self.plans = Plans(queries, readers, settings)
        # Who knows histories of folders stands above: it is looked for when it is needed.
        self.reader = SiteReader(readers, settings.limits, LateHistory(portal))
        self.workers = Workers(settings.workers)
        self.books = Books(portal.db, portal.clock, portal.events, self.workers, settings)
        self.versions = VersionLists(portal.clock, self.reader)
        self.authors = Authors(portal.db, portal.clock, self.reader)
        # A client of its own, which may reach the bucket wherever the settings say it is.
        self.s3_http = (
            HttpClient(portal.settings, portal.clock, portal._transport, allow=settings.s3_hosts)
            if settings.s3
            else None
        )
        self.published = published_sites(settings, self.s3_http, portal.clock)
        self.keeper = SiteKeeper(
            portal.db,
            portal.clock,
            portal.events,
            self.reader,
            check_every=settings.check_every,
            versions=settings.versions,
            is_external=settings.is_external,
            published=self.published,
        )
        self.service = TechDocsService(
            db=portal.db, clock=portal.clock, plans=self.plans, keeper=self.keeper, books=self.books, versions=self.versions, authors=self.authors,
            published=self.published, settings=settings, hosts=settings.hosts,
            translator=lambda locale: portal.service(Messages).translator(locale),
        )  # fmt: skip
        self.files = StaticFiles(self.service, self.books, portal.db)
        self.jobs = SiteJobs(
            db=portal.db, clock=portal.clock, events=portal.events, jobs=portal.jobs, plans=self.plans, keeper=self.keeper,
            books=self.books, settings=settings, hosts=settings.hosts,
        )  # fmt: skip
        self.watch: SiteWatch | None = None
        if settings.watch_files and not settings.is_external:
            self.watch = SiteWatch(portal.db, self.plans, self.reader, self.keeper)
        self.guard = SiteGuard(queries)

    async def start(self) -> None:
        if self.watch is not None:
            await self.watch.start()

    async def stop(self) -> None:
        if self.watch is not None:
            await self.watch.stop()
        await self.authors.close()
        await self.versions.close()
        await self.keeper.close()
        await self.books.close()
        await self.workers.close()
        if self.s3_http is not None:
            await self.s3_http.close()


class LateHistory:
    """The ``FileHistory`` that somebody above offers, if anybody does."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal

    async def find_changes(self, folder: str, paths: Sequence[str]) -> Mapping[str, Any]:
        history: FileHistory | None = self._portal.find_service(FileHistory)
        return {} if history is None else await history.find_changes(folder, paths)


def published_sites(settings: TechDocsSettings, http: Any, clock: Any) -> Any:
    """What reads published sites; None where the settings name no store."""
    from callboard.features.techdocs.published.reading import PublishedSites
    from callboard.features.techdocs.published.s3 import S3Store
    from callboard.features.techdocs.published.stores import FolderStore

    if settings.s3 is not None:
        return PublishedSites(S3Store(settings.s3, http, clock), clock, settings)
    if settings.publish_directory is not None:
        return PublishedSites(FolderStore(settings.publish_directory), clock, settings)
    return None


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.techdocs.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_settings() -> Sequence[Any]:
    return [*SETTINGS]


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    parts = TechDocsParts(portal)
    return {TechDocsParts: parts, TechDocs: parts.service, Reading: Reading(portal, parts)}


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.features.techdocs"]


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    return [
        LateRoutes(["/api/techdocs", "/docs-assets"], lambda: _rest_routes(portal)),
        LateRoutes(["/docs", "/catalog"], lambda: portal.service(Reading).routes()),
    ]


def _rest_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.interface import CatalogQueries
    from callboard.features.techdocs.rest.own import TechDocsRoutes
    from callboard.features.techdocs.rest.wire import TechDocsWire

    parts = portal.service(TechDocsParts)
    wire = TechDocsWire(
        parts.service, parts.files, parts.plans, portal.service(CatalogQueries), stopping=portal.stopping,
        keeps_case=parts.settings.keeps_case,
    )  # fmt: skip
    return [*TechDocsRoutes(parts.service).routes(), *wire.routes()]


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.techdocs.actions import techdocs_actions

    return techdocs_actions(portal.service(TechDocs))


@hookimpl
def register_metrics(portal: Any) -> Sequence[Any]:
    from callboard.features.techdocs.figures import TechDocsFigures

    return [TechDocsFigures(portal.metrics, portal.db, portal.clock).read]


@hookimpl(optionalhook=True)
def register_search_collators(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.interface import CatalogQueries
    from callboard.features.techdocs.collating import DocsCollator

    parts = portal.service(TechDocsParts)
    keeper = None if parts.settings.is_external else parts.keeper
    return [DocsCollator(portal.db, parts.books, parts.published, portal.service(CatalogQueries), parts.plans, keeper)]


@hookimpl
def register_jobs(portal: Any) -> Sequence[Any]:
    return [*portal.service(TechDocsParts).jobs.kinds(), *portal.service(Reading).checks.kinds()]


@hookimpl
def register_schedules(portal: Any) -> Sequence[Any]:
    return portal.service(TechDocsParts).jobs.schedules()


@hookimpl
def register_event_handlers(portal: Any) -> Sequence[Any]:
    return [*portal.service(TechDocsParts).jobs.handlers(), *portal.service(Reading).checks.handlers()]


@hookimpl
def register_event_guards(portal: Any) -> Sequence[Any]:
    return [EventGuard("techdocs.*", portal.service(TechDocsParts).guard.show)]


@hookimpl
def register_startup(portal: Any) -> Sequence[Any]:
    return [portal.service(TechDocsParts).start]


@hookimpl
def register_shutdown(portal: Any) -> Sequence[Any]:
    return [portal.service(Reading).visits.close, portal.service(TechDocsParts).stop]


@hookimpl
def register_nav_items(portal: Any) -> Sequence[NavItem]:
    return NAV_ITEMS


@hookimpl
def register_entity_tabs(portal: Any) -> Sequence[Any]:
    return portal.service(Reading).views()[0].tabs()


@hookimpl
def register_entity_cards(portal: Any) -> Sequence[Any]:
    reader, library = portal.service(Reading).views()
    return [library.entity_card(reader.shown())]


@hookimpl
def register_home_cards(portal: Any) -> Sequence[Any]:
    return [portal.service(Reading).views()[1].home_card()]

"""The wiring of the catalog: builds its services, offers everything by the hooks that any plugin has."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.features.catalog.apis.search import OperationSearch
from callboard.features.catalog.apis.service import ApiDefinitions
from callboard.features.catalog.demo import find_example_organisation
from callboard.features.catalog.graph.domain import RelationTypes
from callboard.features.catalog.graph.reader import relation_types
from callboard.features.catalog.ingest.documents import Documents, fingerprint_of_kinds
from callboard.features.catalog.ingest.sources import Sources
from callboard.features.catalog.interface import (
    PERMISSIONS,
    CatalogCommands,
    CatalogHooks,
    CatalogQueries,
    EntityProvider,
    UrlReader,
)
from callboard.features.catalog.interface.aliases import CatalogAliases
from callboard.features.catalog.interface.checks import FileLook, SourceCheckHooks
from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.catalog.interface.lists import EntityLists
from callboard.features.catalog.interface.modelling import MANAGE_KINDS, KindModels
from callboard.features.catalog.interface.overlays import CatalogOverlays
from callboard.features.catalog.interface.personal import VIEW_PERMISSIONS, SavedViews, Stars
from callboard.features.catalog.interface.reasons import OwnershipReasons
from callboard.features.catalog.interface.registering import Registrations
from callboard.features.catalog.interface.states import SourceStates
from callboard.features.catalog.jobs import CatalogJobs, FileWatch, RevisionWatch
from callboard.features.catalog.pages.listing import Lists
from callboard.features.catalog.personal.services import stars_of, visits_of
from callboard.features.catalog.personal.visits import Visits
from callboard.features.catalog.problems import ProblemReader
from callboard.features.catalog.processing.model_settings import NamedLayer, load_layers
from callboard.features.catalog.readers.files import FileReader
from callboard.features.catalog.readers.host import UrlReaders
from callboard.features.catalog.readers.http import HttpReader, read_rules
from callboard.features.catalog.service.aliasing import Aliases
from callboard.features.catalog.service.commands import LOCATION_STORE, Commands
from callboard.features.catalog.service.configured import NAME as CONFIGURED
from callboard.features.catalog.service.configured import ConfiguredLocations
from callboard.features.catalog.service.held import HeldSources
from callboard.features.catalog.service.inspection import Inspection
from callboard.features.catalog.service.locations import LocationReader
from callboard.features.catalog.service.looking import FileLooks
from callboard.features.catalog.service.modelling import DeclaredKinds, ModelWatch
from callboard.features.catalog.service.mutations import Connection, Mutations
from callboard.features.catalog.service.overlays import OverlayLayer, Overlays
from callboard.features.catalog.service.ownership import CatalogOwnership
from callboard.features.catalog.service.problems import Problems
from callboard.features.catalog.service.pushes import Pushes
from callboard.features.catalog.service.queries import Queries
from callboard.features.catalog.service.registering import LocationRegistrations
from callboard.features.catalog.service.rejudging import Rejudging
from callboard.features.catalog.service.resources import EntityResources
from callboard.features.catalog.service.states import States
from callboard.features.catalog.service.telling import EntityEvents
from callboard.features.catalog.service.writing import Writer
from callboard.features.catalog.settings import SETTINGS, CatalogSettings
from callboard.features.catalog.store import sources as source_rows
from callboard.features.catalog.store.index import EntityIndex
from callboard.features.catalog.views.looks import KindLooks
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.auth.ownership import OwnershipResolver
from callboard.kernel.errors import InputError
from callboard.kernel.events import EventHandler
from callboard.kernel.events.inbound import Inbound
from callboard.kernel.plugins.hooks import LateService, hookimpl
from callboard.kernel.web.routing import LateRoutes
from callboard.kernel.wire.permission import ResourceLoader
from callboard.model.kinds import KindError, KindRegistry
from callboard.model.refs import LocationRef
from callboard.model.validation import EntityValidator

PAGES = (
    "/", "/catalog", "/catalog.csv", "/api-docs", "/groups", "/systems", "/home", "/catalog-graph", "/catalog-graph.svg",
    *(f"/api/catalog/v1/{name}" for name in ("find", "palette", "stars", "view-defaults", "views")),
)  # fmt: skip
"""Below these are the catalog's pages, and what they ask for as JSON."""


class Catalog:
    """The parts of one portal's catalog, put together. ``portal.service(Catalog)`` is for the catalog's own hooks."""

    def __init__(self, portal: Any) -> None:
        working_dir = Path(os.getcwd())
        self.settings = CatalogSettings.of(portal.settings, working_dir)
        collect = portal.plugins.collect
        layers = _layers(portal, working_dir)
        self.kinds = KindRegistry.built_in(*(layer.items for layer in layers))
        self.looks_of_kinds = KindLooks(self.kinds)
        self.types = relation_types(self.kinds)
        self.index = EntityIndex(body_bytes=self.settings.body_bytes)
        self.documents = Documents(
            validator=EntityValidator(self.kinds),
            rules=self.settings.rules,
            hosts=self.settings.hosts,
            limits=self.settings.limits,
            processors=collect("register_catalog_processors", portal=portal),
            kinds_version=fingerprint_of_kinds(self.kinds.definitions),
        )
        layer = OverlayLayer(self.documents)
        self.writer = Writer(
            db=portal.db, index=self.index, jobs=portal.jobs, events=portal.events, clock=portal.clock,
            keep_orphans=self.settings.keep_orphans, layer=layer,
        )  # fmt: skip
        readers = [*collect("register_url_readers", portal=portal)]
        readers.append(HttpReader(portal.http, read_rules(portal.settings), portal.http.budgets))
        files = FileReader.from_settings(portal.settings, working_dir)
        self.looks = FileLooks(files)
        self.sources = Sources(files, UrlReaders(readers))
        self.queries = Queries(portal.db, portal.permissions, self.index)
        self.definitions = ApiDefinitions(self.queries)
        self.operations = OperationSearch(self.queries)
        self.mutations = Mutations(self.writer, self.documents)
        self.locations = LocationReader(self.writer, self.documents, self.sources)
        self.inspection = Inspection(portal.db, self.documents, self.sources, portal.permissions)
        self.commands = Commands(
            writer=self.writer,
            queries=self.queries,
            mutations=self.mutations,
            inspection=self.inspection,
            permissions=portal.permissions,
            audit=portal.audit,
            is_readonly=self.settings.is_readonly,
            default_conflict=self.settings.default_conflict,
        )
        self.registrations = LocationRegistrations(
            portal.db, self.queries, self.documents, self.sources, self.inspection, portal.permissions,
            keeps_orphans=self.settings.keep_orphans,
        )  # fmt: skip
        self.models = DeclaredKinds(
            portal.db, kinds=self.kinds, layers=layers, types=self.types, documents=self.documents, queries=self.queries,
            jobs=portal.jobs, permissions=portal.permissions, audit=portal.audit, clock=portal.clock,
            is_readonly=self.settings.is_readonly,
        )  # fmt: skip
        locations = list(self.settings.locations)
        if portal.demo and not locations and (example := find_example_organisation()) is not None:
            locations.append(LocationRef("file", str(example)))
        given: list[EntityProvider] = [ConfiguredLocations(locations)]
        given += collect("register_catalog_providers", portal=portal)
        self.connections = {
            provider.name: (provider, Connection(self.mutations, provider.name, self.commands.refresh_keys))
            for provider in given
            if provider.name not in self.settings.disabled_providers
        }
        self.jobs = CatalogJobs(
            self.writer, self.locations, self.connections, sweep_every=self.settings.sweep_every,
            restore_locations=self.commands.restore_locations,
        )  # fmt: skip
        self.rejudging = Rejudging(self.writer, self.mutations, self.models.ensure_current, self.connections)
        self.held = HeldSources(self.writer, self.mutations, self.connections, is_readonly=self.settings.is_readonly)
        self.states = States(
            db=portal.db, jobs=portal.jobs, permissions=portal.permissions, audit=portal.audit,
            providers={name: provider for name, (provider, _) in self.connections.items()},
        )  # fmt: skip
        self.overlays = Overlays(self.writer, layer)
        self.aliases = Aliases(self.writer, self.queries)
        self.pushes = Pushes(
            writer=self.writer, documents=self.documents, commands=self.commands, hosts=self.settings.hosts,
            providers={name: provider for name, (provider, _) in self.connections.items()},
        )  # fmt: skip
        self.problems = Problems(portal.db, self.queries, self.index)
        self.resources = EntityResources(self.queries)
        self.events = EntityEvents(self.queries)
        self.ownership = CatalogOwnership(self.queries, self.index, self.settings.reach)
        self._watches: list[FileWatch | RevisionWatch | ModelWatch] = [
            RevisionWatch(self.writer, every_s=1.0),
            ModelWatch(portal.db, self.models),
        ]
        if self.settings.watch_files:
            self._watches.append(FileWatch(self.writer))

    async def start(self) -> None:
        """Offer the configured locations at once; everything slow is left to jobs."""
        await self.models.ensure_current()  # before anything is judged
        async with self.writer.db.read() as tx:
            known = await source_rows.list_sources(tx)
            self.index.heard(await tx.fetch_value("SELECT revision FROM catalog_revision WHERE id = 1"))
        if not self.settings.keep_orphaned_providers:
            for source in known:
                if source["name"] not in self.connections and source["name"] != LOCATION_STORE and not source["held"]:
                    await self.mutations.remove_source(source["name"], actor=SYSTEM.subject)
        if CONFIGURED in self.connections:  # it can be switched off as any provider
            provider, connection = self.connections[CONFIGURED]
            await provider.run(connection)
        await self.commands.restore_locations()
        async with self.writer.db.write() as tx:
            await self.writer.jobs.enqueue(tx, "catalog.sweep", {}, key="sweep")
            for name in self.connections:
                if name != CONFIGURED:
                    await self.writer.ask.run_provider(tx, name)
        for watch in self._watches:
            await watch.start()

    async def stop(self) -> None:
        for watch in self._watches:
            await watch.stop()


def _layers(portal: Any, working_dir: Path) -> Sequence[NamedLayer]:
    try:
        given = [list(portal.plugins.collect("register_kinds"))]
        layers = load_layers(portal.settings.get("catalog.model"), working_dir, given)
        KindRegistry.built_in(*(layer.items for layer in layers))
    except KindError as error:
        raise InputError(str(error), field="catalog.model") from error
    return layers


@hookimpl
def register_hookspecs() -> Sequence[type]:
    return [CatalogHooks, SourceCheckHooks]


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.catalog.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_settings() -> Sequence[Any]:
    return [*SETTINGS]


@hookimpl
def register_permissions(portal: Any) -> Sequence[Any]:
    return [*PERMISSIONS, *VIEW_PERMISSIONS, MANAGE_KINDS]


@hookimpl
def register_preferences(portal: Any) -> Sequence[Any]:
    return [portal.service(Visits).preference()]


@hookimpl
def register_permission_rules(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.rules import RULES

    return RULES


@hookimpl
def register_services(portal: Any) -> Mapping[type | str, Any]:
    from callboard.features.catalog.personal.people import Keeping
    from callboard.features.catalog.personal.saved_views import ViewShelf

    catalog = Catalog(portal)
    return {
        Catalog: catalog,
        CatalogQueries: catalog.queries,
        CatalogCommands: catalog.commands,
        ApiDefinitions: catalog.definitions,
        OperationSearch: catalog.operations,
        "callboard.features.catalog.explore.reader.ExploreReader": LateService(lambda: _explore(catalog)),
        CatalogSources: catalog.held,
        SourceStates: catalog.states,
        CatalogOverlays: catalog.overlays,
        CatalogAliases: catalog.aliases,
        FileLook: catalog.looks,
        Registrations: catalog.registrations,
        UrlReader: catalog.sources.urls,
        ProblemReader: catalog.problems,
        KindRegistry: catalog.kinds,
        KindModels: catalog.models,
        RelationTypes: catalog.types,
        EntityLists: Lists(),
        OwnershipResolver: catalog.ownership,
        OwnershipReasons: catalog.ownership,
        ResourceLoader: catalog.resources,
        SavedViews: ViewShelf(portal.db, portal.clock, portal.permissions, portal.audit, Keeping(portal)),
        Stars: stars_of(portal, catalog.queries),
        Visits: visits_of(portal),
    }


def _explore(catalog: Catalog) -> Any:
    from callboard.features.catalog.explore.reader import ExploreReader

    return ExploreReader(catalog.queries, catalog.types)


@hookimpl
def register_jobs(portal: Any) -> Sequence[Any]:
    catalog = portal.service(Catalog)
    return [*catalog.jobs.kinds(), *catalog.rejudging.kinds()]


@hookimpl
def register_schedules(portal: Any) -> Sequence[Any]:
    return portal.service(Catalog).jobs.schedules()


@hookimpl
def register_event_handlers(portal: Any) -> Sequence[Any]:
    pushes = portal.service(Catalog).pushes
    topics = Inbound.from_settings(portal.settings).topics
    return [EventHandler(topic, pushes.handle, name=f"catalog.pushes.{topic}") for topic in topics]


@hookimpl
def register_event_guards(portal: Any) -> Sequence[Any]:
    return portal.service(Catalog).events.guards()


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.actions import catalog_actions

    catalog = portal.service(Catalog)
    return catalog_actions(catalog.queries, catalog.commands)


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.rest.late import document_route, fast_route

    catalog = portal.service(Catalog)

    def endpoints() -> Sequence[Any]:
        from callboard.features.catalog.rest.endpoints import catalog_endpoints

        return catalog_endpoints(catalog.queries, catalog.commands, catalog.types, catalog.definitions, catalog.aliases)

    return [
        fast_route(catalog.queries),
        document_route(endpoints),
        LateRoutes(["/api/catalog"], lambda: _rest_routes(portal)),
        LateRoutes(PAGES, lambda: _page_routes(portal)),
    ]


def _rest_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.rest.modelling import model_routes
    from callboard.features.catalog.rest.registering import registration_routes
    from callboard.features.catalog.rest.routes import catalog_routes

    catalog = portal.service(Catalog)
    return [
        *catalog_routes(catalog.queries, catalog.commands, catalog.types, catalog.definitions, catalog.aliases),
        *registration_routes(catalog.registrations),
        *model_routes(catalog.models),
    ]


def _page_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.views.wiring import graph_views, page_routes

    catalog = portal.service(Catalog)
    pages = [*page_routes(portal, catalog.settings.hosts), *graph_views(portal).routes()]
    return catalog.looks_of_kinds.on(pages)


@hookimpl(optionalhook=True)
def register_search_collators(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.finding.collator import EntityCollator

    return [EntityCollator(portal.db)]


@hookimpl(optionalhook=True)
def register_search_visibility(portal: Any) -> Any:
    from callboard.features.catalog.finding.collator import EntityVisibility

    catalog = portal.service(Catalog)
    return EntityVisibility(portal.db, catalog.queries, catalog.index)


@hookimpl
def register_page_context(portal: Any) -> Sequence[Any]:
    return [portal.service(Catalog).looks_of_kinds.frame]


@hookimpl
def register_entity_tabs(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.views.wiring import explore_cards, graph_views

    return [*graph_views(portal).tabs(), *explore_cards(portal).tabs()]


@hookimpl
def register_entity_cards(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.views.wiring import explore_cards, kind_cards

    is_watched = portal.service(Catalog).settings.watch_files
    return [*explore_cards(portal).cards(), *kind_cards(portal, is_watched).cards()]


@hookimpl
def register_nav_items(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.places import NAV_ITEMS

    return NAV_ITEMS


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.features.catalog"]


@hookimpl
def register_metrics(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.figures import CatalogFigures

    catalog = portal.service(Catalog)
    return [CatalogFigures(portal.metrics, portal.db, catalog.index, portal.clock).read]


@hookimpl
def register_startup(portal: Any) -> Sequence[Any]:
    return [portal.service(Catalog).start, portal.service(Visits).start]


@hookimpl
def register_shutdown(portal: Any) -> Sequence[Any]:
    return [portal.service(Catalog).stop, portal.service(OperationSearch).stop, portal.service(Visits).stop]

"""What the catalog's plugin registers for people: routes of the pages, with their tabs and cards."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.features.catalog.apis.search import OperationSearch
from callboard.features.catalog.apis.service import ApiDefinitions
from callboard.features.catalog.apis.views import ApiViews
from callboard.features.catalog.explore.cards import ExploreCards
from callboard.features.catalog.explore.kind_cards import KindCards
from callboard.features.catalog.explore.reader import ExploreReader
from callboard.features.catalog.explore.views import ExploreViews
from callboard.features.catalog.graph.domain import RelationTypes
from callboard.features.catalog.graph.reader import GraphReader
from callboard.features.catalog.graph.views import GraphViews
from callboard.features.catalog.interface import CatalogCommands, CatalogQueries
from callboard.features.catalog.interface.aliases import CatalogAliases
from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.catalog.interface.modelling import KindModels
from callboard.features.catalog.interface.reasons import OwnershipReasons
from callboard.features.catalog.interface.registering import Registrations
from callboard.features.catalog.personal.wiring import all_routes, personal_of
from callboard.features.catalog.problems import ProblemReader
from callboard.features.catalog.views.exporting import ExportViews
from callboard.features.catalog.views.modelling import KindViews
from callboard.features.catalog.views.registering import RegistrationViews
from callboard.features.catalog.views.routes import CatalogViews
from callboard.kernel.web.routing import Route
from callboard.model.kinds import KindRegistry
from callboard.model.urls import Hosts
from callboard.ui.messages import Messages


def graph_views(portal: Any) -> GraphViews:
    """The graph: its pages and its tab."""
    queries = portal.service(CatalogQueries)
    return GraphViews(queries, GraphReader(queries, portal.service(RelationTypes)), portal.service(Messages))


def explore_cards(portal: Any) -> ExploreCards:
    """What the pages of groups, systems and other kinds show beside what every entity has."""
    kinds = portal.service(KindRegistry)
    return ExploreCards(portal.service(ExploreReader), portal.service(ProblemReader), kinds, portal.clock)


def kind_cards(portal: Any, is_watched: bool) -> KindCards:
    """What the pages of resources, APIs and Locations show beside what every entity has."""
    return KindCards(
        portal.service(CatalogQueries), portal.service(ApiDefinitions), portal.service(CatalogCommands), portal.service(CatalogSources),
        portal.service(ProblemReader), db=portal.db, jobs=portal.jobs, clock=portal.clock, is_watched=is_watched,
    )  # fmt: skip


def page_routes(portal: Any, hosts: Hosts) -> Sequence[Route]:
    """The pages, with the tabs and cards that plugins add to entities, and lists as files."""
    queries, definitions = portal.service(CatalogQueries), portal.service(ApiDefinitions)
    personal = personal_of(portal)
    pages = CatalogViews(
        queries,
        portal.service(CatalogCommands),
        portal.service(ProblemReader),
        clock=portal.clock,
        messages=portal.service(Messages),
        kinds=portal.service(KindRegistry),
        tabs=portal.plugins.collect("register_entity_tabs", portal=portal),
        cards=portal.plugins.collect("register_entity_cards", portal=portal),
        actions=portal.plugins.collect("register_entity_actions", portal=portal),
        definitions=definitions,
        personal=personal,
        reasons=portal.find_service(OwnershipReasons),
        aliases=portal.find_service(CatalogAliases),
    )
    apis = ApiViews(queries, definitions, portal.clock, portal.service(Messages))
    explore = ExploreViews(
        portal.service(ExploreReader), portal.service(OperationSearch), portal.clock, portal.service(Messages)
    )
    registering = RegistrationViews(
        portal.service(Registrations), portal.service(CatalogCommands), queries, clock=portal.clock,
        messages=portal.service(Messages),
    )  # fmt: skip
    kinds = KindViews(portal.service(KindModels), queries, clock=portal.clock, messages=portal.service(Messages))
    return [
        *apis.routes(),
        *explore.routes(),
        *pages.routes(),
        *registering.routes(),
        *kinds.routes(),
        *ExportViews(queries, hosts).routes(),
        *all_routes(portal, personal),
    ]

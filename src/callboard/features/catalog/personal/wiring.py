"""What people keep, put together for one portal."""

from __future__ import annotations

from typing import Any

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.catalog.interface.personal import SavedViews, Stars
from callboard.features.catalog.pages.columns import ColumnChoice
from callboard.features.catalog.personal.arrangement import Arrangements
from callboard.features.catalog.personal.people import Keeping
from callboard.features.catalog.personal.rest import PersonalRoutes, personal_routes
from callboard.features.catalog.personal.views import PersonalViews
from callboard.features.catalog.personal.visits import Visits
from callboard.features.catalog.problems import ProblemReader
from callboard.features.catalog.views.home import HomeReader, Personal
from callboard.kernel.user_settings import UserSettings
from callboard.kernel.web.routing import Route
from callboard.model.kinds import KindRegistry
from callboard.ui.messages import Messages


def personal_of(portal: Any) -> Personal:
    """With the cards and columns that plugins registered."""
    collect = portal.plugins.collect
    queries, stars, visits = portal.service(CatalogQueries), portal.service(Stars), portal.service(Visits)
    values = portal.service(UserSettings)
    home = HomeReader(
        queries,
        portal.service(ProblemReader),
        stars,
        visits,
        Arrangements(portal.db, values, portal.audit, Keeping(portal)),
        collect("register_home_cards", portal=portal),
    )
    choice = ColumnChoice(portal.service(KindRegistry).find_definition, collect("register_list_columns", portal=portal))
    return Personal(portal.service(SavedViews), stars, visits, choice, home)


def all_routes(portal: Any, personal: Personal) -> list[Route]:
    """Pages and REST."""
    queries, messages = portal.service(CatalogQueries), portal.service(Messages)
    pages = PersonalViews(
        queries, personal.saved, personal.stars, personal.home, personal.choice, clock=portal.clock, messages=messages
    )
    rest = PersonalRoutes(personal.saved, personal.stars, personal.visits, queries, messages)
    return [*pages.routes(), *personal_routes(rest)]

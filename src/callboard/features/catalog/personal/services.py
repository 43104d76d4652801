"""The services behind what people keep, built for one portal. Light: it is imported whenever a portal starts."""

from __future__ import annotations

from typing import Any

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.catalog.personal.people import Keeping
from callboard.features.catalog.personal.stars import UserStars
from callboard.features.catalog.personal.visits import Visits
from callboard.kernel.user_settings import UserSettings
from callboard.ui.preferences import Preferences


def stars_of(portal: Any, queries: CatalogQueries) -> UserStars:
    return UserStars(portal.db, portal.service(UserSettings), queries, portal.audit, Keeping(portal))


def visits_of(portal: Any) -> Visits:
    return Visits(portal.db, portal.clock, Keeping(portal), portal.service(Preferences))

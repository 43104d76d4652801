"""The wiring of announcements: one service, its REST, actions and pages, and its place on the home page."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.announcements.interface import PERMISSIONS, Announcements
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.web.routing import LateRoutes
from callboard.kernel.web.shell import NavItem

NAV_ITEM = NavItem("announcements", "announcements.title", "/announcements", "announcement", 60)


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.announcements.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_permissions(portal: Any) -> Sequence[Any]:
    return PERMISSIONS


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    from callboard.features.announcements.service import AnnouncementService

    service = AnnouncementService(portal)
    return {Announcements: service, AnnouncementService: service}


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.announcements.actions import announcement_actions

    return announcement_actions(portal.service(Announcements), portal.clock)


@hookimpl
def register_jobs(portal: Any) -> Sequence[Any]:
    from callboard.features.announcements.service import AnnouncementService

    return portal.service(AnnouncementService).job_kinds()


def _views(portal: Any) -> Any:
    from callboard.features.announcements.service import AnnouncementService
    from callboard.features.announcements.views import AnnouncementViews
    from callboard.features.catalog.interface import CatalogQueries
    from callboard.ui.messages import Messages

    queries, messages = portal.find_service(CatalogQueries), portal.service(Messages)
    return AnnouncementViews(portal.service(AnnouncementService), queries, messages)


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    return [
        LateRoutes(["/api/announcements"], lambda: _rest_routes(portal)),
        LateRoutes(["/announcements"], lambda: _views(portal).routes()),
    ]


def _rest_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.announcements.rest import announcement_routes

    return announcement_routes(portal.service(Announcements), portal.clock)


@hookimpl
def register_home_cards(portal: Any) -> Sequence[Any]:
    from callboard.features.catalog.interface import HomeCard

    return [HomeCard("announcements", "announcements.title", _views(portal).home_card, "top", 10)]


@hookimpl
def register_nav_items(portal: Any) -> Sequence[Any]:
    return [NAV_ITEM]


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.features.announcements"]

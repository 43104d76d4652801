"""The wiring of ownership."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import READ_ENTITY
from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.editing.interface import EntityNames
from callboard.features.ownership.gone import Gone
from callboard.features.ownership.handing import Handing
from callboard.features.ownership.interface import OwnershipService
from callboard.features.ownership.jobs import OwnershipJobs
from callboard.features.ownership.merging import Merging
from callboard.features.ownership.naming import Naming
from callboard.features.ownership.parts import Parts
from callboard.features.ownership.reorganising import Reorganising
from callboard.features.ownership.service import Ownership
from callboard.features.ownership.settings import SETTINGS
from callboard.features.ownership.tracking import Tracker
from callboard.kernel.events import EventHandler
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.web.routing import LateRoutes
from callboard.kernel.web.shell import NavItem
from callboard.model.kinds import KindRegistry

NAV_ITEM = NavItem("ownership", "nav.ownership", "/ownership", "ok", 70, READ_ENTITY, "o")
PLACES = tuple(
    NavItem(f"ownership-{id}", f"nav.ownership_{id}", f"/ownership/{id}", icon, 71, READ_ENTITY, in_rail=False)
    for id, icon in (("gone", "user"), ("reorganise", "to"), ("names", "tag"))
)
"""Found in the command palette."""


class OwnershipParts:
    """The parts of one portal's ownership, put together. ``portal.service(OwnershipParts)`` is for its own hooks."""

    def __init__(self, portal: Any) -> None:
        self.parts = Parts(portal)
        self.tracker = Tracker(self.parts)
        self.handing = Handing(self.parts)
        self.service = Ownership(self.parts, self.tracker, self.handing)
        self.gone = Gone(self.parts)
        self.reorganising = Reorganising(self.parts)
        self.merging = Merging(self.parts, portal.service(CatalogSources))
        self.naming = Naming(self.parts, portal.service(KindRegistry), portal.service(EntityNames))
        self.jobs = OwnershipJobs(self.parts, self.tracker)


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.ownership.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_settings() -> Sequence[Any]:
    return [*SETTINGS]


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    ownership = OwnershipParts(portal)
    return {OwnershipParts: ownership, OwnershipService: ownership.service}


@hookimpl
def register_jobs(portal: Any) -> Sequence[Any]:
    return portal.service(OwnershipParts).jobs.kinds()


@hookimpl
def register_schedules(portal: Any) -> Sequence[Any]:
    return portal.service(OwnershipParts).jobs.schedules()


@hookimpl
def register_event_handlers(portal: Any) -> Sequence[Any]:
    ownership = portal.service(OwnershipParts)
    return [
        EventHandler("catalog.entities.changed", ownership.tracker.on_change, name="ownership.catalog"),
        EventHandler("catalog.entities.changed", ownership.naming.on_change, name="ownership.names"),
    ]


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    return [
        LateRoutes(["/api/ownership"], lambda: _rest_routes(portal)),
        LateRoutes(["/catalog", "/ownership"], lambda: _page_routes(portal)),
    ]


def _rest_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.ownership.rest import OwnershipRoutes, ownership_routes

    own = portal.service(OwnershipParts)
    rest = OwnershipRoutes(
        own.service, gone=own.gone, reorganising=own.reorganising, naming=own.naming, merging=own.merging
    )
    return ownership_routes(rest)


def _page_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.ownership.views.changes import ChangeViews
    from callboard.features.ownership.views.lists import ListViews
    from callboard.ui.messages import Messages

    own, messages = portal.service(OwnershipParts), portal.service(Messages)
    lists = ListViews(own.service, own.parts, own.gone, messages)
    changes = ChangeViews(
        own.parts, own.gone, messages, handing=own.handing, reorganising=own.reorganising, naming=own.naming,
        merging=own.merging,
    )  # fmt: skip
    return [*lists.routes(), *changes.routes()]


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.ownership.actions import ownership_actions

    return ownership_actions(portal.service(OwnershipService))


@hookimpl
def register_entity_cards(portal: Any) -> Sequence[Any]:
    cards = _cards(portal)
    return [cards.entity_card(), cards.owned_card()]


@hookimpl
def register_list_columns(portal: Any) -> Sequence[Any]:
    return [_cards(portal).list_column()]


@hookimpl
def register_home_cards(portal: Any) -> Sequence[Any]:
    return [_cards(portal).home_card()]


@hookimpl
def register_entity_actions(portal: Any) -> Sequence[Any]:
    return [_cards(portal).rename_action()]


def _cards(portal: Any) -> Any:
    from callboard.features.ownership.views.cards import Cards
    from callboard.ui.messages import Messages

    own = portal.service(OwnershipParts)
    return Cards(own.service, own.parts, portal.service(Messages))


@hookimpl
def register_nav_items(portal: Any) -> Sequence[Any]:
    return [NAV_ITEM, *PLACES]


@hookimpl
def register_startup(portal: Any) -> Sequence[Any]:
    return [portal.service(OwnershipParts).tracker.ask_for_sync]


@hookimpl
def register_metrics(portal: Any) -> Sequence[Any]:
    from callboard.features.ownership.figures import OwnershipFigures

    return [OwnershipFigures(portal.metrics, portal.service(OwnershipParts).parts).read]


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.features.ownership"]

"""The wiring of editing: one service, its REST, actions and pages, and the button on entities."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import CREATE_ENTITY, CatalogCommands, CatalogQueries, EntityCard
from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.catalog.interface.lists import EntityLists
from callboard.features.catalog.interface.overlays import OVERLAY_ANNOTATION
from callboard.features.editing.bulk.interface import BulkChanges
from callboard.features.editing.bulk.service import Bulk
from callboard.features.editing.interface import Editing, EntityNames
from callboard.features.editing.renaming import EntityNaming
from callboard.features.editing.service import EntityEditing
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.web.routing import LateRoutes
from callboard.kernel.web.shell import NavItem
from callboard.model.predicates import HasKey

NAV_ITEM = NavItem(
    "create-entity", "nav.create_entity", "/create-entity", "create", 40, CREATE_ENTITY, "e", under="create"
)
"""Where templates are, their page leads here."""


@hookimpl
def register_migrations() -> Sequence[Any]:
    from callboard.features.editing.migrations import MIGRATIONS

    return [MIGRATIONS]


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    editing = EntityEditing(portal)
    return {Editing: editing, EntityNames: EntityNaming(portal, editing), BulkChanges: Bulk(portal)}


@hookimpl
def register_jobs(portal: Any) -> Sequence[Any]:
    return portal.service(BulkChanges).kinds()


@hookimpl
def register_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.editing.actions import editing_actions
    from callboard.features.editing.bulk.actions import bulk_actions

    bulk = bulk_actions(portal.service(BulkChanges), portal.service(EntityLists))
    return [*editing_actions(portal.service(Editing)), *bulk]


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    return [
        LateRoutes(["/api/editing"], lambda: _rest_routes(portal)),
        LateRoutes(["/catalog", "/change", "/changes", "/create-entity"], lambda: _page_routes(portal)),
    ]


def _rest_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.editing.rest import editing_routes
    from callboard.features.editing.rest_bulk import bulk_routes
    from callboard.features.editing.rest_suggesting import suggesting_routes
    from callboard.model.kinds import KindRegistry
    from callboard.ui.messages import Messages

    queries, lists = portal.service(CatalogQueries), portal.service(EntityLists)
    return [
        *editing_routes(portal.service(Editing)),
        *bulk_routes(portal.service(BulkChanges), lists),
        *suggesting_routes(queries, portal.service(KindRegistry), portal.service(Messages)),
    ]


def _page_routes(portal: Any) -> Sequence[Any]:
    from callboard.features.editing.views.bulk import BulkViews
    from callboard.features.editing.views.routes import EditingViews
    from callboard.model.kinds import KindRegistry
    from callboard.ui.messages import Messages

    queries, messages = portal.service(CatalogQueries), portal.service(Messages)
    bulk, lists = portal.service(BulkChanges), portal.service(EntityLists)
    return [
        *BulkViews(bulk, queries, lists, clock=portal.clock, messages=messages).routes(),
        *EditingViews(portal.service(Editing), queries, portal.service(KindRegistry), messages).routes(),
        *_decisions(portal).routes(),
    ]


def _decisions(portal: Any) -> Any:
    from callboard.features.editing.views.decisions import DecisionViews
    from callboard.ui.messages import Messages

    queries, commands = portal.service(CatalogQueries), portal.service(CatalogCommands)
    return DecisionViews(portal.service(Editing), queries, commands, portal.service(Messages))


@hookimpl
def register_entity_cards(portal: Any) -> Sequence[Any]:
    shown = HasKey(f"metadata.annotations.{OVERLAY_ANNOTATION}")
    return [EntityCard("overlay", "editing.laid.card", _decisions(portal).card, "side", shown, 60)]


@hookimpl
def register_entity_actions(portal: Any) -> Sequence[Any]:
    from callboard.features.editing.views.button import edit_action
    from callboard.ui.messages import Messages

    return [edit_action(portal.service(Messages), portal.service(CatalogSources), portal.permissions)]


@hookimpl
def register_nav_items(portal: Any) -> Sequence[Any]:
    return [] if portal.settings.get_bool("catalog.readonly", False) else [NAV_ITEM]


@hookimpl
def register_templates() -> Sequence[str]:
    return ["callboard.features.editing"]

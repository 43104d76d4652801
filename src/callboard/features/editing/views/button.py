"""The button in the header of an entity: to the editor."""

from __future__ import annotations

from typing import Any, Mapping

from callboard.features.catalog.interface import UPDATE_ENTITY, EntityAction
from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.editing.pages.editor import entity_href
from callboard.kernel.errors import NotAllowedError
from callboard.kernel.permissions import PermissionService
from callboard.model.predicates import matches
from callboard.model.refs import EntityRef
from callboard.model.terms import terms_of
from callboard.ui.messages import Messages
from callboard.ui.parts import LinkItem


def edit_action(messages: Messages, sources: CatalogSources, permissions: PermissionService) -> EntityAction:
    """For those who may change the entity, whoever gives it. Where it can be edited at its source the catalog's own leads there."""
    try:
        sources.require_writable()
        is_writable = True
    except NotAllowedError:
        is_writable = False

    def offer(entity: Mapping[str, Any], request: Any) -> LinkItem | None:
        if not is_writable:
            return None
        decision = permissions.decide(request.actor, UPDATE_ENTITY)
        if decision.result == "CONDITIONAL" and decision.condition is not None:
            allowed = bool(matches(permissions.compile(decision.condition), terms_of(entity)))
        else:
            allowed = decision.result == "ALLOW"
        if not allowed:
            return None
        title = messages.translator(request.locale)("editing.edit")
        return LinkItem(title, entity_href(str(EntityRef.of(entity)), "edit"), "edit")

    return EntityAction("edit", offer)

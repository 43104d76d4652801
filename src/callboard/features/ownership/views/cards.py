"""What ownership puts on pages of others: the card on entities, the card on the home page, and buttons."""

from __future__ import annotations

from typing import Any, Mapping

from markupsafe import Markup

from callboard.features.catalog.interface import EntityAction, EntityCard, HomeCard
from callboard.features.editing.interface import SOURCE
from callboard.features.ownership.interface import STATES, ListQuery, OwnershipService, Share
from callboard.features.ownership.pages.cards import home_view, standing_view
from callboard.features.ownership.pages.links import entity_href
from callboard.features.ownership.pages.lists import ListState, named_in
from callboard.features.ownership.pages.shares import share_view
from callboard.features.ownership.parts import Parts
from callboard.features.ownership.views.base import own_refs
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages
from callboard.ui.parts import LinkItem

HOME_ROWS = 4
LOCATION = "backstage.io/managed-by-location"


class Cards:
    def __init__(self, service: OwnershipService, parts: Parts, messages: Messages) -> None:
        self._service = service
        self._parts = parts
        self._messages = messages

    def entity_card(self) -> EntityCard:
        shown = has_value("kind", self._parts.kinds)
        return EntityCard("ownership", "ownership.card", self._entity, column="side", shown=shown, rank=20)

    def owner_card(self) -> EntityCard:
        shown = has_value("kind", ["group", "user"])
        return EntityCard("ownership-owner", "ownership.meter", self._owner, column="side", shown=shown, rank=25)

    def home_card(self) -> HomeCard:
        return HomeCard("ownership", "ownership.home", self._home, column="main", rank=10)

    def rename_action(self) -> EntityAction:
        def offer(entity: Mapping[str, Any], request: Any) -> LinkItem | None:
            annotations = entity["metadata"].get("annotations") or {}
            if annotations.get(LOCATION) != SOURCE or not self._parts.may_update(request.actor, entity):
                return None
            href = entity_href(str(EntityRef.of(entity)), "rename")
            return LinkItem(self._messages.translator(request.locale)("ownership.rename.button"), href, "tag")

        return EntityAction("rename", offer)

    async def _entity(self, entity: Any, request: Any) -> Markup | str:
        ref = str(EntityRef.of(entity))
        standing = await self._service.find_standing(ref, actor=request.actor)
        if standing is None:
            return ""
        refs = [f.by for f in standing.fields if f.by is not None and ":" in f.by and f.by.startswith("user:")]
        if standing.handover is not None:
            h = standing.handover
            refs += [one for one in (h.new_owner, h.owner, h.asked_by) if one.startswith(("user:", "group:"))]
        known = await self._parts.look_up(refs, actor=request.actor)
        page = standing_view(standing, known, self._parts.clock.now(), self._messages.translator(request.locale))
        return _rendered(request.render("ownership/card.html", page))

    async def _owner(self, entity: Any, request: Any) -> Markup | str:
        """How much of what a group or person owns is confirmed; nothing for those who own nothing."""
        ref, t = str(EntityRef.of(entity)), self._messages.translator(request.locale)
        counts = {}
        for state in STATES:
            query = ListQuery((ref,), state, limit=0)
            counts[state] = (await self._service.list_items(query, actor=request.actor)).total
        share = Share(**counts)
        if not share.total:
            return ""
        page = share_view(t("ownership.overall"), share, t, href=ListState(who="all", owner=ref).href())
        return _rendered(request.render("ownership/owner_card.html", page))

    async def _home(self, request: Any) -> Markup | None:
        own = own_refs(request)
        if not own:
            return None
        found = await self._service.list_items(ListQuery(own, "open", limit=HOME_ROWS), actor=request.actor)
        offered = await self._service.list_items(ListQuery(own, "offered", limit=HOME_ROWS), actor=request.actor)
        if not found.total and not offered.total:
            return None
        items = [*offered.items, *found.items]
        known = await self._parts.look_up(named_in(items), actor=request.actor)
        t, now = self._messages.translator(request.locale), self._parts.clock.now()
        return _rendered(request.render("ownership/home.html", home_view(found, offered, known, own, now, t)))


def _rendered(response: Any) -> Markup:
    return Markup(bytes(response.body).decode())

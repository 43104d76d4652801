"""What ownership puts on pages of others: the card on entities, the card on the home page, and buttons."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from markupsafe import Markup

from callboard.features.catalog.interface import EntityAction, EntityCard, HomeCard, ListColumn
from callboard.features.editing.interface import SOURCE
from callboard.features.ownership.interface import ListQuery, OwnershipService
from callboard.features.ownership.pages.cards import CellsPage, confirmed_cell, home_view, owned_view, standing_view
from callboard.features.ownership.pages.links import entity_href
from callboard.features.ownership.pages.lists import named_in
from callboard.features.ownership.parts import Parts
from callboard.features.ownership.views.base import own_refs
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages
from callboard.ui.parts import LinkItem

HOME_ROWS = 4
MAX_BELOW = 300
"""Groups below one that its page counts."""
CELL_END = "<!-- cell -->"
LOCATION = "backstage.io/managed-by-location"


class Cards:
    def __init__(self, service: OwnershipService, parts: Parts, messages: Messages) -> None:
        self._service = service
        self._parts = parts
        self._messages = messages

    def entity_card(self) -> EntityCard:
        shown = has_value("kind", self._parts.kinds)
        return EntityCard("ownership", "ownership.card", self._entity, column="side", shown=shown, rank=20)

    def home_card(self) -> HomeCard:
        return HomeCard("ownership", "ownership.home", self._home, column="main", rank=10)

    def owned_card(self) -> EntityCard:
        shown = has_value("kind", ["group", "user"])
        return EntityCard("ownership-owned", "ownership.card", self._owned, column="side", shown=shown, rank=25)

    def list_column(self) -> ListColumn:
        return ListColumn("confirmed", "ownership.card", self._cells)

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

    async def _owned(self, entity: Any, request: Any) -> Markup | str:
        """Of what a group or person owns, and the groups below it, or theirs."""
        ref, actor = str(EntityRef.of(entity)), request.actor
        others = await self._groups_of(entity, request)
        shares = await self._service.list_shares([ref, *others], actor=actor)
        offered = await self._service.list_items(ListQuery((ref,), "offered", limit=0), actor=actor)
        known = {ref: entity, **await self._parts.look_up(others, actor=actor)}
        page = owned_view(ref, shares, offered.total, others, known, self._messages.translator(request.locale))
        if not page.share.total and not page.todo and not page.others:
            return ""
        return _rendered(request.render("ownership/owned.html", page))

    async def _groups_of(self, entity: Mapping[str, Any], request: Any) -> list[str]:
        """The groups below a group, every level of them; the groups that somebody is in."""
        if str(entity["kind"]).lower() == "user":
            return _targets(entity, "memberOf")
        start = str(EntityRef.of(entity))
        found: dict[str, None] = {}
        level = [child for child in _targets(entity, "parentOf") if child != start]
        while level and len(found) < MAX_BELOW:
            found |= dict.fromkeys(level)
            groups = await self._parts.look_up(level, actor=request.actor)
            below = [child for group in groups.values() for child in _targets(group, "parentOf")]
            level = [child for child in dict.fromkeys(below) if child not in found and child != start]
        return list(found)[:MAX_BELOW]

    async def _cells(self, refs: Sequence[str], request: Any) -> Mapping[str, Markup]:
        found = await self._service.list_confirmed(refs, actor=request.actor)
        people = {one.by for one in found.values() if one.by is not None and one.by.startswith("user:")}
        known = await self._parts.look_up(sorted(people), actor=request.actor)
        t, now = self._messages.translator(request.locale), self._parts.clock.now()
        cells = {ref: confirmed_cell(one, known, now, t) for ref, one in found.items()}
        parts = _rendered(request.render("ownership/cell.html", CellsPage(cells))).split(CELL_END)
        return dict(zip(cells, parts, strict=False))

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


def _targets(entity: Mapping[str, Any], type: str) -> list[str]:
    return [str(r["targetRef"]).lower() for r in entity.get("relations") or () if r["type"] == type]

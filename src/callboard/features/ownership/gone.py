"""Entities that have nobody: who might take them, and giving them to somebody, many at once."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import BY_TITLE, EntityQuery, Order
from callboard.features.editing.interface import ChangeResult, FieldChange
from callboard.features.ownership import domain
from callboard.features.ownership.handing import parse_owner
from callboard.features.ownership.interface import Item, Suggestion
from callboard.features.ownership.parts import Parts
from callboard.features.ownership.store import reorganisations
from callboard.features.ownership.suggesting import Clues, Group, Groups, suggest
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.errors import InputError
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef

MAX_GROUPS = 2_000
LOOKED_BACK = 10


class Gone:
    """Suggestions name only what the asker may see."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def list_groups(self, *, actor: Actor) -> list[Group]:
        """The groups that there are, by title."""
        query = EntityQuery(has_value("kind", ["group"]), Order(BY_TITLE), limit=MAX_GROUPS, want_total=False)
        page = await self._parts.queries.list_raw(query, actor=actor)
        groups = []
        for raw in page.items:
            entity = orjson.loads(raw)
            ref = EntityRef.of(entity)
            profile = (entity.get("spec") or {}).get("profile") or {}
            title = entity["metadata"].get("title") or profile.get("displayName") or ref.name
            groups.append(Group(str(ref), str(title)))
        return groups

    async def suggest(
        self, items: Sequence[Item], *, groups: Sequence[Group], actor: Actor
    ) -> dict[str, Sequence[Suggestion]]:
        """By ref. A few questions for the page, and one for each entity: who wrote it last."""
        parts = self._parts
        documents = await parts.look_up([item.ref for item in items], actor=actor)
        around = {ref: _targets(entity, "partOf") for ref, entity in documents.items()}
        places = await parts.look_up([place for found in around.values() for place in found], actor=actor)
        clues = {ref: Clues(domain.owner_of(entity), _annotations(entity)) for ref, entity in documents.items()}
        owners = {one.owner for one in clues.values() if one.owner}
        after, above = await self._after(owners), await self._above(owners)
        for ref, one in clues.items():
            one.around = [(o, p) for p in around[ref] if p in places and (o := domain.owner_of(places[p]))]
            one.after, one.above = after.get(one.owner, ()), above.get(one.owner, ())
            if domain.is_kept_here(documents[ref]):  # nobody writes the others here
                one.editors = await self._editors(ref, actor)
        there = Groups(groups)
        return {ref: suggest(one, there) for ref, one in clues.items()}

    async def _after(self, owners: set[str]) -> dict[str, list[str]]:
        """Where the things of each owner went: by another name, or by a re-organisation."""
        names = await self._parts.names_of_aliases()
        async with self._parts.db.read() as tx:
            moved = await reorganisations.list_successors(tx, sorted(owners))
        found = {owner: [names[owner]] for owner in owners if owner in names}
        for owner, new in moved:
            found.setdefault(owner, []).append(new)
        return found

    async def _above(self, owners: set[str]) -> dict[str, list[str]]:
        """The groups above each owner, of those that are gone from their history."""
        present = await self._parts.look_up(sorted(owners), actor=SYSTEM)
        found = {}
        for owner in owners:
            entity: Any = present.get(owner)
            if entity is None:
                history = await self._parts.queries.history(EntityRef.parse(owner), actor=SYSTEM, limit=1)
                last = next(iter(history[0].diff), {}) if history and history[0].change == "deleted" else {}
                entity = last.get("from") if isinstance(last.get("from"), Mapping) else {}
            found[owner] = _targets(entity, "childOf", "memberOf")
        return found

    async def _editors(self, ref: str, actor: Actor) -> list[tuple[str, str]]:
        """(group, person) of the last who wrote the entity."""
        for entry in await self._parts.queries.history(EntityRef.parse(ref), actor=actor, limit=LOOKED_BACK):
            if domain.is_written_by_person(entry.actor, entry.source):
                person = (await self._parts.look_up([entry.actor], actor=actor)).get(entry.actor)
                return [(group, entry.actor) for group in _targets(person or {}, "memberOf")]
        return []

    # ---- giving them to somebody -------------------------------------------------------------------------------------

    async def preview(self, owners: Mapping[str, str], *, actor: Actor) -> Sequence[ChangeResult]:
        """What ``assign`` would do."""
        return await self._parts.editing.preview_changes(await self._changes(owners, actor), actor=actor)

    async def assign(self, owners: Mapping[str, str], *, note: str = "", actor: Actor) -> Sequence[ChangeResult]:
        """Make ``owners`` (ref to owner) so. What changed meanwhile is a conflict, and stays."""
        return await self._parts.editing.change_fields(await self._changes(owners, actor), actor=actor, why=note)

    async def _changes(self, owners: Mapping[str, str], actor: Actor) -> list[FieldChange]:
        wanted = {ref.lower(): parse_owner(owner) for ref, owner in owners.items()}
        there = await self._parts.look_up(list(wanted.values()), actor=actor)
        for owner in wanted.values():
            if owner not in there:
                raise InputError(f"{owner} is not in the catalog, or you may not see it.", field="owner")
        entities = await self._parts.look_up(list(wanted), actor=actor)
        changes = []
        for ref, owner in wanted.items():
            expected = None
            if ref in entities:
                expected = {domain.OWNER: domain.see(ref, entities[ref], ()).written}
            changes.append(FieldChange(ref, {domain.OWNER: owner}, expected))
        return changes


def _annotations(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    found = entity["metadata"].get("annotations")
    return found if isinstance(found, dict) else {}


def _targets(entity: Mapping[str, Any], *types: str) -> list[str]:
    return [str(r["targetRef"]).lower() for r in entity.get("relations") or () if r["type"] in types]

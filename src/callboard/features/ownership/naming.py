"""Names: renaming with a look at who refers to it, aliases, and entities that look as if they had another name now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Mapping, Sequence

from callboard.features.catalog.interface.aliases import Alias, AliasNotFound, AliasReason, Referrer
from callboard.features.editing.interface import EntityNames, FieldChange
from callboard.features.ownership.parts import Parts
from callboard.features.ownership.store import confirmations, handovers, names
from callboard.features.ownership.store.names import RenameRow
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.clock import format_time
from callboard.kernel.errors import NotAllowedError
from callboard.kernel.events import Event
from callboard.model.fields import find_value, parse_field
from callboard.model.kinds import KindRegistry
from callboard.model.refs import EntityRef, RefError

SHOWN_RENAMES = 100
LOCATION = "backstage.io/managed-by-location"
_SLUGS = (
    "github.com/project-slug",
    "gitlab.com/project-slug",
    "backstage.io/source-location",
    "callboard.dev/source-row",
)


@dataclass(frozen=True, slots=True)
class Reference:
    """One that names the entity. ``way``: its text is rewritten, or the old name goes on leading there, and why."""

    ref: str
    types: Sequence[str]
    way: Literal["rewritten", "alias"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class RenamePlan:
    old: str
    new: str
    references: Sequence[Reference]


class Naming:
    """Renaming belongs to editing; what refers to the old name, and what was known of it, is brought along here."""

    def __init__(self, parts: Parts, kinds: KindRegistry, entity_names: EntityNames) -> None:
        self._parts = parts
        self._kinds = kinds
        self._names = entity_names

    # ---- renaming ----------------------------------------------------------------------------------------------------

    async def plan(self, ref: EntityRef, name: str, *, actor: Actor) -> RenamePlan:
        """Who refers to it, and what would become of that. Raises as ``EntityNames.rename``."""
        new, old = await self._names.check(ref, name, actor=actor), str(ref)
        return RenamePlan(old, new, await self.references(old, new, actor=actor))

    async def references(self, old: str, new: str, *, actor: Actor) -> Sequence[Reference]:
        referrers = [one for one in await self._parts.aliases.list_referrers(old, actor=actor) if one.ref != old]
        changes = await self._changes(referrers, old, new, actor)
        results = {}
        if changes:
            found = await self._parts.editing.preview_changes(list(changes.values()), actor=actor)
            results = {result.ref: result for result in found}
        out = []
        for one in referrers:
            result = results.get(one.ref)
            # Over what a source gives, the alias serves better: an overlay would stand before the list that it says later.
            if result is not None and result.way == "text" and result.outcome in ("changed", "unchanged"):
                out.append(Reference(one.ref, one.types, "rewritten"))
            else:
                out.append(Reference(one.ref, one.types, "alias", "" if result is None else result.message))
        return out

    async def rename(
        self, ref: EntityRef, name: str, *, rewrite: bool = True, note: str = "", actor: Actor
    ) -> RenamePlan:
        """Rename it; with ``rewrite`` what the actor may change is rewritten, too. The alias stays for the rest."""
        parts, old = self._parts, str(ref)
        plan = await self.plan(ref, name, actor=actor)
        await self._names.rename(ref, name, note=note, actor=actor)
        if rewrite:
            referrers = [Referrer(one.ref, one.types) for one in plan.references if one.way == "rewritten"]
            changes = await self._changes(referrers, old, plan.new, actor)
            if changes:
                why = f"{old} is {plan.new} now."
                await parts.editing.change_fields(list(changes.values()), actor=actor, why=why)
        async with parts.db.write() as tx:
            await confirmations.move(tx, old, plan.new)
            await handovers.move(tx, old, plan.new)
            await names.forget_rename(tx, old)
        return plan

    async def _changes(self, referrers: Sequence[Referrer], old: str, new: str, actor: Actor) -> dict[str, FieldChange]:
        """By ref, what makes its document name the new ref in the place of the old one."""
        found = await self._parts.look_up([one.ref for one in referrers], actor=actor)
        changes = {}
        for ref, entity in found.items():
            values: dict[str, Any] = {}
            expected: dict[str, Any] = {}
            for field in self._relation_fields(entity):
                path = ".".join(field.path)
                stands = find_value(entity, parse_field(path))
                after = _renamed(stands, old, new, field.default_kind, entity["metadata"].get("namespace"))
                if after != stands:
                    values[path], expected[path] = after, stands
            if values:
                changes[ref] = FieldChange(ref, values, expected)
        return changes

    def _relation_fields(self, entity: Mapping[str, Any]) -> list[Any]:
        definition = self._kinds.find_definition(str(entity["kind"]))
        if definition is None:
            return []
        fields = {field.path: field for version in definition.versions for field in version.relation_fields}
        return list(fields.values())

    # ---- aliases -----------------------------------------------------------------------------------------------------

    async def list_aliases(self, *, actor: Actor) -> Sequence[Alias]:
        return await self._parts.aliases.list_aliases(actor=actor)

    async def remove_alias(self, old: str, *, actor: Actor) -> None:
        """Raises ``AliasNotFound``, ``NotAllowedError`` for those who may not change the entity, or for a merge that stands."""
        parts, old = self._parts, old.lower()
        alias = await parts.aliases.resolve(old, actor=actor)
        if alias is None:
            raise AliasNotFound(f"{old} is no earlier name of anything that you may see.")
        await parts.require_entities([alias.new], actor=actor, to_update=True)
        if alias.reason == "merged":
            raise NotAllowedError(f"{old} was merged into {alias.new}: take the merge back instead.")
        async with parts.db.write() as tx:
            await parts.aliases.remove(tx, old, actor=actor)
            await self._record(tx, "remove", alias.old, alias.new, actor)

    async def _record(self, tx: Any, what: str, old: str, new: str, actor: Actor) -> None:
        await self._parts.audit.record(
            tx, "ownership-alias", actor=actor, severity="medium", plugin="ownership",
            meta={"actionType": what, "alias": old, "entityRef": new},
        )  # fmt: skip

    # ---- what looks renamed ------------------------------------------------------------------------------------------

    async def on_change(self, event: Event) -> None:
        """``catalog.entities.changed``: what went while one like it came from the same place, at once, may be that one."""
        payload = event.payload
        gone, came = payload["deleted"], payload["created"]
        if not gone or not came:
            return
        parts = self._parts
        found = await parts.look_up([ref.lower() for ref in came], actor=SYSTEM)
        free = dict(found)
        for old in sorted(ref.lower() for ref in gone):
            history = await parts.queries.history(EntityRef.parse(old), actor=SYSTEM, limit=1)
            if not history or history[0].change != "deleted" or await parts.aliases.resolve(old, actor=SYSTEM):
                continue
            was = next(iter(history[0].diff), {}).get("from")
            if not isinstance(was, Mapping) or await parts.look_up([old], actor=SYSTEM):
                continue
            alike = [(likeness(was, entity), ref) for ref, entity in free.items()]
            best = max(alike, default=(0.0, ""))
            if best[0] >= 0.6:
                free.pop(best[1])
                row = RenameRow(old, best[1], _place(was), format_time(parts.clock.now()))
                async with parts.db.write() as tx:
                    await names.note_rename(tx, row)

    async def list_renames(self, *, actor: Actor) -> Sequence[RenameRow]:
        """Those whose new entity the actor sees and may change, while the old name is free."""
        parts = self._parts
        async with parts.db.read() as tx:
            rows = await names.list_renames(tx, SHOWN_RENAMES)
        found = await parts.look_up([row.new for row in rows], actor=actor)
        stand = await parts.look_up([row.old for row in rows], actor=SYSTEM)
        aliases = await parts.names_of_aliases() if rows else {}
        return [
            row for row in rows
            if row.new in found and row.old not in stand and row.old not in aliases and parts.may_update(actor, found[row.new])
        ]  # fmt: skip

    async def take_rename(self, old: str, *, accept: bool, actor: Actor) -> None:
        """Keep the old name as alias, or drop the suggestion. Raises ``AliasNotFound`` when there is none for the actor."""
        parts = self._parts
        row = next((row for row in await self.list_renames(actor=actor) if row.old == old.lower()), None)
        if row is None:
            raise AliasNotFound(f"Nothing suggests that {old} has another name now.")
        reason: AliasReason = "renamed"
        async with parts.db.write() as tx:
            await names.forget_rename(tx, row.old)
            if accept:
                await parts.aliases.put(tx, row.old, row.new, reason=reason, actor=actor)
                await confirmations.move(tx, row.old, row.new)
                await handovers.move(tx, row.old, row.new)
            await self._record(tx, "put" if accept else "dismiss", row.old, row.new, actor)


def likeness(was: Mapping[str, Any], now: Mapping[str, Any]) -> float:
    """How much two documents of one place look like one entity under two names, 0 to 1; of other kinds or places 0."""
    if str(was.get("kind")).lower() != str(now.get("kind")).lower() or _place(was) != _place(now) or not _place(was):
        return 0.0
    if was["metadata"].get("uid") and was["metadata"].get("uid") == now["metadata"].get("uid"):
        return 1.0
    before, after = (_annotations(entity) for entity in (was, now))
    if any(before.get(key) and before.get(key) == after.get(key) for key in _SLUGS):
        return 0.9
    fields = [key for key in {**_spec(was), **_spec(now)} if key != "definition"]
    if not fields:
        return 0.0
    same = sum(_spec(was).get(key) == _spec(now).get(key) for key in fields) / len(fields)
    said = was["metadata"].get("description")
    return same if said is None or said == now["metadata"].get("description") else same * 0.8


def _renamed(value: Any, old: str, new: str, kind: str | None, namespace: str | None) -> Any:
    if isinstance(value, list):
        return [_renamed(one, old, new, kind, namespace) for one in value]
    if not isinstance(value, str):
        return value
    try:
        named = str(EntityRef.parse(value, default_kind=kind, default_namespace=namespace or "default"))
    except RefError:
        return value
    return new if named == old else value


def _place(entity: Mapping[str, Any]) -> str:
    return str(_annotations(entity).get(LOCATION) or "")


def _annotations(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    found = entity["metadata"].get("annotations")
    return found if isinstance(found, dict) else {}


def _spec(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = entity.get("spec")
    return spec if isinstance(spec, dict) else {}

"""Re-organisations: what one group or person owns goes to another, in one go, looked at before and taken back afterwards."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import UPDATE_ENTITY
from callboard.features.catalog.interface.aliases import NameTaken
from callboard.features.editing.interface import ChangeResult, FieldChange
from callboard.features.ownership import domain
from callboard.features.ownership.handing import MAX_NOTE, parse_owner
from callboard.features.ownership.parts import Parts
from callboard.features.ownership.store import entities, handovers, reorganisations
from callboard.features.ownership.store.reorganisations import ReorganisationRow
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.clock import format_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from callboard.model.refs import EntityRef

PARENT, MEMBER_OF = "spec.parent", "spec.memberOf"


class ReorganisationNotFound(NotFoundError):
    """No re-organisation with this id is visible to the caller."""

    code = "ownership.reorganisation_not_found"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be moved. ``refs`` None is everything that the old owner has; groups and people only where asked for.

    ``groups``: child groups get the new one as parent; ``members``: people become members of it; ``handovers``: what is offered to
    the old owner is offered to the new one; ``alias``: the old name leads to the new owner, if nothing has it any more.
    """

    old_owner: str
    new_owner: str
    refs: Sequence[str] | None = None
    groups: bool = False
    members: bool = False
    handovers: bool = True
    alias: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """One entity: the field that changes, and what would become of it. ``title`` is what pages call it."""

    ref: str
    title: str
    field: str
    result: ChangeResult


@dataclass(frozen=True, slots=True)
class Plan:
    """``alias_refused`` says why the old name cannot lead to the new owner; empty when it can, or was not asked for."""

    old_owner: str
    new_owner: str
    moves: Sequence[Move]
    offered: int
    alias_refused: str = ""

    @property
    def count(self) -> int:
        return sum(move.result.outcome == "changed" for move in self.moves)


@dataclass(frozen=True, slots=True)
class Applied:
    """``id`` names it for undoing; empty when nothing was to be changed."""

    id: str
    moves: Sequence[Move]


class Reorganising:
    """Each entity is changed only by those who may change it; the others are told as refused."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def preview(self, wish: Wish, *, actor: Actor) -> Plan:
        old, new = await self._owners(wish, actor)
        changes, titles = await self._changes(wish, old, new, actor)
        results = await self._parts.editing.preview_changes(changes, actor=actor) if changes else ()
        offered = await self._offered(old, actor) if wish.handovers else ()
        refused = await self._alias_refused(old, new, actor) if wish.alias else ""
        return Plan(old, new, _moves(changes, results, titles), len(offered), refused)

    async def apply(self, wish: Wish, *, actor: Actor) -> Applied:
        """What can be changed is, in one transaction; the rest is told. The same again finds nothing left to do."""
        parts = self._parts
        old, new = await self._owners(wish, actor)
        changes, titles = await self._changes(wish, old, new, actor)
        has_alias = wish.alias and not await self._alias_refused(old, new, actor)
        note = wish.note.strip()[:MAX_NOTE]
        why = f"Re-organisation: {old} to {new}." + (f" {note}" if note else "")
        results = await parts.editing.change_fields(changes, actor=actor, why=why) if changes else ()
        moves = _moves(changes, results, titles)
        done = [
            {"ref": m.ref, "before": dict(m.result.before), "after": dict(m.result.after)}
            for m in moves if m.result.outcome == "changed"
        ]  # fmt: skip
        if not done and not has_alias:
            return Applied("", moves)
        offered = await self._offered(old, actor) if wish.handovers else ()
        row = ReorganisationRow(
            uuid.uuid4().hex, old, new, note, done, has_alias, offered, format_time(parts.clock.now()), actor.subject
        )
        async with parts.db.write() as tx:
            await handovers.redirect(tx, row.handovers, row.new_owner)
            if row.has_alias:
                try:
                    await parts.aliases.put(tx, old, new, reason="reorganised", note=row.note, actor=actor)
                except NameTaken:  # since it was looked at; the rest is done, and can be taken back
                    row = replace(row, has_alias=False)
            await reorganisations.insert(tx, row)
            await self._record(tx, "apply", row, actor)
        return Applied(row.id, moves)

    async def _offered(self, owner: str, actor: Actor) -> list[str]:
        """Ids of what is offered to the owner, of entities that the actor may change: others' offers are not theirs to move."""
        async with self._parts.db.read() as tx:
            offers = await handovers.list_offered(tx, [owner])
        found = await self._parts.look_up([offer.ref for offer in offers], actor=actor)
        return [one.id for one in offers if one.ref in found and self._parts.may_update(actor, found[one.ref])]

    async def list_latest(self, *, actor: Actor, limit: int = 20) -> Sequence[ReorganisationRow]:
        """Those of which the actor sees both owners, as far as they are there, with what they see of what was moved."""
        parts = self._parts
        async with parts.db.read() as tx:
            rows = await reorganisations.list_latest(tx, limit)
        names = await parts.names_of_aliases() if rows else {}
        changed = {names.get(change["ref"], change["ref"]) for row in rows for change in row.changes}
        hidden = await parts.list_hidden(sorted(changed), actor=actor)
        out = []
        for row in rows:
            if not await self._sees(row, names, actor):
                continue
            shown = [change for change in row.changes if names.get(change["ref"], change["ref"]) not in hidden]
            if shown or not row.changes:
                out.append(replace(row, changes=shown))
        return out

    async def _sees(self, row: ReorganisationRow, names: Mapping[str, str], actor: Actor) -> bool:
        """Whether the actor sees both owners, as far as they are there; those who do not see everything need the new one to be."""
        parts, new = self._parts, names.get(row.new_owner, row.new_owner)
        if await parts.list_hidden([row.old_owner, new], actor=actor):
            return False
        return parts.sees_everything(actor) or bool(await parts.look_up([new], actor=actor))

    async def undo(self, id: str, *, actor: Actor) -> Sequence[ChangeResult]:
        """Put back what stood before, where nobody changed it since; what was is told as a conflict.

        All of it or nothing: who may not change all that it moved leaves it to those who may. Raises ``ReorganisationNotFound``,
        ``NotAllowedError``, ``ConflictError``.
        """
        parts = self._parts
        async with parts.db.read() as tx:
            row = await reorganisations.find(tx, id)
        names = await parts.names_of_aliases() if row is not None else {}
        if row is None or not await self._sees(row, names, actor):
            raise ReorganisationNotFound("There is no re-organisation with this id that you may see.")
        if row.undone_at is not None:
            raise ConflictError("It was taken back already.")
        if row.has_alias and not await self._may_lead(row.old_owner, row.new_owner, actor):
            raise NotAllowedError(f"You may not change all that {row.old_owner} leads to: it takes somebody who may.")
        changes = [FieldChange(names.get(c["ref"], c["ref"]), c["before"], c["after"]) for c in row.changes]
        await self._require_may_undo(changes, actor)
        why = f"Taken back: re-organisation of {row.old_owner} to {row.new_owner}."
        results = await parts.editing.change_fields(changes, actor=actor, why=why) if changes else ()
        if changes and not any(result.outcome in ("changed", "unchanged") for result in results):
            raise ConflictError(f"None of it can be taken back: {results[0].message or results[0].outcome}")
        async with parts.db.write() as tx:
            if not await reorganisations.note_undone(tx, id, at=format_time(parts.clock.now()), by=actor.subject):
                raise ConflictError("Somebody else took it back meanwhile.")
            if row.has_alias:
                await parts.aliases.remove(tx, row.old_owner, actor=actor)
            await handovers.redirect(tx, row.handovers, row.old_owner)
            await self._record(tx, "undo", row, actor)
        return results

    async def _require_may_undo(self, changes: Sequence[FieldChange], actor: Actor) -> None:
        parts = self._parts
        results = await parts.editing.preview_changes(changes, actor=actor) if changes else ()
        hidden = await parts.list_hidden([change.ref for change in changes], actor=actor)
        if hidden or any(result.outcome == "refused" for result in results):
            raise NotAllowedError(f"You may not change all that this re-organisation moved ({UPDATE_ENTITY.name}).")

    # ---- what it comes to --------------------------------------------------------------------------------------------

    async def _owners(self, wish: Wish, actor: Actor) -> tuple[str, str]:
        old, new = parse_owner(wish.old_owner), parse_owner(wish.new_owner)
        if old == new:
            raise InputError("The old owner and the new one are the same.", field="to")
        if not await self._parts.look_up([new], actor=actor):
            raise InputError(f"{new} is not in the catalog, or you may not see it.", field="to")
        return old, new

    async def _changes(
        self, wish: Wish, old: str, new: str, actor: Actor
    ) -> tuple[list[FieldChange], dict[str, tuple[str, str]]]:
        """The changes, and by ref what each is called and which field of it changes."""
        parts = self._parts
        async with parts.db.read() as tx:
            refs = await entities.list_refs_of(tx, old)
        owned = await parts.look_up(refs, actor=actor)
        changes: list[FieldChange] = []
        titles: dict[str, tuple[str, str]] = {}

        def add(ref: str, entity: Mapping[str, Any], path: str, value: Any, stands: Any) -> None:
            changes.append(FieldChange(ref, {path: value}, {path: stands}))
            titles[ref] = (_title(entity), path)

        for ref, entity in owned.items():
            if domain.owner_of(entity) == old:
                add(ref, entity, domain.OWNER, new, domain.see(ref, entity, ()).written)
        group = (await parts.look_up([old], actor=actor)).get(old, {})
        kind = new.partition(":")[0]
        if wish.groups and kind == "group":
            for ref, entity in (await parts.look_up(_targets(group, "parentOf"), actor=actor)).items():
                if ref != new and (stands := _spec(entity).get("parent")):
                    add(ref, entity, PARENT, new, stands)
        if wish.members and kind == "group" and old.startswith("group:"):
            for ref, entity in (await parts.look_up(_targets(group, "hasMember"), actor=actor)).items():
                before = _spec(entity).get("memberOf")
                if isinstance(before, list):
                    namespace = entity["metadata"].get("namespace")
                    after = [new if _names(one, namespace) == old else one for one in before]
                    if after != before:
                        add(ref, entity, MEMBER_OF, list(dict.fromkeys(after)), before)
        if wish.refs is not None:
            chosen = {ref.lower() for ref in wish.refs}
            changes = [change for change in changes if change.ref in chosen]
        return changes, titles

    async def _alias_refused(self, old: str, new: str, actor: Actor) -> str:
        if old.partition(":")[0] != new.partition(":")[0]:
            return "A person's name cannot lead to a group."
        if await self._parts.look_up([old], actor=actor):
            return f"{old} is still in the catalog. Remove it, then let its name lead to {new}."
        if not await self._may_lead(old, new, actor) or await self._parts.look_up([old], actor=SYSTEM):
            return f"Only somebody who may change {new}, and everything that names {old}, can let the one lead to the other."
        return ""

    async def _may_lead(self, old: str, new: str, actor: Actor) -> bool:
        """An alias makes everything that names the old owner the new one's: so it takes the permission to change all of that."""
        parts = self._parts
        referrers = [one.ref for one in await parts.aliases.list_referrers(old, actor=SYSTEM)]
        wanted = [new, *referrers]
        found = await parts.look_up(wanted, actor=actor)
        return all(ref in found and parts.may_update(actor, found[ref]) for ref in wanted)

    async def _record(self, tx: Transaction, what: str, row: ReorganisationRow, actor: Actor) -> None:
        await self._parts.audit.record(
            tx, "ownership-reorganise", actor=actor, severity="high", plugin="ownership",
            meta={
                "actionType": what, "id": row.id, "oldOwner": row.old_owner, "newOwner": row.new_owner, "note": row.note,
                "entityRefs": [change["ref"] for change in row.changes], "alias": row.has_alias,
            },
        )  # fmt: skip


def _moves(
    changes: Sequence[FieldChange], results: Sequence[ChangeResult], titles: Mapping[str, tuple[str, str]]
) -> list[Move]:
    return [Move(c.ref, *titles[c.ref], result) for c, result in zip(changes, results, strict=True)]


def _names(written: Any, namespace: Any) -> str:
    try:
        return str(EntityRef.parse(written, default_kind="group", default_namespace=namespace or "default"))
    except ValueError:
        return ""


def _title(entity: Mapping[str, Any]) -> str:
    return str(entity["metadata"].get("title") or entity["metadata"]["name"])


def _spec(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = entity.get("spec")
    return spec if isinstance(spec, dict) else {}


def _targets(entity: Mapping[str, Any], type: str) -> list[str]:
    return [str(r["targetRef"]).lower() for r in entity.get("relations") or () if r["type"] == type]

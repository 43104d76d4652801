"""What the portal lays over entities of other sources, and which of them it keeps out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import (
    DELETE_ENTITY,
    READ_ENTITY,
    UPDATE_ENTITY,
    EntityDocument,
    EntityNotFound,
    Finding,
)
from callboard.features.catalog.interface.overlays import Ground, Overlay, OverlayMoved, OverlayWrite
from callboard.features.editing import domain
from callboard.features.editing.interface import (
    EntityOverlay,
    HiddenEntity,
    LaidField,
    Saved,
    TextFinding,
    TextRefused,
)
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.model.fields import differences, find_value, parse_field
from callboard.model.problems import format_field
from callboard.model.refs import EntityRef

if TYPE_CHECKING:
    from callboard.features.editing.service import EntityEditing

MAX_WHY = 500
SCANNED = 500
"""Rows looked at for one page at a time, where an actor may not see all."""


def laid_fields(overlay: Overlay | None, source: EntityDocument | None) -> list[LaidField]:
    return [
        LaidField(one.path, one.value, find_value(source, parse_field(one.path)), one.base, one.by, one.at)
        for one in (sorted(overlay.fields.values(), key=lambda one: one.path) if overlay is not None else ())
    ]


def fields_between(source: EntityDocument, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What to lay over ``source`` for people to read ``wanted``, by path."""
    found = differences(domain.written_part(source), domain.written_part(wanted))
    return {format_field(path): value for path, value in found.items()}


class Overlaying:
    """The part of ``EntityEditing`` that is about entities of other sources."""

    def __init__(self, editing: EntityEditing) -> None:
        self._editing = editing

    async def find_ground(self, tx: Transaction, ref: str) -> Ground | None:
        return (await self._editing.overlays.list_grounds(tx, [ref])).get(ref)

    # ---- fields --------------------------------------------------------------------------------------------------------

    def find_problems(self, ground: Ground, wanted: Mapping[str, Any]) -> Sequence[Finding] | None:
        """What keeps the entity from being read as ``wanted``; None when that is not even told like an entity."""
        if "apiVersion" not in wanted or not isinstance(wanted["metadata"].get("annotations") or {}, dict):
            return None
        return self._editing.overlays.judge(ground.source, fields_between(ground.source, wanted))

    async def save(
        self, ground: Ground, text: str, document: Mapping[str, Any], base_mark: str | None, actor: Actor, why: str = ""
    ) -> Saved:
        """``text`` says ``document``, and is what people want to read; what differs from the source is laid over it."""
        if ground.mark != base_mark:
            raise await self._editing.find_conflict(ground.ref, text, actor)
        try:
            return await self._write(ground, fields_between(ground.source, document), actor, why=why)
        except OverlayMoved:
            raise await self._editing.find_conflict(ground.ref, text, actor) from None

    async def _write(
        self, ground: Ground, fields: Mapping[str, Any], actor: Actor, kept: Sequence[str] = (), why: str = ""
    ) -> Saved:
        editing, ref = self._editing, ground.ref
        overlay = ground.overlay
        standing = {path: one.value for path, one in overlay.fields.items()} if overlay is not None else {}
        if fields == standing and not kept:
            return Saved(ref, ground.mark, "unchanged")
        findings = editing.overlays.judge(ground.source, fields) if fields else ()
        if findings:
            raise TextRefused(
                [TextFinding(domain.plain_message(f.message, f.field), None, None, f.field, f.fix) for f in findings]
            )
        write = OverlayWrite(ref, fields, ground.mark, frozenset(kept))
        async with editing.db.write() as tx:
            await editing.overlays.write(tx, [write], actor=actor.subject)
            now = await self.find_ground(tx, ref)
            touched = sorted({*fields, *standing})
            await editing.record(tx, "overlay", ref, actor, why=why, fields=touched, source=None)
            tx.after_commit(editing.jobs.wake)
        return Saved(ref, now.mark if now is not None else "", "changed")

    async def find(self, ref: EntityRef, actor: Actor) -> EntityOverlay | None:
        name = str(ref)
        raw = await self._editing.queries.find_raw(name, actor=actor)
        async with self._editing.db.read() as tx:
            ground = await self.find_ground(tx, name)
            overlay = (await self._editing.overlays.list_overlays(tx, [name])).get(name)
        if raw is not None and ground is not None:
            may = self._editing.may(actor, UPDATE_ENTITY, orjson.loads(raw))
            return EntityOverlay(
                name, ground.mark, laid_fields(overlay, ground.source),
                overlay.problem if overlay is not None else None, may_update=may,
            )  # fmt: skip
        if overlay is None or not overlay.fields or not overlay.is_dormant or not self._sees(overlay, actor):
            return None
        return self._view(overlay, actor)

    def _view(self, overlay: Overlay, actor: Actor) -> EntityOverlay:
        return EntityOverlay(
            overlay.ref, overlay.mark, laid_fields(overlay, overlay.source), overlay.problem, overlay.is_dormant,
            self._may(overlay, actor, UPDATE_ENTITY),
        )  # fmt: skip

    async def set(
        self, ref: EntityRef, fields: Mapping[str, Any], base_mark: str | None, actor: Actor, kept: Sequence[str]
    ) -> EntityOverlay:
        editing, name = self._editing, str(ref)
        editing.sources.require_writable()
        found = await self.find(ref, actor)
        if found is None:
            raise EntityNotFound(ref)
        if not found.may_update:
            raise NotAllowedError(f"You may not change {ref} ({UPDATE_ENTITY.name}). Its owner may.")
        named = {format_field(parse_field(path)): value for path, value in fields.items()}
        if found.is_dormant:
            await self._change_dormant(found, named, base_mark, actor)
        else:
            async with editing.db.read() as tx:
                ground = await self.find_ground(tx, name)
            if ground is None or base_mark not in (None, ground.mark):
                raise await editing.find_conflict(name, "", actor)
            if named and await editing.is_own(name):
                raise InputError(f"{ref} is the portal's own: change it itself, nothing is laid over it.")
            try:
                await self._write(ground, named, actor, kept)
            except OverlayMoved:
                raise await editing.find_conflict(name, "", actor) from None
        return await self.find(ref, actor) or EntityOverlay(name, "", (), is_dormant=True)

    async def _change_dormant(
        self, found: EntityOverlay, fields: Mapping[str, Any], base_mark: str | None, actor: Actor
    ) -> None:
        """Fields may be taken off what waits; others are laid over an entity that is there."""
        standing = {one.path: one.value for one in found.fields}
        if any(path not in standing or standing[path] != value for path, value in fields.items()):
            raise InputError(f"No source gives {found.ref} now. Fields can be taken off what waits for it, not added.")
        editing = self._editing
        async with editing.db.write() as tx:
            now = (await editing.overlays.list_overlays(tx, [found.ref])).get(found.ref)
            if now is None or base_mark not in (None, now.mark):
                raise await editing.find_conflict(found.ref, "", actor)
            await editing.overlays.write(tx, [OverlayWrite(found.ref, fields)], actor=actor.subject)
            await editing.record(tx, "overlay", found.ref, actor, fields=sorted(standing), source=None)

    async def list_page(self, actor: Actor, after: str, limit: int) -> Sequence[EntityOverlay]:
        return [self._view(overlay, actor) for overlay in await self._list(actor, after, limit, hidden=False)]

    async def _list(self, actor: Actor, after: str, limit: int, *, hidden: bool) -> list[Overlay]:
        """A page of those that the actor may see, however many others stand between them."""
        found: list[Overlay] = []
        while len(found) < limit:
            async with self._editing.db.read() as tx:
                rows = await self._editing.overlays.list_page(tx, hidden=hidden, after=after, limit=SCANNED)
            found += [row for row in rows if self._sees(row, actor)]
            if len(rows) < SCANNED:
                break
            after = rows[-1].ref
        return found[:limit]

    def _sees(self, overlay: Overlay, actor: Actor) -> bool:
        return self._may(overlay, actor, READ_ENTITY)

    def _may(self, overlay: Overlay, actor: Actor, permission: Any) -> bool:
        """By what is served while the entity is there; of what was never seen, only whoever may with everything."""
        editing = self._editing
        if overlay.source is None:
            return editing.permissions.decide(actor, permission).result == "ALLOW"
        fields = {} if overlay.problem else {path: one.value for path, one in overlay.fields.items()}
        return editing.may(actor, permission, editing.overlays.describe(overlay.source, fields))

    # ---- keeping out ---------------------------------------------------------------------------------------------------

    async def hide(self, ref: EntityRef, why: str, actor: Actor) -> None:
        editing, name = self._editing, str(ref)
        editing.sources.require_writable()
        await editing.require(actor, DELETE_ENTITY, name, "keep out")
        if await editing.is_own(name):
            raise InputError(f"{ref} is the portal's own: delete it instead.")
        why = " ".join(why.split())[:MAX_WHY]
        try:
            async with editing.db.write() as tx:
                await editing.overlays.hide(tx, [name], why, actor=actor.subject)
                await editing.record(tx, "hide", name, actor, why=why, source=None)
                tx.after_commit(editing.jobs.wake)
        except OverlayMoved:
            raise EntityNotFound(ref) from None

    async def show(self, ref: EntityRef, actor: Actor) -> None:
        editing, name = self._editing, str(ref)
        editing.sources.require_writable()
        async with editing.db.read() as tx:
            overlay = (await editing.overlays.list_overlays(tx, [name])).get(name)
        if overlay is None or overlay.hidden is None or not self._sees(overlay, actor):
            raise EntityNotFound(ref, f"{ref} is not among the entities that are kept out, as far as you may see them.")
        if not self._may(overlay, actor, DELETE_ENTITY):
            raise NotAllowedError(f"You may not let {ref} in again ({DELETE_ENTITY.name}). Its owner may.")
        async with editing.db.write() as tx:
            await editing.overlays.show(tx, [name], actor=actor.subject)
            await editing.record(tx, "show", name, actor, source=None)
            tx.after_commit(editing.jobs.wake)

    async def list_hidden(self, actor: Actor, after: str, limit: int) -> Sequence[HiddenEntity]:
        out = []
        for overlay in await self._list(actor, after, limit, hidden=True):
            assert overlay.hidden is not None
            metadata = overlay.source["metadata"] if overlay.source is not None else {}
            annotations = metadata.get("annotations") or {}
            title = str(metadata.get("title") or metadata.get("name") or overlay.ref)
            out.append(
                HiddenEntity(
                    overlay.ref, title, str(annotations.get(domain.LOCATION) or ""), overlay.hidden.by, overlay.hidden.at,
                    overlay.hidden.why, overlay.is_dormant, self._may(overlay, actor, DELETE_ENTITY),
                )
            )  # fmt: skip
        return out

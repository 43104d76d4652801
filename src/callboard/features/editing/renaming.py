"""Another name for an entity of the portal's own store: one step for everybody, with the old name as alias."""

from __future__ import annotations

from typing import Any

from callboard.features.catalog.interface import CREATE_ENTITY, UPDATE_ENTITY, EntityNotFound
from callboard.features.catalog.interface.held import SourceMoved, SourceWrite
from callboard.features.editing import domain, store
from callboard.features.editing.domain import KeptText
from callboard.features.editing.interface import SOURCE, GivenElsewhere, TextRefused
from callboard.features.editing.service import EntityEditing
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.clock import format_time
from callboard.kernel.errors import ConflictError, InputError, NotAllowedError
from callboard.model.refs import EntityRef
from callboard.ui.patching import patch


class EntityNaming:
    """``EntityNames`` over the same store as ``EntityEditing``."""

    def __init__(self, portal: Any, editing: EntityEditing) -> None:
        self._portal = portal
        self._editing = editing

    async def check(self, ref: EntityRef, name: str, *, actor: Actor) -> str:
        new, _ = await self._plan(ref, name, actor)
        return new

    async def rename(self, ref: EntityRef, name: str, *, note: str = "", actor: Actor) -> str:
        editing, old = self._editing, str(ref)
        new, text = await self._plan(ref, name, actor)
        judged = editing.judge_now(text)
        if judged.findings or judged.document is None:
            raise TextRefused(judged.findings)
        async with editing.db.read() as tx:
            given = (await editing.sources.list_given(tx, SOURCE, [old]))[old]
        write = SourceWrite(
            SOURCE, added=[domain.deferred(judged.document)], removed=[old], expected={old: given.mark, new: None},
            uids={new: given.uid},
        )  # fmt: skip
        prepared = await editing.sources.prepare(write)
        try:
            async with editing.db.write() as tx:
                await store.lock_text(tx, old)
                written = await editing.sources.write(tx, prepared, actor=actor.subject)
                kept = KeptText(written.marks[new], text)
                await store.keep_text(tx, new, kept, at=format_time(editing.clock.now()), by=actor.subject)
                await editing.aliases.put(tx, old, new, reason="renamed", note=note, actor=actor)
                await editing.record(tx, "rename", new, actor, why=f"It was {old}." + (f" {note}" if note else ""))
                tx.after_commit(editing.jobs.wake)
        except SourceMoved:
            raise ConflictError(f"{old} or {new} changed meanwhile. Nothing was renamed; try again.") from None
        return new

    async def _plan(self, ref: EntityRef, name: str, actor: Actor) -> tuple[str, str]:
        """The new ref, and the text that says so. Raises what keeps it from being done."""
        editing, old = self._editing, str(ref)
        editing.sources.require_writable()
        found = await editing.find_editable(ref, actor=actor)
        if found is None:
            raise EntityNotFound(ref)
        if not found.may_update:
            raise NotAllowedError(f"You may not rename {ref} ({UPDATE_ENTITY.name}). Its owner may.")
        editing.permissions.require(actor, CREATE_ENTITY)
        if not found.giver.is_own:
            raise GivenElsewhere(old, found.giver)
        name = name.strip()
        new = str(EntityRef(ref.kind, ref.namespace, name)) if name else ""
        if not name or new == old:
            raise InputError("Say another name than it has.", field="name")
        async with editing.db.read() as tx:
            is_taken = bool(await editing.sources.list_givers(tx, [new]))
        if is_taken or await editing.queries.find_raw(new, actor=SYSTEM) is not None:
            raise InputError(f"{new} exists already. Choose another name, or merge the two.", field="name")
        alias = await editing.aliases.resolve(new, actor=SYSTEM)
        if alias is not None and alias.new != old:
            seen = await editing.aliases.resolve(new, actor=actor)
            raise InputError(f"{new} is an earlier name of {seen.new if seen else 'another entity'}.", field="name")
        text = patch(found.text, found.document, {("metadata", "name"): name})
        judged = editing.judge_now(text)
        if judged.findings:
            raise TextRefused(judged.findings)
        return new, text

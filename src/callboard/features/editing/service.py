"""``Editing``: each call asks permission; what is written is written in one transaction, and audited."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import cached_property
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import (
    CREATE_ENTITY,
    CREATE_LOCATION,
    DELETE_ENTITY,
    UPDATE_ENTITY,
    VALIDATE_ENTITY,
    CatalogQueries,
    EntityNotFound,
)
from callboard.features.catalog.interface.aliases import CatalogAliases
from callboard.features.catalog.interface.held import CatalogSources, Given, SourceMoved, SourceWrite
from callboard.features.catalog.interface.overlays import CatalogOverlays, Ground
from callboard.features.editing import domain, store
from callboard.features.editing.changes import FieldChanges
from callboard.features.editing.domain import KeptText
from callboard.features.editing.interface import (
    SOURCE,
    ChangeResult,
    DeletedEntity,
    Editable,
    EditConflict,
    EntityOverlay,
    FieldChange,
    GivenElsewhere,
    Giver,
    HiddenEntity,
    Judgement,
    Outcome,
    Saved,
    TextRefused,
    Version,
)
from callboard.features.editing.overlaying import Overlaying, laid_fields
from callboard.features.editing.restoring import Restoring
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import InputError, LimitError, NotAllowedError
from callboard.kernel.jobs import Jobs
from callboard.kernel.permissions import Permission, PermissionService
from callboard.model.predicates import matches
from callboard.model.refs import EntityRef
from callboard.model.terms import terms_of

_EDIT_URL = "backstage.io/edit-url"


class EntityEditing:
    """``Editing`` of one portal."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self.db: Database = portal.db
        self.clock: Clock = portal.clock
        self.jobs: Jobs = portal.jobs
        self._audit: Audit = portal.audit
        self.permissions: PermissionService = portal.permissions
        self._changes = FieldChanges(self)
        self._overlaying = Overlaying(self)
        self._restoring = Restoring(self)

    @cached_property
    def queries(self) -> CatalogQueries:
        found: CatalogQueries = self._portal.service(CatalogQueries)
        return found

    @cached_property
    def sources(self) -> CatalogSources:
        found: CatalogSources = self._portal.service(CatalogSources)
        return found

    @cached_property
    def overlays(self) -> CatalogOverlays:
        found: CatalogOverlays = self._portal.service(CatalogOverlays)
        return found

    @cached_property
    def aliases(self) -> CatalogAliases:
        found: CatalogAliases = self._portal.service(CatalogAliases)
        return found

    # ---- what stands -------------------------------------------------------------------------------------------------

    async def find_editable(self, ref: EntityRef, *, actor: Actor) -> Editable | None:
        return await self._find(str(ref), actor)

    async def _find(self, ref: str, actor: Actor) -> Editable | None:
        async with self.db.read() as tx:
            given, kept = await self._standing(tx, ref)
            names = (await self.sources.list_givers(tx, [ref])).get(ref, ())
            ground = await self._overlaying.find_ground(tx, ref)
        # after the mark: a text that is newer than its mark cannot be saved over, an older one could
        raw = await self.queries.find_raw(ref, actor=actor)
        if raw is None:
            return None
        entity = orjson.loads(raw)
        overlay = ground.overlay if ground is not None else None
        laid = laid_fields(overlay, ground.source if ground is not None else None)
        problem = overlay.problem if overlay is not None else None
        may_update, may_delete = (self.may(actor, p, entity) for p in (UPDATE_ENTITY, DELETE_ENTITY))
        if given is not None:
            text = domain.standing_text(given, kept)
            return Editable(
                ref, text, domain.mark_of(given.mark, text), Giver(True, SOURCE, SOURCE, names=(SOURCE,)),
                may_update, may_delete, domain.written_part(given.entity), laid, problem,
            )  # fmt: skip
        giver = await self._giver(entity, names, actor)
        return Editable(
            ref, domain.text_of(entity), ground.mark if ground is not None else "", giver, may_update, may_delete,
            domain.written_part(entity), laid, problem,
        )  # fmt: skip

    async def _standing(self, tx: Transaction, ref: str) -> tuple[Given | None, KeptText | None]:
        given = (await self.sources.list_given(tx, SOURCE, [ref])).get(ref)
        return given, await store.find_text(tx, ref)

    async def _giver(self, entity: Mapping[str, Any], names: Any, actor: Actor) -> Giver:
        annotations = entity["metadata"].get("annotations")
        said = annotations if isinstance(annotations, dict) else {}
        refs = [name for name in names if "/" in name and name.startswith("location:")]
        visible = await self.queries.get_many_raw(refs, actor=actor) if refs else []
        hidden = {ref for ref, raw in zip(refs, visible, strict=True) if raw is None}
        return Giver(
            False, str(said.get(domain.LOCATION) or ""), str(said.get(domain.ORIGIN) or ""), str(said.get(_EDIT_URL) or ""),
            tuple(name for name in names if name not in hidden),
        )  # fmt: skip

    # ---- may they? ---------------------------------------------------------------------------------------------------

    def may(self, actor: Actor, permission: Permission, entity: Mapping[str, Any]) -> bool:
        decision = self.permissions.decide(actor, permission)
        if decision.result == "CONDITIONAL" and decision.condition is not None:
            return bool(matches(self.permissions.compile(decision.condition), terms_of(entity)))
        return decision.result == "ALLOW"

    async def require(self, actor: Actor, permission: Permission, ref: str, verb: str) -> None:
        """Raise unless the actor sees the entity and may do this with it."""
        raw = await self.queries.find_raw(ref, actor=actor)
        if raw is None:
            raise EntityNotFound(ref)
        self.permissions.require(actor, permission)
        if not self.may(actor, permission, orjson.loads(raw)):
            raise NotAllowedError(f"You may not {verb} {ref} ({permission.name}). Its owner may.")

    # ---- texts ---------------------------------------------------------------------------------------------------------

    async def judge(self, text: str, *, ref: EntityRef | None = None, actor: Actor) -> Judgement:
        self.permissions.require(actor, VALIDATE_ENTITY)
        is_seen = ref is not None and await self.queries.find_raw(str(ref), actor=actor) is not None
        judged = await self._judge(domain.clean_text(text), await self._ground_elsewhere(str(ref)) if is_seen else None)
        return await self._as_new(judged, text, actor) if ref is None else judged

    async def _as_new(self, judged: Judgement, text: str, actor: Actor) -> Judgement:
        """Told in its text when the name of a new entity is one that another had before, and is still called by."""
        if judged.findings or judged.ref is None:
            return judged
        alias = await self.aliases.resolve(judged.ref, actor=actor)
        if alias is None:
            return judged
        document, _ = domain.read_text(domain.clean_text(text))
        finding = domain.earlier_name(alias)
        return replace(judged, findings=domain.place([finding], document.chunk) if document is not None else ())

    async def _ground_elsewhere(self, ref: str) -> Ground | None:
        """What lies under an entity that another source gives; None for the portal's own."""
        async with self.db.read() as tx:
            if await self.sources.list_given(tx, SOURCE, [ref]):
                return None
            return await self._overlaying.find_ground(tx, ref)

    async def _judge(self, text: str, ground: Ground | None = None) -> Judgement:
        if len(text) > domain.MAX_TEXT_BYTES or len(text.encode()) > domain.MAX_TEXT_BYTES:
            raise LimitError(
                f"The text has more than {domain.MAX_TEXT_BYTES // 1024} KiB. Keep long definitions in a file."
            )
        return await asyncio.to_thread(self.judge_now, text, ground)

    def judge_now(self, text: str, ground: Ground | None = None) -> Judgement:
        """With ``ground`` as a text of that entity, else as one of the portal's own store."""
        document, findings = domain.read_text(text)
        if document is None or not isinstance(document.value, dict):
            return Judgement(findings)
        value, found = document.value, None
        if ground is not None and domain.ref_of(value) == ground.ref:
            found = self._overlaying.find_problems(ground, value)
        if found is None:
            found = self.sources.find_problems(SOURCE, domain.deferred(value))
        return Judgement(domain.place(found, document.chunk), value, domain.ref_of(value))

    # ---- writing -------------------------------------------------------------------------------------------------------

    async def save(
        self, text: str, *, ref: EntityRef | None = None, base_mark: str | None = None, actor: Actor, why: str = ""
    ) -> Saved:
        self.sources.require_writable()
        if ref is None:
            self.permissions.require(actor, CREATE_ENTITY)
        else:
            await self._require_here(ref, base_mark, text, actor)
        text = domain.clean_text(text)
        ground = await self._ground_elsewhere(str(ref)) if ref is not None else None
        judged = await self._judge(text, ground)
        if ref is None:
            judged = await self._as_new(judged, text, actor)
        if judged.findings or judged.document is None or judged.ref is None:
            raise TextRefused(judged.findings)
        if ref is not None and judged.ref != str(ref):
            raise InputError(
                f"This is {judged.ref}, and you are editing {ref}. Kind, namespace and name stay: create another entity instead.",
                field="metadata.name",
            )
        if str(judged.document.get("kind", "")).lower() == "location":
            self.permissions.require(actor, CREATE_LOCATION)
        if ground is not None:
            return await self._overlaying.save(ground, text, judged.document, base_mark, actor, why)
        return await self._save(text, judged.document, judged.ref, base_mark, actor, why, is_new=ref is None)

    async def _require_here(self, ref: EntityRef, base_mark: str | None, text: str, actor: Actor) -> None:
        """That the actor may change the entity, and that it is in the store."""
        if base_mark is None:
            raise InputError("Say by its mark which version the change was made from.", field="mark")
        try:
            await self.require(actor, UPDATE_ENTITY, str(ref), "change")
        except EntityNotFound:  # the same for what is hidden as for what went: not even that tells that it is there
            raise _gone(str(ref), text) from None

    async def _save(
        self,
        text: str,
        document: Mapping[str, Any],
        ref: str,
        base_mark: str | None,
        actor: Actor,
        why: str,
        *,
        is_new: bool,
    ) -> Saved:
        async with self.db.read() as tx:
            given, kept = await self._standing(tx, ref)
        wanted = domain.deferred(document)
        if given is not None:
            stands = domain.standing_text(given, kept)
            mark = domain.mark_of(given.mark, stands)
            if text == stands and await self.queries.find_raw(ref, actor=actor) is not None:
                return Saved(ref, mark, "unchanged")
            if is_new or mark != base_mark:
                raise await self.find_conflict(ref, text, actor, must_be_own=is_new)
        elif not is_new or await self._is_taken(ref):
            raise await self.find_conflict(ref, text, actor, must_be_own=is_new)
        write = SourceWrite(SOURCE, added=[wanted], expected={ref: given.mark if given is not None else None})
        outcome: Outcome = "created" if given is None else "changed"
        try:
            prepared = await self.sources.prepare(write)
            async with self.db.write() as tx:
                now = await store.lock_text(tx, ref)
                written = await self.sources.write(tx, prepared, actor=actor.subject)
                if given is not None and now != kept:
                    raise SourceMoved("The text changed meanwhile.", refs=[ref])
                new = KeptText(written.marks[ref], text)
                await store.keep_text(tx, ref, new, at=format_time(self.clock.now()), by=actor.subject)
                await self.record(tx, "create" if given is None else "update", ref, actor, why=why)
                tx.after_commit(self.jobs.wake)
        except SourceMoved:
            raise await self.find_conflict(ref, text, actor, must_be_own=is_new) from None
        return Saved(ref, domain.mark_of(new.mark, text), outcome)

    async def is_own(self, ref: str) -> bool:
        """Whether the portal's own store gives it."""
        async with self.db.read() as tx:
            return bool(await self.sources.list_given(tx, SOURCE, [ref]))

    async def _is_taken(self, ref: str) -> bool:
        if await self.queries.find_raw(ref, actor=SYSTEM) is not None:
            return True
        if await self.aliases.resolve(ref, actor=SYSTEM) is not None:  # of what the actor does not see
            return True
        async with self.db.read() as tx:
            return bool(await self.sources.list_givers(tx, [ref]))

    async def find_conflict(
        self, ref: str, mine: str, actor: Actor, *, must_be_own: bool = False
    ) -> EditConflict | GivenElsewhere:
        """Which of the two it is, from what stands now."""
        theirs = await self._find(ref, actor)
        if theirs is None:
            if await self._is_taken(ref):
                return GivenElsewhere(ref, None)
            return _gone(ref, mine)
        if must_be_own and not theirs.giver.is_own:
            return GivenElsewhere(ref, theirs.giver)
        who = "was saved by somebody else" if theirs.giver.is_own else "was changed by somebody else, or by its source,"
        return EditConflict(
            f"{ref} {who} meanwhile. Nothing of yours was written yet: compare the two versions.",
            ref=ref, mine=mine, theirs=theirs,
        )  # fmt: skip

    async def delete(self, ref: EntityRef, *, base_mark: str | None = None, actor: Actor) -> None:
        self.sources.require_writable()
        name = str(ref)
        await self.require(actor, DELETE_ENTITY, name, "delete")
        async with self.db.read() as tx:
            given, kept = await self._standing(tx, name)
        if given is None or (
            base_mark is not None and domain.mark_of(given.mark, domain.standing_text(given, kept)) != base_mark
        ):
            raise await self.find_conflict(name, "", actor, must_be_own=True)
        try:
            prepared = await self.sources.prepare(SourceWrite(SOURCE, removed=[name], expected={name: given.mark}))
            async with self.db.write() as tx:
                now = await store.lock_text(tx, name)
                await self.sources.write(tx, prepared, actor=actor.subject)
                if base_mark is not None and now != kept:
                    raise SourceMoved("The text changed meanwhile.", refs=[name])
                await self.record(tx, "delete", name, actor)
                tx.after_commit(self.jobs.wake)
        except SourceMoved:
            raise await self.find_conflict(name, "", actor, must_be_own=True) from None

    async def record(
        self, tx: Transaction, what: str, ref: str, actor: Actor, *, why: str = "", fields: Sequence[str] = (),
        source: str | None = SOURCE,
    ) -> None:  # fmt: skip
        said = {"source": source, "reason": why, "fields": ", ".join(fields)}
        more = {name: value for name, value in said.items() if value}
        await self._audit.record(
            tx, "entity-mutate", actor=actor, severity="medium", plugin="editing",
            meta={"actionType": what, "entityRef": ref, **more},
        )  # fmt: skip

    # ---- many at once --------------------------------------------------------------------------------------------------

    async def preview_changes(self, changes: Sequence[FieldChange], *, actor: Actor) -> Sequence[ChangeResult]:
        return await self._changes.preview(changes, actor)

    async def change_fields(
        self, changes: Sequence[FieldChange], *, actor: Actor, why: str = ""
    ) -> Sequence[ChangeResult]:
        return await self._changes.change(changes, actor, why)

    async def create_many(self, documents: Sequence[Mapping[str, Any]], *, actor: Actor) -> Sequence[ChangeResult]:
        return await self._changes.create(documents, actor)

    # ---- overlays, and what is kept out ----------------------------------------------------------------------------------

    async def find_overlay(self, ref: EntityRef, *, actor: Actor) -> EntityOverlay | None:
        return await self._overlaying.find(ref, actor)

    async def set_overlay(
        self,
        ref: EntityRef,
        fields: Mapping[str, Any],
        *,
        base_mark: str | None,
        actor: Actor,
        kept: Sequence[str] = (),
    ) -> EntityOverlay:
        return await self._overlaying.set(ref, fields, base_mark, actor, kept)

    async def list_overlays(self, *, actor: Actor, after: str = "", limit: int = 50) -> Sequence[EntityOverlay]:
        return await self._overlaying.list_page(actor, after, limit)

    async def hide(self, ref: EntityRef, *, why: str, actor: Actor) -> None:
        await self._overlaying.hide(ref, why, actor)

    async def show(self, ref: EntityRef, *, actor: Actor) -> None:
        await self._overlaying.show(ref, actor)

    async def list_hidden(self, *, actor: Actor, after: str = "", limit: int = 50) -> Sequence[HiddenEntity]:
        return await self._overlaying.list_hidden(actor, after, limit)

    # ---- what was ------------------------------------------------------------------------------------------------------

    async def find_version(self, ref: EntityRef, id: int, *, actor: Actor) -> Version | None:
        return await self._restoring.find(ref, id, actor)

    async def restore(self, ref: EntityRef, id: int, *, base_mark: str, actor: Actor) -> Saved:
        return await self._restoring.restore(ref, id, base_mark, actor)

    async def list_deleted(
        self, *, actor: Actor, before: int | None = None, limit: int = 50
    ) -> Sequence[DeletedEntity]:
        return await self._restoring.list_deleted(actor, before, limit)

    async def restore_deleted(self, ref: EntityRef, *, actor: Actor) -> Saved:
        return await self._restoring.restore_deleted(ref, actor)


def _gone(ref: str, mine: str) -> EditConflict:
    return EditConflict(
        f"{ref} was deleted meanwhile. Create it anew to bring it back.",
        ref=ref,
        mine=domain.clean_text(mine),
        theirs=None,
    )

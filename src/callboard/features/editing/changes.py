"""Fields of many entities at once: what a change would come to, and writing all that can be written in one transaction."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CREATE_ENTITY, CREATE_LOCATION, UPDATE_ENTITY
from callboard.features.catalog.interface.held import Given, PreparedWrite, SourceMoved, SourceWrite
from callboard.features.catalog.interface.overlays import Ground, OverlayMoved, OverlayWrite
from callboard.features.editing import domain, store
from callboard.features.editing.domain import KeptText
from callboard.features.editing.interface import SOURCE, ChangeResult, FieldChange
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.clock import format_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import InputError, LimitError
from callboard.model.fields import differences, find_fault, find_value, parse_field, with_values
from callboard.model.problems import FieldPath, format_field
from callboard.ui.code import format_yaml
from callboard.ui.patching import patch

if TYPE_CHECKING:
    from callboard.features.editing.service import EntityEditing

MAX_CHANGES = 10_000
TRIES = 4
"""Times that a change is made anew because what it was made for moved; then that entity is in conflict."""
MOVED = "Somebody else kept changing it meanwhile. Try again."


@dataclass(slots=True)
class Planned:
    """A change, looked at. ``text`` is what its store is to say; ``given`` and ``kept`` what stood when it was looked at.

    ``overlay`` is what is to be laid over it, None to leave that as it is.
    """

    result: ChangeResult
    text: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)
    given: Given | None = None
    kept: KeptText | None = None
    overlay: OverlayWrite | None = None

    @property
    def is_due(self) -> bool:
        return self.result.outcome == "changed"


class FieldChanges:
    """``preview_changes``, ``change_fields`` and ``create_many`` of ``EntityEditing``."""

    def __init__(self, editing: EntityEditing) -> None:
        self._editing = editing

    # ---- fields --------------------------------------------------------------------------------------------------------

    async def preview(self, changes: Sequence[FieldChange], actor: Actor) -> Sequence[ChangeResult]:
        self._editing.sources.require_writable()
        _require_few([change.ref for change in changes])
        return [planned.result for planned in await self._plan(changes, actor)]

    async def change(self, changes: Sequence[FieldChange], actor: Actor, why: str) -> Sequence[ChangeResult]:
        self._editing.sources.require_writable()
        _require_few([change.ref for change in changes])
        busy: set[str] = set()
        for attempt in range(2 * TRIES):
            planned = await self._plan(changes, actor)
            due = [one for one in planned if one.is_due and one.result.ref not in busy]
            try:
                await self._write(due, actor, "update", why)
            except (SourceMoved, OverlayMoved) as error:
                if attempt >= TRIES:
                    busy.update(error.refs)
                continue
            return [_busy(one.result) if one.result.ref in busy else one.result for one in planned]
        return [_busy(one.result) for one in planned]

    async def _plan(self, changes: Sequence[FieldChange], actor: Actor) -> list[Planned]:
        editing, refs = self._editing, [change.ref for change in changes]
        async with editing.db.read() as tx:
            given = await editing.sources.list_given(tx, SOURCE, refs)
            texts = await store.find_texts(tx, refs)
            grounds = await editing.overlays.list_grounds(tx, refs)
        # after the marks: what is newer than they are is refused when it is written, what is older would pass for expected
        raws = await editing.queries.get_many_raw(refs, actor=actor)

        def look() -> list[Planned]:
            return [
                self._look(change, raw, given.get(change.ref), texts.get(change.ref), grounds.get(change.ref), actor)
                for change, raw in zip(changes, raws, strict=True)
            ]

        return await asyncio.to_thread(look)

    def _look(
        self, change: FieldChange, raw: bytes | None, given: Given | None, kept: KeptText | None, ground: Ground | None,
        actor: Actor,
    ) -> Planned:  # fmt: skip
        ref = change.ref
        if raw is None:
            return Planned(ChangeResult(ref, "missing", message=f"No entity {ref} is visible to you."))
        entity = orjson.loads(raw)
        if not self._editing.may(actor, UPDATE_ENTITY, entity):
            return _refused(ref, f"You may not change {ref} ({UPDATE_ENTITY.name}). Its owner may.")
        paths = {name: parse_field(name) for name in {**change.values, **(change.expected or {})}}
        for name in change.values:
            if (fault := find_fault(paths[name])) is not None:
                return _refused(ref, fault)
        if entity["kind"] == "Location" and any(paths[name][0] == "spec" for name in change.values):
            if not self._editing.may(actor, CREATE_LOCATION, entity):
                return _refused(ref, f"You may not change what a Location names ({CREATE_LOCATION.name}).")
        if given is None:
            if ground is None:  # it went between two looks
                return Planned(ChangeResult(ref, "missing", message=f"No entity {ref} is visible to you."))
            return self._look_at_overlay(change, paths, entity, ground)
        return self._look_at_text(change, paths, given, kept, ground)

    def _shown(self, given: Given, ground: Ground | None) -> Mapping[str, Any]:
        """An own entity as the catalog shows it, of the moment at which its mark was read."""
        if ground is None or ground.overlay is None or ground.overlay.problem:
            return given.entity
        laid = {path: one.value for path, one in ground.overlay.fields.items()}
        return self._editing.overlays.merge(ground.source, laid)

    def _look_at_overlay(
        self, change: FieldChange, paths: Mapping[str, FieldPath], entity: Mapping[str, Any], ground: Ground
    ) -> Planned:
        editing, ref = self._editing, change.ref
        laid = ground.overlay.fields if ground.overlay is not None and not ground.overlay.problem else {}
        shown = editing.overlays.merge(ground.source, {path: one.value for path, one in laid.items()})
        before = {name: find_value(shown, paths[name]) for name in change.values}
        result = ChangeResult(ref, "changed", "overlay", "", before, change.values)
        moved = _find_moved(change.expected, paths, shown, entity)
        if moved:
            return Planned(replace(result, outcome="conflict", message=_moved_message(moved)))
        wanted = {paths[name]: value for name, value in change.values.items()}
        if not _is_change(shown, wanted):
            return Planned(replace(result, outcome="unchanged"))
        found = differences(ground.source, with_values(shown, wanted))
        fields = {format_field(path): value for path, value in found.items()}
        findings = editing.overlays.judge(ground.source, fields) if fields else ()
        if findings:
            reason = domain.plain_message(findings[0].message, findings[0].field)
            return Planned(replace(result, outcome="refused", message=reason))
        return Planned(result, overlay=OverlayWrite(ref, fields, ground.mark))

    def _look_at_text(
        self,
        change: FieldChange,
        paths: Mapping[str, FieldPath],
        given: Given,
        kept: KeptText | None,
        ground: Ground | None,
    ) -> Planned:
        ref, text = change.ref, domain.standing_text(given, kept)
        found, findings = domain.read_text(text)
        if found is None or found.value is None:
            return _refused(ref, f"Its text cannot be read: {findings[0].message if findings else 'it is empty'}")
        document = found.value
        before = {name: find_value(document, paths[name]) for name in change.values}
        moved = _find_moved(change.expected, paths, document, self._shown(given, ground))
        if moved:
            return Planned(ChangeResult(ref, "conflict", "text", _moved_message(moved), before, change.values))
        wanted = {paths[name]: value for name, value in change.values.items()}
        if not _is_change(document, wanted):
            return Planned(ChangeResult(ref, "unchanged", "text", "", before, change.values))
        new = patch(text, document, wanted)
        judged = self._editing.judge_now(new)
        if judged.findings or judged.document is None:
            reason = judged.findings[0].message if judged.findings else "it would be no entity"
            return Planned(ChangeResult(ref, "refused", "text", reason, before, change.values))
        result = ChangeResult(ref, "changed", "text", "", before, change.values)
        return Planned(result, new, judged.document, given, kept, _without(ground, wanted))

    # ---- new ones ------------------------------------------------------------------------------------------------------

    async def create(self, documents: Sequence[Mapping[str, Any]], actor: Actor) -> Sequence[ChangeResult]:
        editing = self._editing
        editing.sources.require_writable()
        editing.permissions.require(actor, CREATE_ENTITY)
        if len(documents) > MAX_CHANGES:
            raise LimitError(f"At most {MAX_CHANGES:,} entities are made at once; these are {len(documents):,}.")
        for _ in range(TRIES):
            planned = await self._plan_new(documents, actor)
            try:
                await self._write([one for one in planned if one.is_due], actor, "create", "")
            except SourceMoved:
                continue
            return [one.result for one in planned]
        return [_busy(one.result) for one in planned]

    async def _plan_new(self, documents: Sequence[Mapping[str, Any]], actor: Actor) -> list[Planned]:
        editing = self._editing
        judged = await asyncio.to_thread(lambda: [self._judge_new(document, actor) for document in documents])
        refs = [one.result.ref for one in judged if one.is_due]
        standing = dict(zip(refs, await editing.queries.get_many_raw(refs, actor=SYSTEM), strict=True))
        visible = dict(zip(refs, await editing.queries.get_many_raw(refs, actor=actor), strict=True))
        earlier = {alias.old for alias in await editing.aliases.list_aliases(actor=SYSTEM)}
        told = {alias.old: domain.earlier_name(alias) for alias in await editing.aliases.list_aliases(actor=actor)}
        async with editing.db.read() as tx:
            givers = await editing.sources.list_givers(tx, refs)
            given = await editing.sources.list_given(tx, SOURCE, refs)
        seen: set[str] = set()
        out = []
        for one in judged:
            ref = one.result.ref
            if one.is_due and (ref in seen or standing[ref] is not None or ref in givers):
                own = given.get(ref) if visible[ref] is not None else None
                if ref in seen:
                    one = _taken(one, f"{ref} is among these more than once: the first is taken.")
                elif own is not None and not differences(
                    domain.written_part(own.entity), domain.written_part(domain.document_to_give(one.document))
                ):
                    one = Planned(replace(one.result, outcome="unchanged"))
                else:
                    one = _taken(one, f"There is an entity {ref} already.")
            elif one.is_due and ref in earlier:
                finding = told.get(ref)
                one = _taken(
                    one, f"{finding.message} {finding.fix}" if finding else f"There is an entity {ref} already."
                )
            seen.add(ref)
            out.append(one)
        return out

    def _judge_new(self, document: Mapping[str, Any], actor: Actor) -> Planned:
        ref = domain.ref_of(document) or ""
        try:
            text = str(format_yaml(document))
        except (TypeError, RecursionError) as error:
            return _refused(ref, f"It holds a value that YAML does not have: {error}")
        if len(text.encode()) > domain.MAX_TEXT_BYTES:
            return _refused(ref, f"It has more than {domain.MAX_TEXT_BYTES // 1024} KiB.")
        judged = self._editing.judge_now(text)
        if judged.findings or judged.document is None or judged.ref is None:
            where = f"{judged.findings[0].field}: " if judged.findings and judged.findings[0].field else ""
            reason = judged.findings[0].message if judged.findings else "It does not say what it is."
            return _refused(judged.ref or ref, f"{where}{reason}")
        if str(judged.document.get("kind", "")).lower() == "location":
            if not self._editing.may(actor, CREATE_LOCATION, judged.document):
                return _refused(judged.ref, f"You may not make Locations ({CREATE_LOCATION.name}).")
        return Planned(ChangeResult(judged.ref, "changed", "text", after=judged.document), text, judged.document)

    # ---- writing -------------------------------------------------------------------------------------------------------

    async def _write(self, due: Sequence[Planned], actor: Actor, what: str, why: str) -> None:
        """Write them all, or raise ``SourceMoved`` and write nothing."""
        if not due:
            return
        editing = self._editing
        own, laid = [one for one in due if one.text], [one for one in due if one.overlay is not None]
        write = SourceWrite(
            SOURCE,
            added=[domain.deferred(one.document) for one in own],
            expected={one.result.ref: one.given.mark if one.given is not None else None for one in own},
        )
        prepared = await editing.sources.prepare(write) if own else None
        async with editing.db.write() as tx:
            if prepared is not None:
                await self._write_texts(tx, prepared, own, actor)
            if laid:
                await editing.overlays.write(tx, [one.overlay for one in laid if one.overlay], actor=actor.subject)
            for one in due:
                did = what if one.text else "overlay"
                fields = sorted(one.result.after) if what == "update" else ()
                source = SOURCE if one.text else None
                await editing.record(tx, did, one.result.ref, actor, why=why, fields=fields, source=source)
            tx.after_commit(editing.jobs.wake)

    async def _write_texts(
        self, tx: Transaction, prepared: PreparedWrite, own: Sequence[Planned], actor: Actor
    ) -> None:
        now = await store.lock_texts(tx, [one.result.ref for one in own])
        written = await self._editing.sources.write(tx, prepared, actor=actor.subject)
        moved = [one.result.ref for one in own if one.given is not None and now.get(one.result.ref) != one.kept]
        if moved:
            raise SourceMoved("The texts changed meanwhile.", refs=moved)
        at = format_time(self._editing.clock.now())
        for one in own:
            ref = one.result.ref
            await store.keep_text(tx, ref, KeptText(written.marks[ref], one.text), at=at, by=actor.subject)


def _require_few(refs: Sequence[str]) -> None:
    if len(refs) > MAX_CHANGES:
        raise LimitError(f"At most {MAX_CHANGES:,} entities are changed at once; these are {len(refs):,}.")
    twice = {ref for ref in refs if refs.count(ref) > 1} if len(set(refs)) < len(refs) else set()
    if twice:
        raise InputError(f"{min(twice)} is named more than once. Put all its fields into one change.")


def _refused(ref: str, message: str) -> Planned:
    return Planned(ChangeResult(ref, "refused", message=message))


def _taken(one: Planned, message: str) -> Planned:
    return Planned(replace(one.result, outcome="conflict", message=message))


def _busy(result: ChangeResult) -> ChangeResult:
    return replace(result, outcome="conflict", message=MOVED) if result.outcome == "changed" else result


def _is_change(document: Mapping[str, Any], values: Mapping[FieldPath, Any]) -> bool:
    return bool(differences(document, with_values(document, values)))


def _without(ground: Ground | None, values: Mapping[FieldPath, Any]) -> OverlayWrite | None:
    """What stays laid over an entity that is written itself now: not the fields that its text says anew."""
    if ground is None or ground.overlay is None:
        return None
    fields = {path: one.value for path, one in ground.overlay.fields.items()}
    left = {path: value for path, value in fields.items() if parse_field(path) not in values}
    return OverlayWrite(ground.ref, left) if left != fields else None


def _find_moved(
    expected: Mapping[str, Any] | None,
    paths: Mapping[str, FieldPath],
    document: Mapping[str, Any],
    entity: Mapping[str, Any],
) -> str | None:
    """A field that is not as expected, neither as written nor as the catalog shows it (which sorts lists of refs)."""
    for name, value in (expected or {}).items():
        if find_value(document, paths[name]) != value and find_value(entity, paths[name]) != value:
            return name
    return None


def _moved_message(name: str) -> str:
    return f"{name} is not what it was when this change was made. Look at it again."

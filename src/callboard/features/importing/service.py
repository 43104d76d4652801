"""Spreadsheets into the catalog: ``ImportService``. Each call asks permission; what changes the catalog is audited."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any, Literal, Sequence

import orjson

from callboard.features.catalog.interface import CREATE_ENTITY, DELETE_ENTITY, READ_ENTITY, UPDATE_ENTITY
from callboard.features.catalog.interface.held import Given, SourceMoved, SourceWrite
from callboard.features.importing import naming, store
from callboard.features.importing.codec import dump, mapping_of, planned_of, summary_of
from callboard.features.importing.drift import Drifts
from callboard.features.importing.interface import (
    Action,
    DriftState,
    ImportNotFound,
    ImportPage,
    ImportRecord,
    NotReady,
    PlanChanged,
    PlannedEntity,
    PlannedPage,
    PlanSummary,
    Proposal,
    SheetInfo,
    SheetMapping,
    SheetSource,
    Table,
    UndoRefused,
    Workbook,
)
from callboard.features.importing.job_kinds import APPLY_JOB, PLAN_JOB
from callboard.features.importing.jobs import KEPT
from callboard.features.importing.mappings import fit_to_table, require_usable
from callboard.features.importing.parts import Parts
from callboard.features.importing.records import records_of
from callboard.features.importing.stages import SHARED, count_to_write, require_planned, require_stage
from callboard.features.importing.store import ImportRow
from callboard.features.importing.workbooks import table_of
from callboard.kernel.audit import Severity
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.auth.stored_actor import dump_actor
from callboard.kernel.clock import format_time, parse_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import InputError, LimitError, NotAllowedError
from callboard.kernel.permissions import Permission
from callboard.model.predicates import matches
from callboard.model.terms import terms_of

COLUMNS_CHOSEN, SOURCE_CHOSEN = 1, 2
"""What of an import is a person's word: its columns, or also which sheet it is the next version of."""
MAX_DRAFTS = 50
"""Of one person; older ones go after a week."""
_CHUNK = 2_000


class Imports:
    """``ImportService`` of one portal."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.drifts = Drifts(parts)

    # ---- may they, and which? ----------------------------------------------------------------------------------------

    def _require(self, actor: Actor) -> None:
        self._parts.permissions.require(actor, CREATE_ENTITY)

    async def _row(self, id: str, actor: Actor) -> ImportRow:
        self._require(actor)
        async with self._parts.db.read() as tx:
            return self._seen(await store.find_import(tx, id), actor)

    def _seen(self, row: ImportRow | None, actor: Actor) -> ImportRow:
        if row is None or not (actor == SYSTEM or row.created_by == actor.subject or row.stage in SHARED):
            raise ImportNotFound(
                "There is no such import: it may be another person's draft, or older than 7 days. Upload the file again."
            )
        return row

    async def _record(self, id: str, actor: Actor) -> ImportRecord:
        async with self._parts.db.read() as tx:
            row = self._seen(await store.find_import(tx, id), actor)
            return (await records_of(tx, self._parts.sources, [row]))[0]

    async def _require_for(self, actor: Actor, permission: Permission, refs: Sequence[str], verb: str) -> None:
        """Raise ``NotAllowedError`` unless ``actor`` may do this with each entity that stands under ``refs``."""
        if not refs:
            return
        decision = self._parts.permissions.require(actor, permission)
        if decision.result != "CONDITIONAL" or decision.condition is None:
            return
        condition = self._parts.permissions.compile(decision.condition)
        for at in range(0, len(refs), _CHUNK):
            part = refs[at : at + _CHUNK]
            bodies = await self._parts.queries.get_many_raw(part, actor=SYSTEM)
            for ref, body in zip(part, bodies, strict=True):
                if body is not None and not matches(condition, terms_of(orjson.loads(body))):
                    named = "some of it" if await self._parts.hidden([ref], actor) else ref
                    raise NotAllowedError(f"You may not {verb} {named} ({permission.name}). Its owner may.")

    def _require_inside(self, row: ImportRow, actor: Actor) -> None:
        """The cells of a sheet that somebody else applied may say what is hidden, row by row."""
        if row.created_by == actor.subject or self._parts.permissions.decide(actor, READ_ENTITY).result == "ALLOW":
            return
        raise NotAllowedError("Only who uploaded this sheet, and who may see every entity, may look into it.")

    # ---- uploads -------------------------------------------------------------------------------------------------------

    async def upload(self, content: bytes, filename: str, *, actor: Actor) -> ImportRecord:
        self._require(actor)
        parts = self._parts
        filename = naming.clean_filename(filename)
        async with parts.db.read() as tx:
            if await store.count_drafts(tx, actor.subject) >= MAX_DRAFTS:
                raise LimitError(f"You have {MAX_DRAFTS} imports that were not applied. Discard some of them first.")
        workbook = await parts.workbooks.read(content, filename)
        table = max(workbook.tables, key=lambda tab: len(tab.rows))
        id = secrets.token_hex(8)
        proposal = await self._propose(table, workbook, None, actor)
        sheets = [SheetInfo(tab.sheet, len(tab.rows), len(tab.columns)) for tab in workbook.tables]
        now = parts.clock.now()
        async with parts.db.write() as tx:
            source = await self._pick_source(tx, filename, table.sheet, proposal.mapping, len(sheets) == 1)
            await store.keep_file(tx, workbook.digest, content)
            await store.insert_import(
                tx,
                ImportRow(
                    id=id, seq=await store.next_seq(tx), filename=filename, format=workbook.format,
                    file_digest=workbook.digest, size=len(content), sheets=dump(sheets), sheet=table.sheet,
                    columns_key=naming.columns_key(table.columns), mapping=dump(proposal.mapping), chosen=0, stage="draft",
                    source=source, created_at=format_time(now), created_by=actor.subject,
                    expires_at=format_time(now + KEPT),
                ),
            )  # fmt: skip
            await self._audit(tx, "upload", actor, id, source, filename)
        return await self._record(id, actor)

    async def _pick_source(
        self, tx: Transaction, filename: str, sheet: str, mapping: SheetMapping, is_only_tab: bool
    ) -> str:
        counts = await self._parts.sources.list_names(tx, naming.PREFIX)
        newest = await store.list_newest(tx, [name for name, count in counts.items() if count])
        standing = {name: mapping_of(orjson.loads(row.mapping)) for name, row in newest.items()}
        wanted = naming.source_name(filename, sheet, is_only_tab=is_only_tab)
        return naming.pick_source(wanted, mapping, standing, {*counts, *standing})

    async def list_imports(self, *, limit: int = 25, offset: int = 0, actor: Actor) -> ImportPage:
        self._require(actor)
        async with self._parts.db.read() as tx:
            rows, total = await store.list_imports(tx, None if actor == SYSTEM else actor.subject, limit, offset)
            return ImportPage(await records_of(tx, self._parts.sources, rows), total)

    async def list_sources(self, *, actor: Actor) -> Sequence[SheetSource]:
        self._require(actor)
        async with self._parts.db.read() as tx:
            counts = await self._parts.sources.list_names(tx, naming.PREFIX)
            newest = await store.list_newest(tx, counts)
        found = [
            SheetSource(name, _title(row), counts[name], parse_time(row.applied_at or row.created_at))
            for name, row in newest.items()
            if counts.get(name)
        ]
        return sorted(found, key=lambda source: (source.title.lower(), source.name))

    async def get_import(self, id: str, *, actor: Actor) -> ImportRecord:
        self._require(actor)
        return await self._record(id, actor)

    async def discard(self, id: str, *, actor: Actor) -> None:
        row = await self._row(id, actor)
        async with self._parts.db.write() as tx:
            now = self._seen(await store.lock_import(tx, row.id), actor)
            if now.stage in (*SHARED, "applying"):
                raise NotReady(f"It was {now.stage}, so it stays in the list. Undo it to take back what it did.")
            await store.delete_import(tx, row.id)
            await self._audit(tx, "discard", actor, row.id, row.source, row.filename)

    # ---- what columns mean -----------------------------------------------------------------------------------------------

    async def propose(self, id: str, *, sheet: str | None = None, actor: Actor) -> Proposal:
        row = await self._row(id, actor)
        self._require_inside(row, actor)
        workbook = await self._parts.load_workbook(row)
        table = table_of(workbook, sheet or row.sheet)
        chosen = row if row.chosen and table.sheet == row.sheet else None
        return await self._propose(table, workbook, chosen, actor)

    async def _propose(self, table: Table, workbook: Workbook, chosen: ImportRow | None, actor: Actor) -> Proposal:
        from callboard.features.importing.domain.columns import mapping_from

        people = await self._parts.planner.people(actor, fresh=False)
        guesses = await self._parts.guesses.of(workbook.digest, table, people)
        remembered = ""
        if chosen is not None:
            mapping = mapping_of(orjson.loads(chosen.mapping))
        else:
            async with self._parts.db.read() as tx:
                kept = await store.find_mapping(tx, naming.columns_key(table.columns))
            mapping = mapping_from(guesses)
            if kept is not None:
                mapping, remembered = fit_to_table(mapping_of(orjson.loads(kept[1])), table, mapping), kept[0]
        return Proposal(
            table.sheet, table.header_row, len(table.rows), tuple(guesses), mapping, remembered,
            (*workbook.notes, *table.notes), table.skipped,
        )  # fmt: skip

    async def preview(
        self, id: str, *, sheet: str, mapping: SheetMapping, first: int = 0, limit: int = 1, actor: Actor
    ) -> Sequence[PlannedEntity]:
        row = await self._row(id, actor)
        self._require_inside(row, actor)
        table = table_of(await self._parts.load_workbook(row), sheet)
        require_usable(mapping, table.columns, self._parts.kinds)
        return await self._parts.planner.preview(
            table, mapping, row.source, first=max(first, 0), limit=min(max(limit, 1), 50), actor=actor
        )

    async def choose(
        self, id: str, *, sheet: str, mapping: SheetMapping, source: str | None = None, actor: Actor
    ) -> ImportRecord:
        row = await self._row(id, actor)
        workbook = await self._parts.load_workbook(row)
        table = table_of(workbook, sheet)
        require_usable(mapping, table.columns, self._parts.kinds)
        async with self._parts.db.write() as tx:
            row = self._seen(await store.lock_import(tx, id), actor)
            require_stage(row, "draft", "planning", "planned", "failed")
            wanted = await self._chosen_source(tx, row, source, sheet, mapping, len(workbook.tables) == 1)
            chosen: dict[str, Any] = {
                "sheet": sheet, "mapping": dump(mapping), "source": wanted,
                "columns_key": naming.columns_key(table.columns),
            }  # fmt: skip
            if row.stage not in ("draft", "failed") and all(getattr(row, name) == v for name, v in chosen.items()):
                chosen = {}  # the plan stays good
            else:
                await store.clear_plan(tx, id)
                chosen |= {
                    "stage": "draft", "plan_no": row.plan_no + 1, "digest": "", "counts": "{}", "summary": None, "error": "",
                    "error_code": "", "step": None,
                }  # fmt: skip
            is_said = source is not None or (row.chosen == SOURCE_CHOSEN and sheet == row.sheet)
            await store.update_import(tx, id, chosen=SOURCE_CHOSEN if is_said else COLUMNS_CHOSEN, **chosen)
        return await self._record(id, actor)

    async def _chosen_source(
        self, tx: Transaction, row: ImportRow, source: str | None, sheet: str, mapping: SheetMapping, is_only_tab: bool
    ) -> str:
        if source is None:
            if sheet == row.sheet:
                return row.source
            return await self._pick_source(tx, row.filename, sheet, mapping, is_only_tab)
        counts = await self._parts.sources.list_names(tx, naming.PREFIX)
        if source == "new":
            if not counts.get(row.source):
                return row.source
            wanted = naming.source_name(row.filename, sheet, is_only_tab=is_only_tab)
            return naming.free_source(wanted, {*counts, *await store.list_source_names(tx)})
        if not counts.get(source) and source != row.source:
            raise InputError(f"No sheet is known as {source!r}.", field="source")
        return source

    # ---- plans -------------------------------------------------------------------------------------------------------------

    async def plan(self, id: str, *, wait_s: float = 1.0, actor: Actor) -> ImportRecord:
        row = await self._row(id, actor)
        if row.stage != "planning":
            workbook, table = await self._parts.load(row)
            mapping = mapping_of(orjson.loads(row.mapping))
            require_usable(mapping, table.columns, self._parts.kinds)
            async with self._parts.db.write() as tx:
                row = self._seen(await store.lock_import(tx, id), actor)
                require_stage(row, "draft", "planning", "planned", "failed")
                number = row.plan_no + 1
                source = row.source
                if row.chosen != SOURCE_CHOSEN:  # somebody else's file of that name may have come in since
                    source = await self._pick_source(tx, row.filename, row.sheet, mapping, len(workbook.tables) == 1)
                await store.clear_plan(tx, id)
                await store.update_import(
                    tx, id, source=source, stage="planning", plan_no=number, digest="", counts="{}", summary=None, error="", error_code="",
                    step="reading", done=0, total=0,
                )  # fmt: skip
                payload = {"id": id, "plan_no": number, "actor": dump_actor(actor)}
                await self._parts.jobs.enqueue(tx, PLAN_JOB, payload, key=id, priority=10)
        await self._wait(id, "planning", wait_s)
        return await self._record(id, actor)

    async def _wait(self, id: str, stage: str, wait_s: float) -> None:
        """Until the import is at another stage, or ``wait_s`` have gone."""

        async def is_at_it(tx: Transaction) -> bool:
            row = await store.find_import(tx, id)
            return row is not None and row.stage == stage

        await self._parts.wait(id, is_at_it, wait_s)

    async def get_summary(self, id: str, *, actor: Actor) -> PlanSummary:
        row = await self._row(id, actor)
        summary = summary_of(require_planned(row))
        if row.created_by == actor.subject:
            return summary
        refs = [*summary.leaving, *summary.relied, *(owner.ref for owner in summary.owners)]
        hidden = await self._parts.hidden(refs, actor)
        return replace(
            summary,
            leaving=tuple(ref for ref in summary.leaving if ref not in hidden),
            relied=tuple(ref for ref in summary.relied if ref not in hidden),
            owners=tuple(owner for owner in summary.owners if owner.ref not in hidden),
        )

    async def list_planned(
        self, id: str, *, action: Action | None = None, q: str = "", limit: int = 25, offset: int = 0, actor: Actor
    ) -> PlannedPage:
        row = await self._row(id, actor)
        require_planned(row)
        words = q.strip()
        number = int(words) if words.isascii() and words.isdigit() and len(words) < 10 else None
        hidden: frozenset[str] = frozenset()
        if row.created_by != actor.subject:  # planned as somebody who may see more
            async with self._parts.db.read() as tx:
                refs = await store.list_planned_refs(tx, id)
            hidden = await self._parts.hidden(refs, actor)
        async with self._parts.db.read() as tx:
            bodies, total = await store.list_planned(tx, id, action, words, number, limit, offset, hidden)
        return PlannedPage([planned_of(body) for body in bodies], total)

    # ---- into the catalog, and back -------------------------------------------------------------------------------------

    async def apply(
        self, id: str, *, digest: str, leaving: Literal["keep", "remove"] = "remove", wait_s: float = 2.0, actor: Actor
    ) -> ImportRecord:
        row = await self._row(id, actor)
        if row.stage not in ("applying", "applied"):
            self._parts.sources.require_writable()
            require_stage(row, "planned")
            await self._require_may_apply(row, leaving, actor)
            async with self._parts.db.write() as tx:
                row = self._seen(await store.lock_import(tx, id), actor)
                if row.stage == "planned" and row.digest == digest:
                    await store.update_import(
                        tx, id, stage="applying", step="writing", done=0, total=count_to_write(row)
                    )
                    payload = {"id": id, "leaving": leaving, "actor": dump_actor(actor)}
                    await self._parts.jobs.enqueue(tx, APPLY_JOB, payload, key=id, priority=10)
        if row.digest != digest:
            raise PlanChanged("This is not the plan that you looked at: it was made anew since. Look at it again.")
        await self._wait(id, "applying", wait_s)
        record = await self._record(id, actor)
        if record.stage == "failed":
            async with self._parts.db.read() as tx:
                failed = await store.find_import(tx, id)
            if failed is not None and failed.error_code == PlanChanged.code:
                raise PlanChanged(failed.error)
        return record

    async def _require_may_apply(self, row: ImportRow, leaving: str, actor: Actor) -> None:
        async with self._parts.db.read() as tx:
            rows = await store.list_to_write(tx, row.id)
        changed = [ref for ref, action, _, _ in rows if action == "change"]
        await self._require_for(actor, UPDATE_ENTITY, changed, "change")
        if leaving == "remove":
            await self._require_for(actor, DELETE_ENTITY, summary_of(require_planned(row)).leaving, "remove")

    async def undo(self, id: str, *, actor: Actor) -> ImportRecord:
        row = await self._row(id, actor)
        if row.stage == "undone":
            return await self._record(id, actor)
        self._parts.sources.require_writable()
        require_stage(row, "applied")
        parts = self._parts
        async with parts.db.read() as tx:
            changes = await store.list_changes(tx, id)
        created = [change.ref for change in changes if change.before is None]
        if row.created_by != actor.subject:  # who applied it may take it back: nothing of anybody else is touched
            await self._require_for(actor, DELETE_ENTITY, created, "remove")
            given = [c.ref for c in changes if c.before is not None and c.mark is not None]
            await self._require_for(actor, UPDATE_ENTITY, given, "change")
        restored = [
            Given(c.ref, orjson.loads(c.before), c.before_mark or "", c.uid or "", c.location_key)
            for c in changes
            if c.before is not None
        ]
        write = SourceWrite(
            row.source, restored=restored, removed=created, expected={change.ref: change.mark for change in changes}
        )
        try:
            prepared = await parts.sources.prepare(write)
            async with parts.db.write() as tx:
                now = self._seen(await store.lock_import(tx, id), actor)
                if now.stage == "applied":
                    await parts.sources.write(tx, prepared, actor=actor.subject)
                    later = await store.find_later(tx, id, now.applied_no or 0)
                    if later is not None:
                        raise _stands_on_top(later[1])
                    await store.clear_drift(tx, id)
                    await store.update_import(tx, id, stage="undone", undone_at=parts.now(), undone_by=actor.subject)
                    await self._audit(tx, "undo", actor, id, row.source, row.filename, severity="medium")
                    tx.after_commit(parts.jobs.wake)
        except SourceMoved as moved:
            async with parts.db.read() as tx:
                later = await store.find_later(tx, id, row.applied_no or 0)
            if later is not None:
                raise _stands_on_top(later[1]) from None
            raise UndoRefused(
                f"{moved.message} Undoing would throw that away; remove or change those entities by themselves."
            ) from None
        except InputError as error:
            raise UndoRefused(f"What stood before is not accepted any more: {error.message}") from None
        return await self._record(id, actor)

    # ---- afterwards ----------------------------------------------------------------------------------------------------

    async def get_drift(self, id: str, *, limit: int = 100, actor: Actor) -> DriftState:
        return await self.drifts.find(await self._row(id, actor), limit, actor)

    async def compute_drift(self, id: str, *, limit: int = 100, wait_s: float = 1.0, actor: Actor) -> DriftState:
        row = await self._row(id, actor)
        await self.drifts.ask(row, wait_s, actor)
        return await self.drifts.find(row, limit, actor)

    async def _audit(
        self,
        tx: Transaction,
        what: str,
        actor: Actor,
        id: str,
        source: str,
        filename: str,
        *,
        severity: Severity = "low",
    ) -> None:
        await self._parts.audit.record(
            tx, "import-mutate", actor=actor, severity=severity, plugin="importing",
            meta={"actionType": what, "importId": id, "source": source, "filename": filename},
        )  # fmt: skip


def _stands_on_top(filename: str) -> UndoRefused:
    return UndoRefused(f"The later import of {filename} stands on top of this one. Undo that one first.")


def _title(row: ImportRow) -> str:
    return row.filename if len(orjson.loads(row.sheets)) == 1 else f"{row.filename}, {row.sheet}"


__all__ = ["Imports"]

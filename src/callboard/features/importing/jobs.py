"""Planning and applying, which may take seconds, and forgetting what is old. Each may run twice: the stage tells."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface.held import SourceMoved, SourceWrite, SourceWritten
from callboard.features.importing import store
from callboard.features.importing.codec import dump, dump_bytes, mapping_of, summary_of
from callboard.features.importing.interface import PlanChanged, PlannedEntity, Progress
from callboard.features.importing.job_kinds import ATTEMPTS
from callboard.features.importing.parts import Parts
from callboard.features.importing.planner import document_for, lost_rows, summarize
from callboard.features.importing.progress import ProgressWriter
from callboard.features.importing.store import ImportRow
from callboard.kernel.auth.actor import Actor
from callboard.kernel.auth.stored_actor import actor_of
from callboard.kernel.clock import format_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import CallboardError, UnavailableError
from callboard.kernel.jobs import JobContext, JobFailed
from callboard.kernel.logs import get_logger

log = get_logger(__name__)

KEPT = timedelta(days=7)
PLAN_CHUNK = 1_000
_FAULT = "It failed by a fault of the portal; its log says more. Try it again, and tell those who run the portal."


class ImportJobs:
    """Handlers of the jobs of importing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # ---- planning ----------------------------------------------------------------------------------------------------

    async def plan(self, job: JobContext) -> None:
        id, number = job.payload["id"], int(job.payload["plan_no"])
        async with self._parts.db.read() as tx:
            row = await store.find_import(tx, id)
        if row is None or row.stage != "planning" or row.plan_no != number:
            return
        try:
            await self._make_plan(row, actor_of(job.payload["actor"]))
        except CallboardError as error:
            if isinstance(error, UnavailableError) and job.attempt < ATTEMPTS:
                raise
            await self._fail(id, "planning", number, error)
        except Exception as error:
            await self._fail(id, "planning", number, None)
            log.exception("import failed", import_id=id)
            raise JobFailed(f"{type(error).__name__}: {error}") from error
        finally:
            self._parts.tell_ended(id)

    async def _make_plan(self, row: ImportRow, actor: Actor) -> None:
        parts = self._parts

        async def write(tx: Transaction, said: Progress) -> None:
            now = await store.find_import(tx, row.id)
            if now is not None and now.stage == "planning" and now.plan_no == row.plan_no:
                await store.update_import(tx, row.id, step=said.step, done=said.done, total=said.total)

        progress = ProgressWriter(parts.db, write)
        async with progress:
            workbook, table = await parts.load(row)
            progress.tell(0, len(table.rows))
            mapping = mapping_of(orjson.loads(row.mapping))
            async with parts.db.read() as tx:
                base_no = await store.newest_no(tx, row.source)
            planned = await parts.planner.plan(table, mapping, row.source, actor=actor, tell=progress.tell)
        lost = lost_rows(planned.plan, table)
        if lost:  # never seen; but rows that vanish without a word are what nobody would forgive
            raise AssertionError(f"rows {sorted(lost)[:10]} are in no entity of the plan")
        summary = summarize(planned.plan, table, workbook.notes)
        ordered = _in_order(planned.plan.entities)
        async with parts.db.write() as tx:
            now = await store.lock_import(tx, row.id)
            if now is None or now.stage != "planning" or now.plan_no != row.plan_no:
                return  # something else was chosen meanwhile
            await store.clear_plan(tx, row.id)
            for at in range(0, len(ordered), PLAN_CHUNK):  # a plan as JSON is large: never all of it at once
                part = ordered[at : at + PLAN_CHUNK]
                await store.insert_plan(tx, row.id, await asyncio.to_thread(_plan_rows, part, at, planned.marks))
            await store.remember_mapping(tx, row.columns_key, row.filename, row.mapping, parts.now())
            await store.update_import(
                tx, row.id, stage="planned", digest=summary.digest, counts=dump(summary.counts), summary=dump(summary),
                base_no=base_no, step=None, error="", error_code="",
            )  # fmt: skip

    async def _fail(self, id: str, stage: str, number: int, error: CallboardError | None) -> None:
        text, code = (_FAULT, "error") if error is None else (error.message, error.code)
        async with self._parts.db.write() as tx:
            row = await store.lock_import(tx, id)
            if row is not None and row.stage == stage and row.plan_no == number:
                await store.update_import(tx, id, stage="failed", error=text, error_code=code, step=None)

    # ---- applying ----------------------------------------------------------------------------------------------------

    async def apply(self, job: JobContext) -> None:
        id = job.payload["id"]
        async with self._parts.db.read() as tx:
            row = await store.find_import(tx, id)
        if row is None or row.stage != "applying":
            return
        try:
            await self._write(row, job.payload["leaving"] == "remove", actor_of(job.payload["actor"]))
        except SourceMoved as error:
            await self._fail(id, "applying", row.plan_no, PlanChanged(f"{error.message} Plan it again."))
        except CallboardError as error:
            if isinstance(error, UnavailableError) and job.attempt < ATTEMPTS:
                raise
            await self._fail(id, "applying", row.plan_no, error)
        except Exception as error:
            await self._fail(id, "applying", row.plan_no, None)
            log.exception("import failed", import_id=id)
            raise JobFailed(f"{type(error).__name__}: {error}") from error
        finally:
            self._parts.tell_ended(id)

    async def _write(self, row: ImportRow, with_leaving: bool, actor: Actor) -> None:
        parts = self._parts
        assert row.summary is not None
        summary = summary_of(row.summary)
        async with parts.db.read() as tx:
            planned = await store.list_to_write(tx, row.id)
        write = SourceWrite(
            source=row.source,
            added=[document_for(row.source, orjson.loads(body)["entity"]) for _, _, _, body in planned],
            removed=summary.leaving if with_leaving else (),
            expected={ref: None if action == "create" else mark for ref, action, mark, _ in planned},
        )
        prepared = await parts.sources.prepare(write)
        async with parts.db.write() as tx:
            now = await store.lock_import(tx, row.id)
            if now is None or now.stage != "applying":
                return
            written = SourceWritten({}, {})
            if write.added or write.removed:
                written = await parts.sources.write(tx, prepared, actor=actor.subject)
            if await store.newest_no(tx, row.source) != row.base_no:  # asked with the catalog's lock held
                raise PlanChanged(
                    f"Another import of {row.source} was applied or undone since this was planned. Plan it again."
                )
            touched = [*written.marks, *(ref for ref in written.before if ref not in written.marks)]
            before = {ref: (given, dump_bytes(given.entity)) for ref, given in written.before.items()}
            await store.insert_changes(tx, row.id, touched, before, written.marks)
            relied = {*summary.relied, *(o.ref for o in summary.owners if not o.is_new)} - set(written.marks)
            await store.insert_reliances(tx, row.id, relied)
            await store.update_import(
                tx, row.id, stage="applied", applied_no=await store.next_applied_no(tx), applied_at=parts.now(),
                applied_by=actor.subject, error="", error_code="", step=None,
            )  # fmt: skip
            await parts.audit.record(
                tx, "import-mutate", actor=actor, severity="medium", plugin="importing",
                meta={
                    "actionType": "apply", "importId": row.id, "source": row.source, "filename": row.filename,
                    "written": len(written.marks), "removed": len(touched) - len(written.marks),
                },
            )  # fmt: skip
            tx.after_commit(parts.jobs.wake)

    # ---- what gets old -----------------------------------------------------------------------------------------------

    async def sweep(self, job: JobContext) -> None:
        now = self._parts.clock.now()
        async with self._parts.db.write() as tx:
            imports, files = await store.forget_old(tx, format_time(now), format_time(now + KEPT))
        if imports or files:
            log.info("old uploads forgotten", imports=imports, files=files)


def _plan_rows(part: Sequence[PlannedEntity], at: int, marks: Mapping[str, str]) -> list[tuple[Any, ...]]:
    return [
        (
            position, entity.action, entity.ref, entity.rows[0] if entity.rows else 0, _words(entity), marks.get(entity.ref),
            dump_bytes(entity),
        )
        for position, entity in enumerate(part, start=at)
    ]  # fmt: skip


def _in_order(entities: Sequence[PlannedEntity]) -> list[PlannedEntity]:
    """By their first row; owners that no row names last."""
    return sorted(
        entities, key=lambda entity: (not entity.rows, entity.rows[:1], entity.ref if not entity.rows else "")
    )


def _words(entity: PlannedEntity) -> str:
    metadata = (entity.entity or {}).get("metadata") or {}
    return (
        "\n".join(str(text) for text in (entity.ref, metadata.get("title"), entity.reason) if text)
        .replace("\0", " ")
        .lower()
    )

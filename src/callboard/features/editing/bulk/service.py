"""``BulkChanges``: planned, applied and undone in parts of some hundred entities, at once or by a job that shows how far it is.

A part is written in one transaction. Applying expects what the plan saw and undoing what applying wrote, so that a run that
is broken off and begun again does nothing twice: what it did already stands as wanted, and counts as done.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Any, Awaitable, Callable, Sequence

import orjson

from callboard.features.catalog.interface import UPDATE_ENTITY, CatalogQueries, EntityQuery
from callboard.features.editing.bulk import store
from callboard.features.editing.bulk.domain import field_change, require_sound
from callboard.features.editing.bulk.interface import (
    BulkChange,
    BulkItem,
    BulkNotFound,
    BulkNotReady,
    BulkRecord,
    Stage,
)
from callboard.features.editing.interface import ChangeResult, Editing, FieldChange
from callboard.kernel.audit import READ_AUDIT, Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.auth.stored_actor import actor_of, dump_actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import CallboardError, InputError, LimitError, NotAllowedError
from callboard.kernel.jobs import JobContext, JobFailed, JobKind, Jobs
from callboard.kernel.logs import get_logger
from callboard.kernel.permissions import PermissionService
from callboard.model.kinds import KindRegistry
from callboard.model.predicates import Predicate
from callboard.model.refs import EntityRef, RefError

log = get_logger(__name__)

BULK_JOB = "editing.bulk"
MAX_ENTITIES = 10_000
PART = 250
AT_ONCE = 250
"""So many are done while somebody waits; more are a job's."""
PLANS_KEPT = timedelta(days=1)
_FAULT = "It failed by a fault of the portal; its log says more. What was changed until then can be undone."


class Bulk:
    """``BulkChanges`` of one portal."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self._db: Database = portal.db
        self._clock: Clock = portal.clock
        self._jobs: Jobs = portal.jobs
        self._audit: Audit = portal.audit
        self._permissions: PermissionService = portal.permissions

    @cached_property
    def _queries(self) -> CatalogQueries:
        found: CatalogQueries = self._portal.service(CatalogQueries)
        return found

    @cached_property
    def _editing(self) -> Editing:
        found: Editing = self._portal.service(Editing)
        return found

    @cached_property
    def _kinds(self) -> KindRegistry:
        found: KindRegistry = self._portal.service(KindRegistry)
        return found

    def kinds(self) -> Sequence[JobKind]:
        return (JobKind(BULK_JOB, self._work, lease_s=120, max_attempts=3),)

    # ---- asking --------------------------------------------------------------------------------------------------------

    async def get(self, id: str, *, actor: Actor) -> BulkRecord:
        async with self._db.read() as tx:
            found = await store.find(tx, id)
        if found is None or not (found.by == actor.subject or self._sees_all(actor)):
            raise BulkNotFound(f"There is no bulk change {id} of yours.")
        return found

    def _sees_all(self, actor: Actor) -> bool:
        return self._permissions.decide(actor, READ_AUDIT).result == "ALLOW"

    async def list_records(self, *, limit: int, offset: int = 0, actor: Actor) -> tuple[Sequence[BulkRecord], int]:
        by = None if self._sees_all(actor) else actor.subject
        async with self._db.read() as tx:
            return await store.list_records(tx, by, limit=limit, offset=offset)

    async def list_items(
        self, id: str, *, outcome: str | None = None, limit: int, offset: int = 0, actor: Actor
    ) -> tuple[Sequence[BulkItem], int]:
        await self.get(id, actor=actor)
        async with self._db.read() as tx:
            refs = await store.list_refs(tx, id)
        hidden = await self._queries.list_hidden(
            refs, actor=actor
        )  # since it was planned, or from who reads the audit log
        async with self._db.read() as tx:
            items = await store.list_items(tx, id, outcome=outcome, limit=limit, offset=offset, without=hidden)
            return items, await store.count_items(tx, id, outcome, hidden)

    # ---- planning ------------------------------------------------------------------------------------------------------

    async def plan(
        self, change: BulkChange, *, predicate: Predicate | None = None, refs: Sequence[str] | None = None, why: str = "",
        actor: Actor,
    ) -> BulkRecord:  # fmt: skip
        self._require_may_change(actor)
        require_sound(change)
        change = replace(change, values={name: await self._known(name, v, actor) for name, v in change.values.items()})
        chosen = await self._choose(predicate, refs, actor)
        id, at = uuid.uuid4().hex[:16], self._clock.now()
        async with self._db.write() as tx:
            await store.forget_plans(tx, format_time(at - PLANS_KEPT))
            await store.insert(
                tx, id, by=actor.subject, at=format_time(at), change=change, why=why[:500], actor=orjson.dumps(dump_actor(actor)), total=len(chosen)
            )  # fmt: skip
            await store.insert_refs(tx, id, chosen)
            if len(chosen) > AT_ONCE:
                await self._jobs.enqueue(tx, BULK_JOB, {"id": id, "stage": "planning"}, key=f"bulk:{id}")
        if len(chosen) <= AT_ONCE:
            await self._run(id, "planning", actor)
        return await self.get(id, actor=actor)

    def _require_may_change(self, actor: Actor) -> None:
        """Whoever may change nothing at all would use up a plan by having every change of it refused."""
        if self._permissions.decide(actor, UPDATE_ENTITY).result == "DENY":
            raise NotAllowedError(f"You may not change entities ({UPDATE_ENTITY.name}).")

    async def _known(self, name: str, value: str | None, actor: Actor) -> str | None:
        """An owner or a system as a ref of an entity that is there."""
        if value is None or name not in ("owner", "system"):
            return value
        try:
            ref = EntityRef.parse(value, default_kind="group" if name == "owner" else "system")
        except RefError as error:
            raise InputError(f"{value} is no entity ref: {error}", field=name) from error
        if await self._queries.find_raw(str(ref), actor=actor) is None:
            raise InputError(f"No entity {ref} is visible to you. Choose one that is in the catalog.", field=name)
        return str(ref)

    async def _choose(self, predicate: Predicate | None, refs: Sequence[str] | None, actor: Actor) -> list[str]:
        if refs is not None:
            chosen = [str(EntityRef.parse(ref)) for ref in dict.fromkeys(refs)]
            raws = await self._queries.get_many_raw(chosen[: MAX_ENTITIES + 1], actor=actor)
            chosen = [ref for ref, raw in zip(chosen, raws, strict=False) if raw is not None]
        else:
            chosen = []
            async for chunk in self._queries.iter_raw(EntityQuery(predicate), actor=actor):
                chosen += [str(EntityRef.of(orjson.loads(raw))) for raw in chunk]
                if len(chosen) > MAX_ENTITIES:
                    break
        if len(chosen) > MAX_ENTITIES:
            raise LimitError(f"At most {MAX_ENTITIES:,} entities are changed at once. Narrow the list by a filter.")
        if not chosen:
            raise InputError("No entity that you may see was chosen.", field="refs")
        return chosen

    # ---- doing ---------------------------------------------------------------------------------------------------------

    async def apply(self, id: str, *, actor: Actor) -> BulkRecord:
        return await self._begin(id, "applying", ("planned",), actor)

    async def undo(self, id: str, *, actor: Actor) -> BulkRecord:
        return await self._begin(id, "undoing", ("applied", "failed"), actor)

    async def _begin(self, id: str, stage: Stage, of: Sequence[Stage], actor: Actor) -> BulkRecord:
        record = await self.get(id, actor=actor)
        self._require_may_change(actor)
        count = record.counts.get("changed", 0)
        async with self._db.write() as tx:
            if not await store.set_stage(tx, id, stage, of=of):
                raise BulkNotReady(f"This bulk change is {record.stage}: it cannot be {_done(stage)} now.")
            meta = {"actionType": stage, "bulkId": id, "entities": count, "why": record.why}
            await self._audit.record(tx, "entity-bulk-change", actor=actor, severity="medium", meta=meta)
            if count > AT_ONCE:
                payload = {"id": id, "stage": stage, "actor": dump_actor(actor)}
                await self._jobs.enqueue(tx, BULK_JOB, payload, key=f"bulk:{id}")
        if count <= AT_ONCE:
            await self._run(id, stage, actor)
        return await self.get(id, actor=actor)

    async def _work(self, job: JobContext) -> None:
        id, stage = job.payload["id"], job.payload["stage"]
        async with self._db.read() as tx:
            record = await store.find(tx, id)
            if record is None or record.stage != stage:
                return
            said = job.payload.get("actor") or await store.find_actor(tx, id)
        try:
            await self._run(id, stage, actor_of(said), heartbeat=job.heartbeat, again=job.attempt > 1)
        except Exception as error:
            raise JobFailed(f"{type(error).__name__}: {error}") from error

    async def _run(
        self,
        id: str,
        stage: Stage,
        actor: Actor,
        heartbeat: Callable[[], Awaitable[None]] | None = None,
        again: bool = False,
    ) -> None:
        """``again``: an earlier try of this run was broken off."""
        steps = {"planning": self._plan_parts, "applying": self._apply_parts, "undoing": self._undo_parts}
        try:
            async for done in steps[stage](id, actor, again):
                if heartbeat is not None:
                    await heartbeat()
                async with self._db.write() as tx:
                    await store.add_done(tx, id, done)
        except Exception as error:
            told = error.message if isinstance(error, CallboardError) else _FAULT
            async with self._db.write() as tx:
                await store.set_stage(tx, id, "failed", of=(stage,), error=told)
            if isinstance(error, CallboardError):
                log.warning("bulk change failed", bulk=id, stage=stage, error=error.message)
                return
            log.exception("bulk change failed", bulk=id, stage=stage)
            raise
        end = {"planning": "planned", "applying": "applied", "undoing": "undone"}[stage]
        async with self._db.write() as tx:
            await store.set_stage(tx, id, end, of=(stage,), at=format_time(self._clock.now()))

    async def _plan_parts(self, id: str, actor: Actor, again: bool) -> Any:
        async with self._db.read() as tx:
            record = await store.find(tx, id)
        assert record is not None
        for start in range(0, record.total, PART):
            async with self._db.read() as tx:
                items = await store.list_items(tx, id, outcome=None, limit=PART, offset=start)
            results = await self._plan_part(record.change, [item.ref for item in items], actor)
            async with self._db.write() as tx:
                await store.keep_results(tx, id, start, results)
            yield start + len(items)

    async def _plan_part(self, change: BulkChange, refs: Sequence[str], actor: Actor) -> list[ChangeResult]:
        raws = await self._queries.get_many_raw(refs, actor=actor)
        results: dict[str, ChangeResult] = {}
        wanted: list[FieldChange] = []
        for ref, raw in zip(refs, raws, strict=True):
            if raw is None:
                results[ref] = ChangeResult(ref, "missing", message=f"No entity {ref} is visible to you.")
                continue
            one = field_change(change, orjson.loads(raw), self._kinds)
            if isinstance(one, str):
                results[ref] = ChangeResult(ref, "refused", message=one)
            else:
                wanted.append(one)
        for result in await self._editing.preview_changes(wanted, actor=actor) if wanted else ():
            results[result.ref] = result
        return [results[ref] for ref in refs]

    async def _apply_parts(self, id: str, actor: Actor, again: bool) -> Any:
        async with self._db.read() as tx:
            record = await store.find(tx, id)
            items = await store.list_items(tx, id, outcome="changed", limit=MAX_ENTITIES)
        assert record is not None
        for start in range(0, len(items), PART):
            part = items[start : start + PART]
            changes = [FieldChange(item.ref, item.after, item.before) for item in part]
            results = await self._change(changes, actor, record.why or f"bulk change {id}", again)
            async with self._db.write() as tx:
                await store.keep_outcomes(tx, id, _placed(part, results), undo=False)
            yield start + len(part)

    async def _undo_parts(self, id: str, actor: Actor, again: bool) -> Any:
        async with self._db.read() as tx:
            items = await store.list_items(tx, id, outcome="changed", limit=MAX_ENTITIES, undo_open=True)
        for start in range(0, len(items), PART):
            part = items[start : start + PART]
            changes = [FieldChange(item.ref, item.before, item.after) for item in part]
            results = await self._change(changes, actor, f"bulk change {id} undone", again)
            async with self._db.write() as tx:
                await store.keep_outcomes(tx, id, _placed(part, results), undo=True)
            yield start + len(part)

    async def _change(
        self, changes: Sequence[FieldChange], actor: Actor, why: str, again: bool
    ) -> Sequence[ChangeResult]:
        """Write a part. ``again``: what stands as wanted although it was expected otherwise, the earlier try wrote."""
        results = list(await self._editing.change_fields(changes, actor=actor, why=why))
        clashed = [n for n, result in enumerate(results) if again and result.outcome == "conflict"]
        if clashed:
            plain = [replace(changes[n], expected=None) for n in clashed]
            for n, seen in zip(clashed, await self._editing.preview_changes(plain, actor=actor), strict=True):
                if seen.outcome == "unchanged":
                    results[n] = replace(results[n], outcome="changed", message="")
        return results


def _placed(items: Sequence[BulkItem], results: Sequence[ChangeResult]) -> list[tuple[int, ChangeResult]]:
    return [(item.position, result) for item, result in zip(items, results, strict=True)]


def _done(stage: Stage) -> str:
    return "applied" if stage == "applying" else "undone"

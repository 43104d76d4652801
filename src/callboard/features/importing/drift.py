"""What a sheet says that the catalog does not, and the reverse: worked out by a job and kept, for each person who asks.

Two people may see different things of one catalog, so each has an answer of their own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

import orjson

from callboard.features.importing import store
from callboard.features.importing.codec import drift_of, dump_bytes, mapping_of
from callboard.features.importing.interface import Drift, DriftState, PlannedEntity, Progress
from callboard.features.importing.job_kinds import ATTEMPTS, DRIFT_JOB
from callboard.features.importing.parts import Parts
from callboard.features.importing.progress import ProgressWriter
from callboard.features.importing.stages import require_stage
from callboard.features.importing.store import DriftRow, ImportRow
from callboard.kernel.auth.actor import Actor
from callboard.kernel.auth.stored_actor import actor_of, dump_actor
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import CallboardError, UnavailableError
from callboard.kernel.jobs import JobContext, JobFailed
from callboard.kernel.logs import get_logger

log = get_logger(__name__)

MAX_KEPT = 500
"""Differences of each sort that are kept; the others are counted."""
_DIFFERING = ("create", "change", "conflict")
_FAULT = "It failed by a fault of the portal; its log says more. Try it again, and tell those who run the portal."


class Drifts:
    """Asks for comparisons, makes them, and tells what came out."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def find(self, row: ImportRow, limit: int, actor: Actor) -> DriftState:
        """What is known of an import now. Raises ``NotReady`` unless it is applied and not undone."""
        require_stage(row, "applied")
        async with self._parts.db.read() as tx:
            kept = await store.find_drift(tx, row.id, actor.subject)
        if kept is None:
            return DriftState("none")
        drift = None if kept.body is None else await self._cut(drift_of(kept.body), limit, actor)
        is_working = kept.state == "computing"
        step = Progress("planning" if kept.total else "reading", kept.done, kept.total) if is_working else None
        return DriftState(kept.state, step, kept.error, drift)  # type: ignore[arg-type]

    async def _cut(self, drift: Drift, limit: int, actor: Actor) -> Drift:
        """At most ``limit`` of each sort, and nothing that ``actor`` may not see any more."""
        differing: Sequence[PlannedEntity] = drift.differing[:limit]
        unnamed = drift.unnamed[:limit]
        hidden = await self._parts.hidden([*(one.ref for one in differing), *unnamed], actor)
        return replace(
            drift,
            differing=[one for one in differing if one.ref not in hidden],
            unnamed=[ref for ref in unnamed if ref not in hidden],
        )

    async def ask(self, row: ImportRow, wait_s: float, actor: Actor) -> None:
        """Have the comparison made anew; one that is at it already is left to end. Waits at most ``wait_s``.

        Raises ``NotReady``, and ``ImportNotFound`` once the upload is gone.
        """
        require_stage(row, "applied")
        await self._parts.require_file(row)
        async with self._parts.db.write() as tx:
            now = await store.lock_import(tx, row.id)
            if now is not None and now.stage == "applied":
                number = await store.ask_drift(tx, row.id, actor.subject)
                payload = {"id": row.id, "no": number, "actor": dump_actor(actor)}
                await self._parts.jobs.enqueue(tx, DRIFT_JOB, payload, key=_key(row.id, actor.subject), priority=10)
        await self._parts.wait(
            _key(row.id, actor.subject), lambda tx: self._is_at_it(tx, row.id, actor.subject), wait_s
        )

    async def _is_at_it(self, tx: Transaction, id: str, subject: str) -> bool:
        kept = await store.find_drift(tx, id, subject)
        return kept is not None and kept.state == "computing"

    # ---- the job -----------------------------------------------------------------------------------------------------

    async def compute(self, job: JobContext) -> None:
        id, number, actor = job.payload["id"], int(job.payload["no"]), actor_of(job.payload["actor"])
        async with self._parts.db.read() as tx:
            row = await store.find_import(tx, id)
            kept = await store.find_drift(tx, id, actor.subject)
        if row is None or row.stage != "applied" or kept is None or not _is_asked(kept, number):
            return
        try:
            await self._end(id, number, actor.subject, body=dump_bytes(await self._compare(row, number, actor)))
        except CallboardError as error:
            if isinstance(error, UnavailableError) and job.attempt < ATTEMPTS:
                raise
            await self._end(id, number, actor.subject, error=error.message)
        except Exception as error:
            await self._end(id, number, actor.subject, error=_FAULT)
            log.exception("comparing a sheet failed", import_id=id)
            raise JobFailed(f"{type(error).__name__}: {error}") from error
        finally:
            self._parts.tell_ended(_key(id, actor.subject))

    async def _compare(self, row: ImportRow, number: int, actor: Actor) -> Drift:
        async def write(tx: Transaction, progress: Progress) -> None:
            await store.tell_drift(tx, row.id, actor.subject, number, progress.done, progress.total)

        writer = ProgressWriter(self._parts.db, write)
        async with writer:
            _, table = await self._parts.load(row)
            writer.tell(0, len(table.rows))
            mapping = mapping_of(orjson.loads(row.mapping))
            at = self._parts.clock.now()
            plan = (await self._parts.planner.plan(table, mapping, row.source, actor=actor, tell=writer.tell)).plan
        hidden = await self._parts.hidden([one.ref for one in plan.entities if one.action == "conflict"], actor)
        differing = [one for one in plan.entities if one.action in _DIFFERING and one.ref not in hidden]
        return Drift(at, differing[:MAX_KEPT], plan.leaving[:MAX_KEPT], len(differing) + len(plan.leaving))

    async def _end(self, id: str, number: int, subject: str, *, body: bytes | None = None, error: str = "") -> None:
        async with self._parts.db.write() as tx:
            row = await store.lock_import(tx, id)
            if row is not None and row.stage == "applied":
                await store.end_drift(tx, id, subject, number, body, error)


def _key(id: str, subject: str) -> str:
    return f"drift {id} {subject}"


def _is_asked(kept: DriftRow, number: int) -> bool:
    return kept.state == "computing" and kept.no == number

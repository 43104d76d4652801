"""Running tasks: a job takes one, works off what has not ended, and writes how it ended.

An attempt holds the task by its ``run``. A replica that dies stops beating; its job's lease ends, and the next attempt takes the
task over after the last finished step, in a workspace restored from the snapshot that step left. What cuts an attempt off decides
what becomes of the task: a person's cancel ends it, the stop of the portal puts it back, a lost lease leaves it to the other.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, AsyncIterator, Awaitable, Callable, Mapping

import orjson

from callboard.features.scaffolder.interface import StepWaits
from callboard.features.scaffolder.interface.updates import FinishedRun
from callboard.features.scaffolder.running import RunResult, TaskRunner
from callboard.features.scaffolder.spec import TaskSpec, read_spec
from callboard.features.scaffolder.store import running as store
from callboard.features.scaffolder.store.running import Held, HeldStep
from callboard.features.scaffolder.tasks.ending import CANCELLED, Ending, write_end
from callboard.features.scaffolder.tasks.parts import TaskParts
from callboard.features.scaffolder.tasks.record import RETRY_PAUSES_S, RunLost, StoredRecord, Untold, write_untold
from callboard.features.scaffolder.tasks.sealing import CannotOpen, Sealer
from callboard.features.scaffolder.tasks.snapshots import WorkspaceLost
from callboard.features.scaffolder.tasks.step_actions import RegisteredActions
from callboard.kernel.auth.stored_actor import actor_of
from callboard.kernel.clock import format_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import CallboardError, UnavailableError
from callboard.kernel.jobs import JobContext, LeaseLost
from callboard.kernel.logs import get_logger

MAX_TAKEOVERS = 5
"""A task whose replica died that often is not begun once more: it may well be what kills them."""

FLUSH_S = 0.15
"""How far behind its log may be while a step works."""

BEAT_S = 5.0
CANCEL_AGAIN_S = 10.0
log = get_logger(__name__)


@dataclass(slots=True)
class _Claimed:
    held: Held
    run: str
    steps: list[HeldStep]
    checkpoints: dict[tuple[str, str], bytes]


@dataclass(slots=True)
class _Attempt:
    """One that works in this replica. ``look`` asks it to see whether it is still wanted."""

    work: asyncio.Task[RunResult]
    look: asyncio.Event = field(default_factory=asyncio.Event)
    is_cancelled: bool = False
    is_lost: bool = False


class TaskWorker:
    """The running tasks of one replica."""

    def __init__(self, parts: TaskParts) -> None:
        self._parts = parts
        self._running: dict[str, _Attempt] = {}
        parts.stream.on_cancel = self._look

    def _look(self, id: str) -> None:
        for running_id, attempt in self._running.items():
            if not id or id == running_id:
                attempt.look.set()

    # ---- taking a task -------------------------------------------------------------------------------------------------

    async def run(self, context: JobContext) -> None:
        """The job. Raises ``LeaseLost`` when another attempt has the task."""
        claimed = await self._claim(context.payload["task"])
        if claimed is None:
            return
        try:
            await self._run(claimed)
        finally:
            await self._parts.workspaces.remove(claimed.run)

    async def _claim(self, id: str) -> _Claimed | None:
        """The task with what earlier attempts left of it; None when there is nothing to do any more."""
        parts, run = self._parts, uuid.uuid4().hex
        async with parts.db.write() as tx:
            held = await store.lock_task(tx, id)
            if held is None or held.state in store.ENDED:
                return None
            is_takeover = held.run is not None
            over = self._why_not(held, is_takeover)
            claimed = None
            if over is not None:
                await write_end(parts, tx, held, over[0], error=over[1])
            else:
                now = format_time(parts.clock.now())
                await store.claim(tx, id, run, now, is_takeover=is_takeover)
                if is_takeover:
                    held = await self._recover(tx, held, now)
                steps = await store.list_held_steps(tx, id)
                claimed = _Claimed(held, run, steps, await store.list_checkpoints(tx, id))
        if held.run is not None:
            await parts.workspaces.remove(held.run)
        return claimed

    def _why_not(self, held: Held, is_takeover: bool) -> tuple[Ending, Mapping[str, str]] | None:
        if held.cancel_at is not None:
            return "cancelled", CANCELLED
        if is_takeover and not self._parts.settings.recovers:
            return "failed", {"name": "Error", "message": "The portal that ran the task was stopped while it did."}
        if is_takeover and held.takeovers >= MAX_TAKEOVERS:
            said = f"The portal was stopped {held.takeovers + 1} times while it ran the task; it is not tried again."
            return "failed", {"name": "Error", "message": said}
        return None

    async def _recover(self, tx: Transaction, held: Held, now: str) -> Held:
        strategy = read_spec(store.load_spec(held)).recovery
        if strategy == "startOver":
            await store.start_over(tx, held.id, trims=True)
            held = held._replace(snapshot=None)
        body = {"message": "The task goes on: the portal that ran it was stopped.", "recoverStrategy": strategy}
        await store.insert_events(tx, held.id, now, [("recovered", body)])
        log.warning("task taken over", task=held.id, takeovers=held.takeovers + 1)
        return held

    # ---- running it ----------------------------------------------------------------------------------------------------

    async def _run(self, claimed: _Claimed) -> None:
        parts, held = self._parts, claimed.held
        spec = read_spec(store.load_spec(held))
        try:
            runner, record = await self._prepare(claimed, spec)
        except (CannotOpen, WorkspaceLost) as error:
            await self._end(claimed, None, "failed", error={"name": error.name, "message": error.message})
            return
        attempt = _Attempt(asyncio.ensure_future(runner.run()))
        self._running[held.id] = attempt
        helpers = [
            asyncio.ensure_future(self._beat(attempt, record)),
            asyncio.ensure_future(_flush(attempt, runner, record)),
        ]
        try:
            async with asyncio.timeout(parts.settings.task_timeout.total_seconds()):
                result = await attempt.work
        except StepWaits:
            await runner.flush()
            await self._put_aside(claimed, record)
        except RunLost:
            raise _lost(held.id) from None
        except TimeoutError:
            seconds = parts.settings.task_timeout.total_seconds()
            said = f"The task took longer than {seconds:g} s (scaffolder.taskTimeout)."
            await runner.flush()
            await self._end(claimed, record, "failed", error={"name": "TimeoutError", "message": said})
        except asyncio.CancelledError:
            if attempt.is_lost:
                raise _lost(held.id) from None
            task = asyncio.current_task()
            if attempt.is_cancelled and task is not None and not task.cancelling():
                await runner.flush()
                await self._end(claimed, record, "cancelled", error=CANCELLED)
            else:
                await asyncio.shield(self._put_back(claimed, runner, record))
                raise
        else:
            state: Ending = "completed" if result.status == "completed" else "failed"
            if state == "failed" and attempt.is_cancelled:
                state = "cancelled"
            if state == "completed":
                await self._record(claimed, spec, runner, record, result.output)
            await self._end(claimed, record, state, output=result.output, error=result.error)
        finally:
            self._running.pop(held.id, None)
            for helper in helpers:
                helper.cancel()
            await asyncio.wait(helpers)
            await self._add_left_audit(held.id, record)

    async def _prepare(self, claimed: _Claimed, spec: TaskSpec) -> tuple[TaskRunner, StoredRecord]:
        """Raises ``CannotOpen`` or ``WorkspaceLost`` when what was kept cannot be used."""
        parts, held = self._parts, claimed.held
        secrets: dict[str, str] = {}
        sealer: Sealer | None = None
        if held.is_sealed:
            sealer = await parts.seals.get()
            if held.secrets is not None:
                secrets = sealer.load_json(bytes(held.secrets), f"secrets/{held.id}")
        workspace = parts.workspaces.make(claimed.run)
        if held.snapshot is not None:
            await parts.snapshots.restore(held.id, held.snapshot, workspace.root, sealer)
        opened = _Opener(sealer)
        finished = {
            step.id: opened.load(step.output, f"output/{held.id}/{step.id}")
            for step in claimed.steps
            if step.state == "completed"
        }
        checkpoints = {
            (step_id, key): opened.load(value, f"checkpoint/{held.id}/{step_id}/{key}")
            for (step_id, key), value in claimed.checkpoints.items()
        }
        record = StoredRecord(
            parts,
            held.id,
            claimed.run,
            workspace,
            sealer=sealer,
            last_step=spec.steps[-1].id if spec.steps else None,
            finished=finished,
            checkpoints=checkpoints,
            snapshot=held.snapshot,
        )
        record.actions.update({step.id: step.action for step in spec.steps})
        actor = actor_of(orjson.loads(held.actor))
        actions = RegisteredActions(parts.actions, parts.permissions, actor, keep_audit=record.keep_audit)
        runner = TaskRunner(
            spec,
            task_id=held.id,
            language=parts.extensions.language,
            actions=actions,
            record=record,
            workspace=workspace,
            secrets=secrets,
            environment=parts.settings.environment,
        )
        actions.redact = runner.redactor.text
        return runner, record

    async def _beat(self, attempt: _Attempt, record: StoredRecord) -> None:
        """Signs of life; and cut the work off when it is not wanted any more."""
        pause = min(self._parts.settings.stale_after.total_seconds() / 3, BEAT_S)
        while True:
            try:
                async with asyncio.timeout(pause):
                    await attempt.look.wait()
            except TimeoutError:
                pass
            attempt.look.clear()
            try:
                attempt.is_cancelled = await record.beat()
            except RunLost:
                attempt.is_lost = True
            except CallboardError:
                continue  # the database is out: the lease tells what becomes of it
            while (attempt.is_cancelled or attempt.is_lost) and not attempt.work.done():
                attempt.work.cancel()
                await asyncio.wait([attempt.work], timeout=CANCEL_AGAIN_S)

    # ---- how it ends ---------------------------------------------------------------------------------------------------

    async def _end(
        self,
        claimed: _Claimed,
        record: StoredRecord | None,
        state: Ending,
        *,
        output: Mapping[str, Any] | None = None,
        error: Mapping[str, str] | None = None,
    ) -> None:
        parts = self._parts
        async with _rest_of(record) as untold:

            async def write(tx: Transaction, held: Held) -> None:
                await write_end(parts, tx, held, state, untold=untold, output=output, error=error)

            # The folder goes beside the word, not before it: nobody waits for files to be taken away. One that is left because
            # the replica died in between is no attempt's any more, and is cleared away at the next start.
            removal = asyncio.ensure_future(parts.workspaces.remove(claimed.run))
            try:
                await self._write(claimed, write)
            finally:
                await asyncio.wait([removal])
        if state == "completed":
            await parts.snapshots.forget(claimed.held.id)

    async def _record(
        self, claimed: _Claimed, spec: TaskSpec, runner: TaskRunner, record: StoredRecord, output: Mapping[str, Any]
    ) -> None:
        """What it made is kept for later updates, while it still lies there."""
        if self._parts.recorder is not None:
            held = claimed.held
            run = FinishedRun(held.id, spec.data, record.folder, runner.outputs, output, held.created_by or "")
            await self._parts.recorder.record_run(run)

    async def _put_aside(self, claimed: _Claimed, record: StoredRecord) -> None:
        """The step that waits is told of, and the task let go of."""
        async with record.rest() as untold:
            step_id = record.current_step()

            async def write(tx: Transaction, held: Held) -> None:
                now = format_time(self._parts.clock.now())
                await write_untold(self._parts, tx, held.id, untold, now)
                if step_id is not None:
                    await store.change_step(tx, held.id, step_id, "waiting", now)
                if held.cancel_at is not None:
                    await write_end(self._parts, tx, held, "cancelled", error=CANCELLED)
                else:
                    await store.let_go(tx, held.id, claimed.run, waits=True)

            await self._write(claimed, write)

    async def _put_back(self, claimed: _Claimed, runner: TaskRunner, record: StoredRecord) -> None:
        """The portal stops: the next attempt begins after the last finished step."""
        await runner.flush()
        try:
            async with record.rest() as untold:

                async def write(tx: Transaction, held: Held) -> None:
                    now = format_time(self._parts.clock.now())
                    await write_untold(self._parts, tx, held.id, untold, now)
                    await store.let_go(tx, held.id, claimed.run, waits=False)

                await self._write(claimed, write)
        except (CallboardError, LeaseLost) as error:
            log.warning("task not put back", task=claimed.held.id, problem=str(error))

    async def _add_left_audit(self, id: str, record: StoredRecord) -> None:
        try:
            await record.add_left_audit()
        except CallboardError as error:
            log.error("what a task did is not audited", task=id, problem=error.message)

    async def _write(self, claimed: _Claimed, write: Callable[[Transaction, Held], Awaitable[None]]) -> None:
        """In one transaction, while the task is still ours; again when the database does not answer."""
        for pause in (*RETRY_PAUSES_S, None):
            try:
                async with self._parts.db.write() as tx:
                    held = await store.lock_task(tx, claimed.held.id)
                    if held is None or held.run != claimed.run:
                        raise _lost(claimed.held.id)
                    await write(tx, held)
                return
            except UnavailableError:
                if pause is None:
                    raise
                await asyncio.sleep(pause)


@asynccontextmanager
async def _rest_of(record: StoredRecord | None) -> AsyncIterator[Untold]:
    """What is not written yet of an attempt, which may not have begun."""
    if record is None:
        yield Untold()
    else:
        async with record.rest() as untold:
            yield untold


class _Opener:
    """Opens what steps gave, sealed or not."""

    def __init__(self, sealer: Sealer | None) -> None:
        self._sealer = sealer

    def load(self, kept: bytes | None, context: str) -> Any:
        if kept is None:
            return {}
        body = bytes(kept)
        return orjson.loads(body) if self._sealer is None else self._sealer.load_json(body, context)


async def _flush(attempt: _Attempt, runner: TaskRunner, record: StoredRecord) -> None:
    """Write what steps say while they work."""
    while True:
        await asyncio.sleep(FLUSH_S)
        try:
            await runner.flush()
            await record.flush()
        except RunLost:
            attempt.is_lost = True
            attempt.work.cancel()
            return
        except CallboardError as error:
            log.warning("log of a task not written yet", problem=error.message)


def _lost(id: str) -> LeaseLost:
    return LeaseLost(f"Task {id} is another attempt's now.")

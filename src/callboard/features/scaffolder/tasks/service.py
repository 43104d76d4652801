"""``Tasks``: each call asks permission; what is written is written in one transaction, and audited."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.scaffolder.interface import (
    DryRun,
    DryRunResult,
    NewTask,
    Task,
    TaskEvent,
    TaskNotEnded,
    TaskNotFound,
    TaskPage,
    TaskQuery,
    ValuesRefused,
)
from callboard.features.scaffolder.job_kinds import TASK_JOB
from callboard.features.scaffolder.permissions import CANCEL_TASK, CREATE_TASK, READ_TASK, holds
from callboard.features.scaffolder.spec import base_url_of, make_spec
from callboard.features.scaffolder.store import reading
from callboard.features.scaffolder.store import running as store
from callboard.features.scaffolder.store.running import ENDED, Held
from callboard.features.scaffolder.tasks.auditing import audited_values
from callboard.features.scaffolder.tasks.dry_run import DryRuns
from callboard.features.scaffolder.tasks.ending import AUDIT_EVENT, CANCELLED, publish, write_end
from callboard.features.scaffolder.tasks.parts import TaskParts
from callboard.features.scaffolder.tasks.sealing import dump_json
from callboard.features.scaffolder.tasks.snapshots import EXPIRED
from callboard.kernel.auth.actor import Actor
from callboard.kernel.auth.stored_actor import dump_actor
from callboard.kernel.clock import format_time, parse_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import InputError, LimitError, NotAllowedError
from callboard.kernel.permissions import Permission
from callboard.model.refs import EntityRef, RefError

MAX_SECRETS_BYTES = 256 * 1024
SETTLE_S = 0.05
"""How old a task is when nobody waits for its end any more before showing it: too short for people to notice."""


class TaskService:
    """``Tasks`` of one portal."""

    def __init__(self, parts: TaskParts) -> None:
        self._parts = parts
        self._dry_runs = DryRuns(parts)

    # ---- making one ----------------------------------------------------------------------------------------------------

    async def create(self, new: NewTask, *, actor: Actor) -> str:
        parts = self._parts
        parts.permissions.require(actor, CREATE_TASK)
        secrets = _checked_secrets(new.secrets)
        try:
            ref = EntityRef.parse(new.template_ref, default_kind="template")
        except RefError as error:
            raise InputError(str(error), field="templateRef") from None
        template = await parts.templates.find_template(ref, actor=actor)
        problems = parts.templates.find_secret_problems(template, secrets)
        problems = problems or parts.templates.find_problems(template, new.values)
        if problems:
            raise ValuesRefused(problems)
        spec = make_spec(
            template,
            new.values,
            entity_ref=str(ref),
            base_url=base_url_of(template),
            user=await user_of(parts, actor),
        )
        id = str(uuid.uuid4())
        created_by = actor.subject if actor.is_user else None
        is_sealed = bool(secrets) or bool(parts.settings.environment["secrets"])
        sealed = await self._seal(id, secrets)
        async with parts.db.write() as tx:
            await store.insert_task(
                tx,
                id,
                spec,
                actor=dump_json(dump_actor(actor)).decode(),
                created_by=created_by,
                template_ref=str(ref),
                secrets=sealed,
                is_sealed=is_sealed,
                now=format_time(parts.clock.now()),
            )
            await parts.jobs.enqueue(tx, TASK_JOB, {"task": id}, key=id)
            answers = audited_values(new.values, secrets, parts.settings.audited_characters)
            meta = {"templateRef": str(ref), "taskParameters": answers}
            await self._record(tx, "create", id, actor, meta)
            await publish(parts, tx, id, "open", str(ref), created_by)
        return id

    async def _seal(self, id: str, secrets: Mapping[str, str]) -> bytes | None:
        return (await self._parts.seals.get()).seal_json(dict(secrets), f"secrets/{id}") if secrets else None

    # ---- looking -------------------------------------------------------------------------------------------------------

    async def get(self, id: str, *, actor: Actor) -> Task:
        async with self._parts.db.read() as tx:
            task = await reading.find_task(tx, id)
        if task is None or not self._may(actor, READ_TASK, task.created_by):
            raise _not_found(id)
        return task

    async def settle(self, id: str, *, actor: Actor) -> Task:
        with self._parts.stream.follow(id) as follower:
            task = await self.get(id, actor=actor)
            age_s = (self._parts.clock.now() - parse_time(task.created_at)).total_seconds()
            try:
                async with asyncio.timeout(min(SETTLE_S - age_s, SETTLE_S)):
                    while task.state not in ENDED:
                        await follower.wait(SETTLE_S)
                        task = await self.get(id, actor=actor)
            except TimeoutError:
                pass
        return task

    async def list(self, query: TaskQuery, *, actor: Actor) -> TaskPage:
        decision = self._parts.permissions.require(actor, READ_TASK)
        condition = None
        if decision.condition is not None:
            condition = self._parts.permissions.compile(decision.condition)
        async with self._parts.db.read() as tx:
            return TaskPage(*await reading.list_tasks(tx, query, condition))

    async def events(self, id: str, *, after: int | None = None, actor: Actor) -> Sequence[TaskEvent]:
        spec = await self._require_visible(id, actor)
        return await self._events(id, after, spec)

    async def wait_events(
        self, id: str, *, after: int | None = None, timeout_s: float = 30.0, actor: Actor
    ) -> Sequence[TaskEvent]:
        clock = self._parts.clock
        ends = clock.monotonic() + timeout_s
        with self._parts.stream.follow(id) as follower:
            spec = await self._require_visible(id, actor)
            while True:
                found = await self._events(id, after, spec)
                left = ends - clock.monotonic()
                if found or left <= 0:
                    return found
                await follower.wait(left)

    async def _events(self, id: str, after: int | None, spec: Mapping[str, Any]) -> Sequence[TaskEvent]:
        async with self._parts.db.read(snapshot=False) as tx:
            return await reading.list_events(tx, id, after, spec)

    async def _require_visible(self, id: str, actor: Actor) -> Mapping[str, Any]:
        async with self._parts.db.read(snapshot=False) as tx:
            found = await reading.find_creator(tx, id)
        if found is None or not self._may(actor, READ_TASK, found[0]):
            raise _not_found(id)
        return found[1]

    # ---- ending it, and once more --------------------------------------------------------------------------------------

    async def cancel(self, id: str, *, actor: Actor) -> None:
        parts = self._parts
        async with parts.db.write() as tx:
            held = self._require_held(await store.lock_task(tx, id), id, actor)
            if held.state in ENDED or held.cancel_at is not None:
                return
            now = format_time(parts.clock.now())
            steps = await reading.list_steps(tx, id)
            step = next((one for one in steps if one.state in ("processing", "waiting")), None)
            body: dict[str, Any] = {"message": "The task was cancelled.", "status": "cancelled"}
            if step is not None:
                body = {"message": f"Step {step.id} has been cancelled.", "stepId": step.id, "status": "cancelled"}
            await store.insert_events(tx, id, now, [("cancelled", body)])
            await self._record(tx, "cancel", id, actor, {"templateRef": held.template_ref})
            if held.run is None:
                await write_end(parts, tx, held, "cancelled", error=CANCELLED)
            else:
                await store.ask_cancel(tx, id, now)

    async def retry(self, id: str, *, secrets: Mapping[str, str] | None = None, actor: Actor) -> None:
        parts = self._parts
        parts.permissions.require(actor, CREATE_TASK)
        given = _checked_secrets(secrets or {})
        sealed = await self._seal(id, given)
        async with parts.db.write() as tx:
            held = self._require_held(await store.lock_task(tx, id), id, actor)
            if held.state not in ENDED:
                raise TaskNotEnded(f"Task {id} is {held.state}; only one that has ended can be tried again.")
            strategy = "startOver" if self._starts_over(held) else "none"
            if strategy == "startOver":
                await store.start_over(tx, id, trims=False)
            await store.reopen(tx, id, sealed, is_sealed=held.is_sealed or bool(given))
            body = {"message": "The task is tried again.", "recoverStrategy": strategy}
            await store.insert_events(tx, id, format_time(parts.clock.now()), [("recovered", body)])
            await parts.jobs.enqueue(tx, TASK_JOB, {"task": id}, key=id)
            await self._record(tx, "retry", id, actor, {"templateRef": held.template_ref})
            await publish(parts, tx, id, "open", held.template_ref, held.created_by)

    def _starts_over(self, held: Held) -> bool:
        """Whether nothing of what was done is of use: all is done, it is not kept, or the template wants it so."""
        if held.state == "completed" or held.snapshot == EXPIRED or not self._parts.settings.recovers:
            return True
        said = orjson.loads(held.spec).get("EXPERIMENTAL_recovery")
        return isinstance(said, Mapping) and said.get("EXPERIMENTAL_strategy") == "startOver"

    async def resume(self, tx: Transaction, id: str) -> None:
        await self._parts.jobs.enqueue(tx, TASK_JOB, {"task": id}, key=id)

    async def dry_run(self, dry: DryRun, *, actor: Actor) -> DryRunResult:
        return await self._dry_runs.run(dry, actor=actor)

    # ---- permissions ---------------------------------------------------------------------------------------------------

    def _may(self, actor: Actor, permission: Permission, created_by: str | None) -> bool:
        decision = self._parts.permissions.decide(actor, permission)
        if decision.condition is None:
            return decision.result == "ALLOW"
        return holds(self._parts.permissions.compile(decision.condition), {"created_by": created_by})

    def _require_held(self, held: Held | None, id: str, actor: Actor) -> Held:
        """The task, if the actor may see and end it. Raises ``TaskNotFound``, ``NotAllowedError``."""
        if held is None or not self._may(actor, READ_TASK, held.created_by):
            raise _not_found(id)
        if not self._may(actor, CANCEL_TASK, held.created_by):
            raise NotAllowedError(f"You may not do this: it needs the permission {CANCEL_TASK.name} for this task.")
        return held

    async def _record(self, tx: Transaction, action: str, id: str, actor: Actor, meta: Mapping[str, Any]) -> None:
        await self._parts.audit.record(
            tx,
            AUDIT_EVENT,
            actor=actor,
            severity="medium",
            meta={"actionType": action, "taskId": id, **meta},
            plugin="scaffolder",
        )


async def user_of(parts: TaskParts, actor: Actor) -> dict[str, Any]:
    """``spec.user``: who started it, with the entity if there is one that they may see."""
    if not actor.is_user:
        return {}
    raw = await parts.queries.find_raw(actor.subject, actor=actor)
    return {"ref": actor.subject, **({} if raw is None else {"entity": orjson.loads(raw)})}


def _checked_secrets(secrets: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in secrets.items():
        if not isinstance(value, str):
            raise InputError(f"The secret {name} must be a text.", field=f"secrets.{name}")
    if sum(len(name) + len(value) for name, value in secrets.items()) > MAX_SECRETS_BYTES:
        raise LimitError(f"Secrets may have {MAX_SECRETS_BYTES} characters in all.")
    return dict(secrets)


def _not_found(id: str) -> TaskNotFound:
    return TaskNotFound(f"No task with id '{id}' found")

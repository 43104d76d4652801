"""The end of a task, in one transaction: its state, the last of its log, the audit and the event."""

from __future__ import annotations

from typing import Any, Literal, Mapping

import orjson

from callboard.features.scaffolder.store import running as store
from callboard.features.scaffolder.store.running import Held
from callboard.features.scaffolder.tasks.parts import TOPIC, TaskParts
from callboard.features.scaffolder.tasks.record import Untold, write_untold
from callboard.kernel.auth.stored_actor import actor_of
from callboard.kernel.clock import format_time, parse_time
from callboard.kernel.db.interface import Transaction

Ending = Literal["completed", "failed", "cancelled"]
AUDIT_EVENT = "task"
CANCELLED = {"name": "CancelledError", "message": "The task was cancelled."}


async def write_end(
    parts: TaskParts,
    tx: Transaction,
    held: Held,
    state: Ending,
    *,
    untold: Untold | None = None,
    output: Mapping[str, Any] | None = None,
    error: Mapping[str, str] | None = None,
    action_type: str = "execution",
) -> None:
    """After the row of the task was locked in ``tx``. ``error`` is ``{name, message}``, without secrets."""
    moment = parts.clock.now()
    now = format_time(moment)
    if untold is not None:
        await write_untold(parts, tx, held.id, untold, now)
    await store.end_task(tx, held.id, state, now, output=output or {}, error=error)
    body: dict[str, Any] = {"message": f"Run completed with status: {state}"}
    if error is None:
        body["output"] = output or {}
    else:
        body["error"] = error
    await store.insert_events(tx, held.id, now, [("completion", body)])
    meta = {"actionType": action_type, "taskId": held.id, "templateRef": held.template_ref, "taskStatus": state}
    await parts.audit.record(
        tx,
        AUDIT_EVENT,
        actor=actor_of(orjson.loads(held.actor)),
        severity="medium",
        meta=meta,
        status="succeeded" if state == "completed" else "failed",
        plugin="scaffolder",
        error=None if error is None else error["message"],
    )
    await publish(parts, tx, held.id, state, held.template_ref, held.created_by)
    seconds = 0.0 if held.started_at is None else (moment - parse_time(held.started_at)).total_seconds()
    tx.after_commit(lambda: parts.figures.task_ended(state, seconds, held.template_ref))


async def publish(
    parts: TaskParts, tx: Transaction, id: str, state: str, template_ref: str | None, created_by: str | None
) -> None:
    """Tell that a task is in another state."""
    await parts.events.publish(
        tx, TOPIC, {"id": id, "status": state, "templateRef": template_ref, "createdBy": created_by}
    )

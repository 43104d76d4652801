"""``Approvals``: asked by steps, decided by people, reminded of and run out by a job. Each write is audited in its transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Mapping, Sequence

from callboard.features.notifications.interface import NewNotification, Notifications
from callboard.features.scaffolder.approvals import store
from callboard.features.scaffolder.approvals.domain import (
    Approval,
    ApprovalClosed,
    ApprovalNotFound,
    ApprovalState,
    Decision,
    approval_href,
    check_reason,
    may_decide,
    state_after,
)
from callboard.features.scaffolder.interface import TaskNotFound, Tasks
from callboard.features.scaffolder.job_kinds import APPROVAL_JOB
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.kernel.jobs import JobContext, Jobs
from callboard.ui.wording import Wordings

AUDIT_EVENT = "approval"
ORIGIN = "plugin:scaffolder"
EXCERPT = 500
MAX_TITLE = 150
say = Wordings("callboard.features.scaffolder")


@dataclass(frozen=True, slots=True)
class ApprovalPage:
    items: Sequence[Approval]
    total: int


class Approvals:
    """All of one portal."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self._db: Database = portal.db
        self._clock: Clock = portal.clock
        self._jobs: Jobs = portal.jobs
        self._audit: Audit = portal.audit

    @cached_property
    def _notifications(self) -> Notifications | None:
        found: Notifications | None = self._portal.find_service(Notifications)
        return found

    @cached_property
    def _tasks(self) -> Tasks:
        found: Tasks = self._portal.service(Tasks)
        return found

    # ---- for the step ------------------------------------------------------------------------------------------------

    async def ask(self, one: Approval, *, actor: Actor) -> Approval:
        """The approval as it stands; asked now, and people told, unless it is there. ``actor`` is who started the task."""
        async with self._db.write() as tx:
            if await store.insert(tx, one):
                await self._tell(tx, one)
                await self._jobs.enqueue(tx, APPROVAL_JOB, {"id": one.id}, key=one.id, run_at=one.next_at)
                meta = {"approvers": list(one.approvers), "minimum": one.minimum}
                await self._record(tx, "ask", one, actor, meta)
            found = await store.find(tx, one.id)
            assert found is not None
            if found.state == "open" and found.due_at <= self._clock.now():
                found = await self._close(tx, found, "expired", SYSTEM)
            return found

    async def note_told(self, id: str) -> None:
        """The step has failed by it: another try asks anew."""
        async with self._db.write() as tx:
            await store.note_told(tx, id)

    # ---- for people --------------------------------------------------------------------------------------------------

    async def get(self, id: str, *, actor: Actor) -> Approval:
        """For those who are asked or decided, and those who may see the task. Raises ``ApprovalNotFound``."""
        async with self._db.read() as tx:
            found = await store.find(tx, id)
            lives = found is not None and await store.task_lives(tx, id)
        if found is None or not await self._may_see(found, actor):
            raise ApprovalNotFound(f"There is no approval {id} for you.")
        return found if found.state != "open" or lives else replace(found, state="withdrawn")

    async def _may_see(self, one: Approval, actor: Actor) -> bool:
        if may_decide(one, actor.subject, actor.ownership) or any(said.by == actor.subject for said in one.decisions):
            return True
        try:
            await self._tasks.get(one.task_id, actor=actor)
        except (TaskNotFound, NotAllowedError):
            return False
        return True

    async def list(self, *, is_open: bool = True, limit: int = 50, offset: int = 0, actor: Actor) -> ApprovalPage:
        """What waits for ``actor``, longest first; or what they decided."""
        async with self._db.read() as tx:
            found = await store.list_for(
                tx, sorted(actor.ownership), actor.subject, is_open=is_open, limit=limit, offset=offset
            )
        return ApprovalPage(*found)

    async def list_of_task(self, task_id: str, *, actor: Actor) -> Sequence[Approval]:
        """Of a task that ``actor`` may see, in the order asked. Raises ``TaskNotFound``."""
        await self._tasks.get(task_id, actor=actor)
        async with self._db.read() as tx:
            return await store.list_of_task(tx, task_id)

    async def decide(self, id: str, verdict: str, reason: str = "", *, actor: Actor) -> Approval:
        """The approval after it. Saying the same again changes nothing.

        Raises:
            ApprovalNotFound: none that the actor may see.
            NotAllowedError: the actor is not asked.
            ApprovalClosed: it is not open any more.
            InputError: a no without a reason.
        """
        checked, reason = check_reason(verdict, reason)
        seen = await self.get(id, actor=actor)
        if not actor.is_user or not may_decide(seen, actor.subject, actor.ownership):
            raise NotAllowedError(
                f"You are not asked: {', '.join(seen.approvers)} decide, and nobody on what they started."
            )
        async with self._db.write() as tx:
            found = await store.lock(tx, id)
            if found is None:
                raise ApprovalNotFound(f"There is no approval {id} for you.")
            said = next((one for one in found.decisions if one.by == actor.subject), None)
            if said is not None and (said.verdict, said.reason) == (checked, reason):
                return found
            if found.state != "open" or not await store.task_lives(tx, id):
                why = "withdrawn" if found.state == "open" else found.state
                raise ApprovalClosed(f"This is {why} already; nothing can be decided any more.")
            if found.due_at <= self._clock.now():
                raise ApprovalClosed("Time ran out; nothing can be decided any more.")
            decision = Decision(actor.subject, checked, reason, self._clock.now())
            await store.put_decision(tx, id, decision)
            await self._record(tx, checked, found, actor, {"reason": reason[:EXCERPT]})
            found = await store.find(tx, id)
            assert found is not None
            after = state_after(found.decisions, found.minimum)
            return found if after == "open" else await self._close(tx, found, after, actor)

    # ---- looking after those that wait -------------------------------------------------------------------------------

    async def look_after(self, context: JobContext) -> None:
        async with self._db.write() as tx:
            found = await store.lock(tx, context.payload["id"])
            if found is None or found.state != "open":
                return
            now = self._clock.now()
            if not await store.task_lives(tx, found.id):
                await store.close(tx, found.id, "withdrawn", format_time(now))
                return
            if found.due_at <= now:
                await self._close(tx, found, "expired", SYSTEM)
                return
            if found.remind_at is not None and found.reminder is not None and found.remind_at <= now:
                await self._tell(tx, found)
                found = replace(found, remind_at=now + found.reminder)
                await store.put_reminder(tx, found.id, format_time(now + found.reminder))  # type: ignore[operator]
            await self._jobs.enqueue(tx, APPROVAL_JOB, {"id": found.id}, key=found.id, run_at=found.next_at)

    async def _close(self, tx: Transaction, one: Approval, state: ApprovalState, actor: Actor) -> Approval:
        """The task goes on once this has committed."""
        now = self._clock.now()
        await store.close(tx, one.id, state, format_time(now))
        await self._tasks.resume(tx, one.task_id)
        if state == "expired":
            await self._record(tx, "expire", one, actor, {})
        await self._tell_starter(tx, one, state)
        return replace(one, state=state, closed_at=now, remind_at=None)

    async def _tell(self, tx: Transaction, one: Approval) -> None:
        if self._notifications is None:
            return
        exclude = [] if one.allows_starter or one.asked_by is None else [one.asked_by]
        decided = [said.by for said in one.decisions]
        await self._notifications.notify(
            tx,
            NewNotification(
                say("scaffolder.approve.tell.open", title=one.title[:MAX_TITLE]), one.approvers, description=one.message[:EXCERPT],
                link=approval_href(one.id), severity="high", topic="approvals", scope=f"approval:{one.id}",
                origin=ORIGIN, exclude=[*exclude, *decided],
            ),
        )  # fmt: skip

    async def _tell_starter(self, tx: Transaction, one: Approval, state: ApprovalState) -> None:
        if self._notifications is None or one.asked_by is None:
            return
        reasons = [said.reason for said in one.decisions if said.reason]
        await self._notifications.notify(
            tx,
            NewNotification(
                say(f"scaffolder.approve.tell.{state}", title=one.title[:MAX_TITLE]), [one.asked_by], description="\n".join(reasons)[:EXCERPT],
                link=f"/create/tasks/{one.task_id}", severity="normal" if state == "approved" else "high",
                topic="approvals", scope=f"approval:{one.id}:end", origin=ORIGIN,
            ),
        )  # fmt: skip

    async def _record(self, tx: Transaction, action: str, one: Approval, actor: Actor, meta: Mapping[str, Any]) -> None:
        await self._audit.record(
            tx,
            AUDIT_EVENT,
            actor=actor,
            severity="medium",
            meta={"actionType": action, "approvalId": one.id, "taskId": one.task_id, "stepId": one.step_id, **meta},
            plugin="scaffolder",
        )


def require_paging(limit: str, offset: str, most: int) -> tuple[int, int]:
    """Raises ``InputError`` for what are no whole numbers."""
    found = []
    for name, text in (("limit", limit), ("offset", offset)):
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InputError(f"{name} must be a whole number.", field=name)
        found.append(int(text))
    return min(found[0], most), found[1]

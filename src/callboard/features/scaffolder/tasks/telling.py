"""What of the events of tasks may be told to whom."""

from __future__ import annotations

from typing import Sequence

from callboard.features.scaffolder.permissions import READ_TASK, holds
from callboard.features.scaffolder.tasks.parts import TOPIC
from callboard.kernel.auth.actor import Actor
from callboard.kernel.events import Event, EventGuard
from callboard.kernel.permissions import PermissionService


class TaskGuard:
    """Shows events of tasks to those who may see the task."""

    def __init__(self, permissions: PermissionService) -> None:
        self._permissions = permissions

    def guards(self) -> Sequence[EventGuard]:
        return [EventGuard(TOPIC, self._show)]

    async def _show(self, event: Event, actor: Actor) -> Event | None:
        decision = self._permissions.decide(actor, READ_TASK)
        if decision.condition is None:
            return event if decision.result == "ALLOW" else None
        predicate = self._permissions.compile(decision.condition)
        return event if holds(predicate, {"created_by": event.payload.get("createdBy")}) else None

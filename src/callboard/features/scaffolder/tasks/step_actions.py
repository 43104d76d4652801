"""The registered actions as the steps of a task may use them, with the rights of whoever started it."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from callboard.features.scaffolder.permissions import EXECUTE_ACTION, holds
from callboard.kernel.actions import Action, ActionNotFound, ActionRegistry, StepRun
from callboard.kernel.audit import AuditEntry
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import NotAllowedError
from callboard.kernel.permissions import PermissionService
from callboard.kernel.workspace import Workspace


class RegisteredActions:
    """``StepActions`` over a registry.

    ``redact`` blots secrets out of what is audited; set it once the run is made. ``keep_audit``: see ``ActionRegistry.invoke``.
    """

    def __init__(
        self,
        registry: ActionRegistry,
        permissions: PermissionService,
        actor: Actor,
        *,
        keep_audit: Callable[[AuditEntry], None] | None = None,
    ) -> None:
        self._registry = registry
        self._permissions = permissions
        self._actor = actor
        self._keep_audit = keep_audit
        self.redact: Callable[[str], str] = lambda text: text

    def find(self, id: str) -> Action | None:
        """None when there is none. Raises ``NotAllowedError`` for one that is not open to whoever started the run."""
        try:
            return self._registry.get(id, actor=self._actor)
        except ActionNotFound:
            if not self._registry.has(id):
                return None
        raise NotAllowedError(f"Unauthorized action: {id}. You may not use it, so a template cannot use it for you.")

    async def authorize(self, action: Action, input: Mapping[str, Any]) -> None:
        decision = self._permissions.decide(self._actor, EXECUTE_ACTION)
        if decision.result == "ALLOW":
            return
        if decision.condition is None or not holds(
            self._permissions.compile(decision.condition), {"action": action.id, "input": input}
        ):
            raise NotAllowedError(f"Unauthorized action: {action.id}. The action is not allowed with this input.")

    def check_input(self, action: Action, input: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        self._registry.check_input(action, input, secrets)

    async def invoke(
        self,
        action: Action,
        input: Mapping[str, Any],
        *,
        secrets: Mapping[str, str],
        workspace: Workspace,
        step: StepRun,
        dry_run: bool,
    ) -> Mapping[str, Any]:
        return await self._registry.invoke(
            action.id,
            input,
            actor=self._actor,
            dry_run=dry_run,
            secrets=secrets,
            workspace=workspace,
            step=step,
            redact=self.redact,
            keep_audit=self._keep_audit,
        )

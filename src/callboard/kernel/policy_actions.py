"""``permission:explain``: why may X do Y? The policy's own trace, for people who write policies and those whom they bind."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.auth.actor import ANONYMOUS, Actor
from callboard.kernel.errors import InputError, NotFoundError
from callboard.kernel.permissions import Permission
from callboard.kernel.policy import Explanation
from callboard.kernel.policy_file import format_condition
from callboard.kernel.wire.permission import find_loader
from callboard.model.refs import EntityRef, RefError

READ_POLICY = Permission("portal.policy.read", "read", None, "Ask why somebody else may or may not do something.")
NOBODY = "anonymous"

_TEXT: Mapping[str, Any] = {"type": "string", "minLength": 1}
_INPUT: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "actor": {
            **_TEXT,
            "description": "A user (ref or name), a service (external:…) or 'anonymous'; yourself without it. Others: administrators.",
        },
        "permission": {**_TEXT, "description": "As catalog.entity.delete."},
        "resourceRef": {**_TEXT, "description": "One thing that it is about, as component:default/payments."},
    },
    "required": ["permission"],
    "additionalProperties": False,
}
_OUTPUT: Mapping[str, Any] = {
    "type": "object",
    "required": ["actor", "permission", "result", "roles", "rules", "limits"],
    "properties": {
        "actor": _TEXT,
        "permission": _TEXT,
        "result": {"enum": ["ALLOW", "DENY", "CONDITIONAL"]},
        "reason": {"type": "string"},
        "condition": {"type": ["object", "null"]},
        "resource": {
            "type": ["object", "null"],
            "properties": {"ref": _TEXT, "result": {"enum": ["ALLOW", "DENY", "ABSENT"]}},
        },
        "roles": {"type": "array", "items": {"type": "object"}},
        "rules": {"type": "array", "items": {"type": "object"}},
        "limits": {"type": "array", "items": {"type": "string"}},
    },
}


def policy_actions(portal: Any) -> Sequence[Action]:
    return [
        Action(
            "permission:explain", "Explain a permission",
            "Says whether somebody may do something, and which roles, rules and limits made it so.",
            _Explain(portal).run, input_schema=_INPUT, output_schema=_OUTPUT,
            attributes=ActionAttributes(read_only=True, idempotent=True),
        )
    ]  # fmt: skip


class _Explain:
    def __init__(self, portal: Any) -> None:
        self._portal = portal

    async def run(self, context: ActionContext) -> Mapping[str, Any]:
        permissions = self._portal.permissions
        asked = context.input.get("actor")
        actor = context.actor if asked is None else await self._find_actor(asked)
        if actor.subject != context.actor.subject:
            permissions.require(context.actor, READ_POLICY)
        permission = permissions.find_permission(context.input["permission"])
        if permission is None:
            raise InputError(
                f"There is no permission {context.input['permission']}. Those there are: "
                + ", ".join(sorted(p.name for p in permissions.permissions)) + ".",
                field="permission",
            )  # fmt: skip
        told = permissions.explain(actor, permission)
        return {
            "actor": actor.subject,
            "permission": permission.name,
            **_format(told),
            "resource": await self._judge(context.input.get("resourceRef"), permission, told, context.actor),
        }

    async def _find_actor(self, asked: str) -> Actor:
        auth = self._portal.auth
        if asked == NOBODY:
            return ANONYMOUS
        if asked.startswith("external:"):
            found = next((actor for actor in auth.external.actors if actor.subject == asked), None)
            if found is None:
                raise NotFoundError(f"backend.auth.externalAccess names no subject {asked}.")
            return found
        try:
            ref = EntityRef.parse(asked, default_kind="user")
        except RefError as error:
            raise InputError(str(error), field="actor") from None
        return await auth.actor_of(str(ref))

    async def _judge(
        self, ref: str | None, permission: Permission, told: Explanation, caller: Actor
    ) -> Mapping[str, Any] | None:
        """The same for one thing. What the caller may not see is absent, as everywhere."""
        if ref is None:
            return None
        if permission.resource_type is None:
            raise InputError(
                f"{permission.name} is not about single things; leave resourceRef out.", field="resourceRef"
            )
        loader = find_loader(self._portal, permission.resource_type)
        if loader is None:
            raise InputError(f"Nothing here has resources of type {permission.resource_type}.", field="resourceRef")
        permissions = self._portal.permissions
        condition = told.decision.condition
        predicate = None if condition is None else permissions.compile(condition)
        (found,) = await loader.match_resources(permission.resource_type, [ref], predicate, actor=caller)
        if found is None:
            return {"ref": ref, "result": "ABSENT"}
        result = told.decision.result if told.decision.result != "CONDITIONAL" else "ALLOW" if found else "DENY"
        return {"ref": ref, "result": result}


def _format(told: Explanation) -> dict[str, Any]:
    decision = told.decision
    return {
        "result": decision.result,
        "reason": decision.reason,
        "condition": None if decision.condition is None else format_condition(decision.condition),
        "roles": [{"role": role, "because": member} for role, member in told.roles],
        "rules": [
            {"role": rule.role, "rule": rule.where, "effect": rule.effect, "condition": rule.condition}
            for rule in told.rules
        ],
        "limits": list(told.limits),
    }

"""Actions of all plugins over our own REST: ``/api/actions/v1/actions``. Backstage's per-plugin form is ``kernel.wire``'s."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Sequence

from callboard.kernel.actions import ActionRegistry, format_action
from callboard.kernel.errors import InputError
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "description": "`<plugin>:<name>`"}
_CALL = {
    "type": "object",
    "properties": {
        "input": {"type": "object", "description": "As the action's input schema says."},
        "secrets": {"type": "object", "additionalProperties": {"type": "string"}},
        "dryRun": {"type": "boolean", "default": False, "description": "Give the output without the effect."},
    },
    "additionalProperties": False,
}


def action_routes(actions: ActionRegistry) -> Sequence[Route]:
    """Routes over ``actions``; each shows and runs only what the caller may."""

    async def show_all(request: Request) -> Json:
        listed = [
            {
                **format_action(action),
                "supportsDryRun": action.supports_dry_run,
                "needsWorkspace": action.needs_workspace,
            }
            for action in actions.list(request.actor, with_workspace=True)
        ]
        return Json({"actions": listed})

    async def invoke(request: Request) -> Json:
        call = _parse_call(await request.body())
        output = await actions.invoke(
            request.path_params["id"], call.get("input", {}), actor=request.actor, dry_run=call.get("dryRun", False),
            secrets=call.get("secrets"),
        )  # fmt: skip
        return Json({"output": output})

    body = {"required": True, "content": {"application/json": {"schema": _CALL}}}
    listing = {
        "summary": "Actions that the caller may invoke",
        "responses": {"200": {"description": "{actions: [...]}"}},
    }
    invoking = {
        "summary": "Invoke an action",
        "parameters": [_ID],
        "requestBody": body,
        "responses": {
            "200": {"description": "{output}"},
            "400": {"description": "The input does not fit the action's schema."},
            "403": {"description": "The caller may not."},
            "404": {"description": "No such action, or none for the caller."},
        },
    }
    return [
        Route("/api/actions/v1/actions", show_all, name="actions.list", openapi=listing),
        Route("/api/actions/v1/actions/{id}/invoke", invoke, ("POST",), name="actions.invoke", openapi=invoking),
    ]


def _parse_call(body: bytes) -> dict[str, Any]:
    try:
        call = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise InputError("The body is not JSON.") from None
    if not isinstance(call, dict):
        raise InputError("The body must be an object with input, secrets and dryRun.")
    if unknown := sorted(set(call) - {"input", "secrets", "dryRun"}):
        raise InputError(
            f"The body has an unknown key {unknown[0]!r}; use input, secrets and dryRun.", field=unknown[0]
        )
    secrets = call.get("secrets", {})
    if not isinstance(secrets, dict) or not all(isinstance(value, str) for value in secrets.values()):
        raise InputError("secrets must be an object of texts.", field="secrets")
    if not isinstance(call.get("dryRun", False), bool):
        raise InputError("dryRun must be true or false.", field="dryRun")
    return call

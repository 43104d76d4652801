"""Actions of ownership for agents, templates and programs: what is due, and confirming it."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import READ_ENTITY
from callboard.features.ownership.interface import ListQuery, OwnershipService
from callboard.features.ownership.wire import item_wire
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError
from callboard.model.refs import EntityRef, RefError

_DRAFT = "http://json-schema.org/draft-07/schema#"
_LIST: Mapping[str, Any] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "owner": {
            "type": "string",
            "description": "Group or user whose entities are meant; the caller's own if left out.",
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": 500, "description": "At most so many; 50 if left out."},
    },
    "additionalProperties": False,
}
_CONFIRM: Mapping[str, Any] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "entities": {
            "type": "array",
            "minItems": 1,
            "maxItems": 500,
            "items": {
                "type": "object",
                "properties": {
                    "entityRef": {"type": "string"},
                    "mark": {"type": "string", "description": "What was seen, as ownership:list-due gave it."},
                },
                "required": ["entityRef", "mark"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["entities"],
    "additionalProperties": False,
}


def ownership_actions(service: OwnershipService) -> Sequence[Action]:
    """Two, over ``service``, which asks for the permissions that hold for each entity."""

    async def list_due(context: ActionContext) -> Mapping[str, Any]:
        owner = context.input.get("owner")
        owners = [_ref(owner, "group")] if owner else sorted(context.actor.ownership)
        page = await service.list_items(ListQuery(owners, limit=context.input.get("limit", 50)), actor=context.actor)
        return {"items": [item_wire(item) for item in page.items], "totalItems": page.total}

    async def confirm(context: ActionContext) -> Mapping[str, Any]:
        seen = {_ref(row["entityRef"], None): row["mark"] for row in context.input["entities"]}
        return {"confirmed": list(await service.confirm(seen, actor=context.actor))}

    return (
        Action(
            "ownership:list-due", "List what is to be confirmed",
            "Entities whose owner and key fields nobody confirmed lately, longest due first, with their values and the `mark` that"
            " confirming them takes.", list_due, _LIST,
            attributes=ActionAttributes(read_only=True, destructive=False, idempotent=True), permission=READ_ENTITY,
        ),
        Action(
            "ownership:confirm", "Confirm entities",
            "Says that owner and key fields of entities are right as they were seen. Only for what the caller owns or may change.",
            confirm, _CONFIRM, attributes=ActionAttributes(destructive=False, idempotent=True), permission=READ_ENTITY,
        ),
    )  # fmt: skip


def _ref(text: str, kind: str | None) -> str:
    try:
        return str(EntityRef.parse(text, default_kind=kind))
    except RefError as error:
        raise InputError(str(error), field="entityRef") from None

"""Actions of announcements for agents, templates and commands."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.announcements.interface import (
    CREATE_ANNOUNCEMENT,
    DELETE_ANNOUNCEMENT,
    SEVERITIES,
    UPDATE_ANNOUNCEMENT,
    Announcements,
)
from callboard.features.announcements.rest import WHENS, announcement_wire, draft_from
from callboard.features.announcements.service import check_draft
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.clock import Clock

_TEXT = {"type": "string"}
_FIELDS: Mapping[str, Any] = {
    "title": {"type": "string", "minLength": 1},
    "body": {"type": "string", "minLength": 1, "description": "Markdown."},
    "severity": {"enum": list(SEVERITIES)},
    "startsAt": {"type": "string", "description": "ISO 8601 with a zone; now without it."},
    "endsAt": {"type": "string", "description": "ISO 8601 with a zone; without it until it is removed."},
    "audience": {"type": "array", "items": _TEXT, "description": "Refs of groups; everybody without it."},
    "pinned": {"type": "boolean"},
    "notify": {"type": "boolean", "description": "Also send a notification when it begins."},
}


def announcement_actions(announcements: Announcements, clock: Clock) -> Sequence[Action]:
    """Four, over ``announcements``, which asks for permission, too."""

    async def listed(context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        found, total = await announcements.list_announcements(
            given.get("when", "current"),
            limit=given.get("limit", 20),
            offset=given.get("offset", 0),
            actor=context.actor,
        )
        return {"items": [announcement_wire(one) for one in found], "totalItems": total}

    async def create(context: ActionContext) -> Mapping[str, Any]:
        draft = draft_from(context.input, now=clock.now())
        if context.dry_run:
            check_draft(draft)
            return {"id": ""}
        return announcement_wire(await announcements.create_announcement(draft, actor=context.actor))

    async def update(context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        stands = await announcements.get_announcement(given["id"], actor=context.actor)
        draft = draft_from({**announcement_wire(stands), **given}, now=clock.now())
        if context.dry_run:
            check_draft(draft)
            return {"id": stands.id}
        version = given.get("version", stands.version)
        changed = await announcements.update_announcement(given["id"], draft, version=version, actor=context.actor)
        return announcement_wire(changed)

    async def delete(context: ActionContext) -> Mapping[str, Any]:
        stands = await announcements.get_announcement(context.input["id"], actor=context.actor)
        if not context.dry_run:
            await announcements.delete_announcement(stands.id, actor=context.actor)
        return {"id": stands.id}

    one = {"type": "object", "properties": {"id": _TEXT}, "required": ["id"]}
    return [
        Action(
            "announcements:list", "List announcements", "Those that are for you.", listed,
            input_schema=_object({
                "when": {"enum": list(WHENS)}, "limit": {"type": "integer", "minimum": 1, "maximum": 200},
                "offset": {"type": "integer", "minimum": 0},
            }),
            output_schema={
                "type": "object", "properties": {"items": {"type": "array"}, "totalItems": {"type": "integer"}},
                "required": ["items", "totalItems"],
            },
            attributes=ActionAttributes(read_only=True, idempotent=True),
        ),
        Action(
            "announcements:create", "Announce something", "To groups or everybody, from a time on, with a notification if wanted.",
            create, input_schema=_object(_FIELDS, "title", "body"), output_schema=one, permission=CREATE_ANNOUNCEMENT,
            supports_dry_run=True, attributes=ActionAttributes(destructive=False),
        ),
        Action(
            "announcements:update", "Change an announcement", "What is given is changed; the rest stays.", update,
            input_schema=_object({"id": _TEXT, "version": {"type": "integer"}, **_FIELDS}, "id"), output_schema=one,
            permission=UPDATE_ANNOUNCEMENT, supports_dry_run=True, attributes=ActionAttributes(idempotent=True),
        ),
        Action(
            "announcements:delete", "Remove an announcement", "For good.", delete, input_schema=_object({"id": _TEXT}, "id"),
            output_schema=one, permission=DELETE_ANNOUNCEMENT, supports_dry_run=True,
        ),
    ]  # fmt: skip


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }

"""Actions of notifications: send one, and read one's own."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.notifications.domain import check_new, parse_severity
from callboard.features.notifications.interface import (
    SEND_NOTIFICATION,
    SEVERITIES,
    NewNotification,
    NotificationQuery,
)
from callboard.features.notifications.rest import notification_wire
from callboard.features.notifications.service import NotificationService
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError
from callboard.kernel.wire.credentials import require_user

_TEXT = {"type": "string"}
_SEND: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "recipients": {"enum": ["broadcast", "entity"], "description": "Everybody, or those in entityRefs."},
        "entityRefs": {"type": "array", "items": _TEXT, "maxItems": 1000, "description": "Users, groups, or what they own."},
        "title": {"type": "string", "minLength": 1},
        "info": {"type": "string", "description": "A sentence or two more."},
        "link": {"type": "string", "description": "http(s), or a path of the portal."},
        "severity": {"enum": list(SEVERITIES)},
        "scope": {"type": "string", "description": "A later one of the same scope replaces this one."},
        "topic": _TEXT,
        "optional": {"type": "boolean", "description": "Go on when nobody could be told."},
    },
    "required": ["recipients", "title"],
    "additionalProperties": False,
}  # fmt: skip
_LIST: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "view": {"enum": ["unread", "read", "saved", "all"], "default": "unread"},
        "search": _TEXT,
        "topic": _TEXT,
        "minimumSeverity": {"enum": list(SEVERITIES)},
        "offset": {"type": "integer", "minimum": 0},
        "limit": {"type": "integer", "minimum": 1, "maximum": 500},
    },
    "additionalProperties": False,
}


def notification_actions(service: NotificationService) -> Sequence[Action]:
    """Ids are those of Backstage's template step and registry action."""

    async def send(context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        refs = None if given["recipients"] == "broadcast" else given.get("entityRefs") or []
        if refs is not None and not refs and not given.get("optional"):
            raise InputError("Entity references must be provided.", field="entityRefs")
        new = NewNotification(
            given["title"], refs, description=given.get("info", ""), link=given.get("link", ""),
            severity=given.get("severity", "normal"), scope=given.get("scope", ""), topic=given.get("topic", ""),
            origin=context.actor.subject if not context.actor.is_user else "plugin:callboard",
        )  # fmt: skip
        if context.dry_run:
            check_new(new)
            return {"sent": 0}
        sent = await service.send_as(new, actor=context.actor)
        if not sent and not given.get("optional"):
            raise InputError("None of these is a user, or a group with members, that you may see.", field="entityRefs")
        return {"sent": len(sent)}

    async def read(context: ActionContext) -> Mapping[str, Any]:
        require_user(context.actor)
        given = context.input
        view = given.get("view", "unread")
        query = NotificationQuery(
            read={"unread": False, "read": True}.get(view),
            saved=True if view == "saved" else None,
            topic=given.get("topic", ""),
            search=given.get("search", ""),
            min_severity=parse_severity(given.get("minimumSeverity", "low")),
            limit=given.get("limit", 50),
            offset=given.get("offset", 0),
        )
        found, total = await service.list_notifications(query, actor=context.actor)
        return {"totalCount": total, "notifications": [notification_wire(one) for one in found]}

    return [
        Action(
            "notification:send", "Send a notification", "Tells users, members of groups, owners of entities, or everybody.", send,
            input_schema=_SEND, permission=SEND_NOTIFICATION, supports_dry_run=True,
            output_schema={"type": "object", "properties": {"sent": {"type": "integer"}}, "required": ["sent"]},
            attributes=ActionAttributes(destructive=False),
        ),
        Action(
            "notifications:get-notifications", "Read notifications", "Your own notifications, newest first.", read,
            input_schema=_LIST, attributes=ActionAttributes(read_only=True, idempotent=True),
            output_schema={
                "type": "object",
                "properties": {"totalCount": {"type": "integer"}, "notifications": {"type": "array", "items": {"type": "object"}}},
                "required": ["totalCount", "notifications"],
            },
        ),
    ]  # fmt: skip

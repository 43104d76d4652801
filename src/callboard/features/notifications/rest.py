"""``/api/notifications``: Backstage's wire, and below ``/v1`` what Backstage has no word for.

Source: Backstage notifications-backend 0.6 and notifications-common. The paths without ``/notifications`` are its legacy aliases.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Mapping, Sequence

from starlette.responses import Response

from callboard.features.notifications.channels.store import OwnWebhook
from callboard.features.notifications.channels.webhooks import WebhookChannel
from callboard.features.notifications.domain import CHANNELS, WEB
from callboard.features.notifications.interface import (
    SEND_NOTIFICATION,
    SEVERITIES,
    NewNotification,
    Notification,
    NotificationQuery,
    TopicChoice,
)
from callboard.features.notifications.personal import Personal
from callboard.features.notifications.service import MAX_LIMIT, NotificationService
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.kernel.permissions import PermissionService
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Empty, Json
from callboard.kernel.web.routing import Route
from callboard.kernel.wire.credentials import require_service, require_user

PREFIX = "/api/notifications"
OWN = f"{PREFIX}/v1"


def notification_wire(one: Notification) -> dict[str, Any]:
    """Backstage's ``Notification``; what is not said is null, as its database gives it."""

    def at(moment: datetime | None) -> str | None:
        return None if moment is None else format_time(moment)

    return {
        "id": one.id, "user": one.user, "created": at(one.created), "saved": at(one.saved), "read": at(one.read),
        "updated": at(one.updated), "origin": one.origin,
        "payload": {
            "title": one.title, "description": one.description or None, "link": one.link or None, "severity": one.severity,
            "topic": one.topic or None, "scope": one.scope or None, "icon": one.icon or None, "metadata": dict(one.metadata),
        },
    }  # fmt: skip


class NotificationRoutes:
    """Handlers over the services."""

    def __init__(
        self, service: NotificationService, permissions: PermissionService, personal: Personal, webhooks: WebhookChannel
    ) -> None:
        self._service = service
        self._permissions = permissions
        self._personal = personal
        self._webhooks = webhooks

    # ---- reading -----------------------------------------------------------------------------------------------------

    async def list_all(self, request: Request) -> Response:
        require_user(request.actor)
        found, total = await self._service.list_notifications(_query(request), actor=request.actor)
        return Json({"totalCount": total, "notifications": [notification_wire(one) for one in found]})

    async def get(self, request: Request) -> Response:
        require_user(request.actor)
        found = await self._service.get_notification(request.path_params["id"], actor=request.actor)
        return Json(notification_wire(found))

    async def status(self, request: Request) -> Response:
        require_user(request.actor)
        status = await self._service.status(actor=request.actor)
        return Json({"unread": status.unread, "read": status.read})

    async def topics(self, request: Request) -> Response:
        require_user(request.actor)
        return Json({"topics": list(await self._service.list_topics(actor=request.actor))})

    # ---- writing -----------------------------------------------------------------------------------------------------

    async def send(self, request: Request) -> Response:
        require_service(request.actor)
        self._permissions.require(request.actor, SEND_NOTIFICATION)
        new = new_notification(await request.require_object(), origin=request.actor.subject)
        sent = await self._service.send_as(new, actor=request.actor, request=request)
        return Json([notification_wire(one) for one in sent])

    async def update(self, request: Request) -> Response:
        require_user(request.actor)
        body = await request.require_object()
        ids = body.get("ids")
        if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
            raise InputError("ids must be a list of ids.", field="ids")
        for name in ("read", "saved"):
            if body.get(name) is not None and not isinstance(body[name], bool):
                raise InputError(f"{name} must be true or false.", field=name)
        await self._service.mark(ids, read=body.get("read"), saved=body.get("saved"), actor=request.actor)
        query = NotificationQuery(ids=ids, limit=MAX_LIMIT)
        found, _ = await self._service.list_notifications(query, actor=request.actor)
        return Json([notification_wire(one) for one in found])

    # ---- what the reader wants ---------------------------------------------------------------------------------------

    async def settings(self, request: Request) -> Response:
        require_user(request.actor)
        return await self._settings(request)

    async def change_settings(self, request: Request) -> Response:
        _require_person(request)
        await self._service.choose(_choices(await request.require_object()), actor=request.actor)
        return await self._settings(request)

    async def _settings(self, request: Request) -> Response:
        choices = await self._service.list_choices(actor=request.actor)
        channels = []
        for channel in CHANNELS:
            origins: dict[str, dict[str, Any]] = {}
            for one in choices:
                if one.channel != channel:
                    continue
                origin = origins.setdefault(one.origin, {"id": one.origin, "enabled": True, "topics": []})
                if one.topic:
                    origin["topics"].append({"id": one.topic, "enabled": one.enabled})
                else:
                    origin["enabled"] = one.enabled
            channels.append({"id": channel, "origins": list(origins.values())})
        return Json({"channels": channels})

    # ---- ours --------------------------------------------------------------------------------------------------------

    async def preferences(self, request: Request) -> Response:
        require_user(request.actor)
        return Json((await self._personal.get_preferences(actor=request.actor)).to_json())

    async def change_preferences(self, request: Request) -> Response:
        _require_person(request)
        given = await request.require_object()
        return Json((await self._personal.change_preferences(given, actor=request.actor)).to_json())

    async def webhooks(self, request: Request) -> Response:
        require_user(request.actor)
        return Json({"items": [webhook_wire(one) for one in await self._webhooks.list_own(actor=request.actor)]})

    async def add_webhook(self, request: Request) -> Response:
        require_user(request.actor)
        body = await request.require_object()
        given = {name: str(body.get(name) or "") for name in ("title", "url", "owner")}
        made = await self._webhooks.add(
            **given, format=str(body.get("format") or "json"), min_severity=str(body.get("minSeverity") or "low"),
            actor=request.actor,
        )  # fmt: skip
        return Json({**webhook_wire(made), "secret": made.secret}, 201)

    async def remove_webhook(self, request: Request) -> Response:
        require_user(request.actor)
        await self._webhooks.remove(request.path_params["id"], actor=request.actor)
        return Empty()


def _require_person(request: Request) -> None:
    """Raise ``NotAllowedError`` for services, and for guests, who would choose for one another."""
    require_user(request.actor)
    if request.portal.auth.is_guest(request.actor):
        raise NotAllowedError("Guests share one account, so they have no settings of their own. Sign in first.")


def webhook_wire(one: OwnWebhook) -> dict[str, Any]:
    """Without address and secret: the address alone lets anybody post to some receivers. ``host`` is what is shown."""
    return {
        "id": one.id, "owner": one.owner, "title": one.title, "host": one.host, "format": one.format,
        "minSeverity": one.min_severity, "createdAt": one.created_at, "createdBy": one.created_by,
    }  # fmt: skip


def new_notification(body: Mapping[str, Any], *, origin: str) -> NewNotification:
    """The body of a POST. Error messages are Backstage's where it has them. Raises ``InputError``."""
    recipients, payload = body.get("recipients"), body.get("payload")
    payload = payload if isinstance(payload, Mapping) else {}
    missing = [name for name, value in (("title", payload.get("title")), ("recipients", recipients)) if not value]
    if missing:
        raise InputError(f"Invalid notification request received: missing {', '.join(missing)}", field=missing[0])
    texts = {
        name: _text(payload, name) for name in ("title", "description", "link", "severity", "topic", "scope", "icon")
    }
    texts["severity"] = texts["severity"].lower() or "normal"
    metadata = payload.get("metadata") or {}
    if not isinstance(metadata, Mapping):
        raise InputError("metadata must be an object.", field="payload.metadata")
    refs, excluded = _recipients(recipients)
    return NewNotification(recipients=refs, exclude=excluded, origin=origin, metadata=metadata, **texts)  # type: ignore[arg-type]


def _recipients(value: Any) -> tuple[Sequence[str] | None, Sequence[str]]:
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind == "broadcast":
        return None, ()
    if kind != "entity":
        raise InputError("recipients.type must be entity or broadcast.", field="recipients.type")
    refs = _refs(value.get("entityRef"), "recipients.entityRef")
    if not refs:
        raise InputError("recipients.entityRef must name at least one entity.", field="recipients.entityRef")
    return refs, _refs(value.get("excludeEntityRef"), "recipients.excludeEntityRef")


def _refs(value: Any, field: str) -> Sequence[str]:
    found = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(ref, str) for ref in found) or len(found) > 1000:
        raise InputError(f"{field} must be an entity ref, or a list of at most 1000.", field=field)
    return found


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{name} must be text.", field=f"payload.{name}")
    return value or ""


def _query(request: Request) -> NotificationQuery:
    given = request.query_params
    order, _, way = given.get("orderField", "created,desc").partition(",")
    severity = given.get("minimumSeverity") or given.get("minimum_severity") or "low"
    after = given.get("createdAfter") or given.get("created_after")
    return NotificationQuery(
        read=_flag(given.get("read")),
        saved=_flag(given.get("saved")),
        topic=given.get("topic", ""),
        search=given.get("search", ""),
        min_severity=next((one for one in SEVERITIES if one == severity.lower()), "low"),
        created_after=None if not after else _date(after),
        order=next((one for one in ("created", "topic", "origin") if one == order), "created"),
        descending=way.lower() != "asc",
        limit=min(_number(given.get("limit"), MAX_LIMIT, "limit") or MAX_LIMIT, MAX_LIMIT),
        offset=_number(given.get("offset"), 0, "offset"),
    )


def _flag(text: str | None) -> bool | None:
    return {"true": True, "false": False}.get(text or "")


def _number(text: str | None, default: int, field: str) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputError(f"{field} must be a whole number.", field=field)
    return int(text)


def _date(text: str) -> datetime:
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        found = datetime.fromisoformat(text.replace(" ", "+"))
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise InputError("Unexpected date format", field="createdAfter") from None


def _choices(body: Mapping[str, Any]) -> Sequence[TopicChoice]:
    """Backstage's ``NotificationSettings``. Raises ``InputError``."""
    channels = body.get("channels")
    if not isinstance(channels, list):
        raise InputError("The settings must have channels.", field="channels")
    found = []
    for channel in channels:
        for origin in _objects(channel, "origins"):
            name, id = channel.get("id", WEB), origin.get("id")
            if isinstance(origin.get("enabled"), bool):
                found.append(TopicChoice(str(name), str(id or ""), "", origin["enabled"]))
            for topic in _objects(origin, "topics"):
                if isinstance(topic.get("enabled"), bool):
                    found.append(TopicChoice(str(name), str(id or ""), str(topic.get("id") or ""), topic["enabled"]))
    return found


def _objects(value: Any, name: str) -> Sequence[Mapping[str, Any]]:
    items = value.get(name) or [] if isinstance(value, Mapping) else None
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise InputError(f"{name} must be a list of objects.", field=f"channels[].{name}")
    return items


def notification_routes(routes: NotificationRoutes) -> Sequence[Route]:
    rows: Sequence[tuple[str, str, Any, str]] = (
        ("GET", "", routes.list_all, "The reader's notifications"),
        ("POST", "", routes.send, "Send a notification (services)"),
        ("POST", "/update", routes.update, "Mark notifications as read or saved"),
        ("GET", "/{id}", routes.get, "One of the reader's notifications"),
    )
    found = [
        Route(f"{PREFIX}{base}{path}", handler, (method,), openapi=_operation(path, summary))
        for base in ("/notifications", "")
        for method, path, handler, summary in rows
    ]
    own: Sequence[tuple[str, str, Any, str]] = (
        ("GET", f"{PREFIX}/status", routes.status, "How many are unread and read"),
        ("GET", f"{PREFIX}/topics", routes.topics, "Topics of the reader's notifications"),
        ("GET", f"{PREFIX}/settings", routes.settings, "What the reader wants by which channel"),
        ("POST", f"{PREFIX}/settings", routes.change_settings, "Turn channels on and off by origin and topic"),
        ("GET", f"{OWN}/preferences", routes.preferences, "When the reader is mailed"),
        ("PATCH", f"{OWN}/preferences", routes.change_preferences, "Change when the reader is mailed"),
        ("GET", f"{OWN}/webhooks", routes.webhooks, "Webhooks of the reader and of their groups"),
        ("POST", f"{OWN}/webhooks", routes.add_webhook, "Add a webhook"),
        ("DELETE", f"{OWN}/webhooks/{{id}}", routes.remove_webhook, "Remove a webhook"),
    )
    return [*found, *(Route(path, handler, (m,), openapi=_operation(path, text)) for m, path, handler, text in own)]


def _operation(path: str, summary: str) -> Mapping[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": {"200": {"description": summary}}}
    if "{id}" in path:
        operation["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    return operation

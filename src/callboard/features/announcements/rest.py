"""``/api/announcements/v1``: announcements for programs. Errors are problem+json."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Mapping, Sequence

from starlette.responses import Response

from callboard.features.announcements.interface import Announcement, Announcements, Draft, When
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Empty, Json
from callboard.kernel.web.routing import Route

PREFIX = "/api/announcements/v1/announcements"
WHENS: tuple[When, ...] = ("current", "ended", "scheduled", "all")


def announcement_wire(one: Announcement) -> dict[str, Any]:
    def at(moment: datetime | None) -> str | None:
        return None if moment is None else format_time(moment)

    return {
        "id": one.id, "title": one.title, "body": one.body, "severity": one.severity, "startsAt": at(one.starts_at),
        "endsAt": at(one.ends_at), "audience": list(one.audience), "pinned": one.pinned, "notify": one.notify,
        "notifiedAt": at(one.notified_at), "createdAt": at(one.created_at), "createdBy": one.created_by,
        "updatedAt": at(one.updated_at), "updatedBy": one.updated_by, "version": one.version, "dismissed": one.is_dismissed,
    }  # fmt: skip


class AnnouncementRoutes:
    """Handlers over ``Announcements``, which asks for permission."""

    def __init__(self, announcements: Announcements, clock: Any) -> None:
        self._announcements = announcements
        self._clock = clock

    async def list_all(self, request: Request) -> Response:
        given = request.query_params
        when = next((one for one in WHENS if one == given.get("when", "current")), None)
        if when is None:
            raise InputError(f"when must be one of {', '.join(WHENS)}.", field="when")
        found, total = await self._announcements.list_announcements(
            when, limit=_number(given.get("limit"), 20, "limit"), offset=_number(given.get("offset"), 0, "offset"),
            actor=request.actor,
        )  # fmt: skip
        return Json({"items": [announcement_wire(one) for one in found], "totalItems": total})

    async def get(self, request: Request) -> Response:
        found = await self._announcements.get_announcement(request.path_params["id"], actor=request.actor)
        return Json(announcement_wire(found))

    async def create(self, request: Request) -> Response:
        draft = draft_from(await request.require_object(), now=self._clock.now())
        made = await self._announcements.create_announcement(draft, actor=request.actor)
        return Json(announcement_wire(made), 201)

    async def update(self, request: Request) -> Response:
        body = await request.require_object()
        version = body.get("version")
        if type(version) is not int:
            raise InputError("Say by its version what the change was made from.", field="version")
        changed = await self._announcements.update_announcement(
            request.path_params["id"], draft_from(body, now=self._clock.now()), version=version, actor=request.actor
        )
        return Json(announcement_wire(changed))

    async def delete(self, request: Request) -> Response:
        await self._announcements.delete_announcement(request.path_params["id"], actor=request.actor)
        return Empty()

    async def dismiss(self, request: Request) -> Response:
        is_put = request.method == "PUT"
        await self._announcements.dismiss(request.path_params["id"], dismissed=is_put, actor=request.actor)
        return Empty()


def draft_from(body: Mapping[str, Any], *, now: datetime) -> Draft:
    """A draft from JSON. Without ``startsAt`` it begins now. Raises ``InputError`` with the field."""
    for name in ("title", "body", "severity"):
        if not isinstance(body.get(name, "info" if name == "severity" else None), str):
            raise InputError(f"{name} must be text.", field=name)
    for name in ("pinned", "notify"):
        if not isinstance(body.get(name, False), bool):
            raise InputError(f"{name} must be true or false.", field=name)
    audience = body.get("audience") or []
    if not isinstance(audience, list) or not all(isinstance(ref, str) for ref in audience):
        raise InputError("audience must be a list of group refs.", field="audience")
    return Draft(
        title=body["title"], body=body["body"], starts_at=_time(body, "startsAt") or now, ends_at=_time(body, "endsAt"),
        audience=audience, severity=body.get("severity", "info"), pinned=body.get("pinned", False), notify=body.get("notify", False),
    )  # fmt: skip


def _time(body: Mapping[str, Any], name: str) -> datetime | None:
    value = body.get(name)
    if value in (None, ""):
        return None
    try:
        found = datetime.fromisoformat(str(value))
        if found.tzinfo is None:
            raise ValueError
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(f"{name} must be a time with its zone, such as 2026-11-23T09:00:00Z.", field=name) from None


def _number(text: str | None, default: int, field: str) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputError(f"{field} must be a whole number.", field=field)
    return int(text)


def announcement_routes(announcements: Announcements, clock: Any) -> Sequence[Route]:
    routes = AnnouncementRoutes(announcements, clock)
    one = f"{PREFIX}/{{id}}"
    rows: Sequence[tuple[tuple[str, ...], str, Any, str]] = (
        (("GET",), PREFIX, routes.list_all, "Announcements for the reader"),
        (("POST",), PREFIX, routes.create, "Announce something"),
        (("GET",), one, routes.get, "One announcement"),
        (("PUT",), one, routes.update, "Change an announcement from the version that it names"),
        (("DELETE",), one, routes.delete, "Remove an announcement"),
        (("PUT", "DELETE"), f"{one}/dismissal", routes.dismiss, "Take it off one's own home page, or put it back"),
    )
    return [Route(path, handler, m, openapi=_operation(path, summary)) for m, path, handler, summary in rows]


def _operation(path: str, summary: str) -> Mapping[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": {"200": {"description": summary}}}
    if "{id}" in path:
        operation["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    return operation

"""``GET /api/audit/v1/events``: the audit log, page by page."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Sequence

import orjson
from starlette.responses import Response

from callboard.kernel.audit import MAX_LIMIT, READ_AUDIT
from callboard.kernel.clock import parse_time
from callboard.kernel.errors import InputError

FILTERS = ("actor", "event", "severity", "status", "plugin")


def audit_routes(portal: Any) -> Sequence[Any]:
    """The one route."""
    from callboard.kernel.web.routing import Route

    async def list_events(request: Any) -> Response:
        portal.permissions.require(request.actor, READ_AUDIT)
        query = request.query_params
        page = await portal.audit.list_events(
            limit=_limit(query.get("limit")),
            cursor=query.get("cursor"),
            since=_time(query, "since"),
            until=_time(query, "until"),
            **{name: query[name] for name in FILTERS if name in query},
        )
        body: dict[str, Any] = {"items": [event.to_json() for event in page.items]}
        if page.next_cursor is not None:
            body["nextCursor"] = page.next_cursor
        return Response(orjson.dumps(body), 200, {"content-type": "application/json; charset=utf-8"})

    return [Route("/api/audit/v1/events", list_events, openapi=_LIST)]


def _limit(text: str | None) -> int:
    if text is None:
        return 50
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise InputError(f"limit must be from 1 to {MAX_LIMIT}", field="limit")
    return int(text)


def _time(query: Any, name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        return parse_time(query[name])
    except ValueError as error:
        raise InputError(f"{name} must be a time with a zone, as 2026-11-23T03:12:00Z", field=name) from error


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_LIST = {
    "summary": "Who did what, newest first",
    "parameters": [
        _parameter(
            "limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50}, "Length of a page."
        ),
        _parameter("cursor", {"type": "string"}, "nextCursor of the page before."),
        _parameter("actor", {"type": "string"}, "Subject, as user:default/ada."),
        _parameter("event", {"type": "string"}, "Event id, as entity-mutate."),
        _parameter("severity", {"enum": ["low", "medium", "high", "critical"]}, "Severity."),
        _parameter("status", {"enum": ["initiated", "succeeded", "failed"]}, "State."),
        _parameter("plugin", {"type": "string"}, "Plugin, as catalog."),
        _parameter("since", {"type": "string", "format": "date-time"}, "From then on."),
        _parameter("until", {"type": "string", "format": "date-time"}, "Before then."),
    ],
    "responses": {
        "200": {
            "description": "A page.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["items"],
                        "properties": {
                            "items": {"type": "array", "items": {"type": "object"}},
                            "nextCursor": {"type": "string"},
                        },
                    }
                }
            },
        },
        "400": {"description": "A limit, cursor or time that cannot be used."},
        "403": {"description": "Only administrators may look."},
    },
}

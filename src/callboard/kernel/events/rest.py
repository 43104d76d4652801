"""``POST /api/events/http/<topic>``, ``GET /api/events/v1/stream`` (SSE), ``GET /api/events/v1/deliveries``."""

from __future__ import annotations

from typing import Any, AsyncIterator, Awaitable, Callable, Sequence

import orjson
from starlette.responses import Response, StreamingResponse

from callboard.kernel.events.bus import Event, Events
from callboard.kernel.events.guards import EventGuards
from callboard.kernel.events.inbound import MAX_BODY_BYTES, Inbound
from callboard.kernel.events.webhooks import Webhooks
from callboard.kernel.permissions import Permission

READ_EVENTS = Permission(
    "portal.event.read",
    "read",
    None,
    "Follow the events of the portal, as far as they tell of what one may see, and deliveries.",
)
PERMISSIONS: tuple[Permission, ...] = (READ_EVENTS,)
HEARTBEAT_S = 15.0


class EventEndpoints:
    """Handlers of the routes; ``portal`` gives db, clock, permissions and the moment of stopping."""

    def __init__(self, portal: Any, inbound: Inbound, webhooks: Webhooks) -> None:
        self._portal = portal
        self._events: Events = portal.events
        self._inbound = inbound
        self._webhooks = webhooks
        self._guards: EventGuards | None = None

    def _ensure_guards(self) -> EventGuards:
        """Gathered when first needed: features above register after the events do."""
        if self._guards is None:
            self._guards = EventGuards(self._portal.plugins.collect("register_event_guards", portal=self._portal))
        return self._guards

    async def receive(self, request: Any) -> Response:
        """202 once the event is stored."""
        body = await request.body()
        topic = request.path_params["topic"]
        payload = self._inbound.accept(
            topic, dict(request.headers.items()), body, now_s=self._portal.clock.now().timestamp()
        )
        async with self._portal.db.write() as tx:
            await self._events.publish(tx, topic, payload)
        return Response(b'{"status":"accepted"}', 202, {"content-type": "application/json; charset=utf-8"})

    async def stream(self, request: Any) -> Response:
        """Server-sent events: ``event`` is the topic, ``data`` the event as JSON. ``Last-Event-ID`` takes up where it broke off.

        Guards of the features leave out what the asker may not see.
        """
        self._portal.permissions.require(request.actor, READ_EVENTS)
        patterns = [topic for topic in request.query_params.getlist("topic") if topic]
        # Subscribed before the past is read: nothing falls between the two, and what is in both is told once.
        subscription = self._events.subscribe(*patterns)
        last = request.headers.get("last-event-id")
        missed = await self._events.list_since(last, *patterns) if last else []
        guards, actor = self._ensure_guards(), request.actor
        chunks = sse_chunks(subscription, missed, self._portal.stopping, lambda event: guards.show(event, actor))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(chunks, 200, headers, media_type="text/event-stream")

    async def list_deliveries(self, request: Any) -> Response:
        """The latest hundred deliveries to webhooks."""
        self._portal.permissions.require(request.actor, READ_EVENTS)
        items = await self._webhooks.list_deliveries()
        return Response(orjson.dumps({"items": items}), 200, {"content-type": "application/json; charset=utf-8"})


async def _as_it_is(event: Event) -> Event | None:
    return event


async def sse_chunks(
    subscription: Any,
    missed: Sequence[Event],
    stopping: Any,
    show: Callable[[Event], Awaitable[Event | None]] = _as_it_is,
) -> AsyncIterator[bytes]:
    """The stream's bytes, a comment every ``HEARTBEAT_S`` so that proxies keep it open, until the portal stops.

    ``show`` gives each event as it may be seen, None where it may not.
    """
    told = {event.id for event in missed}
    try:
        yield b"retry: 2000\n\n"
        for past in missed:
            if (shown := await show(past)) is not None:
                yield format_sse(shown)
        idle_s = 0.0
        while not stopping.is_set() and not subscription.is_closed:
            event = await subscription.next(timeout_s=1.0)
            if event is not None:
                idle_s = 0.0
                if event.id not in told and (shown := await show(event)) is not None:
                    yield format_sse(shown)
                continue
            idle_s += 1.0
            if idle_s >= HEARTBEAT_S:
                idle_s = 0.0
                yield b": still here\n\n"
    finally:
        subscription.close()


def format_sse(event: Event) -> bytes:
    """One message. Source: WHATWG HTML, "Server-sent events"."""
    topic = event.topic.replace("\r", " ").replace("\n", " ")
    return f"id: {event.id}\nevent: {topic}\ndata: ".encode() + orjson.dumps(event.to_json()) + b"\n\n"


def event_routes(portal: Any, inbound: Inbound, webhooks: Webhooks) -> Sequence[Any]:
    """The routes of this module."""
    from callboard.kernel.web.routing import Route

    endpoints = EventEndpoints(portal, inbound, webhooks)
    return [
        Route(
            "/api/events/http/{topic}",
            endpoints.receive,
            ("POST",),
            auth="public",
            csrf=False,
            openapi=_RECEIVE,
            max_body_bytes=MAX_BODY_BYTES,
        ),
        Route("/api/events/v1/stream", endpoints.stream, openapi=_STREAM),
        Route("/api/events/v1/deliveries", endpoints.list_deliveries, openapi=_DELIVERIES),
    ]


_RECEIVE = {
    "summary": "Take a webhook",
    "parameters": [{"name": "topic", "in": "path", "required": True, "schema": {"type": "string"}}],
    "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
    "responses": {
        "202": {
            "description": "Stored; handled soon.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["status"],
                        "properties": {"status": {"const": "accepted"}},
                    }
                }
            },
        },
        "400": {"description": "The body is not JSON."},
        "403": {"description": "The proof is missing or wrong."},
        "404": {"description": "The topic is not taken."},
        "413": {"description": "The body is too large."},
    },
}
_STREAM = {
    "summary": "Follow events (server-sent events)",
    "parameters": [
        {
            "name": "topic",
            "in": "query",
            "description": "A topic, or a pattern with *; may be repeated. All topics without it.",
            "schema": {"type": "array", "items": {"type": "string"}},
        },
        {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}},
    ],
    "responses": {
        "200": {"description": "Events as they come.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    },
}
_DELIVERIES = {
    "summary": "The latest deliveries to webhooks",
    "responses": {
        "200": {
            "description": "Newest first.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["items"],
                        "properties": {"items": {"type": "array", "items": {"type": "object"}}},
                    }
                }
            },
        }
    },
}

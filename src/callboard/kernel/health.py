"""Is the process alive, is it ready: ``/.backstage/health/v1/{liveness,readiness}``, answered before anything else.

Also the gate in front of the application: until the start has finished, requests wait (at most
``backend.lifecycle.startupRequestPauseTimeout``, 5 s), then get 503; once stopping, they get 503 at once.
Source: Backstage, root health service and root lifecycle.
"""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, Mapping

HEALTH_PREFIX = "/.backstage/health/v1/"
_OK = b'{"status":"ok"}'
_OK_HEADERS = [(b"etag", b'W/"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg"'), (b"vary", b"Accept-Encoding")]
_NOT_READY = b'{"message":"Backend has not started yet","status":"error"}'
_STOPPING = b'{"message":"Backend is shutting down","status":"error"}'
_UNAVAILABLE = b'{"error":{"name":"ServiceUnavailableError","message":"%b"},"response":{"statusCode":503}}'

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class Health:
    """State of one portal: starting, ready, stopping."""

    def __init__(self, headers: Mapping[str, str] | None = None, startup_wait_s: float = 5.0) -> None:
        self.is_ready = False
        self.is_stopping = False
        self.startup_wait_s = startup_wait_s
        self._changed = asyncio.Event()
        self._headers = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]

    def mark_ready(self) -> None:
        self.is_ready = True
        self._changed.set()

    def mark_stopping(self) -> None:
        self.is_stopping = True
        self.is_ready = False
        self._changed.set()

    async def wait_ready(self) -> bool:
        """Wait for the start to finish; whether it did in time."""
        if not self.is_ready and not self.is_stopping:
            try:
                await asyncio.wait_for(self._changed.wait(), self.startup_wait_s)
            except TimeoutError:
                return False
        return self.is_ready

    def status(self, probe: str) -> tuple[int, bytes] | None:
        """HTTP status and body of ``readiness`` or ``liveness``; None for any other probe."""
        if probe not in ("readiness", "liveness"):
            return None
        if probe == "liveness" or self.is_ready:
            return 200, _OK
        return 503, _STOPPING if self.is_stopping else _NOT_READY

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> int | bool:
        """Raw route: answers the two probes and gives the status sent; False for anything else."""
        path: str = scope["path"]
        if not path.startswith(HEALTH_PREFIX) or scope["method"] not in ("GET", "HEAD"):
            return False
        answer = self.status(path[len(HEALTH_PREFIX) :])
        if answer is None:
            return False
        status, body = answer
        headers = [*_OK_HEADERS, *self._headers] if status == 200 else self._headers
        await _respond(send, status, b"" if scope["method"] == "HEAD" else body, len(body), headers)
        return status


class StartGate:
    """The outermost application: health first, then nobody before the start or after the stop."""

    def __init__(self, app: ASGIApp, health: Health) -> None:
        self._app = app
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._health.is_ready:
            await self._app(scope, receive, send)
            return
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "http" and await self._health.handle(scope, receive, send):
            return
        if await self._health.wait_ready():
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1012})
        else:
            reason = b"Service is shutting down" if self._health.is_stopping else b"Service has not started up yet"
            body = _UNAVAILABLE % reason
            await _respond(send, 503, body, len(body), [(b"retry-after", b"2")])


async def _respond(send: Send, status: int, body: bytes, length: int, headers: list[tuple[bytes, bytes]]) -> None:
    fixed: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", b"%d" % length),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": fixed + headers})
    await send({"type": "http.response.body", "body": body})

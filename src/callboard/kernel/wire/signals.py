"""``/api/signals``: a WebSocket as Backstage's signals client speaks it, and server-sent events for whoever has none.

The client opens the socket with its token as subprotocol, sends ``{"action": "subscribe" | "unsubscribe", "channel"}`` and gets
``{"channel", "message"}``. Source: Backstage signals-backend 0.3 and plugin-signals.

Pages of this portal come by cookie instead; then the browser must not have been led here by another site.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, AsyncIterator, Mapping, Sequence

import orjson
from starlette.responses import Response, StreamingResponse

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import AuthenticationError, CallboardError, InputError, NotAllowedError
from callboard.kernel.logs import get_logger
from callboard.kernel.signals import SignalListener, Signals
from callboard.kernel.web import csrf
from callboard.kernel.web.cors import Cors
from callboard.kernel.web.routing import Receive, Route, Scope, Send, SocketRoute
from callboard.kernel.wire.credentials import require_user

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

PATH = "/api/signals"
MAX_MESSAGE_BYTES = 4096
MAX_CHANNELS = 100
MAX_SOCKETS = 10_000
CHECK_EVERY_S = 60.0
"""How soon a socket ends whose session or token is over."""
HEARTBEAT_S = 15.0
_GOING_AWAY, _POLICY, _TOO_BIG, _TRY_LATER = 1001, 1008, 1009, 1013

log = get_logger(__name__)


def signal_routes(portal: Any) -> Sequence[Route]:
    return [Route(f"{PATH}/v1/stream", _SignalsWire(portal).stream, name="signals-stream", openapi=_STREAM)]


def signal_sockets(portal: Any) -> Sequence[SocketRoute]:
    return [SocketRoute(PATH, _SignalsWire(portal).socket)]


class _SignalsWire:
    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self._signals: Signals = portal.signals
        self._open = 0

    # ---- the socket --------------------------------------------------------------------------------------------------

    async def socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        token = next(iter(scope.get("subprotocols") or ()), None)
        try:
            actor = await self._authenticate(scope, token)
        except CallboardError as error:
            await _refuse(scope, send, 403 if isinstance(error, NotAllowedError) else 401)
            return
        if self._open >= MAX_SOCKETS or self._portal.stopping.is_set():
            await _refuse(scope, send, 503)
            return
        # A browser that offered a subprotocol hangs up unless it is taken.
        await send({"type": "websocket.accept", **({"subprotocol": token} if token is not None else {})})
        listener = self._signals.listen(actor.subject)
        self._open += 1
        try:
            code = await self._serve(scope, receive, send, listener, token)
            if code is not None:
                await send({"type": "websocket.close", "code": code})
        except OSError:
            pass  # the other side went away while it was told something
        finally:
            self._open -= 1
            listener.close()

    async def _authenticate(self, scope: Scope, token: str | None) -> Actor:
        """The user behind the token or the cookie. Raises ``AuthenticationError`` or ``NotAllowedError``."""
        if token is not None:
            headers = [(name, value) for name, value in scope["headers"] if name not in (b"cookie", b"authorization")]
            given = {**scope, "headers": [*headers, (b"authorization", f"Bearer {token}".encode("latin-1", "replace"))]}
        else:
            given = dict(scope)
            self._require_own_page(scope)
        actor: Actor = await self._portal.auth.authenticate(given)
        if actor.type == "anonymous":
            raise AuthenticationError("Missing credentials")
        require_user(actor)
        return actor

    def _require_own_page(self, scope: Scope) -> None:
        """Browsers send cookies with a socket that any site opens: the page must be one of ours, or of an allowed origin."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        cors = Cors.from_settings(self._portal.settings)
        if cors is not None and cors.credentials and cors.allows(headers.get("origin", "")):
            return
        csrf.require_same_site(headers, frozenset())

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, listener: SignalListener, token: str | None
    ) -> int | None:
        """Until it ends; the code to close with, None when the other side did."""
        works = {
            asyncio.ensure_future(self._listen(receive, listener)),
            asyncio.ensure_future(self._tell(send, listener)),
            asyncio.ensure_future(self._check(scope, listener.user, token)),
            asyncio.ensure_future(self._stopped()),
        }
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    async def _listen(self, receive: Receive, listener: SignalListener) -> int | None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            data = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
            if len(data) > MAX_MESSAGE_BYTES:
                return _TOO_BIG
            _obey(data, listener)

    async def _tell(self, send: Send, listener: SignalListener) -> int | None:
        while (signal := await listener.next()) is not None:
            await send({"type": "websocket.send", "text": signal.to_json().decode()})
        return _TRY_LATER if not self._portal.stopping.is_set() else _GOING_AWAY

    async def _check(self, scope: Scope, user: str, token: str | None) -> int | None:
        while True:
            await self._portal.clock.sleep(CHECK_EVERY_S)
            try:
                if (await self._authenticate(scope, token)).subject != user:
                    return _POLICY
            except (AuthenticationError, NotAllowedError):
                return _POLICY
            except CallboardError as error:  # the database is away: that says nothing about the user
                log.warning("a signal listener could not be checked", error=str(error))

    async def _stopped(self) -> int | None:
        await self._portal.stopping.wait()
        return _GOING_AWAY

    # ---- server-sent events ------------------------------------------------------------------------------------------

    async def stream(self, request: "Request") -> Response:
        """``data`` is ``{"channel", "message"}``; the channels are those in the query."""
        require_user(request.actor)
        channels = [channel for channel in request.query_params.getlist("channel") if channel][:MAX_CHANNELS]
        if not channels:
            raise InputError("Name at least one channel.", field="channel")
        listener = self._signals.listen(request.actor.subject, channels)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._chunks(listener), 200, headers, media_type="text/event-stream")

    async def _chunks(self, listener: SignalListener) -> AsyncIterator[bytes]:
        try:
            yield b"retry: 3000\n\n"
            idle_s = 0.0
            while not self._portal.stopping.is_set():
                try:
                    async with asyncio.timeout(1.0):
                        signal = await listener.next()
                except TimeoutError:
                    idle_s += 1.0
                    if idle_s >= HEARTBEAT_S:
                        idle_s = 0.0
                        yield b": still here\n\n"
                    continue
                if signal is None:
                    return
                idle_s = 0.0
                yield b"data: " + signal.to_json() + b"\n\n"
        finally:
            listener.close()


def _obey(data: str, listener: SignalListener) -> None:
    """What a client asks for. What is no request is passed over, as Backstage does."""
    try:
        asked = orjson.loads(data)
    except ValueError:
        return
    if not isinstance(asked, Mapping):
        return
    action, channel = asked.get("action"), asked.get("channel")
    if not isinstance(channel, str) or not channel:
        return
    if action == "subscribe" and len(listener.channels) < MAX_CHANNELS:
        listener.channels.add(channel)
    elif action == "unsubscribe":
        listener.channels.discard(channel)


async def _refuse(scope: Scope, send: Send, status: int) -> None:
    """Answer the handshake with ``status``; where the server cannot, hang up, which it makes a 403 of."""
    if "websocket.http.response" in (scope.get("extensions") or {}):
        headers = [(b"content-length", b"0")]
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close", "code": _POLICY if status != 503 else _TRY_LATER})


_STREAM: Mapping[str, Any] = {
    "summary": "Follow signals (server-sent events)",
    "parameters": [
        {
            "name": "channel", "in": "query", "required": True, "description": "A channel; may be repeated.",
            "schema": {"type": "array", "items": {"type": "string"}},
        }
    ],
    "responses": {
        "200": {"description": "Signals as they come.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    },
}  # fmt: skip

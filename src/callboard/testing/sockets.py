"""A WebSocket of a portal in this process, without a network: speaks ASGI to the application."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Mapping, Sequence


class Refused(Exception):
    """The handshake was answered with ``status``."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with {status}")
        self.status = status


class Socket:
    """An open one. ``code`` is what the portal closed it with, None while it is open."""

    def __init__(self, incoming: asyncio.Queue[Any], outgoing: asyncio.Queue[Any]) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self.subprotocol: str | None = None
        self.code: int | None = None

    def send(self, value: Any) -> None:
        """``value`` as JSON; text as it is."""
        text = value if isinstance(value, str) else json.dumps(value)
        self._incoming.put_nowait({"type": "websocket.receive", "text": text})

    async def receive(self, timeout_s: float = 2.0) -> Any:
        """The next message as JSON; None when the portal closed, ``TimeoutError`` when nothing came."""
        async with asyncio.timeout(timeout_s):
            message = await self._outgoing.get()
        if message["type"] == "websocket.close":
            self.code = message["code"]
            return None
        return json.loads(message["text"])


@asynccontextmanager
async def open_socket(
    app: Any, path: str, *, subprotocols: Sequence[str] = (), headers: Mapping[str, str] | None = None
) -> AsyncIterator[Socket]:
    """Connect to ``path``. Raises ``Refused``."""
    incoming: asyncio.Queue[Any] = asyncio.Queue()
    outgoing: asyncio.Queue[Any] = asyncio.Queue()
    given = {"host": "localhost:7007", **(headers or {})}
    scope = {
        "type": "websocket", "asgi": {"version": "3.0"}, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()], "subprotocols": list(subprotocols),
        "client": ("127.0.0.1", 50000), "server": ("localhost", 7007), "scheme": "ws", "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    incoming.put_nowait({"type": "websocket.connect"})

    async def send(message: Any) -> None:
        outgoing.put_nowait(message)

    running = asyncio.create_task(app(scope, incoming.get, send))
    try:
        async with asyncio.timeout(5):
            first = await outgoing.get()
        if first["type"] != "websocket.accept":
            raise Refused(first.get("status", 403))
        socket = Socket(incoming, outgoing)
        socket.subprotocol = first.get("subprotocol")
        yield socket
    finally:
        incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait([running], timeout=5)
        running.cancel()

"""Request bodies: never larger than allowed, and JSON errors in the words of Node, which Backstage's clients know."""

from __future__ import annotations

from typing import Any, MutableMapping

import orjson

from callboard.kernel.errors import InputError, LimitError
from callboard.kernel.web.json_syntax import explain_json
from callboard.kernel.web.routing import Receive


class RequestTooLarge(LimitError):
    """The body is larger than the path takes. Name and message are Express's."""

    code = "web.request_too_large"
    name = "PayloadTooLargeError"

    def __init__(self, limit: int) -> None:
        super().__init__("request entity too large")
        self.limit = limit


def limited(receive: Receive, limit: int) -> Receive:
    """``receive`` that raises ``RequestTooLarge`` once more than ``limit`` bytes have come."""
    seen = 0

    async def receive_limited() -> MutableMapping[str, Any]:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise RequestTooLarge(limit)
        return message

    return receive_limited


def parse_json(body: bytes) -> Any:
    """The body as JSON: an object or a list, as ``express.json`` wants it. Raises ``InputError``."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        fault = explain_json(body.decode("utf-8", "replace"))
        raise InputError(fault or "The body is not valid JSON.") from None
    if not isinstance(value, (dict, list)):
        text = body.decode("utf-8", "replace").strip()
        raise InputError(f"Unexpected token '{text[:1]}', \"{text[:40]}\" is not valid JSON")
    return value

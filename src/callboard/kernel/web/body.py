"""Request bodies: never larger than allowed, and JSON errors in the words of Node, which Backstage's clients know."""

from __future__ import annotations

import re
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
    except orjson.JSONDecodeError as error:
        fault = explain_json(body.decode("utf-8", "replace"))
        raise InputError(fault or f"The body is not JSON that can be read: {error}") from None
    if not isinstance(value, (dict, list)):
        raise InputError(_explain_scalar(body.decode("utf-8", "replace")))
    return value


def _explain_scalar(text: str) -> str:
    """What Express says of JSON that is only a text or a number: its first character is unexpected.

    Source: body-parser, ``createStrictSyntaxError``, which has V8 explain a text of ``#`` and writes the body's letters over them.
    """
    start = len(text) - len(text.lstrip(" \t\n\r"))
    fault = explain_json(text[:start] + "#" * (len(text) - start)) or ""
    return re.sub("#+", lambda run: text[start : start + len(run.group())], fault)

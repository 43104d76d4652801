"""Answers: JSON from bytes or values, and ETags as Express makes them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Mapping

import orjson
from starlette.responses import Response

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json"


def weak_etag(body: bytes) -> str:
    """``W/"<length in hex>-<27 characters of base64 SHA-1>"``. Source: the npm package ``etag``, as Express calls it."""
    digest = base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest())[:27].decode()
    return f'W/"{len(body):x}-{digest}"'


def is_fresh(if_none_match: str, etag: str) -> bool:
    """Whether the client has this version: weak comparison, lists and ``*`` allowed. Source: RFC 9110, 13.1.2."""
    if if_none_match.strip() == "*":
        return True
    wanted = etag.removeprefix("W/")
    return any(part.strip().removeprefix("W/") == wanted for part in if_none_match.split(","))


class JsonBytes(Response):
    """A body that is JSON already. A weak ETag is added on the way out unless ``etag`` is False."""

    def __init__(
        self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None, *, etag: bool = True
    ) -> None:
        super().__init__(body, status, headers, media_type=None)
        self.headers["content-type"] = JSON
        self.wants_etag = etag


class Json(JsonBytes):
    """A value as compact JSON, keys in the order given, as Express writes it."""

    def __init__(
        self, value: Any, status: int = 200, headers: Mapping[str, str] | None = None, *, etag: bool = True
    ) -> None:
        super().__init__(orjson.dumps(value), status, headers, etag=etag)


class Empty(Response):
    """A status and no body, without a content type: Express's bare 404, and 204."""

    def __init__(self, status: int = 204, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(b"", status, headers)


class Redirect(Response):
    """303 to a path of this portal (after a form) unless another status is given."""

    def __init__(self, location: str, status: int = 303, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(b"", status, {"location": location, **(headers or {})})


def safe_next(target: str | None, default: str = "/") -> str:
    """``target`` if it is a path of this portal, else ``default``: nobody is sent elsewhere after signing in."""
    if not target or target[0] != "/" or target.startswith(("//", "/\\")):
        return default
    return default if any(ord(c) < 32 or c == "\\" for c in target) else target

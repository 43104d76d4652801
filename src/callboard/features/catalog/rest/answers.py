"""What a catalog route gives back, before any web framework: a status, bytes or a stream of them, few headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, AsyncIterator

import orjson

JSON_TYPE = b"application/json; charset=utf-8"
Header = tuple[bytes, bytes]


@dataclass(slots=True)
class Answer:
    """One answer. ``body`` is sent whole; where ``chunks`` is set those are streamed instead.

    ``etag`` asks for a weak ETag and for conditional requests to be honoured. Backstage sends stored entities without
    one and everything that it serialises itself with one; clients may tell the two apart, so the flag follows it.
    """

    body: bytes = b""
    status: int = 200
    etag: bool = False
    content_type: bytes | None = JSON_TYPE
    headers: tuple[Header, ...] = ()
    chunks: AsyncIterator[bytes] | None = field(default=None, repr=False)


def json_answer(value: Any, *, status: int = 200, headers: tuple[Header, ...] = ()) -> Answer:
    """A value serialised here, hence with an ETag."""
    return Answer(orjson.dumps(value), status, True, JSON_TYPE, headers)


def empty_answer(status: int) -> Answer:
    """No body and no content type: 204, or the 200 of ``/refresh``."""
    return Answer(status=status, content_type=None)

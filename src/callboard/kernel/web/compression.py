"""gzip for text of more than 1 kB, whole or as it streams. Event streams are never touched."""

from __future__ import annotations

import asyncio
import re
import zlib

THRESHOLD = 1024
LEVEL = 5
_IN_THREAD = 128 * 1024
_TEXT = re.compile(
    r"(text/(?!event-stream)|application/(json|javascript|xml|manifest\+json|problem\+json|yaml|x-ndjson|[a-z.+-]+\+(json|xml))|image/svg\+xml)"
)
_GZIP = re.compile(r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=([0-9.]+))?\s*(?=,|$)")


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the header names gzip with a weight above zero."""
    match = _GZIP.search(accept_encoding)
    return match is not None and (match[1] is None or match[1].strip("0.") != "")


def is_compressible(content_type: str) -> bool:
    return _TEXT.match(content_type) is not None


async def compress(body: bytes) -> bytes:
    """``body`` as gzip; large ones in a thread, so that other requests go on."""
    if len(body) > _IN_THREAD:
        return await asyncio.to_thread(gzip, body)
    return gzip(body)


def gzip(body: bytes, level: int = LEVEL) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


class GzipStream:
    """Compresses chunk by chunk; each is flushed, so that what was sent can be read."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)

    def add(self, chunk: bytes, *, last: bool) -> bytes:
        out = self._packer.compress(chunk) if chunk else b""
        return out + self._packer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)

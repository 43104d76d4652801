"""Requests as bytes on a socket: what no client would send."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Mapping
from urllib.parse import urlsplit

from tests.faults.serving import TOKEN

TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Answer:
    """``status`` 0: the connection was closed without an answer."""

    status: int
    head: bytes
    body: bytes
    seconds: float

    @property
    def headers(self) -> list[bytes]:
        return self.head.split(b"\r\n")[1:]

    def header(self, name: str) -> bytes | None:
        for line in self.headers:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.encode():
                return value.strip()
        return None


def exchange(url: str, request: bytes) -> Answer:
    """Send ``request`` as it is, and read what comes until the end."""
    parts = urlsplit(url)
    started = time.monotonic()
    received = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT_S) as connection:
        try:
            connection.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it did not want to hear the rest, but may have answered
        try:
            while chunk := connection.recv(65_536):
                received += chunk
        except ConnectionResetError:
            pass
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1]) if head.startswith(b"HTTP/1.") else 0
    return Answer(status, head, body, time.monotonic() - started)


def build(
    method: str,
    target: bytes | str,
    body: bytes = b"",
    *,
    headers: Mapping[str, bytes | str] | None = None,
    anonymous: bool = False,
) -> bytes:
    """A request with the token, whose target, header values and body are sent as they are."""
    path = target.encode() if isinstance(target, str) else target
    lines = [f"{method} ".encode() + path + b" HTTP/1.1", b"host: localhost", b"connection: close"]
    if not anonymous:
        lines.append(f"authorization: Bearer {TOKEN}".encode())
    given = {name.lower(): value for name, value in (headers or {}).items()}
    if body and "content-type" not in given:
        lines.append(b"content-type: application/json")
    if body and "content-length" not in given and "transfer-encoding" not in given:
        lines.append(f"content-length: {len(body)}".encode())
    lines += [
        name.encode() + b": " + (value.encode() if isinstance(value, str) else value) for name, value in given.items()
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body

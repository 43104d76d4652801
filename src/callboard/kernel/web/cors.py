"""Answers for pages of other origins (CORS), as ``backend.cors`` in the settings allows them; off without it.

Source: Backstage backend-defaults, ``readCorsOptions``: origins are texts or patterns in any case, and an OPTIONS request
is answered before anything else looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, MutableMapping, Sequence

from callboard.kernel.errors import InputError
from callboard.kernel.globs import compile_glob
from callboard.kernel.settings import Settings
from callboard.kernel.web.routing import Scope, Send

Headers = list[tuple[bytes, bytes]]
METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE"


@dataclass(frozen=True, slots=True)
class Cors:
    """Which origins may read answers, and with what. ``credentials``: with cookies, too. ``max_age_s`` None leaves it out."""

    origins: tuple[str, ...]
    methods: str = METHODS
    allowed_headers: str | None = None
    exposed_headers: str | None = None
    credentials: bool = False
    max_age_s: int | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Cors | None:
        """None where ``backend.cors`` is missing, false or names no origin.

        Raises:
            InputError: an origin that is no pattern.
        """
        given = settings.get("backend.cors")
        if not isinstance(given, Mapping):
            return None
        origins = tuple(_texts(given.get("origin")))
        for origin in origins:
            try:
                compile_glob(origin.lower())
            except ValueError as error:
                raise InputError(str(error), field="backend.cors.origin") from error
        age = given.get("maxAge")
        return cls(
            origins=origins,
            methods=",".join(_texts(given.get("methods"))) or METHODS,
            allowed_headers=",".join(_texts(given.get("allowedHeaders"))) or None,
            exposed_headers=",".join(_texts(given.get("exposedHeaders"))) or None,
            credentials=given.get("credentials") is True,
            max_age_s=age if isinstance(age, int) and not isinstance(age, bool) else None,
        ) if origins else None  # fmt: skip

    def allows(self, origin: str) -> bool:
        low = origin.lower()
        return any(pattern == "*" or compile_glob(pattern.lower()).fullmatch(low) for pattern in self.origins)

    async def open(self, scope: Scope, send: Send) -> Send | None:
        """What to send the answer with; None where the request asked only whether it may come, and was told."""
        asked = dict(scope["headers"])
        origin = asked.get(b"origin")
        if origin is None:
            return send
        headers: Headers = []
        if self.allows(origin.decode("latin-1")):
            headers.append((b"access-control-allow-origin", origin))
            if self.credentials:
                headers.append((b"access-control-allow-credentials", b"true"))
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in asked:
            await self._answer_preflight(asked, headers, send)
            return None
        if self.exposed_headers and headers:
            headers.append((b"access-control-expose-headers", self.exposed_headers.encode()))

        async def send_with(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _with_vary([*message["headers"], *headers])}
            await send(message)

        return send_with

    async def _answer_preflight(self, asked: Mapping[bytes, bytes], headers: Headers, send: Send) -> None:
        vary = b"Origin"
        if headers:
            headers.append((b"access-control-allow-methods", self.methods.encode()))
            wanted = asked.get(b"access-control-request-headers")
            if self.allowed_headers is not None:
                headers.append((b"access-control-allow-headers", self.allowed_headers.encode()))
            elif wanted:
                headers.append((b"access-control-allow-headers", wanted))
                vary = b"Origin, Access-Control-Request-Headers"
            if self.max_age_s is not None:
                headers.append((b"access-control-max-age", str(self.max_age_s).encode()))
        await send(
            {
                "type": "http.response.start",
                "status": 204,
                "headers": [*headers, (b"vary", vary), (b"content-length", b"0")],
            }
        )
        await send({"type": "http.response.body", "body": b""})


def _texts(value: Any) -> Sequence[str]:
    """One text, a comma list, or a list of texts."""
    if isinstance(value, str):
        value = value.split(",")
    return [text.strip() for text in value if isinstance(text, str) and text.strip()] if isinstance(value, list) else []


def _with_vary(headers: Headers) -> Headers:
    """The same headers, with ``Origin`` among those that the answer depends on."""
    said = [value for name, value in headers if name == b"vary"]
    rest = [(name, value) for name, value in headers if name != b"vary"]
    return [*rest, (b"vary", b", ".join([*said, b"Origin"]))]

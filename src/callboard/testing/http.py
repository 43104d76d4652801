"""An outside world: answers by URL in place of the network, for ``HttpClient(transport=FakeHttp())``."""

from __future__ import annotations

import json as json_module
from dataclasses import dataclass, field
from typing import Any, Awaitable, Callable, Mapping

import httpx2


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request that was made. Header names are lower-case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json_module.loads(self.body)


@dataclass(frozen=True, slots=True)
class FakeAnswer:
    """What a URL answers. ``error`` is raised instead, as the network would."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: Exception | None = None


Answerer = Callable[[SentRequest], FakeAnswer | Awaitable[FakeAnswer]]


class FakeHttp(httpx2.AsyncBaseTransport):
    """Answers by method and URL; whatever is not known is refused like a host that is down. ``sent`` lists what was asked.

    Several answers for one URL are given one after the other; the last one stays.
    """

    def __init__(self) -> None:
        self.sent: list[SentRequest] = []
        self._answers: dict[tuple[str, str], list[FakeAnswer | Answerer]] = {}

    def add(
        self,
        url: str,
        body: bytes | str = b"",
        *,
        json: Any = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        times: int = 1,
    ) -> None:
        """Have ``url`` answer this, after the answers it was given before."""
        content = (
            json_module.dumps(json).encode() if json is not None else body.encode() if isinstance(body, str) else body
        )
        sent = {"content-type": "application/json"} if json is not None else {}
        answer = FakeAnswer(status, {**sent, **(headers or {})}, content)
        self._answers.setdefault((method, _normal(url)), []).extend([answer] * times)

    def add_error(self, url: str, error: Exception | None = None, *, method: str = "GET", times: int = 1) -> None:
        """Have ``url`` fail as a host that does not answer."""
        failure = FakeAnswer(error=error or httpx2.ConnectError("connection refused"))
        self._answers.setdefault((method, _normal(url)), []).extend([failure] * times)

    def add_function(self, url: str, answer: Answerer, *, method: str = "GET") -> None:
        """Have ``answer`` decide from the request."""
        self._answers.setdefault((method, _normal(url)), []).append(answer)

    def requests_to(self, url: str, *, method: str | None = None) -> list[SentRequest]:
        """What was asked of ``url``, oldest first."""
        wanted = _normal(url)
        return [one for one in self.sent if _normal(one.url) == wanted and method in (None, one.method)]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Called by httpx2 in place of the network."""
        body = await request.aread()
        headers = {name.lower(): value for name, value in request.headers.items()}
        sent = SentRequest(request.method, str(request.url), headers, body)
        self.sent.append(sent)
        known = self._answers.get((request.method, _normal(sent.url)))
        if not known:
            raise httpx2.ConnectError(f"FakeHttp knows no {request.method} {sent.url}", request=request)
        answer = known.pop(0) if len(known) > 1 else known[0]
        if not isinstance(answer, FakeAnswer):
            given = answer(sent)
            answer = given if isinstance(given, FakeAnswer) else await given
        if answer.error is not None:
            raise answer.error
        return httpx2.Response(answer.status, headers=dict(answer.headers), content=answer.body, request=request)


def _normal(url: str) -> str:
    return str(httpx2.URL(url))

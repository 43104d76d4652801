"""A request as the catalog's routes see it, free of any web framework, and errors in the form that Backstage gives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Awaitable, Callable, Mapping, MutableMapping

from callboard.features.catalog.rest.answers import Answer
from callboard.features.catalog.rest.body import Schema, UnsupportedBody, parse_body, read_body
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import CallboardError
from callboard.kernel.web.errors import ToldError, backstage_body, extra_headers, tell
from callboard.kernel.web.routing import Receive

PREFIX = "/api/catalog"


@dataclass(slots=True)
class Call:
    """One request: the ASGI ``scope`` with the way to its body, who asks, and the decoded parts of the path."""

    scope: MutableMapping[str, Any]
    receive: Receive
    actor: Actor
    path_params: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw_query(self) -> bytes:
        """The query string as sent."""
        raw: bytes = self.scope["query_string"]
        return raw

    async def json(self, schema: Schema) -> dict[str, Any]:
        """The body, checked. Raises ``InputError`` and the errors of ``read_body``."""
        headers = dict(self.scope["headers"])
        data = await read_body(headers, self.receive)
        return parse_body(data, headers.get(b"content-type"), schema)


Handler = Callable[[Call], Awaitable[Answer]]


def error_answer(error: CallboardError, call: Call) -> Answer:
    """``{"error", "request", "response"}`` with the status of the error's class, as the web layer writes it.

    One thing it does not know is added: 415 for a body that is no JSON.
    """
    told = tell(error, call.scope)
    if isinstance(error, UnsupportedBody):
        told = ToldError(415, told.name, told.message, told.code)
    headers = tuple((name.encode("ascii"), value.encode("ascii")) for name, value in extra_headers(error, told).items())
    return Answer(backstage_body(told, call.scope), told.status, etag=True, headers=headers)

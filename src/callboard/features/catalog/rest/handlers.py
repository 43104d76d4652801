"""The endpoints as routes of the web layer, and their answers as its responses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Iterable

from starlette.responses import Response, StreamingResponse

from callboard.features.catalog.rest.answers import JSON_TYPE, Answer
from callboard.features.catalog.rest.body import Disconnected
from callboard.features.catalog.rest.calls import PREFIX, Call, error_answer
from callboard.features.catalog.rest.endpoints import Endpoint
from callboard.features.catalog.rest.openapi import inline, operation
from callboard.kernel.errors import CallboardError
from callboard.kernel.web.responses import Empty, JsonBytes
from callboard.kernel.web.routing import Route

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request


class EndpointHandler:
    """A handler for the web layer around an endpoint's own."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, request: Request) -> Response:
        call = Call(request.scope, request.receive, request.actor, request.path_params)
        try:
            answer = await self._endpoint.handler(call)
        except Disconnected:
            return Empty(400)
        except CallboardError as error:
            if self._endpoint.is_own:
                raise
            answer = error_answer(error, call)
        return as_response(answer)


def as_response(answer: Answer) -> Response:
    """The answer for the web layer, which adds the ETag, cuts the body for HEAD and compresses."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
    if answer.chunks is not None:
        if answer.content_type is not None:
            headers["content-type"] = answer.content_type.decode("ascii")
        return StreamingResponse(answer.chunks, answer.status, headers)
    if answer.content_type is None:
        return Empty(answer.status, headers)
    response = JsonBytes(answer.body, answer.status, headers, etag=answer.etag)
    if answer.content_type is not JSON_TYPE:
        response.headers["content-type"] = answer.content_type.decode("ascii")
    return response


def endpoint_routes(endpoints: Iterable[Endpoint]) -> list[Route]:
    """A route of the web layer for each endpoint."""
    return [
        Route(
            PREFIX + endpoint.path,
            EndpointHandler(endpoint),
            methods=(endpoint.method,),
            openapi=partial(_describe, endpoint),
        )
        for endpoint in endpoints
    ]


def _describe(endpoint: Endpoint) -> dict[str, Any]:
    described: dict[str, Any] = inline(operation(endpoint))
    return described

"""The short way in for hot reads: raw ASGI, no request object, no routing tree. Dispatch only; semantics are ``reads``.

Whatever is unusual (another method, credentials that do not hold, a request that is refused) is left alone, so that the
ordinary handlers answer it; they parse and read by the same code. ``POST`` bodies can be read once only, so by-refs
answers its errors here, in the same words.
"""

from __future__ import annotations

from callboard.features.catalog.rest import requests, schemas
from callboard.features.catalog.rest.answers import Answer
from callboard.features.catalog.rest.body import MAX_BODY_BYTES, Disconnected, is_json_type
from callboard.features.catalog.rest.calls import PREFIX, Call, error_answer
from callboard.features.catalog.rest.reads import EntityReads
from callboard.kernel.errors import CallboardError
from callboard.kernel.web.raw import authenticate, header, send_json
from callboard.kernel.web.routing import Receive, Scope, Send
from callboard.kernel.web.security import JSON_HEADERS

_ENTITIES = f"{PREFIX}/entities"
_BY_QUERY = f"{_ENTITIES}/by-query"
_BY_REFS = f"{_ENTITIES}/by-refs"
_BY_NAME = f"{_ENTITIES}/by-name/"
_FACETS = f"{PREFIX}/entity-facets"


class FastReads:
    """A raw handler for paths that begin with ``/api/catalog/ent``.

    Gives the status it sent, or False for «not mine» with nothing sent or consumed.
    """

    def __init__(self, reads: EntityReads) -> None:
        self._reads = reads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> int | bool:
        method, path = scope["method"], scope["path"]
        try:
            if method == "GET":
                answer = await self._get(path, scope)
            elif method == "POST" and path == _BY_REFS:
                answer = await self._by_refs(scope, receive)
            else:
                return False
        except CallboardError:
            return False  # nothing was consumed: the ordinary handler finds the same and tells
        except Disconnected:
            return 499
        if answer is None:
            return False
        if answer.chunks is not None:
            return await _stream(send, answer)
        return await send_json(send, answer.status, answer.body, answer.headers, answer.etag, scope=scope)

    async def _get(self, path: str, scope: Scope) -> Answer | None:
        raw: bytes = scope["query_string"]
        reads = self._reads
        if path.startswith(_BY_NAME):
            parts = path[len(_BY_NAME) :].split("/")
            if raw or len(parts) != 3 or not all(parts) or (actor := authenticate(scope)) is None:
                return None
            return await reads.by_name(*parts, actor=actor)
        if path == _BY_QUERY:
            by_query = requests.parse_by_query(raw)
            actor = authenticate(scope)
            return None if actor is None else await reads.by_query(by_query, actor=actor)
        if path == _ENTITIES:
            entities = requests.parse_entities(raw)
            actor = authenticate(scope)
            return None if actor is None else await reads.entities(entities, actor=actor)
        if path == _FACETS:
            facets = requests.parse_facets(raw)
            actor = authenticate(scope)
            return None if actor is None else await reads.facets(facets, actor=actor)
        return None

    async def _by_refs(self, scope: Scope, receive: Receive) -> Answer | None:
        length = header(scope, b"content-length") or b""
        if not length.isdigit() or int(length) > MAX_BODY_BYTES or not is_json_type(header(scope, b"content-type")):
            return None
        if header(scope, b"content-encoding") is not None:
            return None
        narrowed = requests.parse_by_refs_filter(scope["query_string"])
        actor = authenticate(scope)
        if actor is None:
            return None
        call = Call(scope, receive, actor)
        try:
            body = await call.json(schemas.BY_REFS_BODY)
            return await self._reads.by_refs(requests.read_by_refs(body, narrowed), actor=actor)
        except CallboardError as error:
            return error_answer(error, call)


async def _stream(send: Send, answer: Answer) -> int:
    """Pieces as they come; the server holds us back while the client does not keep up. Never compressed."""
    assert answer.chunks is not None
    headers = [*JSON_HEADERS, *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for chunk in answer.chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    return answer.status

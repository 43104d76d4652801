"""The reads of the catalog as answers: stored bytes joined, nothing parsed unless ``fields`` asks for it."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any, AsyncIterator, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries, EntityNotFound, RawPage
from callboard.features.catalog.rest.answers import Answer, json_answer
from callboard.features.catalog.rest.cursors import encode_cursor
from callboard.features.catalog.rest.projection import Fields, project_bytes
from callboard.features.catalog.rest.requests import ByQueryRequest, ByRefsRequest, EntitiesRequest, FacetsRequest
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import NotFoundError
from callboard.model.refs import EntityRef


class EntityReads:
    """What ``/entities`` and ``/entity-facets`` answer. One instance for both ways in; holds no state of its own."""

    def __init__(self, queries: CatalogQueries) -> None:
        self._queries = queries

    async def entities(self, request: EntitiesRequest, *, actor: Actor) -> Answer:
        """``GET /entities``: an array, streamed where no page was asked for."""
        if request.streamed:
            return await self._stream(request, actor=actor)
        page = await self._queries.list_raw(request.query, actor=actor)
        headers = ((b"link", request.link),) if request.link and page.has_more else ()
        if request.fields is None:
            return Answer(b"[" + b",".join(page.items) + b"]", headers=headers)
        return Answer(b"[" + b",".join(project_bytes(page.items, request.fields)) + b"]", etag=True, headers=headers)

    async def _stream(self, request: EntitiesRequest, *, actor: Actor) -> Answer:
        source = self._queries.iter_raw(request.query, actor=actor)
        first: Sequence[bytes] = ()
        async for first in source:
            if first:
                break
        if not first:
            return Answer(b"[]", etag=True)  # as recorded: nothing at all is an ordinary, tagged answer
        return Answer(chunks=_array(first, source, request.fields))

    async def by_query(self, request: ByQueryRequest, *, actor: Actor) -> Answer:
        """``/entities/by-query``: items, total, and cursors to the pages beside."""
        page = await self._queries.list_raw(request.query, actor=actor)
        total = request.total if request.total is not None else page.total or 0
        items = page.items if request.fields is None else project_bytes(page.items, request.fields)
        info = _page_info(request, page, total)
        body = b'{"items":[%b],"totalItems":%d,"pageInfo":%b}' % (b",".join(items), total, info)
        return Answer(body, etag=request.fields is not None)

    async def by_refs(self, request: ByRefsRequest, *, actor: Actor) -> Answer:
        """``POST /entities/by-refs``: in the order asked, null for what is not there."""
        found = await self._queries.get_many_raw(request.refs, predicate=request.predicate, actor=actor)
        fields = request.fields
        if fields is None:
            items = [b"null" if item is None else item for item in found]
        else:
            projected = iter(project_bytes([item for item in found if item is not None], fields))
            items = [b"null" if item is None else next(projected) for item in found]
        return Answer(b'{"items":[%b]}' % b",".join(items), etag=fields is not None)

    async def facets(self, request: FacetsRequest, *, actor: Actor) -> Answer:
        """``/entity-facets``: values and counts under the keys as asked."""
        found = await self._queries.facets(request.facets, request.predicate, actor=actor)
        return json_answer({"facets": {key: found.get(key, ()) for key in request.facets}})

    async def by_name(self, kind: str, namespace: str, name: str, *, actor: Actor) -> Answer:
        """``GET /entities/by-name/…``. Raises ``NotFoundError`` in Backstage's words."""
        raw = await self._queries.find_raw(f"{kind}:{namespace}/{name}".lower(), actor=actor)
        if raw is None:
            raise EntityNotFound(
                f"{kind}:{namespace}/{name}",
                f"No entity named '{name}' found, with kind '{kind}' in namespace '{namespace}'",
            )
        return Answer(raw)

    async def by_uid(self, uid: str, *, actor: Actor) -> Answer:
        """``GET /entities/by-uid/…``. Raises ``NotFoundError`` in Backstage's words."""
        raw = await self._queries.find_raw_by_uid(uid, actor=actor)
        if raw is None:
            raise NotFoundError(f"No entity with uid {uid}")
        return Answer(raw)

    async def ancestry(self, ref: EntityRef, *, actor: Actor) -> Answer:
        """``GET /entities/by-name/…/ancestry``: the entity first, each with the refs of its parents."""
        try:
            found = await self._queries.ancestry(ref, actor=actor)
        except EntityNotFound:
            raise EntityNotFound(ref, f"No such entity {ref}") from None
        items = [{"entity": entity, "parentEntityRefs": parents} for entity, parents in found]
        return json_answer({"rootEntityRef": str(ref), "items": items})


def _page_info(request: ByQueryRequest, page: RawPage, total: int) -> bytes:
    """``pageInfo``: forward where more follows or we came from there, backward unless this is where the list began."""
    if page.first is None or page.last is None:
        return b"{}"
    first = request.first if request.first is not None else page.first
    info: dict[str, Any] = {}
    if request.is_previous or page.has_more:
        info["nextCursor"] = encode_cursor(request.head, is_previous=False, at=page.last, first=first, total=total)
    if request.first is not None and page.first != request.first:
        info["prevCursor"] = encode_cursor(request.head, is_previous=True, at=page.first, first=first, total=total)
    return orjson.dumps(info)


async def _array(
    first: Sequence[bytes], rest: AsyncIterator[Sequence[bytes]], fields: Fields | None
) -> AsyncIterator[bytes]:
    """A JSON array in pieces, one for each chunk of the source, which is closed whatever happens."""

    def join(chunk: Sequence[bytes]) -> bytes:
        return b",".join(chunk if fields is None else project_bytes(chunk, fields))

    async with aclosing(rest) as chunks:  # type: ignore[type-var]
        yield b"[" + join(first)
        async for chunk in chunks:
            if chunk:
                yield b"," + join(chunk)
        yield b"]"

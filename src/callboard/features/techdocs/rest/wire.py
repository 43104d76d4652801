"""Backstage's wire of TechDocs: metadata, sync with server-sent events, static files. Cookies of the reader come from the kernel.

Source: Backstage 1.55, ``plugins/techdocs-backend/src/service/router.ts`` and ``DocsSynchronizer.ts``.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any, AsyncIterator, Mapping, Sequence

import orjson
from starlette.responses import Response, StreamingResponse

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.techdocs.books import ASSETS
from callboard.features.techdocs.domain import TECHDOCS_REF, Redirected, SitePlan
from callboard.features.techdocs.files import StaticFiles
from callboard.features.techdocs.finding import Plans
from callboard.features.techdocs.interface import Asset, PageNotFound, SiteNotFound
from callboard.features.techdocs.rest import documents as doc
from callboard.features.techdocs.service import TechDocsService
from callboard.features.techdocs.types import wire_type_of
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import CallboardError, NotFoundError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Empty, Json, is_fresh
from callboard.kernel.web.routing import Route
from callboard.model.refs import EntityRef

PREFIX = "/api/techdocs"
SYNC_TIMEOUT_S = 240.0
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)
_TRIPLET = "{namespace}/{kind}/{name}"
_CLOSED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class TechDocsWire:
    """Handlers over ``TechDocs``."""

    def __init__(
        self, service: TechDocsService, files: StaticFiles, plans: Plans, queries: CatalogQueries, *, stopping: asyncio.Event,
        keeps_case: bool,
    ) -> None:  # fmt: skip
        self._service = service
        self._files = files
        self._plans = plans
        self._queries = queries
        self._stopping = stopping
        self._keeps_case = keeps_case

    async def metadata(self, request: Request) -> Response:
        ref = _ref(request)
        try:
            return Json(await self._files.metadata(ref, actor=request.actor))
        except (CallboardError, AssertionError) as error:
            if isinstance(error, NotFoundError):
                raise NotFoundError(f"Unable to get metadata for '{ref}'") from None
            raise

    async def entity(self, request: Request) -> Response:
        """The entity with where its documentation is read."""
        ref = _ref(request)
        raw = await self._queries.find_raw(ref, actor=request.actor)
        plan = await self._plans.find(ref, actor=request.actor)
        if raw is None or plan is None:
            raise NotFoundError(f"Unable to get metadata for '{ref}'")
        return Json({**orjson.loads(raw), "locationMetadata": _location(orjson.loads(raw), plan)})

    # ---- sync ---------------------------------------------------------------------------------------------------------

    async def sync(self, request: Request) -> Response:
        ref, actor = _ref(request), request.actor
        plan = await self._plans.follow(ref, actor=actor)
        if plan is None:
            raise SiteNotFound(f"No documentation of {ref} is visible to you.")
        if "text/event-stream" not in request.headers.get("accept", ""):
            updated = await self._service.refresh(ref, actor=actor)
            return Json({"message": "Docs updated or did not need updating"}, 201) if updated else Empty(304)
        headers = {"cache-control": "no-cache", "connection": "keep-alive", "x-accel-buffering": "no"}
        return StreamingResponse(self._chunks(ref, actor), 200, headers, media_type="text/event-stream")

    async def _chunks(self, ref: str, actor: Actor) -> AsyncIterator[bytes]:
        yield _event("log", f"Looking at the source of {ref}")
        work = asyncio.ensure_future(self._service.refresh(ref, actor=actor))
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            waited = 0.0
            while not work.done() and not stopped.done() and waited < SYNC_TIMEOUT_S:
                done, _ = await asyncio.wait({work, stopped}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
                waited += 0 if done else 10
                if not done:
                    yield _event("log", "Still reading")
            if not work.done():
                yield _event("error", "The documentation was not read in time. What was read before is shown.")
                return
            updated = work.result()
            yield _event("log", "It was read again" if updated else "It did not change")
            yield _event("finish", {"updated": updated})
        except CallboardError as error:
            yield _event("error", error.message)
        finally:
            for task in (work, stopped):
                task.cancel()
            with contextlib.suppress(BaseException):
                await asyncio.gather(work, stopped, return_exceptions=True)

    # ---- files --------------------------------------------------------------------------------------------------------

    async def static(self, request: Request) -> Response:
        given = request.path_params
        written = f"{given['namespace']}/{given['kind']}/{given['name']}"
        if written != written.lower() and not self._keeps_case:
            query = f"?{request.url.query}" if request.url.query else ""
            raw_path = request.url.path
            start = raw_path.index("/static/docs/") + len("/static/docs/")
            parts = raw_path[start:].split("/", 3)
            place = "/".join([*(part.lower() for part in parts[:3]), *parts[3:]])
            return Empty(301, {"location": f"{raw_path[:start]}{place}{query}"})
        path = str(given.get("path", ""))
        try:
            asset = await self._files.file(_ref(request), path, actor=request.actor)
        except PageNotFound:
            return Response("File Not Found", 404, media_type="text/plain")
        name = path if path and not path.endswith("/") else f"{path}index.html"
        is_page = asset.media_type.startswith("text/html")
        return file_response(request, asset, "text/plain; charset=utf-8" if is_page else wire_type_of(name))

    async def asset(self, request: Request) -> Response:
        """A file for our own pages: as what it is, and shut in, so that nothing in it runs."""
        version = request.query_params.get("version") or None
        asset = await self._service.asset(
            _ref(request), request.path_params["path"], version=version, actor=request.actor
        )
        return file_response(request, asset, asset.media_type)

    def routes(self) -> Sequence[Route]:
        def get(path: str, handler: Any, operation: Mapping[str, Any] | None, **more: Any) -> Route:
            return Route(path, handler, openapi=operation, **more)

        static = f"{PREFIX}/static/docs/{_TRIPLET}"
        return [
            get(f"{PREFIX}/metadata/techdocs/{_TRIPLET}", self.metadata, doc.operation("Metadata of a site", doc.METADATA)),
            get(f"{PREFIX}/metadata/entity/{_TRIPLET}", self.entity, doc.operation("An entity and the place of its docs", doc.ENTITY)),
            get(f"{PREFIX}/sync/{_TRIPLET}", self.sync, doc.operation("Read a site again if its source differs", None, media="text/event-stream")),
            get(f"{static}/{{path:path}}", self.static, doc.operation("A file of a site", None, media="*/*", path=True), auth="cookie"),
            get(static, self.static, doc.operation("The first page of a site", None, media="*/*"), auth="cookie"),
            get(f"{ASSETS}/{_TRIPLET}/{{path:path}}", self.asset, None, auth="page"),
        ]  # fmt: skip


def file_response(request: Request, asset: Asset, media_type: str) -> Response:
    headers = {
        "etag": asset.etag, "cache-control": "private, no-cache",
        "content-security-policy": _CLOSED,
    }  # fmt: skip
    if is_fresh(request.headers.get("if-none-match", ""), asset.etag):
        return Empty(304, headers)
    headers["accept-ranges"] = "bytes"
    size = len(asset.content)
    wanted = range_of(request.headers.get("range", ""), size)
    if request.headers.get("if-range", asset.etag) != asset.etag:
        wanted = None
    if wanted is None:
        response = Response(asset.content, 200, headers)
    elif not wanted:
        return Empty(416, {**headers, "content-range": f"bytes */{size}"})
    else:
        headers["content-range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
        response = Response(asset.content[wanted.start : wanted.stop], 206, headers)
    response.headers["content-type"] = media_type
    return response


def range_of(header: str, size: int) -> range | None:
    """The bytes that ``Range`` asks for, of ``size``; empty: there are none such; None: all, as for several ranges at once.

    Source: RFC 9110, 14.1.2 and 14.2 (a server may ignore what it does not serve).
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return range(max(0, size - int(found[2])), size)
    first, last = int(found[1]), int(found[2] or size - 1)
    if found[2] and last < first:
        return None  # no range at all
    return range(first, min(last + 1, size)) if first < size else range(0)


def _ref(request: Request) -> str:
    given = request.path_params
    return str(EntityRef(given["kind"], given["namespace"], given["name"]))


def _location(entity: Mapping[str, Any], plan: SitePlan | Redirected) -> dict[str, str]:
    """``{type, target}`` as Backstage's ``getLocationForEntity`` gives it."""
    if isinstance(plan, SitePlan) and plan.mounts:
        source = plan.mounts[0].source
        return (
            {"type": "url", "target": source.place}
            if source.kind == "tree"
            else {"type": "dir", "target": source.place}
        )
    annotation = str((entity["metadata"].get("annotations") or {}).get(TECHDOCS_REF) or "")
    kind, _, target = annotation.partition(":")
    return {"type": kind, "target": target}


def _event(type: str, data: Any) -> bytes:
    return f"event: {type}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"

"""The catalog near or far: the same few calls on a local store's services or a server's REST API."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Mapping, Protocol, Sequence
from urllib.parse import quote, urlencode

from callboard.cli.store import Server, Target, open_portal, open_server
from callboard.features.catalog.interface import CatalogCommands, CatalogQueries, EntityNotFound, EntityQuery, Order
from callboard.features.catalog.jobs import SWEEP_JOB
from callboard.features.catalog.service.asking import FILE_JOB, LOCATION_JOB, PROVIDER_JOB, STITCH_JOB
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import InputError, NotFoundError
from callboard.model.predicates import HasText, PredicateError, conjoin, parse_filter_params
from callboard.model.refs import EntityRef, LocationRef, RefError

if TYPE_CHECKING:
    from callboard.app import Portal

_READING = (LOCATION_JOB, FILE_JOB, STITCH_JOB)
"""Jobs that a command sees through. Others, such as deliveries of webhooks, are left to the server."""
_TEXT_FIELDS = ("metadata.name", "metadata.title", "metadata.description")


class CatalogDoor(Protocol):
    """What the commands need. Shapes are those of the REST API."""

    async def list_entities(
        self, filters: Sequence[str], *, text: str | None, limit: int, offset: int
    ) -> dict[str, Any]: ...

    def iter_entities(self, filters: Sequence[str]) -> AsyncIterator[dict[str, Any]]: ...

    async def get_entity(self, ref: str) -> dict[str, Any]: ...

    async def why(self, asked: str) -> dict[str, Any]: ...

    async def add_location(self, location: LocationRef, *, dry_run: bool) -> dict[str, Any]: ...

    async def list_locations(self) -> Sequence[dict[str, Any]]: ...

    async def remove_location(self, id: str) -> None: ...

    async def refresh(self, ref: str) -> None: ...

    async def refresh_all(self, told: Callable[[int], None]) -> dict[str, Any]:
        """Read everything that settings and registered locations name; how many entities there are, and all problems."""


@asynccontextmanager
async def open_catalog(target: Target) -> AsyncIterator[CatalogDoor]:
    """The catalog of ``target``. A local store is brought up to date with its locations when it closes."""
    if target.url is not None:
        async with open_server(target) as server:
            yield RemoteCatalog(server)
        return
    async with open_portal(target) as portal:
        yield LocalCatalog(portal)


class LocalCatalog:
    """Whoever may write the files of the store is trusted with all of it."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._queries = portal.service(CatalogQueries)  # type: ignore[type-abstract]
        self._commands = portal.service(CatalogCommands)  # type: ignore[type-abstract]

    async def list_entities(
        self, filters: Sequence[str], *, text: str | None, limit: int, offset: int
    ) -> dict[str, Any]:
        import orjson

        predicate = conjoin(_predicate(filters), HasText(_TEXT_FIELDS, text.lower()) if text else None)
        page = await self._queries.list_raw(
            EntityQuery(predicate, Order("metadata.name"), limit=limit, offset=offset), actor=SYSTEM
        )
        found = {"items": [orjson.loads(item) for item in page.items], "totalItems": page.total}
        if not page.total and not (await self._queries.list_raw(EntityQuery(limit=1), actor=SYSTEM)).items:
            found["isEmptyStore"] = True
        return found

    async def iter_entities(self, filters: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
        import orjson

        async for chunk in self._queries.iter_raw(EntityQuery(_predicate(filters), by_ref=True), actor=SYSTEM):
            for item in chunk:
                yield orjson.loads(item)

    async def get_entity(self, ref: str) -> dict[str, Any]:
        parsed = _parse(ref)
        try:
            return await self._queries.get_entity(parsed, actor=SYSTEM)
        except EntityNotFound as error:
            near = await self._queries.near_matches(parsed, actor=SYSTEM)
            raise NotFoundError(str(error) + (f" Did you mean {', '.join(near)}?" if near else "")) from None

    async def why(self, asked: str) -> dict[str, Any]:
        return why_json(await self._commands.why(asked, actor=SYSTEM))

    async def add_location(self, location: LocationRef, *, dry_run: bool) -> dict[str, Any]:
        if dry_run:
            try:
                run = await self._commands.dry_run_location(location, actor=SYSTEM)
            except InputError as error:
                return _refused(location, error)
            return {"location": _location(run.location), "entities": list(run.entities), "exists": run.exists}
        added = await self._commands.create_location(location, on_conflict="refresh", actor=SYSTEM)
        await self._portal.jobs.run_due(_READING)
        subjects = (await self.why(str(location.target)))["subjects"]
        refs = [subject["ref"] for subject in subjects if subject["ref"] and not subject["stoppedAt"]]
        return {
            "location": _location(added),
            "entities": [],
            "refs": sorted(set(refs)),
            "problems": _problems(subjects),
        }

    async def list_locations(self) -> Sequence[dict[str, Any]]:
        return [_location(location) for location in await self._commands.list_locations(actor=SYSTEM)]

    async def remove_location(self, id: str) -> None:
        await self._commands.delete_location(id, actor=SYSTEM)
        await self._portal.jobs.run_due(_READING)

    async def refresh(self, ref: str) -> None:
        await self._commands.refresh(_parse(ref), actor=SYSTEM)
        await self._portal.jobs.run_due((*_READING, PROVIDER_JOB))

    async def refresh_all(self, told: Callable[[int], None]) -> dict[str, Any]:
        from dataclasses import asdict

        await self._portal.start(jobs=False)  # offers what the settings name
        await self._portal.jobs.run_due((SWEEP_JOB, PROVIDER_JOB, *_READING), told=told)
        page = await self._queries.list_raw(EntityQuery(limit=0), actor=SYSTEM)
        found, _ = await self._queries.list_findings(severity="error", limit=10_000, actor=SYSTEM)
        return {"entities": page.total or 0, "problems": [asdict(finding) for finding in found]}


class RemoteCatalog:
    """Within what the token allows."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def list_entities(
        self, filters: Sequence[str], *, text: str | None, limit: int, offset: int
    ) -> dict[str, Any]:
        query = [("filter", f) for f in filters]
        query += [("orderField", "metadata.name,asc"), ("limit", str(limit)), ("offset", str(offset))]
        if text:
            query += [("fullTextFilterTerm", text), ("fullTextFilterFields", ",".join(_TEXT_FIELDS))]
        page: dict[str, Any] = await self._server.get(f"/api/catalog/entities/by-query?{urlencode(query)}")
        return page

    async def iter_entities(self, filters: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
        query = urlencode([*(("filter", f) for f in filters), ("limit", "500")])
        while True:
            page = await self._server.get(f"/api/catalog/entities/by-query?{query}")
            for entity in page["items"]:
                yield entity
            cursor = page["pageInfo"].get("nextCursor")
            if not cursor:
                return
            query = urlencode([("cursor", cursor), ("limit", "500")])

    async def get_entity(self, ref: str) -> dict[str, Any]:
        entity: dict[str, Any] = await self._server.get(f"/api/catalog/entities/by-name/{_path(ref)}")
        return entity

    async def why(self, asked: str) -> dict[str, Any]:
        answer: dict[str, Any] = await self._server.get(f"/api/catalog/v1/why?{urlencode({'asked': asked})}")
        return answer

    async def add_location(self, location: LocationRef, *, dry_run: bool) -> dict[str, Any]:
        if location.type != "url":
            raise InputError(f"A server reads URLs, not paths of this machine ({location.target}).")
        query = "?dryRun=true" if dry_run else "?onConflict=refresh"
        try:
            answer: dict[str, Any] = await self._server.post(
                f"/api/catalog/locations{query}", {"type": location.type, "target": location.target}
            )
        except InputError as error:
            if not dry_run:
                raise
            return _refused(location, error)
        return answer

    async def list_locations(self) -> Sequence[dict[str, Any]]:
        return [row["data"] for row in await self._server.get("/api/catalog/locations")]

    async def remove_location(self, id: str) -> None:
        await self._server.delete(f"/api/catalog/locations/{quote(id, safe='')}")

    async def refresh(self, ref: str) -> None:
        await self._server.post("/api/catalog/refresh", {"entityRef": str(_parse(ref))})

    async def refresh_all(self, told: Callable[[int], None]) -> dict[str, Any]:
        raise InputError("A server reads its sources by itself; say which entity should be read at once.", field="REF")


def why_json(why: Any) -> dict[str, Any]:
    """A ``Why`` as ``GET /api/catalog/v1/why`` writes it."""
    from callboard.features.catalog.rest.own import format_why

    return format_why(why)


def _refused(location: LocationRef, error: InputError) -> dict[str, Any]:
    """A dry run that found something wrong: that is its result, not a failure of the command."""
    problem = {
        "message": error.message,
        "file": error.file,
        "line": error.line,
        "column": error.column,
        "severity": "error",
    }
    place = {"type": location.type, "target": location.target}
    return {"location": place, "entities": [], "exists": False, "problems": [problem]}


def _problems(subjects: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Errors of all steps, each once."""
    found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for subject in subjects:
        for step in subject["steps"]:
            for finding in step["findings"]:
                if finding["severity"] == "error":
                    found.setdefault((finding["file"], finding["line"], finding["message"]), finding)
    return list(found.values())


def _predicate(filters: Sequence[str]) -> Any:
    try:
        return parse_filter_params(list(filters))
    except PredicateError as error:
        raise InputError(str(error), field="--filter") from None


def _parse(ref: str) -> EntityRef:
    try:
        return EntityRef.parse(ref, default_kind="component")
    except RefError as error:
        raise InputError(str(error)) from None


def _path(ref: str) -> str:
    parsed = _parse(ref)
    return "/".join(quote(part, safe="") for part in parsed)


def _location(location: Any) -> dict[str, Any]:
    return {"id": location.id, "type": location.type, "target": location.target, "entityRef": location.entity_ref}

"""A folder of descriptor files, an outside world, and a real portal over them: for tests of the catalog's engine.

Jobs run when a test says so (``Site.settle``), time moves when it says so, and every file is written with a modification
time of its own, as it is when people edit.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence

import orjson
import pytest
import yaml12

from callboard.features.catalog.interface import (
    CatalogCommands,
    CatalogQueries,
    EntityQuery,
    Finding,
    HistoryEntry,
    Why,
)
from callboard.features.catalog.jobs import SWEEP_JOB
from callboard.features.catalog.plugin import Catalog
from callboard.features.catalog.service.asking import PROVIDER_JOB, provider_schedule
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.plugins.hooks import hookimpl
from callboard.model.refs import EntityRef
from callboard.testing import FakeClock, FakeHttp, PortalForTest, SentRequest, make_portal
from callboard.testing.http import FakeAnswer

EVERY_KIND = [{"allow": ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Location", "Template"]}]
_FILE = "COALESCE(f.location, CAST({0}.file_id AS text))"
IMAGE = {
    "node": "SELECT r.ref, n.location_key, n.location, n.origin, n.owner, n.failed_since IS NULL, n.stitch_due"
    " FROM catalog_node n JOIN catalog_ref r ON r.id = n.id",
    "entity": "SELECT r.ref FROM catalog_entity e JOIN catalog_ref r ON r.id = e.id",
    "pending": "SELECT id FROM catalog_pending",
    "term": "SELECT k.key, t.value, r.ref, t.original, t.item FROM catalog_term t JOIN catalog_key k ON k.id = t.key_id"
    " JOIN catalog_ref r ON r.id = t.entity_id WHERE k.key <> 'metadata.uid'",
    "relation": "SELECT s.ref, x.type, t.ref, o.ref FROM catalog_relation x JOIN catalog_ref s ON s.id = x.source_id"
    " JOIN catalog_ref t ON t.id = x.target_id JOIN catalog_ref o ON o.id = x.origin_id",
    "edge": f"SELECT p.ref, s.name, c.ref, {_FILE.format('e')} FROM catalog_edge e LEFT JOIN catalog_ref p ON p.id = e.parent_id"
    " LEFT JOIN catalog_source s ON s.id = e.source_id JOIN catalog_ref c ON c.id = e.child_id"
    " LEFT JOIN catalog_file f ON f.id = e.file_id",
    "file": "SELECT r.ref, f.target, f.location, f.state, f.error FROM catalog_file f JOIN catalog_ref r ON r.id = f.parent_id",
    "document": f"SELECT {_FILE.format('d')}, d.position, d.hash, d.line, r.ref, d.state FROM catalog_document d"
    " LEFT JOIN catalog_file f ON f.id = d.file_id LEFT JOIN catalog_ref r ON r.id = d.ref_id",
    "read": f"SELECT d.url, r.ref, {_FILE.format('d')}, d.etag FROM catalog_read d JOIN catalog_ref r ON r.id = d.ref_id"
    " LEFT JOIN catalog_file f ON f.id = d.file_id",
    "finding": f"SELECT r.ref, {_FILE.format('d')}, d.entity_ref, d.owner, d.severity, d.stage, d.message, d.file, d.line, d.col,"
    " d.field FROM catalog_finding d LEFT JOIN catalog_ref r ON r.id = d.subject_id LEFT JOIN catalog_file f ON f.id = d.file_id",
    "source": "SELECT name, error FROM catalog_source",
    "location": "SELECT type, target, entity_ref FROM catalog_location",
}


def yaml_of(*documents: Mapping[str, Any] | str) -> str:
    """A descriptor file: values are written as YAML, texts stand as they are."""
    return "---\n".join(d if isinstance(d, str) else yaml12.format_yaml(dict(d)) + "\n" for d in documents)


class Extension:
    """A plugin that gives the catalog what a test hands in."""

    def __init__(
        self, *, providers: Sequence[Any] = (), readers: Sequence[Any] = (), processors: Sequence[Any] = (),
        kinds: Sequence[Any] = (),
    ) -> None:  # fmt: skip
        self._providers, self._readers, self._processors, self._kinds = providers, readers, processors, kinds

    @hookimpl
    def register_catalog_providers(self, portal: Any) -> Sequence[Any]:
        return self._providers

    @hookimpl
    def register_url_readers(self, portal: Any) -> Sequence[Any]:
        return self._readers

    @hookimpl
    def register_catalog_processors(self, portal: Any) -> Sequence[Any]:
        return self._processors

    @hookimpl
    def register_kinds(self) -> Sequence[Any]:
        return self._kinds


Open = Callable[..., Any]


class Site:
    """A started portal with the questions that these tests ask of it. Everybody is the portal itself unless said otherwise."""

    def __init__(self, portal: PortalForTest, clock: FakeClock) -> None:
        self.portal = portal
        self.clock = clock
        self.actor = SYSTEM
        self.catalog: Catalog = portal.service(Catalog)
        self.queries: CatalogQueries = portal.service(CatalogQueries)
        self.commands: CatalogCommands = portal.service(CatalogCommands)

    async def settle(self) -> int:
        """Run every job that is due; how many ran."""
        return int(await self.portal.jobs.run_due())

    async def settle_kinds(self, *kinds: str) -> int:
        """Run every job of these kinds that is due; how many ran."""
        return int(await self.portal.jobs.run_due(kinds))

    async def sweep(self) -> int:
        """Have every location looked at again, as the schedule does every two minutes."""
        async with self.portal.db.write() as tx:
            await self.portal.jobs.enqueue(tx, SWEEP_JOB, {}, key="sweep")
        return await self.settle()

    def connection(self, provider: str) -> Any:
        """The door through which that provider gives its entities."""
        return self.catalog.connections[provider][1]

    async def run_provider(self, name: str) -> None:
        """Ask a provider for what it has now, and do all that follows."""
        async with self.portal.db.write() as tx:
            await self.portal.jobs.enqueue(tx, PROVIDER_JOB, {"name": name}, key=f"schedule:{provider_schedule(name)}")
        await self.settle()

    async def pass_time(self, seconds: float, *, step: float = 60.0) -> None:
        """Let the clock run, with the jobs that come due on the way."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step
            await self.settle()

    async def refs(self, actor: Actor = SYSTEM) -> set[str]:
        """Refs of all entities but generated Locations."""
        page = await self.queries.list_raw(EntityQuery(), actor=actor)
        found = {str(EntityRef.of(orjson.loads(raw))) for raw in page.items}
        return {ref for ref in found if not ref.startswith("location:default/generated-")}

    async def find(self, ref: str, actor: Actor = SYSTEM) -> dict[str, Any] | None:
        raw = await self.queries.find_raw(ref, actor=actor)
        return None if raw is None else orjson.loads(raw)

    async def get(self, ref: str) -> dict[str, Any]:
        found = await self.find(ref)
        assert found is not None, f"no entity {ref}; there are {sorted(await self.refs())}"
        return found

    async def description(self, ref: str) -> str | None:
        description: str | None = (await self.get(ref))["metadata"].get("description")
        return description

    async def status(self, ref: str) -> list[dict[str, Any]]:
        """``status.items``; empty when there is no status."""
        items: list[dict[str, Any]] = (await self.get(ref)).get("status", {}).get("items", [])
        return items

    async def errors(self, ref: str) -> list[dict[str, Any]]:
        """The errors in the status: name, message, stage, file, line, column, field."""
        return [item["error"] for item in await self.status(ref)]

    async def findings(self, ref: str) -> Sequence[Finding]:
        return await self.queries.findings(EntityRef.parse(ref), actor=SYSTEM)

    async def all_findings(self) -> Sequence[Finding]:
        found, total = await self.queries.list_findings(limit=10_000, actor=SYSTEM)
        assert total == len(found)
        return found

    async def conflicts(self) -> list[Finding]:
        """What was told to those whose document was kept out. Not part of a status: it names another's entity."""
        return [f for f in await self.all_findings() if f.stage == "conflict" and f.severity == "error"]

    async def history(self, ref: str) -> list[HistoryEntry]:
        """Oldest first."""
        return list(reversed(await self.queries.history(EntityRef.parse(ref), actor=SYSTEM, limit=1000)))

    async def changes(self, ref: str) -> list[str]:
        return [entry.change for entry in await self.history(ref)]

    async def revision(self) -> int:
        async with self.portal.db.read() as tx:
            return int(await tx.fetch_value("SELECT revision FROM catalog_revision WHERE id = 1"))

    async def locations(self) -> list[dict[str, Any]]:
        """The Location entities that configured and registered locations stand as."""
        page = await self.queries.list_raw(EntityQuery(), actor=SYSTEM)
        found = [orjson.loads(raw) for raw in page.items]
        return [e for e in found if e["metadata"]["name"].startswith("generated-")]

    async def location_errors(self) -> list[dict[str, Any]]:
        """Errors that stand on generated Location entities."""
        return [
            item["error"] for entity in await self.locations() for item in entity.get("status", {}).get("items", [])
        ]

    async def location_ref(self) -> str:
        """The only configured or registered location."""
        (entity,) = await self.locations()
        return str(EntityRef.of(entity))

    async def snapshot(self) -> dict[str, dict[str, Any]]:
        """Every entity by ref, without what differs between two portals that know the same: uid and etag."""
        page = await self.queries.list_raw(EntityQuery(), actor=SYSTEM)
        out = {}
        for raw in page.items:
            entity = orjson.loads(raw)
            for key in ("uid", "etag"):
                entity["metadata"].pop(key)
            out[str(EntityRef.of(entity))] = entity
        return out

    async def why(self, asked: str, actor: Actor = SYSTEM) -> Why:
        return await self.commands.why(asked, actor=actor)

    async def image(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that the store holds of the catalog, by table, with names in the place of numbers, without uids and times.

        Two stores that know the same have the same image, however they came by it.
        """
        image: dict[str, list[tuple[Any, ...]]] = {}
        for table, sql in IMAGE.items():
            rows = [tuple(row) for row in await self.rows(sql)]
            image[table] = sorted(rows, key=repr)
        return image

    async def rows(self, sql: str, *args: Any) -> list[Sequence[Any]]:
        async with self.portal.db.read() as tx:
            return list(await tx.fetch_all(sql, *args))


class World:
    """Files, hosts and settings that portals are opened over, one after the other or side by side.

    ``has_followers``: with search and documentation, which follow what the catalog tells.
    """

    has_followers = False

    def __init__(self, folder: Path, data_dir: Path, database: Mapping[str, Any] | None) -> None:
        self.folder = folder
        self.data_dir = data_dir
        self.database = database
        self.http = FakeHttp()
        self.clock = FakeClock()
        self._ticks = itertools.count(1_700_000_000)
        self._served: dict[str, FakeAnswer | Callable[[], Awaitable[FakeAnswer]]] = {}

    yaml = staticmethod(yaml_of)

    def beside(self) -> World:
        """The same files and hosts, and an empty SQLite store."""
        other = World(self.folder, self.data_dir.parent / "data-beside", None)
        other.http, other.clock = self.http, self.clock
        return other

    def path(self, name: str) -> Path:
        return self.folder / name

    def write(self, name: str, *documents: Mapping[str, Any] | str | bytes) -> Path:
        """Write a file below the folder: documents as YAML, a text as it is."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if len(documents) == 1 and isinstance(documents[0], bytes):
            path.write_bytes(documents[0])
        else:
            path.write_text(yaml_of(*documents), encoding="utf-8")  # type: ignore[arg-type]
        tick = next(self._ticks)
        os.utime(path, (tick, tick))
        return path

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def serve(self, url: str, *documents: Mapping[str, Any] | str) -> None:
        """Have ``url`` answer with these documents from now on, and 304 to who has them already."""
        body = yaml_of(*documents).encode()
        self._answer(url, FakeAnswer(200, {"etag": f'"{hashlib.sha1(body).hexdigest()}"'}, body))

    def fail(self, url: str, status: int = 500, *, error: Exception | None = None, **headers: str) -> None:
        """Have ``url`` answer with this status, or not at all, from now on."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._answer(url, FakeAnswer(status, named, b"", error))

    def answer_with(self, url: str, function: Callable[[], Awaitable[FakeAnswer]]) -> None:
        """Have ``function`` answer for ``url`` from now on."""
        self._answer(url, function)

    def _answer(self, url: str, answer: FakeAnswer | Callable[[], Awaitable[FakeAnswer]]) -> None:
        async def give(request: SentRequest) -> FakeAnswer:
            given = self._served[url]
            if not isinstance(given, FakeAnswer):
                return await given()
            if given.headers.get("etag", "-") == request.headers.get("if-none-match"):
                return FakeAnswer(304, given.headers)
            return given

        if url not in self._served:
            self.http.add_function(url, give)
        self._served[url] = answer

    def settings(
        self,
        locations: Sequence[Any] = (),
        *,
        rules: Any = EVERY_KIND,
        more: Mapping[str, Any] | None = None,
        **catalog: Any,
    ) -> dict[str, Any]:
        """Settings with these locations: names below the folder, or rows as they are. ``rules`` None leaves them out."""
        rows = [
            {"type": "file", "target": str(self.folder / row)} if isinstance(row, str) else row for row in locations
        ]
        part: dict[str, Any] = {"locations": rows, "watchFiles": False, "processingInterval": False, **catalog}
        if rules is not None:
            part["rules"] = rules
        backend: dict[str, Any] = {"reading": {"allow": [{"host": "files.test"}]}}
        if self.database is not None:
            backend["database"] = self.database
        # Who follows what the catalog tells costs each of thousands of portals a good part of its time, and has tests of its own.
        followers = {} if self.has_followers else {"plugins": {"disabled": ["techdocs", "search"]}}
        return {"catalog": part, "backend": backend, **followers, **(more or {})}

    def opener(self, over: Callable[[Site], Any]) -> Open:
        """``async with open(locations…)``: a started portal's ``Site``, as ``over`` makes something of it."""

        @asynccontextmanager
        async def opened(*locations: Any, **options: Any) -> AsyncIterator[Any]:
            async with self.site(*locations, **options) as site:
                yield over(site)

        return opened

    @asynccontextmanager
    async def site(
        self, *locations: Any, extension: Extension | None = None, settle: bool = True, jobs: bool = False,
        start: bool = True, settings: Any = ..., **catalog: Any,
    ) -> AsyncIterator[Site]:  # fmt: skip
        """A portal on this world's store. Opened again, it finds what the one before it left.

        ``settings`` stands in for all that ``catalog`` would make; None is a start without a settings file.
        """
        given = self.settings(locations, **catalog) if settings is ... else settings
        plugins = [("extension", extension)] if extension is not None else []
        async with make_portal(
            given,
            plugins=plugins,
            data_dir=self.data_dir,
            clock=self.clock,
            transport=self.http,
            jobs=jobs,
            start=start,
        ) as portal:
            site = Site(portal, self.clock)
            if settle and start and not jobs:
                await site.settle()
            yield site

    extend = Extension


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world whose portals keep their catalog in SQLite."""
    return _world(tmp_path, None)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def each_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A world on each engine."""
    if request.param == "sqlite":
        yield _world(tmp_path, None)
    else:
        yield _world(tmp_path, {"client": "pg", "connection": request.getfixturevalue("postgres_portal_url")})


@pytest.fixture
def postgres_world(tmp_path: Path, postgres_portal_url: str) -> World:
    """A world whose portals share a PostgreSQL database."""
    return _world(tmp_path, {"client": "pg", "connection": postgres_portal_url})


def _world(tmp_path: Path, database: Mapping[str, Any] | None) -> World:
    folder = tmp_path / "org"
    folder.mkdir()
    return World(folder, tmp_path / "data", database)

"""A shelf of documents, and search over it on each engine."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, AsyncIterator, Callable, Mapping, Sequence

import pytest
from pyroaring import BitMap64

from callboard.features.search.engines.fts5 import Fts5Engine
from callboard.features.search.engines.opensearch import OpenSearchEngine
from callboard.features.search.engines.postgres import PostgresEngine
from callboard.features.search.indexing import BULK_JOB, INDEX_JOB, Indexer
from callboard.features.search.interface import Hit, SearchDocument, SearchQuery, SearchResults
from callboard.features.search.migrations import MIGRATIONS
from callboard.features.search.ranking.question import QuestionReader
from callboard.features.search.service import SearchService
from callboard.features.search.settings import OpenSearchSettings
from callboard.features.search.store.visible import VisibleCondition
from callboard.features.search.text.stemming import Stemmer
from callboard.features.search.text.synonyms import Synonyms, Vocabulary
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.db.migrations import upgrade
from callboard.kernel.db.sqlite import SqliteDatabase
from callboard.kernel.http_client import HttpClient
from callboard.kernel.jobs import JobKind, Jobs
from callboard.kernel.plugin import register_migrations
from callboard.kernel.settings import Settings
from callboard.testing.clock import FakeClock
from tests.features.catalog.conftest import World
from tests.features.search.fake_opensearch import FakeOpenSearch
from tests.postgres import empty_database


def doc(id: str, title: str = "", text: str = "", **more: Any) -> SearchDocument:
    """A document at ``/<id>``."""
    return SearchDocument(id=id, title=title or id, location=f"/{id}", text=text, **more)


@pytest.fixture(autouse=True)
def with_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worlds of the catalog's tests go without."""
    monkeypatch.setattr(World, "has_followers", True)


@dataclass
class Shelf:
    """A collator: documents by scope, with a revision that counts changes. Who may see a resource is said here, too."""

    type: str = "book"
    title: str = "book"
    icon: str = "docs"
    topics: Sequence[str] = ()
    held: dict[str, list[SearchDocument]] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    resources: dict[str, int] = field(default_factory=dict)
    seen: dict[str, set[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, *documents: SearchDocument, scope: str = "") -> None:
        for one in documents:
            name = scope or one.id
            self.held[name] = [*(self.held.get(name, ()) if scope else ()), one]
            self.revisions[name] = self.revisions.get(name, 0) + 1
            if one.resource is not None:
                self.resources.setdefault(one.resource, len(self.resources) + 1)

    def take(self, scope: str) -> None:
        del self.held[scope], self.revisions[scope]

    async def scopes(self) -> AsyncIterator[Sequence[tuple[str, str]]]:
        yield [(scope, str(revision)) for scope, revision in self.revisions.items()]

    async def documents(self, scopes: Sequence[str]) -> Mapping[str, Sequence[SearchDocument]]:
        self.asked += scopes
        return {scope: self.held[scope] for scope in scopes if scope in self.held}

    def changed(self, event: Any) -> Sequence[str] | None:
        return event.payload.get("scopes")

    async def numbers(self, refs: Sequence[str]) -> Mapping[str, int]:
        return {ref: self.resources[ref] for ref in refs if ref in self.resources}

    async def visible(self, actor: Actor) -> BitMap64:
        known = self.seen.get(actor.subject)
        return BitMap64(number for ref, number in self.resources.items() if known is None or ref in known)


class Library:
    """Search over one shelf."""

    def __init__(self, db: Any, engine: Any, synonyms: Sequence[Sequence[str]] = ()) -> None:
        self.db, self.engine, self.shelf = db, engine[0], Shelf()
        stemmer = Stemmer("english")
        self.clock = FakeClock()
        self.jobs = Jobs(db, self.clock)
        ways: dict[str, Any] = {"collators": lambda: {self.shelf.type: self.shelf}, "visibility": lambda: self.shelf}
        self.indexer = Indexer(db, self.jobs, self.clock, self.engine, stemmer, **ways)
        self.jobs.register_kinds([JobKind(INDEX_JOB, self.indexer.index_job), JobKind(BULK_JOB, self.indexer.bulk_job)])
        reader = QuestionReader(stemmer, Synonyms(synonyms), Vocabulary(stemmer.term))
        self.service = SearchService(db, self.engine, self.indexer, reader, engine[1], **ways)

    async def put(self, *documents: SearchDocument) -> None:
        self.shelf.put(*documents)
        await self.indexer.sweep()

    async def ask(self, term: str, actor: Actor = SYSTEM, **more: Any) -> SearchResults:
        return await self.service.query(SearchQuery(term, **more), actor=actor)

    async def hits(self, term: str, actor: Actor = SYSTEM, **more: Any) -> Sequence[Hit]:
        return (await self.ask(term, actor, **more)).hits

    async def ids(self, term: str, actor: Actor = SYSTEM, **more: Any) -> list[str]:
        return [hit.document.id for hit in await self.hits(term, actor, **more)]


async def _tables(db: Any) -> None:
    await upgrade(db, [*register_migrations(), MIGRATIONS])


@asynccontextmanager
async def sqlite_library(tmp_path: Path, synonyms: Sequence[Sequence[str]] = ()) -> AsyncIterator[Library]:
    db = SqliteDatabase.open(tmp_path / "search.sqlite3")
    condition = VisibleCondition()
    try:
        await _tables(db)
        yield Library(db, (Fts5Engine(condition), condition), synonyms)
    finally:
        await db.close()


@pytest.fixture
def open_library(tmp_path: Path) -> Callable[..., Any]:
    """``async with open_library(synonyms=…)``: on SQLite."""
    return lambda **options: sqlite_library(tmp_path, **options)


@pytest.fixture(params=["fts5", pytest.param("postgresql", marks=pytest.mark.postgres), "opensearch"])
async def library(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Library]:
    """On each engine, all behind one contract."""
    condition = VisibleCondition()
    if request.param == "postgresql":
        from callboard.kernel.db.postgres import PostgresDatabase

        db: Any = await PostgresDatabase.open(await empty_database(request.getfixturevalue("postgres_dsn")))
        engine: Any = PostgresEngine(condition)
    else:
        db = SqliteDatabase.open(tmp_path / "search.sqlite3")
        engine = Fts5Engine(condition)
        if request.param == "opensearch":
            fake = FakeOpenSearch()
            http = HttpClient(Settings.of({}), FakeClock(), fake).allowing("search.test:9200")
            engine = OpenSearchEngine(http, OpenSearchSettings(fake.node, "acme", "search", "secret"))
            engine.fake = fake
    await _tables(db)
    yield Library(db, (engine, condition), [["paging", "on-call rota"]])
    await engine.close()
    await db.close()

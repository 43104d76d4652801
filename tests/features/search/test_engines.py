"""What every engine promises, alike on SQLite, PostgreSQL and OpenSearch."""

from __future__ import annotations

import random
from typing import Any

import pytest

from callboard.features.search.interface import UnknownDocumentType
from callboard.kernel.events import Event
from callboard.testing import user
from tests.features.search.conftest import Library, doc

pytestmark = pytest.mark.anyio
ADA = user("ada")


async def test_what_is_called_so_comes_first_and_names_are_found_however_they_are_written(library: Library):
    """Exact names before mentions; dashes, underscores, camel case, spaces and none at all are one name."""
    await library.put(
        doc("publishing-api", text="Stores content."),
        doc("guide", "Guide", "The publishing-api and again the publishing api: how publishing works with an api."),
        doc("content", "Content store", "Fed by PublishingApi."),
        doc("other", "Sidekiq", "Queues."),
    )
    for term in ("publishing-api", "publishing_api", "PublishingApi", "publishing api", "publishingapi"):
        found = await library.ids(term)
        assert found[0] == "publishing-api", term
        assert "other" not in found and "guide" in found, term


async def test_words_are_found_by_other_forms_beginnings_errors_and_synonyms(library: Library):
    """Stems, prefixes, one or two letters wrong, and what the settings call the same; each result tells why."""
    await library.put(
        doc("backups", "Restoring a database", "How nightly snapshots are taken."),
        doc("rota", "Pager", "Everybody on the on-call rota carries a phone."),
        doc("redis", "Redis", "A cache."),
    )
    ways: dict[str, tuple[str, str]] = {
        "restored databases": ("backups", "stem"), "snapsh": ("backups", "prefix"), "snapshto": ("backups", "typo"),
        "databsae": ("backups", "typo"), "paging": ("rota", "synonym"), "db": ("backups", "synonym"),
    }  # fmt: skip
    for term, (wanted, how) in ways.items():
        hits = await library.hits(term)
        assert hits and hits[0].document.id == wanted, term
        assert how in {reason.how for reason in hits[0].reasons}, (term, hits[0].reasons)
    assert (await library.ask("snapshto")).corrected == "snapshots"
    assert await library.ids("snapxh", as_typed=True) == ["backups"], "results stay while a slip is typed"
    assert await library.ids("xylophone") == []


async def test_very_many_changes_are_compared_once_they_come_to_rest(open_library: Any):
    """Each puts it off, but not for ever; what is named as changed meanwhile is found at once."""
    async with open_library() as library:
        library.shelf.put(doc("one", "Ledger"), doc("two", "Ledger of others"))

        async def hear(*scopes: str) -> None:
            event = Event("shelf.changed", {"scopes": list(scopes)} if scopes else {}, library.clock.now(), "1")
            await library.indexer.on_event(event, ["book"])

        await hear()
        await hear("two")
        await library.jobs.run_due()
        assert await library.ids("ledger") == ["two"]
        for _ in range(15):
            library.clock.advance(1.9)
            await hear()
            await library.jobs.run_due()
        assert await library.ids("ledger") == ["two"]
        library.clock.advance(2)
        await library.jobs.run_due()
        assert sorted(await library.ids("ledger")) == ["one", "two"]
        library.shelf.put(doc("three", "Third ledger"))
        await hear()
        library.clock.advance(2)
        await library.jobs.run_due()
        assert len(await library.ids("ledger")) == 3


async def test_filters_types_facets_and_pages_are_of_what_was_found(library: Library):
    """Values of one field are alternatives, fields are conditions; counts are of results, pages do not overlap."""
    for number in range(12):
        kind = "API" if number % 3 else "Component"
        await library.put(
            doc(f"payments-{number:02d}", text="ledger", fields={"kind": kind, "tags": ["a", f"t{number % 2}"]})
        )
    found = await library.ask("ledger", facets=["kind", "type", "tags"], limit=5)
    assert found.total == 12 and found.has_more
    assert dict(found.facets["kind"]) == {"API": 8, "Component": 4}
    assert found.facets["type"] == [("book", 12)] and dict(found.facets["tags"])["t1"] == 6
    seen = [id for offset in (0, 5, 10) for id in await library.ids("ledger", limit=5, offset=offset)]
    assert len(seen) == len(set(seen)) == 12
    assert (await library.ask("ledger", filters={"kind": ["component"], "tags": ["t0"]})).total == 2
    assert (await library.ask("ledger", filters={"kind": ["API", "Component"]}, types=["book"])).total == 12
    assert (await library.ask("payments-03", filters={"kind": ["API"]}, limit=1)).hits[0].document.id != "payments-03"
    assert (await library.ask("", filters={"kind": ["Component"]})).total == 4
    assert (await library.ask("")).total == 12
    with pytest.raises(UnknownDocumentType, match="book"):
        await library.ask("ledger", types=["film"])


async def test_passages_of_a_page_are_one_result_told_by_the_best_of_them(library: Library):
    """The result leads to the passage that answers best, and words of other passages help the page."""
    page = {"parent": "guide", "resource": None}
    await library.put(
        doc("guide#1", "Guide", "How to install it.", headings=["Install"], anchor="install", **page),
        doc(
            "guide#2", "Guide", "How to rotate the keys of the cache.", headings=["Rotate keys"], anchor="keys", **page
        ),
        doc("else", "Elsewhere", "Keys and more keys."),
    )
    (first, *_) = await library.hits("rotate keys")
    assert (first.document.parent, first.document.anchor) == ("guide", "keys")
    assert ("keys", True) in first.marked["text"]
    assert (await library.ask("guide")).total == 1


async def test_what_is_hidden_is_neither_found_nor_counted_nor_completed(library: Library):
    """Not by word, name, beginning, typo, facet or total; what belongs to nobody is everybody's."""
    await library.put(
        doc("open", "Open ledger", "public ledger", resource="component:default/open", fields={"kind": "A"}),
        doc("dark", "Dark ledger", "secretword ledger", resource="component:default/dark", fields={"kind": "B"}),
        doc("all", "For all", "a ledger of nobody"),
    )
    library.shelf.seen[ADA.subject] = {"component:default/open"}
    found = await library.ask("ledger", ADA, facets=["kind"])
    assert {hit.document.id for hit in found.hits} == {"open", "all"} and found.total == 2
    assert found.facets["kind"] == [("A", 1)]
    for term in ("secretword", "secretwrod", "secret", "dark ledger", "Dark", "dar", ""):
        answer = await library.ask(term, ADA)
        assert "dark" not in {hit.document.id for hit in answer.hits}, term
        assert "secretword" not in (answer.corrected or ""), term
    assert "dark" in await library.ids("secretword")
    library.shelf.seen[ADA.subject] = set()
    assert await library.ids("ledger", ADA) == ["all"]


async def test_changes_replace_and_removals_take_away(library: Library):
    """Old words find nothing any more; a resource that is gone takes its documents out of sight before they are removed."""
    await library.put(doc("one", "First", "oldword", resource="r:1"), doc("two", "Second", "stays"))
    await library.put(doc("one", "First", "newword", resource="r:1"))
    assert await library.ids("newword") == ["one"]
    assert await library.ids("oldword") == []
    number = library.shelf.resources.pop("r:1")
    assert await library.ids("newword") == [] and number
    library.shelf.take("one")
    await library.indexer.sweep()
    async with library.db.read() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM search_document") == 1
        assert await tx.fetch_value("SELECT count(*) FROM search_word WHERE form = 'newword' AND documents > 0") == 0
    assert await library.ids("stays") == ["two"]


async def test_what_is_found_the_short_way_is_what_a_look_at_everything_finds_first(
    library: Library, monkeypatch: pytest.MonkeyPatch
):
    """Where words stand in many documents, the rarest and names come first; nothing hidden is found or counted that way."""
    chance = random.Random(4)
    words = ("ledger", "queue", "invoice", "gateway", "region")
    books = []
    for number in range(90):
        title, text = f"Book {number:02d}: {' '.join(chance.sample(words, 2))}", " ".join(chance.choices(words, k=6))
        books.append(doc(f"book-{number:02d}", title, text, resource=f"r:{number}", names=[f"vol-{number:02d}"]))
    await library.put(*books)
    asked = [
        books[17].title,
        "ledger",
        "queue region",
        "book 41 invoice gateway ledger",
        "vol-2",
        "vol-63",
        books[5].title[:-1],
    ]
    whole = {term: await library.ask(term, limit=5) for term in asked}
    monkeypatch.setattr("callboard.features.search.engines.base.CHEAP", 10)
    monkeypatch.setattr("callboard.features.search.service.MANY", 10)
    library.service._kept.clear()
    library.shelf.seen[ADA.subject] = {f"r:{number}" for number in range(0, 90, 3)}
    for term in asked:
        short = await library.ask(term, limit=5)
        assert len(short.hits) >= min(len(whole[term].hits), 1), term
        if not term.startswith(("ledger", "queue")):  # of those many are equally good
            assert short.hits[0].document.id == whole[term].hits[0].document.id, term
        for hit in (await library.ask(term, ADA, limit=50)).hits:
            assert int(hit.document.id[-2:]) % 3 == 0, term
    assert {hit.document.id for hit in (await library.ask("queue region", limit=90)).hits} == {
        book.id for book in books if {"queue", "region"} & {*book.title.split(), *book.text.split()}
    }


async def test_answers_that_are_kept_are_for_who_sees_the_same_in_the_index_as_it_is(library: Library):
    """What one was told is told to nobody who sees something else, and to nobody once something changed."""
    await library.put(doc("one", "Ledger one", resource="r:1"), doc("two", "Ledger two", resource="r:2"))
    eve = user("eve")
    library.shelf.seen |= {ADA.subject: {"r:1"}, eve.subject: {"r:2"}}
    for _ in range(2):
        assert await library.ids("ledger", ADA) == ["one"]
        assert await library.ids("ledger", eve) == ["two"]
        assert sorted(await library.ids("ledger")) == ["one", "two"]
    library.shelf.seen[ADA.subject] = {
        "r:1",
        "r:2",
    }  # an answer of the same question, narrower or wider, is another one
    assert sorted(await library.ids("ledger", ADA)) == ["one", "two"]
    library.shelf.seen[ADA.subject] = set()
    assert await library.ids("ledger", ADA) == []
    await library.put(doc("three", "Ledger three", resource="r:3"), doc("two", "Second of them", resource="r:2"))
    library.shelf.seen[eve.subject] = {"r:2", "r:3"}
    assert await library.ids("ledger", eve) == ["three"]
    assert sorted(await library.ids("ledger")) == ["one", "three"]


async def test_unchanged_scopes_are_not_asked_for_again(library: Library):
    """A sweep asks for what has another revision, and for what waits for its resource."""
    await library.put(doc("one"), doc("two"))
    library.shelf.asked.clear()
    await library.put(doc("three", text="word", resource="r:9"))
    assert library.shelf.asked == ["three"]
    library.shelf.asked.clear()
    await library.indexer.sweep()
    assert library.shelf.asked == []


ODD = [
    "'",
    '"',
    "a:b",
    "( OR",
    "NOT * AND",
    "\0",
    "|&!<->",
    "%_\\",
    "\U0001f600",
    "zz" * 600,
    "- - -",
    "{title} : x",
    "日本語",
    "½ ²",
]


async def test_any_text_is_a_question(library: Library):
    """Nothing that is typed is taken for a language of the engine."""
    await library.put(doc("one", "日本語 ガイド", "a:b or not"))
    for term in ODD:
        found = await library.ask(term)
        assert isinstance(found.has_more, bool), term
    assert await library.ids("日本語") == ["one"]


async def test_an_engine_that_begins_anew_has_everything_indexed_again(library: Library):
    """Its tables hold nothing that cannot be put again."""
    await library.put(doc("one", text="word"))
    async with library.db.write() as tx:
        await library.engine.clear(tx)
    assert await library.ids("word", limit=3) in ([], ["one"])
    await _forget(library)
    library.indexer._is_ready = False
    await library.indexer.sweep()
    assert await library.ids("word") == ["one"]


async def _forget(library: Any) -> None:
    """Take the engine's own tables away, as a copied database lacks them."""
    if library.engine.name == "opensearch":
        library.engine.fake.mapping = None
        return
    table = "search_fts" if library.engine.name == "fts5" else "search_vector"
    async with library.db.write() as tx:
        await tx.execute(f"DROP TABLE {table}")

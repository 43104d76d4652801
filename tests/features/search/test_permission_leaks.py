"""Whatever a policy hides, no title, text, count, facet, correction or beginning of it reaches who may not see it.

The small test draws who sees what by hand; the long one starts portals on random policies over the catalog's marked world, with
passages of documentation that belong to its entities, and asks over REST.
"""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path
from typing import Any, AsyncIterator, Callable, Mapping, Sequence

import orjson
import pytest

from callboard.features.search.interface import SearchDocument
from callboard.features.search.plugin import SearchParts
from callboard.features.search.wire import document_wire, location_of, own_wire, results_wire
from callboard.kernel.plugins.hooks import hookimpl
from callboard.testing import make_portal, user
from tests.features.catalog.leaks import (
    MarkedPlugin,
    build_world,
    may_see,
    network,
    random_actor,
    random_policy,
    settings_of,
)
from tests.features.search.conftest import doc

pytestmark = pytest.mark.anyio
_MARK = re.compile(r"mark(\d\d)z")
WORDS = ("ledger", "basket", "queue", "gateway", "invoice", "shipping")


def _book(number: int, chance: random.Random) -> SearchDocument:
    """A document whose every part has its mark, and words that others have as well."""
    mark, word, more = f"mark{number:02d}z", chance.choice(WORDS), chance.choice(WORDS)
    passage: dict[str, Any] = {"parent": f"page-{number // 3}", "headings": [f"About {mark}"]} if number % 2 else {}
    return doc(
        f"{mark}-{word}", f"{word} {mark}", f"The {more} of {mark} keeps {word}", names=[f"n{mark}"], keywords=[mark, more],
        resource=f"r:{number}", fields={"kind": word, "tags": [mark]}, **passage,
    )  # fmt: skip


async def test_over_random_views_nothing_hidden_shows(open_library: Callable[..., Any]):
    """Forty ways to see some of thirty documents; results, their wire, facets, totals and corrections are of those alone."""
    chance = random.Random(7)
    async with open_library() as library:
        books = [_book(number, chance) for number in range(30)]
        await library.put(*books)
        for view in range(40):
            actor = user(f"reader-{view}")
            seen = {book.resource for book in books if chance.random() < chance.choice((0.1, 0.5, 0.9))}
            library.shelf.seen[actor.subject] = {ref for ref in seen if ref is not None}
            allowed = {mark for book in books if book.resource in seen for mark in _MARK.findall(book.title)}
            hidden = next((book for book in books if book.resource not in seen), books[0])
            mark = hidden.title.split()[1]
            for term in (
                chance.choice(WORDS),
                mark,
                mark[:-2],
                mark[1:],
                f"n{mark}",
                "mark",
                "",
                f"{chance.choice(WORDS)} {mark}",
            ):
                found = await library.ask(
                    term, actor, facets=["kind", "tags", "type"], limit=50, as_typed=bool(view % 2)
                )
                told = orjson.dumps([own_wire(found, offset=0), results_wire(found, page=0, limit=50)]).decode()
                said = set(_MARK.findall(told)) - set(_MARK.findall(term))
                assert said <= allowed, (term, said - allowed)
                pages = {hit.document.parent or hit.document.id for hit in found.hits}
                assert found.total == len(pages) == sum(count for _, count in found.facets["type"]), term


class Docs:
    """Documentation of every entity: a passage that carries its secret mark."""

    type, title, icon, topics = "handbook", "docs", "docs", ()

    def __init__(self, entities: Mapping[str, Mapping[str, Any]]) -> None:
        self.entities = entities

    async def scopes(self) -> AsyncIterator[Sequence[tuple[str, str]]]:
        yield [(ref, "1") for ref in self.entities]

    async def documents(self, scopes: Sequence[str]) -> Mapping[str, Sequence[SearchDocument]]:
        found = {}
        for ref in scopes:
            secret = self.entities[ref]["metadata"].get("title", "")
            text = f"How to run the shared handbook of {secret}"
            found[ref] = [
                SearchDocument(f"{ref}#1", f"Handbook {secret}", f"/docs/{ref}", text, resource=ref, parent=ref)
            ]
        return found

    def changed(self, event: Any) -> Sequence[str] | None:
        return None

    @hookimpl
    def register_search_collators(self, portal: Any) -> Sequence[Any]:
        return [self]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
async def test_a_hundred_policies_each_over_rest(tmp_path: Path, seed: int):
    """Ten times a hundred random policies: every mark in an answer is a visible entity's, and totals are those of an oracle."""
    from tests.features.catalog.leaks import Watch

    world = await build_world(tmp_path)
    docs = Docs(world.entities)
    async with make_portal(
        settings_of(world.root),
        data_dir=world.data_dir,
        transport=network(2),
        plugins=[MarkedPlugin(), ("marked-docs", docs)],
    ) as site:
        await site.portal.service(SearchParts).indexer.sweep()
    chance = random.Random(seed)
    for number in range(100):
        policy, actor = random_policy(chance), random_actor(chance)
        data_dir = tmp_path / f"store-{number}"
        shutil.copytree(world.data_dir, data_dir)
        async with make_portal(
            settings_of(world.root, policy), data_dir=data_dir, transport=network(2),
            plugins=[MarkedPlugin(), ("marked-docs", docs)],
        ) as site, site.client(actor) as client:  # fmt: skip
            seen = {ref: one for ref, one in world.entities.items() if may_see(policy, actor, one)}
            watch = Watch(seen, {ref: one for ref, one in world.entities.items() if ref not in seen}, actor)
            for term in (
                "handbook",
                "shared",
                "title",
                "",
                "zq1",
                "zq07x",
                f"zq{chance.randrange(60):02d}n",
                "what is for",
            ):
                for path in ("query?", "v1/query?facets[]=kind&facets[]=owner&facets[]=tags&asTyped=true&"):
                    answer = await client.get(f"/api/search/{path}term={term}&pageLimit=100")
                    assert answer.status_code == 200, answer.text
                    watch.check(f"{path}{term}", answer.text, echoed=term)
            asked = (await client.get("/api/search/query?term=handbook&types[]=handbook&pageLimit=100")).json()
            assert asked["numberOfResults"] == len(seen), (policy, actor)
            assert not watch.problems, watch.problems[:3]
        shutil.rmtree(data_dir)


async def test_a_word_of_hidden_documents_hinders_no_correction(library):
    """Who does not see the one document that has the word is told what they would be told without it; who sees it finds it."""
    eve = user("eve")
    await library.put(doc("open", "Money box", "Counts money", resource="component:default/open"))
    asked = [await library.ask(term, eve) for term in ("monney", "monney box", "counts monney")]
    assert [(found.total, found.corrected) for found in asked] == [(1, "money"), (1, "money box"), (1, "counts money")]
    await library.put(doc("secret", "Monney", "The monney box", resource="component:default/secret"))
    library.shelf.seen["user:default/eve"] = {"component:default/open"}
    again = [await library.ask(term, eve) for term in ("monney", "monney box", "counts monney")]
    assert [(one.total, one.corrected) for one in again] == [(one.total, one.corrected) for one in asked]
    assert await library.ids("monney", user("ann")) == ["secret"]


async def test_no_figure_on_the_wire_is_made_of_what_is_hidden(open_library):
    """How much a word weighs depends on all documents that have it, so scores stay inside; an anchor stands in an address once."""
    async with open_library() as library:
        await library.put(doc("a", "Money", anchor="x"), doc("b", "Other", "money"))
        found = await library.ask("money")
    wire = own_wire(found, offset=0)
    assert all("score" not in one for one in wire["items"])
    assert wire["items"][0]["location"] == "/a#x" == document_wire(found.hits[0].document)["location"]
    assert document_wire(doc("c", anchor="y"))["location"] == "/c#y"
    assert location_of(SearchDocument("d", "d", "/d#z", anchor="z")) == "/d#z"

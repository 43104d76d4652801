"""How far the index is, as pages, programs and those who look after the portal are told."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.search.indexing import BRIEF, QUIET, SMALL, Indexer
from callboard.features.search.interface import Extent
from callboard.features.search.plugin import SearchParts
from callboard.features.search.store import documents
from callboard.testing import admin, user
from tests.features.catalog.conftest import World, each_world, postgres_world, world
from tests.features.search.conftest import Library, Shelf, library, with_search
from tests.features.search.test_pages import HIDE, Desk, opened, text_of

__all__ = ["World", "each_world", "library", "postgres_world", "with_search", "world"]
pytestmark = pytest.mark.anyio
EVE = user("eve")


async def fall_behind(desk: Desk) -> SearchParts:
    """As after a new version of the index's shape: nothing is indexed, and a job is asked to."""
    parts: SearchParts = desk.portal.service(SearchParts)
    async with desk.portal.db.write() as tx:
        await parts.engine.clear(tx)
        await documents.clear(tx)
        await documents.ask_for(tx, "software-catalog", [""])
    parts.progress._kept = None
    return parts


async def test_while_the_index_is_behind_everybody_says_so(each_world: World):
    """The page and its German, the palette, both REST answers and the action tell it; a miss meanwhile is no miss; then silence."""
    async with opened(each_world) as d:
        await fall_behind(d)
        page = await d.get("/search?q=ledger")
        assert "Results are not complete yet" in page and "Nothing for “ledger” so far" in text_of(page)
        assert "Entities 0 of" in text_of(page) and "Say that it is missing" not in text_of(page)
        async with d.portal.client(user("ada")) as client:
            german = (
                await client.get("/search?q=ledger", headers={"accept": "text/html", "accept-language": "de"})
            ).text
            assert "noch nicht vollständig" in german
            assert "not complete" in (await client.get("/api/search/v1/find?q=ledger")).json()["indexing"]
            wire = await client.get("/api/search/query?term=ledger")
            assert (
                wire.headers["x-callboard-indexing"].startswith("software-catalog=0/") and "indexing" not in wire.json()
            )
            own = (await client.get("/api/search/v1/query?term=ledger")).json()
            assert own["indexing"]["types"]["software-catalog"]["indexed"] == 0
        answer = await d.portal.actions.invoke("search:query", {"term": "ledger"}, actor=admin())
        assert answer["indexing"]["types"]["software-catalog"]["known"] > 0
        assert "The search index is being made" in text_of(await d.get("/admin", admin()))
        await d.history.write()
        assert (await d.history.list_missed("times", 10, 0, actor=admin()))[1] == 0
        parts = d.portal.service(SearchParts)
        await parts.indexer.run_pending()
        parts.progress._kept = None
        assert "not complete" not in await d.get("/search?q=ledger")
        overview = text_of(await d.get("/admin", admin()))
        assert "in search" in overview and "Last indexed" in overview
        async with d.portal.client(user("ada")) as client:
            assert "x-callboard-indexing" not in (await client.get("/api/search/query?term=ledger")).headers


async def test_no_number_tells_of_what_is_hidden(world: World):
    """Who does not see everything learns that the index is being made, not of how much."""
    async with opened(world, more={"permission": {"policy": HIDE}}) as d:
        parts = await fall_behind(d)
        state = await parts.progress.told(EVE)
        assert state is not None and not state.parts
        assert "The index is being made. Results" in text_of(await d.get("/search?q=ledger", EVE))
        async with d.portal.client(EVE) as client:
            assert (await client.get("/api/search/query?term=x")).headers["x-callboard-indexing"] == "incomplete"


class Counted(Shelf):
    """A shelf that says how much it knows."""

    many = 0

    async def extent(self) -> Extent:
        return Extent(self.many)


async def test_small_collators_are_compared_after_a_brief_quiet_and_large_ones_keep_their_calm(library: Library):
    """A collator that cannot say how much it knows waits as a large one does."""
    shelf: Any = Counted()
    indexer: Indexer = library.indexer
    assert await indexer._quiet(library.shelf.type) == QUIET
    library.indexer._collators = lambda: {shelf.type: shelf}
    shelf.many = SMALL
    assert await indexer._quiet(shelf.type) == BRIEF
    shelf.many += 1
    assert await indexer._quiet(shelf.type) == QUIET

"""An index that is damaged, and documents that cannot be indexed."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any, Mapping, Sequence

import pytest

from callboard.features.search.interface import SearchDocument
from callboard.features.search.store import documents
from callboard.kernel.errors import UnavailableError
from tests.features.search.conftest import doc

STRUCTURE = 10
"""Row of FTS5's structure record."""
pytestmark = pytest.mark.anyio


async def damage(library: Any) -> None:
    async with library.db.write() as tx:
        await tx.execute("DELETE FROM search_fts_data")
    library.service._kept.clear()


async def test_a_damaged_index_is_made_again(open_library: Any) -> None:
    """Whoever asks is told, a job mends it; writing mends it as well; not again and again where it helps nothing."""
    async with open_library() as library:
        await library.put(*(doc(f"d{number}", f"Title {number}", "money") for number in range(20)))
        await damage(library)
        with pytest.raises(UnavailableError, match="made again"):
            await library.ask("money")
        await library.indexer.run_pending()
        assert (await library.ask("money")).total == 20
        await damage(library)
        with pytest.raises(UnavailableError, match="corruption.*callboard search --reindex"):
            await library.ask("money")
        library.clock.advance(3_600)
        await library.put(doc("new", "New", "money"))
        assert (await library.ask("money")).total == 21


async def changed_bytes(library: Any, id: int, block: bytes) -> None:
    async with library.db.write() as tx:
        await tx.execute("UPDATE search_fts_data SET block = $1 WHERE id = $2", block, id)
    library.service._kept.clear()
    library.clock.advance(3_600)


async def blocks(library: Any) -> list[tuple[int, bytes]]:
    async with library.db.read() as tx:
        return [(id, bytes(block)) for id, block in await tx.fetch_all("SELECT id, block FROM search_fts_data")]


async def test_a_segment_that_the_structure_record_lost_is_damage(open_library: Any) -> None:
    """It finds nothing and SQLite calls writing a clash; the next change has all made again."""
    async with open_library() as library:
        await library.indexer.prepare()
        empty = dict(await blocks(library))[STRUCTURE]
        await library.put(*(doc(f"d{number}", f"Title {number}", "money") for number in range(20)))
        await changed_bytes(library, STRUCTURE, empty)
        assert (await library.ask("money")).hits == []
        await library.put(doc("new", "New", "money"))
        assert (await library.ask("money")).total == 21


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak)])
async def test_no_changed_byte_of_the_index_harms_more_than_an_answer(open_library: Any, seed: Any) -> None:
    """Whoever asks gets an answer or is told that the index is made again; then, at the latest after ``--reindex``, all is found."""
    random = Random(str(seed))
    async with open_library() as library:
        many = [doc(f"d{number}", f"Title {number}", f"money of bank {number}") for number in range(30)]
        await library.put(*many)
        for attempt in range(24 if seed == 1 else 400):
            id, block = random.choice([one for one in await blocks(library) if attempt % 2 or one[0] == STRUCTURE])
            at = random.randrange(len(block))
            await changed_bytes(library, id, block[:at] + random.randbytes(1) + block[at + 1 :])
            with suppress(UnavailableError):
                await library.ask("money bank")
            await library.put(many[0])
            await library.indexer.rebuild()
            await library.indexer.run_pending()
            assert (await library.ask("money bank")).total == 30


async def test_the_whole_index_can_be_made_again(library: Any) -> None:
    """On each engine; says how much there was, and may be asked for twice."""
    await library.put(*(doc(f"d{number}", f"Title {number}", "money") for number in range(5)))
    assert await library.indexer.rebuild() == 5
    assert (await library.ask("money")).hits == [] and await library.indexer.rebuild() == 0
    await library.indexer.run_pending()
    assert (await library.ask("money")).total == 5


async def test_one_document_that_cannot_be_indexed_keeps_no_other_back(
    open_library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, and found once it can be."""
    async with open_library() as library:
        ask, broken = library.shelf.documents, {"bad"}

        async def give(scopes: Sequence[str]) -> Mapping[str, Sequence[SearchDocument]]:
            if broken.intersection(scopes):
                raise ValueError("a collator that did not expect this")
            found: Mapping[str, Sequence[SearchDocument]] = await ask(scopes)
            return found

        monkeypatch.setattr(library.shelf, "documents", give)
        await library.put(doc("a", "A", "money"), doc("bad", "Bad", "money"), doc("z", "Z", "money"))
        assert sorted(await library.ids("money")) == ["a", "z"]
        broken.clear()
        await library.indexer.sweep()
        assert sorted(await library.ids("money")) == ["a", "bad", "z"]


async def test_what_a_killed_process_was_indexing_is_indexed(open_library: Any) -> None:
    """Neither lost nor found twice, with what was asked for meanwhile."""
    async with open_library() as library:
        library.shelf.put(doc("a", "A", "money"), doc("b", "B", "money"))
        async with library.db.write() as tx:
            await documents.ask_for(tx, "book", ["a", "b"])
            await documents.take_pending(tx, [("book", "a"), ("book", "b")])
            await documents.ask_for(tx, "book", ["b"])
        await library.indexer.run_pending()
        assert sorted(await library.ids("money")) == ["a", "b"]
        async with library.db.read() as tx:
            assert await tx.fetch_value("SELECT count(*) FROM search_pending") == 0

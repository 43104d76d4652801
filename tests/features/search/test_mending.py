"""An index that is damaged, and documents that cannot be indexed."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import pytest

from callboard.features.search.interface import SearchDocument
from callboard.features.search.store import documents
from callboard.kernel.errors import UnavailableError
from tests.features.search.conftest import doc

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
        with pytest.raises(Exception, match="corruption"):
            await library.ask("money")
        library.clock.advance(3_600)
        await library.put(doc("new", "New", "money"))
        assert (await library.ask("money")).total == 21


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

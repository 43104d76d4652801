"""The command palette's answers: quick for the beginning of a name, and else as search ranks."""

from __future__ import annotations

from typing import Callable, Sequence

from callboard.features.search.interface import Hit, Search, SearchQuery, Visibility
from callboard.features.search.pages import marks
from callboard.features.search.store import documents, names
from callboard.features.search.store.records import decode
from callboard.features.search.store.visible import VisibleCondition
from callboard.features.search.text.tokens import name_key
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database

ROWS = 8
MIN_BEGUN = 2


class QuickFinder:
    """Asked with every letter that somebody types."""

    def __init__(
        self, search: Search, db: Database, condition: VisibleCondition, visibility: Callable[[], Visibility | None]
    ) -> None:
        self._search = search
        self._db = db
        self._condition = condition
        self._visibility = visibility

    async def find(self, words: str, *, actor: Actor) -> Sequence[Hit]:
        """What is called so, entities first, then what begins so; where that is less than a palette full, all that search finds."""
        called, begun = await self._by_name(name_key(words), actor)
        if len(called) + len(begun) >= ROWS:
            return [*called, *begun][:ROWS]
        asked = SearchQuery(words, limit=ROWS, as_typed=True, by_meaning=False)  # a model takes longer than a letter
        found = await self._search.query(asked, actor=actor)
        first = [place_of(hit) for hit in called]
        rest = [hit for hit in found.hits if place_of(hit) not in first]
        return [*called, *rest][:ROWS]

    async def _by_name(self, key: str, actor: Actor) -> tuple[list[Hit], list[Hit]]:
        """What is called ``key`` as text.tokens writes names, and what begins with it, one passage of a page."""
        if len(key) < MIN_BEGUN:
            return [], []
        visibility = self._visibility()
        visible = await visibility.visible(actor) if visibility is not None else None
        known = {collator.type for collator in self._search.collators}
        async with self._db.read() as tx:
            with self._condition.sql(tx, visible, 3) as (condition, args):
                called = list(await names.exact(tx, [key], condition, args))
                begun = await names.begun(tx, key, condition, args)
            nearest = sorted((one for one in begun if one not in set(called)), key=lambda one: -begun[one])
            numbers = [*called[: 4 * ROWS], *nearest[: 2 * ROWS]]
            payloads = await documents.payloads_of(tx, numbers)
            places = await documents.parents_of(tx, numbers)
        hits: dict[tuple[str, str], tuple[bool, Hit]] = {}
        for number in numbers:
            if number in payloads and places[number][0] in known:
                hit = Hit(places[number][0], decode(payloads[number]), 0.0, {})
                hits.setdefault(places[number], (number in called, hit))
        in_order = sorted(hits.values(), key=lambda one: not marks.is_entity(one[1].document))
        return [hit for is_called, hit in in_order if is_called], [
            hit for is_called, hit in hits.values() if not is_called
        ]


def place_of(hit: Hit) -> tuple[str, str]:
    """The page or thing that a result stands for."""
    return hit.type, hit.document.parent or hit.document.id

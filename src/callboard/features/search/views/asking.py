"""What a page of results asks of search."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.search.history.popular import Popular
from callboard.features.search.history.service import SearchHistory
from callboard.features.search.interface import Collator, Search, SearchQuery, SearchResults, Visibility
from callboard.features.search.pages import marks
from callboard.features.search.pages.results import (
    Beginning,
    Found,
    Nothing,
    TypeWords,
    facet_values,
    owners_of,
)
from callboard.features.search.pages.state import FACETS, SearchState
from callboard.features.search.store.titles import titles_of
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database
from callboard.ui.messages import Translator

EXAMPLES_FROM = 12
COUNTED = 1_000
"""Of one type so many are counted where there are more."""
MAX_SUGGESTED = 4
MIN_EXAMPLE = 7
"""Letters of a title in which a slip can be shown."""


class Asking:
    """Asks search, and looks up what the results name."""

    def __init__(self, search: Search, history: SearchHistory, popular: Popular, db: Database, visibility: Any) -> None:
        """``visibility``: called for the portal's ``Visibility`` or None."""
        self._search = search
        self._history = history
        self._popular = popular
        self._db = db
        self._visibility = visibility

    def types(self, t: Translator) -> Mapping[str, TypeWords]:
        collators: Sequence[Collator] = self._search.collators
        return {one.type: TypeWords(t.title(one.title), one.icon) for one in collators}

    async def results(self, state: SearchState, *, actor: Actor) -> Found:
        """The page and its counts. A facet that is in use is counted without itself, so that its other values show what they would add.

        Questions: one, one more for a chosen type, and one for each facet in use.
        """
        fields = list(FACETS.values())
        # spec.type stands as componentType; "type" counts documents of each type
        main = await self._search.query(state.query(facets=[*fields, "type"]), actor=actor)
        types = main.facets.get("type", ())
        if state.type:
            every = state.query(facets=["type"], without="type", limit=1)
            types = (await self._search.query(every, actor=actor)).facets.get("type", ())
        facets = facet_values(main)
        for name, _ in state.chosen:
            wider = state.query(facets=[FACETS[name]], without=name, limit=1)
            facets[name] = (await self._search.query(wider, actor=actor)).facets.get(FACETS[name], ())
        return Found(main, types, facets, await self.owners(owners_of(main, facets, state), actor))

    async def owners(self, refs: set[str], actor: Actor) -> Mapping[str, str]:
        """Titles of those of these entities that ``actor`` sees."""
        visibility: Visibility | None = self._visibility()
        if visibility is None or not refs:
            return {}
        visible = await visibility.visible(actor)
        async with self._db.read(snapshot=False) as tx:
            asked = [(collator.type, ref) for collator in self._search.collators for ref in sorted(refs)]
            found = await titles_of(tx, asked, visible)
        return {id: title for (_, id), (title, _) in found.items()}

    async def nothing(self, state: SearchState, t: Translator, *, actor: Actor) -> Nothing:
        """What to try instead: the same without what narrows it, and each word alone."""
        ways: list[tuple[str, SearchState]] = []
        if state.chosen:
            ways.append((t("search.none.without_filters"), SearchState(state.q, state.type)))
        if state.type:
            ways.append((t("search.none.in_all"), SearchState(state.q)))
        words = list(dict.fromkeys(word for word in state.q.split() if len(word) > 2))
        if len(words) > 1:
            ways += [
                (word, SearchState(word)) for word in sorted(words, key=len, reverse=True)[: MAX_SUGGESTED - len(ways)]
            ]
        found = []
        for title, way in ways:
            results = await self._search.query(way.query(limit=1), actor=actor)
            if results.hits:
                found.append((title, way.href(), results.total or len(results.hits)))
        return Nothing(
            tried=words or [state.q], suggestions=found, clear_href=SearchState(state.q).href() if state.is_filtered else None,
            may_want=self._history.is_kept_for(actor) and not state.is_filtered,
        )  # fmt: skip

    async def beginning(self, t: Translator, *, actor: Actor) -> Beginning:
        """What there is to find, and how, by what the portal holds."""
        types = self.types(t)
        results = await self._search.query(SearchQuery("", limit=EXAMPLES_FROM), actor=actor)
        there = []
        for type, words in types.items():  # each by itself: of all together only so many are counted
            found = await self._search.query(SearchQuery("", types=[type], limit=1), actor=actor)
            if found.hits:
                many = (
                    t("search.begin.many", n=COUNTED) if found.total is None else t("search.begin.some", n=found.total)
                )
                there.append((words.title, words.icon, many))
        return Beginning(
            recent=await self._history.list_recent(actor=actor), popular=await self._popular.list(actor=actor),
            examples=_examples(results, t), keeps=self._history.is_kept_for(actor),
            types=there,
        )  # fmt: skip


def _examples(results: SearchResults, t: Translator) -> Sequence[tuple[str, str]]:
    """Ways of asking, with what stands in this portal."""
    hits = [hit for hit in results.hits if marks.field(hit.document, "kind").lower() not in ("location", "user")]
    titles = [hit.document.title for hit in hits if hit.document.title.isprintable() and len(hit.document.title) < 50]
    found: list[tuple[str, str]] = []
    long = next((one for one in titles if len(one) >= MIN_EXAMPLE and one[2:4].isalpha() and one[2] != one[3]), None)
    if long is not None:
        found.append((t("search.example.name"), long))
        found.append((t("search.example.begun"), long[:5].strip("-_. ")))
        found.append((t("search.example.slip"), f"{long[:2]}{long[3]}{long[2]}{long[4:]}"))
    several = next(
        (one.replace("-", " ").split() for one in titles if 1 < len(one.replace("-", " ").split()) < 4), None
    )
    if several:
        found.append((t("search.example.order"), " ".join(reversed(several)).lower()))
    owner = next((marks.field(hit.document, "owner") for hit in hits if marks.field(hit.document, "owner")), "")
    if owner:
        found.append((t("search.example.owner"), marks.short(owner)))
    return found

"""Asking: read the question, have the engine choose candidates, rank them, show the page that was asked for."""

from __future__ import annotations

import time
from hashlib import blake2b
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Sequence

import orjson

from callboard.features.search.engines.base import MOST_ROWS, Ask, Engine, Found, Group
from callboard.features.search.engines.fts5 import is_damage
from callboard.features.search.indexing import Indexer
from callboard.features.search.interface import (
    Collator,
    Hit,
    SearchQuery,
    SearchResults,
    UnknownDocumentType,
    Visibility,
    VisibleSet,
)
from callboard.features.search.ranking.fusion import Near, Neighbours, fuse, with_meaning
from callboard.features.search.ranking.learnt import Learnt
from callboard.features.search.ranking.marking import Marker, reasons_of
from callboard.features.search.ranking.question import Question, QuestionReader
from callboard.features.search.ranking.scoring import Judged, Result, Scorer
from callboard.features.search.store import documents, names
from callboard.features.search.store.records import decode, mark
from callboard.features.search.store.visible import VisibleCondition
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import UnavailableError

RANKED = 80
"""Candidates that are looked at closely."""
FOUND = 1_000
"""Candidates that are counted. What has more is counted no further."""
LEAST_COVERAGE = 0.35
"""A result answers at least this share of what the best one answers of the question."""
READINGS = 3
"""A question is read again when a word of it stands only in what the actor does not see."""
MANY = 200
"""Where the words of a question stand in more documents than this, the rarest are looked for first."""
SHORT = 5
"""Of questions of more words no document has so many that the rarest alone would do."""
KEPT = 512
"""Answers kept for those who ask the same and see the same, until the index changes."""
KEPT_HITS = 30
"""Of longer ones nothing is kept: each result holds the whole text of its passage."""
NOTHING = Found((), is_all=True)
COUNT_KEPT_S = 60.0
"""How long the number of documents is taken for known: only the weight of words depends on it."""


class SearchService:
    """Implements ``interface.Search``."""

    def __init__(
        self, db: Database, engine: Engine, indexer: Indexer, reader: QuestionReader, condition: VisibleCondition, *,
        collators: Callable[[], Mapping[str, Collator]], visibility: Callable[[], Visibility | None],
        learnt: Learnt | None = None, neighbours: Neighbours | None = None,
    ) -> None:  # fmt: skip
        """``neighbours``: what is near in meaning, where the portal looks for that as well."""
        self._db = db
        self._engine = engine
        self._neighbours = neighbours
        self._indexer = indexer
        self._reader = reader
        self._collators = collators
        self._visibility = visibility
        self._condition = condition
        self.learnt = learnt or Learnt(True)
        self._count: tuple[float, int] | None = None
        self._kept: dict[tuple[str, bytes], tuple[str | None, SearchResults]] = {}

    @property
    def collators(self) -> Sequence[Collator]:
        return list(self._collators().values())

    async def query(self, query: SearchQuery, *, actor: Actor) -> SearchResults:
        await self._indexer.prepare()
        known = self._collators()
        for type in query.types:
            if type not in known:
                raise UnknownDocumentType(
                    f"There are no documents of type {type!r}. There are {', '.join(sorted(known)) or 'none at all'}.",
                    field="types",
                )
        # Before it is asked who may see what: that must not be a second old.
        vector = await self._neighbours.vector_of(query) if self._neighbours is not None else None
        visibility = self._visibility()
        visible = await visibility.visible(actor) if visibility is not None else None
        key = (
            f"{query}{vector is not None}",
            blake2b(visible.serialize() if visible is not None else b"", digest_size=16).digest(),
        )
        try:
            revision, found = await self._look(query, visible, vector, self._kept.get(key))
        except Exception as error:
            if await self._indexer.mend(error):
                told = "The index of search was damaged and is being made again. Try again soon."
            elif is_damage(error):
                told = (
                    f"The index of search is damaged again soon after it was made ({error}). Look at the disk that holds the"
                    " database, then make the index again: callboard search --reindex."
                )
            else:
                raise
            raise UnavailableError(told) from error
        if len(found.hits) <= KEPT_HITS:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[key] = revision, found
        return found

    async def _look(
        self,
        query: SearchQuery,
        visible: VisibleSet | None,
        vector: Any,
        kept: tuple[str | None, SearchResults] | None,
    ) -> tuple[str | None, SearchResults]:
        """The index's revision, and what is found in it: what was ``kept`` of it, else asked anew."""
        async with self._db.read() as tx:
            revision = await documents.revision(tx)
            if kept is not None and kept[0] == revision:
                return kept
            count = await self._documents(tx)
            await self.learnt.sync(tx, revision)
            without: set[str] = set()
            for _ in range(READINGS):
                question = await self._reader.read(
                    tx,
                    query.term,
                    documents=count,
                    as_typed=query.as_typed,
                    learnt=self.learnt.seen(visible),
                    without=without,
                )
                found, matched = await self._answer(tx, query, question, visible, vector)
                unseen = await self._unseen(tx, question, matched, visible)
                if not unseen:
                    break
                without |= unseen
        return revision, found

    async def _documents(self, tx: Transaction) -> int:
        """How many there are, roughly."""
        now = time.monotonic()
        if self._count is None or now - self._count[0] > COUNT_KEPT_S or self._count[1] < 1_000:
            self._count = (now, await documents.count(tx))
        return self._count[1]

    async def _answer(
        self, tx: Transaction, query: SearchQuery, question: Question, visible: VisibleSet | None, vector: Any
    ) -> tuple[SearchResults, set[int]]:
        """The results, and which units of the question one of them has."""
        named, begun = await self._named(tx, question, visible)
        groups, marks = question.groups(), await self._marks(tx, query)
        near: Near = {}
        if self._neighbours is not None and vector is not None:
            near = await self._neighbours.nearest(tx, vector, marks, visible)
        if not groups and not named and not begun and not near and not question.is_empty:
            return SearchResults([], 0, False, {key: () for key in query.facets}), set()
        if query.types or query.filters:
            matching = await self._matching(tx, [*named, *begun], query)
            named = {number: found for number, found in named.items() if number in matching}
            begun = {number: share for number, share in begun.items() if number in matching}
        scorer = Scorer(question, named, begun)
        end = query.offset + query.limit
        closely, limit = max(RANKED, 2 * end), max(FOUND, 4 * end)
        is_page_full = len(begun) > end and not query.facets
        while True:
            look = await self._look_closely(
                tx, query, question, scorer, marks, near, visible, closely, limit, is_page_full
            )
            if len(look.results) > end or closely >= limit or (look.found.is_all and len(look.numbers) <= closely):
                break
            closely = min(limit, 3 * closely)  # passages of few pages: the next ones may be of others
        results = look.results
        if not question.is_empty:
            results = [one for one in results if one.is_exact or one.coverage >= LEAST_COVERAGE * look.most]
        if near and self._neighbours is not None:
            by_words = [one for one in results if one.is_exact or one.coverage > 0]
            results = fuse(by_words, look.results, near, self._neighbours.weight)
        is_all = look.found.is_all and len(look.numbers) < limit
        counted: Mapping[tuple[str, str], int] = {}
        if is_all or query.facets:
            rest = [number for number in look.numbers[closely:] if number not in near]
            counted = await self._counted(tx, query, results, rest)
        matched = {at for one in look.judged for at, match in enumerate(one.found) if match is not None}
        shown = results[query.offset : end]
        hits = await self._hits(tx, question, shown)
        return SearchResults(
            hits=with_meaning(hits, shown, near, query.term) if near else hits,
            total=len(counted) if is_all else None,
            has_more=len(results) > end,
            facets=await self._facets(tx, query.facets, list(counted.values())),
            corrected=_corrected(question, shown),
        ), matched

    async def _look_closely(
        self, tx: Transaction, query: SearchQuery, question: Question, scorer: Scorer, marks: tuple[tuple[str, ...], ...],
        near: Near, visible: VisibleSet | None, closely: int, limit: int, is_page_full: bool,
    ) -> _Look:  # fmt: skip
        """At the first ``closely`` candidates, and those near in meaning: for the rarest words first, where that is enough."""
        groups = question.groups()
        for part, together in _ways(groups, question.total, is_page_full):
            ask = Ask(part, marks, limit, 0 if query.facets else closely, together)
            has_words = bool(part) or question.is_empty
            found = await self._engine.find(tx, ask, visible) if has_words else Found((), is_all=not groups)
            numbers = list(dict.fromkeys([*scorer.named, *(number for number, _ in found.numbers)]))
            rows = await documents.rows_of(tx, list(dict.fromkeys([*numbers[:closely], *near])))
            judged = [scorer.judge(row) for row in rows if not query.types or row.type in query.types]
            results = scorer.gather(judged)
            most = 1.0 if question.is_empty else max((one.coverage for one in results), default=0.0)
            if (
                part == groups
                or is_page_full
                or _most_without(part, together, question.total) < LEAST_COVERAGE * most * question.total
            ):
                break
        return _Look(found, numbers, judged, results, most)

    async def _unseen(
        self, tx: Transaction, question: Question, matched: set[int], visible: VisibleSet | None
    ) -> set[str]:
        """Terms that stand only in what the actor does not see. They count as not there: a typing error is mended all the same."""
        unseen: set[str] = set()
        if visible is None:
            return unseen
        for at, unit in enumerate(question.units):
            if at not in matched and not unit.is_weak and unit.terms:
                # As frequent as can be, so that the engine looks for any document rather than for the best.
                asked = Ask((Group(tuple(unit.terms), MOST_ROWS + 1, 1.0),), (), 1)
                if not (await self._engine.find(tx, asked, visible)).numbers:
                    unseen |= set(unit.terms)
        return unseen

    async def _marks(self, tx: Transaction, query: SearchQuery) -> tuple[tuple[str, ...], ...]:
        types = query.types or list(self._collators())
        others = [type for type in self._collators() if type not in types]
        is_narrow = bool(query.types) and await documents.has_types(tx, others)
        found = [tuple(mark(type, "", type) for type in types)] if is_narrow or not query.term.strip() else []
        for key, values in query.filters.items():
            found.append(tuple(mark("", key, value) for value in values))
        return tuple(found)

    async def _named(
        self, tx: Transaction, question: Question, visible: VisibleSet | None
    ) -> tuple[dict[int, list[str]], dict[int, float]]:
        """Documents that are called what a part of the question says, and those whose name begins with all of it (how much of it is that)."""
        if question.is_empty:
            return {}, {}
        with self._condition.sql(tx, visible, 3) as (condition, args):
            exact = await names.exact(tx, list(question.names), condition, args)
            begun = await names.begun(tx, question.prefix, condition, args) if len(question.prefix) >= 2 else {}
        return exact, begun

    async def _matching(self, tx: Transaction, numbers: Sequence[int], query: SearchQuery) -> set[int]:
        """Those of them that the filters let through."""
        types = await documents.parents_of(tx, numbers) if numbers else {}
        kept = {number for number, (type, _) in types.items() if not query.types or type in query.types}
        if not query.filters:
            return kept
        payloads = await documents.payloads_of(tx, list(kept))
        return {
            number
            for number, fields in ((number, orjson.loads(payload)["fields"]) for number, payload in payloads.items())
            if all(_has(fields.get(key), values) for key, values in query.filters.items())
        }

    async def _counted(
        self, tx: Transaction, query: SearchQuery, results: Sequence[Result], rest: Sequence[int]
    ) -> dict[tuple[str, str], int]:
        """What counts as found: a document for each page."""
        counted = {(one.best.row.type, one.best.row.parent): one.best.row.number for one in results}
        for number, key in (await documents.parents_of(tx, rest)).items() if rest else ():
            if not query.types or key[0] in query.types:
                counted.setdefault(key, number)
        return counted

    async def _facets(
        self, tx: Transaction, facets: Sequence[str], numbers: Sequence[int]
    ) -> Mapping[str, Sequence[tuple[str, int]]]:
        if not facets:
            return {}
        counts: dict[str, dict[str, int]] = {key: {} for key in facets}
        types = await documents.parents_of(tx, numbers) if "type" in facets else {}
        for number, payload in (await documents.payloads_of(tx, numbers)).items():
            fields: Mapping[str, Any] = orjson.loads(payload)["fields"]
            for key in facets:
                value = types[number][0] if key == "type" else fields.get(key)
                for one in [value] if isinstance(value, str) else value or ():
                    counts[key][one] = counts[key].get(one, 0) + 1
        return {key: sorted(found.items(), key=lambda one: (-one[1], one[0])) for key, found in counts.items()}

    async def _hits(self, tx: Transaction, question: Question, shown: Sequence[Result]) -> list[Hit]:
        payloads = await documents.payloads_of(tx, [one.best.row.number for one in shown]) if shown else {}
        marker = Marker(question)
        hits = []
        for one in shown:
            document = decode(payloads[one.best.row.number])
            hits.append(
                Hit(
                    type=one.best.row.type, document=document, score=round(one.score, 6),
                    marked={"title": marker.mark(document.title), "text": marker.excerpt(document.text)},
                    reasons=reasons_of(question, one.best),
                )
            )  # fmt: skip
        return hits


class _Look(NamedTuple):
    """``numbers`` of candidates, best first; how those looked at were ``judged``, and the ``results`` of it; the ``most`` that one covers."""

    found: Found
    numbers: Sequence[int]
    judged: Sequence[Judged]
    results: list[Result]
    most: float


def _ways(
    groups: tuple[Group, ...], total: float, is_page_full: bool
) -> Iterator[tuple[tuple[Group, ...], tuple[Group, ...]]]:
    """Which words to look for, each by itself, and which all together: all by themselves, but where that is much, first the rarest.

    Those are enough if what has none of them says too little of the question to be told beside what was found, be it for
    the others together. None at all where names fill the page.
    """
    if is_page_full:
        yield (), ()
        return
    if len(groups) <= SHORT and sum(group.documents for group in groups) > MANY:
        for count in range(1, len(groups)):
            part, rest = groups[:count], groups[count:]
            if _most_without(part, (), total) < LEAST_COVERAGE * total:
                yield part, ()
                break
            if len(rest) > 1 and _most_without(part, rest, total) < LEAST_COVERAGE * total:
                yield part, rest
                break
    yield groups, ()


def _most_without(part: Sequence[Group], together: Sequence[Group], total: float) -> float:
    """The most of a question's weight that a document has with none of ``part`` and not all of ``together``."""
    return total - sum(group.weight for group in part) - min((group.weight for group in together), default=0.0)


def _has(value: Any, wanted: Sequence[str]) -> bool:
    there = {one.lower() for one in ([value] if isinstance(value, str) else value or ())}
    return any(one.lower() in there for one in wanted)


def _corrected(question: Question, shown: Sequence[Result]) -> str | None:
    """The question with the words by which visible results were found in place of those that nothing has."""
    changed: dict[int, str] = {}
    for result in shown[:3]:
        one: Judged = result.best
        for at, match in enumerate(one.found):
            if match is not None and match[2] == "typo":
                changed.setdefault(at, match[1])
    if not changed:
        return None
    return " ".join(changed.get(at, unit.asked) for at, unit in enumerate(question.units))

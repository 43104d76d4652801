"""The pairs that documents teach, and those of them that hold for one reader."""

from __future__ import annotations

from collections import defaultdict
from typing import Callable, Iterable, Mapping, NamedTuple, Sequence

from callboard.features.search.interface import VisibleSet
from callboard.features.search.ranking.own import PortalSynonyms, pairs_of
from callboard.features.search.store import learnt, synonyms
from callboard.features.search.store.documents import resource_of
from callboard.features.search.text.learning import SURE
from callboard.features.search.text.synonyms import Synonyms
from callboard.kernel.db.interface import Transaction

MOST_OTHERS = 3
"""Meanings of one abbreviation that are looked for: those that most documents teach."""


class Known(NamedTuple):
    """``short`` and ``long`` mean the same to ``documents`` (numbers, as far as they were noted)."""

    short: str
    long: str
    documents: Sequence[int]
    is_on: bool = True
    """False: somebody switched it off."""


class Learnt:
    """What is taught now, kept in memory until it changes. With ``is_on`` False nothing is; ``excepted`` are pairs that do not hold."""

    def __init__(self, is_on: bool, excepted: Iterable[Sequence[str]] = (), own: PortalSynonyms | None = None) -> None:
        """``own``: what people said in the browser, which is read with it."""
        self._is_on = is_on
        self._own = own or PortalSynonyms(Synonyms((), {}))
        self._excepted = pairs_of(excepted)
        self._read_at: str | None = None
        self._revision: str | None = ""
        self._by_phrase: Mapping[str, Sequence[tuple[str, Sequence[tuple[int, int]]]]] = {}

    async def sync(self, tx: Transaction, revision: str | None) -> None:
        """Read what is taught if it has changed. ``revision`` is the index's: while that stands, nothing is asked."""
        if revision is not None and revision == self._read_at:
            return
        now = await learnt.revision(tx)
        if now != self._revision:
            self._own.take(await synonyms.list_all(tx))
            self._by_phrase = self._arranged(await learnt.list_all(tx)) if self._is_on else {}
            self._revision = now
        self._read_at = revision

    def _arranged(self, rows: Sequence[learnt.Taught]) -> Mapping[str, Sequence[tuple[str, Sequence[tuple[int, int]]]]]:
        pairs: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        for one in rows:
            if frozenset((one.short, one.long)) not in self._excepted:
                pairs[one.short, one.long].append((one.number, one.weight))
        found: dict[str, list[tuple[str, Sequence[tuple[int, int]]]]] = defaultdict(list)
        for (short, long), taught in sorted(pairs.items(), key=lambda one: (-len(one[1]), one[0])):
            if sum(weight for _, weight in taught) >= SURE:
                found[short].append((long, taught))
                found[long].append((short, taught))
        return found

    def seen(self, visible: VisibleSet | None) -> Callable[[str], Sequence[str]]:
        """Other words for a word or phrase, as far as a reader who sees these resources may learn of them."""
        by_phrase, off = self._by_phrase, self._own.off

        def of(phrase: str) -> Sequence[str]:
            taught = by_phrase.get(phrase)
            if taught is None:
                return ()
            return [other for other, rows in taught if frozenset((phrase, other)) not in off and _holds(rows, visible)][
                :MOST_OTHERS
            ]

        return of

    def listed(self, visible: VisibleSet | None) -> list[Known]:
        """All pairs that are taught to such a reader, with the documents that they see; those switched off as well."""
        found = []
        for phrase, others in sorted(self._by_phrase.items()):
            for other, rows in others:
                seen = [number for number, _ in rows if _is_seen(number, visible)]
                if len(other) > len(phrase) and _holds(rows, visible):
                    found.append(Known(phrase, other, seen, frozenset((phrase, other)) not in self._own.off))
        return found


def _holds(rows: Sequence[tuple[int, int]], visible: VisibleSet | None) -> bool:
    total = 0
    for number, weight in rows:
        if _is_seen(number, visible):
            total += weight
            if total >= SURE:
                return True
    return False


def _is_seen(number: int, visible: VisibleSet | None) -> bool:
    resource = resource_of(number)
    return not resource or (visible is not None and resource in visible)

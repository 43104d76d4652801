"""The pairs that documents teach, and those of them that hold for one reader."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import Callable, Iterable, Mapping, NamedTuple, Sequence

from callboard.features.search.interface import VisibleSet
from callboard.features.search.store import learnt
from callboard.features.search.store.documents import resource_of
from callboard.features.search.text.learning import SURE
from callboard.features.search.text.tokens import words
from callboard.kernel.db.interface import Transaction

MOST_OTHERS = 3
"""Meanings of one abbreviation that are looked for: those that most documents teach."""


class Known(NamedTuple):
    """``short`` and ``long`` mean the same to ``documents`` (numbers, as far as they were noted)."""

    short: str
    long: str
    documents: Sequence[int]


class Learnt:
    """What is taught now, kept in memory until it changes. With ``is_on`` False nothing is; ``excepted`` are pairs that do not hold."""

    def __init__(self, is_on: bool, excepted: Iterable[Sequence[str]] = ()) -> None:
        self._is_on = is_on
        said = [[" ".join(words(one)) for one in group] for group in excepted]
        self._excepted = {frozenset(pair) for group in said for pair in combinations(group, 2)}
        self._read_at: str | None = None
        self._revision: str | None = None
        self._by_phrase: Mapping[str, Sequence[tuple[str, Sequence[tuple[int, int]]]]] = {}

    async def sync(self, tx: Transaction, revision: str | None) -> None:
        """Read what is taught if it has changed. ``revision`` is the index's: while that stands, nothing is asked."""
        if not self._is_on or (revision is not None and revision == self._read_at):
            return
        now = await learnt.revision(tx)
        if now != self._revision:
            self._by_phrase = self._arranged(await learnt.list_all(tx))
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
        by_phrase = self._by_phrase

        def of(phrase: str) -> Sequence[str]:
            taught = by_phrase.get(phrase)
            if taught is None:
                return ()
            return [other for other, rows in taught if _holds(rows, visible)][:MOST_OTHERS]

        return of

    def listed(self, visible: VisibleSet | None) -> list[Known]:
        """All pairs that hold for such a reader, with the documents that they see."""
        found = []
        for phrase, others in sorted(self._by_phrase.items()):
            for other, rows in others:
                seen = [number for number, _ in rows if _is_seen(number, visible)]
                if len(other) > len(phrase) and _holds(rows, visible):
                    found.append(Known(phrase, other, seen))
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

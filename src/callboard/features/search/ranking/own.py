"""Synonyms that were told: in settings and built in, and those that people added in the browser."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import Iterable, Mapping, Sequence

from callboard.features.search.store.synonyms import Said
from callboard.features.search.text.synonyms import Synonyms
from callboard.features.search.text.tokens import words

Pair = frozenset[str]


def spaced(text: str) -> str:
    """As words are compared."""
    return " ".join(words(text))


def pairs_of(groups: Iterable[Sequence[str]]) -> frozenset[Pair]:
    """Of words and phrases that stand in one list, each with each."""
    said = [[spaced(one) for one in group] for group in groups]
    return frozenset(frozenset(pair) for group in said for pair in combinations(group, 2))


class PortalSynonyms(Synonyms):
    """``told`` and the portal's own. ``excepted`` pairs of the settings hold in no case; ``off`` are learnt ones that were switched off."""

    def __init__(self, told: Synonyms, excepted: frozenset[Pair] = frozenset()) -> None:
        self._told = told
        self.excepted = excepted
        self.off: frozenset[Pair] = frozenset()
        self._own: Mapping[str, Sequence[str]] = {}

    def take(self, rows: Sequence[Said]) -> None:
        """What people said replaces what they said before."""
        own: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            if row.is_on and frozenset((row.one, row.other)) not in self.excepted:
                own[row.one].append(row.other)
                own[row.other].append(row.one)
        self._own = own
        self.off = frozenset(frozenset((row.one, row.other)) for row in rows if not row.is_on)

    def of(self, phrase: str) -> Sequence[str]:
        told, own = self._told.of(phrase), self._own.get(phrase)
        return told if own is None else [*told, *(one for one in own if one not in told)]

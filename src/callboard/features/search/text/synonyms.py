"""Which words and phrases mean the same: those of the settings, and the field's abbreviations."""

from __future__ import annotations

from collections import defaultdict
from typing import Iterable, Mapping, Sequence

from callboard.features.search.text.tokens import words
from callboard.features.search.text.words import ABBREVIATIONS, RELATED


class Synonyms:
    """Words and phrases by each other, as spaced words. ``groups`` are sets of equals; ``ways`` are said of their key only."""

    def __init__(self, groups: Iterable[Sequence[str]] = (), ways: Mapping[str, Sequence[str]] | None = None) -> None:
        self._others: dict[str, list[str]] = defaultdict(list)
        for group in groups:
            equals = [phrase for phrase in (" ".join(words(text)) for text in group) if phrase]
            for one in equals:
                self._add(one, [other for other in equals if other != one])
        for group in RELATED:
            for one in group:
                self._add(one, [other for other in group if other != one])
        for short, long in (ABBREVIATIONS if ways is None else ways).items():
            self._add(short, long)
            for phrase in long:
                self._add(phrase, [short])

    def _add(self, phrase: str, others: Sequence[str]) -> None:
        known = self._others[phrase]
        known += [other for other in others if other not in known]

    def of(self, phrase: str) -> Sequence[str]:
        return self._others.get(phrase, ())

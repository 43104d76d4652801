"""Which words and phrases mean the same: those of the settings, the field's abbreviations, and words for one thing in any organisation."""

from __future__ import annotations

from collections import defaultdict
from importlib.resources import files
from itertools import combinations
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple, Sequence

from callboard.features.search.text.tokens import words
from callboard.features.search.text.words import ABBREVIATIONS, RELATED, WEAK

MAX_PHRASE = 5
"""Words of the longest phrase that is looked up."""


class Synonyms:
    """Words and phrases by each other, as spaced words. ``groups`` are sets of equals; ``ways`` are said of their key only."""

    def __init__(
        self,
        groups: Iterable[Sequence[str]] = (),
        ways: Mapping[str, Sequence[str]] | None = None,
        related: Iterable[Sequence[str]] = RELATED,
    ) -> None:
        self._others: dict[str, list[str]] = defaultdict(list)
        for group in groups:
            equals = [phrase for phrase in (" ".join(words(text)) for text in group) if phrase]
            for one in equals:
                self._add(one, [other for other in equals if other != one])
        for group in related:
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


class Usage(NamedTuple):
    """A line of ``english.txt``, as spaced words: ``equals`` are asked for and found, ``ways`` are asked for only."""

    equals: Sequence[str]
    ways: Sequence[str]


class Vocabulary:
    """The words of ``english.txt`` by each other. Read when first asked, which costs some tens of milliseconds once.

    ``term_of`` gives a word's stem; any form of a word stands for all. ``excepted``: sets of phrases, no two of which mean the same here.
    """

    def __init__(self, term_of: Callable[[str], str], excepted: Iterable[Sequence[str]] = ()) -> None:
        self._term_of = term_of
        self._excepted = excepted
        self._others: Mapping[str, Sequence[str]] | None = None

    def of(self, terms: str) -> Sequence[str]:
        """Words and phrases to look for as well, for the spaced stems of a word or phrase."""
        if self._others is None:
            self._others = self._arranged()
        return self._others.get(terms, ())

    def _arranged(self) -> Mapping[str, Sequence[str]]:
        said = [[self._terms(" ".join(words(one))) for one in group] for group in self._excepted]
        excepted = {frozenset(pair) for group in said for pair in combinations(group, 2)}
        found: dict[str, dict[str, str]] = {}
        for equals, ways in usages():
            by_terms = {self._terms(one): one for one in equals if _may_be_found(one)}
            for asked in dict.fromkeys(map(self._terms, (*equals, *ways))):
                others = found.setdefault(asked, {})
                for terms, other in by_terms.items():
                    if terms != asked and frozenset((terms, asked)) not in excepted:
                        others.setdefault(terms, other)
        return {asked: list(others.values()) for asked, others in found.items()}

    def _terms(self, phrase: str) -> str:
        return " ".join(map(self._term_of, phrase.split()))


def usages() -> Iterator[Usage]:
    """The lines of ``english.txt``."""
    for line in files(__package__).joinpath("english.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pieces = [piece.strip() for piece in line.split(",")]
            yield Usage(
                [" ".join(words(one)) for one in pieces if not one.startswith("[")],
                [" ".join(words(one.strip("[]"))) for one in pieces if one.startswith("[")],
            )


def _may_be_found(phrase: str) -> bool:
    """Texts are kept without weak words: of ``turn off`` only ``turn`` would be looked for."""
    pieces = phrase.split()
    return len(pieces) == 1 or sum(piece not in WEAK for piece in pieces) > 1

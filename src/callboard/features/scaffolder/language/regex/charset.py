"""Sets of characters, with JavaScript's idea of case."""

from __future__ import annotations

from functools import cache
from typing import Iterable

from callboard.features.scaffolder.language.text import WHITESPACE

Ranges = tuple[tuple[int, int], ...]

DIGIT: Ranges = ((48, 57),)
WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
SPACE: Ranges = tuple((ord(c), ord(c)) for c in WHITESPACE)
LINE_ENDS: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))
_LAST = 0xFFFF


def inverted(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Every code unit that is in none of ``ranges``."""
    out: list[tuple[int, int]] = []
    after = 0
    for low, high in sorted(ranges):
        if low > after:
            out.append((after, low - 1))
        after = max(after, high + 1)
    if after <= _LAST:
        out.append((after, _LAST))
    return tuple(out)


def fold(character: str) -> str:
    """ECMAScript's Canonicalize: upper case, unless that is more than one character or leaves ASCII's outside for it."""
    upper = character.upper()
    if len(upper) != 1 or (ord(character) >= 128 and ord(upper) < 128):
        return character
    return upper


@cache
def _by_fold() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for code in range(_LAST + 1):
        character = chr(code)
        folded = fold(character)
        if folded != character:
            found.setdefault(folded, [ord(folded)]).append(code)
    return found


class CharSet(dict[str, bool]):
    """Answers ``set[character]``; works an answer out once. ``ranges`` may overlap."""

    def __init__(self, ranges: Iterable[tuple[int, int]], *, negated: bool = False, ignore_case: bool = False) -> None:
        super().__init__()
        self.ranges = tuple(ranges)
        self.negated = negated
        self.ignore_case = ignore_case

    def __missing__(self, character: str) -> bool:
        code = ord(character)
        found = self._covers(code)
        if not found and self.ignore_case:
            folded = fold(character)
            found = any(self._covers(other) for other in _by_fold().get(folded, (ord(folded),)))
        answer = self[character] = found != self.negated
        return answer

    def _covers(self, code: int) -> bool:
        return any(low <= code <= high for low, high in self.ranges)


IS_WORD = CharSet(WORD)

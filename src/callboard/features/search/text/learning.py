"""What a document says that two words mean the same: its name short for its title, or an abbreviation that it spells out in brackets.

Only what the document itself puts side by side counts, and only where the letters bear it out: that words often stand together says
nothing (``java`` is the tag of a hundred payment services). Source of the reading of brackets: Schwartz and Hearst, "A Simple Algorithm for
Identifying Abbreviation Definitions in Biomedical Text", 2003.
"""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple, Sequence

from callboard.features.search.text.tokens import words
from callboard.features.search.text.words import WEAK

SURE, LIKELY = 2, 1
"""What one document counts for a pair: said outright, or where a second one has to say it, too."""
MAX_LONG = 5
"""Words of what an abbreviation stands for."""
MAX_PAIRS = 8
"""Pairs that one document teaches."""
MAX_READ = 20_000
"""Characters of a text that are read for brackets."""
_SHORT = re.compile(r"[a-z][a-z0-9]{1,9}")
_NUMERONYM = re.compile(r"([a-z])(\d{1,2})([a-z])")
_BRACKETS = re.compile(r"([^()\n]{3,120})\(([A-Z][A-Za-z0-9&]{1,9})s?\)")
_TURNED = re.compile(r"\b([A-Z][A-Z0-9&]{1,9}) \(([A-Za-z][^()\n]{4,100})\)")


class Pair(NamedTuple):
    """``short`` stands for ``long``, both as spaced folded words; ``weight`` is ``SURE`` or ``LIKELY``."""

    short: str
    long: str
    weight: int


def learn(title: str, names: Sequence[str], tags: Sequence[str], text: str) -> list[Pair]:
    """What a document of this title, with these other names and tags, teaches; what it says best first."""
    found: dict[tuple[str, str], int] = {}

    def add(pairs: Iterator[tuple[str, str, int]]) -> None:
        for short, long, weight in pairs:
            if _may_be(short, long):
                found[short, long] = max(weight, found.get((short, long), 0))

    said = words(title)
    for name in names:
        parts = words(name)
        if parts != said and set(parts) - set(said):
            add(_aligned(parts, said))
    for tag in tags:
        parts = words(tag)
        if len(parts) == 1 and parts[0] not in said:
            add((short, long, LIKELY) for short, long, _ in _initials_in(parts[0], said))
    if "(" in title:
        add(_in_brackets(title, is_title=True))
    if "(" in text:
        add(_in_brackets(text[:MAX_READ], is_title=False))
    order = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return [Pair(short, long, weight) for (short, long), weight in order[:MAX_PAIRS]]


def _may_be(short: str, long: str) -> bool:
    pieces = long.split()
    return (
        bool(_SHORT.fullmatch(short))
        and short not in WEAK
        and short not in pieces
        and 0 < len(pieces) <= MAX_LONG
        and not all(piece in WEAK for piece in pieces)
        and len(long) > len(short) + 1
    )


# ---- a name beside a title -------------------------------------------------------------------------------------------


def _aligned(parts: Sequence[str], said: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """Where the whole name stands for the whole title, part by part: ``hr svc`` and ``human resources service``."""
    if len(parts) > 6 or len(said) > 12:
        return
    yield from _align(tuple(parts), tuple(said)) or ()


def _align(parts: tuple[str, ...], said: tuple[str, ...]) -> list[tuple[str, str, int]] | None:
    """None where something is left over on either side, weak words apart."""
    if not parts:
        return [] if all(word in WEAK for word in said) else None
    if not said:
        return None
    part = parts[0]
    for size, weight in _ways(part, said):
        rest = _align(parts[1:], said[size:])
        if rest is not None:
            return rest if weight == 0 else [(part, " ".join(said[:size]), weight), *rest]
    return _align(parts, said[1:]) if said[0] in WEAK else None


def _ways(part: str, said: Sequence[str]) -> Iterator[tuple[int, int]]:
    """(how many words of the beginning of ``said`` the part stands for, what that counts; 0 for the word itself)."""
    word = said[0]
    if part == word or part.rstrip("s") == word.rstrip("s"):
        yield 1, 0
        return
    size = _initials(part, said)
    if size:
        yield size, SURE
    if _is_numeronym(part, word):
        yield 1, SURE
    elif _is_clipped(part, word):
        yield 1, LIKELY


def _initials(short: str, said: Sequence[str]) -> int:
    """How many words from the first on begin with the letters of ``short``, weak ones between them passed over; 0: they do not."""
    at = taken = 0
    while at < len(said) and taken < len(short):
        if said[at].startswith(short[taken]):
            taken += 1
        elif said[at] not in WEAK or taken == 0:
            return 0
        at += 1
    return at if taken == len(short) and taken > 1 else 0


def _initials_in(short: str, said: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    for at in range(len(said)):
        size = _initials(short, said[at:])
        if size:
            yield short, " ".join(said[at : at + size]), LIKELY
            return


def _is_numeronym(part: str, word: str) -> bool:
    match = _NUMERONYM.fullmatch(part)
    return match is not None and word[:1] + word[-1:] == match[1] + match[3] and len(word) == int(match[2]) + 2


def _is_clipped(part: str, word: str) -> bool:
    """``svc`` of ``service``, ``auth`` of ``authentication``: its letters in their order, from the first on, and clearly fewer."""
    if len(part) < 2 or len(part) > len(word) - 2 or part[0] != word[0] or not word.isalpha():
        return False
    rest = iter(word)
    return all(letter in rest for letter in part)


# ---- brackets --------------------------------------------------------------------------------------------------------


def _in_brackets(text: str, *, is_title: bool) -> Iterator[tuple[str, str, int]]:
    """``Human Resources (HR)`` and ``HR (Human Resources)``."""
    for match in _BRACKETS.finditer(text):
        short = match[2].replace("&", "").lower()
        if sum(char.isupper() or char.isdigit() for char in match[2]) >= 2:
            before = words(match[1])[-2 * MAX_LONG :]
            long = _spelt_out(short, before)
            if long:
                yield short, " ".join(long), SURE if is_title or _initials(short, long) == len(long) else LIKELY
    for match in _TURNED.finditer(text):
        short, inside = match[1].replace("&", "").lower(), words(match[2])
        if _initials(short, inside) == len(inside):
            yield short, " ".join(inside), SURE


def _spelt_out(short: str, before: Sequence[str]) -> Sequence[str]:
    """The last of the words before the bracket that hold the letters of ``short`` in their order, the first of them at a beginning."""
    most = min(len(short) + 3, 2 * len(short), MAX_LONG)
    for size in range(1, min(most, len(before)) + 1):
        long = before[-size:]
        if long[0] in WEAK or not long[0].startswith(short[0]):
            continue
        if _initials(short, long) == size:
            return long
        rest = iter("".join(long))
        if size > 1 and len(short) > 2 and all(letter in rest for letter in short) and _fewer_skipped(short, long):
            return long
    return ()


def _fewer_skipped(short: str, long: Sequence[str]) -> bool:
    """Each word that is not weak gives at least its first letter, in their order."""
    at = 0
    for word in long:
        if word in WEAK:
            continue
        place = short.find(word[0], at)
        if place < 0:
            return False
        at = place + 1
    return True

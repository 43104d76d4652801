"""How far two words are from each other, and by which keys words that are near can be found without looking at all of them."""

from __future__ import annotations

import zlib
from typing import Iterator

SHORTEST = 4
"""Shorter words are only found as they are written, or with a letter left out of a longer one."""
LONG = 8
"""Words of so many letters may be two errors apart, shorter ones one."""
LONGEST = 30


def tolerance(form: str) -> int:
    """How many errors a word may have. Words of digits have none: ``v1`` is not ``v2``, but ``optci14n`` is ``optic14n``."""
    if not SHORTEST <= len(form) <= LONGEST:
        return 0
    if not form.isalpha():
        return int(len(form) >= 6 and sum(char.isdigit() for char in form) <= 2)
    return 2 if len(form) >= LONG else 1


def keys(form: str) -> set[int]:
    """Numbers that a word shares with those near it: of itself, and of itself with one letter left out.

    Two words that are one error apart share a key: an error is a letter too many, too few, another one, or two swapped.
    """
    found = {_number(form)}
    for at in range(len(form)):
        found.add(_number(form[:at] + form[at + 1 :]))
    return found


def far_keys(form: str) -> set[int]:
    """Keys of a word with two letters left out: with them, words that lack one more letter are found besides."""
    shorter = {form[:at] + form[at + 1 :] for at in range(len(form))}
    return {_number(word[:at] + word[at + 1 :]) for word in shorter for at in range(len(word))}


def _number(text: str) -> int:
    return zlib.crc32(text.encode())


def distance(one: str, other: str, most: int) -> int:
    """Errors between two words (optimal string alignment); ``most + 1`` as soon as there are more than ``most``."""
    if (
        abs(len(one) - len(other)) > most or len(set(one) ^ set(other)) > 2 * most
    ):  # an error changes two letters at most
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def halves(form: str) -> Iterator[tuple[str, str]]:
    """Ways to read a word as two that were written together."""
    for at in range(3, len(form) - 2):
        yield form[:at], form[at:]

"""What columns were taken for: guessing looks at every cell of a large sheet, and each step of choosing asks for it again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Mapping, Sequence

from callboard.features.importing.interface import ColumnGuess, Surroundings, Table

KEPT = 32
"""Guesses that are remembered; each is a few kilobytes."""

People = Mapping[str, Sequence[str]]


class Guesses:
    """Remembers by content, tab and the people that were known: other people may make another column the owner."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, int], tuple[People, Sequence[ColumnGuess]]] = OrderedDict()

    async def of(self, digest: str, table: Table, people: People) -> Sequence[ColumnGuess]:
        """The guesses for a tab of the file with this digest. ``people`` is compared by identity."""
        from callboard.features.importing.domain.columns import guess_columns

        key = (digest, table.sheet, id(people))
        kept = self._kept.get(key)
        if kept is not None:  # it holds the people, so that their id is nobody else's
            self._kept.move_to_end(key)
            return kept[1]
        found = await asyncio.to_thread(guess_columns, table, Surroundings(people=people))
        self._kept[key] = (people, found)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

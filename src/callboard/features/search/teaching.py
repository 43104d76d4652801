"""What the portal has learnt of words that mean the same, for those who wonder why something was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

from callboard.features.search.interface import Visibility
from callboard.features.search.ranking.learnt import Learnt
from callboard.features.search.store import documents
from callboard.features.search.store.records import decode
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database

SHOWN = 3
"""Documents named for one pair."""


@dataclass(frozen=True, slots=True)
class LearntPair:
    """``by``: (title, address) of the first documents that teach it; ``documents``: how many of them the reader sees, of those noted."""

    short: str
    long: str
    documents: int
    by: Sequence[tuple[str, str]]
    is_on: bool = True


class Teaching:
    """Pairs that hold for a reader: nothing of what they may not see."""

    def __init__(self, db: Database, learnt: Learnt, visibility: Callable[[], Visibility | None]) -> None:
        self._db = db
        self._learnt = learnt
        self._visibility = visibility

    async def list(self, *, actor: Actor) -> Sequence[LearntPair]:
        """By the abbreviation; those switched off as well."""
        visibility = self._visibility()
        visible = await visibility.visible(actor) if visibility is not None else None
        async with self._db.read() as tx:
            await self._learnt.sync(tx, None)
            pairs = self._learnt.listed(visible)
            wanted = sorted({number for pair in pairs for number in pair.documents[:SHOWN]})
            payloads = await documents.payloads_of(tx, wanted) if wanted else {}
        return [
            LearntPair(
                pair.short, pair.long, len(pair.documents),
                [
                    (document.title, document.location)
                    for number in pair.documents[:SHOWN]
                    if number in payloads and (document := decode(payloads[number]))
                ],
                pair.is_on,
            )
            for pair in pairs
        ]  # fmt: skip

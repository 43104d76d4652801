"""What many look for, as far as it finds something that the reader sees.

What was found when others asked decides nothing: they may see less or more, so whoever sees little could make a term known to all.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Callable, Sequence

from callboard.features.search.engines.base import MOST_ROWS, Ask, Engine, Group
from callboard.features.search.engines.fts5 import is_damage
from callboard.features.search.history import store
from callboard.features.search.history.sketch import NOBODY, at_least, merge
from callboard.features.search.interface import Visibility, VisibleSet
from callboard.features.search.ranking.learnt import Learnt
from callboard.features.search.ranking.question import LEARNT, SYNONYM, Question, QuestionReader
from callboard.features.search.store import documents
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock
from callboard.kernel.db.interface import Database, Transaction

PEOPLE = 3
"""A term that fewer people searched for is shown to nobody as popular: it may be somebody's secret."""
ROWS = 200
MAX_SHOWN = 8
MAX_TRIED = 40
"""Terms that are looked for, for one reader; what is less popular is not."""
FOR_S = 60.0
MAX_KEPT = 512
AS_ASKED = (1.0, SYNONYM, LEARNT)
"""A word itself in any form, and what means it; not what it may have been a slip of, or begun."""


class Popular:
    """Answers are kept for ``FOR_S`` for all who see the same."""

    def __init__(
        self, db: Database, clock: Clock, engine: Engine, reader: QuestionReader, learnt: Learnt,
        visibility: Callable[[], Visibility | None],
    ) -> None:  # fmt: skip
        self._db = db
        self._clock = clock
        self._engine = engine
        self._reader = reader
        self._learnt = learnt
        self._visibility = visibility
        self._read_at = float("-inf")
        self._known: Sequence[str] = ()
        self._kept: dict[bytes, Sequence[str]] = {}

    async def list(self, *, actor: Actor) -> Sequence[str]:
        """At most ``MAX_SHOWN`` terms that ``PEOPLE`` people searched for, most people first.

        Of each there is a document that ``actor`` sees and that has all its words.
        """
        now = self._clock.monotonic()
        if now - self._read_at >= FOR_S:
            self._known, self._read_at = await self._read(), now
            self._kept.clear()
        if not self._known:
            return ()
        visibility = self._visibility()
        visible = await visibility.visible(actor) if visibility is not None else None
        key = blake2b(visible.serialize() if visible is not None else b"", digest_size=16).digest()
        if key not in self._kept:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            try:
                self._kept[key] = await self._found(visible)
            except Exception as error:
                if not is_damage(error):
                    raise
                return ()  # the next question has the index mended
        return self._kept[key]

    async def _found(self, visible: VisibleSet | None) -> Sequence[str]:
        shown: list[str] = []
        async with self._db.read() as tx:
            count = await documents.count(tx)
            for term in self._known[:MAX_TRIED]:
                question = await self._reader.read(tx, term, documents=count, learnt=self._learnt.seen(visible))
                if await self._finds(tx, question, visible):
                    shown.append(term)
                    if len(shown) == MAX_SHOWN:
                        break
        return shown

    async def _finds(self, tx: Transaction, question: Question, visible: VisibleSet | None) -> bool:
        groups: list[Group] = []
        for unit in question.units:
            if unit.is_weak:
                continue
            terms = [term for term, quality in unit.terms.items() if quality in AS_ASKED]
            terms += [" ".join(phrase) for phrase, quality in unit.phrases.items() if quality in AS_ASKED]
            if not terms:
                return False
            # As frequent as can be, so that the engine looks for any document that has all rather than for the best.
            groups.append(Group(tuple(terms), MOST_ROWS + 1, 1.0))
        return bool(groups) and bool((await self._engine.find(tx, Ask(tuple(groups), (), 1), visible)).numbers)

    async def _read(self) -> Sequence[str]:
        async with self._db.read(snapshot=False) as tx:
            rows = await store.list_asked(tx, ROWS)
        people: dict[str, bytes] = {}
        terms: dict[str, str] = {}
        for row in sorted(rows, key=lambda row: row.week):
            people[row.key] = merge(people.get(row.key, NOBODY), row.people)
            terms[row.key] = row.term
        counts = {key: at_least(found) for key, found in people.items()}
        popular = sorted((key for key in terms if counts[key] >= PEOPLE), key=lambda key: (-counts[key], key))
        return [terms[key] for key in popular]

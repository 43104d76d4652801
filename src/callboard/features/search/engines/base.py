"""The contract of engines.

An engine keeps which terms stand in which field of which document, and answers one question: which documents hold most, and the
rarest, of these groups of terms, among those that the actor may see. It is all that differs between databases; words, ranking and what is
shown are the same on each. Its tables are its own and hold nothing that cannot be put again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Protocol, Sequence

from callboard.features.search.interface import VisibleSet
from callboard.features.search.store.records import Record
from callboard.kernel.db.interface import Transaction

MOST_ROWS = 3_000
"""Documents that a search looks at before it ranks: words are taken, rarest first, while they stand in no more than these."""
WEIGHTS = (5.0, 5.0, 3.0, 2.0, 1.0)
"""Of ``records.FIELDS``, for choosing candidates; ``ranking.scoring`` weighs again."""


CHEAP = 1_000
"""So many documents are looked at whatever is asked. Where words stand in more, those are looked at first that say most: see ``Ask.enough``."""
FEW = 10
"""With fewer found by rare words, some are looked for by frequent ones."""
SOME = 60


@dataclass(frozen=True, slots=True)
class Group:
    """Terms that stand for one word of the question, any of them. One with spaces is a phrase. ``documents`` have one, roughly."""

    terms: tuple[str, ...]
    documents: int
    weight: float


@dataclass(frozen=True, slots=True)
class Ask:
    """``groups``: rarest first. ``marks``: of each of these lists a document must have one. ``limit``: candidates wanted.

    ``together``: documents that have all of these are found as well, whatever of ``groups`` they have.
    ``enough``: where words are frequent, so many documents will do that have all of them, or one in a name; 0: look at all.
    """

    groups: tuple[Group, ...]
    marks: tuple[tuple[str, ...], ...] = ()
    limit: int = 1_000
    enough: int = 0
    together: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Numbers with a first score, best first. ``is_all``: nothing else has any of the words."""

    numbers: Sequence[tuple[int, float]]
    is_all: bool


@dataclass(frozen=True, slots=True)
class Split:
    """Which groups find candidates by themselves, and which are too frequent for that."""

    rare: tuple[Group, ...]
    common: tuple[Group, ...]


def split(ask: Ask, rows: int = MOST_ROWS) -> Split:
    """Rarest first, as long as all together stand in at most ``rows`` documents."""
    rare: list[Group] = []
    total = 0
    for group in ask.groups:
        if total + group.documents > rows:
            break
        rare.append(group)
        total += group.documents
    common = ask.groups[len(rare) :]
    return Split(tuple(rare), (*common, *ask.together) if common else ())


def is_frequent(ask: Ask) -> bool:
    """Whether to try with what says most before all is looked at: one or two words, and one of them in no more than ``MOST_ROWS``."""
    if not ask.enough or not 1 <= len(ask.groups) <= 2:
        return False
    return ask.groups[0].documents <= MOST_ROWS and sum(group.documents for group in ask.groups) > CHEAP


def naming(groups: Sequence[Group]) -> Sequence[Group]:
    """Those of the words that are looked for in names: one that is everywhere is in too many names, too."""
    return [group for group in groups if group.documents <= MOST_ROWS]


class Engine(Protocol):
    """Writes happen in the transaction given, as far as the engine has part in it."""

    name: str

    async def prepare(self, tx: Transaction) -> bool:
        """Make what is missing; whether everything has to be put again."""

    async def put(self, tx: Transaction, rows: Sequence[tuple[int, Record]], term_of: Callable[[str], str]) -> None:
        """Add documents whose numbers the engine does not have."""

    async def remove(self, tx: Transaction, numbers: Sequence[int]) -> None: ...

    async def clear(self, tx: Transaction) -> None: ...

    async def find(self, tx: Transaction, ask: Ask, visible: VisibleSet | None) -> Found:
        """``visible`` None: nothing belongs to a resource. Raises ``UnavailableError`` when a server does not answer."""

    async def close(self) -> None: ...


def terms_of(record: Record, term_of: Callable[[str], str]) -> list[str]:
    """Each field's terms, as text."""
    return [" ".join([term_of(form) for form in field]) for field in record.fields]

"""Problems as people mend them: by the file in which each can be put right, with those who answer for it. Values only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Callable, Collection, Iterable, Literal, Mapping, Protocol, Sequence

from callboard.features.catalog.interface import Finding
from callboard.kernel.auth.actor import Actor
from callboard.model.refs import EntityRef

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class ProblemFilter:
    """Which problems. Within a field any value will do, empty is all; ``owners`` are lower-cased refs.

    ``text`` is looked for in messages, files and refs, in any case.
    """

    severity: Severity | None = None
    stages: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is needed of a problem to sort, count and choose it. ``file`` is where to mend it, a path or URL, "" if nowhere."""

    id: int
    severity: Severity
    stage: str
    file: str
    owners: tuple[str, ...]
    since: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding and the entity or Location that it stands on."""

    finding: Finding
    subject_ref: str | None


@dataclass(frozen=True, slots=True)
class ProblemFile:
    """A file with what is to be mended in it. ``problems`` are the first of ``count``; ``errors`` says how many are errors."""

    file: str
    owners: Sequence[str]
    count: int
    errors: int
    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class ProblemList:
    """A page of files. ``total`` counts problems, ``file_total`` files; each of the counts is taken under the other filters.

    ``own_total`` counts those of the owners named as one's own, ``is_cut``: there are more than could be looked at; the
    counts are of the worst and newest of them.
    """

    files: Sequence[ProblemFile]
    total: int
    file_total: int
    severities: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, int] = field(default_factory=dict)
    owners: Mapping[str, int] = field(default_factory=dict)
    own_total: int = 0
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class LocationFile:
    """A file that a Location names. ``target`` is as written there, ``error`` why it could not be read the last time.

    ``documents`` counts those seen in it, ``good`` those of them that are accepted as they stand.
    """

    location: str
    target: str
    is_read: bool
    error: str | None
    read_at: datetime | None
    documents: int
    good: int


@dataclass(frozen=True, slots=True)
class Around:
    """The problems that touch one entity.

    ``own`` stand on the entity itself; ``file`` on a file that holds it and cannot be told apart by document; ``below``
    (Locations only) on documents in the files that it names, the first of ``below_total``.
    """

    own: Sequence[Problem] = ()
    file: Sequence[Problem] = ()
    below: Sequence[Problem] = ()
    below_total: int = 0

    @property
    def total(self) -> int:
        return len(self.own) + len(self.file) + self.below_total

    @property
    def all(self) -> Sequence[Problem]:
        return [*self.own, *self.file, *self.below]


class ProblemReader(Protocol):
    """Reads of problems. What the actor may not see is told of by none of them."""

    async def list_by_file(
        self,
        wanted: ProblemFilter,
        *,
        limit: int,
        offset: int = 0,
        shown: int = 20,
        own: Collection[str] = (),
        actor: Actor,
    ) -> ProblemList:
        """``limit`` files after ``offset``, those with errors first, newest first, each with its first ``shown`` problems."""

    async def around(self, ref: EntityRef, *, actor: Actor) -> Around:
        """Nothing for an entity that is absent or hidden."""

    async def list_files(self, ref: EntityRef, *, limit: int = 200, actor: Actor) -> tuple[Sequence[LocationFile], int]:
        """The files of a Location, broken ones first, and how many there are."""


def fits(mark: Mark, wanted: ProblemFilter, *, without: str = "") -> bool:
    """Whether a problem is wanted (its text aside), leaving out the filter named ``without``."""
    return (
        (wanted.severity is None or without == "severity" or mark.severity == wanted.severity)
        and (not wanted.stages or without == "stages" or mark.stage in wanted.stages)
        and (not wanted.owners or without == "owners" or not set(wanted.owners).isdisjoint(mark.owners))
    )


def count_by(
    marks: Sequence[Mark], wanted: ProblemFilter, name: str, values: Callable[[Mark], Iterable[str]]
) -> dict[str, int]:
    """How many problems have each value, under all filters but the one named."""
    counted: Counter[str] = Counter()
    for mark in marks:
        if fits(mark, wanted, without=name):
            counted.update(values(mark))
    return dict(counted.most_common())


def group_by_file(marks: Iterable[Mark]) -> list[tuple[str, list[Mark]]]:
    """Files with errors first, then by the newest problem, then by name. ``marks`` keep their order within a file."""
    groups: dict[str, list[Mark]] = {}
    for mark in marks:
        groups.setdefault(mark.file, []).append(mark)
    by_name = sorted(groups.items())
    by_age = sorted(by_name, key=lambda group: max(mark.since for mark in group[1]), reverse=True)
    return sorted(by_age, key=lambda group: all(mark.severity != "error" for mark in group[1]))

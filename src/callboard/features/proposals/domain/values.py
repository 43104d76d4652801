"""The values that detectors hand to each other: a tree, evidence, a field with its reasons, a draft of an entity.

A *link* is a value of a relation that names another draft of the same repository by its key, written ``=<key>``: whatever that
one is called when it is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import AbstractSet, Any, Iterable, Literal, Mapping, Sequence

Confidence = Literal["high", "likely", "guess"]
CONFIDENCES: tuple[Confidence, ...] = ("high", "likely", "guess")
LINK = "="


@dataclass(frozen=True, slots=True)
class Limits:
    """What is looked at of one repository. Whatever is over a limit is left out and told."""

    paths: int = 200_000
    files: int = 2_000
    file_bytes: int = 512 * 1024
    total_bytes: int = 32 * 1024 * 1024
    drafts: int = 1_000
    depth: int = 60
    nodes: int = 100_000
    definition_bytes: int = 400 * 1024


DEFAULT_LIMITS = Limits()
REMOTE_LIMITS = Limits(files=300)
"""Of a host's API, where each file is a request."""


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """What is known of a repository beside its files.

    ``url`` is its page, without a slash at its end; empty for a folder that names no remote. ``kind`` is that of its host
    (``github``), ``slug`` what its host calls it (``acme/tools``), ``ref`` the branch that was read (empty: the default one).
    """

    name: str
    url: str = ""
    kind: str = "other"
    slug: str = ""
    ref: str = ""
    description: str = ""
    topics: tuple[str, ...] = ()
    is_archived: bool = False
    homepage: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a repository: all ``paths`` (sorted, from its root, with ``/``), and the ``texts`` of those that were read.

    ``notes`` say what was left out on the way.
    """

    paths: tuple[str, ...]
    texts: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a value was taken. ``path`` and ``line`` (from 1) are empty and None where no file says it."""

    reason: str
    path: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A value with its reasons. Values of relations are refs or links, in order."""

    value: Any
    confidence: Confidence
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody whom the files name as owner, as they write it (``@acme/payments``). Who that is, the catalog says."""

    said: str
    confidence: Confidence
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """An entity that could be. ``key`` stays the same from scan to scan: it is made of where the thing lies.

    ``fields`` by path (``metadata.name``, ``spec.type``); ``owners`` best first. ``confidence`` and ``evidence`` are those of there
    being such a thing at all. ``definition`` is the text of an API's file.
    """

    key: str
    kind: str
    folder: str
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    fields: Mapping[str, Field]
    owners: tuple[Owner, ...] = ()
    definition: str = ""

    @property
    def name(self) -> str:
        return str(self.fields["metadata.name"].value)


@dataclass(frozen=True, slots=True)
class Found:
    """Everything proposed for one repository. ``notes`` say what was left out and why."""

    drafts: tuple[Draft, ...]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Weighed:
    """Values that speak for something, with weights: the heaviest wins, and how heavy it is says how sure that is."""

    votes: dict[str, list[tuple[int, Evidence]]] = field(default_factory=dict)

    def add(self, value: str, weight: int, evidence: Evidence) -> None:
        self.votes.setdefault(value, []).append((weight, evidence))

    def best(self) -> Field | None:
        if not self.votes:
            return None
        totals = {value: sum(weight for weight, _ in votes) for value, votes in self.votes.items()}
        value = max(totals, key=lambda one: totals[one])  # of equals the first
        rest = max((total for one, total in totals.items() if one != value), default=0)
        lead = totals[value] - rest // 2
        confidence: Confidence = "high" if lead >= 3 else "likely" if lead >= 2 else "guess"
        ordered = sorted(self.votes[value], key=lambda vote: -vote[0])
        return Field(value, confidence, unique(evidence for _, evidence in ordered))


def unique(evidence: Iterable[Evidence], limit: int = 8) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(evidence))[:limit]


def weakest(*confidences: Confidence) -> Confidence:
    return max(confidences, key=CONFIDENCES.index)


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def link_to(key: str) -> str:
    return LINK + key


def linked(value: Any) -> str | None:
    """The key that a value of a relation links to; None for a ref."""
    return value[len(LINK) :] if isinstance(value, str) and value.startswith(LINK) else None


def folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def is_below(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or lies in it; "" holds everything."""
    return not folder or path == folder or path.startswith(f"{folder}/")


def holder_of(path: str, folders: AbstractSet[str]) -> str | None:
    """Of ``folders`` the deepest that holds the file."""
    folder = folder_of(path)
    while folder and folder not in folders:
        folder = folder_of(folder)
    return folder if folder in folders else None


def line_of(text: str, needle: str, start: int = 0) -> int | None:
    """The line (from 1) on which ``needle`` first stands at or after the offset ``start``."""
    at = text.find(needle, start) if needle else -1
    return None if at < 0 else text.count("\n", 0, at) + 1


def some(items: Sequence[str], most: int = 3) -> str:
    """A few of them in words: ``a, b, c and 4 more``."""
    shown = ", ".join(items[:most])
    return f"{shown} and {len(items) - most} more" if len(items) > most else shown

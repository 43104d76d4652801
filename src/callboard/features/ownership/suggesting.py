"""Who might own what nobody owns. Pure: from names, from what is around the entity, and from what is known of its owner."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from callboard.features.ownership.interface import Suggestion

MAX_SUGGESTED = 3
ALIKE = 0.72
_WORD = re.compile(r"[a-z0-9]+")
_FILLERS = frozenset(("team", "squad", "group", "the", "and", "dev", "devs"))
_HINTS = re.compile(r"(team|owner|squad)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Group:
    """An owner that there is. ``title`` is what people call it."""

    ref: str
    title: str


@dataclass(slots=True)
class Clues:
    """What is known around one entity. Owners are refs, lower-cased; those that are not there are passed over.

    ``around`` is (owner, ref of the system or domain that it owns); ``editors`` are groups of the last who wrote it; ``after`` is
    where the old owner's things went; ``above`` the group over the old owner.
    """

    owner: str
    annotations: Mapping[str, Any] = field(default_factory=dict)
    around: Sequence[tuple[str, str]] = ()
    editors: Sequence[tuple[str, str]] = ()
    after: Sequence[str] = ()
    above: Sequence[str] = ()


class Groups:
    """The owners that there are, and which of them a name looks like: asked once for each name."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.by_ref = {group.ref: group for group in groups}
        self._alike: dict[str, list[tuple[str, float]]] = {}

    def like(self, name: str) -> list[tuple[str, float]]:
        """(ref, likeness) of those that are ``ALIKE``."""
        found = self._alike.get(name)
        if found is None:
            scores = ((ref, alike(name, group)) for ref, group in self.by_ref.items())
            found = self._alike[name] = [(ref, score) for ref, score in scores if score >= ALIKE]
        return found


def suggest(clues: Clues, groups: Groups) -> list[Suggestion]:
    """The best few, each owner once, with the strongest reason."""
    known = groups.by_ref
    found: list[Suggestion] = []

    def add(owner: str, confidence: float, reason: str, **arguments: str) -> None:
        if owner in known and owner != clues.owner:
            found.append(Suggestion(owner, confidence, reason, arguments))

    for owner in clues.after:
        add(owner, 0.95, "successor", old=_name(clues.owner))
    for owner, thing in clues.around:
        add(owner, 0.8, "around", thing=thing)
    for owner in clues.above:
        add(owner, 0.6, "above", old=_name(clues.owner))
    for owner, editor in clues.editors:
        add(owner, 0.5, "editor", editor=editor)
    if clues.owner:
        for ref, likeness in groups.like(_name(clues.owner)):
            add(ref, min(0.9, likeness), "alike", old=_name(clues.owner))
    for key, value in clues.annotations.items():
        if isinstance(value, str) and _HINTS.search(key.rpartition("/")[2]):
            hint = value.rpartition("/")[2].removeprefix("@")
            for ref, _ in groups.like(hint):
                add(ref, 0.75, "annotation", key=key, value=value[:80])
    best: dict[str, Suggestion] = {}
    for one in sorted(found, key=lambda s: (-s.confidence, s.owner)):
        best.setdefault(one.owner, one)
    return list(best.values())[:MAX_SUGGESTED]


def alike(name: str, group: Group) -> float:
    """How much a name looks like a group's, 0 to 1: words that say nothing are left out, and their order does not matter."""
    mine = _words(name)
    if not mine:
        return 0.0
    scores = []
    for other in (_name(group.ref), group.title):
        theirs = _words(other)
        if theirs:
            matcher = difflib.SequenceMatcher(None, " ".join(mine), " ".join(theirs))
            score = matcher.ratio() if matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE else 0.0
            if mine == theirs:
                score = 1.0
            elif set(mine) < set(theirs) or set(theirs) < set(mine):
                score = max(score, 0.8)
            scores.append(score)
    return max(scores, default=0.0)


def _words(text: str) -> list[str]:
    words = sorted(set(_WORD.findall(text.lower())))
    return [word for word in words if word not in _FILLERS] or words


def _name(ref: str) -> str:
    return ref.rpartition("/")[2] or ref

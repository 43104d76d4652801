"""Groups as a tree. Pure. A group may have several parents, and people write circles: every walk goes through each group once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import AbstractSet as Set
from typing import Any, Final, Mapping, Sequence

from callboard.features.catalog.pages.links import display_title, related, spec_of, text
from callboard.model.refs import EntityRef

MAX_SHOWN: Final = 400
"""Groups that a page draws as a tree; those below are a link away."""


@dataclass(frozen=True, slots=True)
class Group:
    """``members`` are people directly in it, ``owned`` entities that it owns itself. Refs are lower-cased."""

    ref: str
    title: str
    type: str | None
    parents: Sequence[str]
    children: Sequence[str]
    members: int
    owned: int


@dataclass(frozen=True, slots=True)
class Branch:
    """A group of a drawn tree. ``hidden`` counts the children that there was no room for; ``is_match``: what was looked for."""

    group: Group
    children: Sequence[Branch] = ()
    hidden: int = 0
    is_match: bool = False


class Organisation:
    """All groups that somebody may see."""

    def __init__(self, groups: Mapping[str, Group]) -> None:
        self.groups = groups
        under = {child for group in groups.values() for child in group.children}
        roots = [ref for ref in groups if ref not in under]
        reached = set(self.below(*roots)) | set(roots)
        # of a circle that nothing leads into, the first by name is where it begins
        for ref in sorted(groups):
            if ref not in reached:
                roots.append(ref)
                reached |= {ref, *self.below(ref)}
        self.roots: Sequence[str] = sorted(roots, key=self._order)

    def _order(self, ref: str) -> tuple[bool, str, str]:
        """Groups with others below stand before those alone."""
        group = self.groups[ref]
        return not group.children, group.title.lower(), ref

    @classmethod
    def of(
        cls, documents: Sequence[Mapping[str, Any]], members: Mapping[str, int], owned: Mapping[str, int]
    ) -> Organisation:
        """From the documents of groups and how many members and possessions each ref has."""
        by_ref = {str(EntityRef.of(document)): document for document in documents}
        parents: dict[str, dict[str, None]] = {ref: {} for ref in by_ref}
        for ref, document in by_ref.items():
            for parent in related(document, "childOf"):
                if parent in by_ref and parent != ref:
                    parents[ref][parent] = None
            for child in related(document, "parentOf"):
                if child in by_ref and child != ref:
                    parents[child][ref] = None
        titles = {ref: display_title(document) for ref, document in by_ref.items()}
        children: dict[str, list[str]] = {ref: [] for ref in by_ref}
        for ref in sorted(by_ref, key=lambda ref: (titles[ref].lower(), ref)):
            for parent in parents[ref]:
                children[parent].append(ref)
        return cls({
            ref: Group(
                ref, titles[ref], text(spec_of(document).get("type")), tuple(parents[ref]), tuple(children[ref]),
                members.get(ref, 0), owned.get(ref, 0),
            )
            for ref, document in by_ref.items()
        })  # fmt: skip

    def below(self, *refs: str) -> list[str]:
        """Every group under these, nearest first, without themselves."""
        return self._reach(refs, lambda group: group.children)

    def above(self, *refs: str) -> list[str]:
        """Every group over these, nearest first, without themselves."""
        return self._reach(refs, lambda group: group.parents)

    def _reach(self, refs: Sequence[str], step: Any) -> list[str]:
        seen = dict.fromkeys(refs)
        level = list(refs)
        while level:
            fresh = [
                other for ref in level if ref in self.groups for other in step(self.groups[ref]) if other not in seen
            ]
            level = list(dict.fromkeys(fresh))
            seen.update(dict.fromkeys(level))
        return [ref for ref in seen if ref not in refs]

    def way_up(self, ref: str) -> list[str]:
        """One way from a group to a root, the nearest first: by each first parent."""
        way, seen = [], {ref}
        while (group := self.groups.get(ref)) is not None and (parent := next(iter(group.parents), None)) is not None:
            if parent in seen:
                break
            seen.add(parent)
            way.append(parent)
            ref = parent
        return way

    def tree(
        self,
        roots: Sequence[str],
        *,
        depth: int = 50,
        most: int = MAX_SHOWN,
        only: Set[str] | None = None,
        matches: Set[str] = frozenset(),
    ) -> list[Branch]:
        """Trees below ``roots``, level by level until ``most`` groups; each group stands in one place, the nearest.

        ``only``: leave out all others (they do not count as hidden).
        """
        shown = dict.fromkeys(ref for ref in roots[:most] if only is None or ref in only)
        level = list(shown)
        places: dict[str, list[str]] = {ref: [] for ref in shown}
        hidden: dict[str, int] = {}
        for at in range(depth + 1):
            following: list[str] = []
            for ref in level:
                for child in self.groups[ref].children:
                    if child in shown or (only is not None and child not in only):
                        continue
                    if at == depth or len(shown) >= most:
                        hidden[ref] = hidden.get(ref, 0) + 1
                        continue
                    shown[child] = None
                    places[ref].append(child)
                    places[child] = []
                    following.append(child)
            level = following
        made: dict[str, Branch] = {}
        for ref in reversed(shown):  # children were shown after their parents
            made[ref] = Branch(self.groups[ref], [made[c] for c in places[ref]], hidden.get(ref, 0), ref in matches)
        return [made[ref] for ref in roots if ref in made]

    def find(self, words: str) -> set[str]:
        """Groups whose title or ref holds all the words."""
        wanted = words.lower().split()
        return {ref for ref, group in self.groups.items() if all(w in group.title.lower() or w in ref for w in wanted)}

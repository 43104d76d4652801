"""The three-way update of a tree: base (the template before), theirs (the template now), ours (the repository today).

Pure but for the text merger that it is given. Rules, path by path:

- what the template did not change stays as the repository has it, and what the repository did not change follows the template;
- texts that both changed are merged; places where they clash are marked, nothing is dropped;
- of binary files and links that both changed the repository's stays, and the template's is laid beside it (``.from-template``);
- a file that the repository removed stays removed, one that it changed and the template removed stays, and both are told;
- a file that one side moved and the other changed is followed to its new place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable, Literal, Mapping, Sequence

from callboard.features.scaffolder.updates.moves import find_moves
from callboard.features.scaffolder.updates.text_merge import TextMerger
from callboard.features.scaffolder.updates.trees import Node, Tree
from callboard.kernel.errors import LimitError

Outcome = Literal[
    "unchanged", "follows", "kept_local", "merged", "clash", "added", "removed", "removed_here"
]  # fmt: skip
Reason = Literal["text", "both_added", "binary", "link", "kind", "place", "template_removed", "template_changed", ""]
ASIDE = ".from-template"


@dataclass(frozen=True, slots=True)
class FileChange:
    """What becomes of one file. ``path`` is where it lies in the result; ``was`` where the repository had it, if elsewhere.

    ``reason`` tells why it clashes, or what about a kept or removed file deserves a look. ``aside`` is the path that the template's own
    version was put at. ``conflicts`` are marked places. ``mode_changed`` and ``link_changed``: the result differs in that from ours.
    """

    path: str
    outcome: Outcome
    reason: Reason = ""
    was: str | None = None
    aside: str | None = None
    conflicts: int = 0
    mode_changed: bool = False
    link_changed: bool = False

    @property
    def is_clash(self) -> bool:
        return self.outcome == "clash"

    @property
    def wants_a_look(self) -> bool:
        return bool(self.reason)


@dataclass(frozen=True, slots=True)
class TreeUpdate:
    """``tree`` is the result whole; ``changes`` are in order of their paths, files that only the repository has left out."""

    ours: Tree
    tree: Tree
    changes: Sequence[FileChange]

    @property
    def written(self) -> Mapping[str, Node]:
        """Files of the result that the repository does not have like that."""
        return {path: node for path, node in sorted(self.tree.items()) if self.ours.get(path) != node}

    @property
    def deleted(self) -> Sequence[str]:
        return sorted(set(self.ours) - set(self.tree))

    @property
    def clashes(self) -> Sequence[FileChange]:
        return [change for change in self.changes if change.is_clash]

    @property
    def is_empty(self) -> bool:
        return not self.written and not self.deleted

    def count(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for change in self.changes:
            counts[change.outcome] = counts.get(change.outcome, 0) + 1
        return counts


@dataclass(slots=True)
class _Slot:
    """The three versions of one file. ``path`` is where the result goes, ``was`` where ours lies now."""

    path: str
    base: Node | None
    theirs: Node | None
    ours: Node | None
    was: str | None = None


@dataclass(slots=True)
class _Result:
    """``taken`` are paths that no file may be laid aside at."""

    taken: frozenset[str]
    tree: dict[str, Node] = field(default_factory=dict)
    changes: list[FileChange] = field(default_factory=list)


def update_tree(base: Tree, theirs: Tree, ours: Tree, merge: TextMerger) -> TreeUpdate:
    """The update of ``ours`` by what the template changed from ``base`` to ``theirs``. Blocks as ``merge`` does."""
    made = _Result(frozenset({*base, *theirs, *ours}))
    for slot in _slots(base, theirs, ours):
        _settle(slot, merge, made)
    _untangle(made, ours)
    return TreeUpdate(ours, made.tree, sorted(made.changes, key=lambda change: change.path))


def _slots(base: Tree, theirs: Tree, ours: Tree) -> Iterable[_Slot]:
    moved_there = find_moves(base, theirs, wanted=lambda path: path in ours, free=lambda path: path not in ours)
    moved_here = find_moves(base, ours, wanted=lambda path: path in theirs, free=lambda path: path not in theirs)
    both = {
        path: theirs_at
        for path, theirs_at in find_moves(base, theirs, wanted=lambda path: path not in ours).items()
        if theirs_at in ours and theirs_at not in base
    }
    done: set[str] = set()
    for old, new in moved_there.items():
        yield _Slot(new, base[old], theirs[new], ours[old], old)
        done |= {old, new}
    for old, new in moved_here.items():
        yield _Slot(new, base[old], theirs[old], ours[new])
        done |= {old, new}
    for old, new in both.items():
        if not {old, new} & done:
            yield _Slot(new, base[old], theirs[new], ours[new])
            done |= {old, new}
    for path in sorted({*base, *theirs, *ours} - done):
        yield _Slot(path, base.get(path), theirs.get(path), ours.get(path))


def _settle(slot: _Slot, merge: TextMerger, made: _Result) -> None:
    """Decide one file. Two versions that are alike leave nothing to decide."""
    base, theirs, ours = slot.base, slot.theirs, slot.ours
    if base is None and theirs is None:
        if ours is not None:
            made.tree[slot.path] = ours
        return
    if theirs in (ours, base):
        if ours is not None:
            local = theirs == base and ours != base
            _keep(slot, ours, "follows" if slot.was else "kept_local" if local else "unchanged", made)
        elif theirs is not None:
            made.changes.append(FileChange(slot.path, "removed_here"))
        return
    if ours == base:
        if theirs is None:
            made.changes.append(FileChange(slot.path, "removed"))
        else:
            _keep(slot, theirs, "added" if base is None else "follows", made)
        return
    if ours is None:
        made.changes.append(FileChange(slot.path, "removed_here", "template_changed"))
    elif theirs is None:
        _keep(slot, ours, "kept_local", made, "template_removed")
    else:
        _merge(slot, base, theirs, ours, merge, made)


def _merge(slot: _Slot, base: Node | None, theirs: Node, ours: Node, merge: TextMerger, made: _Result) -> None:
    """All three differ, or two were added with different contents."""
    executable = (
        theirs.is_executable if base is None or base.is_executable == ours.is_executable else ours.is_executable
    )
    if theirs.same_content(ours) or (base is not None and base.same_content(theirs)):
        _keep(slot, _with_mode(ours, executable), "merged", made)
        return
    if base is not None and base.same_content(ours):
        _keep(slot, _with_mode(theirs, executable), "merged", made)
        return
    links = [one.link is not None for one in (theirs, ours)]
    if any(links):
        _lay_aside(slot, ours, theirs, "link" if all(links) else "kind", made)
        return
    is_known = base is None or (base.link is None and not base.is_binary)
    if theirs.content is None or ours.content is None or theirs.is_binary or ours.is_binary or not is_known:
        _lay_aside(slot, _with_mode(ours, executable), theirs, "binary", made)
        return
    common = base.content if base is not None and base.content is not None else b""
    try:
        merged = merge(ours.content, common, theirs.content)
    except LimitError:
        _lay_aside(slot, _with_mode(ours, executable), theirs, "binary", made)
        return
    node = Node.of_file(merged.content, is_executable=executable)
    if merged.conflicts:
        reason: Reason = "both_added" if base is None else "text"
        _keep(slot, node, "clash", made, reason, conflicts=merged.conflicts)
    else:
        _keep(slot, node, "merged", made)


def _with_mode(node: Node, is_executable: bool) -> Node:
    return node if node.link is not None else Node(node.digest, is_executable, None, node.content)


def _keep(
    slot: _Slot, node: Node, outcome: Outcome, made: _Result, reason: Reason = "", *, conflicts: int = 0, aside: str | None = None
) -> None:  # fmt: skip
    ours = slot.ours
    made.tree[slot.path] = node
    made.changes.append(
        FileChange(
            slot.path, outcome, reason, slot.was, aside, conflicts,
            mode_changed=ours is not None and ours.link is None and node.link is None and ours.is_executable != node.is_executable,
            link_changed=ours is not None and ours.link != node.link,
        )
    )  # fmt: skip


def _lay_aside(slot: _Slot, ours: Node, theirs: Node, reason: Reason, made: _Result) -> None:
    """Two versions that cannot be one: the repository's stays in its place."""
    aside = _free_name(slot.path, made)
    made.tree[aside] = theirs
    _keep(slot, ours, "clash", made, reason, aside=aside)


def _free_name(path: str, made: _Result) -> str:
    name, number = path + ASIDE, 1
    while name in made.taken or name in made.tree:
        number += 1
        name = f"{path}{ASIDE}-{number}"
    return name


def _untangle(made: _Result, ours: Tree) -> None:
    """No path may be a file and a folder at once: where both sides made one of each, the template's goes aside."""
    for path in sorted(made.tree):
        inside = [other for other in made.tree if other.startswith(f"{path}/")] if path in made.tree else []
        if not inside:
            continue
        if path in ours:
            aside = _free_name(path, made)
            for other in inside:
                moved = aside + other[len(path) :]
                made.tree[moved] = made.tree.pop(other)
                _replace(made, other, FileChange(moved, "clash", "place", aside=moved))
        else:
            aside = _free_name(path, made)
            made.tree[aside] = made.tree.pop(path)
            _replace(made, path, FileChange(aside, "clash", "place", aside=aside))


def _replace(made: _Result, path: str, change: FileChange) -> None:
    made.changes = [one for one in made.changes if one.path != path] + [change]

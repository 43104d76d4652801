"""Files that were moved, found by what is in them: the same content, or most of its lines, under a new name.

Only what is plain is taken: one old name, one new name, nothing else that looks like either as much.
"""

from __future__ import annotations

from collections import Counter
from typing import Callable, Mapping

from callboard.features.scaffolder.updates.trees import Node, Tree

ALIKE = 0.6
"""Share of lines that two versions of a moved file have in common; git asks for half."""
MAX_PAIRS = 10_000
MAX_TEXT_BYTES = 256 * 1024


def find_moves(
    before: Tree,
    after: Tree,
    *,
    wanted: Callable[[str], bool] = lambda path: True,
    free: Callable[[str], bool] = lambda path: True,
) -> dict[str, str]:
    """Old path to new path, of files of ``before`` that lie elsewhere in ``after``.

    Only old paths that are ``wanted`` and new ones that are ``free`` are paired; the judgement takes all of them into account.
    """
    gone = {path: node for path, node in before.items() if path not in after and node.link is None}
    come = {path: node for path, node in after.items() if path not in before and node.link is None}
    moves = _same(gone, come)
    left = {path: node for path, node in gone.items() if path not in moves}
    found = {path: node for path, node in come.items() if path not in moves.values()}
    if len(left) * len(found) <= MAX_PAIRS:
        moves |= _similar(left, found)
    return {old: new for old, new in sorted(moves.items()) if wanted(old) and free(new)}


def _same(gone: Mapping[str, Node], come: Mapping[str, Node]) -> dict[str, str]:
    """Contents that occur once on each side. Empty files are like every other empty file, and say nothing."""
    old_of, new_of = _by_digest(gone), _by_digest(come)
    return {
        paths[0]: new_of[digest][0]
        for digest, paths in old_of.items()
        if len(paths) == 1 and len(new_of.get(digest, ())) == 1 and gone[paths[0]].content != b""
    }


def _by_digest(tree: Mapping[str, Node]) -> dict[str, list[str]]:
    paths: dict[str, list[str]] = {}
    for path, node in tree.items():
        paths.setdefault(node.digest, []).append(path)
    return paths


def _similar(gone: Mapping[str, Node], come: Mapping[str, Node]) -> dict[str, str]:
    """Each is the other's best match, and a good one."""
    old_lines, new_lines = _texts(gone), _texts(come)
    best_new: dict[str, tuple[float, str]] = {}
    best_old: dict[str, tuple[float, str]] = {}
    for old, lines in old_lines.items():
        for new, others in new_lines.items():
            share = 2 * (lines & others).total() / max(lines.total() + others.total(), 1)
            if share < ALIKE:
                continue
            best_new[old] = max(best_new.get(old, (0.0, "")), (share, new))
            best_old[new] = max(best_old.get(new, (0.0, "")), (share, old))
    return {old: new for old, (_, new) in best_new.items() if best_old[new][1] == old}


def _texts(tree: Mapping[str, Node]) -> dict[str, Counter[bytes]]:
    """Lines that say something: blank ones and lone brackets are everywhere."""
    texts = {}
    for path, node in tree.items():
        if node.content is not None and not node.is_binary and len(node.content) <= MAX_TEXT_BYTES:
            lines = Counter(line.strip() for line in node.content.splitlines() if len(line.strip()) > 2)
            if lines.total() >= 3:
                texts[path] = lines
    return texts

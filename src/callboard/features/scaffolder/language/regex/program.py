"""From the tree of a pattern to a program for the matcher.

An instruction is a tuple: its operation, then what that needs. A state of the matcher is a position, and a tuple that
holds for each group where it began and ended (-1: not matched) and for each loop its count and where its turn began.
Counted loops count, they are not written out, so a program is about as long as its pattern.
"""

from __future__ import annotations

from typing import Any

from callboard.features.scaffolder.language.regex.charset import CharSet
from callboard.features.scaffolder.language.regex.syntax import (
    Assertion,
    Back,
    Choice,
    Group,
    Look,
    Node,
    One,
    Parsed,
    Repeat,
    Sequence,
)

(
    ONE,
    ONE_BACK,
    RUN,
    RUN_BACK,
    SPLIT,
    JUMP,
    SAVE,
    LOOP,
    TURN,
    START,
    LINE_START,
    LINE_END,
    WORD_EDGE,
    LOOK,
    BACK,
    DONE,
) = range(16)

Instruction = tuple[Any, ...]


class Program:
    """``code`` begins at 0; ``size`` is the length of the state; ``first`` is what a match must begin with, if known."""

    def __init__(self, parsed: Parsed, *, ignore_case: bool, multiline: bool) -> None:
        self.ignore_case = ignore_case
        self.multiline = multiline
        self.groups = parsed.groups
        self.names = parsed.names
        self.size = 2 * (parsed.groups + 1)
        self.code: list[Instruction] = []
        self._sets: dict[tuple[Any, bool], CharSet] = {}
        self._write(parsed.root, behind=False)
        self._put(DONE)
        self.first = _first(self.code)

    def _put(self, *instruction: Any) -> int:
        self.code.append(instruction)
        return len(self.code) - 1

    def _set(self, node: One) -> CharSet:
        key = (node.ranges, node.negated)
        found = self._sets.get(key)
        if found is None:
            found = CharSet(node.ranges, negated=node.negated, ignore_case=self.ignore_case)
            self._sets[key] = found
        return found

    def _write(self, node: Node, *, behind: bool) -> None:
        """``behind``: within a look-behind everything is matched from right to left."""
        if isinstance(node, One):
            self._put(ONE_BACK if behind else ONE, self._set(node))
        elif isinstance(node, Sequence):
            for item in reversed(node.items) if behind else node.items:
                self._write(item, behind=behind)
        elif isinstance(node, Choice):
            self._write_choice(node, behind=behind)
        elif isinstance(node, Repeat):
            self._write_repeat(node, behind=behind)
        elif isinstance(node, Group):
            slot = 2 * node.number
            self._put(SAVE, slot + 1 if behind else slot)
            self._write(node.body, behind=behind)
            self._put(SAVE, slot if behind else slot + 1)
        elif isinstance(node, Back):
            self._put(BACK, 2 * int(node.target), behind)
        elif isinstance(node, Look):
            self._write_look(node)
        else:
            self._write_assertion(node)

    def _write_assertion(self, node: Assertion) -> None:
        if node.kind == "^":
            self._put(LINE_START, self.multiline)
        elif node.kind == "$":
            self._put(LINE_END, self.multiline)
        else:
            self._put(WORD_EDGE, node.kind == "b")

    def _write_choice(self, node: Choice, *, behind: bool) -> None:
        exits = []
        for item in node.items[:-1]:
            split = self._put(SPLIT)
            self._write(item, behind=behind)
            exits.append(self._put(JUMP))
            self.code[split] = (SPLIT, split + 1, len(self.code))
        self._write(node.items[-1], behind=behind)
        for jump in exits:
            self.code[jump] = (JUMP, len(self.code))

    def _write_repeat(self, node: Repeat, *, behind: bool) -> None:
        if isinstance(node.body, One):
            self._put(RUN_BACK if behind else RUN, self._set(node.body), node.low, node.high, node.greedy)
            return
        slot = self.size
        self.size += 2
        self._put(START, slot)
        loop = self._put(LOOP)
        self._write(node.body, behind=behind)
        self._put(TURN, slot, node.low, loop)
        groups = range(2 * (node.first_group + 1), 2 * (node.last_group + 1))
        self.code[loop] = (LOOP, slot, node.low, node.high, node.greedy, len(self.code), (groups.start, groups.stop))

    def _write_look(self, node: Look) -> None:
        look = self._put(LOOK)
        self._write(node.body, behind=node.behind)
        self._put(DONE)
        self.code[look] = (LOOK, node.negative, len(self.code))


def _first(code: list[Instruction]) -> CharSet | None:
    for instruction in code:
        if instruction[0] == ONE or (instruction[0] == RUN and instruction[2] > 0):
            found = instruction[1]
            return found if isinstance(found, CharSet) else None
        if instruction[0] != SAVE:
            return None
    return None

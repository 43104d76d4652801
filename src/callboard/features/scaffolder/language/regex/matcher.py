"""Runs the program of a pattern: backtracking with a stack of its own, every step counted.

A step costs one unit of work, so that the default limit stops a pattern after some seconds at the worst.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.limits import Meter
from callboard.features.scaffolder.language.regex import program as op
from callboard.features.scaffolder.language.regex.charset import IS_WORD, fold
from callboard.features.scaffolder.language.regex.program import Program
from callboard.features.scaffolder.language.regex.syntax import parse_pattern

_MAX_BACKTRACKS = 200_000
_LINE_ENDS = "\n\r\u2028\u2029"

State = tuple[int, ...]


class Match:
    """Where a pattern matched: ``start``, ``end``, and the text of each group (None: it took no part)."""

    __slots__ = ("end", "pattern", "start", "state", "text")

    def __init__(self, pattern: Pattern, text: str, start: int, end: int, state: State) -> None:
        self.pattern = pattern
        self.text = text
        self.start = start
        self.end = end
        self.state = state

    def group(self, number: int) -> str | None:
        if number == 0:
            return self.text[self.start : self.end]
        start, end = self.state[2 * number], self.state[2 * number + 1]
        return self.text[start:end] if start >= 0 and end >= 0 else None


class Pattern:
    """A compiled pattern. Raises ``Problem`` (syntax) when it is none."""

    def __init__(self, source: str, flags: str) -> None:
        self.is_global = "g" in flags
        self.is_sticky = "y" in flags
        self.program = Program(parse_pattern(source), ignore_case="i" in flags, multiline="m" in flags)
        self.groups = self.program.groups
        self.names = self.program.names

    def find(self, text: str, start: int, meter: Meter, *, sticky: bool = False) -> Match | None:
        """The first match that begins at ``start`` or, unless ``sticky``, after it."""
        first = self.program.first
        fresh = (-1,) * self.program.size
        run = _Run(self.program, text, meter)
        last = start if sticky else len(text)
        skipped_from = start
        try:
            while start <= last:
                if first is not None:
                    while start < len(text) and not first[text[start]]:
                        if sticky:
                            return None
                        start += 1
                    if start == len(text):
                        return None
                found = run.match(0, start, fresh)
                if found is not None:
                    return Match(self, text, start, found[0], found[1])
                start += 1
            return None
        finally:
            meter.charge((start - skipped_from) >> 4)


@lru_cache(maxsize=256)
def compile_pattern(source: str, flags: str) -> Pattern:
    return Pattern(source, flags)


class _Run:
    __slots__ = ("meter", "program", "text")

    def __init__(self, program: Program, text: str, meter: Meter) -> None:
        self.program = program
        self.text = text
        self.meter = meter

    def match(self, pc: int, at: int, state: State) -> tuple[int, State] | None:
        """Run from ``pc`` at a position of the text; where it ended and in what state, or None."""
        code, text, size = self.program.code, self.text, len(self.text)
        stack: list[Any] = []
        steps = 0
        while True:
            steps += 1
            if steps > 255:
                self.meter.charge(steps)
                steps = 0
                if len(stack) > _MAX_BACKTRACKS:
                    raise Problem("The regular expression keeps too many choices open. Make it simpler.", kind="limit")
            instruction = code[pc]
            what = instruction[0]
            ok = True
            if what == op.ONE:
                ok = at < size and instruction[1][text[at]]
                at += 1
                pc += 1
            elif what in (op.RUN, op.RUN_BACK):
                reached = self._run(instruction, at)
                low = instruction[2]
                steps += abs(reached - at) >> 3
                nearest = at + low if what == op.RUN else at - low
                ok = reached >= nearest if what == op.RUN else reached <= nearest
                if ok:
                    pc += 1
                    near, far = (reached, nearest) if instruction[4] else (nearest, reached)
                    if near != far:
                        step = 1 if far > near else -1
                        stack.append((pc, near + step, state, far, step))
                    at = near
            elif what == op.SPLIT:
                stack.append((instruction[2], at, state, at, 0))
                pc = instruction[1]
            elif what == op.JUMP:
                pc = instruction[1]
            elif what == op.SAVE:
                slot = instruction[1]
                state = (*state[:slot], at, *state[slot + 1 :])
                steps += len(state) >> 4
                pc += 1
            elif what == op.START:
                slot = instruction[1]
                state = (*state[:slot], 0, -1, *state[slot + 2 :])
                pc += 1
            elif what == op.LOOP:
                pc, state = self._loop(instruction, pc, at, state, stack)
                steps += len(state) >> 4
            elif what == op.TURN:
                _, slot, low, loop = instruction
                ok = not (state[slot] > low and state[slot + 1] == at)
                pc = loop
            elif what == op.DONE:
                self.meter.charge(steps + 1)
                return at, state
            elif what == op.ONE_BACK:
                ok = at > 0 and instruction[1][text[at - 1]]
                at -= 1
                pc += 1
            else:
                moved = self._other(instruction, pc, at, state)
                ok = moved is not None
                if moved is not None:
                    pc, at, state = moved
            if not ok:
                if not stack:
                    self.meter.charge(steps + 1)
                    return None
                pc, at, state, far, step = stack[-1]
                if at == far:
                    stack.pop()
                else:
                    stack[-1] = (pc, at + step, state, far, step)

    def _run(self, instruction: op.Instruction, at: int) -> int:
        """How far a run of characters of one set goes."""
        what, allowed, _, high, _ = instruction
        text = self.text
        if what == op.RUN:
            end = len(text) if high is None else min(len(text), at + high)
            while at < end and allowed[text[at]]:
                at += 1
            return at
        end = 0 if high is None else max(0, at - high)
        while at > end and allowed[text[at - 1]]:
            at -= 1
        return at

    def _loop(self, instruction: op.Instruction, pc: int, at: int, state: State, stack: list[Any]) -> tuple[int, State]:
        _, slot, low, high, greedy, after, (first, last) = instruction
        count = state[slot]
        if high is not None and count >= high:
            return after, state
        cleared = (*state[:first], *(-1,) * (last - first), *state[last:])
        turn = (*cleared[:slot], count + 1, at, *cleared[slot + 2 :])
        if count < low:
            return pc + 1, turn
        if greedy:
            stack.append((after, at, state, at, 0))
            return pc + 1, turn
        stack.append((pc + 1, at, turn, at, 0))
        return after, state

    def _other(self, instruction: op.Instruction, pc: int, at: int, state: State) -> tuple[int, int, State] | None:
        """Assertions, look-around and back references: where to go on, or None if they do not hold."""
        what = instruction[0]
        text, size = self.text, len(self.text)
        if what == op.LINE_START:
            return (pc + 1, at, state) if at == 0 or (instruction[1] and text[at - 1] in _LINE_ENDS) else None
        if what == op.LINE_END:
            return (pc + 1, at, state) if at == size or (instruction[1] and text[at] in _LINE_ENDS) else None
        if what == op.WORD_EDGE:
            before = at > 0 and IS_WORD[text[at - 1]]
            behind = at < size and IS_WORD[text[at]]
            return (pc + 1, at, state) if (before != behind) == instruction[1] else None
        if what == op.LOOK:
            found = self.match(pc + 1, at, state)
            if instruction[1]:
                return (instruction[2], at, state) if found is None else None
            return None if found is None else (instruction[2], at, found[1])
        return self._back_reference(instruction, pc, at, state)

    def _back_reference(
        self, instruction: op.Instruction, pc: int, at: int, state: State
    ) -> tuple[int, int, State] | None:
        _, slot, behind = instruction
        start, end = state[slot], state[slot + 1]
        if start < 0 or end < 0:
            return pc + 1, at, state
        length = end - start
        self.meter.charge(length >> 4)
        from_, to = (at - length, at) if behind else (at, at + length)
        if from_ < 0 or to > len(self.text):
            return None
        there, wanted = self.text[from_:to], self.text[start:end]
        if there != wanted and not (self.program.ignore_case and list(map(fold, there)) == list(map(fold, wanted))):
            return None
        return pc + 1, (from_ if behind else to), state

"""What one render may use up, and the meter that counts it.

Everything is counted, nothing is timed: the same template fails at the same place on every machine. A unit of work is
about one step of evaluation, one element of an array walked or made, or 256 characters of text made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from callboard.features.scaffolder.language.faults import Problem

MAX_ENTRIES = 100_000
"""Elements of one array or object."""
MAX_VALUE_DEPTH = 256
"""Arrays and objects inside each other."""
_CHARACTERS_PER_UNIT_BITS = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one render. Characters are UTF-16 code units, as JavaScript counts them."""

    source_chars: int = 4 * 1024 * 1024
    tokens: int = 400_000
    nodes: int = 1_000_000
    work: int = 1_000_000
    depth: int = 512
    output_chars: int = 16 * 1024 * 1024
    host_calls: int = 4096


class Meter:
    """Counts what one render uses up; every method raises ``Problem`` when a limit is passed."""

    __slots__ = ("depth", "host_calls", "limits", "output", "work")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.work = limits.work
        self.output = limits.output_chars
        self.host_calls = limits.host_calls
        self.depth = 0

    def charge(self, units: int = 1) -> None:
        self.work -= units
        if self.work < 0:
            raise too_much("units of work", self.limits.work)

    def expect_text(self, length: int) -> None:
        """A text of ``length`` characters is about to be made."""
        if length > 255:
            if length > self.limits.output_chars:
                raise too_much("characters in one text", self.limits.output_chars)
            self.work -= length >> _CHARACTERS_PER_UNIT_BITS
            if self.work < 0:
                raise too_much("units of work", self.limits.work)

    def expect_array(self, length: int) -> None:
        """An array of ``length`` elements is about to be made."""
        require_entries(length)
        self.charge(length)

    def weigh(self, value: Any) -> None:
        """A whole value is gone through, or was made: its text or its elements."""
        kind = type(value)
        if kind is str:
            self.work -= 1 + (len(value) >> _CHARACTERS_PER_UNIT_BITS)
        elif kind is list or kind is dict:
            self.work -= 1 + len(value)
        else:
            self.work -= 1
        if self.work < 0:
            raise too_much("units of work", self.limits.work)

    def emit(self, length: int) -> None:
        """``length`` characters go into the output."""
        self.output -= length
        if self.output < 0:
            raise too_much("characters of output", self.limits.output_chars)

    def call_host(self) -> None:
        self.host_calls -= 1
        if self.host_calls < 0:
            raise too_much("calls of registered functions", self.limits.host_calls)

    def enter(self, height: int) -> None:
        """A macro whose body is ``height`` nodes deep begins; ``leave`` undoes it."""
        self.depth += height
        if self.depth > self.limits.depth:
            raise too_much("levels of nesting", self.limits.depth)

    def leave(self, height: int) -> None:
        self.depth -= height


def too_much(what: str, limit: int) -> Problem:
    return Problem(f"The template needs more than {limit:,} {what}. Simplify it.", kind="limit")


def require_entries(length: float) -> None:
    if not length <= MAX_ENTRIES:
        raise too_much("elements in one array or object", MAX_ENTRIES)

"""What all nodes share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterable

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.runtime import Arguments, Scope
from callboard.features.scaffolder.language.values import Function

Evaluate = Callable[[Scope], Any]
Execute = Callable[[Scope, list[str]], None]


@dataclass(frozen=True, slots=True)
class Mode:
    """What of the options matters to compiling."""

    cookiecutter: bool
    strict: bool


class Node:
    """Part of an expression. ``at`` is its offset in the source."""

    __slots__ = ("at", "height")
    height: int
    cost = 1
    """Levels that it adds to those below it."""

    def __init__(self, at: int, below: Iterable[Node] = ()) -> None:
        self.at = at
        self.height = self.cost + max((node.height for node in below), default=0)

    def compile(self, mode: Mode) -> Evaluate:
        raise NotImplementedError

    def lenient(self, mode: Mode) -> Evaluate:
        """Compiled for a place that asks whether there is a value: strict mode does not mind that there is none."""
        return self.compile(mode)

    def describe(self) -> str:
        """How it is written, for messages; empty if that would say little."""
        return ""


class ArgumentList:
    """The arguments of a call as they are written."""

    __slots__ = ("named", "positional")

    def __init__(self, positional: list[Node], named: list[tuple[str, Node]]) -> None:
        self.positional = positional
        self.named = named

    def nodes(self) -> list[Node]:
        return [*self.positional, *(node for _, node in self.named)]

    def compile_positional(self, mode: Mode) -> tuple[Evaluate, ...]:
        return tuple([node.compile(mode) for node in self.positional])

    def compile(self, mode: Mode) -> Callable[[Scope], Arguments]:
        positional = self.compile_positional(mode)
        named = tuple([(name, node.compile(mode)) for name, node in self.named])

        def evaluate(scope: Scope) -> Arguments:
            return Arguments([one(scope) for one in positional], {name: one(scope) for name, one in named})

        return evaluate


def placed(evaluate: Evaluate, at: int) -> Evaluate:
    """The same, with its problems placed at ``at`` unless something inside it placed them."""

    def guarded(scope: Scope) -> Any:
        try:
            return evaluate(scope)
        except Problem as problem:
            raise problem.at(at) from problem.__cause__

    return guarded


def note_functions(scope: Scope, values: Iterable[Any]) -> None:
    """Remember that an array or object with a function in it was made: from now on arguments are searched for them."""
    if not scope.run.holds_functions and any(isinstance(value, Function) for value in values):
        scope.run.holds_functions = True

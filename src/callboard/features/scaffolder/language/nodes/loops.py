"""``{% for %}``: over arrays, the characters of a string, the members of an object."""

from __future__ import annotations

from typing import Any, Iterator

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.nodes.base import Execute, Mode, Node
from callboard.features.scaffolder.language.nodes.statements import Body, Statement, steps_of
from callboard.features.scaffolder.language.numbers import tidy
from callboard.features.scaffolder.language.runtime import Scope
from callboard.features.scaffolder.language.values import UNDEFINED, Safe, is_truthy, own_member, to_number


class For(Statement):
    """``{% for a in b %}`` and ``{% for k, v in b %}``.

    With one target: elements, characters, or of an object with a ``length`` its members 0 to that. With more: the parts
    of each element, the key and value of each member.
    """

    __slots__ = ("body", "iterable", "otherwise", "targets", "uses_loop")
    cost = 3

    def __init__(
        self, at: int, weight: int, targets: list[str], iterable: Node, body: Body, otherwise: Body, *, uses_loop: bool
    ) -> None:
        super().__init__(at, weight, [iterable, *body, *otherwise])
        self.targets = targets
        self.iterable = iterable
        self.body = body
        self.otherwise = otherwise
        self.uses_loop = uses_loop

    def compile(self, mode: Mode) -> Execute:
        iterable, targets, at, weight = self.iterable.lenient(mode), tuple(self.targets), self.at, self.weight
        steps, otherwise, uses_loop = steps_of(self.body, mode), steps_of(self.otherwise, mode), self.uses_loop
        place, undefined = object(), dict.fromkeys(targets, UNDEFINED)

        def execute(scope: Scope, out: list[str]) -> None:
            meter = scope.run.meter
            inner = scope.inner(exports=False)
            # Also where it has no value, as in ``else``, a loop's name hides one from outside.
            inner.names.update(undefined)
            try:
                meter.charge(weight)
                value = iterable(scope)
                items, length = _single(value) if len(targets) == 1 else _several(value, len(targets))
                # What is false has no length of its own: the loop still has the one of the time before, and ``else``
                # goes by that.
                if is_truthy(value):
                    scope.lengths[place] = length
                else:
                    length = scope.lengths.get(place, UNDEFINED)
                for index, parts in enumerate(items):
                    meter.charge(1)
                    inner.names.update(zip(targets, parts, strict=False))
                    if uses_loop:
                        inner.names["loop"] = _loop(index, length)
                    for step in steps:
                        step(inner, out)
            except Problem as problem:
                raise problem.at(at) from problem.__cause__
            if otherwise and not is_truthy(length):
                for step in otherwise:
                    step(inner, out)

        return execute


def _loop(index: int, length: Any) -> dict[str, Any]:
    count = to_number(length)
    return {
        "index": index + 1,
        "index0": index,
        "revindex": tidy(float(count - index)),
        "revindex0": tidy(float(count - index - 1)),
        "first": index == 0,
        "last": index == count - 1,
        "length": length,
    }


def _single(value: Any) -> tuple[Iterator[tuple[Any, ...]], Any]:
    """What the one target gets each time, and the loop's length."""
    if isinstance(value, list):
        return _elements(value), len(value)
    if isinstance(value, str):
        return ((character,) for character in value), len(value)
    if isinstance(value, Safe):
        return ((character,) for character in value.text), len(value.text)
    if isinstance(value, dict):
        length = own_member(value, "length")
        return _numbered(value, to_number(length)), length
    return iter(()), UNDEFINED


def _elements(array: list[Any]) -> Iterator[tuple[Any]]:
    """One after the other, also those that the body adds."""
    index = 0
    while index < len(array):
        yield (array[index],)
        index += 1


def _numbered(value: dict[str, Any], length: float) -> Iterator[tuple[Any]]:
    index = 0
    while index < length:
        yield (own_member(value, str(index)),)
        index += 1


def _several(value: Any, targets: int) -> tuple[Iterator[tuple[Any, ...]], Any]:
    """What the targets get each time, and the loop's length."""
    if isinstance(value, list):
        return (_parts(item, targets) for (item,) in _elements(value)), len(value)
    if isinstance(value, dict):
        return iter(list(value.items())), len(value)
    if isinstance(value, str):
        return ((str(index), character) for index, character in enumerate(value)), len(value)
    if isinstance(value, Safe):
        return (_parts(character, targets) for character in value.text), len(value.text)
    return iter(()), 0


def _parts(value: Any, count: int) -> tuple[Any, ...]:
    if value is None or value is UNDEFINED:
        raise Problem("A loop with several names needs elements with several parts; this one is empty.")
    if isinstance(value, Safe):
        return (UNDEFINED,) * count
    return tuple([own_member(value, str(index)) for index in range(count)])

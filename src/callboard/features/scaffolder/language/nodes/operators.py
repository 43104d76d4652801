"""Operators: arithmetic, comparison, logic, membership."""

from __future__ import annotations

from typing import Any, Callable

from callboard.features.scaffolder.language import numbers
from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.limits import Meter
from callboard.features.scaffolder.language.nodes.base import Evaluate, Mode, Node
from callboard.features.scaffolder.language.runtime import Scope
from callboard.features.scaffolder.language.values import (
    add,
    concatenate,
    contains,
    is_truthy,
    loosely_equal,
    order,
    strictly_equal,
    to_number,
    whole,
)


def _subtract(left: Any, right: Any, meter: Meter) -> Any:
    if type(left) is int and type(right) is int:
        return whole(left - right)
    return numbers.tidy(float(to_number(left, meter)) - float(to_number(right, meter)))


def _multiply(left: Any, right: Any, meter: Meter) -> Any:
    if type(left) is int and type(right) is int and left and right:
        return whole(left * right)
    return numbers.tidy(float(to_number(left, meter)) * float(to_number(right, meter)))


BINARY: dict[str, Callable[[Any, Any, Meter], Any]] = {
    "+": add,
    "~": concatenate,
    "-": _subtract,
    "*": _multiply,
    "/": lambda left, right, meter: numbers.divide(to_number(left, meter), to_number(right, meter)),
    "%": lambda left, right, meter: numbers.remainder(to_number(left, meter), to_number(right, meter)),
    "**": lambda left, right, meter: numbers.power(to_number(left, meter), to_number(right, meter)),
}
COMPARE: dict[str, Callable[[Any, Any, Meter], bool]] = {
    "==": loosely_equal,
    "!=": lambda left, right, meter: not loosely_equal(left, right, meter),
    "===": lambda left, right, meter: strictly_equal(left, right),
    "!==": lambda left, right, meter: not strictly_equal(left, right),
    "<": lambda left, right, meter: order(left, right, meter) < 0,
    "<=": lambda left, right, meter: order(left, right, meter) <= 0,
    ">": lambda left, right, meter: order(left, right, meter) > 0,
    ">=": lambda left, right, meter: order(left, right, meter) >= 0,
}


_LONG = 4096
"""Texts up to here are compared within the time that any step takes."""


class Binary(Node):
    __slots__ = ("left", "operator", "right")
    cost = 2

    def __init__(self, at: int, operator: str, left: Node, right: Node) -> None:
        super().__init__(at, (left, right))
        self.operator = operator
        self.left = left
        self.right = right

    def compile(self, mode: Mode) -> Evaluate:
        left, right, operation, at = self.left.compile(mode), self.right.compile(mode), BINARY[self.operator], self.at

        def evaluate(scope: Scope) -> Any:
            try:
                return operation(left(scope), right(scope), scope.run.meter)
            except Problem as problem:
                raise problem.at(at) from problem.__cause__

        return evaluate


class Compare(Node):
    """A chain: ``1 < 2 < 3`` compares the result of ``1 < 2``, a boolean, with 3."""

    __slots__ = ("first", "rest")
    cost = 2

    def __init__(self, at: int, first: Node, rest: list[tuple[str, Node]]) -> None:
        super().__init__(at, (first, *(node for _, node in rest)))
        self.first = first
        self.rest = rest

    def compile(self, mode: Mode) -> Evaluate:
        first, at = self.first.compile(mode), self.at
        rest = tuple([(COMPARE[operator], node.compile(mode)) for operator, node in self.rest])

        def evaluate(scope: Scope) -> Any:
            value = first(scope)
            try:
                meter = scope.run.meter
                for operation, right in rest:
                    other = right(scope)
                    if type(value) is str and type(other) is str and len(value) > _LONG:
                        meter.weigh(value)
                    value = operation(value, other, meter)
            except Problem as problem:
                raise problem.at(at) from problem.__cause__
            return value

        return evaluate


class And(Node):
    __slots__ = ("left", "right")

    def __init__(self, at: int, left: Node, right: Node) -> None:
        super().__init__(at, (left, right))
        self.left = left
        self.right = right

    def compile(self, mode: Mode) -> Evaluate:
        left, right = self.left.lenient(mode), self.right.compile(mode)

        def evaluate(scope: Scope) -> Any:
            value = left(scope)
            return right(scope) if is_truthy(value) else value

        return evaluate


class Or(Node):
    __slots__ = ("left", "right")

    def __init__(self, at: int, left: Node, right: Node) -> None:
        super().__init__(at, (left, right))
        self.left = left
        self.right = right

    def compile(self, mode: Mode) -> Evaluate:
        left, right = self.left.lenient(mode), self.right.compile(mode)

        def evaluate(scope: Scope) -> Any:
            value = left(scope)
            return value if is_truthy(value) else right(scope)

        return evaluate


class Unary(Node):
    """``not``, a sign, or the rounding down of ``//``."""

    __slots__ = ("operator", "target")

    def __init__(self, at: int, operator: str, target: Node) -> None:
        super().__init__(at, (target,))
        self.operator = operator
        self.target = target

    def compile(self, mode: Mode) -> Evaluate:
        at, operator = self.at, self.operator
        if operator == "not":
            condition = self.target.lenient(mode)
            return lambda scope: not is_truthy(condition(scope))
        target = self.target.compile(mode)

        def evaluate(scope: Scope) -> Any:
            try:
                number = to_number(target(scope), scope.run.meter)
            except Problem as problem:
                raise problem.at(at) from problem.__cause__
            if operator == "-":
                return -number if number else numbers.tidy(-float(number))
            return numbers.floor(number) if operator == "floor" else number

        return evaluate


class In(Node):
    __slots__ = ("container", "needle")

    def __init__(self, at: int, needle: Node, container: Node) -> None:
        super().__init__(at, (needle, container))
        self.needle = needle
        self.container = container

    def compile(self, mode: Mode) -> Evaluate:
        needle, container, at = self.needle.compile(mode), self.container.compile(mode), self.at

        def evaluate(scope: Scope) -> Any:
            wanted = needle(scope)
            holder = container(scope)
            try:
                return contains(holder, wanted, scope.run.meter)
            except Problem as problem:
                raise problem.at(at) from problem.__cause__

        return evaluate


class Conditional(Node):
    """``a if condition else b``; without ``else`` it is the empty string."""

    __slots__ = ("condition", "otherwise", "value")

    def __init__(self, at: int, value: Node, condition: Node, otherwise: Node | None) -> None:
        super().__init__(at, (value, condition) if otherwise is None else (value, condition, otherwise))
        self.value = value
        self.condition = condition
        self.otherwise = otherwise

    def compile(self, mode: Mode) -> Evaluate:
        value, condition = self.value.compile(mode), self.condition.lenient(mode)
        otherwise = self.otherwise.compile(mode) if self.otherwise is not None else None

        def evaluate(scope: Scope) -> Any:
            if is_truthy(condition(scope)):
                return value(scope)
            return "" if otherwise is None else otherwise(scope)

        return evaluate


def negate(target: Node, at: int) -> Node:
    """``not`` before an expression. It reaches only the first operand of arithmetic or a comparison that follows it.

    ``not a == b`` is ``(not a) == b``: what Nunjucks compiles it to, and what its templates therefore mean.
    """
    outer: list[Node] = []
    while True:
        if isinstance(target, Binary) and target.operator != "**":
            outer.append(target)
            target = target.left
        elif isinstance(target, Compare):
            outer.append(target)
            target = target.first
        else:
            break
    made: Node = Unary(at, "not", target)
    for node in reversed(outer):
        if isinstance(node, Binary):
            made = Binary(at, node.operator, made, node.right)
        elif isinstance(node, Compare):
            made = Compare(at, made, node.rest)
    return made

"""The tests that stand after ``is``."""

from __future__ import annotations

from typing import Any, Callable, Final, Mapping

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.numbers import remainder
from callboard.features.scaffolder.language.runtime import Run
from callboard.features.scaffolder.language.text import lower, upper
from callboard.features.scaffolder.language.values import (
    UNDEFINED,
    Function,
    Regex,
    Safe,
    is_number,
    is_truthy,
    kind_of,
    order,
    strictly_equal,
    to_number,
)

TESTS: Final[Mapping[str, int]] = {
    "callable": 0,
    "defined": 0,
    "divisibleby": 1,
    "escaped": 0,
    "eq": 1,
    "equalto": 1,
    "even": 0,
    "falsy": 0,
    "ge": 1,
    "greaterthan": 1,
    "gt": 1,
    "iterable": 0,
    "le": 1,
    "lessthan": 1,
    "lower": 0,
    "lt": 1,
    "mapping": 0,
    "ne": 1,
    "null": 0,
    "number": 0,
    "odd": 0,
    "sameas": 1,
    "string": 0,
    "truthy": 0,
    "undefined": 0,
    "upper": 0,
}
"""Each test with the number of arguments that it takes; ``none`` is read as ``null``."""

_TAKE_FUNCTIONS = frozenset({"callable", "eq", "equalto", "sameas", "ne"})


def apply_test(name: str, value: Any, arguments: list[Any], run: Run) -> bool:
    """Whether the test holds; name and number of arguments were checked before."""
    if name not in _TAKE_FUNCTIONS:
        run.refuse_functions([value, *arguments])
    simple = _SIMPLE.get(name)
    if simple is not None:
        return simple(value)
    other = arguments[0]
    if name == "divisibleby":
        return remainder(to_number(value, run.meter), to_number(other, run.meter)) == 0
    if name in ("eq", "equalto", "sameas"):
        return strictly_equal(value, other)
    if name == "ne":
        return not strictly_equal(value, other)
    found = order(value, other, run.meter)
    return {
        "ge": found >= 0,
        "gt": found > 0,
        "greaterthan": found > 0,
        "le": found <= 0,
        "lt": found < 0,
        "lessthan": found < 0,
    }[name]


def _is_iterable(value: Any) -> bool:
    if value is None or value is UNDEFINED:
        raise Problem(f'The test "iterable" got {kind_of(value)}.')
    return isinstance(value, (str, Safe, list))


def _has_case(value: Any, case: Callable[[str], str]) -> bool:
    if isinstance(value, Safe):
        return False
    if not isinstance(value, str):
        raise Problem(f"Only a string has a case, and this is {kind_of(value)}.")
    return case(value) == value


_SIMPLE: Mapping[str, Callable[[Any], bool]] = {
    "callable": lambda value: isinstance(value, Function),
    "defined": lambda value: value is not UNDEFINED,
    "escaped": lambda value: isinstance(value, Safe),
    "even": lambda value: remainder(to_number(value), 2) == 0,
    "falsy": lambda value: not is_truthy(value),
    "iterable": _is_iterable,
    "lower": lambda value: _has_case(value, lower),
    "mapping": lambda value: isinstance(value, (dict, Safe, Regex)),
    "null": lambda value: value is None,
    "number": is_number,
    "odd": lambda value: remainder(to_number(value), 2) == 1,
    "string": lambda value: isinstance(value, str),
    "truthy": is_truthy,
    "undefined": lambda value: value is UNDEFINED,
    "upper": lambda value: _has_case(value, upper),
}

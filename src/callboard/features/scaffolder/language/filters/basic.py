"""Filters on any value: defaults, numbers, JSON, length."""

from __future__ import annotations

import random
from math import isnan
from typing import Any

from callboard.features.scaffolder.language import numbers
from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.filters.inputs import characters, projected, require_value
from callboard.features.scaffolder.language.json_text import to_json
from callboard.features.scaffolder.language.runtime import Run, argument
from callboard.features.scaffolder.language.values import (
    UNDEFINED,
    Safe,
    add,
    code_units,
    is_truthy,
    key_of,
    own_member,
    to_number,
    to_string,
)


def absolute(value: Any, arguments: list[Any], run: Run) -> Any:
    return abs(to_number(value, run.meter))


def default(value: Any, arguments: list[Any], run: Run) -> Any:
    """The first argument if there is no value; with a true second one also if the value is false, empty or null."""
    missing = not is_truthy(value) if is_truthy(argument(arguments, 1)) else value is UNDEFINED
    return argument(arguments, 0) if missing else value


def dump(value: Any, arguments: list[Any], run: Run) -> Any:
    return to_json(value, argument(arguments, 0), run.meter)


def _edge(value: Any, *, last: bool) -> Any:
    require_value(value, "last" if last else "first")
    if isinstance(value, dict):
        if not last:
            return own_member(value, "0")
        return own_member(value, key_of(numbers.tidy(float(to_number(own_member(value, "length")) - 1))))
    sequence = value.text if isinstance(value, Safe) else value
    if isinstance(sequence, (list, str)) and sequence:
        return sequence[-1 if last else 0]
    return UNDEFINED


def to_float(value: Any, arguments: list[Any], run: Run) -> Any:
    parsed = numbers.parse_float(to_string(value, run.meter))
    return argument(arguments, 0) if isnan(parsed) else parsed


def to_int(value: Any, arguments: list[Any], run: Run) -> Any:
    """``int(default, base)``: the whole number that the text begins with."""
    base = argument(arguments, 1)
    radix = 10 if base is UNDEFINED else numbers.to_integer(to_number(base, run.meter))
    parsed = numbers.parse_int(to_string(value, run.meter), numbers.to_int32(radix))
    return argument(arguments, 0) if isnan(parsed) else parsed


def length(value: Any, arguments: list[Any], run: Run) -> Any:
    if isinstance(value, (list, dict, str)):
        return len(value)
    if isinstance(value, Safe):
        return len(value.text)
    return 0 if value is UNDEFINED or value is None or value is False else UNDEFINED


def to_list(value: Any, arguments: list[Any], run: Run) -> Any:
    """An array as it is, the characters of a string, ``{key, value}`` for each member of an object."""
    if isinstance(value, list):
        return value
    if isinstance(value, (str, Safe)):
        return code_units(value if isinstance(value, str) else value.text)
    if isinstance(value, dict):
        run.meter.charge(len(value))
        return [{"key": key, "value": item} for key, item in value.items()]
    raise Problem("The filter list needs an array, an object or a string.")


def pick_random(value: Any, arguments: list[Any], run: Run) -> Any:
    require_value(value, "random")
    if isinstance(value, dict):
        count = to_number(own_member(value, "length"))
        index = random.randrange(int(count)) if 0 < count < 2**53 else 0
        return own_member(value, str(index)) if count > 0 else UNDEFINED
    items = value if isinstance(value, list) else characters(value)
    return random.choice(items) if items else UNDEFINED


def round_number(value: Any, arguments: list[Any], run: Run) -> Any:
    """``round(digits, method)``: half rounds up; the method is ``ceil`` or ``floor``."""
    digits = argument(arguments, 0)
    factor = numbers.power(10, to_number(digits, run.meter) if is_truthy(digits) else 0)
    method = argument(arguments, 1)
    rounding = {"ceil": numbers.ceil, "floor": numbers.floor}.get(
        method if isinstance(method, str) else "", numbers.round_half_up
    )
    scaled = numbers.tidy(float(to_number(value, run.meter)) * float(factor))
    return numbers.divide(rounding(scaled), factor)


def total(value: Any, arguments: list[Any], run: Run) -> Any:
    attribute = argument(arguments, 0)
    found: Any = 0
    for item in projected(value, attribute, "sum", run):
        found = add(found, item, run.meter)
    start = argument(arguments, 1)
    return add(0 if start is UNDEFINED else start, found, run.meter)


BASIC = {
    "abs": absolute,
    "d": default,
    "default": default,
    "dump": dump,
    "first": lambda value, arguments, run: _edge(value, last=False),
    "float": to_float,
    "int": to_int,
    "last": lambda value, arguments, run: _edge(value, last=True),
    "length": length,
    "list": to_list,
    "random": pick_random,
    "round": round_number,
    "sum": total,
}

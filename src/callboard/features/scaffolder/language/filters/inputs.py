"""What filters take as text, as a sequence, as an attribute."""

from __future__ import annotations

import math
from math import isnan
from typing import Any

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.limits import require_entries
from callboard.features.scaffolder.language.runtime import Run
from callboard.features.scaffolder.language.values import (
    RESERVED,
    UNDEFINED,
    Safe,
    code_units,
    has_member,
    is_truthy,
    key_of,
    kind_of,
    own_member,
    reserved,
    to_number,
)


def require_value(value: Any, filter: str) -> None:
    if value is None or value is UNDEFINED:
        raise Problem(f"The filter {filter} got {kind_of(value)}.")


def text_of(value: Any, filter: str) -> str:
    """The text of a string, marked safe or not; anything else is a problem."""
    if isinstance(value, str):
        return value
    if isinstance(value, Safe):
        return value.text
    raise Problem(f"The filter {filter} needs a string, and got {kind_of(value)}.")


def filled(value: Any) -> Any:
    """What filters on text take for nothing is the empty string."""
    return "" if value is None or value is UNDEFINED or value is False else value


def like(value: Any, text: str) -> Any:
    """``text``, marked safe if ``value`` was."""
    return Safe(text) if isinstance(value, Safe) else text


def characters(value: Any) -> list[Any]:
    if isinstance(value, (str, Safe)):
        return code_units(value if isinstance(value, str) else value.text)
    return []


def array_like(value: dict[str, Any], run: Run, *, strict: bool = False) -> list[Any]:
    """Members 0 to ``length`` of an object; ``strict``: a length that no array could have is a problem."""
    count = own_member(value, "length")
    size = to_number(count, run.meter)
    if strict and type(count) in (int, float) and not isnan(size) and not (0 <= size < 2**32 and size == int(size)):
        raise Problem("This length is none of an array.")
    if not size > 0:
        return []
    require_entries(size)
    run.meter.charge(math.ceil(size))
    return [own_member(value, str(index)) for index in range(math.ceil(size))]


def attribute_key(value: Any) -> str:
    key = key_of(value)
    if key in RESERVED:
        raise reserved(key)
    return key


def attribute_path(value: Any) -> list[str]:
    """The keys of ``a.b.c``; none for what is false."""
    if not is_truthy(value):
        return []
    path = value.split(".") if isinstance(value, str) else [key_of(value)]
    for key in path:
        if key in RESERVED:
            raise reserved(key)
    return path


def attribute_of(value: Any, key: str) -> Any:
    if value is None or value is UNDEFINED:
        raise Problem(f'"{key}" was looked for in an element that is {kind_of(value)}.')
    return own_member(value, key)


def follow(value: Any, path: list[str]) -> Any:
    """The value at the end of ``path``, UNDEFINED where it breaks off; null or undefined on the way is a problem."""
    for key in path:
        if value is None or value is UNDEFINED:
            raise Problem(f'"{key}" was looked for in an element that is {kind_of(value)}.')
        if not has_member(value, key):
            return UNDEFINED
        value = own_member(value, key)
    return value


def projected(value: Any, attribute: Any, filter: str, run: Run) -> list[Any]:
    """The elements of ``value``, or that attribute of each of them."""
    if not is_truthy(attribute):
        if not isinstance(value, list):
            raise Problem(f"The filter {filter} needs an array, and got {kind_of(value)}.")
        return value
    key = attribute_key(attribute)
    if isinstance(value, list):
        items = value
    elif isinstance(value, str):
        items = code_units(value)
    elif isinstance(value, dict):
        items = array_like(value, run, strict=True)
    elif isinstance(value, Safe) and value.text:
        raise Problem(f"The filter {filter} needs an array, and got {kind_of(value)}.")
    else:
        items = []
    return [attribute_of(item, key) for item in items]

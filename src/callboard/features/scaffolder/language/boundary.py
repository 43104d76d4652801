"""Where values come into the interpreter and leave it.

What comes in is copied: a template may change its arrays, and whoever gave them does not see it. What goes out is plain
JSON again, with an undefined element of an array as null and an undefined member of an object left out.
"""

from __future__ import annotations

from typing import Any, Mapping

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.limits import MAX_ENTRIES, MAX_VALUE_DEPTH, too_much
from callboard.features.scaffolder.language.numbers import of_python
from callboard.features.scaffolder.language.text import from_units, to_units
from callboard.features.scaffolder.language.values import UNDEFINED, Function, Regex, Safe, array_index


class _Copy:
    """One copy of a graph of values: counts the entries, so that shared parts cannot multiply without end."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries = 0

    def count(self, more: int, depth: int) -> None:
        self.entries += more
        if self.entries > MAX_ENTRIES:
            raise too_much("elements in one array or object", MAX_ENTRIES)
        if depth > MAX_VALUE_DEPTH:
            raise too_much("levels of arrays and objects", MAX_VALUE_DEPTH)


class _Entering(_Copy):
    __slots__ = ()

    def value(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return value if value.isascii() else to_units(value)
        if value is None or value is UNDEFINED or kind is bool:
            return value
        if kind is int or kind is float:
            return of_python(value)
        if kind is dict or isinstance(value, Mapping):
            return self.object(value, depth + 1)
        if isinstance(value, (list, tuple)):
            self.count(len(value), depth + 1)
            return [self.value(item, depth + 1) for item in value]
        if isinstance(value, str):
            return to_units(str(value))
        if isinstance(value, (int, float)):
            return of_python(float(value) if isinstance(value, float) else int(value))
        raise Problem(f"A template cannot use a value of type {kind.__name__}; only JSON can be given to it.")

    def object(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        self.count(len(value), depth)
        made = {}
        indexes = []
        for key, item in value.items():
            name = key if type(key) is str and key.isascii() else to_units(str(key))
            if name[:1].isdigit() and array_index(name) is not None:
                indexes.append(name)
            made[name] = self.value(item, depth)
        if indexes:
            made = {key: made[key] for key in sorted(indexes, key=int)} | made
        return made


class _Leaving(_Copy):
    __slots__ = ()

    def value(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return value if value.isascii() else from_units(value)
        if kind is list:
            self.count(len(value), depth + 1)
            copied = [self.value(item, depth + 1) for item in value]
            return [None if item is UNDEFINED else item for item in copied]
        if kind is dict:
            self.count(len(value), depth + 1)
            return {
                (key if key.isascii() else from_units(key)): self.value(item, depth + 1)
                for key, item in value.items()
                if item is not UNDEFINED
            }
        if kind is float:
            return 0 if value == 0 else value
        if kind is Safe:
            return from_units(value.text)
        if kind is Regex:
            return from_units(str(value))
        if isinstance(value, Function):
            raise Problem("A function cannot be used as a value.")
        return value


def enter(value: Any) -> Any:
    """A copy of a JSON value, as the interpreter holds it.

    Raises:
        Problem: It is no JSON, nested more than 256 deep, or has more than 100,000 elements in all.
    """
    return _Entering().value(value, 0)


def leave(value: Any) -> Any:
    """A copy of a value of the interpreter, as plain JSON; UNDEFINED stays what it is.

    Raises:
        Problem: There is a function in it, or it is larger than what ``enter`` takes.
    """
    return _Leaving().value(value, 0)

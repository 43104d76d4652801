"""Methods of arrays. Those that change the array refuse to put it into itself."""

from __future__ import annotations

from math import isnan
from typing import Any

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.filters.sorting import sort_as_text
from callboard.features.scaffolder.language.limits import require_entries
from callboard.features.scaffolder.language.methods.positions import clamped, integer, relative
from callboard.features.scaffolder.language.numbers import INFINITY
from callboard.features.scaffolder.language.runtime import Run, argument
from callboard.features.scaffolder.language.values import UNDEFINED, strictly_equal, to_string, to_text

Array = list[Any]


def _require_outside(array: Array, values: list[Any], run: Run) -> None:
    """None of ``values`` holds ``array``, however deep: an array never contains itself."""
    pending = [value for value in values if isinstance(value, (list, dict))]
    seen: set[int] = set()
    while pending:
        value = pending.pop()
        if value is array:
            raise Problem("An array cannot be put into itself.")
        if id(value) in seen:
            continue
        seen.add(id(value))
        run.meter.charge(len(value))
        pending += [
            item for item in (value.values() if isinstance(value, dict) else value) if isinstance(item, (list, dict))
        ]


def _room(array: Array, more: list[Any], run: Run) -> None:
    require_entries(len(array) + len(more))
    run.meter.charge(len(more))
    _require_outside(array, more, run)


def at(array: Array, arguments: list[Any], run: Run) -> Any:
    index = integer(arguments, 0, run, 0)
    index += len(array) if index < 0 else 0
    return array[int(index)] if 0 <= index < len(array) else UNDEFINED


def concat(array: Array, arguments: list[Any], run: Run) -> Any:
    made = list(array)
    for value in arguments:
        made.extend(value if isinstance(value, list) else [value])
        require_entries(len(made))
    run.meter.expect_array(len(made))
    return made


def copy_within(array: Array, arguments: list[Any], run: Run) -> Any:
    size = len(array)
    target = relative(integer(arguments, 0, run, 0), size)
    start = relative(integer(arguments, 1, run, 0), size)
    end = relative(integer(arguments, 2, run, size), size)
    count = min(end - start, size - target)
    if count > 0:
        run.meter.charge(count)
        array[target : target + count] = array[start : start + count]
    return array


def fill(array: Array, arguments: list[Any], run: Run) -> Any:
    start = relative(integer(arguments, 1, run, 0), len(array))
    end = relative(integer(arguments, 2, run, len(array)), len(array))
    if end > start:
        run.meter.charge(end - start)
        _require_outside(array, arguments[:1], run)
        array[start:end] = [arguments[0]] * (end - start)
    return array


def flat(array: Array, arguments: list[Any], run: Run) -> Any:
    depth = integer(arguments, 0, run, 1)
    made: Array = []
    walks = [iter(array)]
    while walks:
        for item in walks[-1]:
            run.meter.charge()
            if isinstance(item, list) and len(walks) <= depth:
                walks.append(iter(item))
                break
            made.append(item)
        else:
            walks.pop()
    require_entries(len(made))
    return made


def _index(array: Array, wanted: Any, start: int) -> int:
    for index in range(start, len(array)):
        if strictly_equal(array[index], wanted):
            return index
    return -1


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and isnan(value)


def includes(array: Array, arguments: list[Any], run: Run) -> Any:
    start = relative(integer(arguments, 1, run, 0), len(array))
    wanted = arguments[0]
    if _is_nan(wanted):
        return any(map(_is_nan, array[start:]))
    return _index(array, wanted, start) >= 0


def index_of(array: Array, arguments: list[Any], run: Run) -> Any:
    return _index(array, arguments[0], relative(integer(arguments, 1, run, 0), len(array)))


def last_index_of(array: Array, arguments: list[Any], run: Run) -> Any:
    start = integer(arguments, 1, run, len(array) - 1)
    start = min(start, len(array) - 1) if start >= 0 else start + len(array)
    index = int(start) if start >= 0 else -1
    while index >= 0 and not strictly_equal(array[index], arguments[0]):
        index -= 1
    return index


def join(array: Array, arguments: list[Any], run: Run) -> Any:
    separator = argument(arguments, 0)
    between = "," if separator is UNDEFINED else to_string(separator, run.meter)
    run.meter.charge(len(array))
    texts = [to_text(item, run.meter) for item in array]
    run.meter.expect_text(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def pop(array: Array, arguments: list[Any], run: Run) -> Any:
    given = argument(arguments, 0)
    if given is UNDEFINED:
        return array.pop() if array else UNDEFINED
    index = integer(arguments, 0, run, 0)
    index += len(array) if index < 0 else 0
    return array.pop(int(index)) if 0 <= index < len(array) else UNDEFINED


def push(array: Array, arguments: list[Any], run: Run) -> Any:
    _room(array, arguments, run)
    array.extend(arguments)
    return len(array)


def reverse(array: Array, arguments: list[Any], run: Run) -> Any:
    array.reverse()
    return array


def shift(array: Array, arguments: list[Any], run: Run) -> Any:
    return array.pop(0) if array else UNDEFINED


def slice_(array: Array, arguments: list[Any], run: Run) -> Any:
    start = relative(integer(arguments, 0, run, 0), len(array))
    made = array[start : relative(integer(arguments, 1, run, len(array)), len(array))]
    run.meter.charge(len(made))
    return made


def sort(array: Array, arguments: list[Any], run: Run) -> Any:
    run.meter.charge(len(array))
    sort_as_text(array, run.meter)
    return array


def splice(array: Array, arguments: list[Any], run: Run) -> Any:
    start = relative(integer(arguments, 0, run, 0), len(array))
    if argument(arguments, 0) is UNDEFINED:
        return []
    if argument(arguments, 1) is UNDEFINED:
        removed, array[start:] = array[start:], []
        return removed
    count = clamped(integer(arguments, 1, run, 0), len(array) - start)
    added = arguments[2:]
    _room(array, added, run)
    removed = array[start : start + count]
    array[start : start + count] = added
    return removed


def unshift(array: Array, arguments: list[Any], run: Run) -> Any:
    _room(array, arguments, run)
    array[:0] = arguments
    return len(array)


def count(array: Array, arguments: list[Any], run: Run) -> Any:
    run.meter.charge(len(array))
    return sum(strictly_equal(item, arguments[0]) for item in array)


def insert(array: Array, arguments: list[Any], run: Run) -> Any:
    where = relative(integer(arguments, 0, run, 0), len(array))
    _room(array, arguments[1:2], run)
    array.insert(where, arguments[1])
    return []


def remove(array: Array, arguments: list[Any], run: Run) -> Any:
    where = _index(array, arguments[0], 0)
    return [array.pop(where)] if where >= 0 else []


def find(array: Array, arguments: list[Any], run: Run) -> Any:
    return _index(array, arguments[0], 0)


_ANY = INFINITY
ARRAY_METHODS = {
    "at": (1, 1, at),
    "concat": (0, _ANY, concat),
    "copyWithin": (1, 3, copy_within),
    "fill": (1, 3, fill),
    "flat": (0, 1, flat),
    "includes": (1, 2, includes),
    "indexOf": (1, 2, index_of),
    "join": (0, 1, join),
    "lastIndexOf": (1, 2, last_index_of),
    "pop": (0, 0, pop),
    "push": (0, _ANY, push),
    "reverse": (0, 0, reverse),
    "shift": (0, 0, shift),
    "slice": (0, 2, slice_),
    "sort": (0, 0, sort),
    "splice": (0, _ANY, splice),
    "unshift": (0, _ANY, unshift),
}
COOKIECUTTER_ARRAY_METHODS = {
    **ARRAY_METHODS,
    "append": (1, 1, push),
    "count": (1, 1, count),
    "find": (1, 1, find),
    "index": (1, 1, find),
    "insert": (2, 2, insert),
    "remove": (1, 1, remove),
}

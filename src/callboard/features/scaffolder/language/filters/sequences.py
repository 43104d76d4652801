"""Filters on arrays, and on strings and objects taken for arrays."""

from __future__ import annotations

from typing import Any

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.filters.inputs import (
    array_like,
    attribute_key,
    attribute_of,
    attribute_path,
    characters,
    follow,
    projected,
    require_value,
)
from callboard.features.scaffolder.language.numbers import to_integer
from callboard.features.scaffolder.language.predicates import TESTS, apply_test
from callboard.features.scaffolder.language.runtime import Run, argument
from callboard.features.scaffolder.language.values import (
    UNDEFINED,
    Safe,
    is_truthy,
    key_of,
    kind_of,
    make_object,
    to_number,
    to_string,
    to_text,
)

_MOST = 2**53 - 1


def _positive(value: Any, filter: str, run: Run) -> int:
    number = to_integer(to_number(value, run.meter))
    if not 0 < number <= _MOST:
        raise Problem(f"The filter {filter} needs a number above 0.")
    return int(number)


def batch(value: Any, arguments: list[Any], run: Run) -> Any:
    """``batch(size, fill)``: arrays of ``size`` elements, the last filled up."""
    require_value(value, "batch")
    size = _positive(argument(arguments, 0), "batch", run)
    items = (
        array_like(value, run) if isinstance(value, dict) else value if isinstance(value, list) else characters(value)
    )
    rows = [items[start : start + size] for start in range(0, len(items), size)]
    fill = argument(arguments, 1)
    if rows and is_truthy(fill) and len(rows[-1]) < size:
        run.meter.expect_array(size)
        rows[-1] = [*rows[-1], *[fill] * (size - len(rows[-1]))]
    return rows


def group_by(value: Any, arguments: list[Any], run: Run) -> Any:
    """``groupby(attribute)``: an object of arrays by the attribute's text."""
    require_value(value, "groupby")
    items = (
        array_like(value, run) if isinstance(value, dict) else value if isinstance(value, list) else characters(value)
    )
    path = attribute_path(argument(arguments, 0))
    groups: dict[str, list[Any]] = {}
    for item in items:
        groups.setdefault(key_of(follow(item, path), run.meter), []).append(item)
    return make_object(groups.items())


def join(value: Any, arguments: list[Any], run: Run) -> Any:
    """``join(separator, attribute)``; null and undefined are nothing."""
    separator = argument(arguments, 0)
    between = to_string(separator, run.meter) if is_truthy(separator) else ""
    items = projected(value, argument(arguments, 1), "join", run)
    texts = [to_text(item, run.meter) for item in items]
    run.meter.expect_text(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def reverse(value: Any, arguments: list[Any], run: Run) -> Any:
    if isinstance(value, str):
        return value[::-1]
    if isinstance(value, Safe):
        return Safe(value.text[::-1])
    if isinstance(value, dict):
        return array_like(value, run, strict=True)[::-1]
    return value[::-1] if isinstance(value, list) else []


def _select(value: Any, arguments: list[Any], run: Run, *, keep: bool) -> Any:
    """``select(test, arguments…)``: the elements for which it holds, or does not."""
    filter = "select" if keep else "reject"
    chosen = argument(arguments, 0)
    name = "truthy" if chosen is UNDEFINED else to_string(chosen, run.meter)
    if name not in TESTS:
        raise Problem(f'There is no test "{name}".')
    require_value(value, filter)
    items = value if isinstance(value, list) else characters(value)
    if isinstance(value, dict):
        items = [item for index, item in enumerate(array_like(value, run)) if str(index) in value]
    given = arguments[1:]
    if not isinstance(value, (dict, list, str, Safe)):
        return []
    if len(given) != TESTS[name]:
        raise Problem(f'The test "{name}" takes {TESTS[name]} argument{"" if TESTS[name] == 1 else "s"}.')
    return [item for item in items if apply_test(name, item, given, run) == keep]


def _select_by(value: Any, arguments: list[Any], run: Run, *, keep: bool) -> Any:
    """``selectattr(attribute)``: the elements whose attribute is true, or is not."""
    if not isinstance(value, list):
        raise Problem(f"The filter {'selectattr' if keep else 'rejectattr'} needs an array, and got {kind_of(value)}.")
    key = attribute_key(argument(arguments, 0))
    return [item for item in value if is_truthy(attribute_of(item, key)) == keep]


def slices(value: Any, arguments: list[Any], run: Run) -> Any:
    """``slice(count, fill)``: ``count`` parts of as equal a length as can be, the shorter ones filled up."""
    text = value if isinstance(value, str) else value.text if isinstance(value, Safe) else None
    if text is None and not isinstance(value, list):
        raise Problem(f"The filter slice needs an array or a string, and got {kind_of(value)}.")
    items: Any = value if text is None else text
    count = _positive(argument(arguments, 0), "slice", run)
    run.meter.expect_array(count)
    base, extra = divmod(len(items), count)
    fill = argument(arguments, 1)
    parts: list[Any] = []
    offset = 0
    for index in range(count):
        size = base + (1 if index < extra else 0)
        part = items[offset : offset + size]
        offset += size
        if is_truthy(fill) and index >= extra:
            if text is not None:
                raise Problem("The filter slice cannot fill up the parts of a string.")
            part = [*part, fill]
        parts.append(part)
    return parts


SEQUENCES = {
    "batch": batch,
    "groupby": group_by,
    "join": join,
    "reject": lambda value, arguments, run: _select(value, arguments, run, keep=False),
    "rejectattr": lambda value, arguments, run: _select_by(value, arguments, run, keep=False),
    "reverse": reverse,
    "select": lambda value, arguments, run: _select(value, arguments, run, keep=True),
    "selectattr": lambda value, arguments, run: _select_by(value, arguments, run, keep=True),
    "slice": slices,
}

"""``sort`` and ``dictsort``, and the order of arrays' own ``sort()``."""

from __future__ import annotations

from functools import cmp_to_key
from math import isnan
from typing import Any, Callable

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.filters.inputs import array_like, attribute_path, characters, follow
from callboard.features.scaffolder.language.limits import Meter
from callboard.features.scaffolder.language.runtime import Run, argument
from callboard.features.scaffolder.language.text import lower, upper
from callboard.features.scaffolder.language.values import (
    UNDEFINED,
    Safe,
    is_number,
    is_truthy,
    kind_of,
    order,
    strictly_equal,
    to_string,
    to_text,
)


def sort(value: Any, arguments: list[Any], run: Run) -> Any:
    """``sort(reverse, case_sensitive, attribute)``, stable; undefined elements come last either way."""
    if isinstance(value, dict):
        items = array_like(value, run, strict=True)
    else:
        items = value if isinstance(value, list) else characters(value)
    backwards, cased = is_truthy(argument(arguments, 0)), is_truthy(argument(arguments, 1))
    path = attribute_path(argument(arguments, 2))
    present = [item for item in items if item is not UNDEFINED]
    if len(present) > 1:
        present = _sorted(
            present, [follow(item, path) for item in present], run.meter, backwards=backwards, cased=cased
        )
    return present + [UNDEFINED] * (len(items) - len(present))


def _sorted(items: list[Any], keys: list[Any], meter: Meter, *, backwards: bool, cased: bool) -> list[Any]:
    if all(type(key) is str for key in keys):
        if not cased:
            keys = [lower(key) for key in keys]
    elif not all(is_number(key) and not isnan(key) for key in keys):
        return _compared(items, keys, meter, backwards=backwards, cased=cased)
    order_of = sorted(range(len(items)), key=keys.__getitem__, reverse=backwards)
    return [items[index] for index in order_of]


def _compared(items: list[Any], keys: list[Any], meter: Meter, *, backwards: bool, cased: bool) -> list[Any]:
    """Keys of several kinds: two strings without regard to case, all else as ``<`` sees it."""

    def compare(left: int, right: int) -> int:
        one, other = keys[left], keys[right]
        if not cased and isinstance(one, (str, Safe)) and isinstance(other, (str, Safe)):
            one, other = lower(to_text(one)), lower(to_text(other))
        found = order(one, other, meter)
        return 0 if isnan(found) else int(-found if backwards else found)

    order_of = list(range(len(items)))
    sort_by(order_of, compare, meter)
    return [items[index] for index in order_of]


def sort_by(items: list[Any], compare: Callable[[Any, Any], int], meter: Meter) -> None:
    """Sort in place by a comparison; n log n comparisons are charged beforehand."""
    meter.charge(len(items) * len(items).bit_length())
    items.sort(key=cmp_to_key(compare))


def sort_as_text(items: list[Any], meter: Meter) -> None:
    """As JavaScript's ``array.sort()``: by the elements' texts, undefined ones last."""
    present = [(to_string(item, meter), item) for item in items if item is not UNDEFINED]
    present.sort(key=lambda pair: pair[0])
    items[:] = [item for _, item in present] + [UNDEFINED] * (len(items) - len(present))


def dict_sort(value: Any, arguments: list[Any], run: Run) -> Any:
    """``dictsort(case_sensitive, by)``: pairs of an object by ``key`` or ``value``."""
    if not isinstance(value, dict):
        raise Problem(f"The filter dictsort needs an object, and got {kind_of(value)}.")
    cased = is_truthy(argument(arguments, 0))
    by = argument(arguments, 1)
    if by is not UNDEFINED and by not in ("key", "value"):
        raise Problem("The filter dictsort sorts by 'key' or by 'value'.")
    index = 1 if by == "value" else 0

    def folded(item: Any) -> Any:
        if cased or not isinstance(item, (str, Safe)):
            return item
        return upper(item if isinstance(item, str) else item.text)

    def compare(left: list[Any], right: list[Any]) -> int:
        one, other = folded(left[index]), folded(right[index])
        if order(one, other, run.meter) > 0:
            return 1
        return 0 if strictly_equal(one, other) else -1

    pairs = [[key, item] for key, item in value.items()]
    sort_by(pairs, compare, run.meter)
    return pairs


SORTING = {"dictsort": dict_sort, "sort": sort}

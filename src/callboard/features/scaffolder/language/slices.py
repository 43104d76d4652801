"""``value[start:stop:step]``, with Nunjucks' bounds: one past the end is still looked at."""

from __future__ import annotations

import math
from typing import Any

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.limits import Meter, require_entries
from callboard.features.scaffolder.language.values import (
    Function,
    add,
    is_truthy,
    key_of,
    order,
    own_member,
    to_number,
)


def take_slice(value: Any, start: Any, stop: Any, step: Any, meter: Meter) -> list[Any]:
    """The chosen elements as an array, whatever ``value`` was; what is false gives an empty one."""
    if isinstance(value, Function):
        raise Problem("A function cannot be used as a value.")
    target = value if is_truthy(value) else []
    length = own_member(target, "length")
    stride = to_number(step, meter)
    if not math.isfinite(stride) or stride == 0:
        raise Problem("The step of a slice is a number other than 0.")
    backwards = stride < 0
    if start is None:
        start = to_number(length) - 1 if backwards else 0
    if stop is None:
        stop = -1 if backwards else length
    elif order(stop, 0, meter) < 0:
        stop = add(stop, length, meter)
    if order(start, 0, meter) < 0:
        start = add(start, length, meter)
    out: list[Any] = []
    index = start
    while True:
        if order(index, 0, meter) < 0 or order(index, length, meter) > 0:
            return out
        if (not backwards and order(index, stop, meter) >= 0) or (backwards and order(index, stop, meter) <= 0):
            return out
        meter.charge()
        out.append(own_member(target, key_of(index, meter)))
        require_entries(len(out))
        index = add(index, step, meter)

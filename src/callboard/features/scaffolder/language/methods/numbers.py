"""Methods of numbers."""

from __future__ import annotations

from typing import Any

from callboard.features.scaffolder.language import numbers
from callboard.features.scaffolder.language.runtime import Run, argument
from callboard.features.scaffolder.language.values import UNDEFINED, to_number


def _digits(arguments: list[Any], run: Run) -> Any:
    given = argument(arguments, 0)
    return None if given is UNDEFINED else to_number(given, run.meter)


def to_string(number: Any, arguments: list[Any], run: Run) -> Any:
    radix = _digits(arguments, run)
    return numbers.number_text(number) if radix is None else numbers.to_radix(number, radix)


NUMBER_METHODS = {
    "toExponential": (
        0,
        1,
        lambda number, arguments, run: numbers.to_exponential(number, _digits(arguments, run)),
    ),
    "toFixed": (0, 1, lambda number, arguments, run: numbers.to_fixed(number, _digits(arguments, run) or 0)),
    "toPrecision": (0, 1, lambda number, arguments, run: numbers.to_precision(number, _digits(arguments, run))),
    "toString": (0, 1, to_string),
}

"""Arguments that are positions."""

from __future__ import annotations

from typing import Any

from callboard.features.scaffolder.language.numbers import to_integer
from callboard.features.scaffolder.language.runtime import Run, argument
from callboard.features.scaffolder.language.values import UNDEFINED, to_number


def integer(arguments: list[Any], index: int, run: Run, otherwise: float) -> float:
    """The argument as a whole number or infinity; ``otherwise`` if there is none."""
    value = argument(arguments, index)
    return otherwise if value is UNDEFINED else to_integer(to_number(value, run.meter))


def clamped(position: float, length: int) -> int:
    """Between 0 and ``length``."""
    return int(max(0, min(position, length)))


def relative(position: float, length: int) -> int:
    """Between 0 and ``length``, a negative one counted from the end."""
    return clamped(position + length if position < 0 else position, length)

"""The functions that every template has: ``range``, ``cycler``, ``joiner``."""

from __future__ import annotations

from typing import Any, Mapping

from callboard.features.scaffolder.language.limits import require_entries
from callboard.features.scaffolder.language.runtime import Builtin, Run, argument
from callboard.features.scaffolder.language.values import UNDEFINED, add, is_truthy, order


class Range(Builtin):
    """``range(stop)``, ``range(start, stop, step)``: an array of numbers."""

    __slots__ = ()
    label = "range()"

    def arity(self, run: Run) -> tuple[int, float]:
        return 0, 3

    def call(self, run: Run, arguments: list[Any]) -> Any:
        start, stop, step = (argument(arguments, index) for index in range(3))
        if stop is UNDEFINED:
            start, stop, step = 0, start, 1
        elif not is_truthy(step):
            step = 1
        if type(start) is int and type(stop) is int and type(step) is int:
            numbers = range(start, stop, step)
            run.meter.expect_array(len(numbers))
            return list(numbers)
        upwards = order(step, 0, run.meter) > 0
        made: list[Any] = []
        value = start
        while (order(value, stop, run.meter) < 0) if upwards else (order(value, stop, run.meter) > 0):
            made.append(value)
            run.meter.charge()
            require_entries(len(made))
            value = add(value, step, run.meter)
        return made


class MakeCycler(Builtin):
    """``cycler(a, b, …)``: its ``next()`` gives one after the other, over and over."""

    __slots__ = ()
    label = "cycler()"

    def call(self, run: Run, arguments: list[Any]) -> Any:
        return Cycler(arguments)


class Cycler(Builtin):
    __slots__ = ("index", "values")
    label = "A cycler"

    def __init__(self, values: list[Any]) -> None:
        self.values = values
        self.index = -1

    def arity(self, run: Run) -> tuple[int, float]:
        # No count of arguments will do: it is the methods of a cycler that are called.
        return 1, 0

    def member(self, key: str) -> Any:
        if key == "current":
            return None if self.index < 0 or not self.values else self.values[self.index]
        return CyclerMethod(self, key) if key in ("next", "reset") else UNDEFINED


class CyclerMethod(Builtin):
    __slots__ = ("cycler", "name")
    label = "A cycler's method"

    def __init__(self, cycler: Cycler, name: str) -> None:
        self.cycler = cycler
        self.name = name

    def arity(self, run: Run) -> tuple[int, float]:
        return 0, 0

    def call(self, run: Run, arguments: list[Any]) -> Any:
        cycler = self.cycler
        if self.name == "reset" or not cycler.values:
            cycler.index = -1 if self.name == "reset" else 0
            return UNDEFINED
        cycler.index = (cycler.index + 1) % len(cycler.values)
        return cycler.values[cycler.index]


class MakeJoiner(Builtin):
    """``joiner(separator)``: a function that gives nothing the first time, then the separator."""

    __slots__ = ()
    label = "joiner()"

    def arity(self, run: Run) -> tuple[int, float]:
        return 0, 1

    def call(self, run: Run, arguments: list[Any]) -> Any:
        separator = argument(arguments, 0)
        return Joiner(separator if is_truthy(separator) else ",")


class Joiner(Builtin):
    __slots__ = ("separator", "used")
    label = "A joiner"

    def __init__(self, separator: Any) -> None:
        self.separator = separator
        self.used = False

    def arity(self, run: Run) -> tuple[int, float]:
        return 0, 0

    def call(self, run: Run, arguments: list[Any]) -> Any:
        first, self.used = not self.used, True
        return "" if first else self.separator


BUILTINS: Mapping[str, Builtin] = {"cycler": MakeCycler(), "joiner": MakeJoiner(), "range": Range()}

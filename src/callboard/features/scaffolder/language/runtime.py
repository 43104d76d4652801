"""What a render carries along: names by scope, the registered filters and functions, the meter."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from callboard.features.scaffolder.language.boundary import enter, leave
from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.limits import Limits, Meter
from callboard.features.scaffolder.language.values import UNDEFINED, Function
from callboard.kernel.errors import CallboardError

MISSING = object()
_CONSTANTS = {"True": True, "False": False, "None": None}


class Run:
    """One render. ``filters`` and ``globals`` are what the language was given; ``builtins`` its own functions."""

    __slots__ = ("_entered", "builtins", "cookiecutter", "filters", "globals", "holds_functions", "meter")

    def __init__(
        self,
        limits: Limits,
        *,
        cookiecutter: bool,
        filters: Mapping[str, Callable[..., Any]],
        globals: Mapping[str, Any],
        builtins: Mapping[str, Function],
    ) -> None:
        self.meter = Meter(limits)
        self.cookiecutter = cookiecutter
        self.filters = filters
        self.globals = globals
        self.builtins = builtins
        self.holds_functions = False
        self._entered: dict[str, Any] = {}

    def find_global(self, name: str) -> Any:
        """What a name stands for that no scope has; ``MISSING`` if nothing."""
        if self.cookiecutter and name in _CONSTANTS:
            return _CONSTANTS[name]
        if name in self._entered:
            return self._entered[name]
        if name in self.globals:
            given = self.globals[name]
            self._entered[name] = HostFunction(name, given) if callable(given) else enter(given)
            return self._entered[name]
        return self.builtins.get(name, MISSING)

    def call_host(self, what: str, function: Callable[..., Any], arguments: list[Any]) -> Any:
        """Call something registered, with copies of the arguments, and take its answer in."""
        self.meter.call_host()
        given = [leave(argument) for argument in arguments]
        try:
            answer = function(*given)
        except CallboardError as error:
            raise Problem(f"{what} failed: {error.message}") from error
        except Exception as error:
            raise Problem(f"{what} failed: {error}" if str(error) else f"{what} failed.") from error
        return enter(answer)

    def refuse_functions(self, values: list[Any]) -> None:
        """Functions stay within the template: no filter, test or registered function gets one, not even in an array."""
        for value in values:
            if isinstance(value, Function) or (self.holds_functions and _has_function(value)):
                raise Problem("A function cannot be used as a value.")


def _has_function(value: Any) -> bool:
    pending, seen = [value], set()
    while pending:
        one = pending.pop()
        if isinstance(one, Function):
            return True
        if isinstance(one, (list, dict)) and id(one) not in seen:
            seen.add(id(one))
            pending.extend(one.values() if isinstance(one, dict) else one)
    return False


class HostFunction(Function):
    """A function that the language was given."""

    __slots__ = ("function", "name")

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name = name
        self.function = function


class Scope:
    """Names and what they stand for; a name that is not here is looked for in ``parent``.

    ``sealed``: assignments from inside go no further up than here (the root, a macro); the scope of a loop is open, so
    that ``set`` in it changes a variable that was there before it. ``exports`` also gets what ``set`` sets, and ``home``
    is where macros are kept that others call: together they let a macro see what the template's root has set.
    ``lengths`` remembers for each loop of the same frame how long it was when it last ran.
    """

    __slots__ = ("exports", "home", "keeps_macros", "lengths", "names", "parent", "run", "sealed")

    def __init__(
        self,
        run: Run,
        parent: Scope | None,
        *,
        sealed: bool,
        home: Scope | None,
        exports: Scope | None = None,
        keeps_macros: bool = False,
        lengths: dict[Any, Any] | None = None,
    ) -> None:
        self.run = run
        self.parent = parent
        self.sealed = sealed
        self.home = home
        self.exports = exports
        self.keeps_macros = keeps_macros
        self.lengths = {} if lengths is None else lengths
        self.names: dict[str, Any] = {}

    @classmethod
    def root(cls, run: Run, context: dict[str, Any]) -> Scope:
        given = cls(run, None, sealed=True, home=None)
        given.names = context
        home = cls(run, given, sealed=True, home=None)
        return cls(run, home, sealed=True, home=home, exports=home, keeps_macros=True)

    def inner(self, *, exports: bool) -> Scope:
        """An open scope inside this one: a loop, or what a filter block captures."""
        return Scope(
            self.run,
            self,
            sealed=False,
            home=self.home,
            exports=self.exports if exports else None,
            keeps_macros=self.keeps_macros and exports,
            lengths=self.lengths,
        )

    def find(self, name: str) -> Any:
        scope: Scope | None = self
        while scope is not None:
            names = scope.names
            if name in names:
                return names[name]
            scope = scope.parent
        return self.run.find_global(name)

    def assign(self, name: str, value: Any) -> None:
        scope = self
        while name not in scope.names and not scope.sealed and scope.parent is not None:
            scope = scope.parent
        if name in scope.names:
            scope.names[name] = value
        else:
            self.names[name] = value
        if self.exports is not None:
            self.exports.names[name] = value


class Arguments:
    """Evaluated arguments of one call."""

    __slots__ = ("named", "positional")

    def __init__(self, positional: list[Any], named: dict[str, Any]) -> None:
        self.positional = positional
        self.named = named


class Builtin(Function):
    """A function of the language itself. ``check`` looks at how many arguments are written before any is evaluated."""

    __slots__ = ()

    label = "This function"

    def arity(self, run: Run) -> tuple[int, float]:
        """Fewest and most arguments."""
        return 0, float("inf")

    def check(self, run: Run, positional: int, named: int) -> None:
        if named:
            raise Problem(f"{self.label} takes no named arguments.")
        low, high = self.arity(run)
        if not low <= positional <= high:
            count = f"{low}" if low == high else f"at least {low}" if high == float("inf") else f"{low} to {high}"
            raise Problem(f"{self.label} takes {count} argument{'' if count == '1' else 's'}, and got {positional}.")

    def call(self, run: Run, arguments: list[Any]) -> Any:
        raise NotImplementedError


def argument(arguments: list[Any], index: int) -> Any:
    return arguments[index] if index < len(arguments) else UNDEFINED

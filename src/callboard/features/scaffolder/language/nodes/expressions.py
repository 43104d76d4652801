"""Literals, names, members, slices, calls, filters and tests."""

from __future__ import annotations

from typing import Any

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.filters import FILTERS, filter_arguments
from callboard.features.scaffolder.language.macros import Macro
from callboard.features.scaffolder.language.members import get_member
from callboard.features.scaffolder.language.nodes.base import (
    ArgumentList,
    Evaluate,
    Mode,
    Node,
    note_functions,
    placed,
)
from callboard.features.scaffolder.language.predicates import TESTS, apply_test
from callboard.features.scaffolder.language.runtime import MISSING, Builtin, HostFunction, Scope
from callboard.features.scaffolder.language.slices import take_slice
from callboard.features.scaffolder.language.values import UNDEFINED, Regex, key_of, kind_of, make_object


class Literal(Node):
    __slots__ = ("value",)

    def __init__(self, at: int, value: Any) -> None:
        self.at = at
        self.height = 1
        self.value = value

    def compile(self, mode: Mode) -> Evaluate:
        value = self.value
        return lambda scope: value


class RegexLiteral(Node):
    __slots__ = ("flags", "source")

    def __init__(self, at: int, source: str, flags: str) -> None:
        super().__init__(at)
        self.source = source
        self.flags = flags

    def compile(self, mode: Mode) -> Evaluate:
        source, flags = self.source, self.flags
        return lambda scope: Regex(source, flags)


class Name(Node):
    __slots__ = ("name",)

    def __init__(self, at: int, name: str) -> None:
        self.at = at
        self.height = 1
        self.name = name

    def compile(self, mode: Mode) -> Evaluate:
        if not mode.strict:
            return self.lenient(mode)
        name, at = self.name, self.at

        def evaluate(scope: Scope) -> Any:
            value = scope.find(name)
            if value is MISSING:
                raise Problem(f'Nothing is called "{name}" here.', kind="undefined", offset=at)
            return value

        return evaluate

    def lenient(self, mode: Mode) -> Evaluate:
        name = self.name

        def evaluate(scope: Scope) -> Any:
            value = scope.find(name)
            return UNDEFINED if value is MISSING else value

        return evaluate

    def describe(self) -> str:
        return self.name


class Group(Node):
    """Parentheses; of several expressions between them the last is the value."""

    __slots__ = ("items",)

    def __init__(self, at: int, items: list[Node]) -> None:
        super().__init__(at, items)
        self.items = items

    def compile(self, mode: Mode) -> Evaluate:
        if len(self.items) == 1:
            return self.items[0].compile(mode)
        return _last_of([item.compile(mode) for item in self.items], self.at)

    def lenient(self, mode: Mode) -> Evaluate:
        return self.items[0].lenient(mode) if len(self.items) == 1 else self.compile(mode)

    def describe(self) -> str:
        return self.items[0].describe() if len(self.items) == 1 else ""


def _last_of(items: list[Evaluate], at: int) -> Evaluate:
    *before, last = items

    def evaluate(scope: Scope) -> Any:
        scope.run.refuse_functions([item(scope) for item in before])
        return last(scope)

    return placed(evaluate, at)


class ArrayNode(Node):
    __slots__ = ("items",)

    def __init__(self, at: int, items: list[Node]) -> None:
        super().__init__(at, items)
        self.items = items

    def compile(self, mode: Mode) -> Evaluate:
        items, at = tuple([item.compile(mode) for item in self.items]), self.at

        def evaluate(scope: Scope) -> Any:
            made = [item(scope) for item in items]
            try:
                scope.run.meter.expect_array(len(made))
            except Problem as problem:
                raise problem.at(at) from None
            note_functions(scope, made)
            return made

        return evaluate


class ObjectNode(Node):
    __slots__ = ("pairs",)

    def __init__(self, at: int, pairs: list[tuple[str, Node]]) -> None:
        super().__init__(at, [node for _, node in pairs])
        self.pairs = pairs

    def compile(self, mode: Mode) -> Evaluate:
        pairs = tuple([(key, node.compile(mode)) for key, node in self.pairs])

        def evaluate(scope: Scope) -> Any:
            made = make_object([(key, item(scope)) for key, item in pairs])
            scope.run.meter.charge(len(made))
            note_functions(scope, made.values())
            return made

        return placed(evaluate, self.at)


class Member(Node):
    """``target.key`` and ``target[key]``; of null or undefined every member is undefined."""

    __slots__ = ("key", "target")

    def __init__(self, at: int, target: Node, key: Node) -> None:
        super().__init__(at, (target, key))
        self.target = target
        self.key = key

    def compile(self, mode: Mode) -> Evaluate:
        return self._compile(self.target.compile(mode), mode)

    def lenient(self, mode: Mode) -> Evaluate:
        return self._compile(self.target.lenient(mode), mode)

    def _compile(self, target: Evaluate, mode: Mode) -> Evaluate:
        if not isinstance(self.key, Literal):
            return self._dynamic(target, self.key.compile(mode), mode)
        key = key_of(self.key.value)
        cookiecutter = mode.cookiecutter

        def evaluate(scope: Scope) -> Any:
            holder = target(scope)
            if type(holder) is dict and key in holder:
                return holder[key]
            return get_member(holder, key, cookiecutter=cookiecutter)

        return evaluate

    def _dynamic(self, target: Evaluate, key: Evaluate, mode: Mode) -> Evaluate:
        cookiecutter = mode.cookiecutter

        def evaluate(scope: Scope) -> Any:
            holder = target(scope)
            wanted = key(scope)
            if type(wanted) is int and type(holder) is list:
                return holder[wanted] if 0 <= wanted < len(holder) else UNDEFINED
            return get_member(holder, key_of(wanted, scope.run.meter), cookiecutter=cookiecutter)

        return placed(evaluate, self.at)

    def describe(self) -> str:
        before = self.target.describe()
        if not before or not isinstance(self.key, Literal):
            return ""
        key = self.key.value
        return f"{before}.{key}" if isinstance(key, str) else f"{before}[{key_of(key)}]"


class Slice(Node):
    """``target[start:stop:step]``: always an array, of a string an array of its characters."""

    __slots__ = ("bounds", "target")
    cost = 2

    def __init__(self, at: int, target: Node, bounds: list[Node]) -> None:
        super().__init__(at, (target, *bounds))
        self.target = target
        self.bounds = bounds

    def compile(self, mode: Mode) -> Evaluate:
        target = self.target.compile(mode)
        start, stop, step = (bound.compile(mode) for bound in self.bounds)

        def evaluate(scope: Scope) -> Any:
            return take_slice(target(scope), start(scope), stop(scope), step(scope), scope.run.meter)

        return placed(evaluate, self.at)


class Call(Node):
    __slots__ = ("arguments", "target")
    cost = 2

    def __init__(self, at: int, target: Node, arguments: ArgumentList) -> None:
        super().__init__(at, (target, *arguments.nodes()))
        self.target = target
        self.arguments = arguments

    def compile(self, mode: Mode) -> Evaluate:
        target, arguments = self.target.compile(mode), self.arguments.compile(mode)
        counts = len(self.arguments.positional), len(self.arguments.named)
        name = self.target.describe()

        def evaluate(scope: Scope) -> Any:
            function = target(scope)
            run = scope.run
            if isinstance(function, Macro):
                given = arguments(scope)
                return function.invoke(run, given)
            if isinstance(function, Builtin):
                function.check(run, *counts)
                values = arguments(scope).positional
                run.refuse_functions(values)
                return function.call(run, values)
            if isinstance(function, HostFunction):
                if counts[1]:
                    raise Problem(f"{function.name}() takes no named arguments.")
                values = arguments(scope).positional
                run.refuse_functions(values)
                return run.call_host(f"{function.name}()", function.function, values)
            what = f'"{name}"' if name else "This"
            raise Problem(f"{what} is {kind_of(function)} and cannot be called.")

        return placed(evaluate, self.at)


class FilterNode(Node):
    """``input | name(arguments)``."""

    __slots__ = ("arguments", "input", "name")
    cost = 2

    def __init__(self, at: int, name: str, input: Node, arguments: ArgumentList) -> None:
        super().__init__(at, (input, *arguments.nodes()))
        self.name = name
        self.input = input
        self.arguments = arguments

    def compile(self, mode: Mode) -> Evaluate:
        asks = self.name in ("default", "d")
        name = "dump" if mode.cookiecutter and self.name == "jsonify" else self.name
        input = self.input.lenient(mode) if asks else self.input.compile(mode)
        arguments = self.arguments.compile(mode)
        builtin = FILTERS.get(name)
        written, has_named = self.name, bool(self.arguments.named)

        def evaluate(scope: Scope) -> Any:
            run = scope.run
            host = run.filters.get(written)
            if host is None and builtin is None:
                raise Problem(f'There is no filter "{written}".')
            if host is not None and has_named:
                raise Problem(f'The filter "{written}" takes no named arguments.')
            value = input(scope)
            given = arguments(scope)
            positional = given.positional if host is not None else filter_arguments(name, given)
            run.refuse_functions([value, *positional, *given.named.values()])
            if host is not None:
                return run.call_host(f'The filter "{written}"', host, [value, *positional])
            assert builtin is not None
            run.meter.weigh(value)
            found = builtin(value, positional, run)
            run.meter.weigh(found)
            return found

        return placed(evaluate, self.at)


class Test(Node):
    """``value is name`` and ``value is name(arguments)``."""

    __slots__ = ("arguments", "name", "value")
    cost = 2

    def __init__(self, at: int, value: Node, name: str, arguments: ArgumentList | None) -> None:
        super().__init__(at, (value, *(arguments.nodes() if arguments is not None else ())))
        self.value = value
        self.name = name
        self.arguments = arguments

    def compile(self, mode: Mode) -> Evaluate:
        name, counts = self.name, (0, 0)
        value = self.value.lenient(mode) if name in ("defined", "undefined") else self.value.compile(mode)
        arguments: tuple[Evaluate, ...] = ()
        if self.arguments is not None:
            arguments = self.arguments.compile_positional(mode)
            counts = len(arguments), len(self.arguments.named)

        def evaluate(scope: Scope) -> Any:
            arity = TESTS.get(name)
            if arity is None:
                raise Problem(f'There is no test "{name}".')
            if counts != (arity, 0):
                raise Problem(f'The test "{name}" takes {arity} argument{"" if arity == 1 else "s"}.')
            return apply_test(name, value(scope), [one(scope) for one in arguments], scope.run)

        return placed(evaluate, self.at)

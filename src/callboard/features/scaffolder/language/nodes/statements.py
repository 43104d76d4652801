"""Statements: text, output, conditions, loops, assignments, macros."""

from __future__ import annotations

from typing import Any, Iterable

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.macros import Macro, MacroCode
from callboard.features.scaffolder.language.nodes.base import Evaluate, Execute, Mode, Node
from callboard.features.scaffolder.language.nodes.expressions import Call
from callboard.features.scaffolder.language.runtime import Scope
from callboard.features.scaffolder.language.values import UNDEFINED, is_truthy, strictly_equal, to_text


class Statement:
    """``weight`` is what one execution is charged for its own expressions."""

    __slots__ = ("at", "height", "weight")
    height: int
    cost = 2

    def __init__(self, at: int, weight: int, below: Iterable[Node | Statement] = ()) -> None:
        self.at = at
        self.weight = weight
        self.height = self.cost + max((node.height for node in below), default=0)

    def compile(self, mode: Mode) -> Execute:
        raise NotImplementedError


Body = list[Statement]
Steps = tuple[Execute, ...]


def steps_of(body: Body, mode: Mode) -> Steps:
    # A loop, as in all that compiles bodies: before Python 3.12 a comprehension is one frame more for each level.
    steps = []
    for statement in body:
        steps.append(statement.compile(mode))
    return tuple(steps)


class Text(Statement):
    __slots__ = ("text",)

    def __init__(self, at: int, text: str) -> None:
        super().__init__(at, 1)
        self.text = text

    def compile(self, mode: Mode) -> Execute:
        text, length = self.text, len(self.text)

        def execute(scope: Scope, out: list[str]) -> None:
            meter = scope.run.meter
            meter.charge()
            meter.emit(length)
            out.append(text)

        return execute


class Output(Statement):
    """``${{ expression }}``, or a filter block, whose value is printed the same way."""

    __slots__ = ("expression",)

    def __init__(self, at: int, weight: int, expression: Node) -> None:
        super().__init__(at, weight, (expression,))
        self.expression = expression

    def evaluator(self, mode: Mode) -> Evaluate:
        """The bare value. In strict mode an undefined one is a problem."""
        expression, weight, at, name = (
            self.expression.compile(mode),
            self.weight,
            self.expression.at,
            self.expression.describe(),
        )
        strict = mode.strict

        def evaluate(scope: Scope) -> Any:
            try:
                scope.run.meter.charge(weight)
                value = expression(scope)
            except Problem as problem:
                raise problem.at(at) from problem.__cause__
            if strict and value is UNDEFINED:
                what = f'"{name}"' if name else "This expression"
                raise Problem(f"{what} has no value.", kind="undefined", offset=at)
            return value

        return evaluate

    def compile(self, mode: Mode) -> Execute:
        evaluate, at = self.evaluator(mode), self.at

        def execute(scope: Scope, out: list[str]) -> None:
            value = evaluate(scope)
            try:
                text = value if type(value) is str else to_text(value, scope.run.meter)
                scope.run.meter.emit(len(text))
            except Problem as problem:
                raise problem.at(at) from problem.__cause__
            out.append(text)

        return execute


class If(Statement):
    __slots__ = ("branches", "otherwise")

    def __init__(self, at: int, weight: int, branches: list[tuple[Node, Body]], otherwise: Body) -> None:
        conditions: list[Node | Statement] = [condition for condition, _ in branches]
        super().__init__(at, weight, [*conditions, *(one for _, body in branches for one in body), *otherwise])
        self.branches = branches
        self.otherwise = otherwise

    def compile(self, mode: Mode) -> Execute:
        branches = []
        for condition, body in self.branches:
            branches.append((condition.lenient(mode), steps_of(body, mode)))
        otherwise, at = steps_of(self.otherwise, mode), self.at
        each = max(1, self.weight // len(branches))

        def execute(scope: Scope, out: list[str]) -> None:
            chosen = otherwise
            try:
                for condition, steps in branches:
                    scope.run.meter.charge(each)
                    if is_truthy(condition(scope)):
                        chosen = steps
                        break
            except Problem as problem:
                raise problem.at(at) from problem.__cause__
            for step in chosen:
                step(scope, out)

        return execute


class Set(Statement):
    """``{% set a, b = value %}`` gives each target the whole value; the block form gives them its text."""

    __slots__ = ("body", "targets", "value")

    def __init__(self, at: int, weight: int, targets: list[str], value: Node | None, body: Body) -> None:
        super().__init__(at, weight, body if value is None else (value,))
        self.targets = targets
        self.value = value
        self.body = body

    def compile(self, mode: Mode) -> Execute:
        targets, at, weight = tuple(self.targets), self.at, self.weight
        if self.value is None:
            captured = capture(self.body, mode)
        else:
            captured = self.value.compile(mode)

        def execute(scope: Scope, out: list[str]) -> None:
            try:
                scope.run.meter.charge(weight)
                value = captured(scope)
            except Problem as problem:
                raise problem.at(at) from problem.__cause__
            for name in targets:
                scope.assign(name, value)

        return execute


def capture(body: Body, mode: Mode) -> Evaluate:
    """The text that ``body`` prints."""
    steps = steps_of(body, mode)

    def evaluate(scope: Scope) -> str:
        out: list[str] = []
        for step in steps:
            step(scope, out)
        return "".join(out)

    return evaluate


class Capture(Node):
    """The body of a filter block, as the input of its filter. What it sets stays inside."""

    __slots__ = ("body",)
    cost = 2

    def __init__(self, at: int, body: Body) -> None:
        self.at = at
        self.height = self.cost + max((one.height for one in body), default=0)
        self.body = body

    def compile(self, mode: Mode) -> Evaluate:
        captured = capture(self.body, mode)
        return lambda scope: captured(scope.inner(exports=True))


class MacroNode(Statement):
    __slots__ = ("body", "name", "parameters")

    def __init__(self, at: int, name: str, parameters: list[tuple[str, Node | None]], body: Body) -> None:
        defaults = [default for _, default in parameters if default is not None]
        super().__init__(at, 1, [*defaults, *body])
        self.name = name
        self.parameters = parameters
        self.body = body

    def code(self, mode: Mode) -> MacroCode:
        parameters = [(name, None if default is None else default.compile(mode)) for name, default in self.parameters]
        return MacroCode(parameters, steps_of(self.body, mode), self.height - self.cost)

    def compile(self, mode: Mode) -> Execute:
        name, code = self.name, self.code(mode)

        def execute(scope: Scope, out: list[str]) -> None:
            scope.run.meter.charge()
            home = scope.home
            assert home is not None
            macro = Macro(code, home)
            scope.names[name] = macro
            if scope.keeps_macros:
                home.names[name] = macro

        return execute


class CallBlock(Statement):
    """``{% call m() %}body{% endcall %}``: the macro gets the body as ``caller``."""

    __slots__ = ("call", "caller")

    def __init__(self, at: int, weight: int, call: Call, caller: MacroNode) -> None:
        super().__init__(at, weight, (call, caller))
        self.call = call
        self.caller = caller

    def compile(self, mode: Mode) -> Execute:
        target, arguments = self.call.target.compile(mode), self.call.arguments.compile(mode)
        code, at, weight = self.caller.code(mode), self.at, self.weight

        def execute(scope: Scope, out: list[str]) -> None:
            run = scope.run
            try:
                run.meter.charge(weight)
                macro = target(scope)
                if not isinstance(macro, Macro) or macro.is_caller:
                    raise Problem("Only a macro can be called with a block.")
                given = arguments(scope)
                given.named["caller"] = Macro(code, scope, is_caller=True)
                text = macro.invoke(run, given).text
                run.meter.emit(len(text))
            except Problem as problem:
                raise problem.at(at) from problem.__cause__
            out.append(text)

        return execute


class Block(Statement):
    """``{% block name %}``: without inheritance its body simply stands there, with names of its own."""

    __slots__ = ("body", "name")

    def __init__(self, at: int, name: str, body: Body) -> None:
        super().__init__(at, 1, body)
        self.name = name
        self.body = body

    def compile(self, mode: Mode) -> Execute:
        steps = steps_of(self.body, mode)

        def execute(scope: Scope, out: list[str]) -> None:
            inner = Scope(scope.run, scope, sealed=True, home=scope.home, keeps_macros=True)
            scope.run.meter.charge()
            for step in steps:
                step(inner, out)

        return execute


class Switch(Statement):
    """Cases are compared strictly; one with an empty body falls through to the next."""

    __slots__ = ("cases", "otherwise", "value")

    def __init__(
        self, at: int, weight: int, value: Node, cases: list[tuple[Node, Body]], otherwise: Body | None
    ) -> None:
        below: list[Node | Statement] = [
            value,
            *(case for case, _ in cases),
            *(one for _, body in cases for one in body),
        ]
        super().__init__(at, weight, [*below, *(otherwise or ())])
        self.value = value
        self.cases = cases
        self.otherwise = otherwise

    def compile(self, mode: Mode) -> Execute:
        value, at, weight = self.value.compile(mode), self.at, self.weight
        cases = []
        for case, body in self.cases:
            cases.append((case.compile(mode), steps_of(body, mode)))
        otherwise = steps_of(self.otherwise or [], mode)

        def execute(scope: Scope, out: list[str]) -> None:
            chosen = otherwise
            matched = False
            try:
                scope.run.meter.charge(weight)
                wanted = value(scope)
                for case, steps in cases:
                    matched = matched or strictly_equal(wanted, case(scope))
                    if matched and steps:
                        chosen = steps
                        break
            except Problem as problem:
                raise problem.at(at) from problem.__cause__
            for step in chosen:
                step(scope, out)

        return execute

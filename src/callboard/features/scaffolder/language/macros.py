"""Macros, and the bodies of ``call`` blocks: functions that a template writes itself."""

from __future__ import annotations

from typing import Any, Callable

from callboard.features.scaffolder.language.runtime import Arguments, Run, Scope
from callboard.features.scaffolder.language.values import UNDEFINED, Function, Safe

Parameter = tuple[str, "Callable[[Scope], Any] | None"]


class MacroCode:
    """What the source says about a macro. A parameter without a default is positional; ``height`` is its body's."""

    __slots__ = ("body", "has_caller", "height", "optional", "parameters", "required")

    def __init__(
        self, parameters: list[Parameter], body: tuple[Callable[[Scope, list[str]], None], ...], height: int
    ) -> None:
        self.parameters = parameters
        self.required = [name for name, default in parameters if default is None]
        self.optional = [name for name, default in parameters if default is not None]
        self.has_caller = any(name == "caller" for name, _ in parameters)
        self.body = body
        self.height = height


class Macro(Function):
    """A macro in the scope that it sees: the template's root, for the body of a ``call`` block where that stands."""

    __slots__ = ("code", "is_caller", "scope")

    def __init__(self, code: MacroCode, scope: Scope, *, is_caller: bool = False) -> None:
        self.code = code
        self.scope = scope
        self.is_caller = is_caller

    def invoke(self, run: Run, arguments: Arguments) -> Safe:
        """Render the body; the result counts as safe text."""
        code = self.code
        run.meter.charge(1)
        run.meter.enter(code.height)
        local = Scope(run, self.scope, sealed=True, home=self.scope.home, keeps_macros=not self.is_caller)
        if not self.is_caller:
            local.home = self.scope
        self._bind(local, arguments)
        out: list[str] = []
        for step in code.body:
            step(local, out)
        run.meter.leave(code.height)
        return Safe("".join(out))

    def _bind(self, local: Scope, arguments: Arguments) -> None:
        code = self.code
        positional = arguments.positional[: len(code.required)]
        named = dict(arguments.named)
        named.update(zip(code.optional, arguments.positional[len(code.required) :], strict=False))
        for name in code.required[len(positional) :]:
            positional.append(named.pop(name, UNDEFINED))
        values = iter(positional)
        for name, default in code.parameters:
            if default is None:
                local.names[name] = next(values)
            else:
                local.names[name] = named[name] if name in named else default(local)
        if not code.has_caller and "caller" in named:
            local.names["caller"] = named["caller"]

"""The language: a closed set of filters and functions, programs compiled from source, and their cache."""

from __future__ import annotations

import re
from collections import OrderedDict
from threading import Lock
from typing import Any, Callable, Mapping

from callboard.features.scaffolder.language.boundary import enter, leave
from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.filters import FILTERS
from callboard.features.scaffolder.language.functions import BUILTINS
from callboard.features.scaffolder.language.limits import too_much
from callboard.features.scaffolder.language.methods import CHANGING
from callboard.features.scaffolder.language.nodes.base import Mode
from callboard.features.scaffolder.language.nodes.statements import Output, steps_of
from callboard.features.scaffolder.language.operands import COMPUTED
from callboard.features.scaffolder.language.options import Options
from callboard.features.scaffolder.language.parser import parse_template
from callboard.features.scaffolder.language.predicates import TESTS
from callboard.features.scaffolder.language.references import Reference
from callboard.features.scaffolder.language.runtime import Run, Scope
from callboard.features.scaffolder.language.text import from_units, to_units
from callboard.features.scaffolder.language.values import RESERVED, to_text

_CACHED_CHARS = 1024 * 1024
_LONGEST_CACHED = 128 * 1024
_FILTER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_GLOBAL_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")


class Context(Mapping[str, Any]):
    """Values that many templates are rendered with: each root is taken in once, when one asks for it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._entered: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def entered(self, name: str, *, changing: bool) -> Any:
        """The value as the interpreter holds it; a template that may change it gets one of its own."""
        if changing:
            return enter(self._values[name])
        if name not in self._entered:
            self._entered[name] = enter(self._values[name])
        return self._entered[name]


class _Code:
    """A compiled template, without the language that it is run in."""

    __slots__ = ("calls", "changing", "filters", "height", "options", "references", "roots", "sole", "source", "steps")

    def __init__(self, source: str, options: Options) -> None:
        self.source = source
        self.options = options
        template = parse_template(source, options)
        gathered = template.gathered
        mode = Mode(cookiecutter=options.cookiecutter, strict=options.strict)
        sole = template.body[0] if len(template.body) == 1 else None
        self.sole = sole.evaluator(mode) if isinstance(sole, Output) else None
        self.steps = steps_of(template.body, mode)
        self.height = max((statement.height for statement in template.body), default=0)
        self.roots = frozenset(gathered.roots)
        self.calls = frozenset(gathered.calls - gathered.bound)
        self.filters = frozenset(gathered.filters)
        self.changing = not gathered.members.isdisjoint(CHANGING | {COMPUTED})
        self.references = _references(source, gathered.reads, gathered.bound)


def _references(source: str, reads: list[tuple[tuple[str, ...], int]], bound: set[str]) -> tuple[Reference, ...]:
    found = []
    line, passed = 1, 0
    for path, at in sorted((read for read in reads if read[0][0] not in bound), key=lambda read: read[1]):
        line += source.count("\n", passed, at)
        passed = at
        found.append(Reference(path, line, at - source.rfind("\n", 0, at)))
    return tuple(found)


class _Cache:
    """The programs last used, as many as fit; long ones are not kept."""

    def __init__(self) -> None:
        self._codes: OrderedDict[tuple[str, Options], _Code] = OrderedDict()
        self._chars = 0
        self._lock = Lock()

    def get(self, source: str, options: Options) -> _Code:
        key = (source, options)
        with self._lock:
            code = self._codes.get(key)
            if code is not None:
                self._codes.move_to_end(key)
                return code
        code = _compile(source, options)
        if len(source) <= _LONGEST_CACHED:
            with self._lock:
                if key not in self._codes:
                    self._codes[key] = code
                    self._chars += len(source) + 64
                while self._chars > _CACHED_CHARS:
                    dropped, _ = self._codes.popitem(last=False)
                    self._chars -= len(dropped[0]) + 64
        return code


def _compile(source: str, options: Options) -> _Code:
    units = to_units(source)
    try:
        return _Code(units, options)
    except Problem as problem:
        raise problem.as_fault(units) from problem.__cause__
    except RecursionError:
        raise too_much("levels of nesting", options.limits.depth).as_fault(units) from None


_CACHE = _Cache()
"""Shared by all languages: what a source compiles to does not depend on filters and functions, which are looked up when
a program runs."""


class Program:
    """A compiled template in a language."""

    def __init__(self, code: _Code, language: Language) -> None:
        self._code = code
        self._language = language

    @property
    def references(self) -> tuple[Reference, ...]:
        """What it reads from its context or the registered values, in the order of the source."""
        return self._code.references

    @property
    def names(self) -> frozenset[str]:
        """Root names that it reads."""
        return frozenset(reference.path[0] for reference in self._code.references)

    @property
    def calls(self) -> frozenset[str]:
        """Names of the functions that it calls, as ``always``; methods and its own macros are not among them."""
        return self._code.calls

    @property
    def filters(self) -> frozenset[str]:
        return self._code.filters

    @property
    def unknown_filters(self) -> frozenset[str]:
        """Filters that it names and the language lacks."""
        known = (
            FILTERS.keys() | self._language.filters.keys() | ({"jsonify"} if self._code.options.cookiecutter else set())
        )
        return self._code.filters - known

    def render_text(self, context: Mapping[str, Any]) -> str:
        """The text that it prints. Raises ``TemplateFault``."""
        found = self._render(context, native=False)
        assert isinstance(found, str)
        return found

    def render_value(self, context: Mapping[str, Any]) -> Any:
        """The value itself when the whole source is one ``${{ }}``, else the text. May be ``UNDEFINED``."""
        return self._render(context, native=self._code.sole is not None)

    def _render(self, context: Mapping[str, Any], *, native: bool) -> Any:
        code, language = self._code, self._language
        run = Run(
            code.options.limits,
            cookiecutter=code.options.cookiecutter,
            filters=language.filters,
            globals=language.globals,
            builtins=BUILTINS,
        )
        try:
            scope = Scope.root(run, _enter_roots(context, code))
            run.meter.enter(code.height)
            if native and code.sole is not None:
                value = code.sole(scope)
                run.meter.emit(len(to_text(value, run.meter)))
                return leave(value)
            out: list[str] = []
            for step in code.steps:
                step(scope, out)
            return from_units("".join(out))
        except Problem as problem:
            raise problem.as_fault(code.source) from problem.__cause__
        except (RecursionError, MemoryError):
            raise too_much("levels of nesting", code.options.limits.depth).as_fault(code.source) from None


def _enter_roots(context: Mapping[str, Any], code: _Code) -> dict[str, Any]:
    """The values of the names that the program mentions."""
    if isinstance(context, Context):
        return {name: context.entered(name, changing=code.changing) for name in code.roots if name in context}
    return {name: enter(context[name]) for name in code.roots if name in context}


class Language:
    """Filters and functions that templates may use besides the built-in ones.

    Args:
        filters: Called with the input and the positional arguments, plain JSON or ``UNDEFINED``; return such a value.
        globals: JSON values, or functions called with the positional arguments.

    A ``CallboardError`` or any other exception of theirs becomes a ``TemplateFault`` where the template calls them.

    Raises:
        ValueError: A name is none that a template could write, or is reserved.
    """

    def __init__(
        self,
        *,
        filters: Mapping[str, Callable[..., Any]] | None = None,
        globals: Mapping[str, Any] | None = None,
    ) -> None:
        self.filters = dict(filters or {})
        self.globals = dict(globals or {})
        for pattern, names in ((_FILTER_NAME, self.filters), (_GLOBAL_NAME, self.globals)):
            for name in names:
                if not pattern.fullmatch(name) or not RESERVED.isdisjoint(name.split(".")):
                    raise ValueError(f"{name!r} cannot be the name of a filter or a function.")

    def extended(
        self, *, filters: Mapping[str, Callable[..., Any]] | None = None, globals: Mapping[str, Any] | None = None
    ) -> Language:
        """This language with more filters and functions, for one run of a template as an example."""
        return Language(filters={**self.filters, **(filters or {})}, globals={**self.globals, **(globals or {})})

    def compile(self, source: str, options: Options = Options()) -> Program:  # noqa: B008 - it is frozen
        """Raises ``TemplateSyntaxFault`` or ``TemplateLimitFault``."""
        return Program(_CACHE.get(source, options), self)

    def render_text(self, source: str, context: Mapping[str, Any], options: Options = Options()) -> str:  # noqa: B008
        """``source`` as the text of a file or its name. Raises ``TemplateFault``."""
        return self.compile(source, options).render_text(context)

    def render_value(self, source: str, context: Mapping[str, Any], options: Options = Options()) -> Any:  # noqa: B008
        """``source`` as a value of a step. Raises ``TemplateFault``; may be ``UNDEFINED``."""
        return self.compile(source, options).render_value(context)


BUILTIN_FILTERS = tuple(sorted(FILTERS))
BUILTIN_TESTS = tuple(sorted(TESTS))
BUILTIN_GLOBALS = tuple(sorted(BUILTINS))

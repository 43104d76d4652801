"""What can be wrong with a template: syntax, a limit, an operation, a name that stands for nothing.

TemplateFault                 (InputError)
├── TemplateSyntaxFault       it cannot be read
├── TemplateLimitFault        it needs more than one render may use
├── TemplateRuntimeFault      an operation, filter or function failed
└── UndefinedNameFault        strict mode: nothing has that name
"""

from __future__ import annotations

from typing import Literal

from callboard.kernel.errors import InputError

Kind = Literal["syntax", "limit", "runtime", "undefined"]


class TemplateFault(InputError):
    """A template cannot be rendered. ``line`` and ``column`` count from 1, ``excerpt`` is the line they point into."""

    code = "scaffolder.template"
    line: int
    column: int

    def __init__(self, message: str, *, line: int, column: int, excerpt: str = "", field: str | None = None) -> None:
        super().__init__(message, line=line, column=column, field=field)
        self.excerpt = excerpt

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class TemplateSyntaxFault(TemplateFault):
    """The text is no template of this language."""

    code = "scaffolder.template_syntax"


class TemplateLimitFault(TemplateFault):
    """The template is too large, too deep, or does too much."""

    code = "scaffolder.template_limit"


class TemplateRuntimeFault(TemplateFault):
    """An operation, a filter or a function failed on the values that it got."""

    code = "scaffolder.template_failed"


class UndefinedNameFault(TemplateFault):
    """In strict mode: a name or a path stands for nothing."""

    code = "scaffolder.template_undefined"


_FAULTS: dict[str, type[TemplateFault]] = {
    "syntax": TemplateSyntaxFault,
    "limit": TemplateLimitFault,
    "runtime": TemplateRuntimeFault,
    "undefined": UndefinedNameFault,
}
_EXCERPT_LENGTH = 120


class Problem(Exception):
    """A fault on its way up, before anybody who knows the source has said where. Never leaves this package."""

    def __init__(self, message: str, *, kind: Kind = "runtime", offset: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.offset = offset

    def at(self, offset: int) -> Problem:
        """The same, placed; the innermost place stays."""
        if self.offset is None:
            self.offset = offset
        return self

    def as_fault(self, source: str) -> TemplateFault:
        offset = min(self.offset or 0, len(source))
        start = source.rfind("\n", 0, offset) + 1
        end = source.find("\n", offset)
        text = source[start : end if end >= 0 else len(source)]
        column = offset - start
        shown_from = max(0, column - _EXCERPT_LENGTH // 2)
        excerpt = text[shown_from : shown_from + _EXCERPT_LENGTH].rstrip("\r")
        return _FAULTS[self.kind](
            self.message, line=source.count("\n", 0, offset) + 1, column=column + 1, excerpt=excerpt
        )

"""The template language: a closed interpreter with JavaScript's values, as Backstage's scaffolder has it.

Source becomes pieces (``lexer``), a tree (``parser``, ``expressions``, ``nodes``), and closures, which run over values
that are only ever those of ``values``: no ``eval``, no attribute of a Python object, nothing registered that is not
named. What a render may use up is counted (``limits``). See docs/explanation/template-language.md.
"""

from __future__ import annotations

from callboard.features.scaffolder.language.faults import (
    TemplateFault,
    TemplateLimitFault,
    TemplateRuntimeFault,
    TemplateSyntaxFault,
    UndefinedNameFault,
)
from callboard.features.scaffolder.language.json_text import to_json
from callboard.features.scaffolder.language.json_values import TemplateFaults, render_json
from callboard.features.scaffolder.language.language import (
    BUILTIN_FILTERS,
    BUILTIN_GLOBALS,
    BUILTIN_TESTS,
    Context,
    Language,
    Program,
)
from callboard.features.scaffolder.language.limits import Limits
from callboard.features.scaffolder.language.options import Options
from callboard.features.scaffolder.language.references import Reference
from callboard.features.scaffolder.language.values import UNDEFINED, is_truthy, to_text

__all__ = [
    "BUILTIN_FILTERS",
    "BUILTIN_GLOBALS",
    "BUILTIN_TESTS",
    "UNDEFINED",
    "Context",
    "Language",
    "Limits",
    "Options",
    "Program",
    "Reference",
    "TemplateFault",
    "TemplateFaults",
    "TemplateLimitFault",
    "TemplateRuntimeFault",
    "TemplateSyntaxFault",
    "UndefinedNameFault",
    "is_truthy",
    "render_json",
    "to_json",
    "to_text",
]

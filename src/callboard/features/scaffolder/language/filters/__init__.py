"""The built-in filters. Each gets its input, its positional arguments and the render; their list is closed.

They follow Nunjucks 3.2 on JavaScript's values, so text counts in UTF-16 code units and a filter on the wrong kind of
value is a fault rather than a guess.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping

from callboard.features.scaffolder.language.filters.basic import BASIC
from callboard.features.scaffolder.language.filters.markup import MARKUP
from callboard.features.scaffolder.language.filters.sequences import SEQUENCES
from callboard.features.scaffolder.language.filters.sorting import SORTING
from callboard.features.scaffolder.language.filters.texts import TEXTS
from callboard.features.scaffolder.language.runtime import Arguments, Run
from callboard.features.scaffolder.language.values import UNDEFINED, make_object

Filter = Callable[[Any, list[Any], Run], Any]

FILTERS: Mapping[str, Filter] = {**BASIC, **MARKUP, **SEQUENCES, **SORTING, **TEXTS}

_NAMED = {"int": ("default", "base"), "sort": ("reverse", "case_sensitive", "attribute")}
"""The only built-in filters whose arguments have names."""


def filter_arguments(name: str, given: Arguments) -> list[Any]:
    """Positional arguments of a built-in filter.

    For most of them, as in Nunjucks, all named arguments together are one more positional argument: an object.
    """
    if not given.named:
        return given.positional
    names = _NAMED.get(name)
    if names is None:
        return [*given.positional, make_object([*given.named.items(), ("__keywords", True)])]
    values = given.positional[: len(names)]
    return [*values, *(given.named.get(missing, UNDEFINED) for missing in names[len(values) :])]

"""Methods of objects, which only cookiecutter's templates have, and of regular expressions."""

from __future__ import annotations

from typing import Any

from callboard.features.scaffolder.language import regex
from callboard.features.scaffolder.language.runtime import Run, argument
from callboard.features.scaffolder.language.values import has_member, own_member, to_string


def get(value: dict[str, Any], arguments: list[Any], run: Run) -> Any:
    key = to_string(arguments[0], run.meter)
    return own_member(value, key) if has_member(value, key) else argument(arguments, 1)


def _charged(items: list[Any], run: Run) -> list[Any]:
    run.meter.charge(len(items))
    return items


OBJECT_METHODS = {
    "get": (1, 2, get),
    "has_key": (1, 1, lambda value, arguments, run: has_member(value, to_string(arguments[0], run.meter))),
    "items": (0, 0, lambda value, arguments, run: _charged([[key, item] for key, item in value.items()], run)),
    "keys": (0, 0, lambda value, arguments, run: _charged(list(value), run)),
    "values": (0, 0, lambda value, arguments, run: _charged(list(value.values()), run)),
}

REGEX_METHODS = {
    "test": (
        1,
        1,
        lambda value, arguments, run: regex.test(to_string(arguments[0], run.meter), value, run.meter),
    ),
}

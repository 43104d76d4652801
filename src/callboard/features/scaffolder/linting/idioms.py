"""Habits of Jinja and of Nunjucks as Backstage had it, which the language of today takes otherwise. Pure: texts in, rules out.

Source: facts on nunjitsu 0.6.2, section "Differences".
"""

from __future__ import annotations

import re
from typing import Iterator, Mapping, NamedTuple

INSTEAD: Mapping[str, str] = {
    "tojson": "dump",
    "jsonify": "dump",
    "to_json": "dump",
    "items": "{% for key, value in object %}",
    "unique": "a loop",
    "map": "a loop",
    "count": "length",
    "strip": "trim",
    "split": "text.split(separator)",
    "format": "~ to join texts",
    "default_if_none": "default(value, true)",
}
"""What to write for filters that other dialects have."""

_METHODS: Mapping[str, str] = {
    "upper": "| upper",
    "lower": "| lower",
    "strip": ".trim()",
    "capitalize": "| capitalize",
    "title": "| title",
    "items": "{% for key, value in object %}",
    "keys": "{% for key, value in object %}",
    "get": "['name']",
    "append": ".push(value)",
    "startswith": ".startsWith(text)",
    "endswith": ".endsWith(text)",
    "format": "~ to join texts",
    "isdigit": "| int",
}
_METHOD = re.compile(r"[\w\])]\.(" + "|".join(_METHODS) + r")\(")
_PLAIN = re.compile(r"(?<!\$)\{\{-?\s*(?:parameters|steps|secrets|each|user|context)\b")
_EXPRESSION = re.compile(r"(\$\{\{|\{%)(.*?)(\}\}|%\})", re.DOTALL)
_TEXT_FLAG = re.compile(r"parameters\.([A-Za-z_]\w*)\s*[!=]={1,2}\s*(['\"])(true|false)\2")
_EMPTY_ELSE = re.compile(r"\belse\s+(''|\"\")\s*-?\}\}\s*$")
_NUMERIC = frozenset({"boolean", "number", "integer", "array", "object"})


class Habit(NamedTuple):
    """``offset`` counts characters in the text."""

    rule: str
    offset: int
    values: Mapping[str, str]


def find_habits(text: str, types: Mapping[str, str], *, compat: bool = False) -> Iterator[Habit]:
    """``types`` are the JSON types of the parameters; ``compat``: the methods of Python and ``{{ }}`` are there."""
    if not compat:
        for found in _PLAIN.finditer(text):
            yield Habit("plain-braces", found.start(), {})
    for part in _EXPRESSION.finditer(text):
        inner, start = part[2], part.start(2)
        if not compat:
            for found in _METHOD.finditer(inner):
                values = {"method": found[1], "instead": _METHODS[found[1]]}
                yield Habit("python-method", start + found.start(1), values)
        for found in _TEXT_FLAG.finditer(inner):
            if types.get(found[1]) == "boolean":
                yield Habit("flag-as-text", start + found.start(), {"name": found[1], "value": found[3]})


def find_input_habits(text: str, wanted: str) -> Iterator[Habit]:
    """Those of one input of a step. ``wanted`` is the type that its schema asks for, "" when it does not."""
    found = _EMPTY_ELSE.search(text)
    if found is not None and text.startswith("${{") and text.count("${{") == 1:
        yield Habit("empty-text", found.start(1), {})
    if wanted in _NUMERIC and "{%" in text:
        yield Habit("text-not-value", text.index("{%"), {"type": wanted})


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)

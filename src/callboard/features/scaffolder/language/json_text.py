"""``JSON.stringify``: text for a value, in JavaScript's form."""

from __future__ import annotations

import json
from math import isnan
from typing import Any

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.limits import MAX_VALUE_DEPTH, Meter, too_much
from callboard.features.scaffolder.language.numbers import number_text, to_integer
from callboard.features.scaffolder.language.text import escape_lone_surrogates
from callboard.features.scaffolder.language.values import UNDEFINED, Function, Regex, Safe

_encode_text = json.encoder.JSONEncoder(ensure_ascii=False).encode
_MAX_INDENT = 10


def to_json(value: Any, indent: Any = None, meter: Meter | None = None) -> Any:
    """JSON text of ``value``; UNDEFINED for UNDEFINED.

    Args:
        value: A value of the language.
        indent: As JavaScript's third argument: a number of blanks or a text, ten at most; else all in one line.
        meter: What the size of the text is charged to.
    """
    if value is UNDEFINED:
        return UNDEFINED
    writer = _Writer(_indent(indent), meter)
    writer.write(value, "")
    text = "".join(writer.parts)
    if meter is not None:
        meter.expect_text(len(text))
    return text


def _indent(indent: Any) -> str:
    if isinstance(indent, str):
        return indent[:_MAX_INDENT]
    if isinstance(indent, bool) or not isinstance(indent, (int, float)) or not indent > 0:
        return ""
    return " " * int(min(_MAX_INDENT, to_integer(indent)))


class _Writer:
    def __init__(self, indent: str, meter: Meter | None) -> None:
        self.indent = indent
        self.meter = meter
        self.parts: list[str] = []
        self.pending = 0
        self.depth = 0

    def put(self, text: str) -> None:
        self.parts.append(text)
        if self.meter is not None:
            self.pending += len(text)
            if self.pending > 255:
                self.meter.expect_text(self.pending)
                self.pending = 0

    def write(self, value: Any, before: str) -> None:
        kind = type(value)
        if kind is str:
            self.put(_quote(value))
        elif kind is dict:
            members = [(key, item) for key, item in value.items() if item is not UNDEFINED]
            self.items(
                "{", [(_quote(key) + (": " if self.indent else ":"), item) for key, item in members], "}", before
            )
        elif kind is list:
            self.items("[", [("", item) for item in value], "]", before)
        elif kind is Safe:
            self.put(_quote(value.text))
        elif kind is Regex:
            self.put("{}")
        elif isinstance(value, Function):
            raise Problem("A function cannot be used as a value.")
        else:
            self.put(_simple(value))

    def items(self, opening: str, items: list[tuple[str, Any]], closing: str, before: str) -> None:
        if self.meter is not None:
            self.meter.charge(2 * len(items) + 1)
        if not items:
            self.put(opening + closing)
            return
        self.depth += 1
        if self.depth > MAX_VALUE_DEPTH:
            raise too_much("levels of arrays and objects", MAX_VALUE_DEPTH)
        inner = before + self.indent
        separator = f",\n{inner}" if self.indent else ","
        self.put(f"{opening}\n{inner}" if self.indent else opening)
        for number, (head, item) in enumerate(items):
            self.put(separator + head if number else head)
            self.write(item, inner)
        self.depth -= 1
        self.put(f"\n{before}{closing}" if self.indent else closing)


def _quote(text: str) -> str:
    return escape_lone_surrogates(_encode_text(text))


def _simple(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None or value is UNDEFINED or isnan(value) or value in (float("inf"), float("-inf")):
        return "null"
    return number_text(value)

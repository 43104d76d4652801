"""Filters on text."""

from __future__ import annotations

import math
import re
from math import isnan
from typing import Any

from callboard.features.scaffolder.language import regex
from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.filters.inputs import filled, like, require_value, text_of
from callboard.features.scaffolder.language.numbers import to_integer
from callboard.features.scaffolder.language.runtime import Run, argument
from callboard.features.scaffolder.language.text import lower, trim, upper
from callboard.features.scaffolder.language.values import (
    UNDEFINED,
    Regex,
    Safe,
    is_number,
    is_truthy,
    order,
    own_member,
    to_number,
    to_string,
    to_text,
)

_WORD = re.compile("[A-Za-z0-9_]+")


def _capitalized(text: str) -> str:
    text = lower(text)
    return upper(text[:1]) + text[1:]


def _length_of(value: Any) -> Any:
    return own_member(value, "length")


def _blanks(count: float, run: Run) -> str:
    if isnan(count) or count <= 0:
        return ""
    if count == math.inf:
        raise Problem("There is no room for so many blanks.", kind="limit")
    run.meter.expect_text(math.ceil(count))
    return " " * math.ceil(count)


def capitalize(value: Any, arguments: list[Any], run: Run) -> Any:
    return like(value, _capitalized(text_of(filled(value), "capitalize")))


def center(value: Any, arguments: list[Any], run: Run) -> Any:
    value = filled(value)
    width = arguments[0] if arguments and is_truthy(arguments[0]) else 80
    length = _length_of(value)
    if order(length, width, run.meter) >= 0:
        return value
    missing = to_number(width, run.meter) - to_number(length, run.meter)
    if math.isinf(missing):
        raise Problem("There is no room for so many blanks.", kind="limit")
    before = missing / 2 - math.fmod(missing, 2)
    return like(value, _blanks(before, run) + to_string(value, run.meter) + _blanks(missing / 2, run))


def indent(value: Any, arguments: list[Any], run: Run) -> Any:
    """``indent(width, first)``: blanks before every line but the first, with ``first`` before all."""
    value = filled(value)
    text = text_of(value, "indent")
    if value == "":
        return ""
    width = arguments[0] if arguments and is_truthy(arguments[0]) else 4
    blanks = _blanks(to_number(width, run.meter), run)
    run.meter.expect_text(len(text) + len(blanks) * (text.count("\n") + 1))
    indented = text.replace("\n", "\n" + blanks)
    return like(value, blanks + indented if is_truthy(argument(arguments, 1)) else indented)


def replace(value: Any, arguments: list[Any], run: Run) -> Any:
    """``replace(search, replacement, count)``; ``search`` may be a regular expression."""
    search, replacement, count = (argument(arguments, index) for index in range(3))
    if isinstance(search, Regex):
        text = text_of(value, "replace")
        return regex.replace(text, Regex(search.source, search.flags), to_string(replacement, run.meter), run.meter)
    if type(search) is not str and not is_number(search):
        return value
    if is_number(value):
        value = to_string(value)
    if not isinstance(value, (str, Safe)):
        return value
    text = value if isinstance(value, str) else value.text
    return _replace_text(value, text, to_string(search), replacement, count, run)


def _replace_text(value: Any, text: str, search: str, replacement: Any, count: Any, run: Run) -> Any:
    with_ = to_string(replacement, run.meter)
    if search == "":
        between = "," if replacement is UNDEFINED else with_
        run.meter.expect_text(len(text) * (1 + len(between)) + 2 * len(with_))
        return like(value, with_ + between.join(text) + with_)
    if (is_number(count) and count == 0) or search not in text:
        return value
    every = count is UNDEFINED or (is_number(count) and count == -1)
    found = text.count(search)
    most = found if every else to_number(count, run.meter)
    times = max(0, min(found, math.ceil(most) if most < found else found)) if not isnan(most) else 0
    run.meter.expect_text(len(text) + max(0, len(with_) - len(search)) * times)
    return like(value, text.replace(search, with_, times))


def string(value: Any, arguments: list[Any], run: Run) -> Any:
    require_value(value, "string")
    return value if isinstance(value, Safe) else to_text(value, run.meter)


def title(value: Any, arguments: list[Any], run: Run) -> Any:
    words = text_of(filled(value), "title").split(" ")
    return like(value, " ".join(map(_capitalized, words)))


def truncate(value: Any, arguments: list[Any], run: Run) -> Any:
    """``truncate(length, killwords, end)``: cut at the last blank before ``length``, or right there."""
    text_value = filled(value)
    length = arguments[0] if arguments and is_truthy(arguments[0]) else 255
    if order(_length_of(text_value), length, run.meter) <= 0:
        return text_value
    text = text_of(text_value, "truncate")
    number = to_number(length, run.meter)
    cut = int(max(0, min(len(text), to_integer(number))))
    if not is_truthy(argument(arguments, 1)):
        blank = text.rfind(" ", 0, len(text) if isnan(number) else cut + 1)
        cut = blank if blank >= 0 else cut
    end = argument(arguments, 2)
    ending = "..." if end is UNDEFINED or end is None else to_string(end, run.meter)
    return like(value, text[:cut] + ending)


def wordcount(value: Any, arguments: list[Any], run: Run) -> Any:
    """Null if there is none."""
    value = filled(value)
    if not is_truthy(value):
        return None
    return len(_WORD.findall(text_of(value, "wordcount"))) or None


TEXTS = {
    "capitalize": capitalize,
    "center": center,
    "indent": indent,
    "lower": lambda value, arguments, run: lower(text_of(filled(value), "lower")),
    "replace": replace,
    "string": string,
    "title": title,
    "trim": lambda value, arguments, run: like(value, trim(text_of(value, "trim"))),
    "truncate": truncate,
    "upper": lambda value, arguments, run: upper(text_of(filled(value), "upper")),
    "wordcount": wordcount,
}

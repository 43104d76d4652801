"""Methods of strings."""

from __future__ import annotations

from math import isnan
from typing import Any

from callboard.features.scaffolder.language import regex
from callboard.features.scaffolder.language.limits import require_entries
from callboard.features.scaffolder.language.methods.positions import clamped, integer, relative
from callboard.features.scaffolder.language.numbers import INFINITY, NAN
from callboard.features.scaffolder.language.regex.matcher import Match, Pattern
from callboard.features.scaffolder.language.runtime import Run, argument
from callboard.features.scaffolder.language.text import WHITESPACE, lower, trim, upper
from callboard.features.scaffolder.language.values import UNDEFINED, Regex, code_units, to_number, to_string

_PLAIN = Pattern("", "")


def _text(arguments: list[Any], index: int, run: Run) -> str:
    return to_string(argument(arguments, index), run.meter)


def char_at(text: str, arguments: list[Any], run: Run) -> Any:
    at = integer(arguments, 0, run, 0)
    return text[int(at)] if 0 <= at < len(text) else ""


def char_code_at(text: str, arguments: list[Any], run: Run) -> Any:
    at = integer(arguments, 0, run, 0)
    return ord(text[int(at)]) if 0 <= at < len(text) else NAN


def concat(text: str, arguments: list[Any], run: Run) -> Any:
    parts = [text, *(to_string(value, run.meter) for value in arguments)]
    run.meter.expect_text(sum(map(len, parts)))
    return "".join(parts)


def ends_with(text: str, arguments: list[Any], run: Run) -> Any:
    return text[: clamped(integer(arguments, 1, run, len(text)), len(text))].endswith(_text(arguments, 0, run))


def index_of(text: str, arguments: list[Any], run: Run) -> Any:
    return text.find(_text(arguments, 0, run), clamped(integer(arguments, 1, run, 0), len(text)))


def includes(text: str, arguments: list[Any], run: Run) -> Any:
    return index_of(text, arguments, run) >= 0


def last_index_of(text: str, arguments: list[Any], run: Run) -> Any:
    wanted = _text(arguments, 0, run)
    given = argument(arguments, 1)
    position = INFINITY if given is UNDEFINED else to_number(given, run.meter)
    start = len(text) if isnan(position) else clamped(position, len(text))
    return text.rfind(wanted, 0, start + len(wanted))


def replace(text: str, arguments: list[Any], run: Run) -> Any:
    """Of a string only the first occurrence, as in JavaScript."""
    search, replacement = arguments[0], _text(arguments, 1, run)
    if isinstance(search, Regex):
        return regex.replace(text, search, replacement, run.meter)
    wanted = to_string(search, run.meter)
    at = text.find(wanted)
    if at < 0:
        return text
    found = Match(_PLAIN, text, at, at + len(wanted), (-1, -1))
    piece = regex.expand(replacement, text, found, run.meter)
    run.meter.expect_text(len(text) + len(piece))
    return text[:at] + piece + text[at + len(wanted) :]


def slice_(text: str, arguments: list[Any], run: Run) -> Any:
    start = relative(integer(arguments, 0, run, 0), len(text))
    return text[start : max(start, relative(integer(arguments, 1, run, len(text)), len(text)))]


def split(text: str, arguments: list[Any], run: Run) -> Any:
    separator, given = argument(arguments, 0), argument(arguments, 1)
    limit = 2**32 - 1 if given is UNDEFINED else _to_uint32(to_number(given, run.meter))
    if isinstance(separator, Regex):
        parts = regex.split(text, separator, limit, run.meter)
    elif limit == 0:
        parts = []
    elif separator is UNDEFINED:
        parts = [text]
    else:
        by = to_string(separator, run.meter)
        if not by:
            parts = code_units(text[:limit])
        else:
            require_entries(min(limit, text.count(by)))
            parts = text.split(by, limit)[:limit] if limit <= len(text) else text.split(by)
    run.meter.expect_array(len(parts))
    return parts


def _to_uint32(number: float) -> int:
    return 0 if isnan(number) or number in (INFINITY, -INFINITY) else int(number) % 2**32


def starts_with(text: str, arguments: list[Any], run: Run) -> Any:
    return text.startswith(_text(arguments, 0, run), clamped(integer(arguments, 1, run, 0), len(text)))


def substring(text: str, arguments: list[Any], run: Run) -> Any:
    start = clamped(integer(arguments, 0, run, 0), len(text))
    end = clamped(integer(arguments, 1, run, len(text)), len(text))
    return text[min(start, end) : max(start, end)]


_ANY = INFINITY
STRING_METHODS = {
    "charAt": (0, 1, char_at),
    "charCodeAt": (0, 1, char_code_at),
    "concat": (0, _ANY, concat),
    "endsWith": (1, 2, ends_with),
    "includes": (1, 2, includes),
    "indexOf": (1, 2, index_of),
    "lastIndexOf": (1, 2, last_index_of),
    "replace": (2, 2, replace),
    "slice": (0, 2, slice_),
    "split": (0, 2, split),
    "startsWith": (1, 2, starts_with),
    "substring": (0, 2, substring),
    "toLowerCase": (0, 0, lambda text, arguments, run: lower(text)),
    "toUpperCase": (0, 0, lambda text, arguments, run: upper(text)),
    "trim": (0, 0, lambda text, arguments, run: trim(text)),
    "trimEnd": (0, 0, lambda text, arguments, run: text.rstrip(WHITESPACE)),
    "trimStart": (0, 0, lambda text, arguments, run: text.lstrip(WHITESPACE)),
}

"""Query parameters: read by hand, checked against a declaration, refused in the words that Backstage uses.

Order of the checks, as recorded: required, type and range first, then unknown names and empty values in the order sent.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Iterable, Literal, Sequence
from urllib.parse import unquote_plus

from callboard.kernel.errors import InputError

MAX_INTEGER = 2**53 - 1  # what JSON clients can name exactly; keeps limit + offset inside 64 bits
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*\Z")
_TRUE = frozenset(("y", "yes", "true", "1", "on"))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter. ``many`` may be repeated and always reads as a list; ``minimum`` is for integers."""

    name: str
    type: Literal["string", "integer"] = "string"
    many: bool = False
    minimum: int | None = None
    required: bool = False
    enum: tuple[str, ...] = ()
    description: str = ""


def parse_pairs(raw: bytes) -> list[tuple[str, str]]:
    """Names and values in the order sent, percent-decoded; ``+`` is a space."""
    if not raw:
        return []
    pairs: list[tuple[str, str]] = []
    for part in raw.decode("latin-1").split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if "%" in name or "+" in name:
            name = unquote_plus(name)
        if "%" in value or "+" in value:
            value = unquote_plus(value)
        pairs.append((name, value))
    return pairs


def read_parameters(raw: bytes, declared: Sequence[Parameter]) -> dict[str, Any]:
    """Values by name: a list of texts where ``many``, else a text or an integer. Names that were not sent are missing.

    Raises:
        InputError: with Backstage's message for the first thing wrong.
    """
    pairs = parse_pairs(raw)
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    out: dict[str, Any] = {}
    for parameter in declared:
        values = given.get(parameter.name)
        if values is None:
            if parameter.required:
                raise InputError(f"request/query must have required property '{parameter.name}'", field=parameter.name)
        else:
            out[parameter.name] = _value(parameter, values)
    _refuse_unknown_and_empty(given, {p.name for p in declared})
    return out


def _value(parameter: Parameter, values: list[str]) -> Any:
    where = f"request/query/{parameter.name}"
    if parameter.many:
        return values
    if parameter.type == "integer":
        number = _integer(values[0]) if len(values) == 1 else None
        if number is None:
            raise InputError(f"{where} must be integer", field=parameter.name)
        if parameter.minimum is not None and number < parameter.minimum:
            raise InputError(f"{where} must be >= {parameter.minimum}", field=parameter.name)
        return number
    if len(values) > 1:
        raise InputError(f"{where} must be string", field=parameter.name)
    if parameter.enum and values[0] not in parameter.enum:
        allowed = ", ".join(parameter.enum)
        raise InputError(f"{where} must be equal to one of the allowed values: {allowed}", field=parameter.name)
    return values[0]


def _integer(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    if not _NUMBER.match(text):
        return None
    number = float(text)
    if not math.isfinite(number) or not number.is_integer():
        return None
    return max(-MAX_INTEGER, min(MAX_INTEGER, int(number)))


def _refuse_unknown_and_empty(given: dict[str, list[str]], known: Iterable[str]) -> None:
    for name, values in given.items():
        if name not in known:
            raise InputError(f"Unknown query parameter '{name}'", field=name)
        if values == [""]:
            raise InputError(f"Empty value found for query parameter '{name}'", field=name)


def is_truthy(text: str | None) -> bool:
    """Whether a flag parameter says yes: ``y``, ``yes``, ``true``, ``1`` or ``on`` in any case."""
    return text is not None and text.strip().lower() in _TRUE

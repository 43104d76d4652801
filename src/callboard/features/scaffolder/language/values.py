"""The values of the language, and JavaScript's conversions and comparisons between them.

A value is ``UNDEFINED``, ``None`` (null), ``bool``, ``int`` or ``float`` (a number), ``str`` (UTF-16 code units, see
``text``), ``list`` (array), ``dict`` (object; keys are str), ``Safe`` (text that a filter marked), ``Regex``, or
``Function``. Nothing else is ever one, so that no attribute of Python can be reached: members are looked up here, by
kind. Arrays and objects are compared by identity, as in JavaScript.
"""

from __future__ import annotations

from math import isnan
from typing import Any, Final, Iterable, Iterator

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.limits import Meter, require_entries
from callboard.features.scaffolder.language.numbers import NAN, number_text, parse_number, tidy

RESERVED: Final = frozenset({"constructor", "prototype", "__proto__"})


class Undefined:
    """The type of ``UNDEFINED``: what a name or a member that is not there stands for."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False

    def __copy__(self) -> Undefined:
        return self

    def __deepcopy__(self, memo: Any) -> Undefined:
        return self

    def __reduce__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = Undefined()


class Safe:
    """Text that ``safe``, ``escape`` or a macro gave: an object to JavaScript, so always true and never ``===``."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Regex:
    """A regular expression literal; ``last_index`` is where ``test`` goes on."""

    __slots__ = ("flags", "last_index", "source")

    def __init__(self, source: str, flags: str) -> None:
        self.source = source
        self.flags = flags
        self.last_index = 0

    def __str__(self) -> str:
        source = self.source or "(?:)"
        for character, shown in (("\n", "\\n"), ("\r", "\\r"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):
            source = source.replace(character, shown)
        return f"/{source}/{''.join(flag for flag in 'gimy' if flag in self.flags)}"


class Function:
    """Something a template can call. It can be named, passed and called, and nothing else."""

    __slots__ = ()


def kind_of(value: Any) -> str:
    """The word for a value in messages."""
    if value is UNDEFINED:
        return "undefined"
    if value is None:
        return "null"
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    named = kinds.get(type(value))
    if named:
        return named
    return "string" if isinstance(value, Safe) else "regular expression" if isinstance(value, Regex) else "function"


def is_number(value: Any) -> bool:
    kind = type(value)
    return kind is int or kind is float


def is_truthy(value: Any) -> bool:
    """JavaScript's truth: empty arrays and objects are true; ``0``, NaN, ``""``, null and undefined are not."""
    if value is None or value is UNDEFINED or value is False:
        return False
    kind = type(value)
    if kind is str:
        return value != ""
    if kind is int or kind is float:
        return bool(not isnan(value) and value != 0)
    return True


def to_text(value: Any, meter: Meter | None = None) -> str:
    """What is printed: null and undefined as nothing, arrays joined by commas, objects as ``[object Object]``."""
    kind = type(value)
    if kind is str:
        return str(value)
    if value is None or value is UNDEFINED:
        return ""
    if kind is int:
        return str(value)
    if kind is list:
        return _array_text(value, meter)
    return _other_text(value)


def to_string(value: Any, meter: Meter | None = None) -> str:
    """As ``String(value)``: unlike ``to_text``, null and undefined are words."""
    if value is None:
        return "null"
    if value is UNDEFINED:
        return "undefined"
    return to_text(value, meter)


def _other_text(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, dict):
        return "[object Object]"
    if isinstance(value, Safe):
        return value.text
    if isinstance(value, Regex):
        return str(value)
    raise Problem("A function cannot be used as a value.")


def _array_text(array: list[Any], meter: Meter | None) -> str:
    """Nested arrays flatten to one list of texts, since every level is joined by the same comma."""
    texts: list[str] = []
    walks: list[Iterator[Any]] = [iter(array)]
    length = 0
    while walks:
        for item in walks[-1]:
            if meter is not None:
                meter.charge()
            if type(item) is list and item:
                walks.append(iter(item))
                break
            text = "" if type(item) is list else to_text(item)
            length += len(text) + 1
            if meter is not None and length > 255:
                meter.expect_text(length)
                length = 0
            texts.append(text)
        else:
            walks.pop()
    if meter is not None:
        meter.expect_text(sum(map(len, texts)) + len(texts))
    return ",".join(texts)


def is_primitive(value: Any) -> bool:
    return value is None or value is UNDEFINED or type(value) in _PRIMITIVES


_PRIMITIVES: Final = frozenset({bool, int, float, str})


def to_primitive(value: Any, meter: Meter | None = None) -> Any:
    return value if is_primitive(value) else to_text(value, meter)


def to_number(value: Any, meter: Meter | None = None) -> int | float:
    kind = type(value)
    if kind is int or kind is float:
        return value
    if value is None or value is False:
        return 0
    if value is True:
        return 1
    if value is UNDEFINED:
        return NAN
    if meter is not None:
        meter.weigh(value)
    return parse_number(to_text(value, meter))


def strictly_equal(left: Any, right: Any) -> bool:
    """``===``: arrays and objects by identity, no conversion."""
    if left is right:
        return type(left) is not float or not isnan(left)
    kind = type(left)
    if kind is str:
        return type(right) is str and left == right
    if kind is int or kind is float:
        return is_number(right) and left == right
    return False


def loosely_equal(left: Any, right: Any, meter: Meter | None = None) -> bool:
    """``==``: null is undefined, text, numbers and booleans meet as numbers, arrays and objects become text."""
    if strictly_equal(left, right):
        return True
    if not is_primitive(left):
        if not is_primitive(right):
            return False
        left = to_primitive(left, meter)
    elif not is_primitive(right):
        right = to_primitive(right, meter)
    if left is None or left is UNDEFINED:
        return right is None or right is UNDEFINED
    if right is None or right is UNDEFINED:
        return False
    if type(left) is str and type(right) is str:
        return left == right
    return to_number(left) == to_number(right)


def order(left: Any, right: Any, meter: Meter | None = None) -> float:
    """-1, 0 or 1, or NaN where neither is less; two texts by their code units, all else as numbers."""
    left, right = to_primitive(left, meter), to_primitive(right, meter)
    if not (type(left) is str and type(right) is str):
        left, right = to_number(left), to_number(right)
    return -1 if left < right else 1 if left > right else 0 if left == right else NAN


def add(left: Any, right: Any, meter: Meter) -> Any:
    """``+``: a sum, or a text as soon as one side is one."""
    if type(left) is int and type(right) is int:
        return whole(left + right)
    left, right = to_primitive(left, meter), to_primitive(right, meter)
    if type(left) is str or type(right) is str:
        return concatenate(left, right, meter)
    return tidy(float(to_number(left)) + float(to_number(right)))


def concatenate(left: Any, right: Any, meter: Meter) -> str:
    left, right = to_string(left, meter), to_string(right, meter)
    meter.expect_text(len(left) + len(right))
    return left + right


def whole(number: int) -> int | float:
    """The result of whole numbers, as the double that it is."""
    return number if -(2**53) <= number <= 2**53 else float(number)


def array_index(key: str) -> int | None:
    """The index that a property key spells, if it is one: ``"7"``, but neither ``"07"`` nor ``"-1"``."""
    if key.isdigit() and key.isascii() and len(key) <= 10 and (key[0] != "0" or key == "0"):
        index = int(key)
        return index if index < 2**32 - 1 else None
    return None


def make_object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An object in JavaScript's order: keys that are array indexes first and ascending, then as they came."""
    made = dict(pairs)
    require_entries(len(made))
    for key in made:
        if key in RESERVED:
            raise reserved(key)
    indexes = [key for key in made if key[:1].isdigit() and array_index(key) is not None]
    if not indexes:
        return made
    indexes.sort(key=int)
    return {key: made[key] for key in indexes} | made


def own_member(value: Any, key: str) -> Any:
    """The member of that name, or UNDEFINED; methods are no members."""
    kind = type(value)
    if kind is dict:
        return value.get(key, UNDEFINED) if key not in RESERVED else UNDEFINED
    if kind is Safe:
        if key == "val":
            return value.text
        value = value.text
    elif kind is not list and kind is not str:
        return UNDEFINED
    if key == "length":
        return len(value)
    index = array_index(key)
    return value[index] if index is not None and index < len(value) else UNDEFINED


def has_member(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return key in value and key not in RESERVED
    return (isinstance(value, Safe) and key == "val") or own_member(value, key) is not UNDEFINED


def contains(container: Any, needle: Any, meter: Meter) -> bool:
    """``needle in container``: an element, a part of a text, or a key."""
    if isinstance(container, str):
        meter.weigh(container)
        return to_string(needle, meter) in container
    if isinstance(container, list):
        meter.charge(len(container) >> 3)
        return any(strictly_equal(item, needle) for item in container)
    if isinstance(container, dict):
        key = to_string(needle, meter)
        return key in container and key not in RESERVED
    if isinstance(container, Safe):
        return to_string(needle, meter) in ("length", "val")
    raise Problem(f"'in' needs an array, an object or a string on its right, and got {kind_of(container)}.")


def reserved(name: str) -> Problem:
    return Problem(f'The name "{name}" is reserved.')


def refuse_functions(values: Iterable[Any], meter: Meter | None = None) -> None:
    """Functions stay within the template: no filter, test or registered function gets one, not even in an array."""
    for value in values:
        if isinstance(value, Function):
            raise Problem("A function cannot be used as a value.")


def key_of(value: Any, meter: Meter | None = None) -> str:
    """The property key that a value is as a subscript."""
    return to_string(value, meter)


def code_units(text: str) -> list[str]:
    require_entries(len(text))
    return list(text)

"""Numbers as JavaScript has them: IEEE doubles, printed and parsed by ECMAScript's rules.

A whole number up to 2**53 is held as ``int``, everything else as ``float``; ``tidy`` keeps to that.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Context, Decimal
from math import isnan

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.text import WHITESPACE

Number = int | float

MAX_SAFE = 2**53
NAN = math.nan
INFINITY = math.inf

# Each digit can be matched in one way only, so that long texts that are no numbers fail at once.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_FLOAT_START = re.compile(r"[+-]?(?:Infinity|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_RADIX_PREFIXES = {"0x": 16, "0o": 8, "0b": 2}
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_EXACT = Context(prec=1500)
"""Wide enough for every digit that a double has."""


def tidy(number: float) -> Number:
    """The same number as ``int`` if it is whole and exact; negative zero stays a float."""
    if -MAX_SAFE <= number <= MAX_SAFE and number == int(number):
        if number == 0 and math.copysign(1.0, number) < 0:
            return -0.0
        return int(number)
    return number


def of_python(number: Number) -> Number:
    """A number from outside. Whole numbers beyond 2**53 lose their precision, as they do in JavaScript."""
    if isinstance(number, int):
        if -MAX_SAFE <= number <= MAX_SAFE:
            return number
        try:
            return float(number)
        except OverflowError:
            return INFINITY if number > 0 else -INFINITY
    return tidy(number)


def number_text(number: Number) -> str:
    """As ``String(number)``."""
    if isinstance(number, int):
        return str(number)
    if isnan(number):
        return "NaN"
    if number in (INFINITY, -INFINITY):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    digits, point = _shortest(abs(number))
    return sign + _place_point(digits, point)


def _shortest(number: float) -> tuple[str, int]:
    """Shortest digits that give ``number`` back, and where the decimal point stands in them."""
    mantissa, _, exponent = repr(number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0)
    kept = digits.lstrip("0")
    point -= len(digits) - len(kept)
    return kept.rstrip("0"), point


def _place_point(digits: str, point: int) -> str:
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    return _exponential(digits, point - 1)


def _exponential(digits: str, exponent: int) -> str:
    mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{'+' if exponent >= 0 else '-'}{abs(exponent)}"


def parse_number(text: str) -> Number:
    """As ``Number(text)``: the whole text or NaN; blank is 0."""
    text = text.strip(WHITESPACE)
    if not text:
        return 0
    base = _RADIX_PREFIXES.get(text[:2].lower())
    if base is not None:
        allowed = _DIGITS[:base]
        if len(text) > 2 and all(c in allowed for c in text[2:].lower()):
            return of_python(_int(text[2:], base))
        return NAN
    if _DECIMAL.fullmatch(text):
        return tidy(float(text))
    return {"Infinity": INFINITY, "+Infinity": INFINITY, "-Infinity": -INFINITY}.get(text, NAN)


def parse_float(text: str) -> Number:
    """As ``parseFloat(text)``: the longest number that it begins with, or NaN."""
    found = _FLOAT_START.match(text.lstrip(WHITESPACE))
    return parse_number(found[0]) if found else NAN


def parse_int(text: str, radix: int) -> Number:
    """As ``parseInt(text, radix)``; ``radix`` is whole already, and 0 means to look for ``0x``."""
    text = text.lstrip(WHITESPACE)
    sign = -1 if text[:1] == "-" else 1
    if text[:1] in ("+", "-"):
        text = text[1:]
    if radix in (0, 16) and text[:2].lower() == "0x":
        text, radix = text[2:], 16
    radix = radix or 10
    if not 2 <= radix <= 36:
        return NAN
    allowed = _DIGITS[:radix]
    end = 0
    while end < len(text) and text[end].isascii() and text[end].lower() in allowed:
        end += 1
    if not end:
        return NAN
    value = of_python(_int(text[:end], radix))
    return -0.0 if value == 0 and sign < 0 else sign * value


def _int(digits: str, base: int) -> int:
    # Python refuses very long decimal texts; a double has no use for more than these digits.
    if len(digits) > 1200:
        return int(digits[:1200], base) * base ** min(len(digits) - 1200, 1200)
    return int(digits, base)


def divide(left: Number, right: Number) -> Number:
    try:
        return tidy(left / right)
    except ZeroDivisionError:
        if left == 0 or isnan(left):
            return NAN
        return INFINITY if (left > 0) == (math.copysign(1.0, right) > 0) else -INFINITY


def remainder(left: Number, right: Number) -> Number:
    """With the sign of ``left``."""
    try:
        return tidy(math.fmod(left, right))
    except ValueError:
        return NAN


def power(base: Number, exponent: Number) -> Number:
    if isnan(exponent) or (abs(base) == 1 and abs(exponent) == INFINITY):
        return NAN
    try:
        return tidy(math.pow(base, exponent))
    except OverflowError:
        return -INFINITY if base < 0 and exponent % 2 == 1 else INFINITY
    except ValueError:
        if base != 0:
            return NAN
        return -INFINITY if math.copysign(1.0, base) < 0 and exponent % 2 == 1 else INFINITY


def floor(number: Number) -> Number:
    return number if isinstance(number, int) or not math.isfinite(number) else tidy(float(math.floor(number)))


def ceil(number: Number) -> Number:
    return number if isinstance(number, int) or not math.isfinite(number) else tidy(float(math.ceil(number)))


def round_half_up(number: Number) -> Number:
    """As ``Math.round``."""
    if isinstance(number, int) or not math.isfinite(number):
        return number
    down = math.floor(number)
    return tidy(float(down + 1 if number - down >= 0.5 else down))


def to_integer(number: Number) -> Number:
    """Towards zero; NaN is 0, the infinities stay."""
    if isinstance(number, int):
        return number
    if isnan(number):
        return 0
    return number if number in (INFINITY, -INFINITY) else int(number)


def to_int32(number: Number) -> int:
    """The whole number's lowest 32 bits, with a sign."""
    if not math.isfinite(number):
        return 0
    return (int(number) + 2**31) % 2**32 - 2**31


def _require_between(digits: Number, low: int, high: int, method: str) -> int:
    whole = to_integer(digits)
    if not low <= whole <= high:
        raise Problem(f"{method}() takes a number from {low} to {high}.")
    return int(whole)


def to_fixed(number: Number, digits: Number) -> str:
    places = _require_between(digits, 0, 100, "toFixed")
    if not math.isfinite(number) or abs(number) >= 1e21:
        return number_text(number)
    rounded = Decimal(abs(number)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=_EXACT)
    return ("-" if number < 0 else "") + format(rounded, "f")


def to_exponential(number: Number, digits: Number | None) -> str:
    places = None if digits is None else to_integer(digits)
    if not math.isfinite(number):
        return number_text(number)
    sign = "-" if number < 0 else ""
    if places is None:
        found, point = _shortest(float(abs(number))) if number else ("0", 1)
        return sign + _exponential(found, point - 1)
    count = _require_between(places, 0, 100, "toExponential") + 1
    found, point = _significant(number, count)
    return sign + _exponential(found, point - 1)


def to_precision(number: Number, digits: Number | None) -> str:
    if digits is None:
        return number_text(number)
    if not math.isfinite(number):
        return number_text(number)
    count = _require_between(digits, 1, 100, "toPrecision")
    sign = "-" if number < 0 else ""
    found, point = _significant(number, count)
    if point - 1 < -6 or point - 1 >= count:
        return sign + _exponential(found, point - 1)
    if point <= 0:
        return sign + "0." + "0" * -point + found
    return sign + (found if point == count else f"{found[:point]}.{found[point:]}")


def _significant(number: Number, count: int) -> tuple[str, int]:
    """``count`` digits of ``number``, rounded half up from its exact value, and where the point stands."""
    if number == 0:
        return "0" * count, 1
    exact = Decimal(abs(number))
    exponent = exact.adjusted()
    rounded = exact.quantize(Decimal(1).scaleb(exponent - count + 1), rounding=ROUND_HALF_UP, context=_EXACT)
    if rounded.adjusted() > exponent:
        exponent += 1
        rounded = rounded.quantize(Decimal(1).scaleb(exponent - count + 1), rounding=ROUND_HALF_UP, context=_EXACT)
    return "".join(map(str, rounded.as_tuple().digits)), exponent + 1


def to_radix(number: Number, radix: Number) -> str:
    """As ``number.toString(radix)``."""
    base = to_integer(radix)
    if not 2 <= base <= 36:
        raise Problem("toString() takes a radix from 2 to 36.")
    if base == 10 or not math.isfinite(number):
        return number_text(number)
    base = int(base)
    sign, size = ("-", -number) if number < 0 else ("", number)
    whole = int(size)
    text = _whole_in_radix(whole, base)
    fraction = float(size) - whole
    if fraction:
        text += "." + _fraction_in_radix(fraction, math.ulp(float(size)) / 2, base)
    return sign + text


def _whole_in_radix(whole: int, base: int) -> str:
    digits = []
    while whole:
        whole, digit = divmod(whole, base)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits)) or "0"


def _fraction_in_radix(fraction: float, delta: float, base: int) -> str:
    """As few digits as tell ``fraction`` from the doubles beside it, which are 2 * ``delta`` away."""
    delta = max(delta, 5e-324)
    digits: list[int] = []
    while True:
        fraction *= base
        delta *= base
        digit = int(fraction)
        digits.append(digit)
        fraction -= digit
        if (fraction > 0.5 or (fraction == 0.5 and digit & 1)) and fraction + delta > 1:
            while digits and digits[-1] + 1 >= base:
                digits.pop()
            if digits:
                digits[-1] += 1
            break
        if fraction < delta:
            break
    return "".join(_DIGITS[digit] for digit in digits)

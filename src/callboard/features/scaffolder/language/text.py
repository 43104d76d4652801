"""Text as JavaScript has it: a sequence of UTF-16 code units.

Inside the interpreter a character beyond U+FFFF is two surrogates, so that lengths, indexes and slices agree with
JavaScript's. ``to_units`` stands at every entrance, ``from_units`` at every exit; text without such characters, which is
nearly all there is, passes both untouched.
"""

from __future__ import annotations

import re
from array import array

WHITESPACE = "\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
"""What JavaScript trims, and what ``\\s`` matches."""
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONE = re.compile("[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]")


def to_units(text: str) -> str:
    """``text`` with one character for each UTF-16 code unit."""
    if text.isascii() or not _ASTRAL.search(text):
        return text
    return "".join(map(chr, array("H", text.encode("utf-16-le", "surrogatepass"))))


def from_units(text: str) -> str:
    """``text`` with pairs of surrogates put together again; a lone one stays."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def lower(text: str) -> str:
    return text.lower() if text.isascii() else to_units(from_units(text).lower())


def upper(text: str) -> str:
    return text.upper() if text.isascii() else to_units(from_units(text).upper())


def trim(text: str) -> str:
    return text.strip(WHITESPACE)


def has_lone_surrogate(text: str) -> bool:
    return not text.isascii() and _LONE.search(text) is not None


def escape_lone_surrogates(text: str) -> str:
    r"""For JSON: a surrogate without its partner becomes ``\udxxx``."""
    return text if text.isascii() else _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)

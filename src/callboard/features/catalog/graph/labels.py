"""Words that fit: titles of any script, length and malice as one line of a drawing.

Browsers do not shorten text in SVG, so widths are estimated here. Source of the classes: Unicode, UAX 11 (East Asian width).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_NARROW: Final = frozenset("iljtfr.,:;'|!()[]{} -/I")
_BROAD: Final = frozenset("mwMW@%&")
_LEFT_OUT: Final = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"  # not allowed in XML 1.0, or of no use in words
    r"|[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"  # turn the direction of what follows: they could only mislead
)


def clean(text: str) -> str:
    """``text`` on one line, without what XML 1.0 does not allow or what steers the direction of writing."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split()) if "  " in text else text.strip()
    return " ".join(_LEFT_OUT.sub("", text).split())


def width_of(text: str, size: float) -> float:
    """About how wide ``text`` is, in pixels at a font size in pixels."""
    return sum(map(_share, text)) * size


@lru_cache(maxsize=4096)
def _share(c: str) -> float:
    if c in _NARROW:
        return 0.3
    if c < "\x7f":
        return 0.84 if c in _BROAD else 0.62 if c.isupper() or c == "_" else 0.51
    if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Me", "Cf"):
        return 0.0
    return 1.02 if unicodedata.east_asian_width(c) in "WF" else 0.62


def fit(text: str, size: float, room: float) -> str:
    """``text``, cleaned, cut with an ellipsis where it would be wider than ``room`` pixels."""
    words = clean(text)
    if len(words) * size * 1.02 <= room or width_of(words, size) <= room:
        return words
    left, kept = room - size * 0.8, []
    for c in words:
        left -= _share(c) * size
        if left < 0:
            break
        kept.append(c)
    return "".join(kept).rstrip() + "…"

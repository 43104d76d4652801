"""Bounds on what taking a published page apart may cost.

``html.parser`` looks for the end of what is never closed again at each place, and the cost of parsing nested elements grows with the
square of their depth: half a megabyte can take a quarter of a minute.
"""

from __future__ import annotations

import re

from callboard.features.techdocs.rendering.sanitise import MAX_NESTED
from callboard.kernel.errors import LimitError

MAX_PAGE_CHARS = 5_000_000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)(?:[^<>]*?(/)>)?")
_CLOSED_BY_OTHERS = frozenset([
    "area", "base", "br", "col", "colgroup", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option", "p", "param",
    "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track", "wbr",
])  # fmt: skip
"""Elements that hold nothing, or end where the next of their sort begins: they nest in others only."""


def bounded(html: str, file: str) -> str:
    """The page without what is opened and never closed.

    Raises:
        LimitError: it is too large, or nested too deep.
    """
    if len(html) > MAX_PAGE_CHARS:
        raise LimitError(f"{file} has {len(html):,} characters; a page may have {MAX_PAGE_CHARS:,}.", file=file)
    depth = 0
    for end, name, closes in _TAG.findall(html):
        if not closes and name.lower() not in _CLOSED_BY_OTHERS:
            depth = max(0, depth - 1) if end else depth + 1
            if depth > MAX_NESTED:
                raise LimitError(f"{file} is nested more than {MAX_NESTED:,} elements deep.", file=file)
    return _closed(html.replace("<![", "&lt;!["))  # sections of SGML, which html.parser gives up on


def _closed(html: str) -> str:
    at = 0
    while (start := _next_declaration(html, at)) >= 0:
        mark = "-->" if html.startswith("<!--", start) else ">"
        end = html.find(mark, start + 2)
        if end < 0:
            html = html[:start]
            break
        at = end
    last = html.rfind(">") + 1
    return html[:last] + html[last:].partition("<")[0]


def _next_declaration(html: str, at: int) -> int:
    while (start := html.find("<", at)) >= 0:
        if html[start + 1 : start + 2] in ("!", "?"):
            return start
        at = start + 1
    return -1

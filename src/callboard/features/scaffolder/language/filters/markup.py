"""Filters for HTML and URLs. All of them take time in proportion to their input, whatever stands in it."""

from __future__ import annotations

import re
from math import isnan
from typing import Any
from urllib.parse import quote

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.filters.inputs import attribute_of, filled, like, text_of
from callboard.features.scaffolder.language.numbers import to_integer
from callboard.features.scaffolder.language.runtime import Run, argument
from callboard.features.scaffolder.language.text import WHITESPACE, from_units, trim
from callboard.features.scaffolder.language.values import (
    UNDEFINED,
    Safe,
    is_truthy,
    to_number,
    to_string,
    to_text,
)

_ESCAPES = str.maketrans({"&": "&amp;", '"': "&quot;", "'": "&#39;", "<": "&lt;", ">": "&gt;", "\\": "&#92;"})
_TAG_START = re.compile(r"</?[a-z][a-z0-9]*\b", re.IGNORECASE | re.ASCII)
_MOST_STRIPS = 8
_SPACES = re.compile("[" + re.escape(WHITESPACE) + "]+")
_WORDS = re.compile("([" + re.escape(WHITESPACE) + "]+)")
_LINE_END = re.compile("([\n\r\u2028\u2029])")
_PUNCTUATED = re.compile(r"(?:\(|<|&lt;)?(.*?)(?:\.|,|\)|\n|&gt;)?", re.ASCII)
_MAIL = re.compile(r"[\w.!#$%&'*+\-/=?^`{|}~]+@[a-z\d-]+(?:\.[a-z\d-]+)+", re.IGNORECASE | re.ASCII)
_DOMAIN = re.compile(r"\.(?:org|net|com)(?::|/|$)")


def escape_html(text: str) -> str:
    return text.translate(_ESCAPES)


def escape(value: Any, arguments: list[Any], run: Run) -> Any:
    """Once: what is marked safe already stays."""
    return value if isinstance(value, Safe) else force_escape(value, arguments, run)


def force_escape(value: Any, arguments: list[Any], run: Run) -> Any:
    text = escape_html(to_text(value, run.meter))
    run.meter.expect_text(len(text))
    return Safe(text)


def safe(value: Any, arguments: list[Any], run: Run) -> Any:
    return value if isinstance(value, Safe) else Safe(to_text(value, run.meter))


def nl2br(value: Any, arguments: list[Any], run: Run) -> Any:
    text = "" if value is None or value is UNDEFINED else text_of(value, "nl2br")
    run.meter.expect_text(len(text) + 6 * text.count("\n"))
    return like(value, text.replace("\r\n", "\n").replace("\n", "<br />\n"))


def strip_tags(value: Any, arguments: list[Any], run: Run) -> Any:
    """``striptags(keep_lines)``: without tags and comments; white space becomes one blank unless lines are kept."""
    text = trim(_without_tags(text_of(filled(value), "striptags")))
    if not is_truthy(argument(arguments, 0)):
        return like(value, _SPACES.sub(" ", text))
    lines = "".join(part.strip(" ") for part in _LINE_END.split(text))
    lines = re.sub(" +", " ", lines).replace("\r\n", "\n")
    return like(value, re.sub("\n\n\n+", "\n\n", lines))


def _without_tags(text: str) -> str:
    """Until nothing changes: a tag may appear where another was taken out."""
    for _ in range(_MOST_STRIPS):
        stripped = _strip_once(text)
        if stripped == text:
            return text
        text = stripped
    if _strip_once(text) != text:
        raise Problem("The filter striptags got tags nested too deeply.")
    return text


def _strip_once(text: str) -> str:
    """Each end mark is looked for once and remembered, so that many openings do not cost a search each."""
    kept: list[str] = []
    done = 0
    closing: int | None = -1
    comment_end: int | None = -1
    at = text.find("<")
    while at >= 0:
        end = -1
        start = _TAG_START.match(text, at)
        if start:
            if closing is not None and closing < start.end():
                closing = _find(text, ">", start.end())
            end = closing + 1 if closing is not None else -1
        elif text.startswith("<!--", at):
            if comment_end is not None and comment_end < at + 4:
                comment_end = _find(text, "-->", at + 4)
            end = comment_end + 3 if comment_end is not None else -1
        if end > 0:
            kept.append(text[done:at])
            done = end
        at = text.find("<", max(at + 1, end))
    kept.append(text[done:])
    return "".join(kept)


def _find(text: str, wanted: str, start: int) -> int | None:
    found = text.find(wanted, start)
    return found if found >= 0 else None


def _encode(text: str) -> str:
    try:
        return quote(from_units(text), safe="!~*'()")
    except UnicodeEncodeError:
        raise Problem("A text with half of a character cannot be encoded.") from None


def url_encode(value: Any, arguments: list[Any], run: Run) -> Any:
    """A string, or the pairs of an array or object joined to a query."""
    if isinstance(value, (str, Safe)):
        text = _encode(text_of(value, "urlencode"))
    elif isinstance(value, dict):
        text = "&".join(_pair(key, item, run) for key, item in value.items())
    elif isinstance(value, list):
        text = "&".join(_pair(attribute_of(item, "0"), attribute_of(item, "1"), run) for item in value)
    else:
        text = ""
    run.meter.expect_text(len(text))
    return text


def _pair(key: Any, value: Any, run: Run) -> str:
    run.meter.charge()
    return f"{_encode(to_string(key, run.meter))}={_encode(to_string(value, run.meter))}"


def urlize(value: Any, arguments: list[Any], run: Run) -> Any:
    """``urlize(length, nofollow)``: addresses become links; their texts are cut to ``length``."""
    limit = argument(arguments, 0)
    most = None if limit is UNDEFINED else to_number(limit, run.meter)
    rel = ' rel="nofollow"' if argument(arguments, 1) is True else ""
    made = []
    for word in _WORDS.split(text_of(value, "urlize")):
        run.meter.charge()
        made.append(_link(word, most, rel))
    text = "".join(made)
    run.meter.expect_text(len(text))
    return text


def _link(word: str, most: float | None, rel: str) -> str:
    found = _PUNCTUATED.fullmatch(word)
    address = found[1] if found and word else word
    shown = address
    if most is not None and not (isinstance(most, float) and most == float("inf")):
        shown = address[: max(0, int(to_integer(most)))] if not isnan(most) else ""
    if address.startswith(("http://", "https://")):
        return f'<a href="{address}"{rel}>{shown}</a>'
    if address.startswith("www."):
        return f'<a href="http://{address}"{rel}>{shown}</a>'
    if _MAIL.fullmatch(address):
        return f'<a href="mailto:{address}">{address}</a>'
    if _DOMAIN.search(address):
        return f'<a href="http://{address}"{rel}>{shown}</a>'
    return word


MARKUP = {
    "e": escape,
    "escape": escape,
    "forceescape": force_escape,
    "nl2br": nl2br,
    "safe": safe,
    "striptags": strip_tags,
    "urlencode": url_encode,
    "urlize": urlize,
}

"""Bounds on what Markdown may cost: a deadline that is looked at between steps, and texts refused before they are tried.

Python-Markdown and its extensions have steps whose cost grows with the square of a text, or faster. ``guard`` finds what the
measurements of ``tests/features/techdocs/rendering/test_hostile_cost.py`` found to be slow; the deadline ends the rest.
"""

from __future__ import annotations

import re
import threading
import time
from typing import Any

from markdown import Markdown

MAX_LINE = 50_000
MAX_LINES = 40_000
MAX_QUOTES = 20
MAX_WORDS_SQUARED = 100_000_000
"""Sum of the squares of the lengths of words longer than 200 characters: patterns for addresses try each start of a word with each end."""
MAX_TICKS = 16
"""Different lengths of runs of backticks; the pattern for inline code tries each against the rest of its paragraph."""
MAX_CELLS = 50_000
MAX_TOCS = 10
MAX_OPEN = 200
"""Comments and the like without an end: the parser looks for the end of each through the whole text."""
MAX_HTML = 4_000_000
_state = threading.local()


class TooSlow(Exception):
    """The page costs more than a page may."""


def start(seconds: float) -> None:
    """From now on, this thread's conversions end after ``seconds`` of its CPU time."""
    _state.until = time.thread_time() + seconds


def check() -> None:
    """Raises ``TooSlow`` when the time is up. Looks at the clock every eighth time, since that is a call into the system."""
    _state.calls = calls = getattr(_state, "calls", 0) + 1
    if calls % 8 == 0 and time.thread_time() > getattr(_state, "until", float("inf")):
        raise TooSlow("it takes too long to render.")


def stop() -> None:
    _state.until = float("inf")


def bound(markdown: Markdown) -> None:
    """Puts looks at the deadline before each block and each inline pattern that ``markdown`` tries, and a bound on nested blocks."""
    parser = markdown.parser
    parse_blocks = parser.parseBlocks
    depth = 0

    def parse(parent: Any, blocks: list[str]) -> None:
        nonlocal depth
        check()
        depth += 1
        try:
            if depth > 100:
                raise TooSlow("its blocks are nested more than 100 deep.")
            parse_blocks(parent, blocks)
        finally:
            depth -= 1

    parser.parseBlocks = parse
    for processor in parser.blockprocessors:
        run = processor.run

        def watched(parent: Any, blocks: list[str], run: Any = run) -> Any:
            check()
            return run(parent, blocks)

        processor.run = watched
    registries = [markdown.inlinePatterns]
    registries += [p.inlinePatterns for p in markdown.treeprocessors if hasattr(p, "inlinePatterns")]
    for registry in {id(r): r for r in registries}.values():
        for index, pattern in enumerate(registry):
            _watch(pattern, first=index == 0)


def _watch(pattern: Any, *, first: bool) -> None:
    handle = pattern.handleMatch

    def watched_match(*args: Any) -> Any:
        check()
        return handle(*args)

    pattern.handleMatch = watched_match
    if first:  # it is asked for with each piece of text
        compiled = pattern.getCompiledRegExp

        def watched_text() -> Any:
            check()
            return compiled()

        pattern.getCompiledRegExp = watched_text


_QUOTES = re.compile(rf"^[ ]{{0,3}}(?:>[ \t]?){{{MAX_QUOTES + 1}}}", re.MULTILINE)


_WORD = re.compile(r"\S{200,}")
_PAIRS = (
    ("<!--", "-->"),
    ("<?", "?>"),
    ("<![", "]]>"),
    ("{++", "++}"),
    ("{--", "--}"),
    ("{==", "==}"),
    ("{>>", "<<}"),
    ("{~~", "~~}"),
)
_TAG_START = re.compile(r"<[a-zA-Z/!?]")
_TICKS = re.compile(r"`+")
_LONG_DATA = re.compile(r"data:[\w/+.-]{0,60};base64,[A-Za-z0-9+/=]{8000,}")


def without_long_data(text: str) -> str:
    """``text`` without the content of large ``data:`` addresses, which are not shown in any case."""
    return _LONG_DATA.sub("data:,", text) if ";base64," in text else text


def guard(text: str) -> str | None:
    """Why the text is not even tried; None when it may be."""
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        return f"it has more than {MAX_LINES:,} lines."
    if max(map(len, lines)) > MAX_LINE:
        return f"it has a line of more than {MAX_LINE:,} characters."
    if _QUOTES.search(text):
        return f"it has quotes nested more than {MAX_QUOTES} deep."
    if sum(len(word) ** 2 for word in _WORD.findall(text)) > MAX_WORDS_SQUARED:
        return "it has words of thousands of characters."
    if len(set(map(len, _TICKS.findall(text)))) > MAX_TICKS:
        return f"it has more than {MAX_TICKS} different runs of backticks."
    if text.count("[TOC]") > MAX_TOCS:
        return f"it has more than {MAX_TOCS} tables of contents."
    for begin, end in _PAIRS:
        if text.count(begin, text.rfind(end) + 1) > MAX_OPEN:
            return f"it has more than {MAX_OPEN} times {begin} without {end}."
    if _open_tags(lines) > MAX_OPEN:
        return f"it has more than {MAX_OPEN} tags in a row that are not closed by >."
    return _big_table(lines)


def _open_tags(lines: list[str]) -> int:
    """The most tags begun without a ``>`` between them, outside fenced code: the parser looks for the end of each through the rest."""
    most = 0
    fence = ""
    kept: list[str] = []
    for line in lines:
        stripped = line.lstrip(" >")
        if fence:
            fence = "" if stripped.startswith(fence) and not stripped.strip("`~ ") else fence
        elif stripped.startswith(("```", "~~~")) and "`" not in stripped.lstrip("`"):
            fence = stripped[: len(stripped) - len(stripped.lstrip(stripped[0]))]
        elif "<" in line or ">" in line:
            kept.append(line)
    if fence:  # it never ends: what follows is no code
        kept = lines
    for part in "\n".join(kept).split(">"):
        most = max(most, len(_TAG_START.findall(part)))
    return most


def _big_table(lines: list[str]) -> str | None:
    columns = cells = 0
    for line in lines:
        if not line.strip():
            columns = 0
        elif columns:
            cells += columns
        elif "|" in line and "-" in line and not line.strip(" \t|:-"):
            columns = line.count("|") + 1
        if cells > MAX_CELLS:
            return f"its tables have more than {MAX_CELLS:,} cells."
    return None

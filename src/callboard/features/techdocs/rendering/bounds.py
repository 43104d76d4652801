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
MAX_QUOTES = 20
MAX_INDENT = 80
MAX_LINES = 40_000
_state = threading.local()


class TooSlow(Exception):
    """The page costs more than a page may."""


def start(seconds: float) -> None:
    """From now on, this thread's conversions end after ``seconds`` of its CPU time."""
    _state.until = time.thread_time() + seconds


def check() -> None:
    """Raises ``TooSlow`` when the time is up."""
    if time.thread_time() > getattr(_state, "until", float("inf")):
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

    parser.parseBlocks = parse  # type: ignore[method-assign]
    for processor in parser.blockprocessors:
        run = processor.run

        def watched(parent: Any, blocks: list[str], run: Any = run) -> Any:
            check()
            return run(parent, blocks)

        processor.run = watched  # type: ignore[method-assign]
    for pattern in markdown.inlinePatterns:
        compiled = pattern.getCompiledRegExp

        def watched_pattern(compiled: Any = compiled) -> Any:
            check()
            return compiled()

        pattern.getCompiledRegExp = watched_pattern  # type: ignore[method-assign]


_QUOTES = re.compile(r"^[ ]{0,3}(?:>[ \t]?){%d}" % (MAX_QUOTES + 1), re.MULTILINE)


def guard(text: str) -> str | None:
    """Why the text is not even tried; None when it may be."""
    if len(text) > 0 and max(map(len, text.split("\n"))) > MAX_LINE:
        return f"it has a line of more than {MAX_LINE:,} characters."
    if text.count("\n") > MAX_LINES:
        return f"it has more than {MAX_LINES:,} lines."
    if _QUOTES.search(text):
        return f"it has quotes nested more than {MAX_QUOTES} deep."
    return None

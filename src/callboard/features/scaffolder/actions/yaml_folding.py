"""Long lines of YAML text broken at spaces, where the JavaScript library ``yaml`` 2 breaks them."""

from __future__ import annotations

from enum import Enum

MIN_CONTENT = 20
_ESCAPE_LENGTH = {"x": 3, "u": 5, "U": 9}


class FoldMode(Enum):
    """Plain and single-quoted text, double-quoted text, and block scalars."""

    FLOW = "flow"
    QUOTED = "quoted"
    BLOCK = "block"


def fold(text: str, indent: str, mode: FoldMode, *, line_width: int, at_start: int | None = None) -> str | None:
    """``text`` with line ends and ``indent`` in place of spaces where its lines pass ``line_width``.

    ``at_start`` is how many characters stand before it in its first line; None: the indent alone. A block with a line that
    cannot be broken is None.
    """
    if not line_width:
        return text
    least = MIN_CONTENT if line_width >= MIN_CONTENT else 0
    step = max(1 + least, 1 + line_width - len(indent))
    if len(text) <= step:
        return text
    folds, escaped, is_over = _find_folds(text, indent, mode, line_width, least, step, at_start)
    if is_over and mode is FoldMode.BLOCK:
        return None
    if not folds:
        return text
    made = [text[: folds[0]]]
    for index, at in enumerate(folds):
        end = folds[index + 1] if index + 1 < len(folds) else len(text)
        if at == 0:
            made = [f"\n{indent}{text[:end]}"]
            continue
        if at in escaped:
            made.append(f"{text[at]}\\")
        made.append(f"\n{indent}{text[at + 1 : end]}")
    return "".join(made)


def _find_folds(
    text: str, indent: str, mode: FoldMode, line_width: int, least: int, step: int, at_start: int | None
) -> tuple[list[int], set[int], bool]:
    folds: list[int] = []
    escaped: set[int] = set()
    end = line_width - len(indent)
    if at_start is not None:
        if at_start > line_width - max(2, least):
            folds.append(0)
        else:
            end = line_width - at_start
    split = 0
    is_over = False
    previous = ""
    at = escape_start = escape_end = -1
    if mode is FoldMode.BLOCK:
        at = _skip_indented(text, at, len(indent))
        if at != -1:
            end = at + step
    while (at := at + 1) < len(text):
        char = text[at]
        if mode is FoldMode.QUOTED and char == "\\":
            escape_start = at
            at += _ESCAPE_LENGTH.get(text[at + 1], 1)
            escape_end = at
        if char == "\n":
            if mode is FoldMode.BLOCK:
                at = _skip_indented(text, at, len(indent))
            end = at + len(indent) + step
            split = 0
        else:
            after = text[at + 1 : at + 2]
            if char == " " and previous not in ("", " ", "\n", "\t") and after not in ("", " ", "\n", "\t"):
                split = at
            if at >= end:
                if split:
                    folds.append(split)
                    end = split + step
                    split = 0
                elif mode is FoldMode.QUOTED:
                    while previous in (" ", "\t") and at + 1 < len(text):
                        previous, at = char, at + 1
                        char = text[at]
                    place = at - 2 if at > escape_end + 1 else escape_start - 1
                    if place in escaped:
                        return [], set(), is_over
                    folds.append(place)
                    escaped.add(place)
                    end = place + step
                    split = 0
                else:
                    is_over = True
        previous = char
    return folds, escaped, is_over


def _skip_indented(text: str, at: int, indent: int) -> int:
    """The end of lines that are indented more than the block: they stay as they are."""
    end, start = at, at + 1
    char = text[start : start + 1]
    while char in (" ", "\t") and char:
        if at < start + indent:
            at += 1
            char = text[at : at + 1]
        else:
            while True:
                at += 1
                char = text[at : at + 1]
                if not char or char == "\n":
                    break
            end, start = at, at + 1
            char = text[start : start + 1]
    return end

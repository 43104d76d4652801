"""Where the header of a tab is. Titles stand above it, it may take two rows, and there may be none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from callboard.features.importing.sheets.grid import Line, Merge, column_letters
from callboard.features.importing.sheets.words import is_known_label, is_label, is_value

_CANDIDATES = 40
"""Rows from the top among which the header is looked for."""
_SAMPLE = 60
"""Rows below a candidate that it is compared with."""


@dataclass(frozen=True, slots=True)
class Header:
    """``top`` and ``bottom`` are positions in the lines, the same for a header of one row. ``labels`` are empty where it says
    nothing for a column.
    """

    top: int
    bottom: int
    labels: tuple[str, ...]


def typical_width(lines: Sequence[Line]) -> int:
    """Cells with something in them in a well-filled row: the upper quartile of the first rows."""
    counts = sorted(len(line.said()) for line in lines[:200])
    return counts[(3 * (len(counts) - 1)) // 4] if counts else 0


def find_header(lines: Sequence[Line], merges: Sequence[Merge]) -> Header | None:
    """The header, or None where the first row is data already."""
    typical = typical_width(lines)
    best, best_score = -1, -1.0
    for position, line in enumerate(lines[:_CANDIDATES]):
        said = line.said()
        if len(said) >= min(2, typical):
            score = _score(lines, position, said, typical) - 0.01 * position
            if score > best_score:
                best, best_score = position, score
        # Titles and the like are narrow. Below the first broad row stands data, whatever it looks like.
        if len(said) >= typical or len(said) > max(2, 0.6 * typical):
            break
    if best < 0 or _is_data(lines, best):
        return None
    if best > 0 and _is_pair(lines[best - 1], lines[best], merges):
        return _two_rows(lines, best - 1, merges)
    if best + 1 < len(lines) - 1 and _is_pair(lines[best], lines[best + 1], merges):
        return _two_rows(lines, best, merges)
    return Header(best, best, tuple(_label(text) for text in lines[best].filled))


def _score(lines: Sequence[Line], position: int, said: list[int], typical: int) -> float:
    """0 to 1: broad, made of different labels, known words among them, and unlike what stands below."""
    cells = lines[position].cells
    texts = [cells[column] for column in said]
    below = lines[position + 1 : position + 1 + _SAMPLE]
    breadth = min(1.0, len(said) / max(1, typical))
    labels = sum(is_label(text) for text in texts) / len(texts)
    distinct = len({text.casefold() for text in texts}) / len(texts)
    known = sum(is_known_label(text) for text in texts) / len(texts)
    again = sum(any(line.cells[column] == cells[column] for line in below) for column in said) / len(said)
    unlike = sum(_is_unlike(cells[column], [line.cells[column] for line in below]) for column in said) / len(said)
    return 0.3 * breadth + 0.2 * labels + 0.1 * distinct + 0.25 * known + 0.05 * (1 - again) + 0.1 * unlike


def _is_unlike(label: str, below: list[str]) -> bool:
    """Whether values stand below a text that is none."""
    texts = [text for text in below if text]
    return not is_value(label) and bool(texts) and sum(is_value(text) for text in texts) > len(texts) / 2


def _is_data(lines: Sequence[Line], position: int) -> bool:
    """Whether the row that looks most like a header is one of data. People nearly always write a header: it takes evidence."""
    line = lines[position]
    said = line.said()
    texts = [line.cells[column] for column in said]
    known = sum(is_known_label(text) for text in texts) / len(texts)
    if known >= 0.5:
        return False
    below = lines[position + 1 : position + 1 + _SAMPLE]
    if sum(not is_label(text) for text in texts) > 0.25 * len(texts):
        return True
    if known > 0 or not below:
        return False
    again = sum(any(other.cells[column] == line.cells[column] for other in below) for column in said) / len(said)
    first = said[0]
    # Identifiers with hyphens or dots, in the first column as in all those below it.
    alike = [other.cells[first] for other in below if other.cells[first]]
    slugs = sum(_is_slug(text) for text in alike)
    return again > 0.3 or (_is_slug(line.cells[first]) and bool(alike) and slugs > 0.7 * len(alike))


def _is_slug(text: str) -> bool:
    return (
        len(text) > 3
        and " " not in text
        and text == text.lower()
        and any(c in text for c in "-./_")
        and text[0].isalnum()
    )


# ---- two rows ----------------------------------------------------------------------------------------------------------


def _is_pair(top: Line, bottom: Line, merges: Sequence[Merge]) -> bool:
    """Whether ``top`` names groups of the columns that ``bottom`` names."""
    if bottom.number != top.number + 1:
        return False
    upper, lower = set(top.said()), set(bottom.said())
    if not upper or len(lower) < 2 or not all(is_label(bottom.cells[column]) for column in lower):
        return False
    if not all(is_label(top.cells[column]) and not top.cells[column].endswith(":") for column in upper):
        return False
    spans = [m for m in merges if m.top == top.number == m.bottom and m.right > m.left]
    pillars = [m for m in merges if m.top == top.number and m.bottom == bottom.number]
    known = sum(is_known_label(bottom.cells[column]) for column in lower) / len(lower)
    # One merged cell over everything is a title.
    if len(upper) == 1 and not pillars:
        return False
    if spans and any(sum(column in lower for column in range(m.left, m.right + 1)) >= 2 for m in spans):
        return known > 0 or bool(pillars)
    if pillars:
        return known > 0
    gaps = lower - upper
    # Without merged cells: blanks to the right of a group's name, filled in the row below, by words that name columns.
    return (
        known >= 0.5
        and len(upper) >= 2
        and bool(gaps)
        and min(gaps) > min(upper | lower)
        and (bool(upper - lower) or len(gaps) >= 2)
        and not (upper == {0, 1} and len(lower) > 3)
    )


def _two_rows(lines: Sequence[Line], position: int, merges: Sequence[Merge]) -> Header:
    top, bottom = lines[position], lines[position + 1]
    merged = any(m.top == top.number for m in merges)
    labels = []
    group = ""
    for column, (upper, lower) in enumerate(zip(top.filled, bottom.filled, strict=True)):
        upper, lower = _label(upper), _label(lower)
        if not merged:
            # Saved as text, the group's name stands over its first column only.
            group = upper or (group if lower and not _stands_alone(lines, position, column) else "")
            upper = group
        labels.append(upper if not lower or upper == lower else f"{upper} / {lower}" if upper else lower)
    return Header(position, position + 1, tuple(labels))


def _stands_alone(lines: Sequence[Line], position: int, column: int) -> bool:
    """Whether the column to the left is headed by the upper row alone: its name is no group's."""
    return column > 0 and bool(lines[position].cells[column - 1]) and not lines[position + 1].cells[column - 1]


def _label(text: str) -> str:
    return " ".join(text.split())[:200]


# ---- names of columns --------------------------------------------------------------------------------------------------


def name_columns(labels: Sequence[str], kept: Sequence[int], first_column: int) -> tuple[str, ...]:
    """Unique names for the kept columns: ``Column D`` where there is no label, ``Name (2)`` where one repeats."""
    names: list[str] = []
    taken: set[str] = set()
    for column in kept:
        label = labels[column] or f"Column {column_letters(first_column + column)}"
        name, number = label, 1
        while name.casefold() in taken:
            number += 1
            name = f"{label} ({number})"
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)

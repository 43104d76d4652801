"""A grid becomes tables: its header is found, rows are sorted, columns named. Nothing that holds something is dropped unsaid."""

from __future__ import annotations

import colorsys
import re
from collections import Counter
from typing import Iterable, Sequence

from callboard.features.importing.interface import Row, SheetTooLarge, SkippedRow, Table
from callboard.features.importing.sheets.grid import Grid, Line, told_rows
from callboard.features.importing.sheets.headers import Header, find_header, name_columns
from callboard.features.importing.sheets.limits import SheetLimits
from callboard.features.importing.sheets.rows import ABOVE, Sorted, said_by, sort_rows
from callboard.features.importing.sheets.words import HEADING, is_known_label, is_label

SECTION = "Section"
_LEAST_ROWS = 2
"""Rows below a second header in a tab before it counts as a table of its own."""


def tables_of(grid: Grid, limits: SheetLimits) -> list[Table]:
    """The tables of one tab, one for each header that stands below a blank row and names other columns.

    Raises:
        SheetTooLarge: More columns than the limit hold something.
    """
    tables: list[Table] = []
    for lines in _split(grid.lines):
        name = grid.sheet if not tables else f"{grid.sheet} ({len(tables) + 1})"
        tables.append(_table_of(grid, lines, name, limits))
    return tables


# ---- several tables in one tab -----------------------------------------------------------------------------------------


def _split(lines: Sequence[Line]) -> list[Sequence[Line]]:
    """Cut where, below a blank row, a header of other columns starts, with a title above it at most."""
    starts = [0]
    head = next((line for line in lines if len(line.said()) > 1), None)
    if head is None or not _is_header(head):
        return [lines]
    position = lines.index(head) + _LEAST_ROWS
    while position < len(lines) - _LEAST_ROWS:
        line = lines[position]
        if line.number > lines[position - 1].number + 1:
            after = lines[position + 1]
            titled = len(line.said()) == 1 and after.number <= line.number + 2
            candidate = after if titled else line
            if _is_header(candidate) and _labels(candidate) != _labels(head):
                starts.append(position)
                head = candidate
                position += _LEAST_ROWS
        position += 1
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


def _is_header(line: Line) -> bool:
    """Nothing but words that columns are called by, all different."""
    texts = [text for text in line.cells if text]
    return (
        len(texts) >= 2
        and len({text.casefold() for text in texts}) == len(texts)
        and all(is_label(text) for text in texts)
        and sum(is_known_label(text) for text in texts) >= 0.7 * len(texts)
    )


def _labels(line: Line) -> set[str]:
    return {text.casefold() for text in line.cells if text}


# ---- one table ---------------------------------------------------------------------------------------------------------


def _table_of(grid: Grid, lines: Sequence[Line], name: str, limits: SheetLimits) -> Table:
    notes = list(grid.notes)
    header = find_header(lines, grid.merges)
    if header is None:
        above, heads, body = lines[:0], lines[:0], lines
        labels: Sequence[str] = [""] * grid.width
        notes.append("There is no header row; columns are named by their letters.")
    else:
        above, heads, body = lines[: header.top], lines[header.top : header.bottom + 1], lines[header.bottom + 1 :]
        labels = header.labels
        if header.top != header.bottom:
            notes.append(f"The header takes rows {heads[0].number} and {heads[1].number}; both make a column's name.")
    found = sort_rows(body, heads, grid.merges, opening=_opening(above, heads))
    kept = [
        column
        for column in range(grid.width)
        if labels[column] or any(line.filled[column] for line in found.data)
    ]  # fmt: skip
    if len(kept) > limits.columns:
        raise SheetTooLarge(
            f"The tab “{grid.sheet}” has {len(kept):,} columns; at most {limits.columns} can be imported."
        )
    columns = name_columns(labels, kept, grid.first_column)
    unnamed = [column for column, index in zip(columns, kept, strict=True) if not labels[index]]
    if header is not None and unnamed:
        notes.append(f"No header over {', '.join(f'“{column}”' for column in unnamed[:5])}; named by letter.")
    rows, columns = _rows(found, kept, columns)
    skipped = [SkippedRow(line.number, said_by(line), ABOVE) for line in above]
    skipped += [SkippedRow(each.number, each.text, each.reason.format(column=columns[-1])) for each in found.headings]
    skipped += found.skipped
    skipped.sort(key=lambda each: each.number)
    notes += _looks(grid, found.data)
    return Table(name, _header_row(lines, header), columns, rows, tuple(skipped), tuple(notes))


def _opening(above: Sequence[Line], heads: Sequence[Line]) -> str:
    """A single text right above the header that names a team or the like; a title does not."""
    if not above or not heads or above[-1].number != heads[0].number - 1:
        return ""
    texts = [text for text in above[-1].cells if text]
    return texts[0] if len(texts) == 1 and HEADING.match(texts[0]) else ""


def _header_row(lines: Sequence[Line], header: Header | None) -> int:
    """The last row of the header as the sheet counts; 0 if there is none."""
    return lines[header.bottom].number if header else 0


def _rows(found: Sorted, kept: Sequence[int], columns: tuple[str, ...]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Rows with the kept columns, and one more for the headings that they stand below."""
    everything = list(kept) == list(range(len(found.data[0].cells))) if found.data else False
    rows = []
    for position, line in enumerate(found.data):
        cells = tuple(line.filled) if everything else tuple([line.filled[column] for column in kept])
        if found.sections:
            cells += (found.sections[position],)
        rows.append(Row(line.number, cells))
    if found.headings:
        columns = _with_section(columns)
    return tuple(rows), columns


def _with_section(columns: tuple[str, ...]) -> tuple[str, ...]:
    taken = {column.casefold() for column in columns}
    name, number = SECTION, 1
    while name.casefold() in taken:
        number += 1
        name = f"{SECTION} ({number})"
    return (*columns, name)


# ---- how rows look -----------------------------------------------------------------------------------------------------


def _looks(grid: Grid, data: Sequence[Line]) -> list[str]:
    """Notes on what people say by colour and strike-through, which is no value: nobody should believe it was read."""
    numbers = {line.number for line in data}
    notes = []
    named: Counter[str] = Counter()
    coloured: set[int] = set()
    sets = []
    for colour, rows in grid.colours.items():
        here = numbers.intersection(rows)
        if here:
            named[_name_of(colour)] += len(here)
            coloured |= here
            sets.append(here)
    # One colour on every row is decoration, and so is a colour that every row shares with the others.
    if sets and any(here != numbers for here in sets):
        most = ", ".join(f"{name} in {count}" for name, count in named.most_common(5))
        notes.append(
            f"Cells of {len(coloured)} {_rows_word(coloured)} are coloured ({most}). Colours are not read: if they mean "
            "something, say it in a column of its own."
        )
    struck = numbers.intersection(grid.struck)
    if struck:
        notes.append(f"{told_rows(struck)}: struck through in the sheet, and read like any other.")
    return notes


def _rows_word(numbers: Iterable[int]) -> str:
    return "row" if len(set(numbers)) == 1 else "rows"


_HUES = ((15, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (260, "blue"), (330, "purple"), (361, "red"))
_RGB = re.compile(r"[0-9a-f]{6}")


def _name_of(colour: str) -> str:
    """``green`` for ``92d050``; a theme's colours have no name of their own."""
    if not _RGB.fullmatch(colour):
        return "a colour of the theme" if colour.startswith("theme") else "another colour"
    red, green, blue = (int(colour[index : index + 2], 16) / 255 for index in (0, 2, 4))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    if saturation < 0.12 or light < 0.08 or light > 0.97:
        return "grey" if light > 0.15 else "black"
    return next(name for most, name in _HUES if hue * 360 < most)

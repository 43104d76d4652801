"""Delimited text to a grid: encoding, separator and quotes are found out, and what was assumed is noted.

Rows count as a spreadsheet program would count them after opening the file: one a record, blank ones included, without the
``sep=`` line.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from itertools import islice
from pathlib import PurePath
from typing import Callable, Iterable, Iterator

from callboard.features.importing.interface import Format, SheetTooLarge, UnreadableSheet
from callboard.features.importing.sheets.encodings import find_encoding
from callboard.features.importing.sheets.grid import Grid, Line, Texts, told_rows
from callboard.features.importing.sheets.limits import SheetLimits

SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}

_NO_SEPARATOR = "\x1f"

_SAMPLE_CHARS = 200_000
_SAMPLE_RECORDS = 300
_LONGEST_RECORD = 200
"""Lines. A record that spans more has lost a quotation mark somewhere."""

_SEP_LINE = re.compile(r'"?sep=(.)"?\s*$', re.IGNORECASE)
_EXCEL_TEXT = re.compile(r'="(.*)"', re.DOTALL)


def read_delimited(
    content: bytes, filename: str, texts: Texts, limits: SheetLimits
) -> tuple[Format, Grid, tuple[str, ...]]:
    """Read the only tab of a text file; it is named after the file.

    Returns:
        The format, the grid, and notes on the encoding and the separator.

    Raises:
        UnreadableSheet: It is no text, or no table.
        SheetTooLarge: More rows, columns or text than the limits allow.
    """
    encoding, notes = find_encoding(content, filename)

    def text() -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(content), encoding=encoding, errors="replace", newline="")

    sample = text().read(_SAMPLE_CHARS)
    first_line = sample.split("\n", 1)[0].rstrip("\r")
    told = _SEP_LINE.match(first_line)
    separator = told[1] if told else _guess_separator(sample, filename)
    grid = Grid(PurePath(filename).stem or filename, [], 0)
    records = _records(text, separator, skip_first=bool(told), grid=grid, filename=filename)
    _fill(grid, records, filename, texts, limits)
    if separator in _SEPARATOR_NAMES and grid.width > 1 and separator != ",":
        notes.append(f"Columns are separated by {_SEPARATOR_NAMES[separator]}.")
    return "tsv" if separator == "\t" else "csv", grid, tuple(notes)


def _fill(grid: Grid, records: Iterable[list[str]], filename: str, texts: Texts, limits: SheetLimits) -> None:
    """Move records into the grid, all as wide as the widest."""
    cut: list[int] = []
    columns: set[int] = set()
    for number, record in enumerate(records, start=1):
        if not any(record):
            continue
        for index, text in enumerate(record):
            if len(text) > limits.cell_chars:
                record[index] = text[: limits.cell_chars]
                cut.append(number)
            elif text[:1] == "=":
                record[index] = _plain(text)
        cells = texts.take_row(record)
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        if len(cells) > limits.columns:
            columns.update(index for index, text in enumerate(cells) if text)
            if len(columns) > limits.columns:
                raise SheetTooLarge(
                    f"Row {number} of {filename} has {len(cells):,} columns; at most {limits.columns} can be imported."
                )
        grid.lines.append(Line(number, cells, cells))
        grid.width = max(grid.width, len(cells))
        if len(grid.lines) > limits.rows:
            raise SheetTooLarge(f"{filename} has more than {limits.rows:,} rows. Split it.")
        if len(grid.lines) * grid.width > limits.cells:
            raise SheetTooLarge(f"{filename} has more than {limits.cells:,} cells. Split it, or remove columns.")
    for line in grid.lines:
        line.cells.extend([""] * (grid.width - len(line.cells)))
    if cut:
        grid.notes.append(f"{told_rows(cut)}: a cell with more than {limits.cell_chars:,} characters was cut.")


def _plain(text: str) -> str:
    """Take off what exports put around digits so that they stay as they are: ``="012"``."""
    quoted = _EXCEL_TEXT.fullmatch(text.strip())
    return quoted[1].replace('""', '"') if quoted else text


# ---- separator ---------------------------------------------------------------------------------------------------------


def _guess_separator(sample: str, filename: str) -> str:
    """The separator that gives the most columns in the most even way, or one that never comes where nothing separates."""
    best, best_score = _NO_SEPARATOR, 0.0
    for separator in SEPARATORS:
        if separator not in sample:
            continue
        try:
            records = [
                record
                for record in islice(csv.reader(io.StringIO(sample, newline=""), delimiter=separator), _SAMPLE_RECORDS)
                if any(record)
            ]
        except csv.Error:
            continue
        if len(records) > 1 and len(sample) == _SAMPLE_CHARS:
            records.pop()  # cut off in the middle
        if not records:
            return separator  # nothing but separators
        if sum(len(record) > 1 for record in records) < 0.4 * len(records):
            continue  # it stands in a few sentences
        score = _evenness(records)
        if separator == "\t" and PurePath(filename).suffix.lower() in (".tsv", ".tab"):
            score *= 2
        # Commas stand in sentences, semicolons and bars in lists within a cell: all else equal, the rarer one separates.
        if separator in ("\t", ";"):
            score *= 1.1
        if score > best_score:
            best, best_score = separator, score
    return best


def _evenness(records: list[list[str]]) -> float:
    """0 where hardly anything is separated; near to the number of columns where every record has as many."""
    widths = Counter(len(record) for record in records)
    if not widths:
        return 0.0
    width, often = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
    if width < 2:
        return 0.0
    share = often / len(records)
    # Twice as many columns are only half a reason more: an even table of two beats an uneven one of five.
    return share * share * (1 + width**0.5)


# ---- records -----------------------------------------------------------------------------------------------------------


def _records(
    text: Callable[[], Iterable[str]], separator: str, *, skip_first: bool, grid: Grid, filename: str
) -> Iterator[list[str]]:
    """The records of the file. Quotes are taken as such when they balance; a lone one is an ordinary character."""
    problem = _find_lone_quote(text(), separator)
    if problem:
        grid.notes.append(
            f"A quotation mark near line {problem} is not closed. Every line was read as one row, and marks that do not "
            "pair up within their line as ordinary characters."
        )
        records: Iterator[list[str]] = _by_line(text(), separator)
    else:
        records = csv.reader(text(), delimiter=separator)
    try:
        if skip_first:
            next(records, None)
        yield from records
    except csv.Error as error:
        why = "it has a cell of more than 131,072 characters" if "field larger" in str(error) else str(error)
        raise UnreadableSheet(
            f"{filename} cannot be split into columns: {why}. Save it again as CSV with UTF-8, or as .xlsx."
        ) from error


def _find_lone_quote(source: Iterable[str], separator: str) -> int:
    """Line (from 1) where a quotation mark opens that swallows the rows after it; 0 if there is none.

    A reader does not say that it ran through other rows, or to the end of the file, inside quotes: they would be lost.
    """
    lines = iter(source)
    width = 0
    done = 0
    while True:
        reader = csv.reader(lines, delimiter=separator, strict=True)
        before = 0
        try:
            for record in reader:
                spans = reader.line_num - before
                width = width or len(record)
                if spans > _LONGEST_RECORD or (spans > 1 and _swallows_rows(record, separator, width)):
                    return done + before + 1
                before = reader.line_num
            return 0
        except csv.Error:
            # `"a" b,c` within a line is odd and harms nobody; an error lines below the mark is one that was never closed.
            if reader.line_num - before != 1:
                return done + before + 1
        done += reader.line_num


def _swallows_rows(record: list[str], separator: str, width: int) -> bool:
    """Whether a cell with line breaks holds what look like whole rows."""
    if width < 3:
        return False
    enough = 1 if width >= 5 else 2
    for cell in record:
        if "\n" in cell and sum(line.count(separator) == width - 1 for line in cell.split("\n")[1:-1]) >= enough:
            return True
    return False


def _by_line(source: Iterable[str], separator: str) -> Iterator[list[str]]:
    """One record a line. Quotes count only where they pair up within the line."""
    for line in source:
        line = line.rstrip("\r\n")
        if line.count('"') % 2:
            yield line.split(separator)
        else:
            yield from csv.reader([line], delimiter=separator)
            if not line:
                yield []

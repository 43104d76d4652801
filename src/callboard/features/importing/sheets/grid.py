"""A tab as it lies: texts at rows and columns, before anybody knows where the header is."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Iterable, Mapping, Sequence

from callboard.features.importing.interface import SheetTooLarge
from callboard.features.importing.sheets.limits import MIB, SheetLimits


@dataclass(frozen=True, slots=True)
class Merge:
    """A merged range, both ends included. Rows count from 1, columns from 0 as in ``Grid.rows``."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(slots=True)
class Line:
    """One row with something in it. ``cells`` are as written, ``filled`` with merged values in every cell they cover."""

    number: int
    cells: list[str]
    filled: list[str]

    def said(self) -> list[int]:
        """Columns that hold something of their own."""
        return [index for index, text in enumerate(self.cells) if text]


@dataclass(slots=True)
class Grid:
    """One tab. ``lines`` are in order, all ``width`` wide, blank rows left out; column 0 is the sheet's ``first_column``.

    ``colours`` maps ``rrggbb`` (or a name of the file's theme) to the rows with a cell filled so.
    """

    sheet: str
    lines: list[Line]
    width: int
    first_column: int = 0
    merges: Sequence[Merge] = ()
    colours: Mapping[str, Sequence[int]] = field(default_factory=dict)
    struck: Sequence[int] = ()
    notes: list[str] = field(default_factory=list)


_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_LINE_BREAK = re.compile("\r\n?|_x000[dD]_\n?|[\x0b\x0c\x85\u2028\u2029]")

_GUARDED = re.compile("'+[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""A quotation mark that exports put before what a spreadsheet would take for a formula: one is taken off."""


def clean_text(text: str) -> str:
    r"""Trim; line breaks become ``\n``, odd spaces plain ones; what nobody sees (controls, direction marks) goes."""
    text = text.strip()
    if text.isascii() and text.isprintable() and "_x000" not in text:
        return text
    text = _LINE_BREAK.sub("\n", text)
    text = _CONTROL.sub("", _INVISIBLE.sub("", _SPACES.sub(" ", text)))
    return text.strip()


class Texts:
    """Hands out cleaned texts, one object for equal ones, and keeps count of what they weigh."""

    REMEMBERED = 50_000
    """Texts kept in mind. Columns of names and descriptions never repeat: remembering all of them would cost as much again."""

    def __init__(self, filename: str, limits: SheetLimits) -> None:
        self._filename = filename
        self._limits = limits
        self._known: dict[str, str] = {}
        self._bytes = 0

    def take_row(self, raw: Sequence[str]) -> list[str]:
        """The row, cleaned.

        Raises:
            SheetTooLarge: All texts so far weigh more than the limit.
        """
        known = self._known
        row = []
        for text in raw:
            cleaned = known.get(text)
            row.append(cleaned if cleaned is not None else self._take(text))
        self._bytes += 16 * len(row)
        if self._bytes > self._limits.text_bytes:
            raise SheetTooLarge(
                f"{self._filename} holds more than {self._limits.text_bytes / MIB:.0f} MiB of text. Split it."
            )
        return row

    def _take(self, text: str) -> str:
        cleaned = clean_text(text[1:] if text[:1] == "'" and _GUARDED.match(text) else text)
        cleaned = self._known.get(cleaned, cleaned)
        self._bytes += sys.getsizeof(cleaned)
        if len(text) <= 200:
            if len(self._known) > self.REMEMBERED:
                self._known.clear()
            self._known[text] = cleaned
        return cleaned


def fill_merges(grid: Grid, limits: SheetLimits) -> None:
    """Write each merged value into every cell that its range covers, and note how many ranges there were."""
    if not grid.merges:
        return
    by_number = {line.number: line for line in grid.lines}
    budget = limits.cells
    filled = 0
    for merge in grid.merges:
        origin = by_number.get(merge.top)
        value = origin.cells[merge.left] if origin is not None and merge.left < grid.width else ""
        if not value:
            continue
        right = min(merge.right, grid.width - 1)
        # Far more rows than lines are merged only where somebody merged a whole column.
        last = min(merge.bottom, grid.lines[-1].number)
        budget -= (last - merge.top + 1) * (right - merge.left + 1)
        if budget < 0:
            grid.notes.append("There are too many merged cells to fill; some were read as empty.")
            break
        for number in range(merge.top, last + 1):
            line = by_number.get(number)
            if line is None:
                continue
            if line.filled is line.cells:
                line.filled = list(line.cells)
            for column in range(merge.left, right + 1):
                if not line.filled[column]:
                    line.filled[column] = value
        filled += 1
    if filled:
        grid.notes.append(
            f"{filled} merged {'range' if filled == 1 else 'ranges'}: the value stands in every cell that was merged."
        )


def column_letters(index: int) -> str:
    """``A`` for 0, ``AA`` for 26: as spreadsheet programs name columns."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def told_rows(numbers: Iterable[int]) -> str:
    """``Row 3``, ``Rows 3, 5 and 9``, ``Rows 3, 5, 6, 7, 9 and 40 more``."""
    distinct = sorted(set(numbers))
    if len(distinct) == 1:
        return f"Row {distinct[0]}"
    if len(distinct) <= 6:
        return f"Rows {', '.join(str(number) for number in distinct[:-1])} and {distinct[-1]}"
    return f"Rows {', '.join(str(number) for number in distinct[:5])} and {len(distinct) - 5} more"

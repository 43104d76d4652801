"""What must come out of a sheet, and how sheets are made in code."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

import xlsxwriter

TOTAL = "A total"
ABOVE = "above the header"
AGAIN = "The header again"
HEADING = "A heading"
REMARK = "A remark"
HINT = "explains the columns"


@dataclass(frozen=True)
class Expected:
    """A table that must come out. ``rows`` map the row's number to its cells; ``skipped`` to a part of the reason."""

    sheet: str
    header_row: int
    columns: tuple[str, ...]
    rows: Mapping[int, tuple[str, ...]]
    skipped: Mapping[int, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kept:
    """``notes`` are parts of what the whole file must say."""

    id: str
    filename: str
    build: Callable[[], bytes]
    tables: tuple[Expected, ...]
    notes: tuple[str, ...] = ()


def table(
    sheet: str,
    header_row: int,
    columns: str | Sequence[str],
    rows: Mapping[int, Sequence[str]],
    skipped: Mapping[int, str] | None = None,
    notes: tuple[str, ...] = (),
) -> Expected:
    names = tuple(columns.split("|")) if isinstance(columns, str) else tuple(columns)
    return Expected(sheet, header_row, names, {n: tuple(cells) for n, cells in rows.items()}, skipped or {}, notes)


def xlsx(fill: Callable[[Any], None]) -> Callable[[], bytes]:
    """A workbook that ``fill`` writes with XlsxWriter."""

    def build() -> bytes:
        buffer = io.BytesIO()
        with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
            # Equal bytes at every run.
            book.set_properties({"created": dt.datetime(2026, 1, 1)})
            fill(book)
        return buffer.getvalue()

    return build


def sheet_of(book: Any, name: str, rows: Sequence[Sequence[Any]], *, top: int = 0, left: int = 0) -> Any:
    sheet = book.add_worksheet(name)
    for index, row in enumerate(rows):
        sheet.write_row(top + index, left, row)
    return sheet


def text(content: str, encoding: str = "utf-8") -> Callable[[], bytes]:
    return lambda: content.encode(encoding)

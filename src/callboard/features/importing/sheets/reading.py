"""Bytes of an uploaded sheet to a workbook of tables."""

from __future__ import annotations

import hashlib
from pathlib import PurePath

from callboard.features.importing.interface import Format, UnreadableSheet, Workbook
from callboard.features.importing.sheets.delimited import read_delimited
from callboard.features.importing.sheets.formats import detect_format
from callboard.features.importing.sheets.grid import Texts
from callboard.features.importing.sheets.limits import DEFAULT, SheetLimits
from callboard.features.importing.sheets.spreadsheet import read_spreadsheet
from callboard.features.importing.sheets.tables import tables_of

_FORMAT_NAMES: dict[Format, str] = {
    "csv": "delimited text",
    "tsv": "text separated by tabs",
    "xlsx": "an Excel workbook",
    "ods": "an OpenDocument spreadsheet",
    "xls": "an Excel workbook of before 2007",
}
_SUFFIXES: dict[str, tuple[Format, ...]] = {
    ".csv": ("csv", "tsv"),
    ".tsv": ("tsv", "csv"),
    ".tab": ("tsv", "csv"),
    ".txt": ("csv", "tsv"),
    ".xlsx": ("xlsx",),
    ".xlsm": ("xlsx",),
    ".xltx": ("xlsx",),
    ".ods": ("ods",),
    ".ots": ("ods",),
    ".xls": ("xls",),
}


def read_workbook(content: bytes, filename: str, *, limits: SheetLimits = DEFAULT) -> Workbook:
    """Read every tab of a file that holds something. What the file is, is told by its bytes; ``filename`` is for messages.

    Blocks for up to a few seconds (20,000 rows: about two) and starts a process for workbooks: call it from a worker thread.
    Equal bytes give an equal workbook.

    Raises:
        UnreadableSheet: No sheet, damaged, empty, or locked with a password.
        SheetTooLarge: Over one of ``limits``.
        UnavailableError: The process that opens workbooks could not be started.
    """
    filename = PurePath(filename.replace("\\", "/")).name or "the file"
    found = detect_format(content, filename, limits)
    texts = Texts(filename, limits)
    format: Format
    if found == "text":
        format, grid, told = read_delimited(content, filename, texts, limits)
        grids, notes = [grid], list(told)
    else:
        format = found
        grids, notes = read_spreadsheet(content, filename, format, texts, limits)
    expected = _SUFFIXES.get(PurePath(filename).suffix.lower())
    if expected is not None and format not in expected:
        notes.insert(
            0, f"By its name {filename} is something else, but it is {_FORMAT_NAMES[format]} and was read as such."
        )
    tables = [table for grid in grids if grid.lines for table in tables_of(grid, limits)]
    if not tables:
        raise UnreadableSheet(f"There is nothing in {filename}." + (f" {' '.join(notes)}" if notes else ""))
    return Workbook(filename, format, hashlib.sha256(content).hexdigest(), tuple(tables), tuple(notes))

"""How large a sheet may be."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SheetLimits:
    """What reading one file may cost. The defaults keep it below 300 MiB, the opener's process included.

    Args:
        file_bytes: Size of the file.
        members: Files in the archive that a workbook is.
        unpacked_bytes: Size of all of them, unpacked.
        ratio: Unpacked to packed size, for archives that unpack to more than 8 MiB. Worksheets reach 40.
        tabs: Tabs that hold something.
        rows: Rows with something in them, all tabs together.
        columns: Columns with something in them, a tab.
        cells: Area from the first to the last cell with something in it, a tab: what the opener has to lay out.
        cell_chars: Longer cells are cut, and a note says so.
        text_bytes: Memory of all texts that are handed on.
        opener_bytes: Address space of the opener's process.
        seconds: Time for opening a spreadsheet.
    """

    file_bytes: int = 20 * MIB
    members: int = 2_000
    unpacked_bytes: int = 160 * MIB
    ratio: int = 150
    tabs: int = 100
    rows: int = 50_000
    columns: int = 200
    cells: int = 1_500_000
    cell_chars: int = 10_000
    text_bytes: int = 96 * MIB
    opener_bytes: int = 184 * MIB
    seconds: float = 20.0


DEFAULT = SheetLimits()

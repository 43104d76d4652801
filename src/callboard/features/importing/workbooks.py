"""Files as read: reading takes seconds for a large sheet, and the steps of an import ask for the same one again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from callboard.features.importing.interface import Table, Workbook
from callboard.kernel.errors import InputError

KEPT_CELLS = 500_000
"""Cells of all the workbooks that are kept in memory, some 60 MB."""


class Workbooks:
    """Reads in a thread, one file at a time, and keeps the last ones."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Workbook, int]] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    async def read(self, content: bytes, filename: str) -> Workbook:
        """Raises ``UnreadableSheet`` and ``LimitError``."""
        from callboard.features.importing.sheets.reading import read_workbook

        async with self._one_at_a_time:
            workbook = await asyncio.to_thread(read_workbook, content, filename)
        self._keep(workbook)
        return workbook

    def find(self, digest: str, filename: str) -> Workbook | None:
        kept = self._kept.get(f"{digest} {filename}")
        if kept is None:
            return None
        self._kept.move_to_end(f"{digest} {filename}")
        return kept[0]

    def _keep(self, workbook: Workbook) -> None:
        cells = sum(len(table.rows) * len(table.columns) for table in workbook.tables)
        self._kept[f"{workbook.digest} {workbook.filename}"] = (workbook, cells)
        while len(self._kept) > 1 and sum(count for _, count in self._kept.values()) > KEPT_CELLS:
            self._kept.popitem(last=False)


def table_of(workbook: Workbook, sheet: str) -> Table:
    """The tab with this name. Raises ``InputError``."""
    for table in workbook.tables:
        if table.sheet == sheet:
            return table
    names = ", ".join(table.sheet for table in workbook.tables)
    raise InputError(f"{workbook.filename} has no tab {sheet!r} with rows in it; it has {names}.", field="sheet")

"""Entities as CSV and XLSX, with the columns of ``columns``, in the order given.

The columns are known when the last entity has been seen, so rows wait in a temporary file: memory does not grow with the
list, and whoever reads the table gets one state of it. The same list gives the same bytes, whenever it is asked for.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
import tempfile
from datetime import UTC, datetime
from typing import IO, Any, AsyncIterable, AsyncIterator, Final, Iterator, Mapping, Self, Sequence

import orjson

from callboard.features.catalog.export.columns import Columns
from callboard.features.catalog.export.documents import descriptor_of
from callboard.kernel.errors import LimitError
from callboard.model.urls import DEFAULT_HOSTS, Hosts

BOM: Final = b"\xef\xbb\xbf"
ROWS_AT_ONCE: Final = 500
BYTES_AT_ONCE: Final = 64 * 1024
IN_MEMORY: Final = 1024 * 1024
MAX_XLSX_ROWS: Final = 1_048_575
"""Rows of a sheet below its header. Source: Microsoft, "Excel specifications and limits"."""

_RISKY: Final = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What makes a formula of a cell that begins with it, full-width forms too. Source: OWASP, "CSV Injection"."""
_RISKY_BEHIND_QUOTES: Final = re.compile(f"'*{_RISKY.pattern}")
_WIDTHS: Final[Mapping[str, int]] = {"name": 28, "title": 28, "description": 60, "owner": 24, "tags": 24}
_MADE_AT: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Of every workbook: one that told when it was made would differ each time."""


def neutralise(text: str) -> str:
    """A text that no spreadsheet takes for a formula: one ``'`` before what looks like one.

    So stands one more before a text that has quotes there already: taking one off, as an import does, gives the text back.
    """
    return f"'{text}" if _RISKY_BEHIND_QUOTES.match(text) else text


class Table:
    """Rows gathered for a file. Closed by ``with``, or when it is forgotten; nothing stays on disk."""

    def __init__(self, hosts: Hosts = DEFAULT_HOSTS) -> None:
        self._hosts = hosts
        self._columns = Columns()
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - lives as long as the table
        self.rows = 0

    @classmethod
    async def of(cls, chunks: AsyncIterable[Sequence[bytes | Mapping[str, Any]]], hosts: Hosts = DEFAULT_HOSTS) -> Self:
        """All of ``chunks``: entities as the catalog serves them, parsed or not."""
        table = cls(hosts)
        async for chunk in chunks:
            await asyncio.to_thread(table.add, chunk)
        return table

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __del__(self) -> None:
        self._file.close()  # an answer that nobody came to fetch

    def add(self, entities: Sequence[bytes | Mapping[str, Any]]) -> None:
        for entity in entities:
            document = orjson.loads(entity) if isinstance(entity, bytes) else entity
            cells = self._columns.cells(descriptor_of(document, self._hosts))
            self._file.write(orjson.dumps(cells) + b"\n")
            self.rows += 1

    @property
    def headers(self) -> tuple[str, ...]:
        return self._columns.headers

    def _iter_rows(self) -> Iterator[list[str]]:
        headers = self.headers
        self._file.seek(0)
        for line in self._file:
            cells = orjson.loads(line)
            yield [cells.get(header, "") for header in headers]

    # ---- CSV -------------------------------------------------------------------------------------------------------

    def iter_csv(self, *, bom: bool = False) -> Iterator[bytes]:
        """RFC 4180 in UTF-8, formulas neutralised. ``bom`` puts the mark before it by which Excel knows UTF-8."""
        out = io.StringIO()
        writer = csv.writer(out)
        if bom:
            yield BOM
        writer.writerow(self.headers)
        for number, row in enumerate(self._iter_rows(), 1):
            writer.writerow([neutralise(text) for text in row])
            if number % ROWS_AT_ONCE == 0:
                yield out.getvalue().encode()
                out.seek(0)
                out.truncate()
        yield out.getvalue().encode()

    # ---- XLSX ------------------------------------------------------------------------------------------------------

    def require_room(self) -> None:
        """Raises ``LimitError`` when there are more rows than a sheet holds."""
        if self.rows > MAX_XLSX_ROWS:
            raise LimitError(
                f"A sheet holds {MAX_XLSX_ROWS:,} rows and this list has {self.rows:,}. Narrow it by a filter, or take CSV."
            )

    def iter_xlsx(self) -> Iterator[bytes]:
        """A workbook of one sheet. Cells are text, none is a formula or a number, and editing one does not make it so.

        Raises:
            LimitError: more rows than a sheet holds.
        """
        self.require_room()
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as file:
            self._write_xlsx(file, folder)
            file.seek(0)
            while part := file.read(BYTES_AT_ONCE):
                yield part

    def _write_xlsx(self, file: IO[bytes], folder: str) -> None:
        from xlsxwriter import Workbook  # type: ignore[import-untyped]  # loading it takes longer than a page may

        book = Workbook(file, {"constant_memory": True, "tmpdir": folder})
        book.set_properties({"title": "Catalog", "created": _MADE_AT})
        sheet = book.add_worksheet("catalog")
        bold = book.add_format({"bold": True})
        quoted = book.add_format({"quote_prefix": True})
        headers = self.headers
        for column, header in enumerate(headers):
            sheet.set_column(column, column, _WIDTHS.get(header, 18))
        sheet.freeze_panes(1, headers.index("name") + 1)
        sheet.autofilter(0, 0, self.rows, len(headers) - 1)
        for column, header in enumerate(headers):
            sheet.write_string(0, column, _not_rich(header), bold)
        for number, row in enumerate(self._iter_rows(), 1):
            for column, text in enumerate(row):
                if text:
                    # The mark that a spreadsheet sets itself when somebody types 'text; a leading quote of the text's own stays.
                    kept = neutralise(text) if text[0] == "'" else text
                    sheet.write_string(number, column, _not_rich(kept), quoted if _RISKY.match(text) else None)
        book.close()


def _not_rich(text: str) -> str:
    """``text`` so that XlsxWriter escapes it: what looks like its own marked-up text it would copy into the sheet as it is."""
    return f"{text} " if text.startswith("<r>") and text.endswith("</r>") else text


async def stream(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each of ``parts`` made in a thread, so that other requests go on."""
    while (part := await asyncio.to_thread(next, parts, None)) is not None:
        yield part

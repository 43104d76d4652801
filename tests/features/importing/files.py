"""Files in formats that no library writes here: OpenDocument, workbooks of before 2007, and archives changed from within."""

from __future__ import annotations

import datetime as dt
import io
import struct
import zipfile
from typing import Any, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

# ---- OpenDocument ------------------------------------------------------------------------------------------------------

ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
_NAMESPACES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
)


def ods(tabs: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """A spreadsheet with these tabs. A cell is a value, None for one that a merge covers, or a pair of a value and ``down``,
    ``across`` (cells merged), ``repeat`` (columns) or ``comment``."""
    body = "".join(
        f"<table:table table:name={quoteattr(name)}>"
        + "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}{_ODS_REST}</table:table-row>" for row in rows)
        + '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/>'
        + "</table:table-row></table:table>"
        for name, rows in tabs.items()
    )
    return ods_with(f"<office:body><office:spreadsheet>{body}</office:spreadsheet></office:body>")


_ODS_REST = '<table:table-cell table:number-columns-repeated="16000"/>'


def ods_with(body: str, *, prolog: str = "", manifest: str = "") -> bytes:
    """The archive around the body of ``content.xml``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), ODS_TYPE)
        archive.writestr(
            zipfile.ZipInfo("META-INF/manifest.xml"),
            '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{ODS_TYPE}"/>{manifest}</manifest:manifest>',
        )
        content = zipfile.ZipInfo("content.xml")
        content.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(
            content,
            f'<?xml version="1.0" encoding="UTF-8"?>{prolog}<office:document-content {_NAMESPACES} office:version="1.3">'
            f"{body}</office:document-content>",
        )
    return buffer.getvalue()


def _ods_cell(cell: Any) -> str:
    value, said = cell if isinstance(cell, tuple) else (cell, {})
    if value is None:
        return "<table:covered-table-cell/>"
    attributes = {
        "table:number-rows-spanned": said.get("down"),
        "table:number-columns-spanned": said.get("across"),
        "table:number-columns-repeated": said.get("repeat"),
    }
    if isinstance(value, bool):
        attributes |= {"office:value-type": "boolean", "office:boolean-value": str(value).lower()}
        shown = "WAHR" if value else "FALSCH"
    elif isinstance(value, dt.date):
        attributes |= {"office:value-type": "date", "office:date-value": value.isoformat()}
        shown = value.strftime("%d.%m.%y")
    elif isinstance(value, int | float):
        attributes |= {"office:value-type": "float", "office:value": str(value)}
        shown = str(value).replace(".", ",")
    else:
        attributes |= {"office:value-type": "string"}
        shown = value
    comment = (
        f"<office:annotation><text:p>{escape(said['comment'])}</text:p></office:annotation>"
        if "comment" in said
        else ""
    )
    paragraphs = "".join(f"<text:p>{escape(line)}</text:p>" for line in shown.split("\n"))
    told = "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items() if value is not None)
    return f"<table:table-cell{told}>{comment}{paragraphs}</table:table-cell>"


# ---- Excel before 2007 -------------------------------------------------------------------------------------------------


def xls(name: str, rows: Sequence[Sequence[Any]], *, merges: Sequence[tuple[int, int, int, int]] = ()) -> bytes:
    """A BIFF8 workbook of one tab; ``merges`` are (top, left, bottom, right) from 0.

    Source: [MS-XLS] 2.4, records BOF, BoundSheet8, Dimensions, Label, Number, MergeCells and EOF.
    """
    cells = b""
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            place = struct.pack("<HHH", row, column, 0)
            if isinstance(value, int | float):
                cells += _record(0x0203, place + struct.pack("<d", value))
            elif value:
                cells += _record(0x0204, place + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))
    if merges:
        ranges = b"".join(struct.pack("<HHHH", top, bottom, left, right) for top, left, bottom, right in merges)
        cells += _record(0x00E5, struct.pack("<H", len(merges)) + ranges)
    width = max(map(len, rows))
    sheet = (
        _bof(0x0010) + _record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0)) + cells + _record(0x000A, b"")
    )
    title = struct.pack("<BB", len(name), 1) + name.encode("utf-16-le")

    def book(position: int) -> bytes:
        return (
            _bof(0x0005)
            + _record(0x0042, struct.pack("<H", 1200))
            + _record(0x0085, struct.pack("<IBB", position, 0, 0) + title)
            + _record(0x000A, b"")
        )

    return compound({"Workbook": book(len(book(0))) + sheet})


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _bof(kind: int) -> bytes:
    return _record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 0x07CC, 0, 0x0006))


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file (version 3, sectors of 512 bytes) with these streams, each padded past the limit of short ones.

    Source: [MS-CFB] 2.2 header, 2.3 FAT, 2.6 directory.
    """
    free, end, fat_mark, none = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
    fat = [fat_mark, end]  # sector 0 is the table, sector 1 the directory
    entries = [_entry("Root Entry", 5, 1, end, 0)]
    data = b""
    for name, content in streams.items():
        content = content.ljust(4096, b"\x00")
        content += b"\x00" * (-len(content) % 512)
        first, count = len(fat), len(content) // 512
        fat += [*range(first + 1, first + count), end]
        entries.append(_entry(name, 2, none, first, len(content)))
        data += content
    assert len(fat) <= 128, "one sector of table is enough here"
    assert len(entries) <= 4, "one sector of directory is enough here"
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0)
    header += struct.pack("<I", 0) + struct.pack("<I", free) * 108
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff")
    directory = b"".join(entries).ljust(512, b"\x00")
    return header + table + directory + data


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    raw = name.encode("utf-16-le") + b"\x00\x00"
    none = 0xFFFFFFFF
    return (
        raw.ljust(64, b"\x00")
        + struct.pack("<HBB", len(raw), kind, 1)
        + struct.pack("<III", none, none, child)
        + bytes(16 + 4 + 8 + 8)
        + struct.pack("<IQ", start, size)
    )


# ---- archives ----------------------------------------------------------------------------------------------------------


def repacked(content: bytes, changes: Mapping[str, bytes | None], *, also: Mapping[str, bytes] | None = None) -> bytes:
    """The archive with members replaced, or left out where the change is None, and others added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            data = changes.get(name, before.read(name))
            if data is not None:
                after.writestr(name, data)
        for name, data in (also or {}).items():
            after.writestr(name, data)
    return buffer.getvalue()


def member(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name)

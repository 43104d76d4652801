"""Sheets that mean harm: they are refused or neutralised, in bounded memory and time, and reach nothing outside themselves."""

from __future__ import annotations

import io
import json
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from callboard.features.importing.interface import SheetTooLarge, UnreadableSheet
from callboard.features.importing.sheets.limits import MIB, SheetLimits
from callboard.features.importing.sheets.reading import read_workbook
from tests.features.importing.expected import sheet_of, xlsx
from tests.features.importing.files import member, ods, ods_with, repacked, xls

ROWS = [["name", "team", "description"], ["pay", "Money", "takes money"], ["shop", "Sales", "sells"]]
GOOD = xlsx(lambda book: sheet_of(book, "S", ROWS))()
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
REFUSED = (UnreadableSheet, SheetTooLarge)


# ---- what each costs ---------------------------------------------------------------------------------------------------

_MEASURE = """
import json, resource, sys, time
from pathlib import Path
from callboard.features.importing.sheets.reading import read_workbook
from callboard.kernel.errors import CallboardError

def memory(what):
    return int(Path("/proc/self/status").read_text().split(what)[1].split()[0])

read_workbook(b"name,team\\na,b\\n", "warm.csv")
idle = memory("VmRSS:")
started = time.perf_counter()
try:
    told = f"{len(read_workbook(Path(sys.argv[1]).read_bytes(), sys.argv[2]).tables[0].rows)} rows"
except CallboardError as error:
    told = f"{type(error).__name__}: {error}"
own = memory("VmHWM:") - idle
print(json.dumps([told, (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024, time.perf_counter() - started]))
"""


def cost_of(content: bytes, filename: str, folder: Path) -> tuple[str, float, float]:
    """What reading gave, its memory above idle in MiB and seconds.

    The memory is the most of the process that reads plus the most of the opener: rather too much, for they seldom fall together.
    """
    path = folder / "upload"
    path.write_bytes(content)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path), filename],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    told, memory, seconds = json.loads(done.stdout)
    return told, memory, seconds


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def honest_bomb() -> bytes:
    """A worksheet of a gigabyte of blanks, in a megabyte."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as before, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            with after.open(name, "w", force_zip64=True) as out:
                out.write(before.read(name))
                if name == SHEET:
                    for _ in range(1024):
                        out.write(b" " * MIB)
    return buffer.getvalue()


def lying_bomb(name: str = STRINGS, opening: bytes = b"<sst><si><t>", megabytes: int = 600) -> bytes:
    """A member that unpacks to hundreds of megabytes where the directory says some kilobytes, with the checksum of these."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(opening) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers to what came before: each megabyte is packed as the first was.
    packed += (packer.compress(b"x" * MIB) + packer.flush(zlib.Z_FULL_FLUSH)) * megabytes
    packed += packer.flush()
    start = (opening + b"x" * 4096)[:4096]
    content = bytearray(repacked(GOOD, {name: None}, also={name: start}))
    # The member that was written last stands right before the directory: put the real stream in its place.
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        info = archive.getinfo(name)
        directory = archive.start_dir
    data = info.header_offset + 30 + len(name)
    content[data:directory] = packed
    content[info.header_offset + 18 : info.header_offset + 22] = struct.pack("<I", len(packed))
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 20 : entry + 24] = struct.pack("<I", len(packed))
    end = content.rindex(b"PK\x05\x06")
    content[end + 16 : end + 20] = struct.pack("<I", data + len(packed))
    return bytes(content)


def echo_bomb() -> bytes:
    """One text of eight megabytes that five thousand cells say."""
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 5_001))
    return repacked(
        GOOD,
        {
            STRINGS: b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>'
            + b"laugh " * 1_300_000
            + b"</t></si></sst>",
            SHEET: _worksheet(cells),
        },
        also={"docProps/noise.bin": random.Random(1).randbytes(200_000)},
    )


def _worksheet(cells: str, after: str = "") -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{cells}</sheetData>{after}</worksheet>"
    ).encode()


def many_members() -> bytes:
    """A directory of 150,000 entries."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(150_000):
            archive.writestr(zipfile.ZipInfo(f"{number}"), b"")
    return buffer.getvalue()


def nested() -> bytes:
    return repacked(GOOD, {SHEET: _worksheet("<a>" * 1_000_000 + "</a>" * 1_000_000)})


def merges_everywhere() -> bytes:
    """Fifty thousand merged ranges, each over the whole sheet."""
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="Z{n}"><v>1</v></c></row>' for n in range(1, 2_000))
    merges = "".join('<mergeCell ref="A1:XFD1048576"/>' for _ in range(50_000))
    return repacked(GOOD, {SHEET: _worksheet(rows, f"<mergeCells>{merges}</mergeCells>")})


COSTLY = {
    "a zip bomb": (honest_bomb, "a.xlsx", "SheetTooLarge"),
    "a zip bomb that lies about its texts": (lying_bomb, "a.xlsx", ""),
    "a zip bomb that lies about its sheet": (lambda: lying_bomb(SHEET, b"<worksheet><sheetData><row>"), "a.xlsx", ""),
    "a text that thousands of cells say": (echo_bomb, "a.xlsx", "SheetTooLarge"),
    "an archive of countless files": (many_members, "a.xlsx", "SheetTooLarge"),
    "a hundred megabytes": (lambda: b"name,team\n" + b"a,b\n" * 26_000_000, "a.csv", "SheetTooLarge"),
    "deep nesting": (nested, "a.xlsx", ""),
    "merged ranges over one another": (merges_everywhere, "a.xlsx", "1999 rows"),
    "twenty megabytes of separators": (lambda: b"," * (20 * MIB), "a.csv", "UnreadableSheet"),
    "twenty megabytes of quotation marks": (lambda: b'"' * (20 * MIB), "a.csv", ""),
    "one cell of twenty megabytes": (lambda: b"name,team\n" + b"x" * (20 * MIB - 20), "a.csv", ""),
    "ten million one-letter columns": (lambda: b"a," * (10 * MIB), "a.csv", "SheetTooLarge"),
    "twenty megabytes with the one odd letter last": (
        lambda: b"a b,c\n" * 40_000 + b"x" * (19 * MIB) + b"\xff",
        "a.csv",
        "",
    ),
    "twenty megabytes of four-byte letters": (lambda: ("𝄞" * 999 + ",a\n").encode() * 5_200, "a.csv", ""),
    "a repeated row of a repeated cell": (
        lambda: ods_with(
            "<office:body><office:spreadsheet><table:table table:name='A'>"
            "<table:table-row table:number-rows-repeated='1048576'><table:table-cell table:number-columns-repeated='16384' "
            "office:value-type='string'><text:p>x</text:p></table:table-cell></table:table-row></table:table>"
            "</office:spreadsheet></office:body>"
        ),
        "a.ods",
        "SheetTooLarge",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("attack", COSTLY, ids=lambda attack: attack)
def test_memory_stays_below_300_mib_above_idle(attack, tmp_path):
    """Whatever comes out, reading and the opener's process together stay in bounds, and it ends in time."""
    build, filename, told = COSTLY[attack]
    said, memory, seconds = cost_of(build(), filename, tmp_path)
    assert said.startswith(told), said
    assert memory < 300, f"{memory:.0f} MiB"
    assert seconds < 25, f"{seconds:.1f} s"


# ---- tricks ------------------------------------------------------------------------------------------------------------


def test_a_cell_at_the_far_end_is_named():
    """Laying out everything between would take hundreds of gigabytes."""
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    with pytest.raises(SheetTooLarge, match="there is something in XFD1048576"):
        read_workbook(repacked(GOOD, {SHEET: _worksheet(cells)}), "far.xlsx")


def test_a_sheet_that_hides_how_far_it_goes_ends_only_the_opener():
    """Prefixes that change in the middle get past the look at the XML; the bounds of the process hold all the same."""
    cells = (
        '<row r="1"><c r="A1"><v>1</v></c></row><x:row xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'r="1048576"><x:c r="XFD1048576"><x:v>1</x:v></x:c></x:row>'
    )
    with pytest.raises(REFUSED):
        read_workbook(repacked(GOOD, {SHEET: _worksheet(cells)}), "far.xlsx")


def test_two_members_of_one_name_are_refused():
    """Which of them counts differs from program to program."""
    buffer = io.BytesIO(GOOD)
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(SHEET, b"<worksheet/>")
    with pytest.raises(UnreadableSheet, match="damaged"):
        read_workbook(buffer.getvalue(), "twice.xlsx")


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("TOP-SECRET", encoding="utf-8")
    return path


@pytest.fixture
def listener():
    """A port that nobody may call: addresses of callers are collected."""
    calls: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        done = threading.Event()

        def accept() -> None:
            while not done.is_set():
                try:
                    connection, address = server.accept()
                except TimeoutError:
                    continue
                calls.append(address)
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", calls
        done.set()
        thread.join()


@pytest.mark.parametrize(
    "part", [SHEET, STRINGS, "xl/workbook.xml", "xl/styles.xml", "xl/_rels/workbook.xml.rels", "ods"]
)
def test_entities_are_refused_in_every_part(part, secret, listener):
    """No entity is defined, so none is expanded: not from a file, not from the network, not from itself."""
    url, calls = listener
    for declared in (
        f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>',
        f'<!DOCTYPE x SYSTEM "{url}/x.dtd" [<!ENTITY e SYSTEM "{url}/e">]>',
        f'<!DOCTYPE x [<!ENTITY % p SYSTEM "{url}/p"> %p;]>',
        '<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "' + "&a;" * 50 + '"><!ENTITY e "' + "&b;" * 50 + '">]>',
    ):
        if part == "ods":
            content = ods_with("<office:body>&e;</office:body>", prolog=declared)
        else:
            before = member(GOOD, part).decode()
            prolog, root = before.split("?>", 1)
            content = repacked(GOOD, {part: f"{prolog}?>{declared}{root.replace('>pay<', '>&e;<')}".encode()})
        with pytest.raises(UnreadableSheet, match="declares XML entities") as refusal:
            read_workbook(content, "xxe.xlsx")
        assert "TOP-SECRET" not in str(refusal.value)
    time.sleep(0.1)
    assert calls == []


def test_nothing_outside_is_called(listener):
    """Links, pictures, queries and other workbooks stay where they are; what was stored of them is read."""
    url, calls = listener

    def fill(book):
        sheet = sheet_of(book, "S", ROWS)
        sheet.write_url("A4", f"{url}/link", string="linked")
        sheet.write_formula("B4", f'=WEBSERVICE("{url}/service")', None, "stored")
        sheet.write_formula("C4", "='[1]Other'!A1", None, "from elsewhere")
        sheet.write_formula("A5", f'=IMAGE("{url}/picture.png")', None, "")

    link = (
        '<?xml version="1.0"?><externalLink xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<externalBook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="rId1"/></externalLink>'
    )
    target = (
        '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship '
        'Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/externalLinkPath" '
        f'Target="{url}/other.xlsx" TargetMode="External"/></Relationships>'
    )
    content = repacked(
        xlsx(fill)(),
        {},
        also={
            "xl/externalLinks/externalLink1.xml": link.encode(),
            "xl/externalLinks/_rels/externalLink1.xml.rels": target.encode(),
            "xl/connections.xml": f'<connections><connection url="{url}/query"/></connections>'.encode(),
        },
    )
    (table,) = read_workbook(content, "links.xlsx").tables
    assert table.rows[-1].cells == ("linked", "stored", "from elsewhere")
    time.sleep(0.1)
    assert calls == []


SCRIPTS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "=cmd|' /C calc'!A0",
    "../../etc/passwd",
    "'; DROP TABLE entities; --",
]


def test_script_is_text_like_any_other():
    """Reading changes nothing about it and runs none of it; who shows or stores it escapes."""
    rows = [["name", *(f"f{n}" for n in range(len(SCRIPTS)))], ["a", *SCRIPTS]]
    sheet = xlsx(lambda book: _write_strings(book.add_worksheet("S"), rows))()
    (table,) = read_workbook(sheet, "script.xlsx").tables
    assert table.rows[0].cells == ("a", *SCRIPTS)
    (table,) = read_workbook(ods({"S": rows}), "script.ods").tables
    assert table.rows[0].cells == ("a", *SCRIPTS)


def _write_strings(sheet, rows):
    for row, cells in enumerate(rows):
        for column, text in enumerate(cells):
            sheet.write_string(row, column, text)


def test_what_nobody_sees_is_taken_out():
    """Controls and marks that turn the direction of reading make one text look like another."""
    (table,) = read_workbook("name,team\npay\x01\x1b[31m,M\u202eyenom\u2066\u200b\n".encode(), "odd.csv").tables
    assert table.rows[0].cells == ("pay[31m", "Myenom")


def _openers() -> list[str]:
    """Command lines of children of this process that open sheets."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat, command = (folder / "stat").read_text(), (folder / "cmdline").read_text()
        except OSError:  # it ended meanwhile
            continue
        if stat.rpartition(")")[2].split()[1] == str(os.getpid()) and "opener" in command:
            found.append(command)
    return found


def test_the_opener_is_stopped_when_time_is_up():
    """It is gone when the refusal is there."""
    started = time.perf_counter()
    with pytest.raises(SheetTooLarge, match="seconds to open"):
        read_workbook(GOOD, "slow.xlsx", limits=SheetLimits(seconds=0.001))
    assert time.perf_counter() - started < 10
    assert not _openers()


def test_the_opener_does_not_outlive_a_refusal():
    """A limit that is met halfway ends the process while the error is still being told."""
    with pytest.raises(SheetTooLarge, match="of text"):
        read_workbook(GOOD, "full.xlsx", limits=SheetLimits(text_bytes=100))
    assert not _openers()


@pytest.mark.parametrize("kind", ["xlsx", "ods", "xls", "csv"])
def test_damaged_files_are_read_or_refused(kind):
    """Bytes changed, cut out or cut off at random: a workbook or a refusal in words comes out, nothing else."""
    contents = {
        "xlsx": GOOD,
        "ods": ods({"S": ROWS}),
        "xls": xls("S", ROWS),
        "csv": "name;team\n\"größe\";x\n".encode("cp1252") * 20,
    }  # fmt: skip
    chance = random.Random(20_261_123)
    for _ in range(25):
        content = bytearray(contents[kind])
        for _ in range(chance.randrange(1, 20)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if chance.random() < 0.3:
            del content[chance.randrange(len(content)) :]
        assert f"damaged.{kind}" in outcome(bytes(content), f"damaged.{kind}")


def outcome(content: bytes, filename: str) -> str:
    """The name of what was read, or the refusal."""
    try:
        return read_workbook(content, filename).filename
    except REFUSED as refusal:
        return str(refusal)

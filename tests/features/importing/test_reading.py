"""Files as people keep them become tables in which every row is accounted for; files that are none are refused in words."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import random
import re

import pytest
import xlsxwriter

from callboard.features.importing.interface import SheetTooLarge, UnreadableSheet, Workbook
from callboard.features.importing.sheets.limits import DEFAULT, SheetLimits
from callboard.features.importing.sheets.reading import read_workbook
from tests.features.importing.contents_as_kept import LARGE, LARGE_ROWS
from tests.features.importing.expected import Expected, Kept, sheet_of, xlsx
from tests.features.importing.files import compound, member, ods, ods_with, repacked, xls
from tests.features.importing.sheets_as_kept import KEPT, rows_with_something


def read_csv(text: str, filename: str = "a.csv", **limits: int) -> Workbook:
    return read_workbook(text.encode(), filename, limits=SheetLimits(**limits) if limits else DEFAULT)


def rows_of(book: Workbook, index: int = 0) -> dict[int, tuple[str, ...]]:
    return {row.number: row.cells for row in book.tables[index].rows}


# ---- sheets as kept ----------------------------------------------------------------------------------------------------

SMALL = [kept for kept in KEPT if kept is not LARGE]


@pytest.mark.parametrize("kept", SMALL, ids=lambda kept: kept.id)
def test_a_sheet_as_people_keep_it_is_read(kept: Kept):
    """Columns, rows with their numbers, skipped rows with their reasons, and what was assumed."""
    book = read_workbook(kept.build(), kept.filename)
    assert [table.sheet for table in book.tables] == [expected.sheet for expected in kept.tables]
    for table, expected in zip(book.tables, kept.tables, strict=True):
        assert_table(table, expected)
    for part in kept.notes:
        assert any(part in note for note in book.notes), (part, book.notes)


def assert_table(table, expected: Expected):
    assert table.columns == expected.columns
    assert {row.number: row.cells for row in table.rows} == dict(expected.rows)
    assert {skipped.number for skipped in table.skipped} == set(expected.skipped)
    for skipped in table.skipped:
        assert expected.skipped[skipped.number] in skipped.reason
        assert skipped.text
    assert table.header_row == expected.header_row
    for part in expected.notes:
        assert any(part in note for note in table.notes), (part, table.notes)


@pytest.mark.parametrize("kept", SMALL, ids=lambda kept: kept.id)
def test_no_row_is_lost_or_told_twice(kept: Kept):
    """Rows, skipped rows and the header are different ones, and together all that hold something."""
    book = read_workbook(kept.build(), kept.filename)
    told = 0
    for table in book.tables:
        numbers = [row.number for row in table.rows] + [skipped.number for skipped in table.skipped]
        assert len(set(numbers)) == len(numbers)
        assert table.header_row not in numbers
        assert all(len(row.cells) == len(table.columns) for row in table.rows)
        assert len({column.casefold() for column in table.columns}) == len(table.columns)
        told += len(numbers)
    assert told == rows_with_something(kept)


@pytest.mark.soak
def test_a_sheet_of_twenty_thousand_rows_is_read_whole():
    """How long it takes is measured by ``bench/sheets.py``."""
    book = read_workbook(LARGE.build(), LARGE.filename)
    assert len(book.tables[0].rows) == LARGE_ROWS
    assert_table(book.tables[0], LARGE.tables[0])


def test_the_inventory_of_gov_uk_is_read_alike_from_both_formats(shared):
    """136 rows and 16 columns, booleans and line breaks kept, from CSV and XLSX."""
    folder = shared / "corpus" / "govuk"
    books = [read_workbook((folder / name).read_bytes(), name) for name in ("repos.csv", "repos.xlsx")]
    for book in books:
        (table,) = book.tables
        assert (len(table.rows), len(table.columns), table.skipped, table.header_row) == (136, 16, (), 1)
    assert books[0].tables[0].columns == books[1].tables[0].columns
    assert books[0].tables[0].rows == books[1].tables[0].rows
    urls = {row.cells[table.columns.index("production_url")] for row in table.rows}
    assert "false" in urls
    assert any("\n" in row.cells[table.columns.index("description")] for row in table.rows)


def test_equal_bytes_give_an_equal_workbook():
    """Reading is deterministic, and the digest is that of the bytes."""
    content = KEPT[0].build()
    first, second = read_workbook(content, "a.csv"), read_workbook(content, "a.csv")
    assert first == second
    assert first.digest == hashlib.sha256(content).hexdigest()


# ---- cells and rows ----------------------------------------------------------------------------------------------------


def test_a_cell_that_is_too_long_is_cut_and_named():
    """It stays a row, and a note says which one."""
    book = read_csv(f"name,text\na,{'x' * 12_000}\nb,y\n")
    assert len(book.tables[0].rows[0].cells[1]) == 10_000
    assert any("Row 2: a cell with more than 10,000 characters was cut" in note for note in book.tables[0].notes)


@pytest.mark.parametrize(
    "total",
    ["Total", "TOTAL:", "Grand total", "Sub-total", "Total services: 3", "Summe", "Gesamt", "Count", "Zwischensumme"],
)
def test_a_row_of_totals_is_skipped(total):
    """By its word, whatever its language, when only numbers stand beside it."""
    (table,) = read_csv(f"name,team,cost\na,red,1\nb,blue,2\n{total},,3\n").tables
    assert [skipped.number for skipped in table.skipped] == [4]


@pytest.mark.parametrize("row", ["total-recall,Film,3", "Total,Film,3", "summary,,", "count,red,"])
def test_a_service_with_a_name_like_a_total_is_data(row):
    """Text beside it, or a word of its own, makes it an entry."""
    (table,) = read_csv(f"name,team,cost\na,red,1\nb,blue,2\n{row}\n").tables
    assert [each.number for each in table.rows] == [2, 3, 4]


def test_a_last_row_of_numbers_without_a_name_is_a_total():
    """Sums below the columns carry no word at all sometimes."""
    (table,) = read_csv("name,team,cost,size\na,red,1,5\nb,blue,2,6\n,,3,11\n").tables
    assert [skipped.number for skipped in table.skipped] == [4]


def test_rows_with_only_a_name_are_data():
    """A list that grows starts with names; they are no headings."""
    (table,) = read_csv("name,team,type,url\npay,red,api,x\nnew-one,,,\nnew-two,,,\nshop,blue,web,y\n").tables
    assert [row.cells[0] for row in table.rows] == ["pay", "new-one", "new-two", "shop"]
    assert table.columns == ("name", "team", "type", "url")


def test_names_set_apart_by_blank_rows_are_headings_if_there_are_several():
    """One may be an entry that nobody has filled in yet."""
    one = "Service,Team,Type\nPay API,Money,api\n\nNew Thing,,\nMail Out,Post,job\n"
    (table,) = read_csv(one).tables
    assert [row.cells[0] for row in table.rows] == ["Pay API", "New Thing", "Mail Out"]
    (table,) = read_csv(one + "\nOld Things,,\nFax In,Post,job\n").tables
    assert table.columns[-1] == "Section"
    assert [row.cells[-1] for row in table.rows] == ["", "New Thing", "Old Things"]


def test_a_team_above_the_first_header_heads_the_first_rows():
    """Blocks with a header each, saved below one another."""
    block = "Team {0},,\nService,Type,Repo\n{1},api,x/{1}\n"
    (table,) = read_csv(block.format("Money", "pay") + "\n" + block.format("Sales", "shop")).tables
    assert [(row.number, row.cells) for row in table.rows] == [
        (3, ("pay", "api", "x/pay", "Team Money")),
        (7, ("shop", "api", "x/shop", "Team Sales")),
    ]
    assert [skipped.number for skipped in table.skipped] == [1, 5, 6]


def test_units_and_ruled_lines_are_no_entries():
    """What the numbers below are counted in, and dashes that draw a table in plain text."""
    (table,) = read_csv("Service|Size|Cost\n---|---|---\npay|10|20\nshop|1|2\n").tables
    assert [(skipped.number, skipped.reason) for skipped in table.skipped] == [(2, "A line, not an entry.")]
    (table,) = read_csv("Service,Size,Cost\n,MB,EUR\npay,10,20\nshop,1,2\n").tables
    assert [skipped.number for skipped in table.skipped] == [2]
    assert [row.cells[0] for row in table.rows] == ["pay", "shop"]


def test_quotes_in_the_middle_of_a_cell_do_no_harm():
    """``"a" b`` is odd, but stays in its row."""
    (table,) = read_csv('name,note,team\na,"big" thing,red\nb,say "hi",blue\nc,"x\ny",red\n').tables
    assert rows_of(read_csv('name,note,team\na,"big" thing,red\nb,say "hi",blue\nc,"x\ny",red\n')) == {
        2: ("a", "big thing", "red"),
        3: ("b", 'say "hi"', "blue"),
        4: ("c", "x\ny", "red"),
    }
    assert table.notes == ()


@pytest.mark.parametrize(
    ("content", "reads"),
    [
        ("name,team\na-b,\"red\nc-d,blue\ne-f,green\n", ["a-b", "c-d", "e-f"]),
        ("name,team,x\na-b,\"red,1\nc-d,blue,2\ne-f,green,3\ng-h,\"grey\",4\n", ["a-b", "c-d", "e-f", "g-h"]),
        ("name,team,x\na-b,\"red,1\nc-d,blue,2\ne-f,green,3\ng-h,grey\",4\n", ["a-b", "c-d", "e-f", "g-h"]),
    ],
    ids=["to the end", "to the next mark", "to a mark that pairs up with it"],
)  # fmt: skip
def test_a_lone_quotation_mark_swallows_no_rows(content, reads):
    """Wherever the reader would have found the next mark, every line stays a row and a note tells."""
    (table,) = read_csv(content).tables
    assert [row.cells[0] for row in table.rows] == reads
    assert any("quotation mark near line 2" in note for note in table.notes)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_among_the_others(separator):
    """Lists, sentences and bars within cells do not mislead."""
    other = ";" if separator != ";" else ","
    lines = [separator.join(["name", "tags", "description"])]
    lines += [separator.join([f"svc-{n}", f"a{other} b{other} c", f"It does {n}"]) for n in range(20)]
    (table,) = read_csv("\n".join(lines)).tables
    assert table.columns == ("name", "tags", "description")
    assert table.rows[3].cells == ("svc-3", f"a{other} b{other} c", "It does 3")


def test_utf_8_with_a_few_broken_letters_stays_utf_8():
    """One pasted byte does not turn every other letter of the file into two."""
    (table,) = read_workbook(b"name,team\n" + "größe,Äpfel\n".encode() * 20 + b"x,\xff\n", "a.csv").tables
    assert table.rows[0].cells == ("größe", "Äpfel")


AWKWARD = [
    "", "", "", "", "name", "Team", "owner", "pay-api", "shop", "Total", "Sum:", "12", "1.200,50 €", "https://x.example/a", "false", "#chat",
    "Team Sales", "MONEY", "* note", "Last updated by Jo", "(optional)", "a\nb", "---", "x" * 90, "Service", "Beschreibung", "Müller", "'=1",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_every_row_of_any_sheet_is_accounted_for(seed):
    """Whatever stands where: each row with something in it is a row, skipped with a reason, or the header, and only one of them."""
    chance = random.Random(seed)
    width = chance.randrange(1, 7)
    rows = [[chance.choice(AWKWARD) for _ in range(width)] for _ in range(chance.randrange(1, 40))]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=chance.choice(",;\t|")).writerows(rows)
    with_something = {number for number, row in enumerate(rows, start=1) if any(cell.strip() for cell in row)}
    if not with_something:
        return
    for content, filename in (
        (buffer.getvalue().encode(), "any.csv"),
        (xlsx(lambda book: sheet_of(book, "S", [[cell or None for cell in row] for row in rows]))(), "any.xlsx"),
    ):
        told = []
        for table in read_workbook(content, filename).tables:
            told += [row.number for row in table.rows] + [skipped.number for skipped in table.skipped]
            told += [table.header_row] if table.header_row else []
            if any("The header takes rows" in note for note in table.notes):
                told.append(table.header_row - 1)
            assert all(skipped.reason and skipped.text for skipped in table.skipped)
        assert sorted(told) == sorted(with_something), filename


# ---- how programs write workbooks ---------------------------------------------------------------------------------------

SHEET = "xl/worksheets/sheet1.xml"
PLAIN = xlsx(lambda book: sheet_of(book, "S", [["name", "team"], ["pay", "Money"]]))()


def test_texts_within_cells_and_cells_without_addresses_are_read():
    """As exporters write that stream their rows."""
    rows = (
        '<row><c t="inlineStr"><is><t>name</t></is></c><c t="inlineStr"><is><r><t>te</t></r><r><t>am</t></r></is></c></row>'
        '<row><c t="str"><v>pay</v></c><c t="b"><v>1</v></c></row><row><c><f>A1&amp;"x"</f></c><c t="e"><v>#REF!</v></c></row>'
        '<row><c t="str"><v>shop</v></c></row>'
    )
    sheet = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>'
    (table,) = read_workbook(repacked(PLAIN, {SHEET: sheet.encode()}), "a.xlsx").tables
    assert table.columns == ("name", "team")
    assert [row.cells for row in table.rows] == [("pay", "true"), ("shop", "")]
    assert any(note.startswith("B3: a formula failed") for note in table.notes)
    assert any(note.startswith("A3: a formula has no stored value") for note in table.notes)


def test_a_prefix_before_every_name_changes_nothing():
    """Some libraries write ``x:row`` for ``row``."""
    prolog, body = member(PLAIN, SHEET).decode().split("?>", 1)
    body = re.sub(r"<(/?)(\w)", r"<\1x:\2", body).replace('xmlns="', 'xmlns:x="', 1)
    prefixed = repacked(PLAIN, {SHEET: f"{prolog}?>{body}".encode()})
    assert read_workbook(prefixed, "a.xlsx").tables == read_workbook(PLAIN, "a.xlsx").tables


def test_one_mark_before_a_formula_is_taken_off_in_every_format():
    """Exports set it so that nobody runs the cell; a text that had one itself comes with two."""
    rows = [["name", "a", "b"], ["x", "'=1", "''@y"], ["y", "'quoted'", "'\uff1d2"]]
    books = [
        read_workbook(xlsx(lambda book: sheet_of(book, "S", rows))(), "a.xlsx"),
        read_workbook(ods({"S": rows}), "a.ods"),
        read_csv("\n".join(",".join(row) for row in rows)),
    ]
    for book in books:
        assert [row.cells for row in book.tables[0].rows] == [("x", "=1", "'@y"), ("y", "'quoted'", "\uff1d2")]


def test_dates_counted_from_1904_are_the_same_days():
    """Excel for Mac counted so for a long time."""

    def fill(book):
        sheet = sheet_of(book, "S", [["name", "since"], ["pay"]])
        sheet.write_datetime("B2", dt.datetime(2026, 5, 4), book.add_format({"num_format": "d/m/yy"}))

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "date_1904": True}) as book:
        fill(book)
    assert read_workbook(buffer.getvalue(), "a.xlsx").tables[0].rows[0].cells == ("pay", "2026-05-04")


# ---- what is no sheet --------------------------------------------------------------------------------------------------

REFUSED = [
    ("empty", b"", "a.csv", "is empty"),
    ("blank", b"\r\n \n", "a.csv", "is empty"),
    ("separators only", b",,\n,,\n", "a.csv", "There is nothing in a.csv"),
    ("html as xls", b"<html><body><table><tr><td>name</td></tr></table></body></html>", "a.xls", "web page"),
    ("html with a doctype", b"\xef\xbb\xbf\n<!DOCTYPE html><html></html>", "a.xls", "web page"),
    ("bare table", b"<table><tr><td>name</td></tr></table>", "a.xls", "web page"),
    ("office html", b'<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head></head></html>', "a.xls", "web page"),
    ("xml of 2003", b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', "a.xls", "2003"),
    ("flat ods", b'<?xml version="1.0"?><o:document xmlns:o="urn:oasis:names:tc:opendocument:x">', "a.fods", "flat"),
    ("mhtml", b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "a.xls", "MHTML"),
    ("pdf", b"%PDF-1.7 ...", "a.xlsx", "PDF"),
    ("picture", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a.xlsx", "picture"),
    ("gzip", b"\x1f\x8b\x08\x00", "a.csv", "gzip"),
    ("json", b'{"name": "a"}', "a.csv", "JSON"),
    ("catalog file", b"apiVersion: backstage.io/v1alpha1\nkind: Component\n", "a.csv", "Register it as a location"),
    ("binary", bytes(range(256)) * 20, "a.csv", "not text"),
    ("cut off archive", b"PK\x03\x04" + b"x" * 500, "a.xlsx", "damaged"),
    ("encrypted workbook", compound({"EncryptedPackage": b"x", "EncryptionInfo": b"y"}), "a.xlsx", "password"),
    ("word", compound({"WordDocument": b"x"}), "a.xls", "Word"),
    ("broken xls", compound({"Workbook": b"\x09\x08\x10\x00" + b"\xff" * 5_000}), "a.xls", "cannot be opened"),
    (
        "encrypted ods",
        ods_with("", manifest="<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"),
        "a.ods",
        "password",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "filename", "part"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_is_no_sheet_is_refused_in_words(content, filename, part):
    """The message says what it is, names the file and, where something helps, says what."""
    with pytest.raises(UnreadableSheet) as refusal:
        read_workbook(content, filename)
    assert part in str(refusal.value)
    assert filename in str(refusal.value)


@pytest.mark.parametrize("first", ["PK", "PAR1", "BZh", "MZ", "GIF8", "[name]", "kind", "<name>"])
def test_a_header_that_starts_like_another_file_is_read(first):
    """``PK`` is a primary key, too."""
    assert read_csv(f"{first},team\na,red\nb,blue\n").tables[0].columns == (first, "team")


def test_a_path_in_the_name_is_left_out():
    """Browsers of old send whole paths; nobody else needs to see them."""
    assert read_workbook(b"name,team\na,b\n", "C:\\Users\\jo\\list.csv").filename == "list.csv"


# ---- limits ------------------------------------------------------------------------------------------------------------


def _wide(count: int) -> bytes:
    return xlsx(lambda book: sheet_of(book, "W", [[f"v{column}" for column in range(count)]] * 3))()


@pytest.mark.parametrize(
    ("content", "limits", "part"),
    [
        (b"x" * 21_000_000, {}, "at most 20 MiB"),
        (b"a,b\n" * 60_000, {}, "more than 50,000 rows"),
        (("name," + ",".join(f"c{n}" for n in range(300)) + "\n").encode() * 3, {}, "301 columns"),
        (b"name,team\n" + b"abcdefgh%d,x\n" * 2_000, {"text_bytes": 10_000}, "of text"),
        (_wide(250), {}, "more than 200 columns"),
        (xls("A", [[f"n{n}", "x"] for n in range(120)]), {"rows": 100}, "more than 100 rows"),
        (ods({str(n): [["name", "team"], ["a", "b"]] for n in range(6)}), {"tabs": 5}, "more than 5 tabs"),
    ],
    ids=["bytes", "rows", "columns", "text", "columns of a workbook", "rows of a workbook", "tabs"],
)
def test_what_is_over_a_limit_is_refused_with_the_limit(content, limits, part):
    """Each limit has its message."""
    with pytest.raises(SheetTooLarge) as refusal:
        read_workbook(content, "a.csv", limits=SheetLimits(**limits))
    assert part in str(refusal.value)


def test_blank_columns_and_rows_count_for_nothing():
    """A sheet formatted to its edges holds only what it says."""
    (table,) = read_csv("name" + "," * 400 + "team\n" + "\n" * 500 + "a" + "," * 400 + "b\n").tables
    assert table.columns == ("name", "team")
    assert [(row.number, row.cells) for row in table.rows] == [(502, ("a", "b"))]


def test_texts_of_other_tabs_do_not_mix():
    """Tabs keep their own widths and rows."""
    book = read_workbook(
        ods({"A": [["name", "since"], ["a", dt.date(2026, 1, 2)]], "B": [["team"], ["red"]]}), "two.ods"
    )
    assert [(table.sheet, table.columns) for table in book.tables] == [("A", ("name", "since")), ("B", ("team",))]
    assert rows_of(book, 1) == {2: ("red",)}

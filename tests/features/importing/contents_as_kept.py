"""Workbooks with more in them than text in cells: colours, tabs, dates, formulas; large ones; those of other programs."""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.features.importing.expected import ABOVE, HINT, REMARK, Kept, sheet_of, table, xlsx
from tests.features.importing.files import ods, xls


def _coloured(book: Any) -> None:
    header = book.add_format({"bg_color": "#4472C4", "bold": True})
    red = book.add_format({"bg_color": "#FF0000"})
    green = book.add_format({"bg_color": "#92D050"})
    gone = book.add_format({"font_strikeout": True})
    sheet = book.add_worksheet("Status")
    sheet.write_row(0, 0, ["Service", "Team"], header)
    for row, (name, team, look) in enumerate(
        [
            ("pay", "Money", green),
            ("shop", "Sales", red),
            ("mail", "Post", green),
            ("fax", "Post", gone),
            ("telex", "Post", None),
        ],
        start=1,
    ):
        sheet.write_row(row, 0, [name, team], look)


COLOURED = Kept(
    "colours and strike-through that mean something",
    "status.xlsx",
    xlsx(_coloured),
    (
        table(
            "Status",
            1,
            "Service|Team",
            {2: ("pay", "Money"), 3: ("shop", "Sales"), 4: ("mail", "Post"), 5: ("fax", "Post"), 6: ("telex", "Post")},
            notes=("3 rows are coloured (green in 2, red in 1)", "Row 5: struck through"),
        ),
    ),
)


def _tabs(book: Any) -> None:
    sheet_of(book, "Services", [["Service", "Team"], ["pay", "Money"]])
    sheet_of(
        book,
        "Libraries",
        [["Library", "Team", "Language"], ["money-js", "Money", "JavaScript"], ["sums", "Money", "Go"]],
    )
    sheet_of(book, "Lists", [["Money"], ["Sales"]]).hide()
    book.add_worksheet("Scratch")
    chart = book.add_chart({"type": "bar"})
    chart.add_series({"values": "=Services!$A$2:$A$2"})
    book.add_chartsheet("Chart").set_chart(chart)


TABS = Kept(
    "several tabs: hidden, empty and a chart among them",
    "tabs.xlsx",
    xlsx(_tabs),
    (
        table("Services", 1, "Service|Team", {2: ("pay", "Money")}),
        table(
            "Libraries",
            1,
            "Library|Team|Language",
            {2: ("money-js", "Money", "JavaScript"), 3: ("sums", "Money", "Go")},
        ),
    ),
    ("“Lists” is hidden", "“Scratch” is empty", "“Chart” is a chart"),
)


def _values(book: Any) -> None:
    day = book.add_format({"num_format": "dd.mm.yyyy"})
    minute = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    clock = book.add_format({"num_format": "hh:mm"})
    percent = book.add_format({"num_format": "0 %"})
    sheet = sheet_of(
        book,
        "Values",
        [["name", "since", "deployed", "backup", "uptime", "public", "size", "url"], ["pay-api"], ["shop"]],
    )
    sheet.write_datetime("B2", dt.datetime(2024, 2, 29), day)
    sheet.write_datetime("C2", dt.datetime(2026, 11, 23, 14, 30), minute)
    sheet.write_datetime("D2", dt.time(3, 15), clock)
    sheet.write_number("E2", 0.9995, percent)
    sheet.write_boolean("F2", False)
    sheet.write_formula("G2", "=0.1+0.2", None, 0.1 + 0.2)
    sheet.write_formula("H2", '=HYPERLINK("https://x.example")', None, "https://x.example")
    sheet.write_formula("G3", "=1/0", None, "#DIV/0!")
    sheet.write_number("E3", 12345678901)
    sheet.write_url("H3", "https://shop.example", string="the shop")


VALUES = Kept(
    "dates, times, booleans, formulas and errors",
    "values.xlsx",
    xlsx(_values),
    (
        table(
            "Values",
            1,
            "name|since|deployed|backup|uptime|public|size|url",
            {
                2: (
                    "pay-api",
                    "2024-02-29",
                    "2026-11-23 14:30",
                    "03:15",
                    "0.9995",
                    "false",
                    "0.3",
                    "https://x.example",
                ),
                3: ("shop", "", "", "", "12345678901", "", "", "the shop"),
            },
            notes=("G3: a formula failed",),
        ),
    ),
)


def _offset(book: Any) -> None:
    sheet = sheet_of(
        book,
        "Offset",
        [
            ["Service", "", "Team", "Team", ""],
            ["pay", "", "Money", "#money", "x1"],
            ["shop", "", "Sales", "#sales", ""],
        ],
        top=4,
        left=2,
    )
    sheet.write_blank("Z900", None, book.add_format({"bg_color": "#EEEEEE"}))


OFFSET = Kept(
    "a table that starts at C5, with an empty column, a repeated name and one without",
    "offset.xlsx",
    xlsx(_offset),
    (
        table(
            "Offset",
            5,
            "Service|Team|Team (2)|Column G",
            {6: ("pay", "Money", "#money", "x1"), 7: ("shop", "Sales", "#sales", "")},
            notes=("No header over “Column G”",),
        ),
    ),
)


def _stacked(book: Any) -> None:
    sheet_of(
        book,
        "All",
        [
            ["Service", "Team", "Repository"],
            ["pay", "Money", "acme/pay"],
            ["shop", "Sales", "acme/shop"],
            [],
            ["Databases"],
            ["Database", "Owner", "Region"],
            ["ledger-db", "Money", "eu-west-1"],
            ["shop-db", "Sales", "eu-west-1"],
        ],
    )


STACKED = Kept(
    "two tables in one tab",
    "all.xlsx",
    xlsx(_stacked),
    (
        table(
            "All", 1, "Service|Team|Repository", {2: ("pay", "Money", "acme/pay"), 3: ("shop", "Sales", "acme/shop")}
        ),
        table(
            "All (2)",
            6,
            "Database|Owner|Region",
            {7: ("ledger-db", "Money", "eu-west-1"), 8: ("shop-db", "Sales", "eu-west-1")},
            {5: ABOVE},
        ),
    ),
)


def _untidy(book: Any) -> None:
    sheet = sheet_of(
        book,
        "Untidy",
        [
            ["Service\nname", " Owner ", "Depends on"],
            ["pay\u00a0", "\u200bMoney\u202e", "ledger,\nmail\r\nshop"],
            ["", "", "   "],
            ["shop", "Sales\t", "pay_x000D_\nmail"],
        ],
    )
    sheet.set_column("B:B", None, None, {"hidden": True})
    sheet.set_row(3, None, None, {"hidden": True})
    sheet.autofilter("A1:C4")


UNTIDY = Kept(
    "odd spaces, line breaks, a filter, hidden rows and columns",
    "untidy.xlsx",
    xlsx(_untidy),
    (
        table(
            "Untidy",
            1,
            "Service name|Owner|Depends on",
            {2: ("pay", "Money", "ledger,\nmail\nshop"), 4: ("shop", "Sales", "pay\nmail")},
        ),
    ),
)


def _template(book: Any) -> None:
    sheet_of(
        book,
        "Form",
        [
            ["Service", "Owner", "Type", "Description"],
            ["(mandatory)", "e.g. Money", "choose one of the list", "free text"],
            ["pay", "Money", "api", "Takes payments"],
            ["shop", "Sales", "website", ""],
            [],
            ["Legend: types are api, website and job"],
            ["Stand: 01.10.2026"],
        ],
    )


TEMPLATE = Kept(
    "a form with hints below the header and a legend at the end",
    "form.xlsx",
    xlsx(_template),
    (
        table(
            "Form",
            1,
            "Service|Owner|Type|Description",
            {3: ("pay", "Money", "api", "Takes payments"), 4: ("shop", "Sales", "website", "")},
            {2: HINT, 6: REMARK, 7: REMARK},
        ),
    ),
)


def _renamed(book: Any) -> None:
    sheet_of(book, "Sheet1", [["name", "team"], ["pay", "Money"]])


RENAMED = Kept(
    "a workbook with the name of a CSV",
    "export.csv",
    xlsx(_renamed),
    (table("Sheet1", 1, "name|team", {2: ("pay", "Money")}),),
    ("By its name export.csv is something else",),
)


def _crossed(book: Any) -> None:
    sheet_of(
        book,
        "Matrix",
        [
            ["Service", "2025", "2026", "prod", "on call"],
            ["pay", "x", "x", "yes", ""],
            ["shop", "", "x", "no", "x"],
            ["mail", "", "", "yes", ""],
        ],
    )


CROSSED = Kept(
    "crosses and years",
    "matrix.xlsx",
    xlsx(_crossed),
    (
        table(
            "Matrix",
            1,
            "Service|2025|2026|prod|on call",
            {2: ("pay", "x", "x", "yes", ""), 3: ("shop", "", "x", "no", "x"), 4: ("mail", "", "", "yes", "")},
        ),
    ),
)

LARGE_ROWS = 20_000
LARGE_COLUMNS = 16


def _large(book: Any) -> None:
    sheet = book.add_worksheet("Everything")
    columns = ["name", "owner", "type", "lifecycle", "repository", "description", "tier", "public"]
    columns += [f"extra {n}" for n in range(1, LARGE_COLUMNS - len(columns) + 1)]
    sheet.write_row(0, 0, columns)
    for number in range(1, LARGE_ROWS + 1):
        sheet.write_row(number, 0, large_row(number))


def large_row(number: int) -> list[Any]:
    """Row ``number`` (from 1) of the large sheet, as written."""
    row = [
        f"service-{number:05}",
        f"team-{number % 150}",
        "service" if number % 3 else "website",
        "production",
        f"https://git.example.org/acme/service-{number:05}",
        f"Does thing {number} for people who want thing {number % 97} done",
        number % 4,
        number % 2 == 0,
    ]
    return row + [f"value {number % (n * 7)}" for n in range(1, LARGE_COLUMNS - len(row) + 1)]


def large_cells(number: int) -> tuple[str, ...]:
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in large_row(number))


LARGE = Kept(
    "20,000 rows",
    "everything.xlsx",
    xlsx(_large),
    (
        table(
            "Everything",
            1,
            ["name", "owner", "type", "lifecycle", "repository", "description", "tier", "public"]
            + [f"extra {n}" for n in range(1, 9)],
            {number + 1: large_cells(number) for number in range(1, LARGE_ROWS + 1)},
        ),
    ),
)


OPENDOCUMENT = Kept(
    "LibreOffice: merged cells, repeats, a date, a boolean, paragraphs, a comment",
    "list.ods",
    lambda: ods(
        {
            "Dienste": [
                ["Dienst", "Team", "Seit", "Öffentlich", "Beschreibung"],
                ["pay", ("Money", {"down": 2}), dt.date(2024, 2, 29), True, "takes\nmoney"],
                ["ledger", None, dt.date(2025, 1, 1), False, ("counts", {"comment": "not this"})],
                ["shop", "Sales", None, None, 12.5],
            ]
        }
    ),
    (
        table(
            "Dienste",
            1,
            "Dienst|Team|Seit|Öffentlich|Beschreibung",
            {
                2: ("pay", "Money", "2024-02-29", "true", "takes\nmoney"),
                3: ("ledger", "Money", "2025-01-01", "false", "counts"),
                4: ("shop", "Sales", "", "", "12.5"),
            },
            notes=("1 merged range",),
        ),
    ),
)

OLD_EXCEL = Kept(
    "an Excel workbook of before 2007, with merged cells",
    "old.xls",
    lambda: xls(
        "Alt",
        [["Dienst", "Team", "Kosten"], ["pay", "Geld", 12.5], ["ledger", "", 3], ["Büro", "Post", ""]],
        merges=[(1, 1, 2, 1)],
    ),
    (
        table(
            "Alt",
            1,
            "Dienst|Team|Kosten",
            {2: ("pay", "Geld", "12.5"), 3: ("ledger", "Geld", "3"), 4: ("Büro", "Post", "")},
            notes=("1 merged range",),
        ),
    ),
)

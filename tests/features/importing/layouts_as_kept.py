"""Workbooks whose rows are not all data: titles, groups, headings, totals, repeats."""

from __future__ import annotations

from typing import Any

from tests.features.importing.expected import ABOVE, AGAIN, HEADING, REMARK, TOTAL, Kept, sheet_of, table, xlsx


def _titled(book: Any) -> None:
    sheet = sheet_of(
        book,
        "Inventory",
        [
            ["Service inventory 2026"],
            ["Owner:", "Jane Doe"],
            [],
            ["Service", "Team", "Lifecycle", "Repository"],
            ["Payments API", "Money", "production", "acme/payments"],
            ["Shop", "Sales", "experimental", "acme/shop"],
        ],
    )
    sheet.merge_range("A1:D1", "Service inventory 2026")


TITLED = Kept(
    "a merged title and who keeps it, above the header",
    "inventory.xlsx",
    xlsx(_titled),
    (
        table(
            "Inventory",
            4,
            "Service|Team|Lifecycle|Repository",
            {
                5: ("Payments API", "Money", "production", "acme/payments"),
                6: ("Shop", "Sales", "experimental", "acme/shop"),
            },
            {1: ABOVE, 2: ABOVE},
        ),
    ),
)


def _merged_teams(book: Any) -> None:
    sheet = sheet_of(
        book,
        "Teams",
        [
            ["Team", "Service", "Language", "Notes"],
            ["", "pay-api", "Go", ""],
            ["", "pay-web", "TypeScript", ""],
            ["", "pay-jobs", "Go", "nightly"],
            ["Sales", "shop", "", ""],
        ],
    )
    sheet.merge_range("A2:A4", "Money")
    sheet.merge_range("C5:D5", "nobody knows")


MERGED = Kept(
    "one team merged over its services",
    "teams.xlsx",
    xlsx(_merged_teams),
    (
        table(
            "Teams",
            1,
            "Team|Service|Language|Notes",
            {
                2: ("Money", "pay-api", "Go", ""),
                3: ("Money", "pay-web", "TypeScript", ""),
                4: ("Money", "pay-jobs", "Go", "nightly"),
                5: ("Sales", "shop", "nobody knows", "nobody knows"),
            },
            notes=("2 merged ranges",),
        ),
    ),
)


def _two_headers(book: Any) -> None:
    sheet = sheet_of(
        book,
        "Two",
        [
            [],
            ["", "Name", "Chat", "Repo", "Docs"],
            ["pay", "Money", "#money", "acme/pay", ""],
            ["shop", "Sales", "#sales", "", ""],
        ],
    )
    sheet.merge_range("A1:A2", "Service")
    sheet.merge_range("B1:C1", "Team")
    sheet.merge_range("D1:E1", "Links")


TWO_HEADERS = Kept(
    "two header rows with merged groups",
    "two.xlsx",
    xlsx(_two_headers),
    (
        table(
            "Two",
            2,
            "Service|Team / Name|Team / Chat|Links / Repo|Links / Docs",
            {3: ("pay", "Money", "#money", "acme/pay", ""), 4: ("shop", "Sales", "#sales", "", "")},
            notes=("The header takes rows 1 and 2",),
        ),
    ),
)


def _totals(book: Any) -> None:
    sheet = sheet_of(
        book,
        "Costs",
        [
            ["Service", "Team", "Cost", "Instances"],
            ["pay", "Money", 120.5, 2],
            ["ledger", "Money", 10, 1],
            ["Subtotal", "", 130.5, 3],
            ["shop", "Sales", 99.99, 4],
            ["total-recall", "Film", 1, 1],
            ["Grand total:", "", 0, 0],
        ],
    )
    sheet.write_formula("C7", "=SUM(C2:C6)", None, 231.49)
    sheet.write_formula("D7", "=SUM(D2:D6)", None, 8)


TOTALS = Kept(
    "subtotals and a total",
    "costs.xlsx",
    xlsx(_totals),
    (
        table(
            "Costs",
            1,
            "Service|Team|Cost|Instances",
            {
                2: ("pay", "Money", "120.5", "2"),
                3: ("ledger", "Money", "10", "1"),
                5: ("shop", "Sales", "99.99", "4"),
                6: ("total-recall", "Film", "1", "1"),
            },
            {4: TOTAL, 7: TOTAL},
        ),
    ),
)


def _merged_headings(book: Any) -> None:
    sheet = sheet_of(
        book,
        "By team",
        [
            ["Service", "Language", "Repository"],
            [],
            ["Pay API", "Go", "acme/pay-api"],
            ["Pay Web", "TypeScript", "acme/pay-web"],
            [],
            ["Shop", "PHP", "acme/shop"],
        ],
    )
    bold = book.add_format({"bold": True, "bg_color": "#DDDDDD"})
    sheet.merge_range("A2:C2", "Money & Ledgers", bold)
    sheet.merge_range("A5:C5", "Sales", bold)


MERGED_HEADINGS = Kept(
    "services below merged headings with the team",
    "by-team.xlsx",
    xlsx(_merged_headings),
    (
        table(
            "By team",
            1,
            "Service|Language|Repository|Section",
            {
                3: ("Pay API", "Go", "acme/pay-api", "Money & Ledgers"),
                4: ("Pay Web", "TypeScript", "acme/pay-web", "Money & Ledgers"),
                6: ("Shop", "PHP", "acme/shop", "Sales"),
            },
            {2: HEADING, 5: HEADING},
        ),
    ),
)


def _plain_headings(book: Any) -> None:
    sheet_of(
        book,
        "Services",
        [
            ["name", "type", "repo", "tier"],
            ["PAYMENTS"],
            ["pay-api", "service", "acme/pay-api", 1],
            ["pay-web", "website", "acme/pay-web", 1],
            ["orphan"],
            [],
            ["Team Sales:"],
            ["shop", "website", "acme/shop", 2],
            ["Team:", "Mail"],
            ["mail-out", "service", "acme/mail-out", 3],
            ["* tier 1 is on call"],
        ],
    )


PLAIN_HEADINGS = Kept(
    "headings between the services, one service with only a name, a remark below",
    "services.xlsx",
    xlsx(_plain_headings),
    (
        table(
            "Services",
            1,
            "name|type|repo|tier|Section",
            {
                3: ("pay-api", "service", "acme/pay-api", "1", "PAYMENTS"),
                4: ("pay-web", "website", "acme/pay-web", "1", "PAYMENTS"),
                5: ("orphan", "", "", "", "PAYMENTS"),
                8: ("shop", "website", "acme/shop", "2", "Team Sales"),
                10: ("mail-out", "service", "acme/mail-out", "3", "Team: Mail"),
            },
            {2: HEADING, 7: HEADING, 9: HEADING, 11: REMARK},
        ),
    ),
)


def _printed(book: Any) -> None:
    head = ["Service", "Team", "Status"]
    sheet_of(
        book,
        "Print",
        [
            head,
            ["pay", "Money", "live"],
            ["shop", "Sales", "live"],
            ["SERVICE", "Team", "Status"],
            ["mail", "Post", "dead"],
        ],
    )


PRINTED = Kept(
    "the header again on every printed page",
    "print.xlsx",
    xlsx(_printed),
    (
        table(
            "Print",
            1,
            "Service|Team|Status",
            {2: ("pay", "Money", "live"), 3: ("shop", "Sales", "live"), 5: ("mail", "Post", "dead")},
            {4: AGAIN},
        ),
    ),
)

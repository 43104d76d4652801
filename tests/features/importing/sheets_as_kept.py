"""Sheets as people really keep them, made in code, each with what must come out of it.

``KEPT`` has them all; ``build`` gives the bytes. Whoever reads, plans or imports sheets can hold their work against them: each row
with something in it is either in ``rows`` or in ``skipped``.
"""

from __future__ import annotations

from tests.features.importing.contents_as_kept import (
    COLOURED,
    CROSSED,
    LARGE,
    OFFSET,
    OLD_EXCEL,
    OPENDOCUMENT,
    RENAMED,
    STACKED,
    TABS,
    TEMPLATE,
    UNTIDY,
    VALUES,
)
from tests.features.importing.expected import Kept
from tests.features.importing.layouts_as_kept import (
    MERGED,
    MERGED_HEADINGS,
    PLAIN_HEADINGS,
    PRINTED,
    TITLED,
    TOTALS,
    TWO_HEADERS,
)
from tests.features.importing.texts_as_kept import (
    CYRILLIC,
    GERMAN,
    GUARDED,
    LINE_BREAKS,
    LONE_QUOTE,
    NO_HEADER,
    OLD_MAC,
    ONE_COLUMN,
    PLAIN,
    POLISH,
    SEP_LINE,
    TITLED_CSV,
    TWO_HEADERS_CSV,
    UNICODE_TEXT,
)

KEPT: tuple[Kept, ...] = (
    PLAIN, GERMAN, UNICODE_TEXT, SEP_LINE, LINE_BREAKS, OLD_MAC, POLISH, CYRILLIC, TITLED_CSV, TWO_HEADERS_CSV, LONE_QUOTE,
    NO_HEADER, GUARDED, ONE_COLUMN, TITLED, MERGED, TWO_HEADERS, TOTALS, MERGED_HEADINGS, PLAIN_HEADINGS, PRINTED, COLOURED,
    TABS, VALUES, OFFSET, STACKED, UNTIDY, TEMPLATE, RENAMED, CROSSED, LARGE, OPENDOCUMENT, OLD_EXCEL,
)  # fmt: skip
"""33 sheets."""


def rows_with_something(kept: Kept) -> int:
    """How many rows of the file must be accounted for."""
    return sum(len(expected.rows) + len(expected.skipped) for expected in kept.tables)

"""What is wrong with a site beside what rendering tells: pages that nobody has touched for long."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Sequence

from callboard.features.techdocs.books import Book
from callboard.features.techdocs.interface import Problem
from callboard.kernel.clock import parse_time


def check_book(
    book: Book, problems: Sequence[Problem], now: datetime, stale_after: timedelta | None
) -> Sequence[Problem]:
    """``problems`` without repetitions and with stale pages, by file and line."""
    found = list(dict.fromkeys(problems))
    if stale_after is not None:
        for page in book.model.pages.values():
            row = book.rows.get(page.file)
            # Only what the source tells: a page that was first read long ago may be of yesterday.
            if row is None or row.changed_by is None:
                continue
            age = now - parse_time(row.changed_at)
            if age > stale_after:
                found.append(
                    Problem(
                        "stale",
                        f"Nobody changed this page for {age.days} days. Is it still right?",
                        page.file,
                        is_error=False,
                    )
                )
    return sorted(found, key=lambda one: (one.file, one.line or 0, one.code, one.message))

"""What people searched for without finding anything, as a page and as a table."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence
from urllib.parse import urlencode

from callboard.features.search.history.doors import doors_of
from callboard.features.search.history.sketch import estimate
from callboard.features.search.history.store import Missed
from callboard.kernel.clock import parse_time, parse_time_if
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Column, Pager

PATH = "/search/unanswered"
SIZE = 50
MAX_START = 100_000
OPENED = 3
COLUMNS = ("term", "times", "people", "asked_for", "last", "found_since", "opened", "doors")
_RISKY = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet takes for a formula. Source: OWASP, "CSV Injection"."""

Titles = Mapping[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class MissedRow:
    """``is_found``: it was found since. ``doors``: other ways than the page by which it was asked. ``opened``: (title, address, times)."""

    term: str
    times: int
    people: int
    wanted: int
    last: Moment
    is_found: bool
    doors: Sequence[str]
    opened: Sequence[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class UnansweredPage:
    """``by`` is the order."""

    title: str
    by: str
    total: int
    rows: Sequence[MissedRow]
    columns: Sequence[Column]
    pager: Pager
    days: int
    may_delete: bool
    may_add: bool = False
    """May add synonyms."""


def read_order(params: Any) -> tuple[str, int]:
    """(order, results before the page)."""
    start = params.get("start", "")
    at = min(int(start), MAX_START) if start.isdecimal() and len(start) < 8 else 0
    return ("last" if params.get("by") == "last" else "times"), at


def unanswered_page(
    rows: Sequence[Missed], total: int, titles: Titles, by: str, start: int, t: Translator, *, now: datetime, days: int,
    may_delete: bool, may_add: bool = False,
) -> UnansweredPage:  # fmt: skip
    def href(**changes: Any) -> str:
        given = {key: value for key, value in {"by": by, "start": 0, **changes}.items() if value not in (0, "times")}
        return f"{PATH}?{urlencode(given)}" if given else PATH

    def head(id: str, order: str = "") -> Column:
        tooltip = t("search.unanswered.people_means") if id == "people" else None
        sorted_now = "desc" if order == by else None
        return Column(id, t(f"search.unanswered.{id}"), href(by=order) if order else None, sorted_now, tooltip=tooltip)  # type: ignore[arg-type]

    heads = [head("term"), head("times", "times"), head("people"), head("last", "last"), head("opened")]
    return UnansweredPage(
        title=t("search.unanswered.title"), by=by, total=total, rows=[_row(one, titles, now) for one in rows],
        columns=[*heads, Column("do", "")] if may_delete else heads,
        pager=Pager(
            first=start + 1 if rows else 0, last=start + len(rows), total=total,
            previous_href=href(start=max(0, start - SIZE)) if start else None,
            next_href=href(start=start + SIZE) if start + len(rows) < total else None,
            formats=[("CSV", "/search/unanswered.csv")],
        ),
        days=days, may_delete=may_delete, may_add=may_add,
    )  # fmt: skip


def _row(one: Missed, titles: Titles, now: datetime) -> MissedRow:
    return MissedRow(
        term=one.term, times=one.times, people=estimate(one.missed_by), wanted=estimate(one.wanted_by),
        last=moment(parse_time(one.missed_at), now), is_found=is_found(one), doors=[door for door in doors_of(one.doors) if door != "page"],
        opened=[(*titles[type, id], times) for type, id, times in one.opened[:OPENED]],
    )  # fmt: skip


def is_found(one: Missed) -> bool:
    found = parse_time_if(one.found_at)
    return found is not None and found > parse_time(one.missed_at)


def table(rows: Sequence[Missed], titles: Titles) -> str:
    """RFC 4180, formulas neutralised by one ``'``; a ``'`` that stands there already gets one more."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for one in rows:
        opened = "; ".join(f"{titles[type, id][0]} ({times})" for type, id, times in one.opened)
        cells = (
            one.term, one.times, estimate(one.missed_by), estimate(one.wanted_by), one.missed_at,
            "yes" if is_found(one) else "no", opened, " ".join(doors_of(one.doors)),
        )  # fmt: skip
        writer.writerow([f"'{cell}" if isinstance(cell, str) and _RISKY.match(cell) else cell for cell in cells])
    return out.getvalue()

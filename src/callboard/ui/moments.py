"""Moments as people read them: relative in the text, exact in the title."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Mapping, Sequence

_STEPS = ((60, "minutes", 60), (24 * 60, "hours", 3600), (14 * 24 * 60, "days", 86400), (70 * 24 * 60, "weeks", 604800))


@dataclass(frozen=True, slots=True)
class Moment:
    """A time seen from now. ``iso`` is for machines, ``exact`` for people, in English: templates write ``exact_time`` and
    ``date_of`` of ``iso`` in the reader's language.

    ``unit`` is the message ``time.<unit>`` (now, minutes, hours, days, weeks, date, soon) and ``n`` its count.
    """

    iso: str
    exact: str
    unit: str
    n: int


_MONTHS: Mapping[str, Sequence[str]] = {
    "de": ("Jan.", "Feb.", "März", "April", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."),
}
"""Of languages whose short names are not the English ones. Source: Unicode CLDR, abbreviated months in a date."""


def format_date(iso: str, locale: str = "en") -> str:
    """The day of a ``Moment``'s ``iso`` as the language writes it: ``3 Nov 2026``, ``3. Nov. 2026``."""
    at = datetime.fromisoformat(iso)
    months = _MONTHS.get(locale.split("-", maxsplit=1)[0])
    return at.strftime("%-d %b %Y") if months is None else f"{at.day}. {months[at.month - 1]} {at.year}"


def format_exact(iso: str, locale: str = "en") -> str:
    """The day and the second: ``3 Nov 2026, 14:05:09 UTC``."""
    return f"{format_date(iso, locale)}, {datetime.fromisoformat(iso):%H:%M:%S} UTC"


def moment(at: datetime, now: datetime) -> Moment:
    """``at`` as seen from ``now``, both aware. What lies ahead reads as "soon"."""
    at = at.astimezone(UTC)
    seconds = (now - at).total_seconds()
    unit, n = "date", 0
    if seconds < -60:
        unit = "soon"
    elif seconds < 60:
        unit = "now"
    else:
        for limit_minutes, name, size in _STEPS:
            if seconds < limit_minutes * 60:
                unit, n = name, int(seconds // size)
                break
    iso = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Moment(iso, format_exact(iso), unit, n)

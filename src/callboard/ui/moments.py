"""Moments as people read them: relative in the text, exact in the title."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

_STEPS = ((60, "minutes", 60), (24 * 60, "hours", 3600), (14 * 24 * 60, "days", 86400), (70 * 24 * 60, "weeks", 604800))


@dataclass(frozen=True, slots=True)
class Moment:
    """A time seen from now. ``iso`` is for machines, ``exact`` for the title.

    ``unit`` is the message ``time.<unit>`` (now, minutes, hours, days, weeks, date, soon) and ``n`` its count.
    """

    iso: str
    exact: str
    unit: str
    n: int


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
    return Moment(
        at.isoformat(timespec="seconds").replace("+00:00", "Z"), at.strftime("%-d %b %Y, %H:%M:%S UTC"), unit, n
    )

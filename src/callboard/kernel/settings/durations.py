"""Lengths of time as Backstage writes them: ``{hours: 1}``, ISO 8601 ``PT1H``, or ``30m``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Mapping

_UNITS_MS: dict[str, float] = {
    "years": 31_557_600_000,
    "months": 2_629_800_000,
    "weeks": 604_800_000,
    "days": 86_400_000,
    "hours": 3_600_000,
    "minutes": 60_000,
    "seconds": 1_000,
    "milliseconds": 1,
}
_WORDS: dict[str, str] = {
    **dict.fromkeys(("years", "year", "yrs", "yr", "y"), "years"),
    **dict.fromkeys(("weeks", "week", "w"), "weeks"),
    **dict.fromkeys(("days", "day", "d"), "days"),
    **dict.fromkeys(("hours", "hour", "hrs", "hr", "h"), "hours"),
    **dict.fromkeys(("minutes", "minute", "mins", "min", "m"), "minutes"),
    **dict.fromkeys(("seconds", "second", "secs", "sec", "s"), "seconds"),
    **dict.fromkeys(("milliseconds", "millisecond", "msecs", "msec", "ms"), "milliseconds"),
}
_SHORT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.IGNORECASE)
_NUMBER = r"(\d+(?:[.,]\d+)?)"
_ISO = re.compile(
    rf"P(?!$)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)
_ISO_UNITS = ("years", "months", "weeks", "days", "hours", "minutes", "seconds")


def parse_duration(value: Any) -> timedelta:
    """``value`` as a length of time. A month is 30.4375 days, a year 365.25.

    Raises:
        ValueError: it is none of the three forms, or has an unknown unit. A bare number has no unit, so it is refused.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, Mapping):
        return _parse_object(value)
    if isinstance(value, str):
        text = value.strip()
        if iso := _ISO.fullmatch(text):
            amounts = zip(_ISO_UNITS, iso.groups(), strict=True)
            total = sum(_UNITS_MS[unit] * float(amount.replace(",", ".")) for unit, amount in amounts if amount)
            return timedelta(milliseconds=total)
        if short := _SHORT.fullmatch(text):
            unit = _WORDS.get(short[2].lower())
            if unit is not None:
                return timedelta(milliseconds=_UNITS_MS[unit] * float(short[1]))
    raise ValueError(f"{value!r} is not a duration; write for example {{hours: 1}}, PT1H or 30m")


def format_duration(value: timedelta) -> str:
    """ISO 8601 in days, hours, minutes and seconds: ``PT1H30M``, ``P1DT0.5S``; ``PT0S`` for nothing."""
    seconds = value.total_seconds()
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    date = f"{int(days)}D" if days else ""
    time = "".join(f"{int(amount)}{letter}" for amount, letter in ((hours, "H"), (minutes, "M")) if amount)
    if seconds:
        time += f"{seconds:.3f}".rstrip("0").rstrip(".") + "S"
    if not date and not time:
        return "PT0S"
    return f"P{date}" + (f"T{time}" if time else "")


def _parse_object(value: Mapping[str, Any]) -> timedelta:
    if not value:
        raise ValueError("an empty object is not a duration; write for example {hours: 1}")
    total = 0.0
    for unit, amount in value.items():
        if unit not in _UNITS_MS:
            raise ValueError(f"{unit!r} is not a unit of time; use {', '.join(_UNITS_MS)}")
        try:
            total += _UNITS_MS[unit] * float(amount)
        except (TypeError, ValueError):
            raise ValueError(f"{amount!r} {unit} is not a number") from None
    return timedelta(milliseconds=total)

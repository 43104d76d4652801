"""When a reader wants mail and webhooks: at once or gathered, and not at night."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callboard.features.notifications.domain import level_of, parse_severity
from callboard.features.notifications.interface import Severity
from callboard.kernel.errors import InputError

Rhythm = Literal["now", "daily", "weekly", "off"]
RHYTHMS: tuple[Rhythm, ...] = ("now", "daily", "weekly", "off")


@dataclass(frozen=True, slots=True)
class Preferences:
    """Of one reader. Hours are those of ``time_zone`` (IANA).

    ``email``: at once, gathered at ``hour`` (0 to 23) every day or on ``weekday`` (0 is Monday), or never. Nothing below
    ``min_severity`` is mailed. From ``quiet_from`` until ``quiet_until`` (``HH:MM``; both empty: never quiet) nothing
    goes out by mail or to the reader's own webhooks; what is critical always does, and at once.
    """

    email: Rhythm = "now"
    hour: int = 8
    weekday: int = 0
    min_severity: Severity = "normal"
    time_zone: str = "UTC"
    quiet_from: str = ""
    quiet_until: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):  # the machine's data may lose a zone that it had
            return ZoneInfo("UTC")


def read_preferences(stored: Mapping[str, Any], defaults: Preferences) -> Preferences:
    """What was stored, laid over ``defaults``; keys of another version are passed over."""
    known = {field.name for field in fields(Preferences)}
    return replace(defaults, **{key: value for key, value in stored.items() if key in known})


def parse_preferences(given: Mapping[str, Any], base: Preferences) -> Preferences:
    """``base`` changed by texts or numbers as forms and JSON give them. Raises ``InputError`` with the field."""
    email = given.get("email", base.email)
    if email not in RHYTHMS:
        raise InputError(f"email must be one of {', '.join(RHYTHMS)}.", field="email")
    zone = str(given.get("time_zone", base.time_zone)).strip() or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"{zone[:60]!r} is no time zone; write one such as Europe/Berlin or UTC.", field="time_zone"
        ) from None
    quiet_from = _clock_time(given.get("quiet_from", base.quiet_from), "quiet_from")
    quiet_until = _clock_time(given.get("quiet_until", base.quiet_until), "quiet_until")
    if bool(quiet_from) != bool(quiet_until):
        missing = "quiet_until" if quiet_from else "quiet_from"
        raise InputError("Quiet hours have a beginning and an end; give both, or neither.", field=missing)
    if quiet_from and quiet_from == quiet_until:
        raise InputError("Quiet hours end at another time than they begin.", field="quiet_until")
    return Preferences(
        email=email,
        hour=_number(given.get("hour", base.hour), 23, "hour"),
        weekday=_number(given.get("weekday", base.weekday), 6, "weekday"),
        min_severity=parse_severity(given.get("min_severity", base.min_severity), field="min_severity"),
        time_zone=zone,
        quiet_from=quiet_from,
        quiet_until=quiet_until,
    )


def _number(value: Any, most: int, field: str) -> int:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) < 4) or int(text) > most:
        raise InputError(f"{field} is a whole number from 0 to {most}.", field=field)
    return int(text)


def _clock_time(value: Any, field: str) -> str:
    text = str(value or "").strip()
    if not text:
        return ""
    try:
        return time.fromisoformat(text).strftime("%H:%M")
    except ValueError:
        raise InputError(f"{text[:20]!r} is no time of day; write it as 22:00.", field=field) from None


def email_due(now: datetime, severity: Severity, wanted: Preferences) -> datetime | None:
    """When a message of that severity goes out by mail; None: never."""
    if severity == "critical":
        return None if wanted.email == "off" else now
    if wanted.email == "off" or level_of(severity) < level_of(wanted.min_severity):
        return None
    if wanted.email == "now":
        return webhook_due(now, severity, wanted)
    return _next_digest(now, wanted)


def webhook_due(now: datetime, severity: Severity, wanted: Preferences) -> datetime:
    """``now``, or the end of the quiet hours that it falls into."""
    if severity == "critical" or not wanted.quiet_from:
        return now
    local = now.astimezone(wanted.zone)
    begin, end = time.fromisoformat(wanted.quiet_from), time.fromisoformat(wanted.quiet_until)
    at = local.time().replace(tzinfo=None)
    is_quiet = begin <= at < end if begin < end else at >= begin or at < end
    if not is_quiet:
        return now
    day = local.date() if at < end else local.date() + timedelta(days=1)
    return _moment(day, end, wanted)


def _next_digest(now: datetime, wanted: Preferences) -> datetime:
    day = now.astimezone(wanted.zone).date()
    for days in range(9):
        candidate = day + timedelta(days=days)
        if wanted.email == "weekly" and candidate.weekday() != wanted.weekday:
            continue
        due = _moment(candidate, time(wanted.hour), wanted)
        if due > now:
            return due
    raise AssertionError("every week has each of its days")


def _moment(day: date, at: time, wanted: Preferences) -> datetime:
    """A local time in UTC; one that a change of clocks skips is an hour later, one that comes twice the first."""
    return datetime.combine(day, at, wanted.zone).astimezone(UTC)

"""What a rota is and whose turn it is. Plain values and functions: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callboard.kernel.errors import InputError

MAX_TURN_DAYS = 28


@dataclass(frozen=True, slots=True)
class Rota:
    """People who take turns. The first turn begins on ``starts`` at ``hands_over_at``, wall time of ``zone``."""

    name: str
    title: str
    owner: str
    people: tuple[str, ...]
    starts: date
    covers: tuple[str, ...] = ()
    hands_over_at: time = time(9)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    turn_days: int = 7


@dataclass(frozen=True, slots=True)
class Turn:
    """``person`` (as written in the rota) takes the calls from ``starts_at`` until before ``ends_at``."""

    rota: str
    person: str
    starts_at: datetime
    ends_at: datetime


def find_turn(rota: Rota, at: datetime) -> Turn | None:
    """The turn at that moment, None before the first one.

    Turns change at the same wall time all year: where clocks change, one turn is an hour longer or shorter.
    """
    local = at.astimezone(rota.zone)
    days = (local.date() - rota.starts).days
    if local.time() < rota.hands_over_at:
        days -= 1
    if days < 0:
        return None
    number = days // rota.turn_days
    first_day = rota.starts + timedelta(days=number * rota.turn_days)
    return Turn(
        rota.name,
        rota.people[number % len(rota.people)],
        datetime.combine(first_day, rota.hands_over_at, rota.zone),
        datetime.combine(first_day + timedelta(days=rota.turn_days), rota.hands_over_at, rota.zone),
    )


def parse_rota(data: Any, *, where: str) -> Rota:
    """One item of the file.

    Raises:
        InputError: a field is missing or wrong; ``field`` is its path, beginning with ``where``.
    """
    if not isinstance(data, Mapping):
        raise InputError(f"{where} must be a mapping with name, owner, people and starts", field=where)
    name = _text(data, "name", where)
    turn_days = data.get("turn_days", 7)
    if not isinstance(turn_days, int) or isinstance(turn_days, bool) or not 1 <= turn_days <= MAX_TURN_DAYS:
        raise InputError(
            f"{where}.turn_days must be a whole number from 1 to {MAX_TURN_DAYS}", field=f"{where}.turn_days"
        )
    return Rota(
        name=name,
        title=str(data.get("title") or name),
        owner=_text(data, "owner", where),
        people=_texts(data, "people", where, at_least_one=True),
        starts=_date(data, "starts", where),
        covers=_texts(data, "covers", where, at_least_one=False),
        hands_over_at=_time(data, "hands_over_at", where),
        zone=_zone(data, where),
        turn_days=turn_days,
    )


def rota_of_entity(entity: Mapping[str, Any]) -> Rota:
    """The rota that an entity of kind Rota stands for. Its ``spec`` has passed the schema. Raises ``InputError``."""
    return parse_rota(
        {**entity["spec"], "name": entity["metadata"]["name"], "title": entity["metadata"].get("title")}, where="spec"
    )


def _text(data: Mapping[str, Any], key: str, where: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}.{key} must be a text", field=f"{where}.{key}")
    return value.strip()


def _texts(data: Mapping[str, Any], key: str, where: str, *, at_least_one: bool) -> tuple[str, ...]:
    value = data.get(key, [])
    if (
        not isinstance(value, list)
        or not all(isinstance(item, str) and item for item in value)
        or at_least_one > len(value)
    ):
        raise InputError(
            f"{where}.{key} must be a list of refs{', at least one' * at_least_one}", field=f"{where}.{key}"
        )
    return tuple(value)


def _date(data: Mapping[str, Any], key: str, where: str) -> date:
    try:
        return date.fromisoformat(_text(data, key, where))
    except ValueError:
        raise InputError(f"{where}.{key} must be a date like 2026-01-05", field=f"{where}.{key}") from None


def _time(data: Mapping[str, Any], key: str, where: str) -> time:
    value = data.get(key, "09:00")
    try:
        return time.fromisoformat(value)
    except (TypeError, ValueError):
        raise InputError(f'{where}.{key} must be a time like "09:00", in quotes', field=f"{where}.{key}") from None


def _zone(data: Mapping[str, Any], where: str) -> ZoneInfo:
    name = data.get("time_zone", "UTC")
    try:
        return ZoneInfo(name)
    except (TypeError, ValueError, OSError, ZoneInfoNotFoundError):
        message = f"{where}.time_zone: {name!r} is no time zone; write one like Europe/Lisbon"
        raise InputError(message, field=f"{where}.time_zone") from None

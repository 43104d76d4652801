"""Time as a dependency: whoever needs it takes a ``Clock``, and tests pass one that stands still.

Times are aware ``datetime`` in UTC; as text ISO 8601 with milliseconds and ``Z`` (sorts as it reads).
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is, and waiting."""

    def now(self) -> datetime:
        """The time in UTC, aware."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait at least that long; at once for zero or less."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0))


def format_time(moment: datetime) -> str:
    """``2026-11-23T03:12:00.000Z``; digits beyond milliseconds are cut off. A naive ``moment`` raises ``ValueError``."""
    if moment.tzinfo is not UTC:
        if moment.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored; use an aware datetime.")
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def parse_time(text: str) -> datetime:
    """Aware UTC from ISO 8601 with a zone (``Z`` or offset). Anything else raises ``ValueError``."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} says no time zone; end it with Z or an offset.")
    return moment.astimezone(UTC)


def parse_time_if(text: str | None) -> datetime | None:
    """``parse_time`` of a column that may be empty."""
    return None if text is None else parse_time(text)

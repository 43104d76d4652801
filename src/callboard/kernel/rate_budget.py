"""How much an outside API still lets us ask, and when to stop asking.

A budget belongs to one host and one credential. It learns from the headers of every answer, refuses before the host would
(so that being over the limit never costs more requests), and is shown as metrics. Being limited is ``LimitError`` with
``retry_after_s``, never "not found": unknown is not gone.

Headers understood (case-insensitive): ``Retry-After`` (seconds or HTTP date), ``X-RateLimit-{Limit,Remaining,Reset}``
(GitHub, Bitbucket, Azure DevOps) and ``RateLimit-{Limit,Remaining,Reset}`` (GitLab, Gitea). A reset above 10**9 is seconds since
1970, below it is seconds from now.
Source: GitHub REST documentation, "Rate limits for the REST API" (primary and secondary limits); GitLab, "Rate limits".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Iterator, Mapping, Protocol

from callboard.kernel.errors import LimitError

SECONDARY_FIRST_S = 60.0
"""Wait after a refusal that names no time; doubles with each further one (GitHub asks for at least a minute)."""
LONGEST_WAIT_S = 3600.0


class BudgetClock(Protocol):
    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget at one moment, for metrics and pages. None is "the host has not said"."""

    name: str
    limit: int | None
    remaining: int | None
    reset_at: datetime | None
    blocked_until: datetime | None
    requests: int
    refusals: int


class RateBudget:
    """The budget of one host and credential. Not thread-safe; lives in the event loop."""

    def __init__(self, name: str, clock: BudgetClock, *, per_minute: int | None = None) -> None:
        """``per_minute`` is our own ceiling on requests in any started minute, None for none."""
        self.name = name
        self.limit: int | None = None
        self.remaining: int | None = None
        self.reset_at: datetime | None = None
        self.blocked_until: datetime | None = None
        self.requests = 0
        self.refusals = 0
        self._clock = clock
        self._per_minute = per_minute
        self._minute_started: datetime | None = None
        self._in_minute = 0
        self._consecutive = 0

    async def admit(self, *, reserve_fraction: float = 0.0) -> None:
        """Pass when a request may be sent now; counts it.

        Args:
            reserve_fraction: 0.0 to 1.0, the share of the limit that must be left over: background work passes 0.1, so that
                someone waiting at a page is still served.

        Raises:
            LimitError: the host asked us to wait, or only the reserve is left; ``retry_after_s`` says how long.
        """
        now = self._clock.now()
        self._forget_past(now)
        if self.blocked_until is not None:
            raise self._limit_error(self.blocked_until, now)
        if self.remaining is not None and self.reset_at is not None:
            kept = int((self.limit or 0) * reserve_fraction)
            if self.remaining <= kept:
                raise self._limit_error(self.reset_at, now)
        await self._pace(now)
        self.requests += 1
        if self.remaining is not None and self.remaining > 0:
            self.remaining -= 1  # several requests may be under way before the first answer corrects this

    def note(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> LimitError | None:
        """Learn from an answer. Returns the error to raise when the answer is a refusal for asking too often.

        ``headers`` have lower-case names. 403 is a refusal only with ``Retry-After``, an exhausted limit, or a body that
        speaks of a rate limit; 503 only with ``Retry-After``.
        """
        now = self._clock.now()
        self._read_counters(headers, now)
        wait = _retry_after_s(headers.get("retry-after"), now)
        if not self._is_refusal(status, wait, body):
            if status < 400:
                self._consecutive = 0
            return None
        self.refusals += 1
        self._consecutive += 1
        if wait is not None:
            until = now + timedelta(seconds=wait)
        elif self.remaining == 0 and self.reset_at is not None and self.reset_at > now:
            until = self.reset_at
        else:
            until = now + timedelta(seconds=SECONDARY_FIRST_S * 2 ** (self._consecutive - 1))
        self.blocked_until = min(until, now + timedelta(seconds=LONGEST_WAIT_S))
        return self._limit_error(self.blocked_until, now)

    async def pause(self, seconds: float) -> None:
        """Wait by the clock of the budget."""
        await self._clock.sleep(seconds)

    def wait_s(self, otherwise_s: float) -> float:
        """Seconds until the limit is renewed, at least one; ``otherwise_s`` when the host has not said."""
        if self.reset_at is None:
            return otherwise_s
        return max(1.0, (self.reset_at - self._clock.now()).total_seconds())

    def state(self) -> BudgetState:
        self._forget_past(self._clock.now())
        return BudgetState(
            self.name, self.limit, self.remaining, self.reset_at, self.blocked_until, self.requests, self.refusals
        )

    def _is_refusal(self, status: int, wait: float | None, body: bytes) -> bool:
        if status == 429:
            return True
        if status == 503:
            return wait is not None
        if status != 403:
            return False
        return wait is not None or self.remaining == 0 or b"rate limit" in body[:4096].lower()

    def _read_counters(self, headers: Mapping[str, str], now: datetime) -> None:
        for prefix in ("x-ratelimit-", "ratelimit-"):
            limit, remaining = _int(headers.get(prefix + "limit")), _int(headers.get(prefix + "remaining"))
            reset = _int(headers.get(prefix + "reset"))
            if limit is not None:
                self.limit = limit
            if remaining is not None:
                self.remaining = remaining
            if reset is not None:
                self.reset_at = (
                    datetime.fromtimestamp(reset, UTC)
                    if 10**9 < reset < 10**11
                    else now + timedelta(seconds=max(0, min(reset, 86_400)))
                )
            if remaining is not None:
                return

    def _forget_past(self, now: datetime) -> None:
        if self.blocked_until is not None and self.blocked_until <= now:
            self.blocked_until = None
        if self.reset_at is not None and self.reset_at <= now:
            self.remaining = self.reset_at = None

    async def _pace(self, now: datetime) -> None:
        if self._per_minute is None:
            return
        if self._minute_started is None or now - self._minute_started >= timedelta(minutes=1):
            self._minute_started, self._in_minute = now, 0
        if self._in_minute >= self._per_minute:
            await self._clock.sleep(60.0 - (now - self._minute_started).total_seconds())
            self._minute_started, self._in_minute = self._clock.now(), 0
        self._in_minute += 1

    def _limit_error(self, until: datetime, now: datetime) -> LimitError:
        wait = max(1.0, (until - now).total_seconds())
        error = LimitError(
            f"{self.name} allows no more requests for now; the next try is possible in {wait:.0f} s. "
            "What was read before stays. A token, or an app with its own limit, raises it."
        )
        error.retry_after_s = wait
        return error


class RateBudgets:
    """All budgets of a portal, by name: what ``/metrics`` and the settings page show."""

    def __init__(self, clock: BudgetClock) -> None:
        self._clock = clock
        self._budgets: dict[str, RateBudget] = {}

    def of(self, name: str, *, per_minute: int | None = None) -> RateBudget:
        """The budget with this name, made at the first call (``per_minute`` counts then only)."""
        budget = self._budgets.get(name)
        if budget is None:
            budget = self._budgets[name] = RateBudget(name, self._clock, per_minute=per_minute)
        return budget

    def apart(self, name: str) -> RateBudget:
        """A budget that is not kept: of a credential that someone brought for one piece of work."""
        return RateBudget(name, self._clock)

    def __iter__(self) -> Iterator[BudgetState]:
        for name in sorted(self._budgets):
            yield self._budgets[name].state()


def _int(text: str | None) -> int | None:
    try:
        return int(text.strip()) if text else None
    except ValueError:
        return None


def _retry_after_s(text: str | None, now: datetime) -> float | None:
    if not text:
        return None
    seconds = _int(text)
    if seconds is None:
        try:
            seconds = int((parsedate_to_datetime(text) - now).total_seconds())
        except (ValueError, TypeError):
            return None
    return float(max(1, seconds))

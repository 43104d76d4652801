"""What the kernel counts at ``/metrics``: jobs by kind and state, and what outside APIs still allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callboard.kernel.metrics import Metrics
from callboard.kernel.rate_budget import RateBudgets

if TYPE_CHECKING:
    from callboard.kernel.jobs import Jobs


class KernelFigures:
    """Gauges that are read when somebody asks, so that they cost nothing otherwise."""

    def __init__(self, metrics: Metrics, jobs: Jobs, budgets: RateBudgets) -> None:
        self._jobs = jobs
        self._budgets = budgets
        self._count = metrics.gauge("callboard_jobs", "Jobs waiting, running and given up (dead).", ["kind", "state"])
        self._limit = metrics.gauge(
            "callboard_rate_limit", "Requests that an outside API allows in a period.", ["budget"]
        )
        self._remaining = metrics.gauge("callboard_rate_remaining", "Requests left of the limit.", ["budget"])
        self._blocked = metrics.gauge(
            "callboard_rate_blocked", "1 while an outside API has asked us to wait.", ["budget"]
        )
        self._requests = metrics.counter(
            "callboard_rate_requests_total", "Requests made to an outside API.", ["budget"]
        )
        self._refusals = metrics.counter(
            "callboard_rate_refusals_total", "Requests refused for asking too often.", ["budget"]
        )

    async def read(self) -> None:
        """Raises ``UnavailableError`` when the database does not answer; budgets are up to date all the same."""
        states = list(self._budgets)
        self._limit.replace({(one.name,): float(one.limit) for one in states if one.limit is not None})
        self._remaining.replace({(one.name,): float(one.remaining) for one in states if one.remaining is not None})
        self._blocked.replace({(one.name,): float(one.blocked_until is not None) for one in states})
        for one in states:
            self._requests.reach(one.requests, one.name)
            self._refusals.reach(one.refusals, one.name)
        self._count.replace({key: float(number) for key, number in (await self._jobs.count_jobs()).items()})

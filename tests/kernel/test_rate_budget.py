"""Budgets of outside APIs: what they learn from answers, and when they stop us."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.kernel.errors import LimitError
from callboard.kernel.rate_budget import RateBudget, RateBudgets

pytestmark = pytest.mark.anyio


async def test_a_refusal_without_headers_never_counts_for_a_plain_403(clock: Any):
    """403 alone is "you may not", not "not so often"."""
    budget = RateBudget("x", clock)
    assert budget.note(403, {}, b"forbidden") is None
    assert budget.note(503, {}) is None
    assert budget.note(404, {"x-ratelimit-remaining": "0"}) is None
    await budget.admit()


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Mon, 23 Nov 2026 03:12:40 GMT"}, 40),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "90"}, 90),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "1795404720"}, None),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "nonsense"}, 60),
        ({"retry-after": "999999"}, 3600),
    ],
)
async def test_the_wait_is_what_the_host_says(clock: Any, headers: dict[str, str], wait: int | None):
    """Seconds, a date, or the reset of the window; at least a second, at most an hour."""
    budget = RateBudget("x", clock)
    if wait is None:
        wait = int(min(3600, 1795404720 - clock.now().timestamp()))
    error = budget.note(429, headers)
    assert error is not None
    assert error.retry_after_s == wait
    with pytest.raises(LimitError):
        await budget.admit()
    clock.advance(wait + 0.1)
    await budget.admit()


async def test_background_work_leaves_a_reserve(clock: Any):
    """At a tenth left the one stops and the other goes on, until nothing is left."""
    budget = RateBudget("x", clock)
    budget.note(200, {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "3", "x-ratelimit-reset": "60"})
    await budget.admit(reserve_fraction=0.1)
    with pytest.raises(LimitError):
        await budget.admit(reserve_fraction=0.1)
    await budget.admit()
    await budget.admit()
    with pytest.raises(LimitError) as caught:
        await budget.admit()
    assert caught.value.retry_after_s == 60


async def test_a_passed_reset_opens_again(clock: Any):
    """Without a further answer, since the host would say so, too."""
    budget = RateBudget("x", clock)
    budget.note(200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "60"})
    clock.advance(61)
    await budget.admit()
    assert budget.state().remaining is None


async def test_the_meter_shows_every_budget(clock: Any):
    """By name, with what is left and how often we were refused."""
    budgets = RateBudgets(clock)
    await budgets.of("b").admit()
    budgets.of("a").note(429, {})
    assert budgets.of("a") is budgets.of("a")
    assert [(s.name, s.requests, s.refusals) for s in budgets] == [("a", 0, 1), ("b", 1, 0)]

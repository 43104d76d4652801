"""Failed sign-ins slow the next ones down: per account and per address, doubling from the sixth failure on.

Kept in memory: a restart forgets, and each replica counts for itself.
"""

from __future__ import annotations

from callboard.kernel.clock import Clock
from callboard.kernel.errors import LimitError

FREE_FAILURES = 5
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 900.0
FORGET_AFTER_S = 3600.0


class TooManySignIns(LimitError):
    """Too many failures; ``retry_after_s`` says how long to wait."""

    code = "auth.too_many_sign_ins"


class SignInThrottle:
    """Ask ``require_free`` before a try, tell ``failed`` or ``succeeded`` after it."""

    def __init__(self, clock: Clock, *, limit: int = 10_000) -> None:
        self._clock = clock
        self._limit = limit
        self._failures: dict[str, tuple[int, float]] = {}

    def require_free(self, *keys: str) -> None:
        """Raise ``TooManySignIns`` while one of ``keys`` must wait."""
        now = self._clock.monotonic()
        wait = max((self._wait(key, now) for key in keys), default=0.0)
        if wait > 0:
            error = TooManySignIns(f"Too many failed sign-ins. Try again in {int(wait) + 1} seconds.")
            error.retry_after_s = wait
            raise error

    def failed(self, *keys: str) -> None:
        now = self._clock.monotonic()
        if len(self._failures) >= self._limit:
            self._forget(now)
        for key in keys:
            count, last = self._failures.get(key, (0, now))
            self._failures[key] = (1 if now - last > FORGET_AFTER_S else count + 1, now)

    def succeeded(self, *keys: str) -> None:
        for key in keys:
            self._failures.pop(key, None)

    def _wait(self, key: str, now: float) -> float:
        count, last = self._failures.get(key, (0, now))
        if count < FREE_FAILURES or now - last > FORGET_AFTER_S:
            return 0.0
        return min(FIRST_WAIT_S * 2.0 ** min(count - FREE_FAILURES, 20), LONGEST_WAIT_S) - (now - last)

    def _forget(self, now: float) -> None:
        old = [key for key, (_, last) in self._failures.items() if now - last > FORGET_AFTER_S]
        for key in old or list(self._failures)[: self._limit // 2]:
            del self._failures[key]

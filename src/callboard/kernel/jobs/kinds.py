"""The values that features hand to ``Jobs`` and get from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Awaitable, Callable, Literal, Mapping

from callboard.kernel.clock import Clock


class JobFailed(Exception):
    """Raised by a handler whose work cannot succeed on another try: the job is dead at once, with this message."""


class RetryLater(Exception):
    """Raised by a handler that should wait, for a rate limit or a source that is down. Does not count as an attempt.

    ``after_s`` is how long to wait at least.
    """

    def __init__(self, after_s: float, reason: str = "") -> None:
        super().__init__(reason or f"to be tried again in {after_s:g} s")
        self.after_s = after_s


class LeaseLost(Exception):
    """The lease ran out and another replica has the job now: stop, and store nothing more."""


@dataclass(slots=True)
class JobContext:
    """What a handler is given. ``attempt`` counts from 1. ``id`` is the job's, alike on every attempt.

    The lease is renewed while the handler runs, as long as the event loop turns.
    """

    payload: dict[str, Any]
    attempt: int
    clock: Clock
    id: int
    kind: str
    key: str | None
    _renew: Callable[[], Awaitable[None]] = field(repr=False)

    async def heartbeat(self) -> None:
        """Renew the lease now. Raises ``LeaseLost``; a handler that writes in steps asks before each.

        Not inside a writing transaction: on SQLite there is one at a time, and this needs its own.
        """
        await self._renew()


JobHandler = Callable[[JobContext], Awaitable[None]]


def late_handler(find: Callable[[], JobHandler]) -> JobHandler:
    """The handler that ``find`` gives, looked up at each run: what it needs is not loaded before the first one."""

    async def run(job: JobContext) -> None:
        await find()(job)

    return run


@dataclass(frozen=True, slots=True)
class JobKind:
    """A sort of work.

    ``name`` as ``catalog.refresh``. After failed attempt n it waits ``backoff_s[n - 1]`` seconds (the last one from
    there on); after ``max_attempts`` it is dead. ``lease_s``: after that long without a sign of life another replica
    takes over. ``concurrency``: at once in one replica; 0 leaves them to others. ``timeout_s``: a handler that takes longer is cancelled, which
    counts as a failed attempt.
    """

    name: str
    handler: JobHandler
    max_attempts: int = 5
    backoff_s: tuple[float, ...] = (1, 5, 30, 120, 600)
    lease_s: float = 60
    concurrency: int = 1
    timeout_s: float = 3600

    def __post_init__(self) -> None:
        if self.max_attempts < 1 or self.concurrency < 0 or self.lease_s <= 0 or self.timeout_s <= 0:
            raise ValueError(
                f"Job kind {self.name}: attempts, lease and timeout must be positive, and concurrency not negative."
            )
        if not self.backoff_s:
            raise ValueError(f"Job kind {self.name}: say how long to wait before another attempt.")

    def wait_after(self, attempt: int) -> float:
        """Seconds between failed attempt ``attempt`` (from 1) and the next."""
        return self.backoff_s[min(attempt, len(self.backoff_s)) - 1]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job that is due again and again, in one replica at a time.

    ``name`` is the task id on the wire (``catalog_orphan_cleanup``); ``plugin`` the part of the API that lists it, by
    default what stands before the first ``_``, ``.`` or ``:`` of the name. ``initial_delay`` counts from the first
    start ever; later starts keep the times that are stored.
    """

    name: str
    every: timedelta
    job: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    initial_delay: timedelta = timedelta(0)
    plugin: str = ""

    def __post_init__(self) -> None:
        if self.every < timedelta(seconds=1):
            raise ValueError(f"Schedule {self.name}: at most once a second.")

    @property
    def plugin_id(self) -> str:
        name = self.name
        return self.plugin or name[: min((name.find(mark) for mark in "_.:" if mark in name), default=len(name))]

    @property
    def key(self) -> str:
        """Key of its jobs, so that a run never meets the one before it."""
        return f"schedule:{self.name}"


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A job as it is stored, for people who look after the portal."""

    id: int
    kind: str
    key: str | None
    state: Literal["waiting", "running", "dead"]
    run_at: datetime
    attempt: int
    priority: int
    payload: dict[str, Any]
    last_error: str | None

"""Running jobs: one dispatcher a replica, which sleeps until something is due, freed or told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, Callable, Iterable, Literal, Mapping, Sequence

import orjson

from callboard.kernel.clock import Clock, format_time, parse_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import CallboardError, ConflictError, NotFoundError
from callboard.kernel.jobs import store
from callboard.kernel.jobs.kinds import JobContext, JobFailed, JobInfo, JobKind, LeaseLost, RetryLater, Schedule
from callboard.kernel.jobs.owners import is_gone, make_owner
from callboard.kernel.jobs.tasks import task_of
from callboard.kernel.logs import bound_context, get_logger
from callboard.kernel.tracing import span

POLL_S = 5.0
"""Longest sleep: work from a process that cannot tell us (a command on the same file) waits at most that long."""

BLOCKED_S = 1.0
"""How soon to look again at a job that waits for one with the same key in another replica."""

MAX_ERROR_CHARACTERS = 4000


class Jobs:
    """The jobs of one replica of the portal.

    Register kinds and schedules, then ``start``. Without ``start`` jobs are only stored, and tests run them with
    ``run_due``.
    """

    def __init__(self, db: Database, clock: Clock, *, lease_s: float | None = None) -> None:
        """``lease_s``: no lease is longer, whatever its kind says; at least 1."""
        self._db = db
        self._clock = clock
        self._owner = make_owner()
        self._longest_lease_s = lease_s
        self._kinds: dict[str, JobKind] = {}
        self._schedules: dict[str, Schedule] = {}
        self._schedules_are_stored = False
        self._running: dict[asyncio.Task[None], str] = {}
        self._running_count: dict[str, int] = defaultdict(int)
        self._woken = asyncio.Event()
        self._dispatcher: asyncio.Task[None] | None = None
        self._unlisten: Any = None
        self._is_stopping = False
        self._log = get_logger("callboard.jobs")

    # What features do -------------------------------------------------------------------------------------------------

    def register_kinds(self, kinds: Iterable[JobKind]) -> None:
        """Raises ``ValueError`` for a name that is taken."""
        for kind in kinds:
            if kind.name in self._kinds:
                raise ValueError(f"There are two job kinds {kind.name!r}.")
            self._kinds[kind.name] = kind
        self._woken.set()

    def register_schedules(self, schedules: Iterable[Schedule]) -> None:
        """After the kinds. Raises ``ValueError`` for a name that is taken or a job kind that is not there."""
        for schedule in schedules:
            if schedule.name in self._schedules:
                raise ValueError(f"There are two schedules {schedule.name!r}.")
            self._kind(schedule.job)
            self._schedules[schedule.name] = schedule
        self._schedules_are_stored = False
        self._woken.set()

    async def enqueue(
        self,
        tx: Transaction,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str | None = None,
        run_at: datetime | None = None,
        priority: int = 0,
    ) -> int:
        """Store a job in this transaction; it runs after the commit, at ``run_at`` or soon. The id of the job.

        Jobs of one kind and ``key``: while one waits, another only changes it (newer payload, earlier time, higher
        priority); while one runs, one more follows when it has ended, never beside it. Higher priority goes first.
        """
        self._kind(kind)
        now = self._clock.now()
        tx.after_commit(self._woken.set)
        return await store.enqueue(
            tx, kind, key, orjson.dumps(payload), priority, format_time(run_at or now), format_time(now)
        )

    async def enqueue_many(
        self, tx: Transaction, kind: str, items: Iterable[tuple[str | None, Mapping[str, Any]]], *, priority: int = 0
    ) -> None:
        """As ``enqueue`` for each (key, payload), in bulk."""
        self._kind(kind)
        now = format_time(self._clock.now())
        rows = [(key, orjson.dumps(payload).decode(), priority, now, now) for key, payload in items]
        tx.after_commit(self._woken.set)
        await store.enqueue_many(tx, kind, rows)

    def wake(self) -> None:
        """Look for due jobs now."""
        self._woken.set()

    async def trigger(self, name: str) -> None:
        """Run a scheduled job now. ``NotFoundError`` if no schedule has this name, ``ConflictError`` while it runs."""
        if name not in self._schedules:
            raise NotFoundError(f"Task {name} does not exist")
        await self._ensure_schedules()
        async with self._db.write() as tx:
            if (await store.list_schedules(tx))[name].is_running:
                raise ConflictError(f"Task {name} is currently running")
            await store.trigger_schedule(tx, name, format_time(self._clock.now()))
            tx.after_commit(self._woken.set)

    async def list_tasks(self, plugin: str | None = None) -> list[dict[str, Any]]:
        """Scheduled jobs (of one plugin) as the scheduler wire has them, in order of registration."""
        async with self._db.read() as tx:
            stored = await store.list_schedules(tx)
        return [
            task_of(schedule, self._kinds[schedule.job], stored.get(schedule.name))
            for schedule in self._schedules.values()
            if plugin is None or schedule.plugin_id == plugin
        ]

    async def list_jobs(
        self, state: Literal["waiting", "running", "dead"], *, before: int | None = None, limit: int = 50
    ) -> list[JobInfo]:
        """Newest first; ``before`` is the last id of the page before."""
        async with self._db.read() as tx:
            return await store.list_jobs(tx, state, before, limit)

    async def count_jobs(self) -> dict[tuple[str, str], int]:
        """Number of jobs by (kind, state)."""
        async with self._db.read() as tx:
            return await store.count(tx)

    async def retry_dead(self, id: int) -> None:
        """Give a dead job all its attempts again. ``NotFoundError`` if there is no such dead job."""
        async with self._db.write() as tx:
            tx.after_commit(self._woken.set)
            if await store.revive(tx, id, format_time(self._clock.now())) is None:
                raise NotFoundError(f"No dead job has the id {id}.")

    def _kind(self, name: str) -> JobKind:
        if name not in self._kinds:
            raise ValueError(f"No job kind is called {name!r}; a feature offers them in register_jobs.")
        return self._kinds[name]

    # Life -------------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Run jobs from now on, in the background."""
        if self._dispatcher is None:
            self._is_stopping = False
            self._unlisten = self._db.listen(store.CHANNEL, lambda _: self._woken.set())
            self._dispatcher = asyncio.create_task(self._dispatch(), name="job dispatcher")

    async def _release_gone(self) -> None:
        """End the leases of processes that died: on one machine that can be told, and nobody has to wait for it."""
        async with self._db.read() as tx:
            gone = [owner for owner in await store.list_owners(tx) if is_gone(owner, me=self._owner)]
        if gone:
            async with self._db.write() as tx:
                await store.end_leases(tx, gone)

    def _lease_s(self, kind: JobKind) -> float:
        return kind.lease_s if self._longest_lease_s is None else min(kind.lease_s, self._longest_lease_s)

    async def stop(self, grace_s: float = 10.0) -> None:
        """Take no more jobs, let running ones end for ``grace_s``; the rest is cancelled and waits for another replica."""
        if self._dispatcher is None:
            return
        self._is_stopping = True
        self._unlisten()
        self._woken.set()
        # Not cancelled at once: a job that it is just leasing would be lost until the lease ends.
        await asyncio.wait([self._dispatcher], timeout=grace_s)
        self._dispatcher.cancel()
        await asyncio.wait([self._dispatcher])
        self._dispatcher = None
        if self._running:
            await asyncio.wait(self._running, timeout=grace_s)
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    async def run_due(self, kinds: Iterable[str] | None = None, *, told: Callable[[int], None] | None = None) -> int:
        """Run everything that is due, one after the other, until nothing is; how many ran. For tests and commands.

        ``kinds`` leaves all others, and schedules, alone. ``told`` hears the number after each job.
        """
        if kinds is None:
            await self._ensure_schedules()
        wanted = dict.fromkeys(self._kinds if kinds is None else kinds, 1)
        ran = 0
        while True:
            _, jobs = await self._claim_due(wanted)
            if not jobs:
                return ran
            for job in jobs:
                await self._run(job)
                ran += 1
                if told is not None:
                    told(ran)

    async def _dispatch(self) -> None:
        pause = 1.0
        is_out = False
        has_released = self._db.dialect != "sqlite"
        while not self._is_stopping:
            self._woken.clear()
            try:
                if not has_released:
                    await self._release_gone()
                    has_released = True
                await self._ensure_schedules()
                wait_s = await self._start_due()
                if is_out:
                    self._log.info("jobs run again")
                is_out, pause = False, 1.0
            except Exception as error:
                # Whatever it was, the dispatcher goes on: without it nothing would ever run again.
                if not is_out:
                    self._log.error(
                        "jobs cannot be taken", error=str(error), exc_info=not isinstance(error, CallboardError)
                    )
                is_out, wait_s, pause = True, pause, min(pause * 2, 30.0)
                if not self._is_stopping:
                    self._woken.clear()
            await self._sleep(wait_s)

    async def _sleep(self, seconds: float) -> None:
        """Until then, or until woken."""
        if self._woken.is_set():
            return
        waits = [asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _ensure_schedules(self) -> None:
        if self._schedules_are_stored or not self._schedules:
            return
        now = self._clock.now()
        rows = []
        for schedule in self._schedules.values():
            first = now + schedule.initial_delay
            latest = max(first, now + schedule.every)
            every_ms = int(schedule.every.total_seconds() * 1000)
            rows.append((schedule.name, schedule.job, every_ms, format_time(first), format_time(latest)))
        async with self._db.write() as tx:
            await store.ensure_schedules(tx, rows)
        self._schedules_are_stored = True

    # Taking jobs ------------------------------------------------------------------------------------------------------

    async def _start_due(self) -> float:
        """Start what there is room for; seconds until the next look."""
        free = {
            name: room
            for name, kind in self._kinds.items()
            if (room := kind.concurrency - self._running_count[name]) > 0
        }
        wait_s, jobs = await self._claim_due(free)
        for job in jobs:
            self._running_count[job.kind] += 1
            task = asyncio.create_task(self._run(job), name=f"job {job.kind} {job.id}")
            self._running[task] = job.kind
            task.add_done_callback(self._ended)
        return wait_s

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running_count[self._running.pop(task)] -= 1
        self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # The outcome could not be stored: the lease ends, and the job is run again.
            self._log.error("job outcome not stored", error=str(error))

    async def _claim_due(self, free: Mapping[str, int]) -> tuple[float, Sequence[store.Claimed]]:
        """Lease what is due, at most that many of each kind; seconds until something else may be due."""
        moment = self._clock.now()
        now = format_time(moment)
        async with self._db.read() as tx:
            due = await store.list_due(tx, list(free))
            schedules = await store.next_schedule(tx, list(self._schedules))
        upcoming = [run_at for _, run_at in schedules if run_at > now]
        due_schedules = [name for name, run_at in schedules if run_at <= now]
        if due_schedules:
            due = await self._enqueue_schedules(due_schedules, moment, list(free))
        wait_s = POLL_S
        jobs: list[store.Claimed] = []
        for kind, run_at, lease_until in due:
            for expired, time in ((True, lease_until), (False, run_at)):
                room = free[kind] - sum(job.kind == kind for job in jobs)
                if time is None or room <= 0:
                    continue
                if time > now or (expired and time == now):
                    upcoming.append(time)
                    continue
                claimed = await self._claim(kind, moment, room, expired=expired)
                jobs.extend(claimed)
                if not claimed:  # held back by one with the same key
                    wait_s = min(wait_s, BLOCKED_S)
                elif len(claimed) < room:
                    self._woken.set()  # more may have become due meanwhile: look once more before sleeping
        if upcoming:
            # A millisecond more: stored times are cut to whole ones.
            wait_s = min(wait_s, (parse_time(min(upcoming)) - moment).total_seconds() + 0.001)
        return max(wait_s, 0.001), jobs

    async def _claim(self, kind: str, moment: datetime, room: int, *, expired: bool) -> list[store.Claimed]:
        until = format_time(moment + timedelta(seconds=self._lease_s(self._kinds[kind])))
        async with self._db.write() as tx:
            claimed = await store.claim(
                tx, kind, now=format_time(moment), owner=self._owner, until=until, limit=room, expired=expired
            )
        if expired:
            for job in claimed:
                self._log.warning("job taken over", kind=kind, job=job.id, attempt=job.attempt)
        return claimed

    async def _enqueue_schedules(self, names: Iterable[str], moment: datetime, kinds: list[str]) -> list[store.Due]:
        now = format_time(moment)
        async with self._db.write() as tx:
            for name in names:
                schedule = self._schedules[name]
                if await store.advance_schedule(tx, name, now, format_time(moment + schedule.every)):
                    await self.enqueue(tx, schedule.job, schedule.payload, key=schedule.key)
            return await store.list_due(tx, kinds)

    # Running one ------------------------------------------------------------------------------------------------------

    async def _run(self, job: store.Claimed) -> None:
        kind = self._kinds[job.kind]
        if job.attempt > kind.max_attempts:
            await self._end_dead(job, "Its lease ended before it did, on each attempt: the replica died or hung.")
            return
        await self._note_start(job)
        context = JobContext(
            orjson.loads(job.payload),
            job.attempt,
            self._clock,
            job.id,
            job.kind,
            job.key,
            lambda: self._renew(job, kind),
        )
        with bound_context(job_id=job.id):
            work = asyncio.ensure_future(_work(kind, context))
        keeper = asyncio.create_task(self._keep_lease(job, kind, work))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            if work.cancelled():  # not us: the keeper gave it up, or the handler cancelled itself
                await self._end_given_up(job, kind, keeper)
                return
            work.cancel()
            await asyncio.wait([work])
            if not work.cancelled() and work.exception() is None:
                await self._end_done(job)
            else:
                await self._put_back(job, attempt=job.attempt - 1, after_s=0, error=None)
            raise
        except LeaseLost:
            self._log.warning("job lease lost", kind=job.kind, job=job.id)
        except RetryLater as later:
            await self._put_back(job, attempt=job.attempt - 1, after_s=later.after_s, error=str(later))
        except JobFailed as failure:
            await self._end_dead(job, str(failure))
        except Exception as error:
            await self._end_failed(job, kind, error)
        else:
            await self._end_done(job)
        finally:
            keeper.cancel()

    async def _keep_lease(self, job: store.Claimed, kind: JobKind, work: asyncio.Future[None]) -> str:
        """Renew until the job ends; why it had to be cancelled, if it had to."""
        started = self._clock.monotonic()
        while True:
            await self._clock.sleep(min(self._lease_s(kind) / 3, kind.timeout_s))
            if self._clock.monotonic() - started >= kind.timeout_s:
                work.cancel()
                return f"It took longer than {kind.timeout_s:g} s."
            try:
                await self._renew(job, kind)
            except LeaseLost:
                work.cancel()
                return ""
            except CallboardError as error:
                self._log.warning("job lease not renewed", kind=job.kind, job=job.id, error=str(error))

    async def _renew(self, job: store.Claimed, kind: JobKind) -> None:
        until = format_time(self._clock.now() + timedelta(seconds=self._lease_s(kind)))
        async with self._db.write() as tx:
            if not await store.renew(tx, job, self._owner, until):
                raise LeaseLost(f"Job {job.id} ({job.kind}) belongs to another replica now.")

    async def _note_start(self, job: store.Claimed) -> None:
        if job.key is not None and job.key.startswith("schedule:"):
            async with self._db.write() as tx:
                await store.note_start(tx, job.key.removeprefix("schedule:"), format_time(self._clock.now()))

    async def _note_end(self, tx: Transaction, job: store.Claimed, error: str | None) -> None:
        if job.key is not None and job.key.startswith("schedule:"):
            await store.note_end(tx, job.key.removeprefix("schedule:"), format_time(self._clock.now()), error)

    async def _end_done(self, job: store.Claimed) -> None:
        async with self._db.write() as tx:
            await store.finish(tx, job, self._owner)
            await self._note_end(tx, job, None)
            if job.key is not None:
                await tx.notify(store.CHANNEL, job.kind)  # one with the same key may wait in another replica

    async def _end_given_up(self, job: store.Claimed, kind: JobKind, keeper: asyncio.Task[str]) -> None:
        reason = keeper.result() if keeper.done() and not keeper.cancelled() else "It cancelled itself."
        if reason:
            await self._end_failed(job, kind, TimeoutError(reason))
        else:
            self._log.warning("job lease lost", kind=job.kind, job=job.id)

    async def _end_failed(self, job: store.Claimed, kind: JobKind, error: Exception) -> None:
        text = (str(error) or type(error).__name__)[:MAX_ERROR_CHARACTERS]
        if job.attempt >= kind.max_attempts:
            await self._end_dead(job, text, error)
            return
        after_s = kind.wait_after(job.attempt)
        self._log.warning(
            "job failed, will be tried again",
            kind=job.kind,
            job=job.id,
            attempt=job.attempt,
            after_s=after_s,
            error=text,
        )
        await self._put_back(job, attempt=job.attempt, after_s=after_s, error=text)

    async def _end_dead(self, job: store.Claimed, text: str, error: Exception | None = None) -> None:
        self._log.error("job given up", kind=job.kind, job=job.id, attempt=job.attempt, error=text, exc_info=error)
        async with self._db.write() as tx:
            await store.bury(tx, job, self._owner, text[:MAX_ERROR_CHARACTERS])
            await self._note_end(tx, job, text[:MAX_ERROR_CHARACTERS])

    async def _put_back(self, job: store.Claimed, *, attempt: int, after_s: float, error: str | None) -> None:
        run_at = format_time(self._clock.now() + timedelta(seconds=after_s))
        try:
            async with self._db.write() as tx:
                await store.put_back(tx, job, self._owner, run_at=run_at, attempt=attempt, error=error)
                if error is not None:
                    await self._note_end(tx, job, error)
        except ConflictError:
            async with self._db.write() as tx:
                await store.finish(tx, job, self._owner)


async def _work(kind: JobKind, context: JobContext) -> None:
    with span(f"job {kind.name}", job_id=context.id, job_key=context.key, job_attempt=context.attempt):
        await kind.handler(context)

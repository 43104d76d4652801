"""Checks of whole sites: every page is rendered for one, so it is done once for each content, by a job, and kept."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Sequence

from callboard.features.techdocs.interface import SITE_CHANGED, SITE_REMOVED, SiteNotFound, TechDocs
from callboard.features.techdocs.reading import store
from callboard.features.techdocs.reading.store import Check
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import CallboardError
from callboard.kernel.events import Event, EventHandler
from callboard.kernel.jobs import JobContext, JobKind, Jobs
from callboard.kernel.logs import get_logger

log = get_logger(__name__)
CHECK_JOB = "techdocs.check"
CHECK_CHANGED_JOB = "techdocs.check_changed"
HEARTBEAT_S = 20.0
AGAIN_AFTER = timedelta(days=1)
ASK_PATIENCE = timedelta(seconds=30)
"""A list asks for the check of a site at most this often."""
MAX_ASKED = 5_000


class SiteChecks:
    """What the last check of each site found. ``TechDocs`` is asked first, so that hidden is absent."""

    def __init__(self, db: Database, clock: Clock, jobs: Jobs, docs: TechDocs) -> None:
        self._db = db
        self._clock = clock
        self._jobs = jobs
        self._docs = docs
        self._asked: dict[str, datetime] = {}
        self._tried: dict[str, str] = {}

    def kinds(self) -> Sequence[JobKind]:
        return (
            JobKind(CHECK_JOB, self._run, max_attempts=2, lease_s=300),
            JobKind(CHECK_CHANGED_JOB, self._run_changed, max_attempts=2, lease_s=300),
        )

    def handlers(self) -> Sequence[EventHandler]:
        return (
            EventHandler(SITE_CHANGED, self.on_changed, name="techdocs.check"),
            EventHandler(SITE_REMOVED, self.on_removed, name="techdocs.check_removed"),
        )

    async def on_changed(self, event: Event) -> None:
        """One job for all that changed: which these are is known by when they were read, and when they were checked."""
        if event.payload.get("version") is None:
            async with self._db.write() as tx:
                await self._jobs.enqueue(tx, CHECK_CHANGED_JOB, {}, key="changed", priority=-1)

    async def on_removed(self, event: Event) -> None:
        async with self._db.write() as tx:
            await store.delete_check(tx, str(event.payload["ref"]))

    async def ask(self, ref: str) -> None:
        """Have the site checked soon."""
        async with self._db.write() as tx:
            await self._jobs.enqueue(tx, CHECK_JOB, {"ref": ref}, key=ref, priority=-1)

    async def _run(self, job: JobContext) -> None:
        await self._run_one(str(job.payload["ref"]))

    async def _run_changed(self, job: JobContext) -> None:
        async with self._db.read() as tx:
            unchecked = await store.list_unchecked(tx)
        beat = time.monotonic()
        # What could not be checked as it was read is not tried with every change of another.
        self._tried = {ref: read_at for ref, read_at in unchecked if self._tried.get(ref) == read_at}
        for ref, read_at in unchecked:
            if ref in self._tried:
                continue
            self._tried[ref] = read_at
            try:
                await self._run_one(ref)
            except Exception:  # one that cannot be checked keeps no other from being checked
                log.exception("documentation not checked", site=ref)
            if time.monotonic() - beat > HEARTBEAT_S:
                await job.heartbeat()
                beat = time.monotonic()

    async def _run_one(self, ref: str) -> None:
        try:
            await self.run(ref, actor=SYSTEM)
        except SiteNotFound:
            return
        except CallboardError as error:
            log.info("documentation not checked", site=ref, error=error.message)

    async def run(self, ref: str, *, actor: Actor) -> Check:
        """Check it now. Raises as ``TechDocs.site``."""
        at = format_time(self._clock.now())  # what is read from now on is not what is checked
        site = await self._docs.site(ref, actor=actor)
        problems = await self._docs.check(ref, actor=actor)
        async with self._db.write() as tx:
            await store.put_check(tx, site.ref, site.etag, problems, at)
            found = await store.find_check(tx, site.ref)
        assert found is not None
        return found

    async def find(self, ref: str, *, actor: Actor, ask: bool = True) -> Check | None:
        """The last one with its problems; None before the first, and for what the actor does not see.

        With ``ask`` a first one, and one that is due again, is done soon.
        """
        if await self._docs.find_docs(ref, actor=actor) is None:
            return None
        async with self._db.read(snapshot=False) as tx:
            found = await store.find_check(tx, ref)
        # Pages grow old without anything changing.
        if ask and (found is None or self._clock.now() - found.at > AGAIN_AFTER):
            await self.ask(ref)
        return found

    async def find_visible(self, refs: Sequence[str], *, ask: Sequence[str]) -> dict[str, Check]:
        """The last ones with their problems, of sites that whoever calls has found to be visible.

        Of those in ``ask`` a first one, and one that is due again, is done soon; they are asked for together, and not at each view.
        """
        async with self._db.read(snapshot=False) as tx:
            found = await store.find_checks(tx, refs)
        now = self._clock.now()
        due = [ref for ref in ask if ref not in found or now - found[ref].at > AGAIN_AFTER]
        due = [ref for ref in due if ref not in self._asked or now - self._asked[ref] > ASK_PATIENCE]
        if due:
            if len(self._asked) > MAX_ASKED:
                self._asked.clear()
            self._asked |= dict.fromkeys(due, now)
            async with self._db.write() as tx:
                for ref in due:
                    await self._jobs.enqueue(tx, CHECK_JOB, {"ref": ref}, key=ref, priority=-1)
        return found

    async def list(self, refs: Sequence[str] | None = None) -> dict[str, Check]:
        """Without problems; of all sites without ``refs``. Whoever calls tells of those alone that the actor sees."""
        async with self._db.read(snapshot=False) as tx:
            return dict(await store.list_checks(tx, refs))

"""Work that nobody waits for: reading sites when entities or repositories change, asking all sources now and then, forgetting."""

from __future__ import annotations

import hashlib
import time
from datetime import datetime, timedelta
from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import SOURCE_CHANGED
from callboard.features.techdocs.books import Books
from callboard.features.techdocs.domain import SitePlan
from callboard.features.techdocs.finding import Plans
from callboard.features.techdocs.interface import PAGES_CHANGED, SITE_CHANGED, SITE_REMOVED
from callboard.features.techdocs.keeping import SiteKeeper
from callboard.features.techdocs.repositories import repository_key
from callboard.features.techdocs.settings import TechDocsSettings
from callboard.features.techdocs.store import sites
from callboard.features.techdocs.store.sites import SiteRow
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.clock import Clock
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import CallboardError, LimitError
from callboard.kernel.events import Event, EventHandler, Events
from callboard.kernel.jobs import JobContext, JobKind, Jobs, RetryLater, Schedule
from callboard.kernel.logs import get_logger
from callboard.model.urls import Hosts

log = get_logger(__name__)

READ_JOB = "techdocs.read"
READ_MANY_JOB = "techdocs.read_many"
SWEEP_JOB = "techdocs.sweep"
TRIM_JOB = "techdocs.trim"
ENTITIES_CHANGED = "catalog.entities.changed"
QUIET = timedelta(seconds=5)
"""After a change of very many entities their sites wait until no more such come for so long: what brings them in goes first."""
PATIENCE = timedelta(minutes=2)
"""And no longer than this."""
SMALL = 2_000
BRIEF = timedelta(milliseconds=500)
"""Until so many changes were heard of, quiet is no longer than this: somebody looks at a portal that was just started."""
BATCH = 100
"""Sites of one transaction."""
FEW = 5
"""Sites that are read by a job each."""
HEARTBEAT_S = 20.0
BEHIND = -10
"""Priority of reading sites ahead: all that somebody waits for comes before."""
GIT_PAUSE = timedelta(seconds=16)
"""``git+`` repositories are asked at most every 15 s: sooner one could still be shown the old commit."""


class SiteJobs:
    """Handlers, each safe to run twice."""

    def __init__(
        self, *, db: Database, clock: Clock, events: Events, jobs: Jobs, plans: Plans, keeper: SiteKeeper, books: Books,
        settings: TechDocsSettings, hosts: Hosts,
    ) -> None:  # fmt: skip
        self._db = db
        self._clock = clock
        self._events = events
        self._jobs = jobs
        self._plans = plans
        self._keeper = keeper
        self._books = books
        self._settings = settings
        self._hosts = hosts
        self._bulk: tuple[datetime, datetime] | None = None
        """When the first and the last change of very many entities was heard of whose sites were not looked for yet."""
        self._heard = 0
        """Entities that came, changed or went in changes of very many, so far."""

    def kinds(self) -> Sequence[JobKind]:
        return (
            JobKind(READ_JOB, self._read, lease_s=240, max_attempts=2, concurrency=2),
            JobKind(READ_MANY_JOB, self._read_many, lease_s=240, max_attempts=2, concurrency=2),
            JobKind(SWEEP_JOB, self._sweep, lease_s=120),
            JobKind(TRIM_JOB, self._trim, lease_s=120),
        )

    def schedules(self) -> Sequence[Schedule]:
        found = [
            Schedule(
                "techdocs_trim", timedelta(hours=1), TRIM_JOB, initial_delay=timedelta(minutes=30), plugin="techdocs"
            )
        ]
        if self._settings.sweep_every is not None:
            found.append(
                Schedule(
                    "techdocs_sweep",
                    self._settings.sweep_every,
                    SWEEP_JOB,
                    initial_delay=timedelta(seconds=2),
                    plugin="techdocs",
                )
            )
        return found

    def handlers(self) -> Sequence[EventHandler]:
        return (
            EventHandler(ENTITIES_CHANGED, self.on_entities, name="techdocs.catalog"),
            EventHandler(SITE_CHANGED, self.on_site, name="techdocs.pages"),
            EventHandler(SOURCE_CHANGED, self.on_source, name="techdocs.sources"),
        )

    # ---- what happened -----------------------------------------------------------------------------------------------

    async def on_entities(self, event: Event) -> None:
        """Entities that came, changed or went: their sites with them."""
        payload: Mapping[str, Any] = event.payload
        lists = {name: list(payload.get(name) or ()) for name in ("created", "updated", "deleted")}
        counts = payload.get("counts") or {}
        if any(int(counts.get(name, 0)) > len(refs) for name, refs in lists.items()):
            now = self._clock.now()
            self._bulk = (self._bulk[0] if self._bulk else now), now
            self._heard += sum(int(counts.get(name, 0)) for name in lists)
            async with self._db.write() as tx:
                await self._jobs.enqueue(tx, SWEEP_JOB, {}, key="sweep", run_at=now + self._quiet())
            return
        refs = list(dict.fromkeys((*lists["created"], *lists["updated"], *lists["deleted"])))
        found = await self._plans.find_many(refs, actor=SYSTEM)
        plans = {ref: plan for ref, plan in found.items() if isinstance(plan, SitePlan)}
        async with self._db.read() as tx:
            known = await sites.known_among(tx, refs)
        if not plans and not known:
            return  # most entities have no documentation
        async with self._db.write() as tx:
            await self._register(tx, {ref: plans.get(ref) for ref in refs if ref in plans or ref in known})

    async def on_site(self, event: Event) -> None:
        """What was read is put together, so that search learns of its pages though nobody opens them."""
        if event.payload.get("version") is not None:
            return
        ref = str(event.payload["ref"])
        plan = await self._plans.find(ref, actor=SYSTEM)
        async with self._db.read(snapshot=False) as tx:
            row = await sites.find_version(tx, ref, "")
        if isinstance(plan, SitePlan) and row is not None and row.pages is None:
            try:
                await self._books.open(plan, row)
            except CallboardError as error:
                log.warning("documentation not put together", site=ref, error=error.message)

    async def on_source(self, event: Event) -> None:
        """A push: sites that are read from that repository are read again."""
        touched = {repository_key(url, self._hosts) for url in event.payload.get("urls") or ()} - {None}
        if not touched:
            return
        plans = await self._plans.everything()
        async with self._db.write() as tx:
            for ref, plan in plans.items():
                places = [mount.source.place for mount in plan.mounts if mount.source.kind == "tree"]
                if any(repository_key(place, self._hosts) in touched for place in places):
                    is_git = any(place.startswith("git+") for place in places)
                    run_at = self._clock.now() + GIT_PAUSE if is_git else None
                    await self._jobs.enqueue(tx, READ_JOB, {"ref": ref}, key=ref, run_at=run_at)

    async def _register(self, tx: Transaction, plans: Mapping[str, SitePlan | None]) -> None:
        """Note what entities say of their sites (None: nothing any more), and have read what differs."""
        known = await sites.find_sites(tx, list(plans))
        rows = {ref: self._keeper.row_of(plan) for ref, plan in plans.items() if plan is not None}
        new = [row for ref, row in rows.items() if ref not in known]
        differ = [row for ref, row in rows.items() if ref in known and _said(known[ref]) != _said(row)]
        await sites.put_sites(tx, [*new, *differ])
        for row in differ:
            await self._events.publish(tx, PAGES_CHANGED, {"ref": row.ref})
        for ref, plan in plans.items():
            if plan is None and await sites.delete_site(tx, ref):
                await self._events.publish(tx, SITE_REMOVED, {"ref": ref})
        await self._read_ahead(tx, [row.ref for row in (*new, *differ) if _plan_of(known.get(row.ref)) != row.plan])

    async def _read_ahead(self, tx: Transaction, refs: Sequence[str]) -> None:
        """Very many sites are one job each so many: taking up a job may cost more than a look at a source."""
        if len(refs) <= FEW:
            for ref in refs:
                await self._jobs.enqueue(tx, READ_JOB, {"ref": ref}, key=ref, priority=BEHIND)
        else:
            await self._jobs.enqueue(tx, READ_MANY_JOB, {"refs": list(refs)}, key=_key_of(refs), priority=BEHIND)

    # ---- jobs --------------------------------------------------------------------------------------------------------

    async def _read_many(self, job: JobContext) -> None:
        """One site after the other, so that two such jobs never take all there is; what has to wait longer is asked for by itself."""
        refs = [str(ref) for ref in job.payload["refs"]]
        plans = await self._plans.find_many(refs, actor=SYSTEM)
        refused = await self._keeper.refuse_empty([plan for plan in plans.values() if isinstance(plan, SitePlan)])
        beat = time.monotonic()
        for ref in refs:
            if isinstance(plan := plans[ref], SitePlan) and ref not in refused:
                try:
                    await self._read_one(plan)
                except RetryLater as later:
                    async with self._db.write() as tx:
                        run_at = self._clock.now() + timedelta(seconds=later.after_s)
                        await self._jobs.enqueue(tx, READ_JOB, {"ref": ref}, key=ref, priority=BEHIND, run_at=run_at)
                except Exception:  # one that cannot be read keeps no other from being read
                    log.exception("documentation not read", site=ref)
            if time.monotonic() - beat > HEARTBEAT_S:
                await job.heartbeat()
                beat = time.monotonic()

    async def _read(self, job: JobContext) -> None:
        plan = await self._plans.find(str(job.payload["ref"]), actor=SYSTEM)
        if isinstance(plan, SitePlan):
            await self._read_one(plan)

    async def _read_one(self, plan: SitePlan) -> None:
        try:
            await self._keeper.refresh(plan)
        except LimitError as error:
            if error.retry_after_s:
                raise RetryLater(error.retry_after_s, error.message) from None
        except CallboardError:
            pass  # the site says why, and the sweep tries again

    async def _sweep(self, job: JobContext) -> None:
        now = self._clock.now()
        if self._bulk is not None and now < min(self._bulk[1] + self._quiet(), self._bulk[0] + PATIENCE):
            async with self._db.write() as tx:
                await self._jobs.enqueue(tx, SWEEP_JOB, {}, key="sweep", run_at=self._bulk[1] + self._quiet())
            return
        self._bulk = None
        plans = await self._plans.everything()
        async with self._db.read() as tx:
            known = {row.ref for row in await sites.list_sites(tx)}
        refs = sorted(known | set(plans))
        for start in range(0, len(refs), BATCH):
            some = refs[start : start + BATCH]
            async with self._db.write() as tx:
                await self._register(tx, {ref: plans.get(ref) for ref in some})
                await self._read_ahead(tx, [ref for ref in some if ref in plans and ref in known])
            await job.heartbeat()

    def _quiet(self) -> timedelta:
        return BRIEF if self._heard <= SMALL else QUIET

    async def _trim(self, job: JobContext) -> None:
        await self._books.trim()


def _said(row: SiteRow) -> tuple[Any, ...]:
    """What lists and search show of a site, and what is read for it."""
    return row.title, row.owner, row.description, row.plan


def _key_of(refs: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(refs).encode()).hexdigest()[:32]


def _plan_of(row: SiteRow | None) -> str | None:
    return None if row is None else row.plan

"""Keeping what was read of sites: looked at again when due, read when it differs, the last good version kept when that fails.

A source is looked at by one task at a time in each replica. Whoever reads a page waits a moment for it, and then is shown what is there.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Mapping, Sequence

from callboard.features.techdocs.domain import SitePlan, content_digest
from callboard.features.techdocs.interface import SITE_CHANGED, Problem
from callboard.features.techdocs.published.noting import is_published, note_published, note_unpublished
from callboard.features.techdocs.published.reading import PublishedSites
from callboard.features.techdocs.sources.reading import SiteFiles, SiteReader, is_markdown, nothing_in, paths_by_mount
from callboard.features.techdocs.store import files as file_rows
from callboard.features.techdocs.store import sites
from callboard.features.techdocs.store.files import FileRow
from callboard.features.techdocs.store.sites import SiteRow, VersionRow
from callboard.kernel.clock import Clock, format_time, parse_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import CallboardError, NotFoundError, UnavailableError
from callboard.kernel.events import Events
from callboard.kernel.logs import get_logger

log = get_logger(__name__)

CLOCK_SKEW = timedelta(minutes=5)
"""Replicas' clocks may differ by so much."""


NOT_PUBLISHED = "No documentation of {ref} was published yet. Run callboard docs publish, or techdocs-cli publish."

LOCAL_PATIENCE_S = 1.0
"""A folder on disk is looked at at most this often."""
READ_TIMEOUT_S = 180.0
WAIT_LOCAL_S = 2.0
WAIT_REMOTE_S = 1.0
"""How long a reader waits for a fresh look before the version that is there is shown."""
WAIT_FIRST_S = 30.0
"""How long a reader waits for a site that was never read; reading it goes on."""
FAILED_PATIENCE_S = 10.0
MAX_FAILED = 1_000
MAX_EVENT_PATHS = 500
MAX_OPENED = 50


class SiteKeeper:
    """Reads sites and keeps them. ``check_every`` is for sources elsewhere, ``versions`` how many named ones are kept of a site."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        events: Events,
        reader: SiteReader,
        *,
        check_every: timedelta,
        versions: int,
        is_external: bool = False,
        published: PublishedSites | None = None,
    ) -> None:
        """``is_external``: sites are not read but looked for in ``published``, which holds those, too, whose entities name no source."""
        self._db = db
        self._clock = clock
        self._events = events
        self._reader = reader
        self._check_every = check_every
        self._versions = versions
        self._kind = "published" if is_external else "live"
        self._is_external = is_external
        self._published = published
        self._running: dict[tuple[str, str], asyncio.Task[bool]] = {}
        self._looked: dict[tuple[str, str], float] = {}
        self._failures: dict[tuple[str, str, str], tuple[float, CallboardError]] = {}
        self._opened: OrderedDict[str, None] = OrderedDict()

    async def current(self, plan: SitePlan, version: str | None) -> VersionRow:
        """What is there, after a look at the source when one is due. Raises as reading does when nothing was ever read."""
        name = version or ""
        self._opened[plan.ref] = None
        self._opened.move_to_end(plan.ref)
        if len(self._opened) > MAX_OPENED:
            self._opened.popitem(last=False)
        async with self._db.read(snapshot=False) as tx:
            row = await sites.find_version(tx, plan.ref, name)
        if row is not None and is_published(row):
            row = None  # it was published before; now it is read
        if row is not None and row.plan == plan.digest and not self._is_due(plan, row):
            return row
        if row is None:
            await self._first(plan, version)
        else:
            task = self.begin(plan, version)
            wait_s = WAIT_LOCAL_S if self._reader.is_local(plan) or row.plan != plan.digest else WAIT_REMOTE_S
            await asyncio.wait({task}, timeout=wait_s)
            if task.done() and not task.cancelled():
                task.exception()  # it is told by the site's failure; what is there is shown
            elif not task.done():
                task.add_done_callback(_settle)
        return await self._stands(plan, name)

    async def catch_up(self, plan: SitePlan) -> VersionRow | None:
        """The live version after a look where one is due, waited for to its end. Raises as reading does when nothing was ever read.

        None for a source elsewhere that could not be read before: whoever waits here does not wait for it again.
        """
        async with self._db.read(snapshot=False) as tx:
            row = await sites.find_version(tx, plan.ref, "")
            site = await sites.find_site(tx, plan.ref)
        if row is not None and row.plan == plan.digest and not self._is_due(plan, row):
            return row
        if row is None and not self._reader.is_local(plan) and site is not None and site.failure:
            return None
        try:
            await self.refresh(plan)
        except CallboardError:
            if row is None:
                raise
        return await self._stands(plan, "")

    async def _stands(self, plan: SitePlan, name: str) -> VersionRow:
        async with self._db.read(snapshot=False) as tx:
            found = await sites.find_version(tx, plan.ref, name)
        if found is None:
            raise UnavailableError(f"The documentation of {plan.ref} went away while it was read. Try again.")
        return found

    async def _first(self, plan: SitePlan, version: str | None) -> None:
        """Nothing is there yet: whoever asks waits for it. A source elsewhere that just failed is not asked for each reader."""
        failed = self._failures.get((plan.ref, version or "", plan.digest))
        if (
            failed is not None
            and self._clock.monotonic() - failed[0] < FAILED_PATIENCE_S
            and not self._reader.is_local(plan)
        ):
            raise failed[1]
        task = self.begin(plan, version)
        await asyncio.wait({task}, timeout=WAIT_FIRST_S)
        if not task.done():
            task.add_done_callback(_settle)
            raise UnavailableError(f"The documentation of {plan.ref} is still being read. Look again in a moment.")
        task.result()

    def _is_due(self, plan: SitePlan, row: VersionRow) -> bool:
        now = self._clock.monotonic()
        looked = self._looked.get((plan.ref, row.name))
        if self._reader.is_local(plan):
            return looked is None or now - looked >= LOCAL_PATIENCE_S
        if looked is not None and now - looked < self._check_every.total_seconds():
            return False
        age = self._clock.now() - parse_time(row.checked_at)
        return age < -CLOCK_SKEW or age >= self._check_every  # a look in the future was by a clock that was wrong

    def begin(self, plan: SitePlan, version: str | None = None, *, force: bool = False) -> asyncio.Task[bool]:
        """A look at the source, the one that is under way if there is one. Gives whether the site differs now."""
        key = (plan.ref, version or "")
        running = self._running.get(key)
        if running is None or running.done():
            running = asyncio.create_task(self._refresh(plan, version, force=force), name=f"techdocs {plan.ref}")
            self._running[key] = running
            running.add_done_callback(lambda task: self._ended(key, task))
        return running

    def _ended(self, key: tuple[str, str], task: asyncio.Task[bool]) -> None:
        if self._running.get(key) is task:
            del self._running[key]

    async def refresh(
        self, plan: SitePlan, version: str | None = None, *, force: bool = False, patience_s: float = 0.0
    ) -> bool:
        """Look now, and read when it differs; whether it did. Raises as readers do; the version that is there stays.

        A source elsewhere that was looked at less than ``patience_s`` ago is not asked again.
        """
        looked = self._looked.get((plan.ref, version or ""), float("-inf"))
        if patience_s and self._clock.monotonic() - looked < patience_s and not self._reader.is_local(plan):
            return False
        return await asyncio.shield(self.begin(plan, version, force=force))

    async def refuse_empty(self, plans: Sequence[SitePlan]) -> dict[str, str]:
        """Of those that were never read the sites on disk that hold nothing, with the sentence that says so, which is noted for all of them at once."""
        if self._is_external:
            return await self._refuse_unpublished(plans)
        local = [plan for plan in plans if self._reader.is_local(plan)]
        async with self._db.read() as tx:
            read = await sites.find_versions(tx, [plan.ref for plan in local])
        refused = await asyncio.to_thread(self._reader.find_empty, [plan for plan in local if plan.ref not in read])
        if refused:
            async with self._db.write() as tx:
                await sites.set_failures(tx, refused)
        return refused

    async def _refuse_unpublished(self, plans: Sequence[SitePlan]) -> dict[str, str]:
        async with self._db.read() as tx:
            known = await sites.find_versions(tx, [plan.ref for plan in plans])
        absent = [plan for plan in plans if plan.ref not in known and not await self._may_be_published(plan)]
        refused = {plan.ref: NOT_PUBLISHED.format(ref=plan.ref) for plan in absent}
        if refused:
            rows = [replace(self.row_of(plan), kind="published", is_local=False) for plan in absent]
            async with self._db.write() as tx:
                await sites.put_sites(tx, rows)
                await sites.set_failures(tx, refused)
        return refused

    async def _may_be_published(self, plan: SitePlan) -> bool:
        if self._published is None:
            return False
        try:
            await self._published.refresh(plan)
            return await self._published.find(plan) is not None
        except CallboardError:
            return True  # told when it is read

    def opened(self) -> Sequence[str]:
        """The sites that were read last by people or jobs, newest last."""
        return list(self._opened)

    async def close(self) -> None:
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- one look ----------------------------------------------------------------------------------------------------

    async def _refresh(self, plan: SitePlan, version: str | None, *, force: bool) -> bool:
        name = version or ""
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await self._look_and_read(plan, version, force=force)
        except TimeoutError:
            error: CallboardError = UnavailableError(
                f"The source of {plan.ref} was not read within {READ_TIMEOUT_S:g} s."
            )
            await self._failed(plan, name, error)
            raise error from None
        except CallboardError as error:
            await self._failed(plan, name, error)
            raise
        finally:
            self._looked[plan.ref, name] = self._clock.monotonic()

    async def _look_and_read(self, plan: SitePlan, version: str | None, *, force: bool) -> bool:
        if version is None and (self._is_external or (self._published is not None and not plan.mounts)):
            found = await self._look_at_published(plan)
            if found is not None:
                return found
        name = version or ""
        async with self._db.read() as tx:
            row = await sites.find_version(tx, plan.ref, name)
            known = [] if row is None else await file_rows.list_files(tx, row.id)
        if row is not None and row.plan == plan.digest and not force:
            revision = await self._reader.look(
                plan, version, paths_by_mount(plan, row.meta, [file.path for file in known])
            )
            if revision and revision == row.revision:
                await self._unchanged(plan, row, revision)
                return False
        read = await self._reader.read(plan, version)
        if not read.files and row is None:
            raise NotFoundError(nothing_in(plan))
        return await self._write(plan, name, read)

    async def _look_at_published(self, plan: SitePlan) -> bool | None:
        """Whether another build is there than before; None where there is none, and the source may be read instead."""
        if self._published is not None:
            await self._published.refresh(plan)
            found = await self._published.find(plan)
            if found is not None:
                async with self._db.write() as tx:
                    return await note_published(tx, self._events, self.row_of(plan), plan, found, self._clock.now())
        if not self._is_external:
            return None
        async with self._db.write() as tx:
            await note_unpublished(tx, self._events, self.row_of(plan), NOT_PUBLISHED.format(ref=plan.ref))
        return False

    async def _unchanged(self, plan: SitePlan, row: VersionRow, revision: str) -> None:
        if self._reader.is_local(plan):
            return  # nothing to note: the next look costs nothing either
        async with self._db.write() as tx:
            await sites.note_checked(tx, row.id, plan.digest, revision, format_time(self._clock.now()))
            await sites.set_failure(tx, plan.ref, None)

    async def _failed(self, plan: SitePlan, name: str, error: CallboardError) -> None:
        if len(self._failures) > MAX_FAILED:
            self._failures.clear()
        self._failures[plan.ref, name, plan.digest] = (self._clock.monotonic(), error)
        log.info("documentation not read", site=plan.ref, version=name, error=error.message)
        if name:
            return
        async with self._db.write() as tx:
            await sites.put_site(tx, self.row_of(plan))
            await sites.set_failure(tx, plan.ref, error.message)

    def row_of(self, plan: SitePlan) -> SiteRow:
        return SiteRow(
            plan.ref, self._kind, plan.title, plan.description, plan.owner, plan.digest, self._reader.is_local(plan)
        )

    async def _write(self, plan: SitePlan, name: str, read: SiteFiles) -> bool:
        now = self._clock.now()
        hashes, digest = await asyncio.to_thread(_digests, read)
        contents = {hashes[path]: content for path, content in read.files.items()}
        async with self._db.write() as tx:
            await sites.put_site(tx, self.row_of(plan))
            row = await sites.lock_version(tx, plan.ref, name)
            old = {} if row is None else {file.path: file for file in await file_rows.list_files(tx, row.id)}
            rows = await asyncio.to_thread(_file_rows, hashes, old, read, now)
            version = VersionRow(
                row.id if row else uuid.uuid4().hex, plan.ref, name, plan.digest, read.revision, digest, _meta(read),
                row.pages if row and row.digest == digest else None, row.problems if row and row.digest == digest else None,
                max((file.changed_at for file in rows if is_markdown(file.path)), default=None),
                format_time(now), format_time(now),
            )  # fmt: skip
            if row is not None and row.digest == digest:
                version = replace(version, read_at=row.read_at)
            await sites.put_version(tx, version)
            if not name:
                await sites.set_failure(tx, plan.ref, None)
            if row is None or row.digest != digest or list(old.values()) != sorted(rows, key=lambda file: file.path):
                present = await file_rows.touch_blobs(tx, contents, format_time(now))
                missing = {hash: content for hash, content in contents.items() if hash not in present}
                await file_rows.replace_files(tx, version.id, rows, missing, format_time(now))
            is_changed = row is None or row.digest != digest or row.plan != plan.digest
            if is_changed:
                await self._tell(tx, plan.ref, name, old, rows, digest)
            if name:
                await sites.delete_versions_beyond(tx, plan.ref, self._versions)
        if is_changed:
            log.debug("documentation read", site=plan.ref, version=name, files=len(rows))
        return is_changed

    async def _tell(
        self, tx: Transaction, ref: str, name: str, old: Mapping[str, FileRow], rows: Sequence[FileRow], digest: str
    ) -> None:
        new = {file.path: file.hash for file in rows}
        changed = [path for path, hash in new.items() if path not in old or old[path].hash != hash]
        removed = [path for path in old if path not in new]
        payload: dict[str, Any] = {"ref": ref, "version": name or None, "digest": digest, "isNew": not old}
        if len(changed) + len(removed) <= MAX_EVENT_PATHS:
            payload |= {"changed": sorted(changed), "removed": sorted(removed)}
        await self._events.publish(tx, SITE_CHANGED, payload)


def problems_of(row: VersionRow) -> list[Problem]:
    """What went wrong on reading."""
    return [Problem(**problem) for problem in row.meta.get("problems", ())]


def _meta(read: SiteFiles) -> dict[str, Any]:
    problems = [
        {"code": p.code, "message": p.message, "file": p.file, "line": p.line, "is_error": p.is_error}
        for p in read.problems
    ]
    return {
        "docs_dir": read.docs_dir,
        "sections": [list(section) for section in read.sections],
        "problems": problems[:200],
    }


def _digests(read: SiteFiles) -> tuple[dict[str, str], str]:
    """Of each file by its path, and of the whole. Of thousands this takes long enough to be done in a thread."""
    hashes = {path: hashlib.sha256(content).hexdigest() for path, content in read.files.items()}
    return hashes, content_digest([*hashes.items(), ("", read.docs_dir), *((f"\0{a}", b) for a, b, _ in read.sections)])


def _file_rows(hashes: Mapping[str, str], old: Mapping[str, FileRow], read: SiteFiles, now: datetime) -> list[FileRow]:
    at = format_time(now)
    return [
        _file_row(path, hashes[path], len(content), old.get(path), read, at) for path, content in read.files.items()
    ]


def _file_row(path: str, hash: str, size: int, old: FileRow | None, read: SiteFiles, now: str) -> FileRow:
    change = read.changes.get(path)
    if change is not None:
        return FileRow(path, hash, size, format_time(change.at), change.by)
    if old is not None and old.hash == hash:
        return replace(old, size=size)
    return FileRow(path, hash, size, now, None)


def _settle(task: asyncio.Task[bool]) -> None:
    if not task.cancelled():
        task.exception()

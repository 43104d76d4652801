"""Work of the catalog that nobody waits for: reading locations, providers, stitching, watching files."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import Callable, Mapping, Sequence

from callboard.features.catalog.interface import EntityProvider
from callboard.features.catalog.readers.files import etag_of
from callboard.features.catalog.service.locations import LocationReader
from callboard.features.catalog.service.mutations import Connection
from callboard.features.catalog.service.writing import CHANNEL, FILE_JOB, LOCATION_JOB, PROVIDER_JOB, STITCH_JOB, Writer
from callboard.features.catalog.store import files
from callboard.kernel.errors import CallboardError, LimitError
from callboard.kernel.jobs import JobContext, JobKind, RetryLater, Schedule
from callboard.kernel.logs import get_logger

log = get_logger(__name__)

SWEEP_JOB = "catalog.sweep"
WATCH_EVERY_S = 0.5
FULL_SWEEP = timedelta(minutes=2)


class CatalogJobs:
    """Handlers, each safe to run twice: what they did already is seen as unchanged."""

    def __init__(
        self, writer: Writer, locations: LocationReader, connections: Mapping[str, tuple[EntityProvider, Connection]],
        *, sweep_every: timedelta | None = FULL_SWEEP,
    ) -> None:  # fmt: skip
        self._writer = writer
        self._locations = locations
        self._connections = connections
        self._sweep_every = sweep_every

    def kinds(self) -> Sequence[JobKind]:
        return (
            # one at a time: a location's documents go through one writer anyway, and memory stays flat
            JobKind(LOCATION_JOB, self._read_location, lease_s=60),
            JobKind(FILE_JOB, self._read_file, lease_s=60),
            JobKind(STITCH_JOB, self._stitch, lease_s=60),
            JobKind(PROVIDER_JOB, self._run_provider, lease_s=120, concurrency=4),
            JobKind(SWEEP_JOB, self._sweep, lease_s=60),
        )

    def schedules(self) -> Sequence[Schedule]:
        found = [
            Schedule(
                f"catalog_provider_{name}", timedelta(seconds=max(1.0, provider.every_s)), PROVIDER_JOB,
                {"name": name}, plugin="catalog",
            )
            for name, (provider, _) in self._connections.items()
        ]  # fmt: skip
        if self._sweep_every is not None:
            found.append(Schedule("catalog_sweep", self._sweep_every, SWEEP_JOB, {}, self._sweep_every, plugin="catalog"))
        return found

    async def _read_location(self, job: JobContext) -> None:
        await self._locations.refresh_location(
            job.payload["node"], force=bool(job.payload.get("force")), actor=job.payload.get("actor", "plugin:callboard")
        )

    async def _read_file(self, job: JobContext) -> None:
        await self._locations.refresh_file(
            job.payload["file"], force=bool(job.payload.get("force")), actor=job.payload.get("actor", "plugin:callboard")
        )

    async def _stitch(self, job: JobContext) -> None:
        while await self._writer.stitch_due():
            await job.heartbeat()

    async def _run_provider(self, job: JobContext) -> None:
        """Ask a source for what it has. When it does not answer, what it gave stays and the next run tries again."""
        known = self._connections.get(job.payload["name"])
        if known is None:
            return
        provider, connection = known
        try:
            await provider.run(connection)
        except LimitError as error:
            await connection.fail(error)
            raise RetryLater(error.retry_after_s or 60.0, str(error)) from error
        except (CallboardError, OSError, TimeoutError) as error:
            await connection.fail(error)
            log.warning("provider could not read its source", provider=provider.name, error=str(error))

    async def _sweep(self, job: JobContext) -> None:
        """The safety net under webhooks and the file watch: have every location looked at again, unchanged ones by etag."""
        async with self._writer.db.write() as tx:
            nodes = await files.list_location_nodes(tx)
            for node in nodes:
                await self._writer.jobs.enqueue(tx, LOCATION_JOB, {"node": node}, key=f"location:{node}", priority=-10)
            if await tx.fetch_value("SELECT count(*) FROM catalog_node WHERE stitch_due = 1"):
                await self._writer.jobs.enqueue(tx, STITCH_JOB, {}, key="stitch", priority=-10)


class FileWatch:
    """Looks at the files on disk that the catalog was read from, twice a second, and has changed ones read at once.

    A ``stat`` of a file costs about a microsecond, so this needs no watcher of the operating system, which would not
    see changes on network folders or through bind mounts.
    """

    def __init__(self, writer: Writer, *, every_s: float = WATCH_EVERY_S) -> None:
        self._writer = writer
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None
        self._revision = -1
        self._watched: list[tuple[int, str]] = []
        self._seen: dict[tuple[int, str], str] = {}

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="catalog file watch")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        failing = False
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
                failing = False
            except Exception:
                if not failing:
                    log.exception("file watch failed; it goes on")
                failing = True

    async def look(self) -> int:
        """One look at every file; how many had changed."""
        await self._update_list()
        changed = [file for file, path in self._watched if self._has_changed(file, path)]
        if changed:
            async with self._writer.db.write() as tx:
                for file in changed:
                    await self._writer.jobs.enqueue(
                        tx, FILE_JOB, {"file": file, "force": False, "actor": "file watch"}, key=f"file:{file}", priority=5
                    )
                tx.after_commit(self._writer.jobs.wake)
        return len(changed)

    async def _update_list(self) -> None:
        revision = self._writer.index.latest
        if revision == self._revision:
            return
        self._revision = revision
        async with self._writer.db.read() as tx:
            found = await files.list_local_files(tx) + await files.list_local_reads(tx)
        self._watched = [(file, path) for file, path, _ in found]
        for file, path, etag in found:
            if etag is not None:
                self._seen.setdefault((file, path), etag)
        if len(self._seen) > 2 * len(self._watched) + 100:
            keep = set(self._watched)
            self._seen = {key: etag for key, etag in self._seen.items() if key in keep}

    def _has_changed(self, file: int, path: str) -> bool:
        try:
            etag = etag_of(os.stat(path))
        except OSError:
            etag = "gone"
        before = self._seen.get((file, path))
        self._seen[file, path] = etag
        return before is not None and before != etag


class RevisionWatch:
    """Tells the index of changes that other processes made: replicas (at once), or the command line on the same store."""

    def __init__(self, writer: Writer, *, every_s: float) -> None:
        self._writer = writer
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None
        self._stop_listening: Callable[[], None] = lambda: None
        self._woken = asyncio.Event()

    async def start(self) -> None:
        self._stop_listening = self._writer.db.listen(CHANNEL, self._heard)
        self._task = asyncio.create_task(self._run(), name="catalog revision watch")

    async def stop(self) -> None:
        self._stop_listening()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _heard(self, payload: str) -> None:
        if payload.isdigit():
            self._writer.index.heard(int(payload))
        else:  # an outage has ended: something may have been missed
            self._woken.set()

    async def look(self) -> None:
        async with self._writer.db.read(snapshot=False) as tx:
            revision = await tx.fetch_value("SELECT revision FROM catalog_revision WHERE id = 1")
        self._writer.index.heard(revision)

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                async with asyncio.timeout(self._every_s):
                    await self._woken.wait()
            except TimeoutError:
                pass
            try:
                await self.look()
            except CallboardError:
                continue  # the database is away; reads say so themselves

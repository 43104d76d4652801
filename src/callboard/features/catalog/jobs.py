"""Work of the catalog that nobody waits for: reading locations, providers, stitching, watching files."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Awaitable, Callable, Iterator, Mapping, NamedTuple, Sequence

from callboard.features.catalog.interface import EntityProvider
from callboard.features.catalog.readers.files import etag_of, is_pattern
from callboard.features.catalog.service.asking import (
    FILE_JOB,
    LOCATION_JOB,
    PROVIDER_JOB,
    STITCH_JOB,
    location_key,
    provider_schedule,
)
from callboard.features.catalog.service.commands import LOCATION_STORE
from callboard.features.catalog.service.locations import LocationReader
from callboard.features.catalog.service.mutations import Connection
from callboard.features.catalog.service.writing import CHANNEL, Writer
from callboard.features.catalog.store import files
from callboard.kernel.db.watch import ChannelWatch
from callboard.kernel.errors import CallboardError, LimitError
from callboard.kernel.globs import static_prefix
from callboard.kernel.jobs import JobContext, JobKind, RetryLater, Schedule
from callboard.kernel.logs import get_logger
from callboard.kernel.periodic import Periodic
from callboard.kernel.tracing import span

log = get_logger(__name__)

SWEEP_JOB = "catalog.sweep"
WATCH_EVERY_S = 0.5
FOLDERS_EVERY = 4
"""Looks at files for each look at folders."""
GONE = "gone"
FULL_SWEEP = timedelta(minutes=2)


class CatalogJobs:
    """Handlers, each safe to run twice: what they did already is seen as unchanged."""

    def __init__(
        self, writer: Writer, locations: LocationReader, connections: Mapping[str, tuple[EntityProvider, Connection]],
        *, restore_locations: Callable[[], Awaitable[None]], sweep_every: timedelta | None = FULL_SWEEP,
    ) -> None:  # fmt: skip
        """``restore_locations`` gives the entities of registered locations again: their source runs on demand only."""
        self._writer = writer
        self._locations = locations
        self._connections = connections
        self._restore_locations = restore_locations
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
        found = []
        for name, (provider, _) in self._connections.items():
            every = timedelta(seconds=max(1.0, provider.every_s))
            # the start of the portal runs each once, so that changed settings show; the first of the schedule comes after that
            found.append(
                Schedule(provider_schedule(name), every, PROVIDER_JOB, {"name": name}, every, plugin="catalog")
            )
        if self._sweep_every is not None:
            found.append(
                Schedule("catalog_sweep", self._sweep_every, SWEEP_JOB, {}, self._sweep_every, plugin="catalog")
            )
        return found

    async def _read_location(self, job: JobContext) -> None:
        with span("ProcessingRun", catalog_location=job.payload["node"]):
            await self._locations.refresh_location(
                job.payload["node"],
                actor=job.payload.get("actor", "plugin:callboard"),
            )

    async def _read_file(self, job: JobContext) -> None:
        with span("ProcessingRun", catalog_file=job.payload["file"]):
            await self._locations.refresh_file(
                job.payload["file"],
                actor=job.payload.get("actor", "plugin:callboard"),
            )

    async def _stitch(self, job: JobContext) -> None:
        while await self._writer.stitch_due():
            await job.heartbeat()

    async def _run_provider(self, job: JobContext) -> None:
        """Ask a source for what it has. When it does not answer, what it gave stays and the next run tries again."""
        if job.payload["name"] == LOCATION_STORE:
            await self._restore_locations()
            return
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
        except Exception as error:  # the provider's own fault: the job is tried again, and then given up
            await connection.fail(error)
            raise

    async def _sweep(self, job: JobContext) -> None:
        """The safety net under webhooks and the file watch: have every location looked at again, unchanged ones by etag."""
        async with self._writer.db.write() as tx:
            nodes = await files.list_location_nodes(tx)
            await self._writer.jobs.enqueue_many(
                tx, LOCATION_JOB, [(location_key(node), {"node": node}) for node in nodes], priority=-10
            )
            if await tx.fetch_value("SELECT count(*) FROM catalog_node WHERE stitch_due = 1"):
                await self._writer.ask.stitch(tx, priority=-10)


class Watched(NamedTuple):
    """A path, and the job (of a file or a Location) to run when it changes."""

    job: str
    id: int
    path: str


class FileWatch:
    """Looks at the files on disk that the catalog was read from, twice a second, and has changed ones read at once.

    Files that were missing are among them, and every two seconds the folders where a pattern may find another one.
    A ``stat`` of a file costs about a microsecond, so this needs no watcher of the operating system, which would not
    see changes on network folders or through bind mounts.
    """

    def __init__(self, writer: Writer, *, every_s: float = WATCH_EVERY_S) -> None:
        self._writer = writer
        self._looking = Periodic(self.look, every_s, name="catalog file watch")
        self._revision = -1
        self._looks = 0
        self._files: list[Watched] = []
        self._folders: list[Watched] = []
        self._seen: dict[Watched, str] = {}

    async def start(self) -> None:
        await self._looking.start()

    async def stop(self) -> None:
        await self._looking.stop()

    async def look(self) -> int:
        """One look at every file, and now and then at the folders of patterns; how many reads that asks for."""
        await self._update_list()
        watched = self._files if self._looks % FOLDERS_EVERY else [*self._files, *self._folders]
        self._looks += 1
        marks = {one: _mark(one.path) for one in watched}
        changed = {one[:2] for one, mark in marks.items() if self._seen.get(one, mark) != mark}
        if changed:
            async with self._writer.db.write() as tx:
                for job, id in sorted(changed):
                    read = self._writer.ask.read_file if job == FILE_JOB else self._writer.ask.read_location
                    await read(tx, id, actor="file watch", priority=5)
                tx.after_commit(self._writer.jobs.wake)
        self._seen.update(marks)
        return len(changed)

    async def _update_list(self) -> None:
        revision = self._writer.index.latest
        if revision == self._revision:
            return
        async with self._writer.db.read() as tx:
            found = await files.list_local_files(tx)
            reads = await files.list_local_reads(tx)
            unread = await files.list_local_unread(tx)
        self._revision = revision
        self._files = [Watched(FILE_JOB, id, path) for id, _, path, _, _ in found]
        self._files += [Watched(FILE_JOB, id, path) for id, path, _ in reads]
        self._files += [Watched(LOCATION_JOB, id, path) for id, path in unread if not is_pattern(path)]
        folders = {(id, _root(path)) for id, path in unread if is_pattern(path)}
        for _, parent, path, target, _ in found:
            if target is not None:
                folders |= {(parent, folder) for folder in _folders(path, _root(target))}
        self._folders = [Watched(LOCATION_JOB, id, folder) for id, folder in sorted(folders)]
        known = [(Watched(FILE_JOB, id, path), etag) for id, _, path, _, etag in found]
        known += [(Watched(FILE_JOB, id, path), etag) for id, path, etag in reads]
        for one, etag in known:
            if etag is not None:
                self._seen.setdefault(one, etag or GONE)
        if len(self._seen) > 2 * (len(self._files) + len(self._folders)) + 100:
            keep = {*self._files, *self._folders}
            self._seen = {one: mark for one, mark in self._seen.items() if one in keep}


def _mark(path: str) -> str:
    try:
        return etag_of(os.stat(path))
    except OSError:
        return GONE


def _root(pattern: str) -> str:
    return "/" + static_prefix(pattern.lstrip("/"))


def _folders(path: str, root: str) -> Iterator[str]:
    """The folder of a file and those above it up to ``root``: where other files that match may come."""
    folder = os.path.dirname(path)
    while len(folder) > len(root):
        yield folder
        folder = os.path.dirname(folder)
    yield root


class RevisionWatch(ChannelWatch):
    """Tells the index of changes that other processes made: replicas (at once), or the command line on the same store."""

    def __init__(self, writer: Writer, *, every_s: float) -> None:
        self._writer = writer
        super().__init__(
            writer.db, CHANNEL, self.look, every_s=every_s, name="catalog revision watch", heard=self._takes_revision
        )

    def _takes_revision(self, payload: str) -> bool:
        if payload.isdigit():
            self._writer.index.heard(int(payload))
        return payload.isdigit()  # else an outage has ended: something may have been missed

    async def look(self) -> None:
        async with self._writer.db.read(snapshot=False) as tx:
            revision = await tx.fetch_value("SELECT revision FROM catalog_revision WHERE id = 1")
        self._writer.index.heard(revision)

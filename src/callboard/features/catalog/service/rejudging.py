"""After the kinds changed: everything of them is judged again, by whatever way it came.

Files and providers give again what they have (the fingerprint of processing differs, so nothing counts as known). What
features hold can be given by nobody: it is placed anew from what stands, with the marks that it had.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Awaitable, Callable, Iterable, Mapping, Sequence

import orjson

from callboard.features.catalog.domain import batches, document_of
from callboard.features.catalog.interface import DeferredEntity
from callboard.features.catalog.service.mutations import Mutations
from callboard.features.catalog.service.writing import Writer
from callboard.features.catalog.store import held, sources
from callboard.features.catalog.store import model as rows
from callboard.kernel.jobs import JobContext, JobKind

REJUDGE_JOB = "catalog.rejudge"
SWEEP_JOB = "catalog.sweep"
BATCH = 500
SECOND_SWEEP = timedelta(seconds=10)
"""By then every process knows the kinds: what one of them read before that with the old ones is read again."""


class Rejudging:
    """The job. Safe to run twice: what is as it should be is found unchanged."""

    def __init__(
        self,
        writer: Writer,
        mutations: Mutations,
        ensure_current: Callable[[], Awaitable[None]],
        provided: Iterable[str],
    ) -> None:
        """``provided``: names of the sources that providers of this portal give."""
        self._writer = writer
        self._mutations = mutations
        self._ensure_current = ensure_current
        self._provided = frozenset(provided)

    def kinds(self) -> Sequence[JobKind]:
        return (JobKind(REJUDGE_JOB, self.run, lease_s=120),)

    async def run(self, job: JobContext) -> None:
        await self._ensure_current()
        kinds = [str(kind) for kind in job.payload["kinds"]]
        async with self._writer.db.read() as tx:
            given = await rows.list_held_of_kinds(tx, kinds)
            providers = await rows.list_providers_of_kinds(tx, kinds)
        by_source: dict[str, list[str]] = {}
        for source, ref in given:
            by_source.setdefault(source, []).append(ref)
        for source, refs in by_source.items():
            for part in batches(refs, BATCH):
                await self._place_again(source, part)
                await job.heartbeat()
        async with self._writer.db.write() as tx:
            for name in sorted(providers & self._provided):
                await self._writer.ask.run_provider(tx, name)
            jobs = self._writer.jobs
            await jobs.enqueue(tx, SWEEP_JOB, {}, key="sweep")
            later = self._writer.clock.now() + SECOND_SWEEP
            await jobs.enqueue(tx, SWEEP_JOB, {}, key="sweep-again", run_at=later)

    async def _place_again(self, source: str, refs: Sequence[str]) -> None:
        async with self._writer.db.write() as tx:
            change = await self._writer.begin(tx, "plugin:callboard")  # from here on nobody else writes entities
            standing = {row[0]: row for row in await held.list_given(tx, source, refs)}
            incoming = await asyncio.to_thread(self._judge, source, standing)
            if not incoming:
                return
            source_id = await sources.ensure_source(tx, source)
            await change.place(incoming, source_id=source_id)
            await change.finish()

    def _judge(self, source: str, standing: Mapping[str, Any]) -> list[Any]:
        deferred = [DeferredEntity(document_of(orjson.loads(row[4])), row[3]) for row in standing.values()]
        incoming = self._mutations.judge_all(source, deferred)
        for one in incoming:
            # the mark and uid that it had: whoever is editing it goes on
            one.hash, one.uid = standing[one.ref][1], standing[one.ref][2]
        return incoming

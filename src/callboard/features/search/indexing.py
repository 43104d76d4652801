"""Keeping the index what the collators know: scopes that events name at once, and all revisions compared now and then.

Everything here may run twice. One job of a portal writes at a time, so an older answer never lands on a newer one.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Awaitable, Callable, Mapping, Sequence

from callboard.features.search.engines.base import Engine
from callboard.features.search.engines.fts5 import is_damage
from callboard.features.search.interface import Collator, HasExtent, Visibility
from callboard.features.search.store import documents, vocabulary
from callboard.features.search.store.records import Record, record_of
from callboard.features.search.text.stemming import Stemmer
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import UnavailableError
from callboard.kernel.events import Event
from callboard.kernel.jobs import JobContext, Jobs
from callboard.kernel.logs import get_logger

INDEX_JOB = "search.index"
BULK_JOB = "search.bulk"
SWEEP_JOB = "search.sweep"
SHAPE = 2
"""Of what is kept of a document; after a change of it everything is indexed again, as after one of the engine or the language."""
BATCH = 200
"""Scopes of one transaction."""
QUIET = timedelta(seconds=2)
"""After a change of very many things, comparing waits until no more such come for so long: what brings them in goes first."""
PATIENCE = timedelta(seconds=30)
"""And no longer than this."""
SMALL = 2_000
BRIEF = timedelta(milliseconds=300)
"""The quiet that is waited for where a collator knows no more than ``SMALL`` scopes: somebody looks at a portal that was just started."""
MEND_AFTER_S = 600.0
EVERYTHING = ""
"""As a pending scope: compare all revisions of the type."""

log = get_logger(__name__)


async def go_on() -> None:
    """Nobody waits to hear how far it is."""


class Indexer:
    """Asks collators, and writes what differs."""

    def __init__(
        self, db: Database, jobs: Jobs, clock: Clock, engine: Engine, stemmer: Stemmer, *,
        collators: Callable[[], Mapping[str, Collator]], visibility: Callable[[], Visibility | None],
    ) -> None:  # fmt: skip
        self._db = db
        self._jobs = jobs
        self._clock = clock
        self._engine = engine
        self._stemmer = stemmer
        self._collators = collators
        self._visibility = visibility
        self._is_ready = False
        self._mended_at = float("-inf")
        self._bulk: dict[str, tuple[datetime, datetime]] = {}
        """By type: when the first and the last change of very many was heard of that was not compared yet."""

    async def prepare(self) -> None:
        """Make the engine's tables if need be; what was indexed by another engine is indexed anew."""
        if self._is_ready:
            return
        made = f"{SHAPE} {self._engine.name} {self._stemmer.language}"
        async with self._db.write() as tx:
            is_new = await self._engine.prepare(tx)
            if is_new or await documents.made_as(tx) != made:
                if not is_new:
                    await self._engine.clear(tx)
                await documents.clear(tx)
                await documents.set_made_as(tx, made)
        self._is_ready = True

    async def count(self) -> int:
        """How many documents there are."""
        async with self._db.read(snapshot=False) as tx:
            return await documents.count(tx)

    async def rebuild(self) -> int:
        """Forget everything, and have it indexed again by a job; how many documents there were. May be repeated."""
        count = await self.count()
        await self._begin_anew()
        await self.ask_for_sweep()
        return count

    async def mend(self, error: Exception) -> bool:
        """Whether ``error`` says that the engine's tables are damaged; then all is forgotten, and indexed again by a job."""
        now = self._clock.monotonic()
        if not is_damage(error) or now - self._mended_at < MEND_AFTER_S:
            return False  # what is damaged again at once is not mended by writing it again
        self._mended_at = now
        log.error("the search index was damaged and is made again", error=str(error))
        await self._begin_anew()
        await self.ask_for_sweep()
        return True

    async def _begin_anew(self) -> None:
        await self.prepare()
        async with self._db.write() as tx:
            await documents.set_made_as(tx, "")
        self._is_ready = False
        await self.prepare()

    # ---- hearing of changes ------------------------------------------------------------------------------------------

    async def on_event(self, event: Event, types: Sequence[str]) -> None:
        """Note what collators of these types say has changed."""
        async with self._db.write() as tx:
            is_any = False
            for type in types:
                scopes = self._collators()[type].changed(event)
                if scopes is None:
                    await self._wait_for_quiet(tx, type)
                    continue
                wanted = [scope for scope in scopes if scope]
                await documents.ask_for(tx, type, wanted)
                is_any = is_any or bool(wanted)
            if is_any:
                await self._jobs.enqueue(tx, INDEX_JOB, {}, key="index")

    async def _wait_for_quiet(self, tx: Transaction, type: str) -> None:
        now = self._clock.now()
        first, _ = self._bulk.get(type, (now, now))
        self._bulk[type] = first, now
        await self._jobs.enqueue(tx, BULK_JOB, {"type": type}, key=type, run_at=now + await self._quiet(type))

    async def _quiet(self, type: str) -> timedelta:
        collator: object = self._collators().get(type)
        is_small = isinstance(collator, HasExtent) and (await collator.extent()).scopes <= SMALL
        return BRIEF if is_small else QUIET

    async def bulk_job(self, job: JobContext) -> None:
        """Have a type compared once its changes have come to rest."""
        type, now = job.payload["type"], self._clock.now()
        first, last = self._bulk.get(type, (now - PATIENCE, now - PATIENCE))  # heard by a replica that is gone
        quiet = await self._quiet(type)
        async with self._db.write() as tx:
            if now < min(last + quiet, first + PATIENCE):
                await self._jobs.enqueue(tx, BULK_JOB, {"type": type}, key=type, run_at=last + quiet)
                return
            self._bulk.pop(type, None)
            await self._ask_for_all(tx, [type])

    async def ask_for_sweep(self) -> None:
        async with self._db.write() as tx:
            await self._ask_for_all(tx, list(self._collators()))

    async def _ask_for_all(self, tx: Transaction, types: Sequence[str]) -> None:
        for type in types:
            await documents.ask_for(tx, type, [EVERYTHING])
        await self._jobs.enqueue(tx, INDEX_JOB, {}, key="index")

    # ---- jobs --------------------------------------------------------------------------------------------------------

    async def index_job(self, job: JobContext) -> None:
        await self.run_pending(job.heartbeat)

    async def sweep_job(self, job: JobContext) -> None:
        async with self._db.write() as tx:
            await vocabulary.sweep(tx)
            await self._ask_for_all(tx, [job.payload["type"]])

    async def run_pending(self, heartbeat: Callable[[], Awaitable[None]] = go_on) -> None:
        """Work off what is noted, until nothing is."""
        await self.prepare()
        async with self._db.read() as tx:
            is_left = await documents.has_taken(tx)
        if is_left:  # by a process that was killed: only one works these off at a time
            async with self._db.write() as tx:
                await documents.give_back(tx)
        while True:
            async with self._db.read() as tx:
                pending = await documents.list_pending(tx, BATCH)
            if not pending:
                return
            # Taken off first: what changes while it is read is noted again.
            async with self._db.write() as tx:
                await documents.take_pending(tx, pending)
            try:
                await self._run(pending, heartbeat)
            except BaseException as error:
                if isinstance(error, Exception) and await self.mend(error):
                    continue
                async with self._db.write() as tx:
                    await documents.give_back(tx)
                raise
            async with self._db.write() as tx:
                await documents.end_pending(tx, pending)
            await heartbeat()

    async def _run(self, pending: Sequence[tuple[str, str]], heartbeat: Callable[[], Awaitable[None]]) -> None:
        by_type: dict[str, list[str]] = {}
        for type, scope in pending:
            by_type.setdefault(type, []).append(scope)
        for type, scopes in by_type.items():
            collator = self._collators().get(type)
            if collator is None:
                continue
            if EVERYTHING in scopes:
                await self.compare(collator, heartbeat)
            named = [scope for scope in scopes if scope != EVERYTHING]
            if named:
                await self.index(collator, dict.fromkeys(named, ""))

    async def sweep(self, heartbeat: Callable[[], Awaitable[None]] = go_on) -> None:
        """Compare everything now, for commands that ask before a portal runs."""
        try:
            await self._sweep(heartbeat)
        except Exception as error:
            if not await self.mend(error):
                raise
            await self._sweep(heartbeat)

    async def _sweep(self, heartbeat: Callable[[], Awaitable[None]]) -> None:
        await self.prepare()
        collators = self._collators()
        async with self._db.read() as tx:
            gone = [type for type in await documents.types_there(tx) if type not in collators]
        for type in gone:
            await self._remove_type(type)
        for collator in collators.values():
            await self.compare(collator, heartbeat)

    async def compare(self, collator: Collator, heartbeat: Callable[[], Awaitable[None]] = go_on) -> None:
        """Index the scopes whose revision differs, and take off those that are gone."""
        async with self._db.read() as tx:
            known = await documents.revisions(tx, collator.type)
        present: set[str] = set()
        changed: dict[str, str] = {}
        async for batch in collator.scopes():
            for scope, revision in batch:
                present.add(scope)
                if known.get(scope) != revision:
                    changed[scope] = revision
            while len(changed) >= BATCH:
                part = dict(list(changed.items())[:BATCH])
                await self.index(collator, part)
                changed = {scope: revision for scope, revision in changed.items() if scope not in part}
                await heartbeat()
        if changed:
            await self.index(collator, changed)
        gone = [scope for scope in known if scope not in present]
        for at in range(0, len(gone), BATCH):
            await self.index(collator, dict.fromkeys(gone[at : at + BATCH], ""))

    async def _remove_type(self, type: str) -> None:
        async with self._db.write() as tx:
            known = list(await documents.revisions(tx, type))
            for at in range(0, len(known), BATCH):
                scopes = known[at : at + BATCH]
                stands = await documents.list_of_scopes(tx, type, scopes)
                counts: Counter[str] = Counter()
                await self._take_off(tx, [one.number for one in stands], counts)
                await vocabulary.count_in(tx, counts, self._stemmer.term)
                await documents.forget_scopes(tx, type, scopes)

    # ---- writing -----------------------------------------------------------------------------------------------------

    async def index(self, collator: Collator, scopes: Mapping[str, str]) -> None:
        """Bring the documents of these scopes (with their revisions, ``""`` if not known) to what the collator says.

        One of them that cannot be indexed keeps none of the others back; it is told, and tried again when everything is compared.
        """
        try:
            await self._index(collator, scopes)
        except Exception as error:
            if len(scopes) == 1 or isinstance(error, UnavailableError) or is_damage(error):
                raise
            failed = [scope for scope in scopes if not await self._index_alone(collator, scope, scopes[scope])]
            if len(failed) == len(scopes):
                raise

    async def _index_alone(self, collator: Collator, scope: str, revision: str) -> bool:
        try:
            await self._index(collator, {scope: revision})
        except Exception as error:
            log.exception("not indexed for search", type=collator.type, scope=scope, error=str(error))
            return False
        return True

    async def _index(self, collator: Collator, scopes: Mapping[str, str]) -> None:
        type = collator.type
        found = await collator.documents(list(scopes))
        records = [record_of(type, scope, one) for scope in scopes for one in found.get(scope, ())]
        records = list({record.id: record for record in records}.values())
        refs = list(dict.fromkeys(record.resource for record in records if record.resource is not None))
        visibility = self._visibility()
        numbers = await visibility.numbers(refs) if visibility is not None and refs else {}
        async with self._db.write() as tx:
            unseen = await self._write(tx, type, scopes, records, numbers if visibility is not None else None)
            kept = {scope: "" if scope in unseen else scopes[scope] for scope in scopes if found.get(scope)}
            gone = [scope for scope in scopes if not found.get(scope)]
            # A scope may have nothing to be found; it is remembered all the same, or each sweep would ask again.
            kept |= {scope: scopes[scope] for scope in gone if scopes[scope]}
            await documents.forget_scopes(tx, type, [scope for scope in gone if not scopes[scope]])
            await documents.put_revisions(tx, type, kept)

    async def _write(
        self, tx: Transaction, type: str, scopes: Mapping[str, str], records: Sequence[Record],
        numbers: Mapping[str, int] | None,
    ) -> set[str]:  # fmt: skip
        """Write what differs; the scopes of which something waits for its resource."""
        stands = {one.id: one for one in await documents.list_of_scopes(tx, type, list(scopes))}
        fresh = [record.id for record in records if record.id not in stands]
        stands |= await documents.by_ids(tx, type, fresh)
        unseen: set[str] = set()
        put: list[tuple[int, Record]] = []
        wanted: set[str] = set()
        following: dict[int, int] = {}
        remove: list[int] = []
        for record in records:
            resource = 0 if record.resource is None or numbers is None else numbers.get(record.resource)
            if resource is None:  # nobody may see what is not known: found once it is
                unseen.add(record.scope)
                continue
            wanted.add(record.id)
            before = stands.get(record.id)
            if before is not None and documents.resource_of(before.number) == resource:
                if (before.digest, before.scope) == (record.digest, record.scope):
                    continue
                remove.append(before.number)
                put.append((before.number, record))
                continue
            if before is not None:
                remove.append(before.number)
            if resource not in following:
                following[resource] = await documents.next_number(tx, resource)
            put.append((following[resource], record))
            following[resource] += 1
        remove += [one.number for id, one in stands.items() if id not in wanted]
        if not remove and not put:
            return unseen
        counts: Counter[str] = Counter()
        await self._take_off(tx, remove, counts)
        for _, record in put:
            counts.update(record.distinct)
        await documents.put_many(tx, put)
        await documents.set_changed_at(tx, format_time(self._clock.now()))
        await self._engine.put(tx, put, self._stemmer.term)
        await vocabulary.count_in(tx, counts, self._stemmer.term)
        return unseen

    async def _take_off(self, tx: Transaction, numbers: Sequence[int], counts: Counter[str]) -> None:
        if not numbers:
            return
        counts.subtract(vocabulary.counts_of(await documents.forms_of(tx, numbers)))
        await documents.remove_many(tx, numbers)
        await self._engine.remove(tx, numbers)

"""Finding by meaning: vectors of documents made in the background, a question's vector made when it is asked, and what is near it.

Nothing here keeps words from answering. An embedder that fails or is slow is asked again after a while; until all documents have had a
vector once, and while the model is another than the one that made them, searches do without.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from datetime import timedelta
from hashlib import blake2b
from typing import Any, Awaitable, Callable, Sequence

from callboard.features.search.interface import MeaningState, SearchDocument, SearchQuery, VisibleSet
from callboard.features.search.ranking.fusion import Near
from callboard.features.search.semantic.embedders import Embedder, TextRefused, Vector
from callboard.features.search.semantic.settings import SemanticSettings
from callboard.features.search.semantic.vectors import KEPT_S, Made, Vectors, Waiting
from callboard.features.search.store.records import decode, marks_of
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import CallboardError, LimitError, UnavailableError
from callboard.kernel.jobs import JobContext, JobKind, Jobs, RetryLater, Schedule
from callboard.kernel.logs import get_logger

EMBED_JOB = "search.embed"
PRIORITY = -10
"""Of the work in the background: everything else goes first."""
SHAPE = 1
"""Of the text that is embedded of a document; after a change of it everything is embedded again."""
TEXT = 2_000
"""Characters of a document's text that are embedded. Small models read no further."""
NEIGHBOURS = 50
"""Passages near a question that are looked at, before those that are not near enough are left out."""
SHORTEST = 3
"""Characters of a question that means something."""
QUESTIONS_KEPT = 1_000
PAUSE_S = 30.0
"""After a question had no vector in time, the next ones are not asked for."""
RETRY_S = 60.0
"""After the embedder failed while indexing."""
ROUNDS = 100
"""Batches of one job; then others have a turn."""
PROBE = "Callboard finds what is near in meaning."

log = get_logger(__name__)


async def _go_on() -> None:
    return None


class SemanticLayer:
    """Implements ``ranking.fusion.Neighbours`` and ``interface.Meaning``."""

    def __init__(
        self, db: Database, jobs: Jobs, clock: Clock, embedder: Embedder, vectors: Vectors, settings: SemanticSettings
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._clock = clock
        self._embedder = embedder
        self._vectors = vectors
        self._settings = settings
        self.weight = settings.weight
        self._made_by = f"{SHAPE} {embedder.name}"
        self._questions: OrderedDict[str, Vector] = OrderedDict()
        self._silent_until = 0.0
        self._is_out = False

    # ---- as part of the index ----------------------------------------------------------------------------------------

    async def prepare(self, tx: Transaction) -> None:
        """Raises ``UnavailableError`` where the database cannot hold vectors, with what to do."""
        await self._vectors.prepare(tx, self._made_by)

    async def ask_for_vectors(self, tx: Transaction) -> None:
        await self._jobs.enqueue(tx, EMBED_JOB, {}, key="embed", priority=PRIORITY)

    async def forget(self, tx: Transaction, numbers: Sequence[int] | None) -> None:
        """These documents are gone or changed; None: all."""
        await self._vectors.forget(tx, numbers)

    async def close(self) -> None:
        await self._embedder.close()

    async def state(self) -> MeaningState | None:
        async with self._db.read() as tx:
            return await self._vectors.state(tx, self._embedder.name)

    # ---- asking ------------------------------------------------------------------------------------------------------

    async def vector_of(self, query: SearchQuery) -> Vector | None:
        term = " ".join(query.term.split())
        if not query.by_meaning or len(term) < SHORTEST:
            return None
        kept = self._questions.get(term)
        if kept is not None:
            self._questions.move_to_end(term)
            return kept
        if time.monotonic() < self._silent_until:
            return None
        async with self._db.read() as tx:
            if not await self._dimensions(tx):
                return None
        try:
            async with asyncio.timeout(self._settings.question_timeout_s):
                (vector,) = await self._embedder.embed([term], is_question=True)
        except TextRefused:
            return None
        except (CallboardError, TimeoutError) as error:
            self._silent_until = time.monotonic() + PAUSE_S
            self._tell(str(error) or f"no vector of a question within {self._settings.question_timeout_s:g} s")
            return None
        self._is_out = False
        if not vector:
            return None
        self._questions[term] = vector
        if len(self._questions) > QUESTIONS_KEPT:
            self._questions.popitem(last=False)
        return vector

    async def nearest(
        self, tx: Transaction, vector: Any, marks: Sequence[Sequence[str]], visible: VisibleSet | None
    ) -> Near:
        if len(vector) != await self._dimensions(tx):
            return {}
        found = await self._vectors.nearest(tx, vector, marks, visible, NEIGHBOURS)
        return {number: near for number, near in found if near >= self._settings.min_similarity}

    async def _dimensions(self, tx: Transaction) -> int:
        """Of vectors that may be compared with a question's; 0 while there are none."""
        standing = await self._vectors.standing(tx)
        return standing.dimensions if standing.is_complete and standing.made_by == self._made_by else 0

    def _tell(self, trouble: str) -> None:
        if not self._is_out:
            log.warning("questions are answered by words alone", trouble=trouble)
        self._is_out = True

    # ---- in the background -------------------------------------------------------------------------------------------

    def job_kinds(self) -> Sequence[JobKind]:
        return [JobKind(EMBED_JOB, self.embed_job, lease_s=300)]

    def schedules(self, every: timedelta) -> Sequence[Schedule]:
        return [Schedule("search_embed", every, EMBED_JOB, {}, every, plugin="search")]

    async def start(self) -> None:
        async with self._db.write() as tx:
            await self.ask_for_vectors(tx)

    async def embed_job(self, job: JobContext) -> None:
        try:
            is_all = await self.catch_up(job.heartbeat, rounds=ROUNDS)
        except LimitError as error:
            raise RetryLater(error.retry_after_s or RETRY_S, error.message) from error
        except CallboardError as error:
            raise RetryLater(RETRY_S, error.message) from error
        if not is_all:
            async with self._db.write() as tx:
                await self.ask_for_vectors(tx)

    async def catch_up(self, heartbeat: Callable[[], Awaitable[None]] = _go_on, *, rounds: int | None = None) -> bool:
        """Make the vectors that are missing; whether none is any more after so many batches (None: all of them).

        Raises ``LimitError`` or ``UnavailableError`` where the embedder does not answer; what was made stays.
        """
        async with self._db.write() as tx:
            if (await self._vectors.standing(tx)).made_by != self._made_by:
                return True  # another replica, with other settings, has begun anew: its turn
            await self._vectors.forget_strays(tx)
        try:
            is_all = await self._rounds(heartbeat, rounds)
        except CallboardError as error:
            await self._note(error.message)
            raise
        await self._note(None)
        return is_all

    async def _rounds(self, heartbeat: Callable[[], Awaitable[None]], rounds: int | None) -> bool:
        # Asked first whether it answers at all: a text that is refused later is refused for what it says.
        try:
            (probe,) = await self._embedder.embed([PROBE])
        except TextRefused as error:
            raise UnavailableError(error.message) from error
        async with self._db.write() as tx:
            if (await self._vectors.standing(tx)).dimensions != len(probe):
                await self._vectors.begin_anew(tx, self._made_by, len(probe))
        after, done = -1, 0
        while rounds is None or done < rounds:
            async with self._db.read() as tx:
                waiting = await self._vectors.list_waiting(tx, after, self._embedder.batch)
            if not waiting:
                if after < 0:
                    await self._complete()
                    return True
                after = -1  # what came in meanwhile
                continue
            after = waiting[-1].number
            await self._make(waiting, len(probe))
            done += 1
            await heartbeat()
        return False

    async def _complete(self) -> None:
        before = format_time(self._clock.now() - timedelta(seconds=KEPT_S))
        async with self._db.write() as tx:
            await self._vectors.forget_kept(tx, before)
            standing = await self._vectors.standing(tx)
            if standing.made_by == self._made_by and not standing.is_complete:
                await self._vectors.set_complete(tx)

    async def _make(self, waiting: Sequence[Waiting], dimensions: int) -> None:
        read = [(one, decode(one.payload)) for one in waiting]
        texts = {hash_of(text): text for text in (text_of(document) for _, document in read)}
        async with self._db.read() as tx:
            known = await self._vectors.known(tx, list(texts))
        missing = [key for key in texts if key not in known]
        if missing:
            found = await self._embed([texts[key] for key in missing])
            if any(len(one) not in (0, dimensions) for one in found):
                raise UnavailableError(f"{self._embedder.name} answers with vectors of more than one size.")
            known |= dict(zip(missing, found, strict=True))
        made = []
        for one, document in read:
            key = hash_of(text_of(document))
            made.append(Made(one.number, one.digest, key, marks_of(one.type, document), known[key]))
        async with self._db.write() as tx:
            standing = await self._vectors.standing(tx)
            if standing.made_by != self._made_by or standing.dimensions != dimensions:
                raise UnavailableError("Another replica makes vectors by another model; this one waits.")
            await self._vectors.put(tx, made)
            if standing.is_complete:
                await self._vectors.changed(tx)

    async def _embed(self, texts: Sequence[str]) -> list[Vector]:
        """Texts that are refused have an empty vector: the others of the batch are asked for in halves."""
        try:
            return await self._embedder.embed(texts)
        except TextRefused as error:
            if len(texts) == 1:
                log.warning("text not embedded", why=error.message)
                return [Vector("f")]
            half = len(texts) // 2
            return [*await self._embed(texts[:half]), *await self._embed(texts[half:])]

    async def _note(self, trouble: str | None) -> None:
        """Keep why the embedder does not answer, for those who look; told once when it begins and when it ends."""
        async with self._db.write() as tx:
            before = (await self._vectors.standing(tx)).trouble
            if before != trouble:
                await self._vectors.set_trouble(tx, trouble)
        if trouble and not before:
            log.warning("documents are not embedded", trouble=trouble)
        elif before and not trouble:
            log.info("documents are embedded again")


def text_of(document: SearchDocument) -> str:
    """What is embedded of a document: what it is called, what stands over it, what it says."""
    parts = (document.title, " > ".join(document.headings), document.text[:TEXT])
    return "\n".join(part for part in parts if part.strip())


def hash_of(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()

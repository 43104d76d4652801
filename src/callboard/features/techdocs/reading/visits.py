"""What people read lately. Noted in memory as pages are shown, and written together, so that showing a page writes nothing."""

from __future__ import annotations

from typing import Sequence

from callboard.features.techdocs.finding import Plans
from callboard.features.techdocs.reading import store
from callboard.features.techdocs.reading.store import Visit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database
from callboard.kernel.periodic import Together

FLUSH_AFTER_S = 2.0
MAX_WAITING = 5_000
"""Pages that wait to be written; of more the newest are not remembered."""


class Visits:
    """Whoever calls has made sure that the person has a memory of their own: guests share one account."""

    def __init__(self, db: Database, clock: Clock, plans: Plans) -> None:
        self._db = db
        self._clock = clock
        self._plans = plans
        self._waiting: dict[tuple[str, str, str], tuple[str, str]] = {}
        self._writing = Together(self.flush, FLUSH_AFTER_S, name="techdocs visits")

    def note(self, person: str, ref: str, path: str, title: str) -> None:
        key = (person, ref, path)
        if key not in self._waiting and len(self._waiting) >= MAX_WAITING:
            return
        self._waiting[key] = (title, format_time(self._clock.now()))
        self._writing.ask()

    async def flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        if waiting:
            async with self._db.write() as tx:
                await store.put_visits(tx, [(*key, *value) for key, value in waiting.items()])

    async def close(self) -> None:
        await self._writing.close()

    async def list(self, limit: int, *, actor: Actor) -> Sequence[Visit]:
        """The pages that the actor read last, newest first, as far as they still see their sites."""
        await self.flush()
        async with self._db.read(snapshot=False) as tx:
            found = await store.list_visits(tx, actor.subject, store.KEPT_VISITS)
        hidden = await self._plans.hidden(list({one.ref for one in found}), actor=actor)
        return [one for one in found if one.ref not in hidden][:limit]

"""Where people have been: entity pages that they opened, for what they opened lately and most often.

A page only notes a visit in memory; what was noted is written together, at the latest after ``EVERY_S`` and before it is read.
So a page never waits for the writer, and an import that holds it does not hold readers up. Nothing is noted for those
who do not want it (preference ``visits``); what was kept before goes when they say so.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Sequence

from callboard.features.catalog.personal.people import Keeping
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.periodic import Periodic
from callboard.ui.preferences import Preference, Preferences

MAX_KEPT = 200
"""Rows a person; what was opened longest ago goes first."""
MAX_NOTED = 5_000
"""Visits in memory; beyond that the newest are not counted until the next writing."""
EVERY_S = 5.0


class Visits:
    """Visits of one portal."""

    def __init__(self, db: Database, clock: Clock, keeping: Keeping, preferences: Preferences) -> None:
        self._db = db
        self._clock = clock
        self._keeping = keeping
        self._preferences = preferences
        self._noted: Counter[tuple[str, str]] = Counter()
        self._last: dict[tuple[str, str], datetime] = {}
        self._writing = Periodic(self.write, EVERY_S, name="writing of visits of entities")

    def preference(self) -> Preference:
        return Preference("visits", "preferences.visits", "preferences.visits_help", True, self._changed)

    async def _changed(self, user: str, is_on: bool) -> None:
        if not is_on:
            await self.forget(user)

    # ---- noting ------------------------------------------------------------------------------------------------------

    def note(self, ref: str, actor: Actor) -> None:
        """Somebody opened the page of ``ref`` (lower-cased). Does not wait."""
        if not self._keeping.is_kept_for(actor) or len(self._noted) >= MAX_NOTED:
            return
        key = (actor.subject, ref)
        self._noted[key] += 1
        self._last[key] = self._clock.now()

    async def write(self) -> None:
        """Put what was noted into the store. May be repeated."""
        if not self._noted:
            return
        noted, last = self._noted, self._last
        self._noted, self._last = Counter(), {}
        users = sorted({user for user, _ in noted})
        wanted = {user for user in users if await self._preferences.is_on("visits", user)}
        if not wanted:
            return
        async with self._db.write() as tx:
            await tx.execute_many(
                "INSERT INTO catalog_visit (user_ref, ref, visits, last_at) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (user_ref, ref) DO UPDATE SET visits = catalog_visit.visits + excluded.visits,"
                " last_at = excluded.last_at",
                [(u, ref, n, format_time(last[u, ref])) for (u, ref), n in sorted(noted.items()) if u in wanted],
            )
            for user in sorted(wanted):
                await _trim(tx, user)

    # ---- reading -----------------------------------------------------------------------------------------------------

    async def list(self, *, actor: Actor, limit: int) -> tuple[Sequence[str], Sequence[str]]:
        """Refs that ``actor`` opened last, and those opened most often (twice at least), each at most ``limit``."""
        if not self._keeping.is_kept_for(actor):
            return (), ()
        await self.write()
        async with self._db.read() as tx:
            rows = await tx.fetch_all(
                f"SELECT ref, visits, last_at FROM catalog_visit WHERE user_ref = $1 LIMIT {2 * MAX_KEPT}",
                actor.subject,
            )
        lately = sorted(rows, key=lambda row: (row[2], row[0]), reverse=True)
        often = sorted((row for row in rows if row[1] > 1), key=lambda row: (row[1], row[2]), reverse=True)
        return [row[0] for row in lately[:limit]], [row[0] for row in often[:limit]]

    async def forget(self, user: str) -> None:
        """Everything that is kept and noted of ``user``."""
        for key in [key for key in self._noted if key[0] == user]:
            del self._noted[key]
        async with self._db.write() as tx:
            await tx.execute("DELETE FROM catalog_visit WHERE user_ref = $1", user)

    # ---- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        await self._writing.start()

    async def stop(self) -> None:
        await self._writing.stop()
        await self.write()


async def _trim(tx: Transaction, user: str) -> None:
    count = await tx.fetch_value("SELECT count(*) FROM catalog_visit WHERE user_ref = $1", user)
    if count > MAX_KEPT:
        await tx.execute(
            "DELETE FROM catalog_visit WHERE user_ref = $1 AND ref IN (SELECT ref FROM catalog_visit WHERE user_ref = $1"
            f" ORDER BY last_at DESC, ref LIMIT {2 * MAX_KEPT + MAX_NOTED} OFFSET {MAX_KEPT})",
            user,
        )

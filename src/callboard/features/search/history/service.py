"""What is kept of searches: each person's own last ones, what was asked, what nothing was found for, and what was opened.

A page only notes in memory; what was noted is written together, at the latest after ``EVERY_S``, so that no search waits for the writer.
A person's searches are kept for that person alone, and only for those who want it (preference ``searches``). All else is counted without
who (``sketch``).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Callable, Mapping, Protocol, Sequence

from callboard.features.search.history import store
from callboard.features.search.history.doors import Door, bit_of
from callboard.features.search.history.permissions import DELETE_UNANSWERED, READ_UNANSWERED, UPDATE_SYNONYMS
from callboard.features.search.history.settings import HistorySettings
from callboard.features.search.history.sketch import NOBODY, mark, merge
from callboard.features.search.history.store import Counted, Missed, Recent
from callboard.features.search.history.weighing import weigh_opened
from callboard.features.search.interface import SearchQuery, SearchResults, Visibility
from callboard.features.search.store.titles import titles_of
from callboard.features.search.text.tokens import fold
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import NotAllowedError
from callboard.kernel.periodic import Periodic
from callboard.kernel.permissions import PermissionService
from callboard.kernel.user_settings import require_may_write
from callboard.ui.preferences import Preference, Preferences

PREFERENCE = "searches"
MAX_TERM = 100
"""Longer terms are no words that others look for, too; they are not kept."""
MIN_TERM = 2
MAX_NOTED = 5_000
MAX_SEEN = 5_000
AGAIN = timedelta(minutes=30)
"""The same person asking the same within this time counts once."""
AGAIN_BY_MACHINE = timedelta(days=1)
"""Likewise for what is no person: what a program asks on a schedule shall not stand above what people miss."""
MAX_BY_MACHINE = 200
"""Terms of one such caller that are noted in a day."""
BEGUN = timedelta(seconds=30)
"""A term that goes on from the one before within this time takes its place: it was still being typed."""
EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as noted. ``best``: resource of what was found first ("" for none); None: nothing was found."""

    actor: Actor
    key: str
    term: str
    best: str | None
    at: datetime
    door: Door = "page"


@dataclass(frozen=True, slots=True)
class Opened:
    """A result as opened; ``after`` is the key of a search without result that went before, or empty."""

    actor: Actor
    type: str
    id: str
    after: str
    at: datetime


def key_of(term: str) -> str:
    """What two ways of typing one search have in common."""
    return " ".join(fold(term).split())


def week_of(at: datetime) -> str:
    year, week, _ = at.isocalendar()
    return f"{year:04}-W{week:02}"


class NoteAnswer(Protocol):
    """How doors other than the page tell of a question and its answer."""

    def __call__(self, asked: SearchQuery, found: SearchResults, *, actor: Actor, door: Door) -> None: ...


class SearchHistory:
    """Of one portal."""

    def __init__(
        self, db: Database, clock: Clock, audit: Audit, permissions: PermissionService, preferences: Callable[[], Preferences],
        settings: HistorySettings, visibility: Callable[[], Visibility | None],
    ) -> None:  # fmt: skip
        self._db = db
        self._clock = clock
        self._audit = audit
        self._permissions = permissions
        self._preferences = preferences
        self._settings = settings
        self._visibility = visibility
        self._asked: list[Asked] = []
        self._opened: list[Opened] = []
        self._seen: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._by_machine: tuple[date, dict[str, int]] = (date.min, {})
        self._writing = Periodic(self.write, EVERY_S, name="writing of searches")

    def preference(self) -> Preference:
        return Preference(PREFERENCE, "preferences.searches", "preferences.searches_help", True, self._changed)

    async def _changed(self, user: str, is_on: bool) -> None:
        if not is_on:
            await self._forget(user, None)

    # ---- noting ------------------------------------------------------------------------------------------------------

    def note(self, term: str, best: str | None, *, actor: Actor, door: Door = "page") -> None:
        """Somebody searched. ``best``: resource of the first result ("" for none); None where there was no result. Does not wait.

        Through another door than the page it is nobody's own search, and counts only where it finds nothing, or now something that
        was missed. There it need not be a person.
        """
        term = " ".join(term.split())
        key = key_of(term)
        if not MIN_TERM <= len(key) <= MAX_TERM or len(self._asked) >= MAX_NOTED:
            return
        now = self._clock.now()
        if not actor.is_user and (door == "page" or (best is None and not self._may_note(actor.subject, now))):
            return
        for at in range(len(self._asked) - 1, -1, -1):  # what was still being typed
            one = self._asked[at]
            if one.actor.subject == actor.subject:
                if now - one.at < BEGUN and key != one.key and key.startswith(one.key):
                    del self._asked[at]
                break
        seen = self._seen.pop((actor.subject, key), None)
        self._seen[actor.subject, key] = now
        if len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)
        if seen is None or now - seen >= (AGAIN if actor.is_user else AGAIN_BY_MACHINE):
            self._asked.append(Asked(actor, key, term, best, now, door))
            if best is None and not actor.is_user:
                self._by_machine[1][actor.subject] = self._by_machine[1].get(actor.subject, 0) + 1

    def note_answer(self, asked: SearchQuery, found: SearchResults, *, actor: Actor, door: Door) -> None:
        """A question counts as on the page: asked from its beginning, of everything, and no more being typed."""
        if asked.offset or asked.types or asked.filters or asked.as_typed:
            return
        best = (found.hits[0].document.resource or "") if found.hits else None
        self.note(asked.term, best, actor=actor, door=door)

    def _may_note(self, subject: str, now: datetime) -> bool:
        """Whether a caller that is no person has asked for few enough things today."""
        if self._by_machine[0] != now.date():
            self._by_machine = (now.date(), {})
        return self._by_machine[1].get(subject, 0) < MAX_BY_MACHINE

    async def open(self, type: str, id: str, after: str, *, actor: Actor) -> bool:
        """Somebody opened a result; ``after`` is a term that nothing was found for, or empty. False: they see no such document."""
        if not actor.is_user or not await self._titles([(type, id)], actor):
            return False
        if len(self._opened) < MAX_NOTED:
            self._opened.append(Opened(actor, type, id, key_of(after)[:MAX_TERM], self._clock.now()))
        return True

    async def want(self, term: str, *, actor: Actor) -> None:
        """Say that what ``term`` names should be there. As often as one likes; it counts once. Raises ``NotAllowedError``."""
        self.require_person(actor)
        term = " ".join(term.split())
        key = key_of(term)
        if not MIN_TERM <= len(key) <= MAX_TERM:
            return
        now = self._clock.now()
        await self.write()
        async with self._db.write() as tx:
            if await store.is_missed(tx, key):
                await store.count(tx, Counted(key, week_of(now), term, wanted_by=mark(actor.subject, key)))
                await self._audit.record(tx, "search-want", actor=actor, plugin="search")

    async def write(self) -> None:
        """Put what was noted into the store. May be repeated."""
        if not self._asked and not self._opened:
            return
        asked, opened = self._asked, self._opened
        self._asked, self._opened = [], []
        asked = await self._that_count(asked)
        keeping = {user: await self._keeps(user) for user in {one.actor for one in asked if one.door == "page"}}
        counted: dict[tuple[str, str], Counted] = {}
        recent: dict[str, list[Recent]] = {}
        for one in asked:
            if one.door == "page" and keeping[one.actor]:
                recent.setdefault(one.actor.subject, []).append(Recent(one.key, one.term, format_time(one.at)))
            _count(counted, one)
        async with self._db.write() as tx:
            for user in sorted(recent):
                rows = {row.key: row for row in recent[user]}
                await store.put_recent(tx, user, list(rows.values()), self._settings.recent)
            for place in sorted(counted):
                await store.count(tx, counted[place])
            for event in sorted(opened, key=lambda event: (event.type, event.id)):
                week = week_of(event.at)
                await store.count_opened(tx, event.type, event.id, week, mark(event.actor.subject, event.id))
                if event.after and await store.is_missed(tx, event.after):
                    await store.count_after(tx, event.after, event.type, event.id, week)

    async def _that_count(self, asked: list[Asked]) -> list[Asked]:
        """What was found elsewhere than on the page counts only where it was missed before."""
        elsewhere = {one.key for one in asked if one.door != "page" and one.best is not None}
        if not elsewhere:
            return asked
        async with self._db.read(snapshot=False) as tx:
            missed = await store.missed_among(tx, sorted(elsewhere))
        return [one for one in asked if one.door == "page" or one.best is None or one.key in missed]

    async def _keeps(self, actor: Actor) -> bool:
        preferences = self._preferences()
        is_kept = self._settings.recent > 0 and preferences.is_kept_for(actor)
        return is_kept and await preferences.is_on(PREFERENCE, actor.subject)

    # ---- one's own ---------------------------------------------------------------------------------------------------

    def is_kept_for(self, actor: Actor) -> bool:
        """Whether ``actor`` is somebody whose searches may be kept."""
        return self._settings.recent > 0 and self._preferences().is_kept_for(actor)

    def require_person(self, actor: Actor) -> None:
        if not self._preferences().is_kept_for(actor):
            raise NotAllowedError("Guests and services have no searches of their own. Sign in first.")
        require_may_write(actor)

    async def list_recent(self, *, actor: Actor, limit: int = 8) -> Sequence[str]:
        """What ``actor`` searched for last, newest first."""
        if not self.is_kept_for(actor):
            return ()
        waiting = [one for one in reversed(self._asked) if one.actor.subject == actor.subject]
        if waiting and not await self._keeps(actor):
            waiting = []
        async with self._db.read(snapshot=False) as tx:
            rows = await store.list_recent(tx, actor.subject, limit)
        terms = {one.key: one.term for one in waiting}
        for row in rows:
            terms.setdefault(row.key, row.term)
        return list(terms.values())[:limit]

    async def forget(self, term: str | None = None, *, actor: Actor) -> None:
        """Take away one search of ``actor``, or all of them. Raises ``NotAllowedError``."""
        self.require_person(actor)
        gone = await self._forget(actor.subject, None if term is None else key_of(term))
        if gone:
            meta = {"searches": gone}
            await self._audit.record(None, "search-history-clear", actor=actor, meta=meta, plugin="search")

    async def _forget(self, user: str, key: str | None) -> int:
        def is_meant(one: Asked) -> bool:
            return one.actor.subject == user and key in (None, one.key)

        await self.write()  # so that what was counted without who stays counted
        self._asked = [one for one in self._asked if not is_meant(one)]
        async with self._db.write() as tx:
            return await store.forget_recent(tx, user, key)

    # ---- what nothing was found for ----------------------------------------------------------------------------------

    def may_read(self, actor: Actor) -> bool:
        return self._permissions.decide(actor, READ_UNANSWERED).result != "DENY"

    def may_add_synonyms(self, actor: Actor) -> bool:
        return self._permissions.decide(actor, UPDATE_SYNONYMS).result != "DENY"

    def may_delete(self, actor: Actor) -> bool:
        return self._permissions.decide(actor, DELETE_UNANSWERED).result != "DENY"

    async def list_missed(
        self, by: str, limit: int, offset: int, *, actor: Actor
    ) -> tuple[Sequence[Missed], int, Mapping[tuple[str, str], tuple[str, str]]]:
        """Terms without result and how many there are; titles and addresses of what was opened then, as far as ``actor`` sees it."""
        self._permissions.require(actor, READ_UNANSWERED)
        await self.write()
        async with self._db.read() as tx:
            total = await store.count_missed(tx)
            rows = await store.list_missed(tx, by, limit, offset)
        titles = await self._titles([(type, id) for row in rows for type, id, _ in row.opened], actor)
        for row in rows:
            row.opened = [one for one in row.opened if one[:2] in titles]
        return rows, total, titles

    async def forget_missed(self, term: str, *, actor: Actor) -> None:
        """Take a term off the list, with its counts."""
        self._permissions.require(actor, DELETE_UNANSWERED)
        await self.write()
        async with self._db.write() as tx:
            if await store.forget_asked(tx, key_of(term)):
                await self._audit.record(tx, "search-unanswered-delete", actor=actor, plugin="search")

    async def _titles(
        self, documents: Sequence[tuple[str, str]], actor: Actor
    ) -> Mapping[tuple[str, str], tuple[str, str]]:
        """(title, address) of those of these documents that ``actor`` sees."""
        visibility = self._visibility()
        visible = await visibility.visible(actor) if visibility is not None else None
        async with self._db.read(snapshot=False) as tx:
            return await titles_of(tx, documents, visible)

    # ---- life --------------------------------------------------------------------------------------------------------

    async def sweep(self) -> None:
        """Forget what is older than settings say, and weigh what was opened. May be repeated."""
        before = self._clock.now() - self._settings.retention
        async with self._db.read() as tx:
            opened = await store.list_opened(tx)
        async with self._db.write() as tx:
            await store.sweep(tx, week_of(before), format_time(before))
        await weigh_opened(self._db, opened.keys())

    async def start(self) -> None:
        await self._writing.start()

    async def stop(self) -> None:
        await self._writing.stop()
        await self.write()


def _count(counted: dict[tuple[str, str], Counted], one: Asked) -> None:
    week, at = week_of(one.at), format_time(one.at)
    into = counted.setdefault((one.key, week), Counted(one.key, week, one.term))
    person = mark(one.actor.subject, one.key) if one.actor.is_user else NOBODY
    into.times += 1
    into.term = one.term
    into.people = merge(into.people, person)
    if one.best is None:
        into.missed += 1
        into.missed_at = at
        into.doors |= bit_of(one.door)
        into.missed_by = merge(into.missed_by, person)
    else:
        into.found_at, into.best = at, one.best

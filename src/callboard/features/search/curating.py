"""Synonyms as those who look after search see and change them: settings', the portal's own, and what was learnt."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal, Sequence

from callboard.features.search.history.permissions import READ_SYNONYMS, UPDATE_SYNONYMS
from callboard.features.search.ranking.own import PortalSynonyms, spaced
from callboard.features.search.store import synonyms
from callboard.features.search.store.synonyms import Said
from callboard.features.search.teaching import Teaching
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import InputError, LimitError, NotFoundError
from callboard.kernel.permissions import PermissionService

MOST_OWN = 2_000
MOST_WORDS = 3
"""Words of a phrase that a question is searched for as one."""
MOST_LETTERS = 80
Source = Literal["settings", "own", "learnt"]


@dataclass(frozen=True, slots=True)
class Synonym:
    """A pair. ``by``: (title, address) of the first documents that teach it; ``documents``: how many of them the reader sees.

    ``is_excepted``: the settings say that it does not hold, whatever was said here.
    """

    one: str
    other: str
    source: Source
    is_on: bool
    documents: int = 0
    by: Sequence[tuple[str, str]] = ()
    set_by: str = ""
    set_at: str = ""
    is_excepted: bool = False


class Curating:
    """Lists and changes. Changes hold at once, on all replicas."""

    def __init__(
        self, db: Database, clock: Clock, audit: Audit, permissions: PermissionService, teaching: Teaching,
        holding: PortalSynonyms, told: Sequence[Sequence[str]],
    ) -> None:  # fmt: skip
        """``told``: groups of the settings."""
        self._db = db
        self._clock = clock
        self._audit = audit
        self._permissions = permissions
        self._teaching = teaching
        self._holding = holding
        self._told = told

    def may_change(self, actor: Actor) -> bool:
        """Whether forms are shown."""
        return self._permissions.decide(actor, UPDATE_SYNONYMS).result != "DENY"

    async def count_synonyms(self, *, actor: Actor) -> int | None:
        """None for who may not see them."""
        if self._permissions.decide(actor, READ_SYNONYMS).result == "DENY":
            return None
        return len(await self.list(actor=actor))

    async def list(self, *, actor: Actor) -> Sequence[Synonym]:
        """The portal's own, the newest first; then learnt ones, of which the reader sees a document that teaches them; then settings'."""
        self._permissions.require(actor, READ_SYNONYMS)
        learnt = await self._teaching.list(actor=actor)
        async with self._db.read(snapshot=False) as tx:
            said = {(row.one, row.other): row for row in await synonyms.list_all(tx)}
        own = [
            Synonym(
                row.one, row.other, "own", True, set_by=row.set_by, set_at=row.set_at,
                is_excepted=frozenset((row.one, row.other)) in self._holding.excepted,
            )
            for row in sorted(said.values(), key=lambda row: row.set_at, reverse=True)
            if row.is_on
        ]  # fmt: skip
        found: list[Synonym] = [*own]
        for pair in learnt:
            row = said.get(_in_order(pair.short, pair.long))
            if row is None or not row.is_on:
                found.append(
                    Synonym(
                        pair.short, pair.long, "learnt", pair.is_on, pair.documents, pair.by,
                        row.set_by if row else "", row.set_at if row else "",
                    )
                )  # fmt: skip
        for group in self._told:
            found += [Synonym(spaced(a), spaced(b), "settings", True) for a, b in combinations(group, 2)]
        return found

    async def add(self, one: str, other: str, *, actor: Actor) -> None:
        """Have two words or phrases find each other. Once more changes nothing."""
        one, other = self._pair(one, other, actor)
        if frozenset((one, other)) in self._holding.excepted:
            raise InputError(
                f"The settings say that {one} and {other} are no synonyms (search.notSynonyms). Take them out there first.",
                field="other",
            )
        await self._say(one, other, True, actor)

    async def switch_off(self, one: str, other: str, *, actor: Actor) -> None:
        """Have a pair hold no more, also when documents teach it again."""
        one, other = self._pair(one, other, actor)
        learnt = await self._teaching.list(actor=actor)
        if all(_in_order(pair.short, pair.long) != (one, other) for pair in learnt):
            raise NotFoundError(f"Nothing that you may see teaches that {one} and {other} mean the same.")
        await self._say(one, other, False, actor)

    async def forget(self, one: str, other: str, *, actor: Actor) -> None:
        """Take back what was said of a pair: one that was added is gone, one that was switched off holds again."""
        one, other = self._pair(one, other, actor)
        async with self._db.write() as tx:
            if await synonyms.find(tx, one, other) is not None:
                await synonyms.delete(tx, one, other)
                await self._record(tx, "search-synonym-forget", one, other, actor)

    def _pair(self, one: str, other: str, actor: Actor) -> tuple[str, str]:
        self._permissions.require(actor, UPDATE_SYNONYMS)
        for name, text in (("one", one), ("other", other)):
            if not spaced(text):
                raise InputError("Write a word or a short phrase.", field=name)
            if len(text) > MOST_LETTERS:
                raise InputError(f"At most {MOST_LETTERS} characters.", field=name)
        one, other = _in_order(spaced(one), spaced(other))
        if one == other:
            raise InputError("Both are the same to search already.", field="other")
        return one, other

    async def _say(self, one: str, other: str, is_on: bool, actor: Actor) -> None:
        for name, text in (("one", one), ("other", other)):
            if is_on and len(text.split()) > MOST_WORDS:
                raise InputError(f"At most {MOST_WORDS} words; more are not searched for as one.", field=name)
        async with self._db.write() as tx:
            if await synonyms.find(tx, one, other) is is_on:
                return
            if len(await synonyms.list_all(tx)) >= MOST_OWN:
                raise LimitError(f"There are {MOST_OWN} synonyms of the portal's own; take some away first.")
            await synonyms.put(tx, Said(one, other, is_on, actor.subject, format_time(self._clock.now())))
            await self._record(tx, "search-synonym-add" if is_on else "search-synonym-off", one, other, actor)

    async def _record(self, tx: Transaction, event: str, one: str, other: str, actor: Actor) -> None:
        await self._audit.record(tx, event, actor=actor, meta={"one": one, "other": other}, plugin="search")


def _in_order(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)

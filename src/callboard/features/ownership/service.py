"""``OwnershipService``: what stands, and saying that it is right."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Collection, Mapping, Sequence

import orjson

from callboard.features.ownership import domain
from callboard.features.ownership.domain import Confirmation
from callboard.features.ownership.handing import MAX_AT_ONCE, Handing
from callboard.features.ownership.interface import (
    Confirmed,
    Item,
    ItemPage,
    ListQuery,
    NotAsSeen,
    Share,
    Standing,
    Summary,
    Trouble,
)
from callboard.features.ownership.parts import Parts
from callboard.features.ownership.store import confirmations, entities, handovers
from callboard.features.ownership.store.entities import EntityRow
from callboard.features.ownership.tracking import Tracker
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import format_time, parse_time, parse_time_if
from callboard.kernel.errors import LimitError


class Ownership:
    """``OwnershipService`` of one portal."""

    def __init__(self, parts: Parts, tracker: Tracker, handing: Handing) -> None:
        self._parts = parts
        self._tracker = tracker
        self._handing = handing
        self.hand_over = handing.hand_over
        self.answer = handing.answer
        self.withdraw = handing.withdraw

    # ---- what stands -------------------------------------------------------------------------------------------------

    async def find_standing(self, ref: str, *, actor: Actor) -> Standing | None:
        parts = self._parts
        ref = ref.lower()
        entity = (await parts.look_up([ref], actor=actor)).get(ref)
        if entity is None or ref.partition(":")[0] not in parts.kinds:
            return None
        seen = domain.see(ref, entity, parts.settings.fields)
        aliases = await parts.names_of_aliases()
        async with parts.db.read() as tx:
            confirmed = (await confirmations.list_of(tx, [ref])).get(ref, {})
            row = (await entities.find_many(tx, [ref])).get(ref)
            handover = (await handovers.find_open(tx, [ref])).get(ref)
        if handover is not None and await parts.queries.list_hidden([handover.new_owner], actor=actor):
            handover = None
        fields = domain.compare(seen.fields, confirmed, aliases)
        every, now = parts.settings.confirm_every, parts.clock.now()
        age = domain.age_of(fields, every, now, row.unconfirmed_since if row is not None else None)
        trouble: Trouble | None
        if row is not None and row.owner == seen.owner:
            trouble = row.trouble or None  # type: ignore[assignment]
        else:
            trouble = (await self._tracker.troubles_of([seen.owner]))[seen.owner]
        is_whole = age.unconfirmed_since is None
        basis = parse_time(age.basis)
        return Standing(
            ref, domain.state_of(age.basis, trouble or "", now, every), seen.owner, trouble, fields, seen.mark,
            basis if is_whole else None, basis + every, handover,
            may_confirm=parts.may_confirm(actor, entity),
            may_hand_over=parts.may_update(actor, entity),
            may_answer=handover is not None and handover.state == "asked" and self._handing.may_answer(actor, handover),
        )  # fmt: skip

    async def list_items(self, query: ListQuery, *, actor: Actor) -> ItemPage:
        async with self._parts.db.read() as tx:
            scope = await self._parts.scope(tx, actor)
            rows, total = await entities.list_rows(tx, query, scope)
        items = [self._item(row) for row in rows]
        to = {item.handover.new_owner for item in items if item.handover is not None}
        hidden = await self._parts.queries.list_hidden(sorted(to), actor=actor)
        return ItemPage([_without(item, hidden) for item in items], total)

    def _item(self, columns: Sequence[Any]) -> Item:
        row, handover = EntityRow(*columns[:8]), handovers.handover_of(columns[8:])
        every, now = self._parts.settings.confirm_every, self._parts.clock.now()
        trouble: Trouble | None = row.trouble or None  # type: ignore[assignment]
        return Item(
            row.ref, row.kind, row.title, row.owner, trouble, domain.state_of(row.basis_at, row.trouble, now, every),
            orjson.loads(row.fields), domain.mark_of(row.fields), parse_time(row.basis_at) + every, handover,
        )  # fmt: skip

    async def list_confirmed(self, refs: Sequence[str], *, actor: Actor) -> Mapping[str, Confirmed]:
        hidden = await self._parts.list_hidden(refs, actor=actor)
        async with self._parts.db.read() as tx:
            rows = await entities.list_confirmed(tx, [ref for ref in refs if ref not in hidden])
        every, now = self._parts.settings.confirm_every, self._parts.clock.now()
        return {
            ref: Confirmed(ref, domain.state_of(basis, trouble, now, every), parse_time_if(at), by)
            for ref, trouble, basis, at, by in rows
        }

    async def list_shares(self, owners: Sequence[str], *, actor: Actor) -> Mapping[str, Share]:
        async with self._parts.db.read() as tx:
            scope = await self._parts.scope(tx, actor)
            counted = await entities.count_by(tx, scope, [owner.lower() for owner in owners])
        return dict(add_up(counted)[2])

    async def count_open(self, owners: Sequence[str], *, actor: Actor) -> int:
        async with self._parts.db.read() as tx:
            scope = await self._parts.scope(tx, actor)
            one = ListQuery(tuple(owners), limit=0)
            _, due = await entities.list_rows(tx, one, scope)
            _, offered = await entities.list_rows(tx, replace(one, show="offered"), scope)
        return due + offered

    async def summarize(self, *, actor: Actor, trend_days: int = 90) -> Summary:
        parts = self._parts
        async with parts.db.read() as tx:
            scope = await parts.scope(tx, actor)
            counted = await entities.count_by(tx, scope)
            trend: Sequence[tuple[str, Share]] = ()
            if parts.sees_everything(actor):
                since = (parts.clock.now() - timedelta(days=trend_days)).date().isoformat()
                trend = await confirmations.list_snapshots(tx, "", since)
        return Summary(*add_up(counted), trend)

    # ---- confirming --------------------------------------------------------------------------------------------------

    async def confirm(self, seen: Mapping[str, str | None], *, actor: Actor) -> Sequence[str]:
        parts = self._parts
        if len(seen) > MAX_AT_ONCE:
            raise LimitError(f"At most {MAX_AT_ONCE} entities are confirmed at once.")
        marks = {ref.lower(): mark for ref, mark in seen.items()}
        refs = list(marks)
        if not refs:
            return ()
        found = await parts.require_entities(refs, actor=actor, to_update=False)
        stand = {ref: domain.see(ref, found[ref], parts.settings.fields) for ref in refs}
        moved = [ref for ref, mark in marks.items() if mark is not None and mark != stand[ref].mark]
        if moved:
            raise NotAsSeen(moved)
        troubles = await self._tracker.troubles_of(list({one.owner for one in stand.values()}))
        now = format_time(parts.clock.now())
        async with parts.db.write() as tx:
            await entities.lock_many(tx, refs)
            await confirmations.put_many(
                tx,
                [
                    (ref, path, Confirmation(domain.dump(value), now, actor.subject))
                    for ref, one in stand.items()
                    for path, value in one.fields.items()
                ],
            )
            await entities.put_many(
                tx,
                [
                    EntityRow(ref, s.kind, s.title, s.owner, troubles[s.owner] or "", s.fields_json, None, now)
                    for ref, s in stand.items()
                ],
            )
            await handovers.withdraw_many(tx, refs, at=now, by=actor.subject, only_declined=True)
            await parts.audit.record(
                tx, "ownership-confirm", actor=actor, plugin="ownership", meta={"entityRefs": refs},
            )  # fmt: skip
        return refs


def _without(item: Item, hidden: Collection[str]) -> Item:
    """The item without a hand-over to somebody whom the asker does not see."""
    is_hidden = item.handover is not None and item.handover.new_owner in hidden
    return replace(item, handover=None) if is_hidden else item


def add_up(
    counted: Sequence[tuple[str, str, Share]],
) -> tuple[Share, list[tuple[str, Share]], list[tuple[str, Share]]]:
    """All, by kind and by owner; owners with something to do first."""
    kinds: dict[str, Share] = {}
    owners: dict[str, Share] = {}
    everything = Share()
    for kind, owner, share in counted:
        everything = _plus(everything, share)
        kinds[kind] = _plus(kinds.get(kind, Share()), share)
        owners[owner] = _plus(owners.get(owner, Share()), share)

    def open_of(pair: tuple[str, Share]) -> tuple[int, int, str]:
        return -(pair[1].overdue + pair[1].due + pair[1].unowned), -pair[1].total, pair[0]

    return (
        everything,
        sorted(kinds.items(), key=lambda pair: (-pair[1].total, pair[0])),
        sorted(owners.items(), key=open_of),
    )


def _plus(a: Share, b: Share) -> Share:
    return Share(a.confirmed + b.confirmed, a.due + b.due, a.overdue + b.overdue, a.unowned + b.unowned)

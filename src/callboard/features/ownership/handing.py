"""Handing over: an entity is offered to another owner, who takes it or does not. Nothing changes until they do."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Literal, Sequence

import orjson

from callboard.features.editing.interface import FieldChange
from callboard.features.notifications.interface import NewNotification, Notifications
from callboard.features.ownership import domain
from callboard.features.ownership.domain import Confirmation
from callboard.features.ownership.interface import Handover, HandoverNotFound
from callboard.features.ownership.parts import Parts
from callboard.features.ownership.store import confirmations, entities, handovers
from callboard.features.ownership.store.entities import EntityRow
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.clock import format_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import ConflictError, InputError, LimitError, NotAllowedError
from callboard.model.refs import EntityRef, RefError
from callboard.ui.messages import Messages

MAX_NOTE = 2_000
MAX_AT_ONCE = 1_000
"""Entities that are confirmed or offered in one go."""


def parse_owner(text: str) -> str:
    """A group's or user's ref, lower-cased; a bare name is a group's. Raises ``InputError``."""
    try:
        ref = EntityRef.parse(text.strip(), default_kind="group")
    except RefError as error:
        raise InputError(str(error), field="owner") from None
    if ref.kind.lower() not in ("group", "user"):
        raise InputError(f"{ref} is no group and no user: only these own things.", field="owner")
    return str(ref)


class Handing:
    """The three steps of a hand-over."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def may_answer(self, actor: Actor, handover: Handover) -> bool:
        return self._parts.is_own(actor, handover.new_owner)

    async def hand_over(
        self, refs: Sequence[str], new_owner: str, *, note: str = "", actor: Actor
    ) -> Sequence[Handover]:
        parts, now = self._parts, self._parts.clock.now()
        wanted = list(dict.fromkeys(ref.lower() for ref in refs))
        if len(wanted) > MAX_AT_ONCE:
            raise LimitError(f"At most {MAX_AT_ONCE} entities are offered at once.")
        owner = parse_owner(new_owner)
        if not await parts.look_up([owner], actor=actor):
            raise InputError(f"{owner} is not in the catalog, or you may not see it.", field="owner")
        found = await parts.require_entities(wanted, actor=actor, to_update=True)
        offers = []
        for ref, entity in found.items():
            seen = domain.see(ref, entity, parts.settings.fields)
            if seen.owner == owner:
                raise InputError(f"{ref} is owned by {owner} already.", field="owner")
            offer = Handover(
                uuid.uuid4().hex, ref, seen.owner, owner, "asked", note[:MAX_NOTE].strip(), now, actor.subject
            )
            offers.append((offer, domain.dump(seen.written)))
        async with parts.db.write() as tx:
            await entities.lock_many(tx, wanted)  # two who offer one entity at once do so one after the other
            await handovers.withdraw_many(tx, wanted, at=format_time(now), by=actor.subject)
            for offer, written in offers:
                await handovers.insert_handover(tx, offer, written)
            await parts.audit.record(
                tx, "ownership-hand-over", actor=actor, severity="medium", plugin="ownership",
                meta={"actionType": "ask", "entityRefs": wanted, "newOwner": owner},
            )  # fmt: skip
            await self._tell(tx, [offer for offer, _ in offers], owner, actor)
        return [offer for offer, _ in offers]

    async def _tell(self, tx: Transaction, offers: Sequence[Handover], owner: str, actor: Actor) -> None:
        notifications: Notifications | None = self._parts.service(Notifications)
        if notifications is None or not offers:
            return
        t = self._parts.service(Messages).translator()
        first = EntityRef.parse(offers[0].ref).name
        await notifications.notify(
            tx,
            NewNotification(
                t("ownership.tell.offered", n=len(offers), name=first), [owner], offers[0].note,
                "/ownership?show=offered", topic="ownership", scope=f"ownership:offer:{offers[0].id}",
                exclude=[actor.subject] if actor.is_user else [],
            ),
        )  # fmt: skip

    async def _get(self, id: str, actor: Actor) -> Handover:
        """A hand-over of an entity that the actor may see."""
        async with self._parts.db.read() as tx:
            found = await handovers.find_handover(tx, id)
        if found is None or not await self._parts.look_up([found.ref], actor=actor):
            raise HandoverNotFound("There is no hand-over with this id that you may see.")
        return found

    async def answer(self, id: str, *, accept: bool, note: str = "", actor: Actor) -> Handover:
        parts = self._parts
        handover = await self._get(id, actor)
        if not self.may_answer(actor, handover):
            raise NotAllowedError(f"{handover.ref} is offered to {handover.new_owner}; you are not among them.")
        if handover.state != "asked":
            if handover.state == ("accepted" if accept else "declined"):
                return handover
            raise ConflictError(f"This hand-over is {handover.state} already.")
        way = await self._change_owner(handover) if accept else None
        answered = replace(
            handover, state="accepted" if accept else "declined", answer=note[:MAX_NOTE].strip(),
            answered_at=parts.clock.now(), answered_by=actor.subject, way=way,
        )  # fmt: skip
        async with parts.db.write() as tx:
            if await handovers.close(tx, answered, was="asked") is None:
                raise ConflictError("Somebody else answered meanwhile. Look at it again.")
            if accept:
                await self._confirm(tx, answered, actor)
            await parts.audit.record(
                tx, "ownership-hand-over", actor=actor, severity="medium", plugin="ownership",
                meta={"actionType": answered.state, "entityRefs": [handover.ref], "newOwner": handover.new_owner, "id": id},
            )  # fmt: skip
            await self._tell_answer(tx, answered)
        return answered

    async def _change_owner(self, handover: Handover) -> Literal["text", "overlay"] | None:
        """How it was written. By the portal: whoever offered it was allowed to change it, whoever takes it need not be."""
        parts = self._parts
        async with parts.db.read() as tx:
            written = await handovers.find_written_owner(tx, handover.id)
        change = FieldChange(
            handover.ref, {domain.OWNER: handover.new_owner}, {domain.OWNER: orjson.loads(written or "null")}
        )
        why = f"Handed over by {handover.asked_by}."
        (result,) = await parts.editing.change_fields([change], actor=SYSTEM, why=why)
        if result.outcome not in ("changed", "unchanged"):
            raise ConflictError(result.message or f"The owner of {handover.ref} cannot be changed: {result.outcome}.")
        return result.way

    async def _confirm(self, tx: Transaction, handover: Handover, actor: Actor) -> None:
        """Who takes it says by that whose it is; of the rest nobody said anything."""
        now = format_time(self._parts.clock.now())
        await entities.lock_many(tx, [handover.ref])
        said = Confirmation(domain.dump(handover.new_owner), now, actor.subject)
        await confirmations.put_many(tx, [(handover.ref, domain.OWNER, said)])
        row = (await entities.find_many(tx, [handover.ref])).get(handover.ref)
        if row is not None:
            fields = {**orjson.loads(row.fields), domain.OWNER: handover.new_owner}
            stands = (await confirmations.list_of(tx, [handover.ref])).get(handover.ref, {})
            age = domain.age_of(
                domain.compare(fields, stands, {}), self._parts.settings.confirm_every, self._parts.clock.now(),
                row.unconfirmed_since,
            )  # fmt: skip
            new = EntityRow(
                row.ref,
                row.kind,
                row.title,
                handover.new_owner,
                "",
                domain.dump(fields),
                age.unconfirmed_since,
                age.basis,
            )
            await entities.put_many(tx, [new])

    async def _tell_answer(self, tx: Transaction, handover: Handover) -> None:
        notifications: Notifications | None = self._parts.service(Notifications)
        if notifications is None or not handover.asked_by.startswith("user:"):
            return
        t = self._parts.service(Messages).translator()
        ref = EntityRef.parse(handover.ref)
        await notifications.notify(
            tx,
            NewNotification(
                t(f"ownership.tell.{handover.state}", name=ref.name, owner=handover.new_owner), [handover.asked_by],
                handover.answer, f"/catalog/{ref.namespace}/{ref.kind}/{ref.name}", topic="ownership",
                scope=f"ownership:answer:{handover.id}",
            ),
        )  # fmt: skip

    async def withdraw(self, id: str, *, actor: Actor) -> Handover:
        parts = self._parts
        handover = await self._get(id, actor)
        await parts.require_entities([handover.ref], actor=actor, to_update=True)
        if handover.state not in ("asked", "declined"):
            return handover
        ended = replace(handover, state="withdrawn", answered_at=parts.clock.now(), answered_by=actor.subject)
        async with parts.db.write() as tx:
            if await handovers.close(tx, ended, was=handover.state) is None:
                raise ConflictError("Somebody answered meanwhile. Look at it again.")
            await parts.audit.record(
                tx, "ownership-hand-over", actor=actor, plugin="ownership",
                meta={"actionType": "withdraw", "entityRefs": [handover.ref], "id": id},
            )  # fmt: skip
        return ended

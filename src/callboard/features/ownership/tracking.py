"""Keeping ``ownership_entity`` what the catalog and the confirmations say: after each change, and whole once a day.

What a person wrote in the portal counts as confirmed by them; the history of the catalog tells who wrote what.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import EntityQuery
from callboard.features.catalog.interface.overlays import OVERLAY_SOURCE
from callboard.features.ownership import domain
from callboard.features.ownership.domain import Confirmation, Seen
from callboard.features.ownership.interface import Trouble
from callboard.features.ownership.parts import SYNC_JOB, Parts
from callboard.features.ownership.store import confirmations, entities
from callboard.features.ownership.store.entities import EntityRow
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.clock import format_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.events import Event
from callboard.kernel.jobs import JobContext
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef

BATCH = 500
QUIET = timedelta(seconds=5)
"""After a change of very many entities the look at everything waits so long: more such changes come, and one look does for all."""
LOOKED_BACK = 20
"""Changes of an entity that are searched for who wrote a value."""
_ORG = ("group:", "user:")
_LISTS = ("created", "updated", "deleted")


class Tracker:
    """Listens to the catalog. Everything here may run twice, and at the same time as anything else."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def on_change(self, event: Event) -> None:
        """``catalog.entities.changed``: look at what it names, or at everything when it does not name all."""
        payload = event.payload
        counts: Mapping[str, int] = payload["counts"]
        if any(counts[name] > len(payload[name]) for name in _LISTS):
            async with self._parts.db.write() as tx:
                run_at = self._parts.clock.now() + QUIET
                await self._parts.jobs.enqueue(tx, SYNC_JOB, {}, key="sync", run_at=run_at)
            return
        await self.sync([ref for name in _LISTS for ref in payload[name]], actor=str(payload.get("actor", "")))

    async def sync_job(self, job: JobContext) -> None:
        await self.sync_all(job)

    async def ask_for_sync(self) -> None:
        """Look at everything soon: at the start, for settings and files may have changed."""
        async with self._parts.db.write() as tx:
            await self._parts.jobs.enqueue(tx, SYNC_JOB, {}, key="sync")

    # ---- what changed ------------------------------------------------------------------------------------------------

    async def sync(self, refs: Sequence[str], *, actor: str = "") -> None:
        """Bring these entities up to date. ``actor`` is who changed them, where that is known."""
        refs = list(dict.fromkeys(ref.lower() for ref in refs if ref))
        kinds = set(self._parts.kinds)
        own = [ref for ref in refs if ref.partition(":")[0] in kinds]
        aliases = await self._parts.names_of_aliases() if own else {}
        owners: set[str] = set()
        for part in domain.batches(own, BATCH):
            found = await self._parts.look_up(part, actor=SYSTEM)
            seen = [domain.see(ref, entity, self._parts.settings.fields) for ref, entity in found.items()]
            owners |= await self._take(seen, found, aliases, is_by_person=actor.startswith("user:"))
            gone = [ref for ref in part if ref not in found]
            if gone:
                async with self._parts.db.write() as tx:
                    await entities.remove_many(tx, gone)
        everyone = any(ref.startswith(_ORG) for ref in refs)
        if owners or everyone:
            await self.sync_owners(None if everyone else owners)

    async def sync_all(self, job: JobContext | None = None) -> None:
        parts = self._parts
        aliases = await parts.names_of_aliases()
        present: set[str] = set()
        async with parts.db.read() as tx:
            before = await entities.list_refs(tx)
        async for raws in parts.queries.iter_raw(EntityQuery(has_value("kind", parts.kinds)), actor=SYSTEM):
            found: dict[str, Any] = {}
            for raw in raws:
                entity = orjson.loads(raw)
                found[str(EntityRef.of(entity))] = entity
            present |= found.keys()
            seen = [domain.see(ref, entity, parts.settings.fields) for ref, entity in found.items()]
            await self._take(seen, found, aliases, is_by_person=False)
            if job is not None:
                await job.heartbeat()
        # what came meanwhile is left to the event that tells of it
        gone = [ref for ref in before if ref not in present]
        for part in domain.batches(gone, BATCH):
            still = await parts.look_up(part, actor=SYSTEM)
            async with parts.db.write() as tx:
                await entities.remove_many(tx, [ref for ref in part if ref not in still])
        await self.sync_owners(None)

    async def _take(
        self, seen: Sequence[Seen], found: Mapping[str, Any], aliases: Mapping[str, str], *, is_by_person: bool
    ) -> set[str]:
        """Write the rows of entities that stand; the owners of those that changed."""
        parts = self._parts
        refs = [one.ref for one in seen]
        async with parts.db.read() as tx:
            known = await entities.find_many(tx, refs)
        written: list[tuple[str, str, Confirmation]] = []
        for one in seen:
            before = known.get(one.ref)
            if before is not None and before.fields == one.fields_json:
                continue
            if is_by_person or domain.is_kept_here(found[one.ref]):
                then = orjson.loads(before.fields) if before is not None else None
                written += await self._written(one, then, domain.laid_over(found[one.ref]))
        owners = set()
        async with parts.db.write() as tx:
            await entities.lock_many(tx, refs)
            if written:
                await confirmations.put_many(tx, written)
            standing = await entities.find_many(tx, refs)
            rows = await self._rows(tx, seen, standing, aliases)
            changed = [row for row in rows if standing.get(row.ref) != row]
            if changed:
                await entities.put_many(tx, changed)
                owners = {row.owner for row in changed}
        return owners

    async def _rows(
        self, tx: Transaction, seen: Sequence[Seen], standing: Mapping[str, EntityRow], aliases: Mapping[str, str]
    ) -> list[EntityRow]:
        parts, now = self._parts, self._parts.clock.now()
        confirmed = await confirmations.list_of(tx, [one.ref for one in seen])
        rows = []
        for one in seen:
            before = standing.get(one.ref)
            fields = domain.compare(one.fields, confirmed.get(one.ref, {}), aliases)
            since = before.unconfirmed_since if before is not None else None
            age = domain.age_of(fields, parts.settings.confirm_every, now, since)
            trouble = (
                before.trouble if before is not None and before.owner == one.owner else ("" if one.owner else "none")
            )
            rows.append(
                EntityRow(
                    one.ref, one.kind, one.title, one.owner, trouble, one.fields_json, age.unconfirmed_since, age.basis
                )
            )
        return rows

    async def _written(
        self, seen: Seen, then: Mapping[str, Any] | None, laid: Sequence[str]
    ) -> list[tuple[str, str, Confirmation]]:
        """Confirmations of the values that people wrote here: of all when the entity was not known before.

        Who takes a value off again that was laid over the source's (``laid`` are those that are) wrote none.
        """
        entries = await self._parts.queries.history(EntityRef.parse(seen.ref), actor=SYSTEM, limit=LOOKED_BACK)
        out = []
        for path, value in seen.fields.items():
            if then is not None and path in then and then[path] == value:
                continue
            for entry in entries:
                if entry.change == "deleted":
                    break
                if entry.change not in ("created", "restored") and not domain.touches(
                    entry.diff, path, path == domain.OWNER
                ):
                    continue
                is_value = entry.source != OVERLAY_SOURCE or domain.is_laid(path, laid)
                if is_value and domain.is_written_by_person(entry.actor, entry.source):
                    said = Confirmation(domain.dump(value), format_time(entry.at), entry.actor)
                    out.append((seen.ref, path, said))
                break
        return out

    # ---- owners ------------------------------------------------------------------------------------------------------

    async def sync_owners(self, owners: set[str] | None) -> None:
        """Look whether these owners (None: all that are named) are there, and have members."""
        async with self._parts.db.read() as tx:
            known = await entities.list_owners(tx)
        wanted = [owner for owner in known if owners is None or owner in owners]
        found = await self.troubles_of(wanted)
        changed = [(owner, found[owner] or "") for owner in wanted if (found[owner] or "") != known[owner]]
        if changed:
            async with self._parts.db.write() as tx:
                await entities.set_trouble(tx, changed)

    async def troubles_of(self, owners: Sequence[str]) -> dict[str, Trouble | None]:
        """What is wrong with each owner, None for nothing."""
        parts = self._parts
        found = await parts.look_up([owner for owner in owners if owner], actor=SYSTEM)
        members = await self._count_members({ref: e for ref, e in found.items() if ref.startswith("group:")})
        out: dict[str, Trouble | None] = {}
        for owner in owners:
            was_there = False
            if owner and owner not in found:
                was_there = bool(await parts.queries.history(EntityRef.parse(owner), actor=SYSTEM, limit=1))
            out[owner] = domain.trouble_of(
                owner, exists=owner in found, was_there=was_there, members=members.get(owner)
            )
        return out

    async def _count_members(self, groups: Mapping[str, Any]) -> dict[str, int]:
        """How many people are in each group or one below it; those who are not in the catalog do not count."""
        known: dict[str, Any] = dict(groups)
        level = list(groups)
        while level:
            below = [child for ref in level for child in _targets(known[ref], "parentOf") if child not in known]
            more = await self._parts.look_up(below, actor=SYSTEM)
            known |= more
            level = list(more)
        named = {member for entity in known.values() for member in _targets(entity, "hasMember")}
        people = (await self._parts.look_up(sorted(named), actor=SYSTEM)).keys()
        counts = {}
        for group in groups:
            seen, waiting, inside = {group}, [group], set()
            while waiting:
                entity = known.get(waiting.pop())
                if entity is None:
                    continue
                inside |= {member for member in _targets(entity, "hasMember") if member in people}
                following = [child for child in _targets(entity, "parentOf") if child not in seen]
                seen.update(following)
                waiting += following
            counts[group] = len(inside)
        return counts


def _targets(entity: Mapping[str, Any], type: str) -> list[str]:
    return [str(r["targetRef"]).lower() for r in entity.get("relations") or () if r["type"] == type]

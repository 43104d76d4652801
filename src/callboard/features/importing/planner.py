"""A table and a mapping to a plan: what planning needs from the catalog is fetched here, and what it says is checked against it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import AbstractSet, Any, Callable, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries, DeferredEntity, EntityQuery
from callboard.features.catalog.interface.aliases import Alias, CatalogAliases
from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.importing.domain.words import say
from callboard.features.importing.interface import (
    ACTIONS,
    Plan,
    PlannedEntity,
    PlanSummary,
    SheetMapping,
    Standing,
    Surroundings,
    Table,
)
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.db.interface import Database
from callboard.model.predicates import has_value
from callboard.model.relations import sort_refs
from callboard.ui.wording import Wording

LOCATION = "backstage.io/managed-by-location"
CHAT = "callboard.dev/chat-channel"
_GENERATED = (LOCATION, "backstage.io/managed-by-origin-location", "backstage.io/orphan")
_CHUNK = 500
PEOPLE_KEPT_S = 20.0
"""For previews and guesses only; a plan always looks."""

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, with the mark of what this source gives under the refs that it would change."""

    plan: Plan
    marks: Mapping[str, str]


class Planner:
    """Plans as somebody: what that actor may not see is a conflict, of which nothing more is told."""

    def __init__(self, db: Database, queries: CatalogQueries, sources: CatalogSources, aliases: CatalogAliases) -> None:
        self._db = db
        self._queries = queries
        self._sources = sources
        self._aliases = aliases
        self._people: dict[str, tuple[float, Mapping[str, Sequence[str]]]] = {}

    async def plan(
        self, table: Table, mapping: SheetMapping, source: str, *, actor: Actor, tell: Tell | None = None
    ) -> Planned:
        """``tell(done, total)`` hears of rows, in the thread that plans."""
        from callboard.features.importing.domain.planning import plan_table, wanted_refs

        wanted = await asyncio.to_thread(wanted_refs, table, mapping)
        around, marks = await self._look_around(sorted(wanted), source, actor)
        plan = await asyncio.to_thread(
            plan_table, table, mapping, around, validate=self._judge_for(source), progress=tell
        )
        return Planned(await self._settle(plan, around, actor), marks)

    async def preview(
        self, table: Table, mapping: SheetMapping, source: str, *, first: int, limit: int, actor: Actor
    ) -> Sequence[PlannedEntity]:
        """What a few rows become, each row for itself."""
        from callboard.features.importing.domain.planning import plan_table, wanted_refs

        part = replace(table, rows=table.rows[first : first + limit], skipped=())
        people = await self.people(actor, fresh=False)
        standing, _ = await self._standing(sorted(wanted_refs(part, mapping)), source, actor)
        around = Surroundings(standing, people, frozenset())
        plan = plan_table(part, mapping, around, validate=self._judge_for(source))
        return [entity for entity in plan.entities if entity.rows]

    def _judge_for(self, source: str) -> Callable[[dict[str, Any]], Sequence[str]]:
        return lambda entity: self._sources.judge(source, document_for(source, entity))

    # ---- what the catalog looks like -------------------------------------------------------------------------------

    async def _look_around(
        self, refs: Sequence[str], source: str, actor: Actor
    ) -> tuple[Surroundings, Mapping[str, str]]:
        people = await self.people(actor)
        async with self._db.read() as tx:
            given = await self._sources.list_refs(tx, source)
        # groups that this source made are not named by rows; whether they are still needed is for the plan to say
        standing, marks = await self._standing(sorted({*refs, *given}), source, actor)
        # what the actor may not see is not theirs to take away, nor to be told of
        seen = frozenset(ref for ref in given if ref in standing and not standing[ref].source)
        return Surroundings(standing, people, seen), marks

    async def _standing(
        self, refs: Sequence[str], source: str, actor: Actor
    ) -> tuple[dict[str, Standing], dict[str, str]]:
        standing: dict[str, Standing] = {}
        marks: dict[str, str] = {}
        for at in range(0, len(refs), _CHUNK):
            part = refs[at : at + _CHUNK]
            bodies = await self._queries.get_many_raw(part, actor=actor)
            unseen = [ref for ref, body in zip(part, bodies, strict=True) if body is None]
            hidden = await self._queries.get_many_raw(unseen, actor=SYSTEM) if unseen and actor != SYSTEM else []
            async with self._db.read() as tx:
                own = await self._sources.list_given(tx, source, part)
                givers = await self._sources.list_givers(tx, part)
            for ref, body in zip(part, bodies, strict=True):
                if body is None:
                    continue
                entity = orjson.loads(body)
                standing[ref] = Standing(ref, bare(entity), "" if ref in own else _named(entity, givers.get(ref, ())))
            for ref, body in zip(unseen, hidden, strict=False):
                if body is not None:
                    entity = orjson.loads(body)
                    shown = {"kind": entity["kind"], "metadata": {"name": entity["metadata"]["name"]}}
                    standing[ref] = Standing(ref, shown, "a source that you may not see", hidden=True)
            marks.update({ref: given.mark for ref, given in own.items()})
            await asyncio.sleep(0)  # others are served between two chunks
        return standing, marks

    async def people(self, actor: Actor, *, fresh: bool = True) -> Mapping[str, Sequence[str]]:
        """Groups and users that ``actor`` sees, with the texts that name them."""
        kept = self._people.get(actor.subject)
        if not fresh and kept is not None and time.monotonic() - kept[0] < PEOPLE_KEPT_S:
            return kept[1]
        found: Mapping[str, Sequence[str]]
        found = names = {}
        query = EntityQuery(has_value("kind", ["group", "user"]), want_total=False)
        async for chunk in self._queries.iter_raw(query, actor=actor):
            for raw in chunk:
                entity = orjson.loads(raw)
                metadata = entity["metadata"]
                ref = f"{entity['kind']}:{metadata['namespace']}/{metadata['name']}".lower()
                names[ref] = _names_of(entity)
        for alias in await self._aliases.list_aliases(actor=actor):
            if alias.new in names:  # whoever still says the old name means them
                names[alias.new] = [*names[alias.new], alias.old.rpartition("/")[2]]
        if kept is not None and kept[1] == found:
            found = kept[1]  # the same object: what was made of it is still good
        if len(self._people) > 50:
            self._people.clear()
        self._people[actor.subject] = (time.monotonic(), found)
        return found

    # ---- after planning ----------------------------------------------------------------------------------------------

    async def _settle(self, plan: Plan, around: Surroundings, actor: Actor) -> Plan:
        """What only the catalog knows: owners to be made may stand unseen, or be given and refused; what is called by an earlier
        name would come in twice; lists of refs are kept sorted there, so that another order in the sheet is no change; and
        what names an owner keeps it.
        """
        new = [entity.ref for entity in plan.entities if entity.action == "create"]
        async with self._db.read() as tx:
            givers = await self._sources.list_givers(tx, new)
        needed = {owner.ref for owner in plan.owners} | {entity.ref for entity in plan.entities}
        leaving = tuple(ref for ref in plan.leaving if ref not in needed)
        hidden = say("importing.outcome.blocked")
        blocked: dict[str, str] = {
            ref: hidden for ref in givers if ref not in around.standing or around.standing[ref].source
        }
        blocked |= await self._earlier_names(new, actor)
        entities = await asyncio.to_thread(_corrected, plan.entities, blocked, around)
        if leaving == plan.leaving and entities == plan.entities:
            return plan
        corrected = [entity.ref for entity, old in zip(entities, plan.entities, strict=True) if entity != old]
        digest = hashlib.sha256(f"{plan.digest} {corrected} {leaving}".encode()).hexdigest()
        counts = Counter(entity.action for entity in entities)
        return replace(plan, entities=entities, leaving=leaving, digest=digest, counts=dict(counts))

    async def _earlier_names(self, refs: Sequence[str], actor: Actor) -> dict[str, str]:
        """Of ``refs``, those that are earlier names of entities, with what is to be told of them."""
        hidden = say("importing.outcome.blocked")
        told: dict[str, str] = {alias.old: hidden for alias in await self._aliases.list_aliases(actor=SYSTEM)}
        told |= {alias.old: _earlier_name(alias) for alias in await self._aliases.list_aliases(actor=actor)}
        return {ref: told[ref] for ref in refs if ref in told}


def _earlier_name(alias: Alias) -> Wording:
    if alias.reason == "merged":
        return say("importing.outcome.merged", old=alias.old, new=alias.new)
    return say("importing.outcome.renamed", old=alias.old, new=alias.new)


def _corrected(
    entities: Sequence[PlannedEntity], blocked: Mapping[str, str], around: Surroundings
) -> tuple[PlannedEntity, ...]:
    from callboard.features.importing.domain.comparing import diff_standing

    found = []
    for entity in entities:
        if entity.action == "create" and entity.ref in blocked:
            entity = replace(entity, action="conflict", reason=blocked[entity.ref])
        elif entity.action == "change" and entity.entity is not None and isinstance(entity.entity.get("spec"), dict):
            kept = {**entity.entity, "spec": dict(entity.entity["spec"])}
            sort_refs(kept)
            if kept != entity.entity:
                changes = tuple(diff_standing(around.standing[entity.ref].entity, kept))
                entity = replace(entity, diff=changes, action="change" if changes else "unchanged")
        found.append(entity)
    return tuple(found)


def document_for(source: str, entity: Mapping[str, Any]) -> DeferredEntity:
    """A planned entity as its source gives it: it says where it comes from, and nothing else may claim its ref."""
    metadata = dict(entity["metadata"])
    metadata["annotations"] = {**(metadata.get("annotations") or {}), LOCATION: source}
    return DeferredEntity({**entity, "metadata": metadata}, source)


def bare(entity: Mapping[str, Any]) -> dict[str, Any]:
    """A stitched entity without all that the catalog adds, as a sheet would give it."""
    metadata = {key: value for key, value in entity["metadata"].items() if key not in ("uid", "etag")}
    if str(metadata.get("namespace", "")).lower() == "default":
        del metadata["namespace"]
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in _GENERATED}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    found = {"apiVersion": entity["apiVersion"], "kind": entity["kind"], "metadata": metadata}
    if "spec" in entity:
        found["spec"] = entity["spec"]
    return found


def _named(entity: Mapping[str, Any], givers: Sequence[str]) -> str:
    """Who gives an entity, as people know it: where its document lies, else the source's name."""
    location = (entity["metadata"].get("annotations") or {}).get(LOCATION)
    return str(location or ", ".join(givers) or "a source that is gone")


def _names_of(entity: Mapping[str, Any]) -> list[str]:
    metadata, spec = entity["metadata"], entity.get("spec") or {}
    profile = spec.get("profile") if isinstance(spec, Mapping) else None
    profile = profile if isinstance(profile, Mapping) else {}
    annotations = metadata.get("annotations") or {}
    found = [metadata["name"], metadata.get("title"), profile.get("displayName"), profile.get("email")]
    found += [value for key, value in annotations.items() if key == CHAT or "slack" in key.lower()]
    return [str(text) for text in dict.fromkeys(found) if text]


def summarize(plan: Plan, table: Table, workbook_notes: Sequence[str]) -> PlanSummary:
    """A plan without its entities; every data row of the table is counted once."""
    state: dict[int, int] = {}
    for entity in plan.entities:
        rank = {"conflict": 1, "rejected": 0}.get(entity.action, 2)
        for row in entity.rows:
            state[row] = max(rank, state.get(row, -1))
    counted = Counter(state.values())
    kinds = Counter(
        str(entity.entity["kind"]) for entity in plan.entities if entity.action == "create" and entity.entity
    )
    return PlanSummary(
        digest=plan.digest,
        counts={action: sum(1 for entity in plan.entities if entity.action == action) for action in ACTIONS},
        kinds=dict(sorted(kinds.items())),
        rows=len(table.rows),
        rows_taken=counted[2],
        rows_conflicting=counted[1],
        rows_rejected=counted[0],
        owners=plan.owners,
        leaving=plan.leaving,
        skipped=table.skipped,
        notes=(*workbook_notes, *table.notes),
        relied=plan.relied,
    )


def lost_rows(plan: Plan, table: Table) -> AbstractSet[int]:
    """Data rows that no entity of the plan names. Always empty; asked before a plan is shown to anybody."""
    named = {row for entity in plan.entities for row in entity.rows}
    return {row.number for row in table.rows} - named

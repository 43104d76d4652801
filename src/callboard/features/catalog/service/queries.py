"""Reads of the catalog. What the caller may not see does not exist: not in items, counts, facets, refs or errors."""

from __future__ import annotations

import difflib
from datetime import datetime
from typing import Any, AsyncIterator, Awaitable, Callable, Hashable, Literal, Sequence, cast

import orjson

from callboard.features.catalog import interface as face
from callboard.features.catalog.interface import (
    EntityDocument,
    EntityNotFound,
    EntityQuery,
    FacetValue,
    Finding,
    HistoryEntry,
    RawPage,
)
from callboard.features.catalog.service.reading import LazyRead
from callboard.features.catalog.store import dependencies, records
from callboard.features.catalog.store.index import EntityIndex, page, position
from callboard.features.catalog.store.sets import Ids
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.permissions import Decision, PermissionService
from callboard.model.predicates import EVERYTHING, NOTHING, HasText, HasValue, Predicate, conjoin, has_value
from callboard.model.refs import EntityRef
from callboard.model.relations import Relation

MAX_DANGLING = 5_000
"""Entities of an owner whose relations are looked at."""


class Queries:
    """``CatalogQueries`` over the database and the index."""

    def __init__(self, db: Database, permissions: PermissionService, index: EntityIndex) -> None:
        self._db = db
        self._permissions = permissions
        self._index = index
        self._scopes: dict[int, tuple[Decision, Predicate]] = {}

    # ---- who may see what -----------------------------------------------------------------------------------------

    def scope(self, actor: Actor) -> Predicate:
        """What ``actor`` may read, as a predicate that joins every query."""
        decision = self._permissions.decide(actor, face.READ_ENTITY)
        if decision.result == "ALLOW":
            return EVERYTHING
        if decision.result == "DENY" or decision.condition is None:
            return NOTHING
        kept = self._scopes.get(id(decision))
        if kept is None:
            if len(self._scopes) > 2_000:
                self._scopes.clear()
            # the decision is kept beside its predicate, so that its id cannot be given to another
            kept = self._scopes[id(decision)] = (decision, self._permissions.compile(decision.condition))
        return kept[1]

    def is_open_to(self, actor: Actor) -> bool:
        """Whether nothing at all is hidden from ``actor``."""
        return self._permissions.decide(actor, face.READ_ENTITY).result == "ALLOW"

    def _sees_ingestion(self, actor: Actor) -> bool:
        """Whether nothing is hidden from ``actor``, documents that never became an entity included."""
        return self.is_open_to(actor) and self._permissions.decide(actor, face.READ_INGESTION).result == "ALLOW"

    async def ids_seen_by(self, tx: Transaction, actor: Actor) -> Ids | None:
        """Numbers of the entities that ``actor`` sees; None where not even documents that never became one are hidden."""
        if self._sees_ingestion(actor):
            return None
        if not self._index.is_current:
            await self._index.sync(tx)
        return await self._index.ids(tx, self.scope(actor))

    async def hidden_among(self, tx: Transaction, refs: Sequence[str], actor: Actor) -> set[str]:
        """Those of ``refs`` (lower-cased) that entities have which ``actor`` may not see."""
        scope = self.scope(actor)
        if scope == EVERYTHING:
            return set()
        if not self._index.is_current:
            await self._index.sync(tx)
        hidden = await self._index.ids(tx, EVERYTHING) - await self._index.ids(tx, scope)
        return {ref for ref, id in (await self._index.ids_of(tx, refs)).items() if id in hidden}

    async def _sees(self, tx: Transaction, id: int, scope: Predicate) -> bool:
        return scope is EVERYTHING or scope == EVERYTHING or id in await self._index.ids(tx, scope)

    def _reading(self) -> LazyRead:
        return LazyRead(self._db)

    async def _ready(self, lazy: LazyRead) -> Transaction:
        tx = cast(Transaction, lazy)
        if not self._index.is_current:
            await self._index.sync(tx)
        return tx

    # ---- lists ----------------------------------------------------------------------------------------------------

    async def list_raw(self, query: EntityQuery, *, actor: Actor) -> RawPage:
        predicate = conjoin(self.scope(actor), query.predicate)
        async with self._reading() as lazy:
            tx = await self._ready(lazy)
            if query.order is None and not query.by_ref:
                return await self._page_by_id(tx, predicate, query)
            if query.order is not None and query.by_ref:
                return await self._page_by_orders(tx, predicate, query)
            name = query.order.field.lower() if query.order is not None else ""
            descending = query.order is not None and query.order.direction == "desc"
            rows = await self._index.sorted_rows(tx, predicate, name)
            total = len(rows)
            start, stop = 0, total
            if query.after is not None:
                start = position(rows, descending, (query.after[0] or "", query.after[1]), after=True)
            if query.before is not None:
                stop = position(rows, descending, (query.before[0] or "", query.before[1]), after=False)
            start, stop = _cut(start, stop, query)
            shown = page(rows, descending, start, stop)
            bodies = await self._index.bodies(tx, [id for _, id in shown])
        return RawPage(
            items=[bodies[id] for _, id in shown if id in bodies],
            total=total if query.want_total else None,
            first=shown[0] if shown else None,
            last=shown[-1] if shown else None,
            has_more=stop < total,
            has_previous=start > 0,
        )

    async def _page_by_id(self, tx: Transaction, predicate: Predicate, query: EntityQuery) -> RawPage:
        ids = await self._index.ids(tx, predicate)
        total = len(ids)
        start, stop = 0, total
        if query.after is not None:
            start = ids.rank(query.after[1])
        if query.before is not None:
            stop = ids.rank(query.before[1] - 1) if query.before[1] > 0 else 0
        start, stop = _cut(start, stop, query)
        shown = list(ids[start:stop]) if stop > start else []
        bodies = await self._index.bodies(tx, shown)
        return RawPage(
            items=[bodies[id] for id in shown if id in bodies],
            total=total if query.want_total else None,
            first=(None, shown[0]) if shown else None,
            last=(None, shown[-1]) if shown else None,
            has_more=stop < total,
            has_previous=start > 0,
        )

    async def _page_by_orders(self, tx: Transaction, predicate: Predicate, query: EntityQuery) -> RawPage:
        """By each order in turn, then by ref; entities that lack a field stand last, whatever the direction."""
        ids = [id for _, id in await self._index.sorted_rows(tx, predicate, "")]
        for order in reversed([order for order in (query.order, *query.then) if order is not None]):
            descending = order.direction == "desc"
            rows = await self._index.sorted_rows(tx, predicate, order.field.lower())
            # of several values the one that comes first counts; a later row of the same id overwrites an earlier one
            values = {id: value for value, id in (rows if descending else reversed(rows))}
            having = sorted((id for id in ids if id in values), key=values.__getitem__, reverse=descending)
            ids = having + [id for id in ids if id not in values]
        start, stop = _cut(0, len(ids), query)
        shown = ids[start:stop]
        bodies = await self._index.bodies(tx, shown)
        return RawPage(
            items=[bodies[id] for id in shown if id in bodies],
            total=len(ids) if query.want_total else None,
            first=(None, shown[0]) if shown else None,
            last=(None, shown[-1]) if shown else None,
            has_more=stop < len(ids),
            has_previous=start > 0,
        )

    async def count(self, predicate: Predicate | None, *, actor: Actor) -> int:
        async with self._reading() as lazy:
            tx = await self._ready(lazy)
            return len(await self._index.ids(tx, conjoin(self.scope(actor), predicate)))

    async def iter_raw(self, query: EntityQuery, *, actor: Actor) -> AsyncIterator[Sequence[bytes]]:
        predicate = conjoin(self.scope(actor), query.predicate)
        if predicate == EVERYTHING and query.order is None and not query.by_ref:
            async with self._db.read() as tx, tx.stream("SELECT json FROM catalog_entity ORDER BY id") as chunks:
                async for rows in chunks:
                    yield [row[0] for row in rows]
            return
        async with self._reading() as lazy:
            index_tx = await self._ready(lazy)
            if query.order is None and not query.by_ref:
                ids: Sequence[int] = list(await self._index.ids(index_tx, predicate))
            else:
                name = query.order.field.lower() if query.order is not None else ""
                rows = list(await self._index.sorted_rows(index_tx, predicate, name))
                if query.order is not None and query.order.direction == "desc":
                    rows.reverse()
                ids = [id for _, id in rows]
        async with self._db.read() as tx:
            for at in range(0, len(ids), 500):
                part = ids[at : at + 500]
                rows = await tx.fetch_all(
                    f"SELECT id, json FROM catalog_entity WHERE {tx.any_of('id', 1, 'bigint')}", tx.list_arg(part)
                )
                found = {row[0]: row[1] for row in rows}
                yield [found[id] for id in part if id in found]

    # ---- single entities ------------------------------------------------------------------------------------------

    async def find_raw(self, ref: str, *, actor: Actor) -> bytes | None:
        scope = self.scope(actor)
        async with self._reading() as lazy:
            tx = await self._ready(lazy)
            id = (await self._index.ids_of(tx, (ref,))).get(ref)
            if id is None or not await self._sees(tx, id, scope):
                return None
            return (await self._index.bodies(tx, (id,))).get(id)

    async def find_raw_by_uid(self, uid: str, *, actor: Actor) -> bytes | None:
        found = await self.list_raw(EntityQuery(HasValue("metadata.uid", (uid.lower(),)), limit=1), actor=actor)
        return found.items[0] if found.items else None

    async def get_many_raw(
        self, refs: Sequence[str], *, predicate: Predicate | None = None, actor: Actor
    ) -> list[bytes | None]:
        wanted = conjoin(self.scope(actor), predicate)
        async with self._reading() as lazy:
            tx = await self._ready(lazy)
            ids = await self._index.ids_of(tx, refs)
            bodies = await self._index.bodies(tx, list(set(ids.values())))
            if wanted != EVERYTHING:
                allowed = await self._index.ids(tx, wanted)
                bodies = {id: body for id, body in bodies.items() if id in allowed}
        return [bodies.get(ids.get(ref, -1)) for ref in refs]

    async def visible_among(self, refs: Sequence[str], *, actor: Actor) -> set[str]:
        async with self._reading() as lazy:
            tx = await self._ready(lazy)
            ids = await self._index.ids_of(tx, refs)
            seen = await self._index.ids(tx, self.scope(actor))
        return {ref for ref, id in ids.items() if id in seen}

    async def get_entity(self, ref: EntityRef, *, actor: Actor) -> EntityDocument:
        raw = await self.find_raw(str(ref), actor=actor)
        if raw is None:
            raise EntityNotFound(ref)
        return cast(EntityDocument, orjson.loads(raw))

    # ---- facets ---------------------------------------------------------------------------------------------------

    async def facets(
        self, keys: Sequence[str], predicate: Predicate | None = None, *, actor: Actor
    ) -> dict[str, list[FacetValue]]:
        wanted = conjoin(self.scope(actor), predicate)
        async with self._reading() as lazy:
            tx = await self._ready(lazy)
            asked = ("facets", tuple(keys), wanted)
            kept = self._index.find_answer(asked)
            if kept is not None:
                return cast(dict[str, list[FacetValue]], kept)
            revision = self._index.revision
            ids = None if wanted == EVERYTHING else await self._index.ids(tx, wanted)
            answer = {}
            for key in keys:
                column = await self._index.facet(tx, key.lower())
                answer[key] = [FacetValue(value, count) for value, count in column.counts(ids)]
            self._index.keep_answer(asked, answer, revision)
            return answer

    # ---- around an entity -----------------------------------------------------------------------------------------

    async def ancestry(self, ref: EntityRef, *, actor: Actor) -> list[tuple[EntityDocument, list[str]]]:
        scope = self.scope(actor)
        async with self._db.read(snapshot=False) as tx:
            if not self._index.is_current:
                await self._index.sync(tx)
            root = (await self._index.ids_of(tx, (str(ref),))).get(str(ref))
            seen: dict[int, EntityDocument] = {}
            parents: dict[int, list[str]] = {}
            level = [] if root is None else [root]
            while level:
                bodies = await self._index.bodies(tx, level)
                visible = [id for id in level if id in bodies and await self._sees(tx, id, scope)]
                above = await records.find_parents(tx, visible)
                shown = await self._index.bodies(tx, [p for ps in above.values() for p in ps])
                following: list[int] = []
                for id in visible:
                    seen[id] = orjson.loads(bodies[id])
                    parents[id] = []
                    for parent in above.get(id, ()):
                        if parent in shown and await self._sees(tx, parent, scope):
                            parents[id].append(str(EntityRef.of(orjson.loads(shown[parent]))))
                            if parent not in seen and parent not in following and parent not in level:
                                following.append(parent)
                level = following
        if not seen:
            raise EntityNotFound(ref)
        return [(entity, sorted(parents[id])) for id, entity in seen.items()]

    async def near_matches(self, ref: EntityRef, *, actor: Actor, limit: int = 5) -> list[str]:
        """Same name elsewhere first, then names that contain it or that it is a slip of."""
        name = ref.name.lower()
        candidates: list[str] = []
        alike: Sequence[Predicate] = (
            HasValue("metadata.name", (name,)),
            HasText(("metadata.name", "metadata.title"), name),
            *(HasText(("metadata.name",), part) for part in _pieces(name)),
        )
        for predicate in alike:
            found = await self.list_raw(EntityQuery(predicate, limit=50, want_total=False), actor=actor)
            for raw in found.items:
                other = str(EntityRef.of(orjson.loads(raw)))
                if other not in candidates and other != str(ref):
                    candidates.append(other)
            if len(candidates) >= 200:
                break

        def likeness(other: str) -> float:
            parsed = EntityRef.parse(other)
            close = difflib.SequenceMatcher(None, name, parsed.name).ratio()
            return close + 0.2 * (parsed.kind == ref.kind.lower()) + 0.1 * (parsed.namespace == ref.namespace.lower())

        ranked = sorted(((likeness(other), other) for other in candidates), key=lambda x: (-x[0], x[1]))
        return [other for score, other in ranked[:limit] if score >= 0.5]

    async def findings(self, ref: EntityRef, *, actor: Actor) -> Sequence[Finding]:
        scope = self.scope(actor)
        async with self._db.read(snapshot=False) as tx:
            if not self._index.is_current:
                await self._index.sync(tx)
            id = (await self._index.ids_of(tx, (str(ref),))).get(str(ref))
            if id is None or not await self._sees(tx, id, scope):
                return []
            visible = None if scope == EVERYTHING else await self._index.ids(tx, scope)
            return records.told(await records.list_findings_of(tx, id), visible)

    async def list_findings(
        self,
        *,
        severity: Literal["error", "warning"] | None = None,
        owner: Sequence[str] | None = None,
        limit: int = 50,
        offset: int = 0,
        actor: Actor,
    ) -> tuple[Sequence[Finding], int]:
        """Problems of everything the actor may see, errors first, newest first, and how many there are.

        What a document that never became an entity says is seen by those who may look into ingestion and see all.
        """
        scope = self.scope(actor)
        async with self._db.read(snapshot=False) as tx:
            if not self._index.is_current:
                await self._index.sync(tx)
            if self._sees_ingestion(actor):
                return await records.list_findings(tx, owner=owner, severity=severity, limit=limit, offset=offset)
            visible = await self._index.ids(tx, scope)
            kept = records.told(await records.all_findings(tx, owner=owner, severity=severity), visible)
            return kept[offset : offset + limit], len(kept)

    async def history(
        self, ref: EntityRef, *, actor: Actor, limit: int = 50, before: int | None = None
    ) -> Sequence[HistoryEntry]:
        scope = self.scope(actor)
        async with self._db.read(snapshot=False) as tx:
            if not self._index.is_current:
                await self._index.sync(tx)
            id = (await self._index.ids_of(tx, (str(ref),))).get(str(ref))
            if id is None:
                return []
            if not await self._sees(tx, id, scope):
                return []
            return await records.list_history(tx, id, str(ref), limit=limit, before=before)

    async def list_changes(self, *, actor: Actor, limit: int = 20) -> Sequence[HistoryEntry]:
        scope = self.scope(actor)
        async with self._db.read(snapshot=False) as tx:
            if not self._index.is_current:
                await self._index.sync(tx)
            visible = await self._index.ids(tx, scope)
            found: list[HistoryEntry] = []
            before: int | None = None
            while len(found) < limit:
                rows = await records.list_latest(tx, before, max(100, limit * 4))
                found += [entry for id, entry in rows if id in visible]
                if len(rows) < max(100, limit * 4):
                    break
                before = rows[-1][1].id
        return found[:limit]

    async def relations_of(self, refs: Sequence[str], *, actor: Actor) -> Sequence[Relation]:
        scope = self.scope(actor)
        async with self._reading() as lazy:
            tx = await self._ready(lazy)
            visible = await self._index.ids(tx, scope)
            asked = await self._index.ids_of(tx, refs)
            sources = {id: ref for ref, id in asked.items() if id in visible}
            rows = await records.list_relations(tx, list(sources))
        # as keys, since an entity may have a relation by an old name and by the new one
        return list(dict.fromkeys(Relation(sources[row[0]], row[1], row[3]) for row in rows if row[2] in visible))

    async def list_hidden(self, refs: Sequence[str], *, actor: Actor) -> frozenset[str]:
        if self.is_open_to(actor):
            return frozenset()
        async with self._reading() as lazy:
            return frozenset(await self.hidden_among(await self._ready(lazy), refs, actor))

    async def changed_at(self, refs: Sequence[str], *, actor: Actor) -> list[datetime | None]:
        scope = self.scope(actor)
        async with self._reading() as lazy:
            tx = await self._ready(lazy)
            ids = await self._index.ids_of(tx, refs)
            times = await records.list_times(tx, list(ids.values()))
            if scope != EVERYTHING:
                allowed = await self._index.ids(tx, scope)
                times = {id: at for id, at in times.items() if id in allowed}
        return [times.get(ids.get(ref, -1)) for ref in refs]

    # ---- over the whole catalog -----------------------------------------------------------------------------------

    async def kept(self, key: Hashable, make: Callable[[], Awaitable[Any]], *, actor: Actor) -> Any:
        """What ``make`` gives, kept until the catalog changes. It must depend on nothing but ``key`` and on what ``actor`` sees."""
        asked = ("kept", key, self.scope(actor))
        async with self._reading() as lazy:
            await self._ready(lazy)
        found = self._index.find_answer(asked)
        if found is None:
            revision = self._index.revision
            found = await make()
            self._index.keep_answer(asked, found, revision)
        return found

    async def system_dependencies(self, *, actor: Actor) -> dict[tuple[str, str], int]:
        """(system, system that it needs) to by how many relations of their parts."""
        scope = self.scope(actor)
        async with self._reading() as lazy:
            tx = await self._ready(lazy)
            visible = None if scope == EVERYTHING else await self._index.ids(tx, scope)
            return await dependencies.count_dependencies(tx, visible)

    async def dangling(self, owners: Sequence[str], *, actor: Actor) -> Sequence[Relation]:
        """Relations to what is not there, of visible entities that one of ``owners`` (lower-cased refs) owns."""
        wanted = conjoin(self.scope(actor), has_value("relations.ownedby", owners))
        async with self._reading() as lazy:
            tx = await self._ready(lazy)
            ids = list(await self._index.ids(tx, wanted))[:MAX_DANGLING]
            return await dependencies.list_dangling(tx, ids) if ids else []

    async def changes_by(self, user: str, *, actor: Actor, limit: int) -> Sequence[HistoryEntry]:
        """The newest changes that a user (lower-cased ref) made to visible entities, without their diffs."""
        scope = self.scope(actor)
        async with self._reading() as lazy:
            tx = await self._ready(lazy)
            visible = await self._index.ids(tx, scope)
            rows = await dependencies.list_by_user(tx, user, limit * 5, None)
        return [entry for id, entry in rows if id in visible][:limit]


def _cut(start: int, stop: int, query: EntityQuery) -> tuple[int, int]:
    """The window of ``limit`` rows after ``offset``; a page that ends at ``before`` is counted from its end."""
    if query.before is not None and query.limit is not None:
        return max(start, stop - query.limit), stop
    start = min(start + query.offset, stop)
    return (start, stop) if query.limit is None else (start, min(stop, start + query.limit))


def _pieces(name: str) -> list[str]:
    """Parts of a name that a slip of the pen probably left whole."""
    parts = [p for p in name.replace("_", "-").replace(".", "-").split("-") if len(p) >= 3]
    if len(name) >= 6:
        parts += [name[: len(name) // 2], name[len(name) // 2 :]]
    elif len(name) >= 3:
        parts += [name[:3], name[-3:]]
    return sorted(set(parts), key=len, reverse=True)


__all__ = ["Queries"]

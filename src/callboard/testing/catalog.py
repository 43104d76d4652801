"""A catalog in memory that keeps the promises of ``CatalogQueries`` and ``CatalogCommands``; for tests of what stands on them.

Terms are made by ``model.terms``, predicates decided by ``model.predicates.matches``: slow and plainly right. The same
contract tests run against it and against the real service.
"""

from __future__ import annotations

import difflib
import hashlib
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, AsyncIterator, Callable, Iterable, Literal, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import (
    BY_CHANGE,
    BY_TITLE,
    EntityDocument,
    EntityNotFound,
    EntityQuery,
    FacetValue,
    Finding,
    HistoryEntry,
    Location,
    LocationDryRun,
    LocationExists,
    LocationNotFound,
    Order,
    RawPage,
    Why,
    WhyStep,
    WhySubject,
)
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.model.predicates import EVERYTHING, Predicate, conjoin, matches
from callboard.model.refs import EntityRef, LocationRef
from callboard.model.relations import Relation
from callboard.model.terms import Terms, terms_of

ORIGIN = "backstage.io/managed-by-origin-location"
_START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Stored:
    id: int
    ref: str
    document: EntityDocument
    raw: bytes
    terms: Terms
    parents: list[str] = field(default_factory=list)


def stitched(document: Mapping[str, Any], relations: Iterable[tuple[str, str]] = ()) -> EntityDocument:
    """``document`` as the catalog would serve it: default namespace, a uid and etag of its own, sorted relations."""
    metadata = {"namespace": "default", **document["metadata"]}
    ref = f"{document['kind']}:{metadata['namespace']}/{metadata['name']}".lower()
    metadata.setdefault("uid", str(uuid.uuid5(uuid.NAMESPACE_URL, ref)))
    metadata.setdefault("etag", hashlib.sha1(orjson.dumps(document), usedforsecurity=False).hexdigest())
    rest = {key: value for key, value in document.items() if key not in ("metadata", "relations")}
    known = {(r["type"], r["targetRef"]) for r in document.get("relations", ())} | set(relations)
    return {
        "metadata": metadata,
        **rest,
        "relations": [{"type": kind, "targetRef": target} for kind, target in sorted(known)],
    }


class FakeCatalog:
    """Both faces of the catalog over a dict.

    ``visible`` says what an actor may read (everything, if not given). ``reader`` gives the documents that a location's
    target holds, or raises ``InputError``; locations that it does not know hold nothing. ``problems`` are what
    ``validate_entity`` finds for an entity of that name.
    """

    def __init__(
        self,
        entities: Iterable[Mapping[str, Any]] = (),
        *,
        visible: Callable[[Actor], Predicate] = lambda actor: EVERYTHING,
        reader: Callable[[str], Sequence[Mapping[str, Any]]] = lambda target: (),
    ) -> None:
        self._visible = visible
        self._reader = reader
        self._by_ref: dict[str, _Stored] = {}
        self._next_id = 1
        self._locations: dict[str, Location] = {}
        self._findings: dict[str, list[Finding]] = {}
        self._history: list[HistoryEntry] = []
        self._unprocessed: dict[str, tuple[str, str, dict[str, Any]]] = {}
        self.problems: dict[str, list[Finding]] = {}
        self.refreshed: list[str] = []
        for entity in entities:
            self.put(entity)

    # ---- filling --------------------------------------------------------------------------------------------------

    def put(self, document: Mapping[str, Any], *, parents: Sequence[str] = ()) -> str:
        """Add or replace an entity; its ref."""
        entity = stitched(document)
        ref = str(EntityRef.of(entity))
        known = self._by_ref.get(ref)
        if known is None:
            entity_id, self._next_id = self._next_id, self._next_id + 1
        else:
            entity_id = known.id
        self._by_ref[ref] = _Stored(entity_id, ref, entity, orjson.dumps(entity), terms_of(entity), list(parents))
        change: Literal["created", "updated"] = "created" if known is None else "updated"
        at = _START.replace(microsecond=0)
        self._history.append(HistoryEntry(len(self._history) + 1, ref, at, change, "fake", "plugin:callboard"))
        return ref

    def find(self, ref: str, finding: Finding) -> None:
        """Note a problem of the entity ``ref``."""
        self._findings.setdefault(ref, []).append(replace(finding, entity_ref=ref))

    def leave_unprocessed(
        self, entity_id: str, state: Literal["failed", "pending"], document: Mapping[str, Any]
    ) -> None:
        """Keep a document that never became an entity."""
        owner = str((document.get("spec") or {}).get("owner", ""))
        row = {"entity_id": entity_id, "unprocessed_entity": dict(document), "errors": []}
        self._unprocessed[entity_id] = (state, owner, row)

    # ---- reading --------------------------------------------------------------------------------------------------

    def _seen(self, predicate: Predicate | None, actor: Actor) -> list[_Stored]:
        wanted = conjoin(self._visible(actor), predicate)
        return sorted((e for e in self._by_ref.values() if matches(wanted, e.terms)), key=lambda e: e.id)

    def _rows(self, query: EntityQuery, actor: Actor) -> list[tuple[str | None, _Stored]]:
        seen = self._seen(query.predicate, actor)
        if query.by_ref:
            rows = sorted(seen, key=lambda e: e.ref)
            for order in reversed([o for o in (query.order, *query.then) if o is not None]):
                rows = _sorted_lacking_last(rows, order)
            return [(None, e) for e in rows]
        if query.order is None:
            return [(None, e) for e in seen]
        key = query.order.field.lower()
        pairs = [(value, e) for e in seen for value in self._order_values(key, e) if value is not None]
        pairs.sort(key=lambda pair: (pair[0], pair[1].id), reverse=query.order.direction == "desc")
        return [(value, e) for value, e in pairs]

    @staticmethod
    def _order_values(key: str, entity: _Stored) -> Iterable[str | None]:
        if key == BY_CHANGE:
            return [format_time(_START)]
        if key == BY_TITLE:
            keys = ("metadata.title", "spec.profile.displayname", "metadata.name")
            return [v for k in keys for v in entity.terms.get(k, ()) if v is not None and v.strip()][:1]
        return entity.terms.get(key, ())

    async def list_raw(self, query: EntityQuery, *, actor: Actor) -> RawPage:
        rows = self._rows(query, actor)
        total, descending = len(rows), query.order is not None and query.order.direction == "desc"
        places = [(value or "", e.id) for value, e in rows]
        start, stop = 0, total
        if query.after is not None:
            edge = (query.after[0] or "", query.after[1])
            start = sum(1 for place in places if (place >= edge if descending else place <= edge))
        if query.before is not None:
            edge = (query.before[0] or "", query.before[1])
            stop = sum(1 for place in places if (place > edge if descending else place < edge))
            start = start if query.limit is None else max(start, stop - query.limit)
        else:
            start = min(start + query.offset, stop)
            stop = stop if query.limit is None else min(stop, start + query.limit)
        shown = rows[start:stop]
        return RawPage(
            items=[e.raw for _, e in shown],
            total=total if query.want_total else None,
            first=(shown[0][0], shown[0][1].id) if shown else None,
            last=(shown[-1][0], shown[-1][1].id) if shown else None,
            has_more=stop < total,
            has_previous=start > 0,
        )

    async def count(self, predicate: Predicate | None, *, actor: Actor) -> int:
        return len(self._seen(predicate, actor))

    async def iter_raw(self, query: EntityQuery, *, actor: Actor) -> AsyncIterator[Sequence[bytes]]:
        rows = [e.raw for _, e in self._rows(query, actor)]
        for at in range(0, len(rows), 500):
            yield rows[at : at + 500]

    def _find(self, ref: str, actor: Actor) -> _Stored | None:
        found = self._by_ref.get(ref)
        return found if found is not None and matches(self._visible(actor), found.terms) else None

    def _get(self, ref: EntityRef, actor: Actor) -> _Stored:
        found = self._find(str(ref), actor)
        if found is None:
            raise EntityNotFound(ref)
        return found

    async def find_raw(self, ref: str, *, actor: Actor) -> bytes | None:
        found = self._find(ref, actor)
        return None if found is None else found.raw

    async def find_raw_by_uid(self, uid: str, *, actor: Actor) -> bytes | None:
        for entity in self._seen(None, actor):
            if entity.document["metadata"]["uid"] == uid:
                return entity.raw
        return None

    async def get_many_raw(
        self, refs: Sequence[str], *, predicate: Predicate | None = None, actor: Actor
    ) -> list[bytes | None]:
        seen = {e.ref: e.raw for e in self._seen(predicate, actor)}
        return [seen.get(ref) for ref in refs]

    async def visible_among(self, refs: Sequence[str], *, actor: Actor) -> set[str]:
        return {entity.ref for entity in self._seen(None, actor)} & set(refs)

    async def get_entity(self, ref: EntityRef, *, actor: Actor) -> EntityDocument:
        return orjson.loads(self._get(ref, actor).raw)

    async def facets(
        self, keys: Sequence[str], predicate: Predicate | None = None, *, actor: Actor
    ) -> dict[str, list[FacetValue]]:
        seen = self._seen(predicate, actor)
        out: dict[str, list[FacetValue]] = {}
        for key in keys:
            counts: dict[str, int] = {}
            for entity in seen:
                for original in entity.terms.get(key.lower(), {}).values():
                    if original is not None:
                        counts[original] = counts.get(original, 0) + 1
            out[key] = [FacetValue(value, counts[value]) for value in sorted(counts)]
        return out

    async def ancestry(self, ref: EntityRef, *, actor: Actor) -> list[tuple[EntityDocument, list[str]]]:
        out: list[tuple[EntityDocument, list[str]]] = []
        queue, known = [self._get(ref, actor)], {str(ref)}
        while queue:
            entity = queue.pop(0)
            parents = sorted(p for p in entity.parents if self._find(p, actor) is not None)
            out.append((orjson.loads(entity.raw), parents))
            queue.extend(self._by_ref[p] for p in parents if p not in known)
            known.update(parents)
        return out

    async def near_matches(self, ref: EntityRef, *, actor: Actor, limit: int = 5) -> list[str]:
        return difflib.get_close_matches(str(ref), [e.ref for e in self._seen(None, actor)], n=limit, cutoff=0.5)

    async def findings(self, ref: EntityRef, *, actor: Actor) -> Sequence[Finding]:
        return list(self._findings.get(str(ref), ())) if self._find(str(ref), actor) else []

    async def list_findings(
        self,
        *,
        owner: str | None = None,
        severity: Literal["error", "warning"] | None = None,
        limit: int = 50,
        offset: int = 0,
        actor: Actor,
    ) -> tuple[Sequence[Finding], int]:
        wanted = [
            finding
            for entity in self._seen(None, actor)
            for finding in self._findings.get(entity.ref, ())
            if severity in (None, finding.severity)
            and (owner is None or owner.lower() in entity.terms.get("relations.ownedby", {}))
        ]
        wanted.sort(key=lambda finding: finding.since or _START, reverse=True)
        return wanted[offset : offset + limit], len(wanted)

    async def relations_of(self, refs: Sequence[str], *, actor: Actor) -> Sequence[Relation]:
        seen = {e.ref: e for e in self._seen(None, actor)}
        found = {
            Relation(ref, str(relation["type"]), str(relation["targetRef"]).lower())
            for ref in refs
            if ref in seen
            for relation in seen[ref].document.get("relations") or ()
        }
        return sorted(relation for relation in found if relation.target in seen)

    async def history(
        self, ref: EntityRef, *, actor: Actor, limit: int = 50, before: int | None = None
    ) -> Sequence[HistoryEntry]:
        if self._find(str(ref), actor) is None:
            return []
        entries = [e for e in reversed(self._history) if e.ref == str(ref) and (before is None or e.id < before)]
        return entries[:limit]

    # ---- writing --------------------------------------------------------------------------------------------------

    async def refresh(self, ref: EntityRef, *, actor: Actor) -> None:
        self.refreshed.append(self._get(ref, actor).ref)
        for location in list(self._locations.values()):
            self._read(location)

    async def delete_by_uid(self, uid: str, *, actor: Actor) -> None:
        for entity in self._seen(None, actor):
            if entity.document["metadata"]["uid"] == uid:
                del self._by_ref[entity.ref]

    async def list_locations(self, *, actor: Actor) -> Sequence[Location]:
        return list(self._locations.values())

    async def get_location(self, id: str, *, actor: Actor) -> Location:
        try:
            return self._locations[id]
        except KeyError:
            raise LocationNotFound(f"No location {id}") from None

    async def get_location_by_entity(self, ref: EntityRef, *, actor: Actor) -> Location:
        entity = self._get(ref, actor)
        origin = (entity.document["metadata"].get("annotations") or {}).get(ORIGIN)
        for location in self._locations.values():
            if f"{location.type}:{location.target}" == origin:
                return location
        raise LocationNotFound(f"No location for {ref}")

    async def create_location(
        self, location: LocationRef, *, on_conflict: Literal["refresh", "reject"], actor: Actor
    ) -> Location:
        _require_url(location)
        for known in self._locations.values():
            if (known.type, known.target) == location:
                if on_conflict == "reject":
                    raise LocationExists(f"Location {location} already exists")
                self._read(known)
                return known
        made = self._locate(str(uuid.uuid4()), location)
        self._locations[made.id] = made
        self._read(made)
        return made

    async def dry_run_location(self, location: LocationRef, *, actor: Actor) -> LocationDryRun:
        _require_url(location)
        documents = [dict(document) for document in self._reader(location.target)]
        exists = any((known.type, known.target) == location for known in self._locations.values())
        return LocationDryRun(self._locate(str(location), location), documents, exists)

    async def update_location(self, id: str, location: LocationRef, *, actor: Actor) -> Location:
        _require_url(location)
        known = await self.get_location(id, actor=actor)
        if any((other.type, other.target) == location and other.id != id for other in self._locations.values()):
            raise LocationExists(f"Location {location} already exists")
        self._locations[id] = replace(known, type=location.type, target=location.target)
        return self._locations[id]

    async def delete_location(self, id: str, *, actor: Actor) -> None:
        location = await self.get_location(id, actor=actor)
        del self._locations[id]
        origin = f"{location.type}:{location.target}"
        for entity in list(self._by_ref.values()):
            if (entity.document["metadata"].get("annotations") or {}).get(ORIGIN) == origin:
                del self._by_ref[entity.ref]

    def _locate(self, id: str, location: LocationRef) -> Location:
        name = hashlib.sha1(str(location).encode(), usedforsecurity=False).hexdigest()
        return Location(id, location.type, location.target, f"location:default/generated-{name}")

    def _read(self, location: Location) -> None:
        origin = f"{location.type}:{location.target}"
        for document in self._reader(location.target):
            metadata = dict(document["metadata"])
            metadata["annotations"] = {**metadata.get("annotations", {}), ORIGIN: origin}
            self.put({**document, "metadata": metadata})

    async def analyze_location(
        self, location: LocationRef, *, catalog_filename: str | None, actor: Actor
    ) -> Mapping[str, Any]:
        name = location.target.rstrip("/").rpartition("/")[2]
        spec = {"type": "other", "lifecycle": "unknown"}
        entity = {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": name},
            "spec": spec,
        }
        return {"existingEntityFiles": [], "generateEntities": [{"entity": entity, "fields": []}]}

    async def validate_entity(self, entity: Any, location: LocationRef, *, actor: Actor) -> Sequence[Finding]:
        return self.problems.get(str((entity.get("metadata") or {}).get("name")), [])

    async def list_unprocessed(
        self, state: Literal["failed", "pending"], *, owner: str | None, actor: Actor
    ) -> Sequence[Mapping[str, Any]]:
        return [row for kept, by, row in self._unprocessed.values() if kept == state and owner in (None, by)]

    async def delete_unprocessed(self, entity_id: str, *, actor: Actor) -> None:
        self._unprocessed.pop(entity_id, None)

    async def why(self, asked: str, *, actor: Actor) -> Why:
        kind: Literal["ref", "location"] = "location" if "//" in asked else "ref"
        found = self._find(asked.lower(), actor)
        if found is None:
            return Why(asked, kind, (), [e.ref for e in self._seen(None, actor)][:3])
        steps = [WhyStep("stitched", "ok", "It is in the catalog.", findings=self._findings.get(found.ref, ()))]
        return Why(asked, kind, [WhySubject(found.ref, found.ref, None, steps, None)])


def _sorted_lacking_last(rows: Sequence[_Stored], order: Order) -> list[_Stored]:
    """Stable: by the least value of the key, those without one at the end whatever the direction."""
    descending = order.direction == "desc"

    def value(entity: _Stored) -> str | None:
        values = [v for v in entity.terms.get(order.field.lower(), ()) if v is not None]
        return (max(values) if descending else min(values)) if values else None

    having = [e for e in rows if value(e) is not None]
    lacking = [e for e in rows if value(e) is None]
    return sorted(having, key=lambda e: value(e) or "", reverse=descending) + lacking


def _require_url(location: LocationRef) -> None:
    if location.type != "url":
        raise InputError('Registered locations must be of an allowed type ["url"]')

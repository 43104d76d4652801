"""Writes of the catalog: registered locations, refresh, removal. Each asks permission, is audited, may be repeated."""

from __future__ import annotations

import uuid
from typing import Any, Literal, Mapping, Sequence

import orjson

from callboard.features.catalog import interface as face
from callboard.features.catalog.domain import location_of
from callboard.features.catalog.interface import (
    DeferredEntity,
    DeltaMutation,
    EntityNotFound,
    Finding,
    Location,
    LocationDryRun,
    LocationExists,
    LocationNotFound,
    Why,
)
from callboard.features.catalog.service.inspection import Inspection
from callboard.features.catalog.service.mutations import Mutations
from callboard.features.catalog.service.queries import Queries
from callboard.features.catalog.service.writing import Writer
from callboard.features.catalog.store import files, records, repositories, sources, unprocessed
from callboard.features.catalog.store.placing import find_nodes
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.kernel.permissions import Permission, PermissionService
from callboard.model.locations import location_entity
from callboard.model.predicates import matches
from callboard.model.refs import MAX_ADDRESS_LENGTH, EntityRef, LocationRef
from callboard.model.terms import terms_of
from callboard.model.urls import split_http

LOCATION_STORE = "DefaultLocationStore"
"""Source name of registered locations, as Backstage calls it."""


class Commands:
    """``CatalogCommands``."""

    def __init__(
        self, *, writer: Writer, queries: Queries, mutations: Mutations, inspection: Inspection,
        permissions: PermissionService, audit: Audit, is_readonly: bool = False,
        location_types: Sequence[str] = ("url",), default_conflict: Literal["refresh", "reject"] = "reject",
    ) -> None:  # fmt: skip
        self._writer = writer
        self._queries = queries
        self._mutations = mutations
        self._inspection = inspection
        self._permissions = permissions
        self._audit = audit
        self._is_readonly = is_readonly
        self._location_types = tuple(location_types)
        self._default_conflict = default_conflict

    # ---- may they? ------------------------------------------------------------------------------------------------

    def _require(self, actor: Actor, permission: Permission) -> None:
        self._permissions.require(actor, permission)

    def _require_writable(self) -> None:
        if self._is_readonly:
            raise NotAllowedError("The catalog is read-only (catalog.readonly). Change it at its sources.")

    def _allows(self, actor: Actor, permission: Permission, entity: Mapping[str, Any]) -> bool:
        decision = self._permissions.decide(actor, permission)
        if decision.result == "CONDITIONAL" and decision.condition is not None:
            return matches(self._permissions.compile(decision.condition), terms_of(entity))
        return decision.result == "ALLOW"

    async def _visible(self, ref: EntityRef, actor: Actor, message: str | None = None) -> dict[str, Any]:
        raw = await self._queries.find_raw(str(ref), actor=actor)
        if raw is None:
            raise EntityNotFound(ref, message)
        entity: dict[str, Any] = orjson.loads(raw)
        return entity

    # ---- refresh and removal --------------------------------------------------------------------------------------

    async def refresh(self, ref: EntityRef, *, actor: Actor) -> None:
        entity = await self._visible(ref, actor, f"Entity {ref} not found")
        if not self._allows(actor, face.REFRESH_ENTITY, entity):
            raise NotAllowedError(f"You may not have {ref} read again (catalog.entity.refresh). Its owner may.")
        ask = self._writer.ask
        async with self._writer.db.write() as tx:
            id = (await self._queries._index.ids_of(tx, (str(ref),)))[str(ref)]
            if entity["kind"].lower() == "location":
                await ask.read_location(tx, id, actor=actor.subject, priority=10)
            for row in await files.find_files_of(tx, id):
                await ask.read_file(tx, row.id, actor=actor.subject, priority=10)
            names, _ = await sources.find_holders(tx, id)
            for name in names:
                await ask.run_provider(tx, name, priority=5)
            await self._audit.record(
                tx, "entity-mutate", actor=actor, meta={"actionType": "refresh", "entityRef": str(ref)}
            )
            tx.after_commit(self._writer.jobs.wake)

    async def refresh_keys(self, keys: Sequence[str], *, actor: str = "plugin:callboard") -> int:
        """Read again whatever came from these locations (``url:https://…``), or read them on the way; how many jobs that is.

        A key is the location of a file, what a placeholder read, or the target of a Location that could not be read yet.
        """
        wanted = [spelling for key in keys for spelling in _spellings(key)]
        async with self._writer.db.write() as tx:
            rows = await files.find_files_at(tx, wanted)
            ids = {row.id for row in rows} | set(await repositories.list_files_reading(tx, wanted))
            nodes = await repositories.list_locations_at(tx, wanted, known={row.parent_id for row in rows})
            for id in sorted(ids):
                await self._writer.ask.read_file(tx, id, actor=actor, priority=10)
            for node in nodes:
                await self._writer.ask.read_location(tx, node, actor=actor, priority=10)
            tx.after_commit(self._writer.jobs.wake)
        return len(ids) + len(nodes)

    async def delete_by_uid(self, uid: str, *, actor: Actor) -> None:
        self._require_writable()
        raw = await self._queries.find_raw_by_uid(uid, actor=actor)
        if raw is None:
            self._permissions.require(actor, face.DELETE_ENTITY)
            return
        entity = orjson.loads(raw)
        ref = EntityRef.of(entity)
        if not self._allows(actor, face.DELETE_ENTITY, entity):
            raise NotAllowedError(f"You may not remove {ref} (catalog.entity.delete).")
        async with self._writer.db.write() as tx:
            id = (await self._queries._index.ids_of(tx, (str(ref),)))[str(ref)]
            names, _ = await sources.find_holders(tx, id)
            change = await self._writer.begin(tx, actor.subject)
            await change.remove([id])
            await change.drop(change.children)
            await change.finish()  # files that still name it are read again
            for name in names:
                await self._writer.ask.run_provider(tx, name)
            await self._audit.record(
                tx,
                "entity-mutate",
                actor=actor,
                severity="medium",
                meta={"actionType": "delete", "uid": uid, "entityRef": str(ref)},
            )

    # ---- registered locations -------------------------------------------------------------------------------------

    async def list_locations(self, *, actor: Actor) -> Sequence[Location]:
        if self._permissions.decide(actor, face.READ_LOCATION).result != "ALLOW":
            return []
        async with self._writer.db.read(snapshot=False) as tx:
            found = await records.list_locations(tx)
            hidden = await self._queries.hidden_among(tx, [location.entity_ref for location in found], actor)
        return [location for location in found if location.entity_ref not in hidden]

    async def get_location(self, id: str, *, actor: Actor) -> Location:
        if self._permissions.decide(actor, face.READ_LOCATION).result == "ALLOW":
            async with self._writer.db.read(snapshot=False) as tx:
                found = await self._seen(tx, await records.find_location(tx, id), actor)
            if found is not None:
                return found
        raise LocationNotFound(f"Found no location with ID {id}")

    async def get_location_by_entity(self, ref: EntityRef, *, actor: Actor) -> Location:
        entity = await self._visible(ref, actor, f"found no entity for ref {ref}")
        origin = location_of(entity, "managed-by-origin-location")
        if origin and self._permissions.decide(actor, face.READ_LOCATION).result == "ALLOW":
            location = LocationRef.parse(origin)
            async with self._writer.db.read(snapshot=False) as tx:
                found = await self._seen(tx, await records.find_location_at(tx, location.type, location.target), actor)
            if found is not None:
                return found
        raise LocationNotFound(f"Found no location for entity {ref}")

    async def _require_seen(self, id: str, actor: Actor) -> None:
        async with self._writer.db.read(snapshot=False) as tx:
            if await self._seen(tx, await records.find_location(tx, id), actor) is None:
                raise LocationNotFound(f"Found no location with ID {id}")

    async def _seen(self, tx: Transaction, location: Location | None, actor: Actor) -> Location | None:
        """``location`` unless the entity that it stands for is hidden from ``actor``."""
        if location is None or await self._queries.hidden_among(tx, [location.entity_ref], actor):
            return None
        return location

    def _require_type(self, location: LocationRef, actor: Actor) -> None:
        """Over the wire ``url`` alone, as in Backstage. Whoever holds the store itself (``SYSTEM``) may name files, too."""
        if location.type not in self._location_types and not (location.type == "file" and actor == SYSTEM):
            allowed = orjson.dumps(list(self._location_types)).decode()
            raise InputError(f"Registered locations must be of an allowed type {allowed}", field="type")
        if len(location.target) > MAX_ADDRESS_LENGTH:
            raise InputError(f"The target of a location has at most {MAX_ADDRESS_LENGTH:,} characters", field="target")
        if "\0" in location.target:
            raise InputError("The target of a location must not hold a NUL character", field="target")
        if location.target.lower().startswith("javascript:"):
            raise InputError("The target of a location must not be a javascript: URL", field="target")

    async def create_location(
        self, location: LocationRef, *, on_conflict: Literal["refresh", "reject"] | None = None, actor: Actor
    ) -> Location:
        self._require(actor, face.CREATE_LOCATION)
        self._require_writable()
        self._require_type(location, actor)
        entity = location_entity(location)
        async with self._writer.db.write() as tx:
            known = await records.find_location_at(tx, location.type, location.target)
            if known is None:
                known = Location(str(uuid.uuid4()), location.type, location.target, str(EntityRef.of(entity)))
                await records.insert_location(tx, known, self._writer.now())
                await self._audit.record(
                    tx, "location-mutate", actor=actor, meta={"actionType": "create", "location": str(location)}
                )
                is_new = True
            else:
                is_new = False
        if not is_new:
            if (on_conflict or self._default_conflict) == "reject":
                raise LocationExists(f"Location {location} already exists")
            await self.refresh(EntityRef.parse(known.entity_ref), actor=SYSTEM)
            return known
        await self._give(known, actor)
        return known

    async def _give(self, location: Location, actor: Actor) -> None:
        entity = location_entity(LocationRef(location.type, location.target))
        entity["metadata"]["name"] = EntityRef.parse(location.entity_ref).name  # a changed location keeps its entity
        await self._mutations.apply(
            LOCATION_STORE,
            DeltaMutation(added=[DeferredEntity(entity, f"{location.type}:{location.target}")]),
            actor=actor.subject,
        )

    async def dry_run_location(self, location: LocationRef, *, actor: Actor) -> LocationDryRun:
        self._require(actor, face.CREATE_LOCATION)
        self._require_type(location, actor)
        async with self._writer.db.read() as tx:
            exists = await records.find_location_at(tx, location.type, location.target) is not None
        entities = await self._inspection.dry_run(location)
        entity_ref = str(EntityRef.of(location_entity(location)))
        return LocationDryRun(Location(str(location), *location, entity_ref), entities, exists)

    async def update_location(self, id: str, location: LocationRef, *, actor: Actor) -> Location:
        self._require(actor, face.CREATE_LOCATION)
        self._require_writable()
        self._require_type(location, actor)
        await self._require_seen(id, actor)
        async with self._writer.db.write() as tx:
            known = await records.find_location(tx, id)
            if known is None:
                raise LocationNotFound(f"Found no location with ID {id}")
            other = await records.find_location_at(tx, *location)
            if other is not None and other.id != id:
                raise LocationExists(f"Location {location} already exists")
            changed = Location(id, location.type, location.target, known.entity_ref)
            await records.update_location(tx, changed)
            await self._audit.record(
                tx, "location-mutate", actor=actor, meta={"actionType": "update", "id": id, "location": str(location)}
            )
        if changed != known:
            # the entity stays: what the old target gave goes when the new one was read
            await self._give(changed, actor)
        return changed

    async def delete_location(self, id: str, *, actor: Actor) -> None:
        self._require(actor, face.DELETE_LOCATION)
        self._require_writable()
        await self._require_seen(id, actor)
        async with self._writer.db.write() as tx:
            known = await records.find_location(tx, id)
            if known is None:
                raise LocationNotFound(f"Found no location with ID {id}")
            await records.delete_location(tx, id)
            await self._audit.record(
                tx, "location-mutate", actor=actor, severity="medium",
                meta={"actionType": "delete", "id": id, "location": f"{known.type}:{known.target}"},
            )  # fmt: skip
        await self._mutations.apply(LOCATION_STORE, DeltaMutation(removed=[known.entity_ref]), actor=actor.subject)

    async def restore_locations(self) -> None:
        """At start: every registered location has its entity, also after a crash between the two writes."""
        async with self._writer.db.write() as tx:
            registered = await records.list_locations(tx)
            source_id = await sources.ensure_source(tx, LOCATION_STORE)
            given = await sources.list_given(tx, source_id)
        wanted = {location.entity_ref for location in registered}
        extra = [ref for ref in given if ref not in wanted]
        if extra:
            await self._mutations.apply(LOCATION_STORE, DeltaMutation(removed=extra), actor=SYSTEM.subject)
        for location in registered:
            if location.entity_ref not in given:
                await self._give(location, SYSTEM)

    # ---- looking without writing ----------------------------------------------------------------------------------

    async def analyze_location(
        self, location: LocationRef, *, catalog_filename: str | None, actor: Actor
    ) -> Mapping[str, Any]:
        self._require(actor, face.ANALYZE_LOCATION)
        parts = split_http(location.target)
        if location.type != "url" or parts is None or not parts.hostname:
            raise InputError("The given location.target is not a URL", field="location.target")
        return await self._inspection.analyze(location, catalog_filename, actor=actor, queries=self._queries)

    async def validate_entity(self, entity: Any, location: LocationRef, *, actor: Actor) -> Sequence[Finding]:
        self._require(actor, face.VALIDATE_ENTITY)
        return await self._inspection.validate(entity, location)

    async def why(self, asked: str, *, actor: Actor) -> Why:
        return await self._inspection.why(asked, actor=actor, queries=self._queries)

    # ---- what never came through ----------------------------------------------------------------------------------

    async def list_unprocessed(
        self, state: Literal["failed", "pending"], *, owner: str | None, actor: Actor
    ) -> Sequence[Mapping[str, Any]]:
        self._require(actor, face.READ_INGESTION)
        async with self._writer.db.read(snapshot=False) as tx:
            return await unprocessed.list_unprocessed(tx, state, owner, await self._queries.ids_seen_by(tx, actor))

    async def delete_unprocessed(self, entity_id: str, *, actor: Actor) -> None:
        self._require(actor, face.MANAGE_INGESTION)
        self._require_writable()
        async with self._writer.db.write() as tx:
            id = await unprocessed.find_by_uid(tx, entity_id)
            if id is None or not await find_nodes(tx, [id]):
                return
            change = await self._writer.begin(tx, actor.subject)
            await change.remove([id])
            await change.drop(change.children)
            await change.finish()
            await self._audit.record(
                tx,
                "entity-mutate",
                actor=actor,
                severity="medium",
                meta={"actionType": "delete-unprocessed", "uid": entity_id},
            )


__all__ = ["LOCATION_STORE", "Commands"]


def _spellings(key: str) -> list[str]:
    """A key, and how the catalog writes it: GitHub's ``/blob/`` and ``/edit/`` pages are kept as ``/tree/``."""
    return list(dict.fromkeys((key, *(key.replace(page, "/tree/", 1) for page in ("/blob/", "/edit/") if page in key))))

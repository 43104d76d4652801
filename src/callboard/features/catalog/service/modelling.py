"""``KindModels``: kinds declared in the browser, taken up by every process, and what is given judged again.

The registry of the portal is one object that everybody holds; ``ensure_current`` has it become the kinds of the highest
version. A process that saves does so at once, the others when they are told (PostgreSQL) or with their next look.
"""

from __future__ import annotations

import asyncio
from typing import Any, Sequence

import orjson

from callboard.features.catalog.domain import document_of
from callboard.features.catalog.graph.domain import RelationTypes
from callboard.features.catalog.graph.reader import declared_pairs
from callboard.features.catalog.ingest.documents import Documents, fingerprint_of_kinds
from callboard.features.catalog.interface import READ_ENTITY, EntityQuery
from callboard.features.catalog.interface.modelling import (
    MANAGE_KINDS,
    EntitiesRefused,
    KindOrigin,
    KnownKind,
    Layer,
    ModelEffect,
    ModelMoved,
    ModelVersion,
    RefusedEntity,
)
from callboard.features.catalog.kind_fields import compare, key_of
from callboard.features.catalog.processing.model_settings import NamedLayer
from callboard.features.catalog.service.queries import Queries
from callboard.features.catalog.service.rejudging import REJUDGE_JOB
from callboard.features.catalog.store import model as rows
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.clock import Clock, format_time, parse_time
from callboard.kernel.db.interface import Database
from callboard.kernel.db.watch import ChannelWatch
from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError
from callboard.kernel.jobs import Jobs
from callboard.kernel.logs import get_logger
from callboard.kernel.permissions import PermissionService
from callboard.model.builtin_kinds import BUILT_IN_KINDS
from callboard.model.kinds import KindError, KindExtension, KindRegistry, LayerItem, parse_item
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef
from callboard.model.validation import EntityValidator

log = get_logger(__name__)

CHANNEL = "callboard_model"
MAX_REFUSED_TOLD = 50
MAX_LAYER_BYTES = 1024 * 1024
MAX_NOTE = 200


class DeclaredKinds:
    """``KindModels`` of one portal. ``layers`` are those of plugins and settings, below what is declared here."""

    def __init__(
        self, db: Database, *, kinds: KindRegistry, layers: Sequence[NamedLayer], types: RelationTypes, documents: Documents,
        queries: Queries, jobs: Jobs, permissions: PermissionService, audit: Audit, clock: Clock, is_readonly: bool = False,
    ) -> None:  # fmt: skip
        self._db = db
        self._kinds = kinds
        self._layers = layers
        self._types = types
        self._documents = documents
        self._queries = queries
        self._jobs = jobs
        self._permissions = permissions
        self._audit = audit
        self._clock = clock
        self._is_readonly = is_readonly
        self._number = 0
        self._portal_items: Sequence[LayerItem] = ()
        self._taking_up = asyncio.Lock()
        self.error = ""
        """Why the layer that is stored cannot be used with the settings as they are now; empty when it can."""

    # ---- taking up -----------------------------------------------------------------------------------------------------

    async def ensure_current(self) -> None:
        """Have this process know the kinds of the highest version. One small query when it does already."""
        async with self._taking_up:
            async with self._db.read(snapshot=False) as tx:
                number = await rows.latest_number(tx)
                if number == self._number:
                    return
                layer = await rows.find_layer(tx, number)
            try:
                items, kinds = self._compile(layer or ())
            except InputError as error:
                log.exception("declared kinds cannot be used", version=number)
                self.error, self._number = error.message, number
                return
            self.error, self._number, self._portal_items = "", number, items
            self._kinds.become(kinds)
            self._types.declare(declared_pairs(kinds))
            self._documents.use_kinds(fingerprint_of_kinds(kinds.definitions))
            log.info("declared kinds taken up", version=number, kinds=len(kinds.definitions))

    def _compile(self, layer: Layer) -> tuple[Sequence[LayerItem], KindRegistry]:
        try:
            items = [parse_item(item) for item in layer]
            return items, KindRegistry.built_in(*(known.items for known in self._layers), items)
        except KindError as error:
            raise InputError(str(error), field="kinds") from error

    # ---- reading -------------------------------------------------------------------------------------------------------

    async def list_kinds(self, *, actor: Actor) -> Sequence[KnownKind]:
        if self._permissions.decide(actor, READ_ENTITY).result == "DENY":
            raise NotAllowedError(f"You may not see entities ({READ_ENTITY.name}).")
        counts: dict[str, int] = {}
        for value in (await self._queries.facets(["kind"], actor=actor)).get("kind", ()):
            counts[value.value.lower()] = counts.get(value.value.lower(), 0) + value.count
        origins = self._origins()
        extended = {
            item.kind.lower() for layer in self._all_layers() for item in layer[1] if isinstance(item, KindExtension)
        }
        return [
            KnownKind(
                definition, origins.get(definition.kind.lower(), ()), counts.get(definition.kind.lower(), 0),
                definition.kind.lower() in extended,
            )
            for definition in self._kinds.definitions
        ]  # fmt: skip

    def _all_layers(self) -> list[tuple[KindOrigin, Sequence[LayerItem]]]:
        return [
            ("built-in", BUILT_IN_KINDS),
            *((layer.origin, layer.items) for layer in self._layers),
            ("portal", self._portal_items),
        ]

    def _origins(self) -> dict[str, list[KindOrigin]]:
        found: dict[str, list[KindOrigin]] = {}
        for origin, items in self._all_layers():
            for item in items:
                known = found.setdefault(item.kind.lower(), [])
                if origin not in known:
                    known.append(origin)
        return found

    async def get_layer(self, *, actor: Actor) -> tuple[Layer, ModelVersion]:
        self._permissions.require(actor, MANAGE_KINDS)
        async with self._db.read() as tx:
            versions = await rows.list_versions(tx, 1)
            if not versions:
                return (), ModelVersion(0, None, "", "")
            layer = await rows.find_layer(tx, versions[0][0])
        return layer or (), _version(versions[0])

    async def list_versions(self, *, actor: Actor, limit: int = 50) -> Sequence[ModelVersion]:
        self._permissions.require(actor, MANAGE_KINDS)
        async with self._db.read() as tx:
            return [_version(row) for row in await rows.list_versions(tx, limit)]

    # ---- what it would do ----------------------------------------------------------------------------------------------

    async def preview(self, layer: Layer, *, actor: Actor) -> ModelEffect:
        before, _ = await self.get_layer(actor=actor)
        await self.ensure_current()
        return await self._effect(before, layer, actor)

    async def _effect(self, before: Layer, layer: Layer, actor: Actor) -> ModelEffect:
        """Every entity is judged; those that the actor may not see are counted and not named."""
        if len(orjson.dumps(list(layer))) > MAX_LAYER_BYTES:
            raise InputError(f"Declared kinds take at most {MAX_LAYER_BYTES // 1024} KiB.", field="kinds")
        _, kinds = await asyncio.to_thread(self._compile, layer)
        try:
            changes = compare(before, layer)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"The kinds cannot be read: {error!r}", field="kinds") from error
        touched = sorted({change.kind.lower() for change in changes})
        judged, refused_count = 0, 0
        refused: list[RefusedEntity] = []
        if touched:
            now, then = EntityValidator(self._kinds), EntityValidator(kinds)
            pages = self._queries.iter_raw(EntityQuery(has_value("kind", touched)), actor=SYSTEM)
            async for chunk in pages:
                found = await asyncio.to_thread(_newly_refused, chunk, now, then)
                judged += len(chunk)
                refused_count += len(found)
                refused += found[: MAX_REFUSED_TOLD - len(refused)]
        seen = await self._queries.get_many_raw([one.ref for one in refused], actor=actor) if refused else []
        told = [one for one, raw in zip(refused, seen, strict=True) if raw is not None]
        return ModelEffect([(c.kind, c.field, c.how) for c in changes], judged, refused_count, told)

    # ---- writing -------------------------------------------------------------------------------------------------------

    async def save(
        self, layer: Layer, *, base: int, note: str = "", refuse_entities: bool = False, actor: Actor
    ) -> ModelVersion:
        self._permissions.require(actor, MANAGE_KINDS)
        if self._is_readonly:
            raise NotAllowedError(
                "The catalog is read-only (catalog.readonly). Declare kinds in the settings (catalog.model)."
            )
        await self.ensure_current()
        before, version = await self.get_layer(actor=actor)
        if version.number != base:
            raise _moved(version)
        effect = await self._effect(before, layer, actor)
        _require_distinct(layer)
        if not effect.changes:
            return version
        if effect.refused_count and not refuse_entities:
            first = f", among them {effect.refused[0].ref}: {effect.refused[0].message}" if effect.refused else "."
            raise EntitiesRefused(f"{effect.refused_count} of {effect.judged} entities would be refused{first}", effect)
        kinds = sorted({kind.lower() for kind, _, _ in effect.changes})
        note = (note or _note(effect))[:MAX_NOTE]
        at = self._clock.now()
        async with self._db.write() as tx:
            is_next = await rows.insert_version(
                tx, base + 1, list(layer), at=format_time(at), by=actor.subject, note=note
            )
            if not is_next:
                raise _moved(version)
            await self._jobs.enqueue(tx, REJUDGE_JOB, {"kinds": kinds, "version": base + 1}, key=f"model:{base + 1}")
            await self._audit.record(
                tx, "kind-mutate", actor=actor, severity="medium",
                meta={"actionType": "declare", "version": base + 1, "kinds": kinds, "note": note, "refused": effect.refused_count},
            )  # fmt: skip
            await tx.notify(CHANNEL, str(base + 1))
        await self.ensure_current()
        return ModelVersion(base + 1, at, actor.subject, note)

    async def restore(self, number: int, *, base: int, refuse_entities: bool = False, actor: Actor) -> ModelVersion:
        self._permissions.require(actor, MANAGE_KINDS)
        async with self._db.read() as tx:
            layer = await rows.find_layer(tx, number) if number else []
        if layer is None:
            raise NotFoundError(f"There is no version {number} of the declared kinds.")
        return await self.save(
            layer, base=base, note=f"Version {number} restored", refuse_entities=refuse_entities, actor=actor
        )


def _version(row: Sequence[Any]) -> ModelVersion:
    return ModelVersion(row[0], parse_time(row[1]), row[2], row[3])


def _moved(version: ModelVersion) -> ModelMoved:
    return ModelMoved(
        f"Somebody else changed the kinds: version {version.number} holds now. Nothing was written; look at theirs first."
    )


def _require_distinct(layer: Layer) -> None:
    seen = set()
    for item in layer:
        key = key_of(item)
        if key in seen:
            raise InputError(f"{key[1]} is declared twice.", field="kinds")
        seen.add(key)


def _note(effect: ModelEffect) -> str:
    """Such as ``Dataset added; Component.costCentre changed``."""
    words = [f"{kind}.{field} {how}" if field else f"{kind} {how}" for kind, field, how in effect.changes]
    return "; ".join(words)


def _newly_refused(chunk: Sequence[bytes], now: EntityValidator, then: EntityValidator) -> list[RefusedEntity]:
    """Those that the kinds of today take and the others do not."""
    out = []
    for raw in chunk:
        entity = document_of(orjson.loads(raw))
        ref = str(EntityRef.of(entity))
        _, problems = then.validate(entity, ref)
        if problems and not now.validate(entity, ref)[1]:
            field = ".".join(str(part) for part in problems[0].field) or None
            out.append(RefusedEntity(ref, problems[0].message, field))
    return out


class ModelWatch(ChannelWatch):
    """Has the process take up kinds that another one saved: told by PostgreSQL at once, and looked for every few seconds."""

    def __init__(self, db: Database, models: DeclaredKinds, *, every_s: float = 2.0) -> None:
        super().__init__(db, CHANNEL, models.ensure_current, every_s=every_s, name="catalog model watch")

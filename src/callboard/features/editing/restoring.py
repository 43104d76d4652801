"""Earlier versions of an entity, put together from its history, and entities that were deleted from the portal's own store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import (
    CREATE_ENTITY,
    READ_ENTITY,
    UPDATE_ENTITY,
    EntityNotFound,
    HistoryEntry,
)
from callboard.features.editing import domain, store
from callboard.features.editing.domain import KeptText
from callboard.features.editing.interface import SOURCE, DeletedEntity, Editable, Saved, Version
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import NotFoundError
from callboard.model.fields import differences, find_value, with_value
from callboard.model.refs import EntityRef
from callboard.ui.patching import patch

if TYPE_CHECKING:
    from callboard.features.editing.service import EntityEditing

STEP = 200
MAX_STEPS = 50
"""Of so many changes at a time a version is looked for: 10,000 in all."""
_DERIVED = ("backstage.io/view-url", "backstage.io/edit-url", "backstage.io/source-location")
"""Annotations that follow from where the entity is described now."""


def undo(document: Mapping[str, Any], diff: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The document before a change; None when the history says no more than that much changed. Relations are left out."""
    out = dict(document)
    for step in diff:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in str(step.get("path", "")).split("/")[1:]]
        if not parts or "note" in step:
            return None
        if parts[0] in ("relations", "status"):
            continue
        out = with_value(out, tuple(parts), None if step.get("op") == "add" else step.get("from"))
    return out


def step_back(document: Mapping[str, Any] | None, entry: HistoryEntry) -> Mapping[str, Any] | None:
    """What stood before a change, from what stood after it; None where that cannot be told."""
    if entry.change == "deleted":
        found = entry.diff[0].get("from") if entry.diff else None
        return found if isinstance(found, dict) else None
    if entry.change == "created" or document is None:
        return None
    return undo(document, entry.diff)


class Restoring:
    """The part of ``EntityEditing`` that is about what was."""

    def __init__(self, editing: EntityEditing) -> None:
        self._editing = editing

    # ---- versions ------------------------------------------------------------------------------------------------------

    async def find(self, ref: EntityRef, id: int, actor: Actor) -> Version | None:
        raw = await self._editing.queries.find_raw(str(ref), actor=actor)
        if raw is None:
            raise EntityNotFound(ref)
        entity = orjson.loads(raw)
        found = await self._find(ref, id, entity, actor)
        standing = await self._editing.find_editable(ref, actor=actor)
        if found is None or standing is None:
            return None
        entry, document = found
        return Version(
            str(ref), id, entry.at, entry.actor, entry.change, domain.text_of(self._as_now(document, standing)),
            domain.text_of(entity), standing.mark, self._editing.may(actor, UPDATE_ENTITY, entity),
        )  # fmt: skip

    async def _find(
        self, ref: EntityRef, id: int, entity: Mapping[str, Any], actor: Actor
    ) -> tuple[HistoryEntry, Mapping[str, Any]] | None:
        document: Mapping[str, Any] | None = entity
        before: int | None = None
        for _ in range(MAX_STEPS):
            entries = await self._editing.queries.history(ref, actor=actor, limit=STEP, before=before)
            for entry in entries:
                if entry.id == id:
                    if entry.change == "deleted" or document is None:
                        return None
                    return entry, document
                document = step_back(document, entry)
            if len(entries) < STEP or entries[-1].id < id:
                return None
            before = entries[-1].id
        return None

    def _as_now(self, document: Mapping[str, Any], standing: Editable) -> Mapping[str, Any]:
        """With the annotations that nobody wrote as they are now."""
        for name in _DERIVED:
            path = ("metadata", "annotations", name)
            document = with_value(document, path, find_value(standing.document, path))
        return document

    async def restore(self, ref: EntityRef, id: int, base_mark: str, actor: Actor) -> Saved:
        version = await self.find(ref, id, actor)
        if version is None:
            raise NotFoundError(f"The history does not hold {ref} as it was after change {id}.")
        standing = await self._editing.find_editable(ref, actor=actor)
        text = version.text
        if standing is not None and standing.giver.is_own:
            found, _ = domain.read_text(standing.text)
            wanted, _ = domain.read_text(text)
            if found is not None and found.value is not None and wanted is not None and wanted.value is not None:
                values = differences(domain.written_part(found.value), domain.written_part(wanted.value))
                text = patch(standing.text, found.value, values)
        return await self._editing.save(
            text, ref=ref, base_mark=base_mark, actor=actor, why=f"Version {id} was restored."
        )

    # ---- deleted -------------------------------------------------------------------------------------------------------

    async def list_deleted(self, actor: Actor, before: int | None, limit: int) -> Sequence[DeletedEntity]:
        editing = self._editing
        may_create = editing.permissions.decide(actor, CREATE_ENTITY).result == "ALLOW"
        out: list[DeletedEntity] = []
        while len(out) < limit:
            async with editing.db.read() as tx:
                entries = await editing.sources.list_deleted(tx, SOURCE, before=before, limit=STEP)
                texts = await store.find_texts(tx, [entry.ref for entry in entries])
            for entry in entries:
                entity = step_back(None, entry)
                if entity is not None and editing.may(actor, READ_ENTITY, entity):
                    title = str(entity["metadata"].get("title") or entity["metadata"]["name"])
                    text = _text(entity, texts.get(entry.ref))
                    out.append(DeletedEntity(entry.ref, entry.id, title, entry.actor, entry.at, text, may_create))
            if len(entries) < STEP:
                break
            before = entries[-1].id
        return out[:limit]

    async def restore_deleted(self, ref: EntityRef, actor: Actor) -> Saved:
        editing, name = self._editing, str(ref)
        async with editing.db.read() as tx:
            entries = await editing.sources.list_deleted(tx, SOURCE, refs=[name], limit=1)
            kept = await store.find_text(tx, name)
        entity = step_back(None, entries[0]) if entries else None
        if entity is None or not editing.may(actor, READ_ENTITY, entity):
            raise EntityNotFound(ref, f"No deleted entity {ref} is visible to you.")
        return await editing.save(_text(entity, kept), actor=actor, why="It was brought back.")


def _text(entity: Mapping[str, Any], kept: KeptText | None) -> str:
    """As it was written last, when that is what was deleted."""
    if kept is not None:
        found, _ = domain.read_text(kept.text)
        if found is not None and found.value is not None and domain.ref_of(found.value) is not None:
            if not differences(domain.written_part(found.value), domain.written_part(entity)):
                return kept.text
    return domain.text_of(entity)

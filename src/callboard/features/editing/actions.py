"""Actions of editing for agents, templates and programs: save and delete entities of the portal's own store."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import (
    DELETE_ENTITY,
    READ_ENTITY,
    UPDATE_ENTITY,
    VALIDATE_ENTITY,
    EntityNotFound,
)
from callboard.features.editing.interface import Editing, TextRefused
from callboard.features.editing.rest import overlay_wire, saved_wire
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import ConflictError, NotAllowedError
from callboard.model.refs import EntityRef

_DRAFT = "http://json-schema.org/draft-07/schema#"
_SAVE: Mapping[str, Any] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "text": {"type": "string", "description": "The entity as YAML, one document."},
        "entityRef": {"type": "string", "description": "The entity to change; leave it out to create one."},
        "mark": {
            "type": "string",
            "description": "The version that the change was made from, as saving or reading gave it.",
        },
    },
    "required": ["text"],
    "dependencies": {"entityRef": ["mark"], "mark": ["entityRef"]},
    "additionalProperties": False,
}
_DELETE: Mapping[str, Any] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "entityRef": {"type": "string", "description": "The entity to delete."},
        "mark": {"type": "string", "description": "The version to delete; leave it out for whatever stands."},
    },
    "required": ["entityRef"],
    "additionalProperties": False,
}


_OVERLAY_OF: Mapping[str, Any] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {"entityRef": {"type": "string", "description": "The entity."}},
    "required": ["entityRef"],
    "additionalProperties": False,
}
_SET_OVERLAY: Mapping[str, Any] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "entityRef": {"type": "string", "description": "The entity, which another source gives."},
        "fields": {
            "type": "object",
            "description": "All that is laid over it from now on: paths (spec.owner) to values; null takes a field away.",
        },
        "mark": {"type": "string", "description": "The version it was made from; leave it out for whatever stands."},
    },
    "required": ["entityRef", "fields"],
    "additionalProperties": False,
}


def editing_actions(editing: Editing) -> Sequence[Action]:
    """Four, over ``editing``, which asks for the permissions that hold for the entity."""

    async def save(context: ActionContext) -> Mapping[str, Any]:
        given, ref = context.input, None
        if given.get("entityRef"):
            ref = EntityRef.parse(given["entityRef"])
        if context.dry_run:
            judged = await editing.judge(given["text"], actor=context.actor)
            if not judged.is_good:
                raise TextRefused(judged.findings)
            return {"entityRef": judged.ref, "outcome": "changed" if ref else "created"}
        return saved_wire(await editing.save(given["text"], ref=ref, base_mark=given.get("mark"), actor=context.actor))

    async def delete(context: ActionContext) -> Mapping[str, Any]:
        ref = EntityRef.parse(context.input["entityRef"])
        mark = context.input.get("mark")
        if context.dry_run:
            found = await editing.find_editable(ref, actor=context.actor)
            if found is None:
                raise EntityNotFound(ref)
            if not found.may_delete:
                raise NotAllowedError(f"You may not delete {ref} ({DELETE_ENTITY.name}). Its owner may.")
            if not found.giver.is_own or mark not in (None, found.mark):
                raise ConflictError(f"{ref} comes from another source, or changed since.")
        else:
            await editing.delete(ref, base_mark=mark, actor=context.actor)
        return {"entityRef": str(ref)}

    async def get_overlay(context: ActionContext) -> Mapping[str, Any]:
        ref = EntityRef.parse(context.input["entityRef"])
        found = await editing.find_overlay(ref, actor=context.actor)
        if found is None:
            raise EntityNotFound(ref)
        return overlay_wire(found)

    async def set_overlay(context: ActionContext) -> Mapping[str, Any]:
        given, ref = context.input, EntityRef.parse(context.input["entityRef"])
        return overlay_wire(
            await editing.set_overlay(ref, given["fields"], base_mark=given.get("mark"), actor=context.actor)
        )

    return (
        Action(
            "catalog:save-entity", "Save an entity",
            "Creates an entity in the portal's own store, or changes one from the version that `mark` names."
            " Of an entity that another source gives, what differs is laid over it.", save, _SAVE,
            attributes=ActionAttributes(destructive=False, idempotent=True), supports_dry_run=True, permission=VALIDATE_ENTITY,
        ),
        Action(
            "catalog:delete-entity", "Delete an entity",
            "Deletes an entity of the portal's own store; its history stays.", delete, _DELETE,
            attributes=ActionAttributes(destructive=True, idempotent=False), supports_dry_run=True, permission=DELETE_ENTITY,
        ),
        Action(
            "editing:get-overlay", "Get an overlay",
            "What the portal lays over an entity that another source gives: each field with its value, what the source says, who laid"
            " it over and when.", get_overlay, _OVERLAY_OF,
            attributes=ActionAttributes(read_only=True, destructive=False, idempotent=True), permission=READ_ENTITY,
        ),
        Action(
            "editing:set-overlay", "Set an overlay",
            "Lays fields over an entity that another source gives. They are all that is laid over it from then on; none gives the"
            " entity back to its source.", set_overlay, _SET_OVERLAY,
            attributes=ActionAttributes(destructive=False, idempotent=True), permission=UPDATE_ENTITY,
        ),
    )  # fmt: skip

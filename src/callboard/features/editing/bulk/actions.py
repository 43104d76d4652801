"""The action ``editing:change-many``, with a dry run."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import UPDATE_ENTITY
from callboard.features.catalog.interface.lists import EntityLists
from callboard.features.editing.bulk.interface import BulkChanges
from callboard.features.editing.rest_bulk import change_from, chosen_from, item_wire, record_wire
from callboard.kernel.actions import Action, ActionAttributes, ActionContext

SHOWN = 50
_VALUE: Mapping[str, Any] = {"type": ["string", "null"]}
_TAGS: Mapping[str, Any] = {"type": "array", "items": {"type": "string"}}
_SCHEMA: Mapping[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "refs": {"type": "array", "items": {"type": "string"}, "description": "Entity refs to change."},
        "filter": {
            "type": "object",
            "description": "Instead of refs: filters of the catalog list, such as kind, owner, lifecycle, type, tag, system, q.",
        },
        "change": {
            "type": "object",
            "description": "What to set; null takes a field away.",
            "properties": {
                "owner": _VALUE, "lifecycle": _VALUE, "system": _VALUE, "type": _VALUE, "addTags": _TAGS, "removeTags": _TAGS,
            },
            "additionalProperties": False,
        },
        "why": {"type": "string", "description": "The reason, for the audit log."},
    },
    "required": ["change"],
    "additionalProperties": False,
}  # fmt: skip


def bulk_actions(bulk: BulkChanges, lists: EntityLists) -> Sequence[Action]:
    async def change_many(context: ActionContext) -> Mapping[str, Any]:
        given, actor = context.input, context.actor
        predicate, refs = chosen_from(given, lists)
        record = await bulk.plan(
            change_from(given["change"]), predicate=predicate, refs=refs, why=given.get("why", ""), actor=actor
        )
        if not context.dry_run and record.stage == "planned" and record.counts.get("changed"):
            record = await bulk.apply(record.id, actor=actor)
        items, _ = await bulk.list_items(record.id, limit=SHOWN, actor=actor)
        return {**record_wire(record), "items": [item_wire(item) for item in items]}

    return (
        Action(
            "editing:change-many", "Change many entities",
            "Sets owner, lifecycle, system, type or tags of many entities at once: in the text of those that the portal keeps,"
            " as an overlay over others. Large changes are planned by a job: apply them when their stage is `planned`.",
            change_many, _SCHEMA, attributes=ActionAttributes(destructive=False, idempotent=True), supports_dry_run=True,
            permission=UPDATE_ENTITY,
        ),
    )  # fmt: skip

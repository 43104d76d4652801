"""Actions of importing for agents, templates and the command line: what was imported, how far it drifted, and back."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import CREATE_ENTITY
from callboard.features.importing.codec import to_wire
from callboard.features.importing.interface import ImportService
from callboard.kernel.actions import Action, ActionAttributes, ActionContext

_ID: Mapping[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"id": {"type": "string", "description": "Id of the import, as the list gives it."}},
    "required": ["id"],
    "additionalProperties": False,
}
_DRIFT: Mapping[str, Any] = {
    **_ID,
    "properties": {
        **_ID["properties"],
        "waitSeconds": {"type": "number", "minimum": 0, "maximum": 30, "description": "How long to wait for the end."},
    },
}
LISTED = 50
DRIFT_WAIT_S = 10


def import_actions(imports: ImportService) -> Sequence[Action]:
    """Three, over ``imports``."""

    async def list_imports(context: ActionContext) -> Mapping[str, Any]:
        page = await imports.list_imports(limit=LISTED, actor=context.actor)
        return {"items": to_wire(page.items), "totalItems": page.total}

    async def get_drift(context: ActionContext) -> Mapping[str, Any]:
        wait_s = float(context.input.get("waitSeconds", DRIFT_WAIT_S))
        found = await imports.compute_drift(context.input["id"], wait_s=wait_s, actor=context.actor)
        state: Mapping[str, Any] = to_wire(found)
        return state

    async def undo(context: ActionContext) -> Mapping[str, Any]:
        if context.dry_run:
            record = await imports.get_import(context.input["id"], actor=context.actor)
        else:
            record = await imports.undo(context.input["id"], actor=context.actor)
        shown: Mapping[str, Any] = to_wire(record)
        return shown

    return (
        Action(
            "importing:list-imports", "List imports of spreadsheets",
            "The newest imports with their stage, counts, and whether each can be undone.", list_imports,
            attributes=ActionAttributes(read_only=True, idempotent=True), permission=CREATE_ENTITY,
        ),
        Action(
            "importing:get-drift", "Compare a sheet with the catalog",
            "What an imported sheet says that the catalog does not, and what it gave and no longer names. A job compares them;"
            " ask again while the state is computing.", get_drift, _DRIFT,
            attributes=ActionAttributes(read_only=True, idempotent=True), permission=CREATE_ENTITY,
        ),
        Action(
            "importing:undo-import", "Undo an import",
            "Puts back what stood before an import of a spreadsheet; refused when something later stands on top.", undo, _ID,
            attributes=ActionAttributes(destructive=True, idempotent=True), supports_dry_run=True, permission=CREATE_ENTITY,
        ),
    )  # fmt: skip

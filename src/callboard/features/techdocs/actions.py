"""Actions for agents, templates and programs: a page as text, with the address to cite."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import READ_ENTITY
from callboard.features.techdocs.interface import TechDocs
from callboard.features.techdocs.rest.own import page_wire
from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError
from callboard.model.refs import EntityRef, RefError

_DRAFT = "http://json-schema.org/draft-07/schema#"
_READ: Mapping[str, Any] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "entityRef": {
            "type": "string",
            "description": "Entity whose documentation it is, as component:default/payments.",
        },
        "path": {
            "type": "string",
            "description": "Page below the site, as in its address; the first page if left out.",
        },
        "version": {"type": "string", "description": "Branch, tag or commit; what the entity names if left out."},
    },
    "required": ["entityRef"],
    "additionalProperties": False,
}


def techdocs_actions(docs: TechDocs) -> Sequence[Action]:
    async def read(context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        try:
            ref = str(EntityRef.parse(given["entityRef"], default_kind="component"))
        except RefError as error:
            raise InputError(str(error), field="entityRef") from None
        version = given.get("version") or None
        path = str(given.get("path") or "").strip().lstrip("/").partition("#")[0]
        page = await docs.page(ref, path, version=version, actor=context.actor)
        passages = await docs.passages(ref, page.path, version=version, actor=context.actor)
        return page_wire(page, passages)

    return (
        Action(
            "techdocs:read", "Read a page of documentation",
            "The page as plain text by headings, each with the address to cite, who changed it last, and when.", read, _READ,
            attributes=ActionAttributes(read_only=True, destructive=False, idempotent=True), permission=READ_ENTITY,
        ),
    )  # fmt: skip

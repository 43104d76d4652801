"""Actions of proposals for agents, templates and the command line: look at a repository, and what waits."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import CREATE_ENTITY
from callboard.features.proposals.codec import to_wire
from callboard.features.proposals.interface import CONFIDENCE_VALUES, STATES, ProposalQuery, ProposalService
from callboard.kernel.actions import Action, ActionAttributes, ActionContext

_DRAFT = "http://json-schema.org/draft-07/schema#"
_SCAN: Mapping[str, Any] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "target": {"type": "string", "description": "Address of a repository or organisation, or a folder that proposals.folders opens."},
        "again": {"type": "boolean", "description": "Also read what did not change since it was read last."},
    },
    "required": ["target"],
    "additionalProperties": False,
}  # fmt: skip
_LIST: Mapping[str, Any] = {
    "$schema": _DRAFT,
    "type": "object",
    "properties": {
        "state": {"type": "string", "enum": [*STATES]},
        "kind": {"type": "string", "description": "Component, API, Resource, System or Group."},
        "confidence": {"type": "string", "enum": [*CONFIDENCE_VALUES]},
        "q": {"type": "string", "description": "Words that must all occur."},
        "limit": {"type": "integer", "minimum": 1, "maximum": 200},
        "offset": {"type": "integer", "minimum": 0},
    },
    "additionalProperties": False,
}


def proposal_actions(proposals: ProposalService) -> Sequence[Action]:
    """Two, over ``proposals``."""

    async def scan(context: ActionContext) -> Mapping[str, Any]:
        said = context.input
        found = await proposals.scan(said["target"], again=bool(said.get("again")), actor=context.actor)
        shown: Mapping[str, Any] = to_wire(found)
        return shown

    async def list_them(context: ActionContext) -> Mapping[str, Any]:
        said = context.input
        query = ProposalQuery(
            state=said.get("state", "open"), kind=said.get("kind"), confidence=said.get("confidence"), words=said.get("q", ""),
            limit=said.get("limit", 50), offset=said.get("offset", 0),
        )  # fmt: skip
        page = await proposals.list_proposals(query, actor=context.actor)
        return {"items": to_wire(page.items), "totalItems": page.total}

    return (
        Action(
            "proposals:scan", "Look at a repository for things to propose",
            "Reads a repository, an organisation or a folder and puts what could be entities into the queue; nothing enters the catalog.",
            scan, _SCAN, attributes=ActionAttributes(idempotent=True), permission=CREATE_ENTITY,
        ),
        Action(
            "proposals:list", "List proposals",
            "What was found in repositories and could be entities, with the evidence for each field.", list_them, _LIST,
            attributes=ActionAttributes(read_only=True, idempotent=True), permission=CREATE_ENTITY,
        ),
    )  # fmt: skip

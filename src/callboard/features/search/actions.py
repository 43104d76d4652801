"""The actions of search."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.search.history.service import NoteAnswer
from callboard.features.search.indexing import Indexer
from callboard.features.search.interface import MAX_PAGE, Indexing, Search, SearchQuery
from callboard.features.search.permissions import REBUILD_INDEX
from callboard.features.search.rest import MAX_OFFSET, filters_of
from callboard.features.search.teaching import Teaching
from callboard.features.search.wire import own_wire
from callboard.kernel.actions import Action, ActionAttributes, ActionContext

MAX_TERM = 1_000
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}


def search_actions(
    search: Search, teaching: Teaching, indexer: Indexer, note: NoteAnswer, indexing: Indexing
) -> Sequence[Action]:
    """``search:query`` and ``search:learnt``: within what the caller may see; ``search:reindex`` for those who look after the portal."""

    async def query(context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        offset = given.get("offset", 0)
        asked = SearchQuery(
            given["term"], types=given.get("types", ()), filters=filters_of(_numbered(given.get("filters"))),
            facets=given.get("facets", ()), limit=given.get("limit", 10), offset=offset,
        )  # fmt: skip
        found = await search.query(asked, actor=context.actor)
        state = await indexing.told(context.actor)
        if found.hits or state is None:
            note(asked, found, actor=context.actor, door="action")
        return own_wire(found, offset=offset, indexing=state)

    async def learnt(context: ActionContext) -> Mapping[str, Any]:
        return {
            "items": [
                {
                    "short": pair.short, "long": pair.long, "documents": pair.documents,
                    "by": [{"title": title, "location": location} for title, location in pair.by],
                }
                for pair in await teaching.list(actor=context.actor)
                if pair.is_on
            ]
        }  # fmt: skip

    async def reindex(context: ActionContext) -> Mapping[str, Any]:
        return {"documents": await indexer.rebuild()}

    return [
        Action(
            "search:reindex", "Make the index of search again",
            "Forget all that is indexed, and have it indexed again by a job; until that is done, searches find less.", reindex,
            input_schema={"type": "object", "properties": {}, "additionalProperties": False},
            output_schema={
                "type": "object",
                "properties": {"documents": {"type": "integer", "description": "How many there were."}},
                "required": ["documents"],
            },
            attributes=ActionAttributes(read_only=False, destructive=False, idempotent=True), permission=REBUILD_INDEX,
        ),
        Action(
            "search:query", "Search", "Find entities, documentation and whatever else is indexed, best first, and why each was found.",
            query,
            input_schema={
                "type": "object",
                "properties": {
                    "term": {"type": "string", "maxLength": MAX_TERM, "description": "Words, a name, or a question."},
                    "types": {**_TEXTS, "description": "Only documents of these types, such as software-catalog or techdocs."},
                    "filters": {
                        "type": "object", "additionalProperties": {"anyOf": [_TEXT, _TEXTS]},
                        "description": "Fields and the values they may have: {kind: API}.",
                    },
                    "facets": {**_TEXTS, "description": "Fields whose values are counted among what was found."},
                    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
                    "offset": {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET},
                },
                "required": ["term"], "additionalProperties": False,
            },
            output_schema={
                "type": "object",
                "properties": {"items": {"type": "array"}, "totalItems": {"type": ["integer", "null"]}},
                "required": ["items", "totalItems"],
            },
            attributes=ActionAttributes(read_only=True, idempotent=True),
        ),
        Action(
            "search:learnt", "Learnt synonyms", "List the abbreviations that search has learnt from names, titles and texts, and from which.",
            learnt,
            input_schema={"type": "object", "properties": {}, "additionalProperties": False},
            output_schema={"type": "object", "properties": {"items": {"type": "array"}}, "required": ["items"]},
            attributes=ActionAttributes(read_only=True, idempotent=True),
        ),
    ]  # fmt: skip


def _numbered(filters: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Lists as the query string would have them."""
    if filters is None:
        return None
    return {
        key: {str(at): one for at, one in enumerate(value)} if isinstance(value, list) else value
        for key, value in filters.items()
    }

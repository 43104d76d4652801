"""``/api/editing/v1/fields`` and ``/refs``: what an editor of texts suggests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import BY_TITLE, CatalogQueries, EntityQuery, Order
from callboard.features.editing.rest import PREFIX
from callboard.features.editing.suggesting import KnownField, known_fields
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import Route
from callboard.model.kinds import KindRegistry
from callboard.model.predicates import Any_, HasPrefix, HasText, Predicate, conjoin, has_value
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages

if TYPE_CHECKING:
    from callboard.kernel.web.request import Request

MAX_REFS, MAX_WORDS = 20, 200
NAMES = ("metadata.name", "metadata.title", "spec.profile.displayname")


def field_wire(field: KnownField) -> dict[str, Any]:
    return {
        "path": field.path, "type": field.type, "required": field.is_required, "help": field.help,
        "choices": list(field.choices), "refs": None if field.refs is None else list(field.refs),
    }  # fmt: skip


class SuggestingRoutes:
    """Reads alone; entities that the caller may not see are not suggested."""

    def __init__(self, queries: CatalogQueries, kinds: KindRegistry, messages: Messages) -> None:
        self._queries = queries
        self._kinds = kinds
        self._messages = messages

    async def fields(self, request: Request) -> Json:
        said = request.query_params
        t = self._messages.translator(request.locale)
        found = known_fields(self._kinds, said.get("kind", ""), said.get("apiVersion", ""), t)
        return Json({"fields": [field_wire(field) for field in found]})

    async def refs(self, request: Request) -> Json:
        """Those whose name or title begins with ``q`` first, then those that hold it; a ref may be given in part."""
        said = request.query_params
        words = said.get("q", "").strip().lower()[:MAX_WORDS].rpartition("/")[2].rpartition(":")[2]
        kinds = [kind for kind in said.get("kinds", "").lower().split(",")[:50] if kind]
        of_kind = has_value("kind", kinds) if kinds else None
        found: dict[str, dict[str, str]] = {}
        begins: Predicate | None = Any_(tuple(HasPrefix(key, words) for key in NAMES)) if words else None
        for match in (begins, HasText(NAMES, words)) if words else (None,):
            if len(found) < MAX_REFS:
                query = EntityQuery(conjoin(of_kind, match), Order(BY_TITLE), limit=MAX_REFS, want_total=False)
                page = await self._queries.list_raw(query, actor=request.actor)
                for raw in page.items:
                    one = _suggestion(orjson.loads(raw))
                    found.setdefault(one["ref"], one)
        return Json({"items": list(found.values())[:MAX_REFS]})


def _suggestion(entity: Mapping[str, Any]) -> dict[str, str]:
    ref = EntityRef.of(entity)
    title = entity["metadata"].get("title") or ((entity.get("spec") or {}).get("profile") or {}).get("displayName")
    return {"ref": str(ref), "name": ref.name, "title": str(title or ref.name)}


def suggesting_routes(queries: CatalogQueries, kinds: KindRegistry, messages: Messages) -> Sequence[Route]:
    routes = SuggestingRoutes(queries, kinds, messages)
    rows: Sequence[tuple[str, Any, str, Sequence[str]]] = (
        ("fields", routes.fields, "What an entity of a kind may say", ("kind", "apiVersion")),
        ("refs", routes.refs, "Entities whose name or title has these words", ("q", "kinds")),
    )
    return [
        Route(
            f"{PREFIX}/{name}", handler,
            openapi={
                "summary": summary, "responses": {"200": {"description": summary}},
                "parameters": [{"name": p, "in": "query", "schema": {"type": "string"}} for p in parameters],
            },
        )
        for name, handler, summary, parameters in rows
    ]  # fmt: skip

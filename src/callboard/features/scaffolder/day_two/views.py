"""The button on entities, and the page with all templates that act on one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import orjson
from starlette.responses import Response

from callboard.features.catalog.interface import (
    BY_TITLE,
    CatalogQueries,
    EntityAction,
    EntityNotFound,
    EntityQuery,
    Order,
)
from callboard.features.scaffolder.day_two.domain import ACTS_ON, acts_on, form_href
from callboard.features.scaffolder.permissions import CREATE_TASK
from callboard.kernel.permissions import PermissionService
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.predicates import All, HasKey, has_value
from callboard.model.refs import EntityRef
from callboard.model.terms import terms_of
from callboard.ui.messages import Messages
from callboard.ui.parts import LinkItem

MAX_TEMPLATES = 200
"""So many templates of a portal may act on entities; more are passed over, by title."""

_BOUND = All((has_value("kind", ["template"]), HasKey(f"metadata.annotations.{ACTS_ON}")))


@dataclass(frozen=True, slots=True)
class DayTwoRow:
    """A template that acts on the entity. ``href`` opens its form with the entity filled in."""

    title: str
    description: str
    href: str


@dataclass(frozen=True, slots=True)
class DayTwoPage:
    title: str
    name: str
    back: str
    rows: Sequence[DayTwoRow]


class DayTwo:
    """Dependencies arrive here and nowhere else."""

    def __init__(self, queries: CatalogQueries, permissions: PermissionService, messages: Messages) -> None:
        self._queries = queries
        self._permissions = permissions
        self._messages = messages

    def routes(self) -> Sequence[Route]:
        path = "/create/actions-on/{namespace}/{kind}/{name}"
        return [Route(path, self.page, auth="page", name="scaffolder-day-two")]

    def action(self) -> EntityAction:
        return EntityAction("day-two", self.offer)

    async def offer(self, entity: Mapping[str, Any], request: Any) -> LinkItem | None:
        """The one template by its name, several by their number; nothing for those who may run none."""
        found = await self.find(entity, request)
        if not found:
            return None
        if len(found) == 1:
            return LinkItem(_title(found[0]), form_href(found[0], entity), "create")
        ref = EntityRef.parse(str(EntityRef.of(entity)))
        text = self._messages.translator(request.locale)("scaffolder.day_two.many", n=len(found))
        return LinkItem(text, f"/create/actions-on/{ref.namespace}/{ref.kind}/{ref.name}", "create")

    async def find(self, entity: Mapping[str, Any], request: Any) -> list[Mapping[str, Any]]:
        """Templates that act on ``entity`` and that the reader may see and run, by title."""
        if self._permissions.decide(request.actor, CREATE_TASK).result == "DENY":
            return []
        query = EntityQuery(_BOUND, Order(BY_TITLE), limit=MAX_TEMPLATES)
        page = await self._queries.list_raw(query, actor=request.actor)
        if not page.items:
            return []
        terms = terms_of(entity)
        return [template for raw in page.items if acts_on(template := orjson.loads(raw), terms)]

    async def page(self, request: Request) -> Response:
        parts = request.path_params
        ref = EntityRef(parts["kind"].lower(), parts["namespace"].lower(), parts["name"].lower())
        raw = await self._queries.find_raw(str(ref), actor=request.actor)
        if raw is None:
            raise EntityNotFound(ref)
        entity = orjson.loads(raw)
        t = self._messages.translator(request.locale)
        rows = [
            DayTwoRow(_title(one), str(one["metadata"].get("description") or ""), form_href(one, entity))
            for one in await self.find(entity, request)
        ]
        name = str(entity["metadata"].get("title") or ref.name)
        back = f"/catalog/{ref.namespace}/{ref.kind}/{ref.name}"
        return request.render(
            "scaffolder/day_two.html", DayTwoPage(t("scaffolder.day_two.title", name=name), name, back, rows)
        )


def _title(template: Mapping[str, Any]) -> str:
    return str(template["metadata"].get("title") or template["metadata"]["name"])

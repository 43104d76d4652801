"""``/create/tasks``: the list of runs."""

from __future__ import annotations

from typing import Any, Sequence

import orjson
from starlette.responses import Response

from callboard.features.catalog.interface import BY_TITLE, EntityQuery, Order
from callboard.features.scaffolder.interface import TaskPage
from callboard.features.scaffolder.pages.common import CREATE
from callboard.features.scaffolder.pages.gallery import pager_of
from callboard.features.scaffolder.pages.tasks import (
    SIZE,
    TaskListPage,
    TaskListState,
    refs_of,
    row_of,
    state_choices,
)
from callboard.features.scaffolder.views.base import PageParts
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.model.predicates import has_value
from callboard.model.refs import EntityRef
from callboard.ui.parts import LinkItem

SUGGESTED = 200


class TaskListViews:
    """Dependencies arrive here and nowhere else."""

    def __init__(self, parts: PageParts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        return [Route("/create/tasks", self.show, auth="page", name="create-tasks")]

    async def show(self, request: Request) -> Response:
        parts, t = self._parts, self._parts.t(request)
        state = TaskListState.parse(request.query_params, has_own=request.actor.is_user)
        query = state.query(request.actor.subject)
        found = TaskPage((), 0) if query is None else await parts.tasks.list(query, actor=request.actor)
        known = await parts.look_up(refs_of(found.tasks), request)
        now = parts.clock.now()
        whose = [("mine", state.href(whose="mine", by="")), ("all", state.href(whose="all", by=""))]
        page = TaskListPage(
            title=t("scaffolder.page.tasks.title"),
            crumbs=(),
            tabs=parts.tabs(request, "tasks"),
            whose=[(t(f"scaffolder.page.tasks.{id}"), href, id == state.whose) for id, href in whose]
            if request.actor.is_user
            else [],
            states=state_choices(state, t),
            state=state,
            rows=[row_of(task, known, now, t) for task in found.tasks],
            total=found.total,
            pager=pager_of(state.start, SIZE, found.total, lambda start: state.href(start=start))
            if found.total > SIZE
            else None,
            templates=await self._suggest(request, "template"),
            people=await self._suggest(request, "user") if state.whose == "all" else (),
            clear_href=TaskListState(state.whose if not state.by else "all").href(),
            ways=[LinkItem(t("scaffolder.page.tasks.choose"), CREATE, "create")],
        )
        return request.render("scaffolder/tasks.html", page)

    async def _suggest(self, request: Request, kind: str) -> Sequence[tuple[str, str]]:
        """The first of a kind; any other ref can be typed."""
        query = EntityQuery(has_value("kind", [kind]), Order(BY_TITLE), limit=SUGGESTED, want_total=False)
        page = await self._parts.queries.list_raw(query, actor=request.actor)
        found: list[tuple[str, str]] = []
        for raw in page.items:
            entity: dict[str, Any] = orjson.loads(raw)
            ref = EntityRef.of(entity)
            found.append((str(ref).lower(), str(entity["metadata"].get("title") or ref.name)))
        return found

"""The card and the button of template entities, and the card of one's running tasks on the home page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Mapping

from markupsafe import Markup

from callboard.features.catalog.interface import EntityAction, EntityCard, HomeCard
from callboard.features.scaffolder.interface import TaskQuery
from callboard.features.scaffolder.pages.cards import HomeRuns, TemplateRuns
from callboard.features.scaffolder.pages.common import RUNNING, at, form_href
from callboard.features.scaffolder.pages.gallery import IS_TEMPLATE
from callboard.features.scaffolder.pages.tasks import TaskListState, refs_of, row_of
from callboard.features.scaffolder.permissions import CREATE_TASK, READ_TASK
from callboard.features.scaffolder.spec import API_VERSION
from callboard.features.scaffolder.views.base import PageParts, rendered
from callboard.kernel.clock import parse_time
from callboard.model.refs import EntityRef
from callboard.ui.parts import LinkItem

LATEST = 5
ON_HOME = 5
RECENT = timedelta(hours=24)


class RunCards:
    """Dependencies arrive here and nowhere else."""

    def __init__(self, parts: PageParts) -> None:
        self._parts = parts

    def entity_card(self) -> EntityCard:
        return EntityCard("template-runs", "scaffolder.page.card.title", self._entity, "main", IS_TEMPLATE, 20)

    def entity_action(self) -> EntityAction:
        return EntityAction("use-template", self._offer)

    def home_card(self) -> HomeCard:
        return HomeCard("tasks", "scaffolder.page.home.title", self._home, "main", 15)

    def _offer(self, entity: Mapping[str, Any], request: Any) -> LinkItem | None:
        if str(entity.get("kind", "")).lower() != "template" or entity.get("apiVersion") != API_VERSION:
            return None
        if not self._parts.may(request, CREATE_TASK):
            return None
        return LinkItem(self._parts.t(request)("scaffolder.page.card.use"), form_href(EntityRef.of(entity)), "create")

    async def _entity(self, entity: Mapping[str, Any], request: Any) -> Markup | str:
        parts, t = self._parts, self._parts.t(request)
        if not parts.may(request, READ_TASK):
            return ""
        ref = str(EntityRef.of(entity)).lower()
        use = (await parts.uses.count([ref], actor=request.actor))[ref]
        found = await parts.tasks.list(TaskQuery(template_refs=(ref,), limit=LATEST), actor=request.actor)
        known = await parts.look_up(refs_of(found.tasks), request)
        now, fraction = parts.clock.now(), use.success_fraction
        view = TemplateRuns(
            use=use,
            percent=None if fraction is None else round(fraction * 100),
            last_success=at(use.last_success_at, now),
            rows=[row_of(task, known, now, t) for task in found.tasks],
            all_href=TaskListState("all", template=ref).href(),
            form_href=form_href(EntityRef.of(entity)) if parts.may(request, CREATE_TASK) else None,
        )
        return rendered(request.render("scaffolder/template_card.html", view))

    async def _home(self, request: Any) -> Markup | None:
        """Mine that go on, then those that failed since yesterday; no card when there is neither."""
        parts, t, actor = self._parts, self._parts.t(request), request.actor
        if not actor.is_user or not parts.may(request, READ_TASK):
            return None
        mine = (actor.subject.lower(),)
        going = await parts.tasks.list(TaskQuery(mine, RUNNING, limit=ON_HOME), actor=actor)
        failed = await parts.tasks.list(TaskQuery(mine, ("failed",), limit=ON_HOME), actor=actor)
        now = parts.clock.now()
        recent = [task for task in failed.tasks if task.ended_at and now - parse_time(task.ended_at) < RECENT]
        tasks = [*going.tasks, *recent][:ON_HOME]
        if not tasks:
            return None
        known = await parts.look_up(refs_of(tasks), request)
        rows = [row_of(task, known, now, t) for task in tasks]
        more = going.total + len(recent) - len(rows)
        return rendered(request.render("scaffolder/home_card.html", HomeRuns(rows, TaskListState().href(), more)))

"""``/create/actions`` and ``/create/actions/<id>``: the reference of what steps can do, made from the registry."""

from __future__ import annotations

from starlette.responses import Response

from callboard.features.scaffolder.pages.actions import action_page, actions_page
from callboard.features.scaffolder.views.base import PageParts
from callboard.kernel.actions import ActionRegistry
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route


class ActionViews:
    """Dependencies arrive here and nowhere else."""

    def __init__(self, parts: PageParts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        return [
            Route("/create/actions", self.list, auth="page", name="create-actions"),
            Route("/create/actions/{id}", self.show, auth="page", name="create-action"),
        ]

    def _registry(self, request: Request) -> ActionRegistry:
        found: ActionRegistry = request.portal.actions
        return found

    async def list(self, request: Request) -> Response:
        actions = self._registry(request).list(request.actor, with_workspace=True)
        q = request.query_params.get("q", "").strip()[:200]
        tabs = self._parts.tabs(request, "actions")
        return request.render("scaffolder/actions.html", actions_page(actions, q, tabs, self._parts.t(request)))

    async def show(self, request: Request) -> Response:
        action = self._registry(request).get(request.path_params["id"], actor=request.actor)
        return request.render("scaffolder/action.html", action_page(action, self._parts.t(request)))

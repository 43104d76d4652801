"""``/create/tasks/<id>``: a run as it goes; cancel, another try, the same once more. By reload where there is no script."""

from __future__ import annotations

from typing import Sequence

from starlette.responses import Response

from callboard.features.scaffolder.approvals.domain import approval_href
from callboard.features.scaffolder.approvals.service import Approvals
from callboard.features.scaffolder.interface import Task, TaskEvent, TaskNotEnded
from callboard.features.scaffolder.pages.common import task_href
from callboard.features.scaffolder.pages.run import RunPage, linked_refs, plain_log, run_page
from callboard.features.scaffolder.permissions import CANCEL_TASK, CREATE_TASK, holds
from callboard.features.scaffolder.views.base import PageParts
from callboard.kernel.errors import InputError
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect
from callboard.kernel.web.routing import Route

SECRET = "secret."
"""What fields of secrets begin with in the form of another try."""
_NO_STORE = {"cache-control": "no-store"}


class RunViews:
    """Dependencies arrive here and nowhere else."""

    def __init__(self, parts: PageParts, approvals: Approvals) -> None:
        self._parts = parts
        self._approvals = approvals

    def routes(self) -> list[Route]:
        one = "/create/tasks/{id}"
        return [
            Route(one, self.show, auth="page", name="create-task"),
            Route(one, self.act, ("POST",), auth="page", name="create-task-act"),
            Route(f"{one}/live", self.live, auth="page", name="create-task-live"),
            Route(f"{one}/log", self.log, auth="page", name="create-task-log"),
        ]

    async def _page(self, request: Request, events: Sequence[TaskEvent], task: Task, *, error: str = "") -> RunPage:
        parts = self._parts
        known = await parts.look_up([task.created_by, task.template_ref, *linked_refs(task.output)], request)
        waits: list[tuple[str, str]] = []
        if any(step.state == "waiting" for step in task.steps):
            asked = await self._approvals.list_of_task(task.id, actor=request.actor)
            waits = [(one.title, approval_href(one.id)) for one in asked if one.state == "open"]
        return run_page(
            task, events, known, parts.t(request), now=parts.clock.now(), may_act=self._may_act(request, task),
            may_create=parts.may(request, CREATE_TASK), error=error, waits=waits,
        )  # fmt: skip

    def _may_act(self, request: Request, task: Task) -> bool:
        permissions = self._parts.permissions
        decision = permissions.decide(request.actor, CANCEL_TASK)
        if decision.result == "CONDITIONAL" and decision.condition is not None:
            return holds(permissions.compile(decision.condition), {"created_by": task.created_by})
        return decision.result == "ALLOW"

    async def show(self, request: Request) -> Response:
        return await self._show(request)

    async def _show(self, request: Request, *, error: str = "", status: int = 200) -> Response:
        id = request.path_params["id"]
        await self._parts.tasks.settle(id, actor=request.actor)
        # Events first: a line that comes between is asked for by its number, and a state is never older than the log.
        events = await self._parts.tasks.events(id, actor=request.actor)
        task = await self._parts.tasks.get(id, actor=request.actor)
        page = await self._page(request, events, task, error=error)
        return request.render("scaffolder/run.html", page, status, headers=_NO_STORE)

    async def live(self, request: Request) -> Response:
        """What changed: the parts of the page with its new lines, those after the event ``after``."""
        said = request.query_params.get("after", "0")
        after = int(said) if said.isdecimal() and len(said) < 16 else 0
        id = request.path_params["id"]
        found = await self._parts.tasks.events(id, after=after, actor=request.actor)
        task = await self._parts.tasks.get(id, actor=request.actor)
        page = await self._page(request, [event for event in found if event.id > after], task)
        return request.render("scaffolder/run_live.html", page, headers=_NO_STORE)

    async def log(self, request: Request) -> Response:
        id = request.path_params["id"]
        events = await self._parts.tasks.events(id, actor=request.actor)
        headers = {"content-disposition": f'attachment; filename="{id}.log"', **_NO_STORE}
        return Response(plain_log(events), media_type="text/plain", headers=headers)

    async def act(self, request: Request) -> Response:
        id, form = request.path_params["id"], await request.read_form()
        do, tasks = form.get("do", ""), self._parts.tasks
        if do == "cancel":
            await tasks.cancel(id, actor=request.actor)
        elif do == "retry":
            given = {
                name.removeprefix(SECRET): value for name, value in form.items() if name.startswith(SECRET) and value
            }
            try:
                await tasks.retry(id, secrets=given or None, actor=request.actor)
            except TaskNotEnded:
                pass  # somebody was quicker: the page shows the run that goes on
        else:
            raise InputError("Say what to do: cancel or retry.", field="do")
        return Redirect(task_href(id))

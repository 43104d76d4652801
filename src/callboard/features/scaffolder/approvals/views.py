"""Pages of approvals: what waits for me, and one of them with its form. They work without JavaScript."""

from __future__ import annotations

from typing import Any, Sequence

from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from callboard.features.catalog.interface import HomeCard
from callboard.features.scaffolder.approvals import pages
from callboard.features.scaffolder.approvals.domain import Approval, ApprovalClosed, may_decide
from callboard.features.scaffolder.approvals.service import Approvals, require_paging
from callboard.features.scaffolder.interface import Task, TaskNotFound
from callboard.features.scaffolder.pages.common import APPROVALS
from callboard.features.scaffolder.views.base import PageParts, rendered
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route

PAGE = 25
ON_HOME = 5
MAX_FORM_BYTES = 64 * 1024


class ApprovalViews:
    """Dependencies arrive here and nowhere else."""

    def __init__(self, approvals: Approvals, parts: PageParts) -> None:
        self._approvals = approvals
        self._parts = parts

    def routes(self) -> Sequence[Route]:
        one = f"{APPROVALS}/{{id}}"
        return [
            Route(APPROVALS, self.list, auth="page", name="scaffolder-approvals"),
            Route(one, self.show, auth="page", name="scaffolder-approval"),
            Route(one, self.decide, ("POST",), auth="page", name="scaffolder-decide", max_body_bytes=MAX_FORM_BYTES),
        ]

    def home_card(self) -> HomeCard:
        return HomeCard("approvals", "scaffolder.approve.home", self._home, "top", 30)

    async def _home(self, request: Any) -> Markup | None:
        """What waits for the reader; no card when nothing does."""
        if not request.actor.is_user:
            return None
        found = await self._approvals.list(limit=ON_HOME, actor=request.actor)
        if not found.items:
            return None
        page = await self._page(request, "open", found.items, found.total, ON_HOME, 0)
        return rendered(request.render("scaffolder/approvals_card.html", page))

    async def list(self, request: Request) -> Response:
        said = request.query_params
        view = said.get("view", "open")
        if view not in ("open", "decided"):
            raise InputError("view must be open or decided.", field="view")
        limit, offset = require_paging(str(PAGE), said.get("offset", "0"), PAGE)
        found = await self._approvals.list(is_open=view == "open", limit=limit, offset=offset, actor=request.actor)
        page = await self._page(request, view, found.items, found.total, limit, offset)
        return request.render("scaffolder/approvals.html", page)

    async def _page(
        self, request: Any, view: str, items: Sequence[Approval], total: int, limit: int, offset: int
    ) -> pages.ApprovalsPage:
        parts = self._parts
        known = await parts.look_up((one.asked_by for one in items), request)
        return pages.approvals_page(
            view, items, total, known, tabs=parts.tabs(request, "approvals"), limit=limit, offset=offset,
            subject=request.actor.subject, now=parts.clock.now(), t=parts.t(request),
        )  # fmt: skip

    async def show(self, request: Request) -> Response:
        return await self._show(request)

    async def _show(self, request: Request, *, reason: str = "", error: str = "", status: int = 200) -> Response:
        actor = request.actor
        one = await self._approvals.get(request.path_params["id"], actor=actor)
        may = actor.is_user and one.state == "open" and may_decide(one, actor.subject, actor.ownership)
        known = await self._parts.look_up(pages.refs_of(one), request)
        page = pages.approval_page(
            one, known, self._parts.t(request), task=await self._find_task(one.task_id, request), may_decide=may,
            subject=actor.subject, now=self._parts.clock.now(), reason=reason, error=error,
        )  # fmt: skip
        return request.render("scaffolder/approval.html", page, status)

    async def _find_task(self, id: str, request: Request) -> Task | None:
        try:
            return await self._parts.tasks.get(id, actor=request.actor)
        except (TaskNotFound, NotAllowedError):
            return None

    async def decide(self, request: Request) -> Response:
        form = await request.read_form()
        verdict, reason = form.get("verdict", ""), form.get("reason", "")
        id = request.path_params["id"]
        try:
            await self._approvals.decide(id, verdict, reason, actor=request.actor)
        except InputError as error:
            t = self._parts.t(request)
            needs = verdict == "decline" and not reason.strip()
            said = t("scaffolder.approve.reason_needed") if needs else error.message
            return await self._show(request, reason=reason, error=said, status=400)
        except ApprovalClosed:
            return await self._show(request, reason=reason, status=409)
        return RedirectResponse(f"{APPROVALS}/{id}", status_code=303)

"""The card and the tab, and what fills them: each comes at once and asks the portal, which asks GitHub, when it is there."""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import urlencode

import orjson
from markupsafe import Markup
from starlette.responses import Response

from callboard.features.catalog.interface import CatalogQueries, EntityCard, EntityNotFound, EntityTab
from callboard.integrations.github_actions.pages import RunRow, RunsPage, Trouble, run_row
from callboard.integrations.github_actions.permissions import RERUN
from callboard.integrations.github_actions.runs import (
    ANNOTATION,
    MAX_PAGES,
    Project,
    Run,
    WorkflowRuns,
    latest_by_branch,
    project_of,
)
from callboard.kernel.audit import Audit
from callboard.kernel.clock import Clock
from callboard.kernel.errors import (
    CallboardError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
)
from callboard.kernel.permissions import PermissionService
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect
from callboard.kernel.web.routing import Route
from callboard.model.predicates import HasKey, matches
from callboard.model.refs import EntityRef
from callboard.model.terms import terms_of
from callboard.ui.environment import entity_path
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Crumb, Pager

TAB = "ci"
PAGE = 25
LOOKED_AT = 30
BRANCHES = 5
_LATER = Markup(
    '<div hx-get="{href}" hx-trigger="load" hx-swap="outerHTML"><p class="t-quiet">{waiting} <a href="{href}">{show}</a></p></div>'
)
_BANNER = Markup('<p class="note" role="status">{}</p>')
_TOLD = frozenset(("begun", "refused", "limited", "gone", "unreachable"))


class ActionsViews:
    """``/catalog/<entity>/ci/…`` and what stands on the entity's page."""

    def __init__(
        self,
        runs: WorkflowRuns,
        queries: CatalogQueries,
        permissions: PermissionService,
        audit: Audit,
        *,
        clock: Clock,
        messages: Messages,
    ) -> None:
        self._runs = runs
        self._queries = queries
        self._permissions = permissions
        self._audit = audit
        self._clock = clock
        self._messages = messages

    def routes(self) -> list[Route]:
        base = "/catalog/{namespace}/{kind}/{name}/ci"
        return [
            Route(base + "/card", self.card, auth="page", name="github-actions-card"),
            Route(base + "/runs", self.runs, auth="page", name="github-actions-runs"),
            Route(base + "/runs/{run}/rerun", self.rerun, ("POST",), auth="page", name="github-actions-rerun"),
        ]

    def cards(self) -> list[EntityCard]:
        """None in a portal that is not connected to GitHub: there the tab says what to do."""
        if not self._runs.is_on:
            return []
        return [EntityCard(TAB, "github_actions.title", self._card_frame, "main", HasKey(_KEY), 60)]

    def tabs(self) -> list[EntityTab]:
        return [EntityTab(TAB, "github_actions.tab", self._tab_frame, HasKey(_KEY), 60)]

    # ---- frames: no word with GitHub ---------------------------------------------------------------------------------

    async def _card_frame(self, entity: Mapping[str, Any], request: Request) -> Markup:
        return self._later(f"{_path(entity)}/{TAB}/card", request)

    async def _tab_frame(self, entity: Mapping[str, Any], request: Request) -> Markup:
        asked = {name: request.query_params[name][:250] for name in ("page", "branch") if name in request.query_params}
        frame = self._later(f"{_path(entity)}/{TAB}/runs" + ("?" + urlencode(asked) if asked else ""), request)
        told = request.query_params.get("rerun", "")
        if told in _TOLD:
            frame = _BANNER.format(self._t(request)(f"github_actions.rerun.{told}")) + frame
        return frame

    def _later(self, href: str, request: Request) -> Markup:
        t = self._t(request)
        return _LATER.format(href=href, waiting=t("github_actions.waiting"), show=t("github_actions.show"))

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    # ---- what fills them ---------------------------------------------------------------------------------------------

    async def card(self, request: Request) -> Response:
        """The last run of each branch."""
        return await self._answer(request, "card", size=LOOKED_AT)

    async def runs(self, request: Request) -> Response:
        """A page of all runs, of one ``branch`` when it is given."""
        return await self._answer(request, "runs", size=PAGE)

    async def _answer(self, request: Request, part: str, *, size: int) -> Response:
        entity = await self._entity(request)
        t, now, query = self._t(request), self._clock.now(), request.query_params
        number = query.get("page", "")
        page = min(int(number), MAX_PAGES) if number.isdecimal() and 0 < len(number) < 4 and int(number) else 1
        branch = query.get("branch") or None
        tab_href = f"{_path(entity)}/{TAB}"
        rows: list[RunRow] = []
        pager = trouble = None
        slug = ""
        try:
            project = _project(entity)
            slug = project.slug
            if not self._runs.is_on:
                trouble = Trouble("off", slug)
            elif not self._runs.is_known(project):
                trouble = Trouble("not_configured", slug, project.host)
            else:
                found = await self._runs.list(
                    project, page=page if part == "runs" else 1, size=size, branch=branch if part == "runs" else None
                )
                shown = list(found.runs) if part == "runs" else latest_by_branch(found.runs, BRANCHES)
                may = part == "runs" and self._may_rerun(entity, project, request)
                rows = [
                    run_row(run, now, t, _rerun_href(tab_href, run) if may and run.is_done else None) for run in shown
                ]
                if part == "runs":
                    pager = _pager(tab_href, page, len(shown), found.total, branch)
                if not rows:
                    trouble = Trouble("no_runs", slug)
        except CallboardError as error:
            trouble = _trouble(error, slug)
        values = RunsPage(
            title=t("github_actions.title"),
            crumbs=(Crumb(str(entity["metadata"]["name"]), _path(entity)), Crumb(t("github_actions.title"))),
            rows=rows,
            tab_href=tab_href,
            slug=slug,
            branch=branch,
            pager=pager,
            trouble=trouble,
        )
        return request.render(
            "github_actions/" + ("part.html" if request.is_fragment else "page.html"), values, part=part
        )

    # ---- running again -----------------------------------------------------------------------------------------------

    async def rerun(self, request: Request) -> Response:
        """Asked of GitHub once the portal's own policy said yes; what came of it stands above the runs."""
        entity = await self._entity(request)
        self._permissions.require(request.actor, RERUN)
        project, number = _project(entity), request.path_params["run"]
        if not self._may_rerun(entity, project, request):
            raise NotAllowedError(f"You may not run its workflows again ({RERUN.name}). Its owner may.")
        if not number.isdecimal() or len(number) > 18:
            raise InputError("The number of a run has digits alone.", field="run")
        told, failure = "begun", None
        try:
            await self._runs.rerun(project, int(number))
        except (NotAllowedError, LimitError, NotFoundError, InputError) as error:
            told = {NotAllowedError: "refused", LimitError: "limited"}.get(type(error), "gone")
            failure = type(error).__name__
        except CallboardError as error:
            told, failure = "unreachable", type(error).__name__
        await self._audit.record(
            None,
            "github-actions-rerun",
            actor=request.actor,
            severity="medium",
            meta={"entityRef": str(EntityRef.of(entity)), "repository": project.slug, "run": int(number)},
            status="succeeded" if failure is None else "failed",
            error=failure,
            request=request,
        )
        return Redirect(f"{_path(entity)}/{TAB}?rerun={told}")

    def _may_rerun(self, entity: Mapping[str, Any], project: Project, request: Request) -> bool:
        decision = self._permissions.decide(request.actor, RERUN)
        if decision.result == "CONDITIONAL" and decision.condition is not None:
            allowed = bool(matches(self._permissions.compile(decision.condition), terms_of(entity)))
        else:
            allowed = decision.result == "ALLOW"
        return allowed and self._runs.is_on and self._runs.may_write(project)

    async def _entity(self, request: Request) -> Mapping[str, Any]:
        params = request.path_params
        ref = EntityRef(params["kind"], params["namespace"], params["name"])
        raw = await self._queries.find_raw(str(ref), actor=request.actor)
        if raw is None:
            raise EntityNotFound(ref)
        found: Mapping[str, Any] = orjson.loads(raw)
        return found


_KEY = f"metadata.annotations.{ANNOTATION}"


def _project(entity: Mapping[str, Any]) -> Project:
    project = project_of(entity)
    if project is None:
        raise NotFoundError(f"This entity has no annotation {ANNOTATION}.")
    return project


def _path(entity: Mapping[str, Any]) -> str:
    return entity_path(str(EntityRef.of(entity)))


def _rerun_href(tab_href: str, run: Run) -> str:
    return f"{tab_href}/runs/{run.id}/rerun"


def _trouble(error: CallboardError, slug: str) -> Trouble:
    """What went wrong in the words of the card; messages of outside hosts stay out of pages."""
    if isinstance(error, LimitError):
        return Trouble("limited", slug, minutes=max(1, round((error.retry_after_s or 60) / 60)))
    if isinstance(error, NotAllowedError):
        return Trouble("no_access", slug)
    if isinstance(error, NotFoundError):
        return Trouble("not_found", slug)
    if isinstance(error, InputError):
        return Trouble("not_a_slug" if error.field else "not_found", slug)
    return Trouble("unreachable", slug)


def _pager(tab_href: str, page: int, shown: int, total: int, branch: str | None) -> Pager:
    def href(number: int) -> str:
        query = {"page": str(number)} | ({"branch": branch} if branch else {})
        return f"{tab_href}?{urlencode(query)}"

    first = (page - 1) * PAGE
    has_more = first + shown < min(total, MAX_PAGES * PAGE) and shown == PAGE
    return Pager(
        first=first + 1 if shown else 0,
        last=first + shown if shown else 0,
        total=total,
        previous_href=href(page - 1) if page > 1 else None,
        next_href=href(page + 1) if has_more else None,
    )

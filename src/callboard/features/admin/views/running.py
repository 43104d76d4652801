"""Sources with their health, jobs and schedules; out of turn runs and second tries."""

from __future__ import annotations

from typing import Any, Literal, cast

import orjson
from starlette.responses import Response

from callboard.features.admin.interface import READ_ADMIN
from callboard.features.admin.pages.frame import PAGE, cut, frame, page_number
from callboard.features.admin.pages.running import JobRow, JobsPage, SourceRow, SourcesPage, TaskRow
from callboard.features.catalog.interface.states import SourceState, SourceStates
from callboard.kernel.clock import parse_time
from callboard.kernel.errors import ConflictError
from callboard.kernel.jobs import JobInfo
from callboard.kernel.settings import parse_duration
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect
from callboard.kernel.web.routing import Route
from callboard.kernel.wire.plugin_endpoints import RUN_TASKS
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Banner

STATES = ("dead", "running", "waiting")
MAX_PAYLOAD = 160
_DONE = ("run", "retried", "triggered", "running")


class RunningViews:
    """``/admin/sources``, ``/admin/jobs`` and what their buttons post to."""

    def __init__(self, portal: Any, messages: Messages) -> None:
        self._portal = portal
        self._states: SourceStates = portal.service(SourceStates)
        self._messages = messages

    def routes(self) -> list[Route]:
        post: dict[str, Any] = {"methods": ("POST",), "auth": "page", "max_body_bytes": 16 * 1024}
        return [
            Route("/admin/sources", self.sources, auth="page", name="admin-sources"),
            Route("/admin/sources/run", self.run_source, name="admin-source-run", **post),
            Route("/admin/jobs", self.jobs, auth="page", name="admin-jobs"),
            Route("/admin/jobs/{id:int}/retry", self.retry, name="admin-job-retry", **post),
            Route("/admin/tasks/run", self.run_task, name="admin-task-run", **post),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    def _frame(self, section: str, request: Request) -> Any:
        t, done = self._t(request), request.query_params.get("done")
        banners = [Banner("ok", t(f"admin.done.{done}"))] if done in _DONE else []
        return frame(section, request.actor, self._portal.permissions, t, banners=banners)

    def _may_run(self, request: Request) -> bool:
        return bool(self._portal.permissions.decide(request.actor, RUN_TASKS).result != "DENY")

    # ---- sources -----------------------------------------------------------------------------------------------------

    async def sources(self, request: Request) -> Response:
        self._portal.permissions.require(request.actor, READ_ADMIN)
        states = await self._states.list_states(actor=request.actor)
        part, pager = cut(states, page_number(request.query_params), "/admin/sources", {})
        head, t = self._frame("sources", request), self._t(request)
        rows = [_source_row(state, request, t) for state in part]
        failing = sum(state.failed_since is not None for state in states)
        page = SourcesPage(head, head.title, rows, pager, self._may_run(request), failing)
        return request.render("admin/sources.html", page)

    async def run_source(self, request: Request) -> Response:
        name = (await request.read_form()).get("name", "")
        await self._states.run_now(name, actor=request.actor)
        return Redirect("/admin/sources?done=run")

    # ---- jobs --------------------------------------------------------------------------------------------------------

    async def jobs(self, request: Request) -> Response:
        portal, t, query = self._portal, self._t(request), request.query_params
        portal.permissions.require(request.actor, READ_ADMIN)
        counts = dict.fromkeys(STATES, 0)
        for (_, name), number in (await portal.jobs.count_jobs()).items():
            counts[name] = counts.get(name, 0) + number
        asked = query.get("state", "")
        state = asked if asked in STATES else next((name for name in STATES if counts[name]), "waiting")
        before = query.get("before", "")
        found = await portal.jobs.list_jobs(
            cast(Literal["waiting", "running", "dead"], state),
            before=int(before) if before.isdecimal() and len(before) < 19 else None, limit=PAGE + 1,
        )  # fmt: skip
        shown = found[:PAGE]
        choices = [
            (name, t(f"admin.job.{name}"), f"/admin/jobs?state={name}", counts[name], name == state) for name in STATES
        ]
        head = self._frame("jobs", request)
        page = JobsPage(
            head, head.title, state, choices, [_job_row(job, request) for job in shown],
            f"/admin/jobs?state={state}&before={shown[-1].id}" if len(found) > PAGE else None,
            f"/admin/jobs?state={state}" if before else None,
            [_task_row(task, request, t) for task in await portal.jobs.list_tasks()], self._may_run(request),
        )  # fmt: skip
        return request.render("admin/jobs.html", page)

    async def retry(self, request: Request) -> Response:
        portal, id = self._portal, request.path_params["id"]
        portal.permissions.require(request.actor, RUN_TASKS)
        await portal.jobs.retry_dead(id)
        await portal.audit.record(
            None, "job-retry", actor=request.actor, severity="medium", meta={"job": id}, request=request
        )
        return Redirect("/admin/jobs?done=retried")

    async def run_task(self, request: Request) -> Response:
        portal = self._portal
        portal.permissions.require(request.actor, RUN_TASKS)
        name = (await request.read_form()).get("name", "")
        try:
            await portal.jobs.trigger(name)
        except ConflictError:  # it runs already, which is what was wanted
            return Redirect("/admin/jobs?done=running")
        await portal.audit.record(
            None, "task-trigger", actor=request.actor, severity="low", meta={"taskId": name}, request=request
        )
        return Redirect("/admin/jobs?done=triggered")


def _source_row(state: SourceState, request: Request, t: Translator) -> SourceRow:
    health = "bad" if state.failed_since else "ok" if state.refreshed_at else "unknown"
    return SourceRow(
        state.name, t(f"admin.way.{state.way}"), state.entities, cast(Any, health), _moment(state.refreshed_at, request),
        _moment(state.failed_since, request), state.error, _every(state.every_s, t), _moment(state.next_run, request),
        state.is_running, state.can_run,
    )  # fmt: skip


def _moment(at: Any, request: Request) -> Any:
    return request.moment(at) if at is not None else None


def _every(seconds: float | None, t: Translator) -> str | None:
    """A span in the largest unit that it is a whole number of."""
    if seconds is None:
        return None
    whole = round(seconds)
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if whole >= size and whole % size == 0:
            return t(f"admin.{unit}", n=whole // size)
    return t("admin.seconds", n=whole)


def _job_row(job: JobInfo, request: Request) -> JobRow:
    payload = orjson.dumps(job.payload).decode()
    if len(payload) > MAX_PAYLOAD:
        payload = f"{payload[:MAX_PAYLOAD]}…"
    return JobRow(job.id, job.kind, job.key or "", payload, job.attempt, request.moment(job.run_at), job.last_error)


def _task_row(task: dict[str, Any], request: Request, t: Translator) -> TaskRow:
    state = task["taskState"] or {}

    def at(name: str) -> Any:
        return request.moment(parse_time(state[name])) if state.get(name) else None

    seconds = parse_duration(task["settings"]["cadence"]).total_seconds()
    return TaskRow(
        task["taskId"], task["pluginId"], _every(seconds, t) or "", task["workerState"]["status"], at("startsAt"),
        at("lastRunEndedAt"), state.get("lastRunError"),
    )  # fmt: skip

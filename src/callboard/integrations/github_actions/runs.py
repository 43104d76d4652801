"""Runs of workflows, as GitHub tells them.

Source: GitHub REST documentation 2022-11-28, "Workflow runs": ``GET /repos/{owner}/{repo}/actions/runs``,
``POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun``.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Mapping, Sequence
from urllib.parse import quote, urlencode

from callboard.kernel.clock import Clock, parse_time
from callboard.kernel.errors import InputError, NotFoundError, UnavailableError
from callboard.kernel.host_apis import GithubApis
from callboard.model.urls import split_http

ANNOTATION: Final = "github.com/project-slug"
SOURCE: Final = "backstage.io/source-location"
MAX_PAGES: Final = 40
"""GitHub lists at most 1,000 runs of a filtered list: 40 pages of 25."""
FRESH_FOR: Final = timedelta(seconds=15)
KEPT: Final = 200
_PART: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_BRANCH: Final = re.compile(r"[^\x00-\x20~^:?*\[\\\x7f]{1,250}")

RunState = Literal["ok", "bad", "warn", "info", "unknown"]
_CONCLUSIONS: Final[Mapping[str, RunState]] = {
    "success": "ok", "failure": "bad", "timed_out": "bad", "startup_failure": "bad", "action_required": "warn",
    "cancelled": "unknown", "skipped": "unknown", "neutral": "unknown", "stale": "unknown",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Project:
    """A repository at a host."""

    host: str
    owner: str
    repo: str

    @property
    def slug(self) -> str:
        return f"{self.owner}/{self.repo}"


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a workflow. ``word`` is GitHub's conclusion, or its status while there is none; ``took`` None before it began."""

    id: int
    workflow: str
    title: str
    branch: str
    number: int
    attempt: int
    event: str
    word: str
    state: RunState
    is_done: bool
    commit: str
    who: str
    started_at: datetime | None
    took: timedelta | None
    href: str


@dataclass(frozen=True, slots=True)
class RunPage:
    """Runs, the newest first. ``total`` is what GitHub counts."""

    runs: Sequence[Run]
    total: int


def project_of(entity: Mapping[str, Any]) -> Project | None:
    """The repository that an entity's annotation names, at the host of its source location; None when it names none.

    Raises ``InputError`` when the annotation is no ``owner/repository``.
    """
    annotations = entity["metadata"].get("annotations")
    said = annotations.get(ANNOTATION) if isinstance(annotations, Mapping) else None
    if not isinstance(said, str) or not said.strip():
        return None
    owner, slash, repo = said.strip().partition("/")
    if not slash or not _is_part(owner) or not _is_part(repo):
        raise InputError(f"{ANNOTATION} must be owner/repository.", field=f"metadata.annotations.{ANNOTATION}")
    source = str(annotations.get(SOURCE) or "").removeprefix("url:") if isinstance(annotations, Mapping) else ""
    parts = split_http(source)
    return Project(parts.netloc.lower() if parts is not None else "github.com", owner, repo)


def _is_part(text: str) -> bool:
    return _PART.fullmatch(text) is not None and text not in (".", "..")


class WorkflowRuns:
    """Asks through what ``integrations.github`` offers, so that credentials, budget and cache are theirs."""

    def __init__(self, apis: GithubApis, clock: Clock, owners: Sequence[str] = (), *, is_on: bool = True) -> None:
        """``owners``: only repositories of these logins are shown; of all, when empty. ``is_on``: whether GitHub is asked at all."""
        self.is_on = is_on
        self._apis = apis
        self._clock = clock
        self._owners = frozenset(owner.lower() for owner in owners)
        self._recent: OrderedDict[str, tuple[datetime, RunPage]] = OrderedDict()

    def is_known(self, project: Project) -> bool:
        """Whether the settings name the host."""
        return self._apis.find_api_url(project.host) is not None

    def may_write(self, project: Project) -> bool:
        """Whether there is a credential at all: without one GitHub runs nothing again."""
        return self._apis.has_credentials(project.host)

    async def list(self, project: Project, *, page: int = 1, size: int = 25, branch: str | None = None) -> RunPage:
        """One page of runs, at most ``FRESH_FOR`` old. Raises what ``RemoteApi`` raises."""
        self._require(project)
        query = {"per_page": str(size), "page": str(max(1, min(page, MAX_PAGES)))}
        if branch is not None and _BRANCH.fullmatch(branch):
            query["branch"] = branch
        url = f"{self._url(project)}/actions/runs?{urlencode(query)}"
        known = self._recent.get(url)
        now = self._clock.now()
        if known is not None and now - known[0] < FRESH_FOR:
            return known[1]
        api = await self._apis.api_for(project.host, project.owner)
        found = read_page(await api.get_json(url), now)
        self._recent[url] = (now, found)
        self._recent.move_to_end(url)
        while len(self._recent) > KEPT:
            self._recent.popitem(last=False)
        return found

    async def rerun(self, project: Project, run: int) -> None:
        """Have a run begin again. Raises ``NotAllowedError`` when the credential may not, and what ``RemoteApi`` raises."""
        self._require(project)
        api = await self._apis.api_for(project.host, project.owner)
        await api.post_json(f"{self._url(project)}/actions/runs/{run}/rerun", {})
        self._recent.clear()  # what was known is old now

    def _require(self, project: Project) -> None:
        if self._owners and project.owner.lower() not in self._owners:
            raise NotFoundError(f"githubActions.owners does not name {project.owner}.")

    def _url(self, project: Project) -> str:
        return f"{self._apis.find_api_url(project.host)}/repos/{quote(project.owner, safe='')}/{quote(project.repo, safe='')}"


def read_page(answer: Any, now: datetime) -> RunPage:
    """Raises ``UnavailableError`` when it is none of GitHub's."""
    rows = answer.get("workflow_runs") if isinstance(answer, Mapping) else None
    if not isinstance(rows, list):
        raise UnavailableError("The host answered as no GitHub does.")
    runs = [run for row in rows if isinstance(row, Mapping) and (run := read_run(row, now)) is not None]
    total = answer.get("total_count")
    return RunPage(runs, total if isinstance(total, int) else len(runs))


def read_run(row: Mapping[str, Any], now: datetime) -> Run | None:
    """A run, tolerant of what is missing; None without a number."""
    id = row.get("id")
    if not isinstance(id, int):
        return None
    status, conclusion = str(row.get("status") or "unknown"), row.get("conclusion")
    is_done = status == "completed"
    started, ended = _time(row.get("run_started_at") or row.get("created_at")), _time(row.get("updated_at"))
    took = None
    if started is not None:
        took = (ended if is_done and ended is not None else now) - started
    who = row.get("triggering_actor") or row.get("actor")
    href = str(row.get("html_url") or "")
    return Run(
        id=id,
        workflow=str(row.get("name") or ""),
        title=str(row.get("display_title") or row.get("name") or ""),
        branch=str(row.get("head_branch") or ""),
        number=_int(row.get("run_number")),
        attempt=_int(row.get("run_attempt")) or 1,
        event=str(row.get("event") or ""),
        word=str(conclusion or status),
        state=_CONCLUSIONS.get(str(conclusion), "unknown") if is_done else "info",
        is_done=is_done,
        commit=str(row.get("head_sha") or "")[:40],
        who=str(who.get("login") or "") if isinstance(who, Mapping) else "",
        started_at=started,
        took=max(timedelta(0), took) if took is not None else None,
        href=href if href.startswith(("https://", "http://")) else "",
    )


def latest_by_branch(runs: Sequence[Run], limit: int) -> list[Run]:
    """The newest run of each branch, the branch that ran last first."""
    found: dict[str, Run] = {}
    for run in runs:
        found.setdefault(run.branch, run)
    return list(found.values())[:limit]


def _time(text: Any) -> datetime | None:
    try:
        return parse_time(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 0

"""Runs of GitHub Actions on the pages of entities, on an emulated Enterprise host."""

from __future__ import annotations

import json as json_module
import re
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import Response

from callboard.integrations.github_actions.runs import Project, latest_by_branch, project_of, read_page
from callboard.kernel.errors import InputError, UnavailableError
from callboard.testing import FakeClock, admin, component, make_portal, user
from tests.integrations.conftest import github_settings
from tests.integrations.hosts import GithubEmulator
from tests.integrations.serving import emulate, json, missing

pytestmark = pytest.mark.anyio
OWNER = user("ada", "group:default/crew")
PAGE = "/catalog/default/component/tools"


def run_row(number: int, branch: str = "main", **rest: Any) -> dict[str, Any]:
    """A run in the documented shape, as far as it is read."""
    row = {
        "id": 9000 + number,
        "name": "CI",
        "display_title": f"Change {number} <b>",
        "head_branch": branch,
        "head_sha": f"{number:040x}",
        "run_number": number,
        "run_attempt": 1,
        "event": "push",
        "status": "completed",
        "conclusion": "success",
        "html_url": f"https://github.example/acme/tools/actions/runs/{9000 + number}",
        "created_at": "2026-11-23T02:00:00Z",
        "run_started_at": "2026-11-23T02:00:00Z",
        "updated_at": "2026-11-23T02:03:20Z",
        "actor": {"login": "octo"},
        "triggering_actor": {"login": "mona"},
    }
    return {**row, **rest}


class ActionsEmulator(GithubEmulator):
    """GitHub with runs of acme/tools; ``may_write`` is what the token may."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = [run_row(n) for n in range(60, 0, -1)]
        self.may_write = True
        self.again: list[int] = []

    async def handle(self, request: Request) -> Response:
        path = request.url.path.removeprefix("/api/v3/repos/acme/tools/actions/runs")
        if path == request.url.path:
            return await super().handle(request)
        if path == "":
            query = request.query_params
            rows = [r for r in self.runs if query.get("branch") in (None, r["head_branch"])]
            size, page = int(query["per_page"]), int(query["page"])
            return json({"total_count": len(rows), "workflow_runs": rows[(page - 1) * size : page * size]})
        if (match := re.fullmatch(r"/(\d+)/rerun", path)) and request.method == "POST":
            if not self.may_write:
                return json({"message": "Resource not accessible by integration"}, 403)
            self.again.append(int(match[1]))
            return json({}, 201)
        return missing()


@pytest.fixture
async def actions(stack: Any) -> ActionsEmulator:
    emulator = ActionsEmulator()
    await stack.enter_async_context(emulate(emulator))
    return emulator


@asynccontextmanager
async def portal_of(
    actions: ActionsEmulator,
    tmp_path: Path,
    clock: Any,
    *,
    slug: str = "acme/tools",
    settings: Any = None,
    host: str | None = None,
) -> AsyncIterator[Any]:
    """A portal whose catalog has one component, of the crew, at the emulated host."""
    annotations = {
        "github.com/project-slug": slug,
        "backstage.io/source-location": f"url:http://{host or actions.host}/acme/tools/tree/main/",
    }
    one = component("tools", owner="group:default/crew")
    one["metadata"]["annotations"] = annotations
    (tmp_path / "a.json").write_text(
        json_module.dumps([one, component("plain")][0]) + "\n---\n" + json_module.dumps(component("plain"))
    )
    catalog = {"catalog": {"locations": [{"type": "file", "target": str(tmp_path / "a.json")}], "watchFiles": False}}
    given = github_settings(actions) if settings is None else settings
    async with make_portal({**given, **catalog}, clock=clock) as portal:
        await portal.jobs.run_due()
        yield portal


async def fragment(client: Any, path: str) -> str:
    answer = await client.get(path, headers={"hx-request": "true"})
    assert answer.status_code == 200, answer.text
    assert "ghp_secret" not in answer.text
    return str(answer.text)


async def test_the_page_does_not_wait_for_github(actions: ActionsEmulator, tmp_path: Path, clock: FakeClock):
    """Card and tab come without a request to the host; an entity without the annotation has neither."""
    async with portal_of(actions, tmp_path, clock) as portal, portal.client(OWNER) as client:
        page, tab = (await client.get(PAGE)).text, (await client.get(PAGE + "/ci?page=2&branch=main")).text
        assert f'hx-get="{PAGE}/ci/card"' in page and ">CI<" in page
        assert f'hx-get="{PAGE}/ci/runs?page=2&amp;branch=main"' in tab
        assert actions.log == []
        plain = (await client.get("/catalog/default/component/plain")).text
        assert "ci/card" not in plain and ">CI<" not in plain


async def test_the_card_tells_the_last_run_of_each_branch(actions: ActionsEmulator, tmp_path: Path, clock: FakeClock):
    """State, how long, commit, who and when, with the branch that ran last first; what others wrote is escaped."""
    actions.runs[:0] = [
        run_row(99, "fix<x>", status="in_progress", conclusion=None, updated_at="2026-11-23T03:11:00Z", run_started_at="2026-11-23T03:10:00Z"),
        run_row(98, conclusion="failure"),
    ]  # fmt: skip
    async with portal_of(actions, tmp_path, clock) as portal, portal.client(OWNER) as client:
        card = await fragment(client, PAGE + "/ci/card")
    assert card.index("fix&lt;x&gt;") < card.index(">main<")
    assert card.count("<li>") == 2
    assert "running" in card and "2 min 0 s" in card
    assert "failed" in card and "3 min 20 s" in card and "mona" in card and f"{98:040x}"[:7] in card
    assert "<b>" not in card


async def test_runs_are_paged_and_asked_for_conditionally(actions: ActionsEmulator, tmp_path: Path, clock: FakeClock):
    """25 a page with the way on; within seconds nothing is asked again, later only whether it changed."""
    async with portal_of(actions, tmp_path, clock) as portal, portal.client(OWNER) as client:
        first = await fragment(client, PAGE + "/ci/runs")
        assert first.count("data-row") == 25 and f'href="{PAGE}/ci?page=2"' in first and "1–25 of 60" in first
        last = await fragment(client, PAGE + "/ci/runs?page=3")
        assert last.count("data-row") == 10 and 'rel="next"' not in last
        asked = len(actions.log)
        await fragment(client, PAGE + "/ci/runs")
        assert len(actions.log) == asked
        clock.advance(60)
        counted = actions.counted
        await fragment(client, PAGE + "/ci/runs")
        assert len(actions.log) == asked + 1 and actions.counted == counted, "an unchanged answer is free"
        whole = (await client.get(PAGE + "/ci/runs?branch=main")).text
        assert "<html" in whole and "data-row" in whole and "main" in whole, "without script it is a page"


async def test_runs_begin_again_for_those_who_may(actions: ActionsEmulator, tmp_path: Path, clock: FakeClock):
    """The owner's click reaches GitHub and the audit log; somebody else has no button and is refused."""
    async with portal_of(actions, tmp_path, clock) as portal:
        async with portal.client(OWNER) as client:
            runs = await fragment(client, PAGE + "/ci/runs")
            assert f'action="{PAGE}/ci/runs/9060/rerun"' in runs
            answer = await client.post(PAGE + "/ci/runs/9060/rerun")
            assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}/ci?rerun=begun")
            assert actions.again == [9060]
            assert "begins again" in (await client.get(answer.headers["location"])).text
            actions.may_write = False
            refused = await client.post(PAGE + "/ci/runs/9060/rerun")
            assert refused.headers["location"].endswith("rerun=refused")
            assert "Actions: write" in (await client.get(refused.headers["location"])).text
            assert (await client.post(PAGE + "/ci/runs/x/rerun")).status_code == 400
        async with portal.client(user("bob")) as client:
            assert "rerun" not in await fragment(client, PAGE + "/ci/runs")
            assert (await client.post(PAGE + "/ci/runs/9060/rerun")).status_code == 403
        assert actions.again == [9060]
        logged = [e for e in (await portal.audit.list_events()).items if e.event == "github-actions-rerun"]
        assert [(e.actor, e.status) for e in logged] == [(OWNER.subject, "failed"), (OWNER.subject, "succeeded")]


async def test_hidden_entities_have_no_runs(actions: ActionsEmulator, tmp_path: Path, clock: FakeClock):
    """Who may not see the entity gets what an absent one gives, and GitHub is not asked."""
    rules = [{"permission": "catalog.entity.read", "effect": "deny"}]
    policy = {"permission": {"policy": {"roles": {"blind": {"members": ["user:default/eve"], "rules": rules}}}}}
    settings = {**github_settings(actions), **policy}
    async with portal_of(actions, tmp_path, clock, settings=settings) as portal, portal.client(user("eve")) as client:
        for path in ("/ci/card", "/ci/runs"):
            assert (await client.get(PAGE + path)).status_code == 404
        assert (await client.post(PAGE + "/ci/runs/1/rerun")).status_code == 404
    assert actions.log == []


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ({"status": 404}, "shows the portal no runs"),
        ({"status": 401}, "does not let the portal see"),
        ({"status": 403, "body": b'{"message": "Resource not accessible"}'}, "does not let the portal see"),
        ({"status": 403, "headers": {"retry-after": "600"}}, "in 10 minutes"),
        ({"status": 500}, "does not answer"),
        ({"status": 200, "body": b"[]"}, "does not answer"),
    ],
)
async def test_what_is_wrong_is_told_apart(
    actions: ActionsEmulator, tmp_path: Path, clock: FakeClock, failure: dict[str, Any], words: str
):
    """Gone, refused, limited and out of reach each have their words and what to do; never the host's own, never a token."""
    actions.fail("/actions/runs", **failure)
    async with portal_of(actions, tmp_path, clock) as portal, portal.client(admin()) as client:
        card = await fragment(client, PAGE + "/ci/card")
        assert words in card
        assert "Resource not accessible" not in card


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"host": "ghe.elsewhere.example"}, "does not know the host ghe.elsewhere.example"),
        ({"slug": "../../user"}, "does not name a repository"),
        ({"slug": "tools"}, "does not name a repository"),
    ],
)
async def test_what_the_entity_says_may_be_wrong(
    actions: ActionsEmulator, tmp_path: Path, clock: FakeClock, options: dict[str, Any], words: str
):
    """A host without settings and a slug that is none are told; nothing is asked."""
    async with portal_of(actions, tmp_path, clock, **options) as portal, portal.client(OWNER) as client:
        assert words in await fragment(client, PAGE + "/ci/card")
    assert actions.log == []


async def test_owners_limit_whose_runs_are_shown(actions: ActionsEmulator, tmp_path: Path, clock: FakeClock):
    """``githubActions.owners`` keeps an annotation from leading the portal's token elsewhere; no runs are told as such."""
    settings = {**github_settings(actions), "githubActions": {"owners": ["other"]}}
    async with portal_of(actions, tmp_path, clock, settings=settings) as portal, portal.client(OWNER) as client:
        assert "shows the portal no runs" in await fragment(client, PAGE + "/ci/card")
    assert actions.log == []
    actions.runs = []
    async with portal_of(actions, tmp_path, clock) as portal, portal.client(OWNER) as client:
        assert "has had no runs yet" in await fragment(client, PAGE + "/ci/card")


async def test_a_portal_without_github_asks_nobody(actions: ActionsEmulator, tmp_path: Path, clock: FakeClock):
    """The tab says how to connect it, the overview has no card, and no request leaves; the manifest tells the truth."""
    async with portal_of(actions, tmp_path, clock, settings={}) as portal, portal.client(OWNER) as client:
        assert "ci/card" not in (await client.get(PAGE)).text
        assert "is not connected to GitHub" in await fragment(client, PAGE + "/ci/runs")
        assert sum(budget.requests for budget in portal.http.budgets) == 0
        portal.plugins.check_manifests()
        assert [p for p in portal.plugins.problems if p.plugin == "github-actions"] == []
    assert actions.log == []


def test_runs_are_read_with_whatever_is_missing(clock: FakeClock):
    """Rows without a number are passed over, fields may be absent or null; what is no answer of GitHub is refused."""
    found = read_page({"workflow_runs": [{}, {"id": 1, "html_url": "javascript:x", "actor": None}, 5]}, clock.now())
    (run,) = found.runs
    assert (run.href, run.took, run.who, run.state, found.total) == ("", None, "", "info", 1)
    with pytest.raises(UnavailableError):
        read_page([], clock.now())
    rows = [run_row(3, "a"), run_row(2, "b"), run_row(1, "a")]
    latest = latest_by_branch(read_page({"workflow_runs": rows}, clock.now()).runs, 5)
    assert [r.number for r in latest] == [3, 2] and latest[0].took == timedelta(seconds=200)


def test_the_host_is_that_of_the_source():
    """Backstage's rule: the annotation has no host, the source location says which one."""
    entity: dict[str, Any] = {"metadata": {"annotations": {"github.com/project-slug": "a/b"}}}
    assert project_of(entity) == Project("github.com", "a", "b")
    entity["metadata"]["annotations"]["backstage.io/source-location"] = "url:https://GHE.example/a/b/tree/main/"
    assert project_of(entity) == Project("ghe.example", "a", "b")
    assert project_of({"metadata": {}}) is None
    with pytest.raises(InputError):
        project_of({"metadata": {"annotations": {"github.com/project-slug": "a/b/c"}}})

"""Organisations come in by the settings alone: repositories, teams and users of GitHub and GitLab, in a running portal."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import AsyncExitStack
from typing import Any, AsyncIterator

import orjson
import pytest

from callboard.features.catalog.interface import CatalogQueries, EntityQuery
from callboard.kernel.auth.actor import SYSTEM
from callboard.model.refs import EntityRef
from callboard.testing import PortalForTest, admin, component, make_portal
from tests.integrations.hosts import GithubEmulator, GitlabEmulator
from tests.integrations.serving import emulate

pytestmark = pytest.mark.anyio
SECRET = "shared-by-both"


def person(login: str) -> dict[str, Any]:
    """A user as GitHub's GraphQL gives them."""
    page = f"https://github.example/{login}"
    return {
        "login": login, "name": login.title(), "bio": None, "email": "", "avatarUrl": f"{page}.png", "url": page,
        "organizationVerifiedDomainEmails": [],
    }  # fmt: skip


def team(slug: str, *members: str) -> dict[str, Any]:
    return {
        "slug": slug, "combinedSlug": f"acme/{slug}", "name": slug.title(), "description": None, "avatarUrl": None,
        "url": f"https://github.example/orgs/acme/teams/{slug}", "parentTeam": None, "all": [{"login": login} for login in members],
    }  # fmt: skip


@pytest.fixture
async def hosts() -> AsyncIterator[tuple[GithubEmulator, GitlabEmulator]]:
    """GitHub with a repository, a team and two users; GitLab with a project, a group and a user."""
    async with AsyncExitStack() as stack:
        github, gitlab = GithubEmulator(), GitlabEmulator()
        for emulator in (github, gitlab):
            await stack.enter_async_context(emulate(emulator))
        github.repository.files = {"catalog-info.yaml": orjson.dumps(component("tools", owner="core"))}
        github.repositories = [github.repository_row("tools"), github.repository_row("old", archived=True)]
        github.teams, github.users = [team("core", "ada")], [person("ada"), person("bob")]
        gitlab.repository.files = {"catalog-info.yaml": orjson.dumps(component("platform-tools", owner="platform"))}
        gitlab.projects = [gitlab.project_row(7, "acme/platform/tools")]
        row = {"description": "", "avatar_url": None, "visibility": "internal"}
        gitlab.groups = [
            {"id": 1, "full_path": "acme", "name": "Acme", "parent_id": None, "web_url": f"{gitlab.base}/acme", **row},
            {
                "id": 2,
                "full_path": "acme/platform",
                "name": "Platform",
                "parent_id": 1,
                "web_url": f"{gitlab.base}/p",
                **row,
            },
        ]
        cyd = {
            "id": 3,
            "username": "cyd",
            "name": "Cyd",
            "state": "active",
            "web_url": f"{gitlab.base}/cyd",
            "avatar_url": None,
        }
        gitlab.members, gitlab.users = {2: [{**cyd, "access_level": 30}]}, [cyd]
        yield github, gitlab


@pytest.fixture
async def portal(hosts: tuple[GithubEmulator, GitlabEmulator], clock: Any) -> AsyncIterator[PortalForTest]:
    """Nothing but settings, in Backstage's words."""
    github, gitlab = hosts
    schedule = {"frequency": {"minutes": 30}, "timeout": {"minutes": 3}}
    settings = {
        "integrations": {
            "github": [
                {
                    "host": github.host,
                    "apiBaseUrl": f"{github.base}/api/v3",
                    "rawBaseUrl": f"{github.base}/raw",
                    "token": "ghp_x",
                }
            ],
            "gitlab": [{"host": gitlab.host, "baseUrl": gitlab.base, "token": "glpat-x"}],
        },
        "catalog": {
            "rules": [{"allow": ["Component", "Location", "Group", "User"]}],
            "processingInterval": False,
            "providers": {
                "github": {"acme": {"host": github.host, "organization": "acme", "schedule": schedule}},
                "githubOrg": [{"id": "acme", "githubUrl": github.base, "orgs": ["acme"], "schedule": schedule}],
                "gitlab": {
                    "acme": {"host": gitlab.host, "group": "acme", "orgEnabled": True, "schedule": schedule},
                },
            },
        },
        "events": {"modules": {"github": {"webhookSecret": SECRET}, "gitlab": {"webhookSecret": SECRET}}},
    }
    async with make_portal(settings, clock=clock) as portal:
        await portal.jobs.run_due()
        yield portal


async def refs(portal: PortalForTest) -> set[str]:
    """All entities but the generated Locations."""
    page = await portal.service(CatalogQueries).list_raw(EntityQuery(), actor=SYSTEM)
    found = {str(EntityRef.of(orjson.loads(raw))) for raw in page.items}
    return {ref for ref in found if not ref.startswith("location:")}


EVERYBODY = {
    "component:default/tools", "group:default/core", "user:default/ada", "user:default/bob",
    "component:default/platform-tools", "group:default/acme", "group:default/platform", "user:default/cyd",
}  # fmt: skip


async def test_repositories_teams_and_users_come_in_and_are_joined(portal: PortalForTest):
    """Four providers, one catalog: what a repository says of its owner meets the team that came another way."""
    assert await refs(portal) == EVERYBODY
    tools = orjson.loads(await portal.service(CatalogQueries).find_raw("component:default/tools", actor=SYSTEM))
    assert {"type": "ownedBy", "targetRef": "group:default/core"} in tools["relations"]
    core = orjson.loads(await portal.service(CatalogQueries).find_raw("group:default/core", actor=SYSTEM))
    assert {"type": "hasMember", "targetRef": "user:default/ada"} in core["relations"]
    async with portal.client(admin()) as client:
        tasks = (await client.get("/api/catalog/.backstage/scheduler/v1/tasks")).json()["tasks"]
    cadences = {task["taskId"]: task["settings"]["cadence"] for task in tasks}
    for name in (
        "github-provider:acme",
        "github-org-provider:acme",
        "gitlab-provider:acme",
        "gitlab-org-provider:acme",
    ):
        assert cadences[f"catalog_provider_{name}"] == "PT30M"


async def test_a_source_that_fails_takes_nothing_away(
    portal: PortalForTest, hosts: tuple[GithubEmulator, GitlabEmulator], clock: Any
):
    """An hour of errors: everything stays, and the sources are known to be stale; then what is really gone goes."""
    github, _gitlab = hosts
    github.repositories.clear()
    for emulator in hosts:
        emulator.fail("", 500)
    for _ in range(6):
        clock.advance(600)
        await portal.jobs.run_due()
    assert await refs(portal) == EVERYBODY
    async with portal.client() as client:
        text = (await client.get("/metrics")).text
    assert "callboard_catalog_failing_sources 4.0" in text
    for emulator in hosts:
        emulator.failures.clear()
    clock.advance(1800)
    await portal.jobs.run_due()
    assert await refs(portal) == EVERYBODY - {"component:default/tools"}


async def test_an_unchanged_organisation_costs_github_nothing(
    portal: PortalForTest, hosts: tuple[GithubEmulator, GitlabEmulator], clock: Any
):
    """The second listing is conditional: 304 answers do not count against the limit."""
    github, _ = hosts
    before = github.counted
    clock.advance(1800)
    await portal.jobs.run_due()
    listing = [line for line in github.log if "/orgs/acme/repos" in line]
    assert len(listing) == 2  # once at the start, once by the schedule
    graphql = [line for line in github.log if "graphql" in line]
    assert github.counted - before == len(graphql) // 2  # questions by GraphQL cannot be conditional


async def test_a_new_member_is_known_as_soon_as_the_host_tells(
    portal: PortalForTest, hosts: tuple[GithubEmulator, GitlabEmulator]
):
    """``membership``: the provider of teams runs, that of repositories does not, nor GitLab's."""
    github, gitlab = hosts
    github.teams = [team("core", "ada", "bob")]
    github.log.clear()
    gitlab.log.clear()
    body = orjson.dumps(
        {"action": "added", "organization": {"login": "acme"}, "sender": {"html_url": f"{github.base}/ada"}}
    )
    proof = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-github-event": "membership", "x-hub-signature-256": proof, "content-type": "application/json"}
    async with portal.client() as client:
        assert (await client.post("/api/events/http/github", content=body, headers=headers)).status_code == 202
    await portal.jobs.run_due()
    core = orjson.loads(await portal.service(CatalogQueries).find_raw("group:default/core", actor=SYSTEM))
    members = {relation["targetRef"] for relation in core["relations"] if relation["type"] == "hasMember"}
    assert members == {"user:default/ada", "user:default/bob"}
    assert {line.split()[1] for line in github.log} == {"/api/graphql"}
    assert gitlab.log == []


async def test_a_new_project_is_known_as_soon_as_the_host_tells(
    portal: PortalForTest, hosts: tuple[GithubEmulator, GitlabEmulator]
):
    """A push that brings the descriptor: the project becomes a location at once; a push without does not list the group."""
    _, gitlab = hosts
    row = gitlab.project_row(8, "acme/new")
    gitlab.projects.append(row)
    push = {
        "object_kind": "push", "event_name": "push", "ref": "refs/heads/main", "before": "1" * 40, "after": "2" * 40,
        "project": {"web_url": row["web_url"], "default_branch": "main"}, "total_commits_count": 1,
    }  # fmt: skip

    async def send(**lists: list[str]) -> list[str]:
        commit = {"added": [], "removed": [], "modified": [], **lists}
        gitlab.log.clear()
        headers = {"x-gitlab-event": "Push Hook", "x-gitlab-token": SECRET, "content-type": "application/json"}
        async with portal.client() as client:
            body = orjson.dumps({**push, "commits": [commit]})
            assert (await client.post("/api/events/http/gitlab", content=body, headers=headers)).status_code == 202
        await portal.jobs.run_due()
        return list(gitlab.log)

    assert await send(modified=["readme.md"]) == []
    assert any("/groups/acme/projects" in line for line in await send(added=["catalog-info.yaml"]))
    page = await portal.service(CatalogQueries).list_raw(EntityQuery(), actor=SYSTEM)
    targets = {(orjson.loads(raw).get("spec") or {}).get("target") for raw in page.items}
    assert f"{gitlab.base}/acme/new/-/blob/main/catalog-info.yaml" in targets

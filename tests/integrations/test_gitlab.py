"""GitLab: URL forms, limits, discovery of projects, groups and users, on an emulated host."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.integrations.gitlab.client import GitlabClients
from callboard.integrations.gitlab.provider import GitlabOrgProvider, GitlabProvider
from callboard.integrations.gitlab.reader import GitlabReader
from callboard.kernel.discovery import read_rows
from callboard.kernel.errors import (
    CallboardError,
    ConflictError,
    InputError,
    LimitError,
    NotAllowedError,
    UnavailableError,
)
from tests.integrations.conftest import Connect, gitlab_settings
from tests.integrations.hosts import GitlabEmulator
from tests.integrations.recording import RecordingConnection, targets_of
from tests.integrations.serving import FILES

pytestmark = pytest.mark.anyio
MARKS = ("host", "group", "orgEnabled")


def reader(emulator: GitlabEmulator, connect: Connect, **row: Any) -> GitlabReader:
    wire = connect(gitlab_settings(emulator, **row))
    return GitlabReader(GitlabClients(wire.settings, wire.http, wire.budgets).get(emulator.host))


def provider(kind: type, emulator: GitlabEmulator, connect: Connect, **row: Any) -> Any:
    settings = gitlab_settings(emulator)
    settings["catalog"] = {"providers": {"gitlab": {"acme": {"host": emulator.host, "group": "acme", **row}}}}
    wire = connect(settings)
    (found,) = read_rows(wire.settings, "gitlab", MARKS)
    return kind(found, GitlabClients(wire.settings, wire.http, wire.budgets))


@pytest.mark.parametrize(
    "path",
    [
        "acme/platform/tools/-/blob/main/docs/readme.md",
        "acme/platform/tools/-/raw/main/docs/readme.md?ref_type=heads",
        "acme/platform/tools/blob/main/docs/readme.md",
        "acme/platform/tools/-/blob/HEAD/docs/readme.md",
    ],
)
async def test_every_form_of_a_url_names_the_file(gitlab: GitlabEmulator, connect: Connect, path: str):
    """With ``/-/`` and the older form without, in groups of any depth."""
    assert (await reader(gitlab, connect).read(f"{gitlab.base}/{path}")).content == FILES["docs/readme.md"]


async def test_pages_that_are_no_files_are_not_handled(gitlab: GitlabEmulator, connect: Connect):
    """A merge request is nothing to read."""
    assert not reader(gitlab, connect).handles(f"{gitlab.base}/acme/platform/tools/-/merge_requests/1")


async def test_an_own_ceiling_waits_instead_of_failing(gitlab: GitlabEmulator, connect: Connect, clock: Any):
    """``retry.maxApiRequestsPerMinute`` spreads requests over the minutes."""
    import asyncio

    read = reader(gitlab, connect, retry={"maxApiRequestsPerMinute": 2})
    url = f"{gitlab.base}/acme/platform/tools/-/blob/main/docs/readme.md"
    await read.read(url)
    await read.read(url)
    third = asyncio.ensure_future(read.read(url))
    while not clock.sleepers:
        await asyncio.sleep(0)
    assert len(gitlab.log) == 2
    clock.advance(60)
    assert (await third).content == FILES["docs/readme.md"]


async def test_projects_with_a_descriptor_become_locations(gitlab: GitlabEmulator, connect: Connect):
    """Over all pages; without a descriptor, empty, archived or with the repository switched off they are left out."""
    gitlab.projects = [
        gitlab.project_row(1, "acme/a"),
        gitlab.project_row(2, "acme/b", files=[]),
        gitlab.project_row(3, "acme/sub/c", default_branch="trunk"),
        gitlab.project_row(4, "acme/d", archived=True),
        gitlab.project_row(5, "acme/e", empty_repo=True),
        gitlab.project_row(6, "acme/f", repository_access_level="disabled"),
        gitlab.project_row(8, "acme/g", default_branch=None),
    ]
    connection = RecordingConnection()
    found = provider(GitlabProvider, gitlab, connect)
    await found.run(connection)
    assert found.name == "gitlab-provider:acme"
    assert targets_of(connection) == [
        f"{gitlab.base}/acme/a/-/blob/main/catalog-info.yaml",
        f"{gitlab.base}/acme/g/-/blob/master/catalog-info.yaml",
        f"{gitlab.base}/acme/sub/c/-/blob/trunk/catalog-info.yaml",
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"projectPattern": "svc"}, ["acme/svc-a", "acme/svc-fork"]),
        ({"excludeRepos": ["acme/LIB"]}, ["acme/svc-a", "acme/svc-fork"]),
        ({"skipForkedRepos": True}, ["acme/lib", "acme/svc-a"]),
        ({"topics": ["a", "b"]}, ["acme/lib"]),
        ({"topics": "a"}, ["acme/lib", "acme/svc-a"]),
    ],
)
async def test_filters_choose_projects(
    gitlab: GitlabEmulator, connect: Connect, row: dict[str, Any], expected: list[str]
):
    """As GitLab's own filters: all topics, any part of the path."""
    gitlab.projects = [
        gitlab.project_row(1, "acme/svc-a", topics=["A"]),
        gitlab.project_row(2, "acme/svc-fork", forked_from_project={"id": 1}),
        gitlab.project_row(3, "acme/lib", topics=["a", "b", "c"]),
    ]
    connection = RecordingConnection()
    await provider(GitlabProvider, gitlab, connect, **row).run(connection)
    assert [t.removeprefix(f"{gitlab.base}/").split("/-/")[0] for t in targets_of(connection)] == expected


@pytest.mark.parametrize("part", ["/groups/acme/projects", "page=2", "/projects/2/repository"])
@pytest.mark.parametrize(("status", "error"), [(429, LimitError), (500, UnavailableError), (403, NotAllowedError)])
async def test_a_run_that_fails_anywhere_gives_nothing(
    gitlab: GitlabEmulator, connect: Connect, part: str, status: int, error: type[CallboardError]
):
    """Not even when only one project's file could not be looked at: unknown is not gone."""
    gitlab.projects = [gitlab.project_row(i, f"acme/p{i}") for i in range(1, 6)]
    found, connection = provider(GitlabProvider, gitlab, connect), RecordingConnection()
    await found.run(connection)
    gitlab.fail(part, status)
    with pytest.raises(error):
        await found.run(connection)
    assert len(connection.mutations) == 1
    assert isinstance(connection.failures[0], error)


def fill(emulator: GitlabEmulator) -> None:
    def group(id: int, path: str, parent: int | None) -> dict[str, Any]:
        return {"id": id, "full_path": path, "name": path.rsplit("/", maxsplit=1)[-1].title(), "parent_id": parent,
                "web_url": f"{emulator.base}/groups/{path}"}  # fmt: skip

    def user(name: str, **rest: Any) -> dict[str, Any]:
        return {"username": name, "name": name.title(), "web_url": f"{emulator.base}/{name}", "state": "active", **rest}

    emulator.groups = [
        group(1, "acme", None),
        group(2, "acme/platform", 1),
        group(3, "acme/platform/core", 2),
        group(4, "acme/web", 1),
    ]
    emulator.members = {
        1: [user("ada")],
        3: [user("ada"), user("bob"), user("cyd"), user("gone", state="blocked"), user("robot", bot=True)],
    }
    emulator.users = [user("ada"), user("bob"), user("cyd"), user("zoe", public_email="zoe@example.org")]


async def test_groups_and_users_become_entities(gitlab: GitlabEmulator, connect: Connect):
    """Names are paths below the configured group; blocked accounts and robots are nobody."""
    fill(gitlab)
    connection = RecordingConnection()
    await provider(GitlabOrgProvider, gitlab, connect, orgEnabled=True).run(connection)
    entities = {(e.entity["kind"], e.entity["metadata"]["name"]): e.entity for e in connection.last.entities}
    assert set(entities) == {
        ("Group", "acme"), ("Group", "platform"), ("Group", "platform-core"), ("Group", "web"),
        ("User", "ada"), ("User", "bob"), ("User", "cyd"), ("User", "zoe"),
    }  # fmt: skip
    core = entities["Group", "platform-core"]
    assert core["spec"]["members"] == ["ada", "bob", "cyd"]
    assert core["spec"]["parent"] == "platform"
    assert core["metadata"]["annotations"]["127.0.0.1/team-path"] == "acme/platform/core"
    assert entities["Group", "acme"]["spec"]["children"] == ["platform", "web"]
    assert entities["User", "ada"]["spec"]["memberOf"] == ["acme", "platform-core"]
    assert entities["User", "zoe"]["spec"] == {
        "profile": {"displayName": "Zoe", "email": "zoe@example.org"},
        "memberOf": [],
    }


async def test_users_may_be_only_the_members(gitlab: GitlabEmulator, connect: Connect):
    """``restrictUsersToGroup``, with patterns on groups and users."""
    fill(gitlab)
    connection = RecordingConnection()
    row = {"restrictUsersToGroup": True, "groupPattern": "core$", "userPattern": "^[ab]"}
    await provider(GitlabOrgProvider, gitlab, connect, **row).run(connection)
    assert [e.entity["metadata"]["name"] for e in connection.last.entities] == ["platform-core", "ada", "bob"]


async def test_two_groups_of_one_name_are_a_conflict(gitlab: GitlabEmulator, connect: Connect):
    """Both are named; none wins by chance, and what was there stays."""
    fill(gitlab)
    gitlab.groups.append({**gitlab.groups[2], "id": 9, "full_path": "acme/platform-core"})
    connection = RecordingConnection()
    with pytest.raises(ConflictError, match="acme/platform/core.*acme/platform-core"):
        await provider(GitlabOrgProvider, gitlab, connect).run(connection)
    assert (len(connection.mutations), len(connection.failures)) == (0, 1)


@pytest.mark.parametrize("part", ["descendant_groups", "/groups/3/members", "/users", "page=2"])
async def test_people_are_not_lost_to_a_failure(gitlab: GitlabEmulator, connect: Connect, part: str):
    """Any part of the organisation that cannot be read fails the run as a whole."""
    fill(gitlab)
    found, connection = provider(GitlabOrgProvider, gitlab, connect), RecordingConnection()
    gitlab.fail(part, 500)
    with pytest.raises(UnavailableError):
        await found.run(connection)
    assert (len(connection.mutations), len(connection.failures)) == (0, 1)


async def test_all_groups_of_gitlab_com_are_refused(connect: Connect):
    """Without a group the whole public site would be read."""
    wire = connect({"catalog": {"providers": {"gitlab": {"all": {"host": "gitlab.com", "orgEnabled": True}}}}})
    (row,) = read_rows(wire.settings, "gitlab", MARKS)
    with pytest.raises(InputError) as caught:
        GitlabOrgProvider(row, GitlabClients(wire.settings, wire.http, wire.budgets))
    assert caught.value.field == "catalog.providers.gitlab.all.group"

"""Actions at GitLab: documented fields only, real pushes and commits."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.kernel.errors import (
    ConflictError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)
from tests.integrations.publishing.conftest import TOKEN, Bench

pytestmark = pytest.mark.anyio
MR = {"branchName": "add-docs", "title": "Add docs", "description": "Pages."}


@pytest.fixture
def bench(gitlab_bench: Bench) -> Bench:
    return gitlab_bench


def url(bench: Bench, owner: str = "acme", repo: str = "tools") -> str:
    return f"{bench.forge.host}?owner={owner}&repo={repo}"


async def test_a_project_is_made_and_filled(bench: Bench):
    """On ``master``, as Backstage has it; with settings, branches and variables."""
    output = await bench.run(
        "publish:gitlab", repoUrl=url(bench), topics=["java"], settings={"merge_method": "ff", "visibility": "internal"},
        branches=[{"name": "next", "create": True, "protect": True}],
        projectVariables=[{"key": "STAGE", "value": "dev", "masked": True}], setUserAsOwner=True,
    )  # fmt: skip
    page = f"{bench.forge.base}/acme/tools"
    assert output == {
        "remoteUrl": f"{page}.git", "repoContentsUrl": f"{page}/-/blob/master", "projectId": 42, "created": True,
        "commitHash": bench.forge.find("acme/tools", "master"),
    }  # fmt: skip
    made = bench.forge.sent("POST", "/projects")
    assert made == {"name": "tools", "path": "tools", "visibility": "internal", "topics": ["java"], "merge_method": "ff",
                    "namespace_id": 1}  # fmt: skip
    assert bench.forge.sent("POST", "/repository/branches") == {"branch": "next", "ref": "master"}
    assert bench.forge.sent("POST", "/members") == {"user_id": 3, "access_level": 50}
    assert bench.forge.sent("POST", "/variables") == {"key": "STAGE", "value": "dev", "masked": True}


async def test_a_project_that_exists(bench: Bench):
    """Is a conflict, or left alone when asked; an empty one can be made."""
    await bench.run("publish:gitlab", repoUrl=url(bench), sourcePath=False)
    assert bench.forge.find("acme/tools", "master") is None
    bench.steps.step.kept.clear()
    with pytest.raises(ConflictError, match="skipExisting"):
        await bench.run("publish:gitlab", repoUrl=url(bench))
    output = await bench.run("publish:gitlab", repoUrl=url(bench), skipExisting=True)
    assert output["created"] is False and output["projectId"] == 42


async def test_a_later_attempt_makes_no_second_project(bench: Bench):
    """It goes on with what is missing."""
    bench.forge.fail("/members", 500)
    with pytest.raises(UnavailableError):
        await bench.run("publish:gitlab", repoUrl=url(bench), ownerUsername="bo")
    bench.forge.failures.clear()
    await bench.run("publish:gitlab", repoUrl=url(bench), ownerUsername="bo")
    assert sum(path == "/projects" for _, path, _ in bench.forge.written) == 1


async def test_a_merge_request_changes_only_what_differs(bench: Bench):
    """Files that are the same are not sent; people are found by name."""
    bench.forge.create("acme/tools", {"src/run.sh": "old", "catalog-info.yaml": "kind: Component\n"})
    output = await bench.run("publish:gitlab:merge-request", repoUrl=url(bench), **MR, assignee="bo", reviewers=["@cy"],
                             labels=["a", "b"], removeSourceBranch=True, assignReviewersFromApprovalRules=True,
                             autoMerge=True)  # fmt: skip
    assert output == {
        "projectid": "acme/tools", "projectPath": "acme/tools", "targetBranchName": "main",
        "mergeRequestUrl": f"{bench.forge.base}/acme/tools/-/merge_requests/4",
    }  # fmt: skip
    sent = bench.forge.sent("POST", "/repository/commits")
    assert [(a["action"], a["file_path"]) for a in sent["actions"]] == [("update", "src/run.sh")]
    assert bench.forge.git("acme/tools", "ls-tree", "add-docs", "src/run.sh").startswith("100755")
    asked = bench.forge.sent("POST", "/merge_requests")
    assert asked["assignee_id"] == 9 and asked["reviewer_ids"] == [9] and asked["labels"] == "a,b"
    assert bench.forge.sent("PUT", "/merge_requests/4") == {"reviewer_ids": [9, 11]}


async def test_a_merge_request_that_cannot_be(bench: Bench):
    """A branch that is there, a target that is not, a person nobody knows, a link."""
    bench.forge.create("acme/tools", {"a": "1"})
    bench.forge.git("acme/tools", "branch", "add-docs")
    for given, error, words in [
        ({}, ConflictError, "another branchName"),
        ({"targetBranchName": "gone"}, NotFoundError, "gone"),
        ({"assignee": "nobody"}, InputError, "nobody"),
    ]:
        with pytest.raises(error, match=words):
            await bench.run("publish:gitlab:merge-request", repoUrl=url(bench), **{**MR, **given})
    bench.steps.workspace.link("link", "catalog-info.yaml")
    with pytest.raises(InputError, match="symbolic link"):
        await bench.run("publish:gitlab:merge-request", repoUrl=url(bench), **{**MR, "branchName": "other"})


async def test_a_push_over_the_api(bench: Bench):
    """To a branch that is made; deletions too."""
    bench.forge.create("acme/tools", {"a": "1"})
    output = await bench.run("gitlab:repo:push", repoUrl=url(bench), branchName="next", commitMessage="Go")
    assert output["commitHash"] == bench.forge.find("acme/tools", "next")
    assert bench.forge.paths("acme/tools", "next") == ["a", "catalog-info.yaml", "src/run.sh"]
    bench.steps.step.kept.clear()
    await bench.run("gitlab:repo:push", repoUrl=url(bench), branchName="next", commitMessage="Un", commitAction="delete",
                    sourcePath="src", targetPath="src")  # fmt: skip
    assert bench.forge.paths("acme/tools", "next") == ["a", "catalog-info.yaml"]


async def test_the_smaller_actions(bench: Bench):
    """Groups, issues, pipelines, variables, tokens, accounts."""
    bench.forge.create("acme/tools", {"a": "1"})
    page = f"{bench.forge.base}/acme/tools/-"
    cases: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("gitlab:group:ensureExists", {"path": ["acme", {"name": "The Team", "slug": "team"}]}, {"groupId": 2}),
        ("gitlab:group:access", {"path": "acme", "userIds": [5], "groupIds": [6], "accessLevel": "maintainer"}, {}),
        ("gitlab:group:access", {"path": 1, "userIds": [5], "groupIds": [6], "action": "remove"}, {}),
        ("gitlab:issues:create", {"projectId": 42, "title": "T", "assignees": [9], "dueDate": "2026-12-01"},
         {"issueUrl": f"{page}/issues/7", "issueId": 70, "issueIid": 7}),
        ("gitlab:pipeline:trigger", {"projectId": 42, "tokenDescription": "x", "branch": "main", "variables": {"A": "1"}},
         {"pipelineUrl": f"{page}/pipelines/8"}),
        ("gitlab:projectVariable:create",
         {"projectId": "42", "key": "A", "value": "1", "variableType": "file", "variableProtected": True}, {}),
        ("gitlab:projectAccessToken:create", {"projectId": 42}, {"access_token": "new-t0ken"}),
        ("gitlab:projectDeployToken:create", {"projectId": 42, "name": "x", "scopes": ["read_registry"]},
         {"deploy_token": "new-t0ken", "user": "deployer"}),
        ("gitlab:user:info", {"username": "bo"},
         {"id": 9, "username": "bo", "name": "Bo", "state": "active", "webUrl": "https://bo"}),
    ]  # fmt: skip
    for id, given, expected in cases:
        bench.steps.step.kept.clear()
        assert await bench.run(id, repoUrl=url(bench), **given) == expected
    assert bench.forge.sent("POST", "/groups") == {"name": "The Team", "path": "team", "parent_id": 1}
    assert bench.forge.sent("POST", "/groups/acme/members") == {"user_id": 5, "access_level": 40}
    assert bench.forge.sent("DELETE", "/triggers/6") is None
    assert bench.forge.sent("POST", "/variables") == {
        "key": "A", "value": "1", "variable_type": "file", "protected": True,
    }  # fmt: skip


MIGRATION = {
    "destinationAccessToken": "new-t0ken", "sourceAccessToken": "old-t0ken", "sourceFullPath": "old/tools",
    "sourceUrl": "https://gitlab.old.test/",
}  # fmt: skip


async def test_a_project_moves_to_another_gitlab(bench: Bench):
    """By GitLab's direct transfer, begun once, with the tokens of the step and not that of the settings."""
    given = {**MIGRATION, "destinationUrl": f"{bench.forge.host}?owner=acme&repo=tools"}
    for _ in range(2):
        output = await bench.run("gitlab:group:migrate", **given)
        assert output == {"importedRepoUrl": f"{bench.forge.host}/acme/tools", "migrationId": 12}
    assert bench.forge.sent("POST", "/bulk_imports") == {
        "configuration": {"url": "https://gitlab.old.test", "access_token": "old-t0ken"},
        "entities": [{"source_type": "project_entity", "source_full_path": "old/tools", "destination_slug": "tools",
                      "destination_namespace": "acme"}],
    }  # fmt: skip
    assert bench.forge.tokens == ["Bearer new-t0ken"]
    assert "t0ken" not in repr(bench.steps.step.lines)


async def test_a_migration_that_cannot_be(bench: Bench):
    """A place without a name, a source that is no address, a GitLab that refuses."""
    place = f"{bench.forge.host}?owner=acme&repo=tools"
    bench.forge.fail("/bulk_imports", 422, body=b'{"message": "Invalid source"}')
    for more, words in [
        ({"destinationUrl": f"{bench.forge.host}?project=4"}, "owner and repo"),
        ({"destinationUrl": place, "sourceUrl": "https://me:pw@gitlab.old.test"}, "address of a GitLab"),
        ({"destinationUrl": place}, "Invalid source"),
    ]:
        with pytest.raises(InputError, match=words) as caught:
            await bench.run("gitlab:group:migrate", **{**MIGRATION, **more})
        assert "t0ken" not in caught.value.message


async def test_dry_runs_reach_nobody(bench: Bench):
    """Of the actions that have one."""
    dry = [id for id, action in bench.steps.actions.items() if action.supports_dry_run]
    assert dry == ["gitlab:group:ensureExists", "gitlab:group:access"]
    await bench.steps.run(dry[0], dry_run=True, repoUrl=url(bench), path=["a"])
    await bench.steps.run(dry[1], dry_run=True, repoUrl=url(bench), path="a", userIds=[1])
    assert bench.forge.log == []


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (401, b'{"message": "401 Unauthorized"}', NotAllowedError, "401 Unauthorized.*Check"),
        (403, b'{"message": "403 Forbidden"}', NotAllowedError, "Check"),
        (404, b'{"message": "404 Project Not Found"}', NotFoundError, "Check that it is there"),
        (409, b'{"message": "Conflict"}', ConflictError, "Conflict"),
        (400, b'{"message": {"title": ["is too long"]}}', InputError, "title: is too long"),
        (429, b"Retry later", LimitError, "no more requests"),
    ],
)
async def test_answers_say_what_to_do(bench: Bench, status: int, body: bytes, error: type, words: str):
    """In GitLab's own words and ours, without the token."""
    bench.forge.create("acme/tools", {"a": "1"})
    headers = {"retry-after": "900"} if status == 429 else {}
    bench.forge.fail("/issues", status, body=body, headers=headers)
    with pytest.raises(error, match=words) as caught:
        await bench.run("gitlab:issues:create", repoUrl=url(bench), title="x", token="given-t0ken")
    assert "given-t0ken" not in str(caught.value) and TOKEN not in str(caught.value)


async def test_suggestions(bench: Bench):
    """Groups with the account, and repositories of one."""
    from callboard.integrations.gitlab import plugin

    found = {one.resource: one for one in plugin.register_autocomplete(bench.portal)}
    host = {"host": bench.forge.host}
    assert await found["groups"].complete("mine", host) == [{"id": "1", "title": "acme"}, {"id": "3", "title": "me"}]
    assert await found["repositories"].complete("mine", {**host, "id": "1"}) == [{"id": "tools", "title": "Tools"}]

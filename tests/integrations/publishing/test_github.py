"""Actions at GitHub: requests judged by GitHub's own OpenAPI description, pushes into real repositories."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from callboard.kernel.errors import (
    CallboardError,
    ConflictError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)
from tests.integrations.publishing import openapi
from tests.integrations.publishing.conftest import TOKEN, Bench

pytestmark = pytest.mark.anyio
PR = {"branchName": "add/docs", "title": "Add docs", "description": "Pages."}


@pytest.fixture
def bench(github_bench: Bench) -> Bench:
    return github_bench


def url(bench: Bench, owner: str = "acme", repo: str = "tools") -> str:
    return f"{bench.forge.host}?owner={owner}&repo={repo}"


@pytest.mark.npm
def test_requests_are_judged_by_githubs_own_description():
    """The package is there, knows the operations, and finds what is wrong."""
    rules = openapi.github()
    if rules is None:
        pytest.skip("needs node and `npm ci`: `make setup` gives both")
    assert rules.problems("POST", "/repos/a/b/issues", {"title": "x"}) == []
    assert rules.problems("POST", "/repos/a/b/issues", {"titel": "x"}) != []
    assert rules.problems("POST", "/repos/a/b/issue", {}) != []


async def test_a_repository_is_made_filled_and_protected(bench: Bench):
    """With Backstage's defaults; the token reaches git as a header of its own kind."""
    output = await bench.run("publish:github", repoUrl=url(bench), description="Tools")
    forge = bench.forge
    page = f"{forge.base}/acme/tools"
    assert output == {
        "remoteUrl": f"{page}.git",
        "repoContentsUrl": f"{page}/blob/main",
        "commitHash": forge.find("acme/tools", "main"),
    }
    assert forge.paths("acme/tools") == ["catalog-info.yaml", "src/run.sh"]
    made = forge.sent("POST", "/orgs/acme/repos")
    assert made["private"] and made["visibility"] == "private" and made["description"] == "Tools" and made["has_wiki"]
    rules = forge.sent("PUT", "/branches/main/protection")
    assert rules["enforce_admins"] is True and rules["restrictions"] is None
    assert rules["required_pull_request_reviews"]["required_approving_review_count"] == 1
    assert all(token and token.startswith("Basic ") for token in forge.git_tokens)


async def test_everything_a_repository_can_be_given(bench: Bench, sealed: list[tuple[str, str]]):
    """Access, collaborators, topics, variables, secrets, OIDC, subscription, in requests of GitHub's shape."""
    await bench.run(
        "publish:github",
        repoUrl=url(bench),
        access="acme/platform",
        collaborators=[{"user": "bo", "access": "read"}, {"team": "ops", "access": "maintain"}],
        topics=["Java"],
        repoVariables={"A": "1"},
        secrets={"KEY": "hush"},
        oidcCustomization={"useDefault": False, "includeClaimKeys": ["repo"]},
        customProperties={"tier": "1"},
        subscribe=True,
        requiredCommitSigning=True,
        bypassPullRequestAllowances={"teams": ["ops"]},
        restrictions={"users": [], "teams": ["ops"]},
        requiredStatusCheckContexts=["build"],
        defaultBranch="trunk",
    )
    forge = bench.forge
    assert forge.sent("PUT", "/teams/platform/repos/acme/tools") == {"permission": "admin"}
    assert forge.sent("PUT", "/collaborators/bo") == {"permission": "pull"}
    assert forge.sent("PUT", "/topics") == {"names": ["java"]}
    assert forge.sent("PUT", "/secrets/KEY") == {"encrypted_value": "c2VhbGVk", "key_id": "42"}
    assert sealed == [("hush", forge.key)]
    assert forge.sent("POST", "/required_signatures") is None
    assert "hush" not in repr(forge.written)
    assert forge.find("acme/tools", "trunk")


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Sealing as the library does it, where that is installed; its arguments are kept."""
    calls: list[tuple[str, str]] = []

    def seal(value: str, key: str) -> str:
        calls.append((value, key))
        return "c2VhbGVk"

    monkeypatch.setattr("callboard.integrations.github.actions.secrets.seal", seal)
    monkeypatch.setattr("callboard.integrations.github.actions.secrets._sealing", lambda: None)
    return calls


def test_secrets_are_sealed_so_that_only_the_key_opens_them():
    """By libsodium itself."""
    from base64 import b64decode, b64encode

    from nacl import public

    from callboard.integrations.github.actions.secrets import seal

    key = public.PrivateKey.generate()
    text = seal("hüsh", b64encode(bytes(key.public_key)).decode())
    assert public.SealedBox(key).decrypt(b64decode(text)).decode() == "hüsh"
    with pytest.raises(UnavailableError):
        seal("x", "AAAA")


async def test_without_the_library_secrets_are_refused_in_words(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """Nothing of them is sent."""
    monkeypatch.setitem(sys.modules, "nacl.public", None)
    with pytest.raises(InputError, match="pynacl"):
        await bench.run("github:repo:create", repoUrl=url(bench), secrets={"KEY": "hush"})
    assert "hush" not in repr(bench.forge.written)


async def test_a_user_gets_a_repository_of_their_own(bench: Bench):
    """Internal is only for organisations."""
    output = await bench.run("github:repo:create", repoUrl=url(bench, "ada"), repoVisibility="public", autoInit=True)
    assert output["repoContentsUrl"].endswith("/ada/tools/blob/main")
    assert bench.forge.sent("POST", "/user/repos")["private"] is False
    bench.steps.step.kept.clear()
    with pytest.raises(InputError, match="organisation"):
        await bench.run("github:repo:create", repoUrl=url(bench, "ada", "b"), repoVisibility="internal")


async def test_a_later_attempt_makes_no_second_repository(bench: Bench):
    """It goes on after the part that was done last."""
    bench.forge.fail("/topics", 500)
    with pytest.raises(UnavailableError):
        await bench.run("publish:github", repoUrl=url(bench), topics=["a"], access="bo")
    bench.forge.failures.clear()
    first = len(bench.forge.written)
    await bench.run("publish:github", repoUrl=url(bench), topics=["a"], access="bo")
    again = [path for _, path, _ in bench.forge.written[first:]]
    assert again == ["/repos/acme/tools/topics", "/repos/acme/tools/branches/main/protection"]


async def test_a_name_that_is_taken_is_a_conflict(bench: Bench):
    """Nothing of the repository that is there changes."""
    bench.forge.create("acme/tools", {"a": "1"})
    with pytest.raises(ConflictError, match="exists already"):
        await bench.run("publish:github", repoUrl=url(bench))
    assert bench.forge.paths("acme/tools") == ["a"]


async def test_a_repository_is_pushed_to_and_protected(bench: Bench):
    """After github:repo:create; protection can be left out, and made later for the default branch."""
    await bench.run("github:repo:create", repoUrl=url(bench))
    await bench.run("github:repo:push", repoUrl=url(bench), protectDefaultBranch=False, sourcePath="src")
    assert bench.forge.paths("acme/tools") == ["run.sh"]
    await bench.run("github:branch-protection:create", repoUrl=url(bench), requiredApprovingReviewCount=2)
    reviews = bench.forge.sent("PUT", "/branches/main/protection")["required_pull_request_reviews"]
    assert reviews["required_approving_review_count"] == 2


async def test_a_plan_without_protection_is_told_in_the_log(bench: Bench):
    """The repository is there and filled: that is no failure."""
    bench.forge.fail("/protection", 403, body=b'{"message": "Upgrade to GitHub Pro or make this repository public"}')
    await bench.run("publish:github", repoUrl=url(bench))
    assert any("not protected" in line for line in bench.steps.step.lines)


@pytest.mark.parametrize(
    ("status", "body", "headers", "error", "words"),
    [
        (401, b'{"message": "Bad credentials"}', {}, NotAllowedError, "Bad credentials.*Check the token"),
        (403, b'{"message": "Resource not accessible by integration"}', {}, NotAllowedError, "not accessible"),
        (404, b'{"message": "Not Found"}', {}, NotFoundError, "Check that it is there"),
        (409, b'{"message": "Conflict"}', {}, ConflictError, "Conflict"),
        (422, b'{"message": "Validation Failed", "errors": [{"resource": "Issue", "field": "title", "code": "missing"}]}',
         {}, InputError, "Issue title missing"),
        (429, b"{}", {"retry-after": "600"}, LimitError, "600 s"),
        (502, b"<html>", {}, UnavailableError, "not known"),
    ],
)  # fmt: skip
async def test_answers_say_what_to_do(bench: Bench, status: int, body: bytes, headers: Any, error: type, words: str):
    """In GitHub's own words and ours, without the token."""
    bench.forge.create("acme/tools", {"a": "1"})
    bench.forge.fail("/issues", status, body=body, headers=headers)
    with pytest.raises(error, match=words) as caught:
        await bench.run("github:issues:create", repoUrl=url(bench), title="x", token="given-t0ken")
    assert isinstance(caught.value, CallboardError)
    assert "given-t0ken" not in caught.value.message and TOKEN not in caught.value.message


async def test_a_short_limit_is_waited_for(bench: Bench):
    """A refused request was not done, so it is sent again whatever it is."""
    bench.forge.create("acme/tools", {"a": "1"})
    bench.forge.fail(
        "/issues", 403, body=b'{"message": "secondary rate limit"}', headers={"retry-after": "20"}, times=1
    )
    assert (await bench.run("github:issues:create", repoUrl=url(bench), title="x"))["issueNumber"] == 9


async def test_a_broken_post_is_not_sent_again(bench: Bench):
    """It may have been done."""
    bench.forge.create("acme/tools", {"a": "1"})
    bench.forge.fail("/issues", 500, times=1)
    with pytest.raises(UnavailableError):
        await bench.run("github:issues:create", repoUrl=url(bench), title="x")
    assert sum("POST" in line for line in bench.forge.log) == 1


async def test_a_pull_request_with_files_links_and_deletions(bench: Bench):
    """Through the Git database; what is there otherwise stays; reviewers and assignees are asked."""
    forge = bench.forge
    forge.create("acme/tools", {"README.md": "x", "old/a.txt": "a", "old/b.txt": "b"})
    bench.steps.workspace.link("src/link", "run.sh")
    bench.steps.workspace.write("src/.git/config", b"x")
    output = await bench.run(
        "publish:github:pull-request", repoUrl=url(bench), **PR, sourcePath="src", targetPath="tools",
        filesToDelete=["old"], reviewers=["bo"], teamReviewers=["ops"], assignees=["cy"], draft=True,
    )  # fmt: skip
    assert output == {
        "targetBranchName": "main", "remoteUrl": f"{forge.base}/acme/tools/pull/5", "pullRequestNumber": 5,
    }  # fmt: skip
    assert forge.paths("acme/tools", "add/docs") == ["README.md", "tools/link", "tools/run.sh"]
    assert forge.git("acme/tools", "ls-tree", "add/docs", "tools/").split()[0::4][:1] == ["120000"]
    assert forge.find("acme/tools", "add/docs^") == forge.find("acme/tools", "main")
    assert forge.sent("POST", "/pulls") == {
        "title": "Add docs", "body": "Pages.", "head": "add/docs", "base": "main", "draft": True,
    }  # fmt: skip
    assert forge.sent("POST", "/requested_reviewers") == {"reviewers": ["bo"], "team_reviewers": ["ops"]}


async def test_a_pull_request_that_failed_half_way_goes_on(bench: Bench):
    """The branch is there from the first attempt and is used."""
    bench.forge.create("acme/tools", {"a": "1"})
    bench.forge.fail("/pulls", 500)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await bench.run("publish:github:pull-request", repoUrl=url(bench), **PR)
    bench.forge.failures.clear()
    assert (await bench.run("publish:github:pull-request", repoUrl=url(bench), **PR))["pullRequestNumber"] == 5
    assert sum(path.endswith("/git/commits") for _, path, _ in bench.forge.written) == 1


async def test_an_existing_branch_is_updated_only_when_asked(bench: Bench):
    """Then with one more commit in the pull request that is open."""
    bench.forge.create("acme/tools", {"a": "1"})
    await bench.run("publish:github:pull-request", repoUrl=url(bench), **PR)
    bench.steps.step.kept.clear()
    bench.steps.workspace.write("more.txt", b"x")
    with pytest.raises(ConflictError, match="update: true"):
        await bench.run("publish:github:pull-request", repoUrl=url(bench), **PR)
    await bench.run("publish:github:pull-request", repoUrl=url(bench), **PR, update=True)
    assert "more.txt" in bench.forge.paths("acme/tools", "add/docs")
    assert bench.forge.git("acme/tools", "rev-list", "--count", "add/docs") == "3"
    assert len(bench.forge.pulls) == 1


async def test_who_may_not_push_works_on_a_fork(bench: Bench):
    """The pull request names it."""
    bench.forge.create("acme/tools", {"a": "1"})
    bench.forge.may_push = False
    await bench.run("publish:github:pull-request", repoUrl=url(bench), **PR)
    assert bench.forge.sent("POST", "/pulls")["head"] == "bo:add/docs"
    assert bench.forge.find("bo/tools", "add/docs") and not bench.forge.find("acme/tools", "add/docs")


async def test_nothing_changed_needs_no_pull_request(bench: Bench):
    """Where ``createWhenEmpty`` is false."""
    bench.forge.create("acme/tools", {"run.sh": "#!/bin/sh\n"})
    bench.steps.workspace.write("same/run.sh", b"#!/bin/sh\n")
    given = {**PR, "sourcePath": "same", "createWhenEmpty": False}
    assert await bench.run("publish:github:pull-request", repoUrl=url(bench), **given) == {"targetBranchName": "main"}
    assert bench.forge.pulls == []


async def test_the_smaller_actions(bench: Bench, sealed: Any):
    """Each in the shape that GitHub describes."""
    bench.forge.create("acme/tools", {"a": "1"})
    repo, run = url(bench), bench.run
    key = {"publicKey": "ssh-ed25519 A", "privateKey": "P", "deployKeyName": "my key"}
    for id, given, expected in [
        ("github:actions:dispatch", {"workflowId": "deploy.yaml", "branchOrTagName": "main"}, {}),
        ("github:actions:dispatch",
         {"workflowId": 7, "branchOrTagName": "main", "workflowInputs": {"a": "1"}, "returnWorkflowRunDetails": True},
         {"workflowRunId": 3, "workflowRunUrl": "https://api/3", "workflowRunHtmlUrl": "https://page/3"}),
        ("github:webhook", {"webhookUrl": "https://x.example.com", "webhookSecret": "s"}, {}),
        ("github:issues:create", {"title": "T", "body": "B", "labels": ["a"], "assignees": ["bo"], "milestone": 1},
         {"issueUrl": f"{bench.forge.base}/acme/tools/issues/9", "issueNumber": 9}),
        ("github:issues:label", {"number": 9, "labels": ["a"]}, {}),
        ("github:autolinks:create", {"keyPrefix": "OPS-", "urlTemplate": "https://x.example.com/<num>"}, {}),
        ("github:deployKey:create", key, {"privateKeySecretName": "MY_KEY_PRIVATE_KEY"}),
        ("github:pages:enable", {}, {}),
        ("github:pages:enable", {"buildType": "legacy", "sourcePath": "/docs"}, {}),
        ("github:environment:create",
         {"name": "prod", "waitTimer": 5, "preventSelfReview": True, "reviewers": ["user:bo", "group:default/ops"],
          "deploymentBranchPolicy": {"protected_branches": False, "custom_branch_policies": True},
          "customBranchPolicyNames": ["main"], "customTagPolicyNames": ["v*"], "environmentVariables": {"A": "1"},
          "secrets": {"S": "x"}}, {}),
    ]:  # fmt: skip
        bench.steps.step.kept.clear()
        assert await run(id, repoUrl=repo, **given) == expected
    assert bench.forge.sent("POST", "/hooks") == {
        "config": {"url": "https://x.example.com", "content_type": "form", "insecure_ssl": "0", "secret": "s"},
        "events": ["push"], "active": True,
    }  # fmt: skip
    assert bench.forge.sent("PUT", "/environments/prod")["reviewers"] == [
        {"type": "User", "id": 7},
        {"type": "Team", "id": 8},
    ]


async def test_dry_runs_reach_nobody(bench: Bench):
    """Of the actions that have one; the others are skipped by the runner."""
    steps = bench.steps
    dry = [id for id, action in steps.actions.items() if action.supports_dry_run]
    assert dry == ["publish:github:pull-request", "github:webhook", "github:issues:create"]
    given = {**PR, "webhookUrl": "https://x.example.com"}
    for id in dry:
        await steps.run(id, dry_run=True, repoUrl=url(bench), **given)
    assert bench.forge.log == []


async def test_the_token_of_the_step_is_the_one_that_acts(bench: Bench):
    """For the API and for git; it may be demanded."""
    await bench.run("publish:github", repoUrl=url(bench), token="mine")
    assert set(bench.forge.tokens) == {"Bearer mine"}
    assert set(bench.forge.git_tokens) == {"Basic eC1hY2Nlc3MtdG9rZW46bWluZQ=="}
    bench.start(scaffolder={"requireScmUserCredentials": True})
    with pytest.raises(InputError, match="requireScmUserCredentials"):
        await bench.run("github:issues:create", repoUrl=url(bench), title="x")


@pytest.mark.parametrize(
    ("repo_url", "words"),
    [
        ("nowhere.example.com?owner=a&repo=b", "integrations config"),
        ("gitlab.com?owner=a&repo=b", "action of its own kind"),
        ("{host}?owner=acme", "missing repo"),
        ("{host}?owner=..&repo=b", "no name"),
        ("https://me@{host}?owner=a&repo=b", "Invalid"),
    ],
)
async def test_what_names_no_repository_is_refused(bench: Bench, repo_url: str, words: str):
    """Before anything is sent."""
    with pytest.raises(InputError, match=words):
        await bench.run("publish:github", repoUrl=repo_url.format(host=bench.forge.host))
    assert bench.forge.log == []


async def test_a_push_never_shows_the_token_to_another_host(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """An answer that names one is refused."""
    row = bench.forge.row
    monkeypatch.setattr(bench.forge, "row", lambda *a: {**row(*a), "clone_url": "https://evil.example.com/x.git"})
    with pytest.raises(UnavailableError, match="evil"):
        await bench.run("publish:github", repoUrl=url(bench))


async def test_suggestions_come_with_the_token_of_the_person(bench: Bench):
    """Repositories, owners and branches."""
    from callboard.integrations.github import plugin

    found = {one.resource: one for one in plugin.register_autocomplete(bench.portal)}
    bench.forge.create("acme/tools", {"a": "1"})
    context = {"host": bench.forge.host, "owner": "acme", "repository": "tools"}
    assert await found["repositoriesWithOwner"].complete("mine", context) == [{"id": "acme/tools"}]
    assert await found["owners"].complete("mine", context) == [{"id": "ada"}, {"id": "acme"}]
    assert await found["branches"].complete("mine", context) == [{"id": "main"}]
    assert set(bench.forge.tokens) == {"Bearer mine"}
    with pytest.raises(InputError, match="owner and/or repository"):
        await found["branches"].complete("mine", {"host": bench.forge.host})

"""Publishing at Gitea, Bitbucket Cloud, Bitbucket Server and Azure DevOps."""

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
CASES: dict[str, tuple[str, str, str, str, str]] = {
    # action, repoUrl after the host, where the repository lies, its contents URL, its default branch
    "gitea": ("publish:gitea", "owner=acme&repo=tools", "acme/tools", "/acme/tools/src/branch/main/", "main"),
    "bitbucketCloud": ("publish:bitbucketCloud", "workspace=acme&project=PLAT&repo=tools", "acme/tools",
                       "/acme/tools/src/master", "master"),
    "bitbucketServer": ("publish:bitbucketServer", "project=PLAT&repo=tools", "scm/PLAT/tools",
                        "/projects/PLAT/tools/browse", "master"),
    "azure": ("publish:azure", "organization=acme&owner=plat&repo=tools", "acme/plat/_git/tools",
              "/acme/plat/_git/tools.git", "master"),
}  # fmt: skip
HOSTS = pytest.mark.parametrize(("name", "other_bench"), [(name, name) for name in CASES], indirect=["other_bench"])


def given_for(name: str, bench: Bench) -> tuple[str, dict[str, Any]]:
    action, query, *_ = CASES[name]
    return action, {"repoUrl": f"{bench.forge.host}?{query}"}


@HOSTS
async def test_a_repository_is_made_and_filled(name: str, other_bench: Bench):
    """With Backstage's default branch; a second attempt makes and pushes nothing; a name that is taken is a conflict."""
    action, given = given_for(name, other_bench)
    _, _, place, contents, branch = CASES[name]
    forge = other_bench.forge
    output = await other_bench.run(action, **given, description="Tools")
    extra = {"repositoryId": "0-1"} if name == "azure" else {}
    assert output == {
        "remoteUrl": f"{forge.base}/{place}.git", "repoContentsUrl": forge.base + contents,
        "commitHash": forge.find(place, branch), **extra,
    }  # fmt: skip
    assert forge.paths(place, branch) == ["catalog-info.yaml", "src/run.sh"]
    assert TOKEN not in repr(output)
    assert all(forge.git_tokens)
    log = len(forge.log)
    assert await other_bench.run(action, **given) == output
    assert len(forge.log) == log
    other_bench.steps.step.kept.clear()
    with pytest.raises(ConflictError, match="already"):
        await other_bench.run(action, **given)


@HOSTS
async def test_answers_say_what_to_do(name: str, other_bench: Bench):
    """In the host's own words and ours; a token is never in them."""
    action, given = given_for(name, other_bench)
    path = {"gitea": "/orgs/acme/repos", "azure": "_apis/git"}.get(name, "/repos")
    for status, body, error, words in [
        (401, b"{}", NotAllowedError, "Check the token that the step was given"),
        (403, b'{"message": "no rights"}', NotAllowedError, "no rights"),
        (404, b"{}", NotFoundError, "Check"),
        (422, b'{"message": "bad name"}', InputError, "bad name"),
        (500, b"", UnavailableError, "look before trying again"),
        (429, b"", LimitError, "no more requests"),
    ]:
        other_bench.forge.failures.clear()
        other_bench.forge.fail(path, status, body=body, headers={"retry-after": "900"} if status == 429 else {})
        with pytest.raises(error, match=words) as caught:
            await other_bench.run(action, **given, token="given-t0ken")
        assert "given-t0ken" not in str(caught.value)


@HOSTS
async def test_the_token_of_the_step_is_the_one_that_acts(name: str, other_bench: Bench):
    """And may be demanded."""
    action, given = given_for(name, other_bench)
    await other_bench.run(action, **given, token="mine")
    assert TOKEN not in repr(other_bench.forge.tokens + other_bench.forge.git_tokens)
    other_bench.start(scaffolder={"requireScmUserCredentials": True})
    with pytest.raises(InputError, match="requireScmUserCredentials"):
        await other_bench.run(action, **given)


@pytest.mark.parametrize("other_bench", ["gitea"], indirect=True)
async def test_gitea_makes_ones_own_repository_too(other_bench: Bench):
    """And says when nobody has that name."""
    host = other_bench.forge.host
    await other_bench.run("publish:gitea", repoUrl=f"{host}?owner=ada&repo=a", repoVisibility="private")
    assert other_bench.forge.sent("POST", "/user/repos")["private"] is True
    other_bench.steps.step.kept.clear()
    with pytest.raises(NotFoundError, match="no organisation"):
        await other_bench.run("publish:gitea", repoUrl=f"{host}?owner=nobody&repo=a")


@pytest.mark.parametrize("other_bench", ["bitbucketCloud"], indirect=True)
async def test_bitbucket_cloud_pull_requests_and_the_rest(other_bench: Bench):
    """A branch over git with the new files, then the pull request; a second attempt opens no other."""
    forge = other_bench.forge
    repo = {"repoUrl": f"{forge.host}?workspace=acme&project=PLAT&repo=tools"}
    forge.create("acme/tools", {"README.md": "x"})
    for _ in range(2):
        output = await other_bench.run("publish:bitbucketCloud:pull-request", **repo, title="T", sourceBranch="add")
    assert output == {"pullRequestUrl": f"{forge.base}/acme/tools/pull-requests/2"}
    assert forge.paths("acme/tools", "add") == ["README.md", "catalog-info.yaml", "src/run.sh"]
    assert forge.find("acme/tools", "add^") == forge.find("acme/tools", "main")
    assert forge.sent("POST", "/pullrequests")["destination"] == {"branch": {"name": "main"}}
    output = await other_bench.run("bitbucket:pipelines:run", workspace="acme", repo_slug="tools", body={"target": {}})
    assert output["buildNumber"] == 3 and output["pipelinesUrl"].endswith("/acme/tools/pipelines")
    output = await other_bench.run("bitbucketCloud:branchRestriction:create", **repo, kind="push", branchMatchKind="glob",
                                   pattern="main")  # fmt: skip
    assert output["statusCode"] == 201


@pytest.mark.parametrize("other_bench", ["bitbucketServer"], indirect=True)
async def test_bitbucket_server_pull_requests_and_lfs(other_bench: Bench):
    """Reviewers by name; LFS is switched on with the repository."""
    forge = other_bench.forge
    forge.create("PLAT/tools", {"README.md": "x"})
    repo = f"{forge.host}?project=PLAT&repo="
    output = await other_bench.run("publish:bitbucketServer:pull-request", repoUrl=f"{repo}tools", title="T",
                                   sourceBranch="add", reviewers=["bo"])  # fmt: skip
    assert output == {"pullRequestUrl": f"{forge.base}/projects/PLAT/repos/tools/pull-requests/2"}
    assert "README.md" in forge.paths("scm/PLAT/tools", "add")
    assert forge.sent("POST", "/pull-requests")["reviewers"] == [{"user": {"name": "bo"}}]
    other_bench.steps.step.kept.clear()
    await other_bench.run("publish:bitbucketServer", repoUrl=f"{repo}more", enableLFS=True)
    assert forge.sent("PUT", "/projects/PLAT/repos/more/enabled") is None


@pytest.mark.parametrize(
    ("name", "other_bench"), [(n, n) for n in ("bitbucketCloud", "bitbucketServer")], indirect=["other_bench"]
)
async def test_the_name_from_before_bitbucket_was_two(name: str, other_bench: Bench):
    """``publish:bitbucket`` does what the host's own action does; a host that is neither is named."""
    _, given = given_for(name, other_bench)
    _, _, place, contents, branch = CASES[name]
    output = await other_bench.run("publish:bitbucket", **given)
    assert output["repoContentsUrl"] == other_bench.forge.base + contents
    assert output["commitHash"] == other_bench.forge.find(place, branch)
    with pytest.raises(InputError, match=r"gitea\.com is not a host"):
        await other_bench.run("publish:bitbucket", repoUrl="gitea.com?owner=a&repo=b")
    with pytest.raises(InputError, match="missing"):
        await other_bench.run("publish:bitbucket", repoUrl=f"{other_bench.forge.host}?repo=b")


@pytest.mark.parametrize("other_bench", ["gerrit"], indirect=True)
async def test_gerrit_gets_a_repository(other_bench: Bench):
    """With owners, parent and a Change-Id; once a step; a dry run reaches nobody."""
    forge = other_bench.forge
    given = {"repoUrl": f"{forge.host}?workspace=All-Projects&owner=platform&repo=team/tools", "description": "Tools"}
    contents = {
        "remoteUrl": f"{forge.base}/a/team/tools",
        "repoContentsUrl": f"{forge.base}/plugins/gitiles/team/tools/+/refs/heads/master",
    }
    dry = await other_bench.steps.run("publish:gerrit", dry_run=True, **given)
    assert (dry, forge.log) == ({**contents, "commitHash": "0" * 40}, [])
    output = await other_bench.run("publish:gerrit", **given)
    assert output == {**contents, "commitHash": forge.find("a/team/tools", "master")}
    assert forge.sent("PUT", "/team%2Ftools") == {
        "description": "Tools", "branches": ["master"], "create_empty_commit": False, "parent": "All-Projects",
        "owners": ["platform"],
    }  # fmt: skip
    assert "\n\nChange-Id: I" in forge.git("a/team/tools", "log", "-1", "--format=%B", "master")
    assert all(forge.git_tokens) and TOKEN not in repr(output)
    assert await other_bench.run("publish:gerrit", **given) == output
    other_bench.steps.step.kept.clear()
    with pytest.raises(ConflictError, match="already exists"):
        await other_bench.run("publish:gerrit", **given)


@pytest.mark.parametrize("other_bench", ["gerrit"], indirect=True)
async def test_gerrit_gets_a_change_to_review(other_bench: Bench):
    """On top of the branch, which itself stays; what an earlier attempt has handed in is no failure."""
    forge = other_bench.forge
    forge.create("a/tools", {"README.md": "x"}, "master")
    given = {"repoUrl": f"{forge.host}?repo=tools", "gitCommitMessage": "Add the pipeline\n"}
    before = forge.find("a/tools", "master")
    output = await other_bench.run("publish:gerrit:review", **given)
    message = forge.git("a/tools", "log", "-1", "--format=%B", "refs/for/master")
    subject, _, footer = message.partition("\n\n")
    assert subject == "Add the pipeline" and footer.startswith("Change-Id: I")
    assert output == {
        "reviewUrl": f"{forge.base}/#/q/{footer.removeprefix('Change-Id: ')}",
        "repoContentsUrl": f"{forge.base}/plugins/gitiles/tools/+/refs/heads/master",
    }
    assert forge.paths("a/tools", "refs/for/master") == ["README.md", "catalog-info.yaml", "src/run.sh"]
    assert forge.find("a/tools", "refs/for/master^") == before == forge.find("a/tools", "master")
    del other_bench.steps.step.kept["push"]
    forge.git("a/tools", "update-ref", "-d", "refs/for/master")  # Gerrit makes a change of it
    hook = forge.root / "a/tools.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho '(no new changes)' >&2\nexit 1\n")
    hook.chmod(0o755)
    assert await other_bench.run("publish:gerrit:review", **given) == output
    with pytest.raises(NotFoundError, match="no branch next"):
        other_bench.steps.step.kept.clear()
        await other_bench.run("publish:gerrit:review", **given, branch="next")
    other_bench.start(scaffolder={"requireScmUserCredentials": True})
    with pytest.raises(InputError, match="requireScmUserCredentials"):
        await other_bench.run("publish:gerrit:review", **given)


@pytest.mark.parametrize("other_bench", ["azure"], indirect=True)
async def test_azure_needs_an_organization(other_bench: Bench):
    """Its API has none without."""
    with pytest.raises(InputError, match="missing organization"):
        await other_bench.run("publish:azure", repoUrl=f"{other_bench.forge.host}?owner=plat&repo=tools")


@pytest.mark.parametrize("other_bench", ["bitbucketCloud"], indirect=True)
async def test_suggestions(other_bench: Bench):
    """Workspaces, projects, repositories and branches; what is missing is named."""
    from callboard.integrations.bitbucket import plugin

    found = {one.resource: one for one in plugin.register_autocomplete(other_bench.portal)}
    context = {"workspace": "acme", "project": "PLAT", "repository": "tools"}
    assert await found["workspaces"].complete("mine", {}) == [{"id": "acme"}]
    assert await found["projects"].complete("mine", context) == [{"id": "PLAT", "title": "Platform"}]
    assert await found["repositories"].complete("mine", context) == [{"id": "tools"}]
    assert await found["branches"].complete("mine", context) == [{"id": "main"}]
    with pytest.raises(InputError, match="project"):
        await found["repositories"].complete("mine", {"workspace": "acme"})

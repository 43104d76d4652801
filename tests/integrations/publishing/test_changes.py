"""Updates opened as pull and merge requests: the branch goes through git, the request through the API, and both only once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from callboard.features.scaffolder.interface.updates import ChangeOpener, ChangeSet
from callboard.kernel.errors import CallboardError, ConflictError, InputError, NotAllowedError, NotFoundError
from callboard.kernel.publishing.changes import base_of, propose
from callboard.kernel.read_file import TreeFile
from callboard.testing import make_portal
from tests.integrations.publishing.conftest import TOKEN, Bench

pytestmark = pytest.mark.anyio
BRANCH = "template-update-1"
FILES = [
    TreeFile("README.md", b"new\n"),
    TreeFile("bin/run", b"#!/bin/sh\n", 0o755),
    TreeFile("last", b"", link="README.md"),
]
PLACES = {
    "github": ("acme/tools", "/acme/tools/tree/{ref}/{path}", "/acme/tools/pull/5"),
    "gitlab": ("acme/tools", "/acme/tools/-/tree/{ref}/{path}", "/acme/tools/-/merge_requests/4"),
    "gitea": ("acme/tools", "/acme/tools/src/branch/{ref}/{path}", "/acme/tools/pulls/2"),
    "bitbucketCloud": ("acme/tools", "/acme/tools/src/{ref}/{path}", "/acme/tools/pull-requests/2"),
    "bitbucketServer": (
        "scm/PLAT/tools",
        "/projects/PLAT/repos/tools/browse/{path}?at=refs/heads/{ref}",
        "/projects/PLAT/repos/tools/pull-requests/2",
    ),
    "azure": (
        "acme/plat/_git/tools",
        "/acme/plat/_git/tools?path=/{path}&version=GB{ref}",
        "/acme/plat/_git/tools/pullrequest/2",
    ),
}
"""By host: the repository, where its files are, and the page of the request."""
HOSTS = pytest.mark.parametrize(("name", "other_bench"), [(name, name) for name in PLACES], indirect=["other_bench"])


def opener_of(bench: Bench, change: ChangeSet) -> ChangeOpener:
    found: ChangeOpener = next(one for one in bench.plugin.register_change_openers(bench.portal) if one.handles(change))
    return found


def change_for(bench: Bench, name: str, ref: str = "main", path: str = "", **more: Any) -> ChangeSet:
    contents = bench.forge.base + PLACES[name][1].format(ref=ref, path=path)
    change = ChangeSet("", contents, BRANCH, "Update from x (1)", "Brings it up.\n\n- `a`: clash\n", FILES, ["old.txt"])
    return replace(change, **more)


@HOSTS
async def test_an_update_is_a_branch_and_a_request(name: str, other_bench: Bench):
    """With title and body; modes, links and deletions arrive; once more gives the same request and no second one."""
    forge, (repo, _, page) = other_bench.forge, PLACES[name]
    forge.create(repo, {"README.md": "old\n", "old.txt": "x", "kept.txt": "k"})
    change = change_for(other_bench, name)
    opened = await opener_of(other_bench, change).open(change)
    assert (opened.kind, opened.branch, opened.url) == ("pull_request", BRANCH, forge.base + page)
    assert opened.commit == forge.find(repo, f"refs/heads/{BRANCH}")
    assert forge.git(repo, "rev-parse", f"{BRANCH}^") == forge.find(repo, "main")
    assert forge.paths(repo, BRANCH) == ["README.md", "bin/run", "kept.txt", "last"]
    modes = forge.git(repo, "ls-tree", "-r", BRANCH)
    assert "100755 blob" in modes and "120000 blob" in modes
    ((path, sent),) = [(path, body) for how, path, body in forge.written if how == "POST"]
    assert path.rpartition("/")[2].replace("_", "").replace("-", "") in ("pulls", "mergerequests", "pullrequests")
    assert sent["title"] == change.title and change.body in (sent.get("body"), sent.get("description"))
    assert TOKEN not in repr(opened) + repr(sent) and all(forge.git_tokens)
    again = await opener_of(other_bench, change).open(change)
    assert again == opened
    assert len([1 for how, *_ in forge.written if how == "POST"]) == 1


@HOSTS
async def test_a_folder_of_a_branch_that_is_not_the_default_one(name: str, other_bench: Bench):
    """Files go below what ``contents`` names, and the request is for its branch."""
    forge, (repo, *_) = other_bench.forge, PLACES[name]
    forge.create(repo, {"svc/README.md": "old\n", "svc/old.txt": "x", "old.txt": "k"})
    forge.git(repo, "update-ref", "refs/heads/next", "main")
    change = change_for(other_bench, name, "next", "svc")
    await opener_of(other_bench, change).open(change)
    assert forge.paths(repo, BRANCH) == ["old.txt", "svc/README.md", "svc/bin/run", "svc/last"]
    assert "next" in repr([body for how, _, body in forge.written if how == "POST"])


@HOSTS
async def test_a_request_that_fails_is_opened_by_the_next_attempt(name: str, other_bench: Bench):
    """The branch of the first attempt is found; the words are the host's."""
    forge, (repo, _, page) = other_bench.forge, PLACES[name]
    forge.create(repo, {"README.md": "old\n"})
    change = change_for(other_bench, name)
    part = {
        "gitlab": "/merge_requests",
        "gitea": "/pulls",
        "github": "/pulls",
        "bitbucketServer": "/pull-requests",
    }.get(name, "/pullrequests")
    forge.fail(part, 403)
    with pytest.raises(NotAllowedError) as caught:
        await opener_of(other_bench, change).open(change)
    assert TOKEN not in str(caught.value)
    forge.failures.clear()
    assert (await opener_of(other_bench, change).open(change)).url == forge.base + page


@HOSTS
async def test_what_cannot_be_opened_is_told(name: str, other_bench: Bench):
    """A branch that holds something else, a ref that is no branch, a repository that is not there, a portal without own rights."""
    forge, (repo, *_) = other_bench.forge, PLACES[name]
    forge.create(repo, {"README.md": "old\n"})
    forge.git(repo, "update-ref", f"refs/heads/{BRANCH}", "main")
    cases: list[tuple[ChangeSet, type[CallboardError]]] = [
        (change_for(other_bench, name), ConflictError),
        (change_for(other_bench, name, "no-such", branch="b"), NotFoundError),
        (change_for(other_bench, name, branch="..bad"), InputError),
    ]
    for change, error in cases:
        with pytest.raises(error) as caught:
            await opener_of(other_bench, change).open(change)
        assert TOKEN not in str(caught.value)
    other_bench.start(scaffolder={"requireScmUserCredentials": True})
    change = change_for(other_bench, name, branch="c")
    with pytest.raises(NotAllowedError, match="requireScmUserCredentials"):
        await opener_of(other_bench, change).open(change)
    assert [body for how, _, body in forge.written if how == "POST"] == []


@HOSTS
async def test_only_its_own_repositories_are_handled(name: str, other_bench: Bench):
    """By the address of the files, or that of the repository where it says it all."""
    (one, *_) = [o for o in other_bench.plugin.register_change_openers(other_bench.portal) if o.handles(change_for(other_bench, name))]  # fmt: skip
    remote = f"{other_bench.forge.base}/{PLACES[name][0]}"
    elsewhere = change_for(other_bench, name, contents="https://else.example.com/acme/tools")
    assert not one.handles(elsewhere)
    assert one.handles(replace(elsewhere, remote=remote, contents=f"git+{remote}?ref=main#"))
    assert not one.handles(replace(elsewhere, remote=remote, contents=f"git+{remote}?ref=main#svc"))


async def test_hosts_come_before_plain_git():
    """Where both may write; without a credential of the host it is git's branch."""
    url = "https://git.example.com/acme/tools"
    change = ChangeSet(f"{url}.git", f"{url}/blob/main", "b", "t", "x", [], [])
    git = {"git": [{"url": "https://git.example.com", "token": "t"}]}
    for row, module in (({"token": "t"}, "github"), ({}, "git")):
        host = {"github": [{"host": "git.example.com", **row}]}
        async with make_portal({"integrations": {**git, **host}}) as portal:
            openers = portal.plugins.collect("register_change_openers", portal=portal)
            chosen = next(one for one in openers if one.handles(change))
            assert type(chosen).__module__ == f"callboard.integrations.{module}.changes"


@HOSTS
async def test_a_request_that_somebody_works_on_is_left_alone(name: str, other_bench: Bench):
    """Its branch holds more by now: the request is named, nothing is pushed."""
    forge, (repo, _, page) = other_bench.forge, PLACES[name]
    forge.create(repo, {"README.md": "old\n", "old.txt": "x"})
    change = change_for(other_bench, name)
    opened = await opener_of(other_bench, change).open(change)
    entry = {"path": "README.md", "mode": "100644", "sha": forge.blob(repo, b"resolved\n")}
    commit = forge.commit(repo, forge.tree(repo, BRANCH, [entry]), [opened.commit])
    forge.git(repo, "update-ref", f"refs/heads/{BRANCH}", commit)
    with pytest.raises(ConflictError, match=page):
        await opener_of(other_bench, change).open(change)
    assert forge.find(repo, BRANCH) == commit


async def test_somebody_who_was_faster_opened_it(github_bench: Bench):
    """Then theirs is the one; a refusal without one is told, and no page leads anywhere but to the web."""
    forge = github_bench.forge
    forge.create("acme/tools", {"README.md": "old\n"})
    answers = iter([None, "https://h/pull/1", None, None])

    async def find() -> str | None:
        return next(answers)

    async def create() -> str:
        raise InputError("A pull request already exists")

    async def odd() -> str:
        return "javascript:alert(1)"

    async def none() -> str | None:
        return None

    async def run(find: Any, create: Any) -> str:
        url = f"{forge.base}/acme/tools.git"
        _, page = await propose(
            github_bench.portal, change_for(github_bench, "github"),
            url=url, authorization=None, base="main", into="", find=find, create=create,
        )  # fmt: skip
        return page

    assert await run(find, create) == "https://h/pull/1"
    with pytest.raises(InputError):
        await run(find, create)
    assert await run(none, odd) == ""
    with pytest.raises(NotFoundError):
        base_of(None, None, "acme/empty")

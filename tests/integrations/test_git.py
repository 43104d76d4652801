"""Local and remote git repositories, with the real program; remotes through ``git http-backend`` on loopback."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from callboard.integrations.git import client
from callboard.integrations.git.client import GitRepositories, check_ref, read_rows
from callboard.integrations.git.reader import GitReader
from callboard.kernel.errors import InputError, LimitError, NotAllowedError, NotFoundError, UnavailableError
from callboard.kernel.settings import Settings
from tests.integrations.conftest import GitFolder
from tests.integrations.serving import FILES, git_http_backend, serve

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(tmp_path: Path) -> GitFolder:
    return GitFolder(tmp_path / "git")


def reader(tmp_path: Path, clock: Any, *rows: dict[str, Any], executable: str = "git") -> GitReader:
    settings = Settings.of({"integrations": {"git": list(rows)}})
    return GitReader(GitRepositories(*read_rows(settings), tmp_path / "cache", clock, executable=executable))


async def test_a_work_tree_is_read_as_committed(folder: GitFolder, tmp_path: Path, clock: Any):
    """Uncommitted changes do not count."""
    (folder.work / "catalog-info.yaml").write_bytes(b"kind: Unsaved\n")
    read = reader(tmp_path, clock, {"path": str(folder.work)})
    assert (await read.read(f"git+file://{folder.work}#catalog-info.yaml")).content == FILES["catalog-info.yaml"]


@pytest.mark.parametrize("ref", ["v1", "annotated", "side/branch", "COMMIT"])
async def test_tags_branches_and_commits_are_refs(
    folder: GitFolder, stack: AsyncExitStack, tmp_path: Path, clock: Any, ref: str
):
    """At the state they stand for, locally and from a remote."""
    folder.git("tag", "v1")
    folder.git("tag", "--annotate", "--message", "x", "annotated")
    folder.git("branch", "side/branch")
    folder.git("push", "--quiet", "--all", str(folder.bare))
    folder.git("push", "--quiet", "--tags", str(folder.bare))
    if ref == "COMMIT":
        ref = folder.git("rev-parse", "HEAD")
    folder.put("catalog-info.yaml", b"kind: Later\n")
    base = await stack.enter_async_context(serve(git_http_backend(str(folder.bare.parent))))
    read = reader(tmp_path, clock, {"path": str(folder.bare)}, {"url": base})
    for url in (f"git+file://{folder.bare}", f"git+{base}/tools.git"):
        assert (await read.read(f"{url}?ref={ref}#catalog-info.yaml")).content == FILES["catalog-info.yaml"]


async def test_only_opened_places_are_read(folder: GitFolder, tmp_path: Path, clock: Any):
    """Neighbours, parents, links that lead out, and remotes that nobody listed are not handled at all."""
    inside = tmp_path / "git" / "served"
    (inside / "link.git").symlink_to(folder.work)
    read = reader(tmp_path, clock, {"path": str(inside)}, {"url": "https://git.example.org/team"})
    assert read.handles(f"git+file://{folder.bare}#a.yaml")
    assert read.handles("git+https://git.example.org/team/a.git#a.yaml")
    for url in (
        f"git+file://{folder.work}#a.yaml",
        f"git+file://{inside}/link.git#a.yaml",
        f"git+file://{inside}/../work#a.yaml",
        f"git+file://{inside}-other/x.git#a.yaml",
        "git+https://git.example.org/teams/a.git#a.yaml",
        "git+https://git.example.org/team/../other/a.git#a.yaml",
        "git+https://git.example.org/team/%2e%2e/other/a.git#a.yaml",
        "git+http://git.example.org/team/a.git#a.yaml",
        "git+https://git.example.org:8443/team/a.git#a.yaml",
        "git+https://me@git.example.org/team/a.git#a.yaml",
        "git+ssh://git.example.org/team/a.git#a.yaml",
        "git+ext::sh -c id#a.yaml",
        f"git+file://{folder.bare}?upload-pack=id#a.yaml",
        f"git+file://{folder.bare}#../../a.yaml",
    ):
        assert not read.handles(url), url


@pytest.mark.parametrize(
    "ref", ["--upload-pack=id", "-x", "a..b", "a b", "x^{/y}", "a:b", "@{1}", "a\n", "a//b", "x.lock", "/"]
)
def test_refs_that_could_be_something_else_are_refused(ref: str):
    """Options, ranges and revision expressions never reach the command line."""
    with pytest.raises(InputError):
        check_ref(ref)


async def test_a_hostile_repository_runs_nothing(folder: GitFolder, tmp_path: Path, clock: Any):
    """Its own settings name programs; none of them starts."""
    mark = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.hooksPath",
        "core.sshCommand",
        "diff.external",
        "core.pager",
        "filter.x.smudge",
    ):
        folder.git("config", key, str(script) if key != "core.hooksPath" else str(tmp_path))
    folder.git("config", "remote.origin.url", f"ext::{script}")
    folder.git("config", "remote.origin.promisor", "true")
    folder.git("config", "extensions.partialClone", "origin")
    missing = folder.git("rev-parse", "HEAD:docs/readme.md")
    (folder.work / ".git" / "objects" / missing[:2] / missing[2:]).unlink()
    read = reader(tmp_path, clock, {"path": str(folder.work)})
    assert (await read.read(f"git+file://{folder.work}#catalog-info.yaml")).content == FILES["catalog-info.yaml"]
    with pytest.raises(UnavailableError):
        await read.read(f"git+file://{folder.work}#docs/readme.md")
    assert not mark.exists()


async def test_links_in_a_repository_are_not_followed(folder: GitFolder, tmp_path: Path, clock: Any):
    """Named, a link is refused; a glob passes it over."""
    (folder.work / "linked-info.yaml").symlink_to("/etc/passwd")
    folder.put("other-info.yaml", b"kind: Other\n")
    read = reader(tmp_path, clock, {"path": str(folder.bare)})
    with pytest.raises(InputError, match="symbolic link"):
        await read.read(f"git+file://{folder.bare}#linked-info.yaml")
    files = await read.search(f"git+file://{folder.bare}#*-info.yaml")
    assert [f.content for f in files] == [FILES["catalog-info.yaml"], b"kind: Other\n"]


async def test_a_file_that_is_too_large_is_not_read(folder: GitFolder, tmp_path: Path, clock: Any):
    """By the size that the tree tells, before its content is touched."""
    folder.put("big.yaml", b"x" * (10 * 1024 * 1024 + 1))
    read = reader(tmp_path, clock, {"path": str(folder.bare)})
    for call in (read.read(f"git+file://{folder.bare}#big.yaml"), read.search(f"git+file://{folder.bare}#b*.yaml")):
        with pytest.raises(LimitError):
            await call


async def test_a_name_with_glob_letters_is_a_name(folder: GitFolder, tmp_path: Path, clock: Any):
    """Git's own path patterns are off."""
    folder.put("docs/[x].yaml", b"kind: Odd\n")
    read = reader(tmp_path, clock, {"path": str(folder.bare)})
    assert (await read.read(f"git+file://{folder.bare}#docs/%5Bx%5D.yaml")).content == b"kind: Odd\n"
    with pytest.raises(NotFoundError):
        await read.read(f"git+file://{folder.bare}#:(glob)catalog-info.yaml")


async def test_many_files_of_a_remote_take_one_fetch(
    folder: GitFolder, stack: AsyncExitStack, tmp_path: Path, clock: Any
):
    """Within some seconds a remote is not asked again; later it is, and a push is seen."""
    asked: list[str] = []
    backend = git_http_backend(str(folder.bare.parent))

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await backend(scope, receive, send)

    base = await stack.enter_async_context(serve(counting))
    read = reader(tmp_path, clock, {"url": f"{base}/tools.git"})
    for path in ("catalog-info.yaml", "docs/readme.md", "docs/api/catalog-info.yaml"):
        assert (await read.read(f"git+{base}/tools.git?ref=main#{path}")).content == FILES[path]
    first = len(asked)
    folder.put("docs/readme.md", b"# Newer\n")
    assert (await read.read(f"git+{base}/tools.git?ref=main#docs/readme.md")).content == FILES["docs/readme.md"]
    assert len(asked) == first
    clock.advance(20)
    assert (await read.read(f"git+{base}/tools.git?ref=main#docs/readme.md")).content == b"# Newer\n"


async def test_credentials_reach_the_remote_and_no_command_line(
    folder: GitFolder, stack: AsyncExitStack, tmp_path: Path, clock: Any
):
    """They travel in the environment of the process."""
    base = await stack.enter_async_context(
        serve(git_http_backend(str(folder.bare.parent), password="YWRhOnNlY3JldDE="))
    )
    url = f"git+{base}/tools.git?ref=main#catalog-info.yaml"
    seen = tmp_path / "arguments"
    spy = tmp_path / "git-spy"
    spy.write_text(f'#!/bin/sh\necho "$@" >> {seen}\nexec git "$@"\n')
    spy.chmod(0o755)
    row = {"url": base, "username": "ada", "password": "secret1"}
    assert (await reader(tmp_path, clock, row, executable=str(spy)).read(url)).content == FILES["catalog-info.yaml"]
    assert "secret1" not in seen.read_text()
    assert "YWRh" not in seen.read_text()
    with pytest.raises(UnavailableError):
        await reader(tmp_path / "other", clock, {"url": base}).read(url)


async def test_a_remote_that_is_down_is_unavailable(folder: GitFolder, tmp_path: Path, clock: Any):
    """Not absent."""
    read = reader(tmp_path, clock, {"url": "http://127.0.0.1:9"})
    with pytest.raises(UnavailableError):
        await read.read("git+http://127.0.0.1:9/tools.git#a.yaml")


async def test_git_that_hangs_is_ended(folder: GitFolder, tmp_path: Path, clock: Any, stack: AsyncExitStack):
    """With everything it started."""
    pids = tmp_path / "pids"
    slow = tmp_path / "git-slow"
    slow.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {pids}\nwait\n")
    slow.chmod(0o755)
    read = reader(tmp_path, clock, {"path": str(folder.bare)}, executable=str(slow))
    with pytest.raises(UnavailableError, match="did not finish"):
        await read._git._run("version", protocols="none", timeout_s=0.5)
    child = int(pids.read_text())
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


async def test_without_git_the_message_says_so(folder: GitFolder, tmp_path: Path, clock: Any):
    """The rest of the portal does not need it."""
    read = reader(tmp_path, clock, {"path": str(folder.bare)}, executable="/nowhere/git")
    with pytest.raises(UnavailableError, match="not installed"):
        await read.read(f"git+file://{folder.bare}#catalog-info.yaml")


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"path": "/a", "url": "https://b"},
        {"url": "ssh://me:x@b/c"},
        {"url": "ssh://-oProxyCommand=x/c"},
        {"url": "https://me:x@b/c"},
    ],
)
def test_rows_that_cannot_be_used_are_named(row: dict[str, Any]):
    """Either a directory or a remote, no credentials in URLs."""
    with pytest.raises(InputError) as caught:
        read_rows(Settings.of({"integrations": {"git": [row]}}))
    assert (caught.value.field or "").startswith("integrations.git[0]")


async def test_a_path_outside_is_refused_below_the_reader_too(folder: GitFolder, tmp_path: Path, clock: Any):
    """The client judges each call by itself."""
    repositories = GitRepositories(*read_rows(Settings.of({})), tmp_path / "cache", clock)
    with pytest.raises(NotAllowedError, match="integrations.git"):
        await repositories.find_commit(os.fspath(folder.bare), "main")


async def test_of_a_long_history_only_the_end_is_looked_at(
    folder: GitFolder, stack: AsyncExitStack, tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
):
    """What nobody changed lately has no author: the oldest commit that is held did not make everything in it."""
    monkeypatch.setattr(client, "MAX_HISTORY", 2)
    for number in range(3):
        folder.put("docs/readme.md", f"# {number}\n".encode())
    base = await stack.enter_async_context(serve(git_http_backend(str(folder.bare.parent))))
    read = reader(tmp_path, clock, {"path": str(folder.bare)}, {"url": base})
    both = ["docs/readme.md", "catalog-info.yaml"]
    assert list(await read.find_changes(f"git+{base}/tools.git", both)) == ["docs/readme.md"]
    monkeypatch.setattr(client, "MAX_HISTORY", 100)
    assert set(await read.find_changes(f"git+file://{folder.bare}", both)) == set(both)
    folder.put("catalog-info.yaml", b"kind: Later\n")
    clock.advance(60)
    assert set(await read.find_changes(f"git+{base}/tools.git", both)) == set(both)

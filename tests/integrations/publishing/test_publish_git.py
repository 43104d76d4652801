"""``publish:git`` with the real program, to bare repositories on the disk and over ``git http-backend``."""

from __future__ import annotations

import asyncio
import os
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from callboard.integrations.git import plugin
from callboard.integrations.git.command import Access, SshAccess, _environment
from callboard.integrations.git.pusher import Pusher
from callboard.kernel.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from callboard.kernel.settings import Settings
from tests.integrations.publishing.steps import Steps, portal_of
from tests.integrations.serving import git_http_backend, serve

pytestmark = pytest.mark.anyio
SECRET = "s3cr3t-t0ken"


def git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", *arguments], cwd=repository, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commands() -> str:
    """The command lines of everything that runs."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(place.read_text())
        except OSError:
            continue
    return "\n".join(found)


def bare(path: Path) -> Path:
    path.mkdir(parents=True)
    git(path, "init", "--quiet", "--bare", "--initial-branch=main")
    git(path, "config", "http.receivepack", "true")
    return path


def steps_of(tmp_path: Path, clock: Any, settings: dict[str, Any]) -> tuple[Steps, Pusher]:
    portal = portal_of(Settings.of(settings), None, clock, tmp_path / "data")
    services = dict(plugin.register_services(portal))
    portal.add(services)
    return Steps(plugin.register_actions(portal), tmp_path / "task"), services[Pusher]


@pytest.fixture
def local(tmp_path: Path, clock: Any) -> tuple[Steps, Path]:
    steps, _ = steps_of(tmp_path, clock, {"integrations": {"git": [{"path": str(tmp_path / "served")}]}})
    (tmp_path / "served").mkdir()
    return steps, tmp_path / "served" / "tools.git"


async def test_a_local_repository_is_made_and_filled(local: tuple[Steps, Path]):
    """With the default branch, the author and message of the defaults, modes kept, git's own folder left out."""
    steps, repository = local
    steps.workspace.write(".git/config", b"[core]\nhooksPath = /tmp\n")
    steps.workspace.write("lib/.GIT/x", b"x")
    steps.workspace.write(".gitignore", b"*.log\n")
    steps.workspace.write("build.log", b"x")
    steps.workspace.link("link", "src/run.sh")
    output = await steps.run("publish:git", remoteUrl=f"file://{repository}")
    assert git(repository, "ls-tree", "-r", "--name-only", "main").split() == [
        ".gitignore", "catalog-info.yaml", "link", "src/run.sh",
    ]  # fmt: skip
    assert git(repository, "ls-tree", "main", "src/run.sh").startswith("100755")
    assert git(repository, "ls-tree", "main", "link").startswith("120000")
    assert (
        git(repository, "log", "--format=%an <%ae> %s", "main") == "Scaffolder <scaffolder@backstage.io> initial commit"
    )
    assert git(repository, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert output == {
        "remoteUrl": f"file://{repository}",
        "repoContentsUrl": f"git+file://{repository}?ref=main#",
        "commitHash": git(repository, "rev-parse", "main"),
    }


async def test_the_data_folder_may_be_told_relative_to_the_start(
    tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
):
    """As ``--data callboard-data`` does: git runs in other folders."""
    (tmp_path / "served").mkdir()
    monkeypatch.chdir(tmp_path)
    steps, _ = steps_of(Path(), clock, {"integrations": {"git": [{"path": "served"}]}})
    await steps.run("publish:git", remoteUrl=f"file://{tmp_path}/served/a.git")
    assert "catalog-info.yaml" in git(tmp_path / "served/a.git", "ls-tree", "-r", "--name-only", "main")


async def test_settings_and_input_name_the_author(tmp_path: Path, clock: Any):
    """The step's own words win."""
    (tmp_path / "served").mkdir()
    author = {"defaultAuthor": {"name": "Ada", "email": "ada@example.org"}, "defaultCommitMessage": "Begin"}
    settings = {"integrations": {"git": [{"path": str(tmp_path / "served")}]}, "scaffolder": author}
    steps, _ = steps_of(tmp_path, clock, settings)
    await steps.run("publish:git", remoteUrl=f"file://{tmp_path}/served/a.git")
    assert git(tmp_path / "served/a.git", "log", "--format=%an <%ae> %s") == "Ada <ada@example.org> Begin"
    steps.step.kept.clear()
    await steps.run(
        "publish:git", remoteUrl=f"file://{tmp_path}/served/b.git", gitAuthorName="Bo", gitCommitMessage="Go"
    )
    assert git(tmp_path / "served/b.git", "log", "--format=%an <%ae> %s") == "Bo <ada@example.org> Go"


@pytest.mark.parametrize("keep", [True, False])
async def test_a_second_attempt_makes_no_second_commit(local: tuple[Steps, Path], keep: bool):
    """Neither from what was kept, nor when the process died before it could keep anything."""
    steps, repository = local
    first = await steps.run("publish:git", remoteUrl=f"file://{repository}")
    if not keep:
        steps.step.kept.clear()
    assert await steps.run("publish:git", remoteUrl=f"file://{repository}") == first
    assert git(repository, "rev-list", "--count", "main") == "1"


async def test_a_branch_with_other_files_is_left_alone(local: tuple[Steps, Path]):
    """The message says what to do."""
    steps, repository = local
    await steps.run("publish:git", remoteUrl=f"file://{repository}")
    steps.step.kept.clear()
    steps.workspace.write("more.txt", b"x")
    with pytest.raises(ConflictError, match="Choose another name"):
        await steps.run("publish:git", remoteUrl=f"file://{repository}")


async def test_an_existing_repository_is_changed_on_a_branch(local: tuple[Steps, Path]):
    """New files are laid over what is there, deletions are done, the default branch stays; again, nothing happens."""
    steps, repository = local
    url = f"file://{repository}"
    await steps.run("publish:git", remoteUrl=url)
    given = {"remoteUrl": url, "targetBranch": "add/docs", "sourcePath": "src", "targetPath": "tools/",
             "filesToDelete": ["catalog-info.yaml", "none.txt"], "gitCommitMessage": "Add the tools"}  # fmt: skip
    for _ in range(2):
        steps.step.kept.clear()
        output = await steps.run("publish:git", **given)
    assert git(repository, "ls-tree", "-r", "--name-only", "add/docs").split() == ["src/run.sh", "tools/run.sh"]
    assert git(repository, "log", "--format=%s", "add/docs").split("\n") == ["Add the tools", "initial commit"]
    assert git(repository, "rev-list", "--count", "main") == "1"
    assert output["repoContentsUrl"] == f"git+{url}?ref=add/docs#"


async def test_hooks_of_a_local_repository_do_not_run(local: tuple[Steps, Path], tmp_path: Path):
    """Whoever may write into the served folder could place one."""
    steps, repository = local
    bare(repository)
    for name in ("pre-receive", "post-receive", "update"):
        hook = repository / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o755)
    await steps.run("publish:git", remoteUrl=f"file://{repository}")
    assert not (tmp_path / "ran").exists()


async def test_a_remote_is_pushed_to_with_the_password_of_the_settings(
    tmp_path: Path, clock: Any, stack: AsyncExitStack
):
    """Over HTTP; neither output nor log nor message names the password."""
    repository = bare(tmp_path / "served" / "tools.git")
    expected = "bWU6" + "czNjcjN0LXQwa2Vu"  # me:s3cr3t-t0ken
    base = await stack.enter_async_context(serve(git_http_backend(str(repository.parent), password=expected)))
    steps, _ = steps_of(
        tmp_path, clock, {"integrations": {"git": [{"url": base, "username": "me", "password": SECRET}]}}
    )
    output = await steps.run("publish:git", remoteUrl=f"{base}/tools.git")
    assert output["commitHash"] == git(repository, "rev-parse", "main")
    assert SECRET not in repr((output, steps.step.lines))


async def test_refusals_say_what_to_check(tmp_path: Path, clock: Any, stack: AsyncExitStack):
    """A wrong token, a repository that is not there, and a remote that nobody opened."""
    repository = bare(tmp_path / "served" / "tools.git")
    base = await stack.enter_async_context(serve(git_http_backend(str(repository.parent), password="right")))
    steps, _ = steps_of(tmp_path, clock, {"integrations": {"git": [{"url": base}]}})
    with pytest.raises(NotAllowedError, match="Check the credentials") as refused:
        await steps.run("publish:git", remoteUrl=f"{base}/tools.git", token=SECRET)
    assert SECRET not in refused.value.message
    open_base = await stack.enter_async_context(serve(git_http_backend(str(repository.parent))))
    steps, _ = steps_of(tmp_path, clock, {"integrations": {"git": [{"url": open_base}]}})
    with pytest.raises(NotFoundError, match="no repository"):
        await steps.run("publish:git", remoteUrl=f"{open_base}/none.git")
    with pytest.raises(NotAllowedError, match=r"integrations\.git"):
        await steps.run("publish:git", remoteUrl="https://elsewhere.example.com/x.git")


@pytest.mark.parametrize(
    "given",
    [
        {"remoteUrl": "https://me:pw@git.example.com/x.git"},
        {"remoteUrl": "ext::sh -c id"},
        {"remoteUrl": "ssh://-oProxyCommand=id/x"},
        {"remoteUrl": "{repo}", "defaultBranch": "--mirror"},
        {"remoteUrl": "{repo}", "defaultBranch": "a..b"},
        {"remoteUrl": "{repo}", "targetPath": "../x"},
        {"remoteUrl": "{repo}", "targetPath": ".git/hooks"},
        {"remoteUrl": "{repo}", "sourcePath": "../.."},
        {"remoteUrl": "{repo}", "signCommit": True},
        {"remoteUrl": "{repo}", "gitAuthorName": "<>"},
    ],
)
async def test_what_cannot_be_meant_is_refused(local: tuple[Steps, Path], given: dict[str, Any]):
    """Before any program starts on it."""
    steps, repository = local
    with pytest.raises(InputError):
        await steps.run("publish:git", **{**given, "remoteUrl": given["remoteUrl"].format(repo=f"file://{repository}")})
    assert not repository.exists() or git(repository, "branch", "--list") == ""


async def test_a_token_may_be_demanded(tmp_path: Path, clock: Any):
    """``scaffolder.requireScmUserCredentials``."""
    settings = {"integrations": {"git": [{"path": str(tmp_path)}]}, "scaffolder": {"requireScmUserCredentials": True}}
    steps, _ = steps_of(tmp_path, clock, settings)
    with pytest.raises(InputError, match="requireScmUserCredentials"):
        await steps.run("publish:git", remoteUrl=f"file://{tmp_path}/a.git")


async def test_a_cancelled_push_leaves_nothing(tmp_path: Path, clock: Any, stack: AsyncExitStack):
    """No process and no copy of the files."""
    asked = asyncio.Event()

    async def hang(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        await asyncio.sleep(60)

    base = await stack.enter_async_context(serve(hang))
    steps, _ = steps_of(tmp_path, clock, {"integrations": {"git": [{"url": base}]}})
    task = asyncio.ensure_future(steps.run("publish:git", remoteUrl=f"{base}/tools.git"))
    await asyncio.wait_for(asked.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list((tmp_path / "data" / "cache" / "git-push").iterdir()) == []
    assert base not in await asyncio.to_thread(commands)


async def test_a_remote_behind_ssh(tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch):
    """As hosts allow it: with the plain programs of git, and with the key of the settings."""
    repository = bare(tmp_path / "served" / "tools.git")
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nfor last; do :; done\n'
        'case "$last" in "git-receive-pack "*|"git-upload-pack "*) exec sh -c "$last";; *) exit 1;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    row = {"url": f"ssh://git@git.example.com{tmp_path}/served", "sshKeyFile": "/keys/id"}
    steps, _ = steps_of(tmp_path, clock, {"integrations": {"git": [row]}})
    await steps.run("publish:git", remoteUrl=f"ssh://git@git.example.com{repository}")
    assert git(repository, "ls-tree", "--name-only", "main").split() == ["catalog-info.yaml", "src"]
    assert "-i /keys/id" in (tmp_path / "asked").read_text()


def test_ssh_is_strict_and_takes_its_files_from_the_settings():
    """No prompt, no configuration of the machine; a path with a blank stays one word."""
    environment = _environment(Access("ssh", ssh=SshAccess("/keys/a b", "/keys/known")))
    command = environment["GIT_SSH_COMMAND"]
    assert "StrictHostKeyChecking=yes" in command and "BatchMode=yes" in command
    assert "-i '/keys/a b'" in command and "UserKnownHostsFile=/keys/known" in command
    assert environment["GIT_ALLOW_PROTOCOL"] == "ssh"

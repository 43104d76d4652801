"""One repository on every kind of source host, each behind its reader."""

from __future__ import annotations

import os
import subprocess
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AsyncIterator, Awaitable, Callable

import pytest

from callboard.features.catalog.interface import UrlReader
from callboard.integrations.azure.client import AzureClients
from callboard.integrations.azure.reader import AzureReader
from callboard.integrations.bitbucket.client import BitbucketClients
from callboard.integrations.bitbucket.reader import BitbucketCloudReader, BitbucketServerReader
from callboard.integrations.git.client import GitRepositories, read_rows
from callboard.integrations.git.reader import GitReader
from callboard.integrations.gitea.client import GiteaClients
from callboard.integrations.gitea.reader import GiteaReader
from callboard.integrations.github.client import GithubClients
from callboard.integrations.github.reader import GithubReader
from callboard.integrations.gitlab.client import GitlabClients
from callboard.integrations.gitlab.reader import GitlabReader
from callboard.kernel.http_client import HttpClient
from callboard.kernel.rate_budget import RateBudgets
from callboard.kernel.settings import Settings
from tests.integrations.hosts import (
    AzureEmulator,
    BitbucketCloudEmulator,
    BitbucketServerEmulator,
    GiteaEmulator,
    GithubEmulator,
    GitlabEmulator,
)
from tests.integrations.serving import FILES, Emulator, emulate, git_http_backend, serve


@dataclass
class Host:
    """A repository with ``FILES`` on branch main, readable through ``reader``."""

    reader: UrlReader
    url: Callable[[str], str]
    """Browser URL of a path at branch main."""
    absent_ref_url: str
    absent_repository_url: str
    put: Callable[[str, bytes], Any]
    api: Emulator | None = None

    @property
    def emulator(self) -> Emulator:
        assert self.api is not None, "git alone has no API"
        return self.api


@dataclass
class Wire:
    """What an integration gets from the portal: settings that name ``emulator``, outbound HTTP, budgets."""

    settings: Settings
    http: HttpClient
    budgets: RateBudgets
    clock: Any


Connect = Callable[[dict[str, Any]], Wire]


@pytest.fixture
async def connect(clock: Any) -> AsyncIterator[Connect]:
    """Settings to ``Wire``; every HTTP client made is closed at the end."""
    opened: list[HttpClient] = []

    def make(settings: dict[str, Any]) -> Wire:
        view = Settings.of(settings)
        http = HttpClient(view, clock)
        opened.append(http)
        return Wire(view, http, RateBudgets(clock), clock)

    yield make
    for http in opened:
        await http.close()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as open_until_end:
        yield open_until_end


@pytest.fixture
async def github(stack: AsyncExitStack) -> GithubEmulator:
    emulator = GithubEmulator()
    await stack.enter_async_context(emulate(emulator))
    return emulator


@pytest.fixture
async def gitlab(stack: AsyncExitStack) -> GitlabEmulator:
    emulator = GitlabEmulator()
    await stack.enter_async_context(emulate(emulator))
    return emulator


def github_settings(emulator: Emulator, **rest: Any) -> dict[str, Any]:
    row = {
        "host": emulator.host,
        "apiBaseUrl": f"{emulator.base}/api/v3",
        "rawBaseUrl": f"{emulator.base}/raw",
        "token": "ghp_secret",
    }
    return {"integrations": {"github": [{**row, **rest}]}}


def gitlab_settings(emulator: Emulator, **rest: Any) -> dict[str, Any]:
    row = {"host": emulator.host, "baseUrl": emulator.base, "token": "glpat-secret"}
    return {"integrations": {"gitlab": [{**row, **rest}]}}


async def _emulated(stack: AsyncExitStack, emulator: Any) -> Any:
    await stack.enter_async_context(emulate(emulator))
    return emulator


async def make_github(
    stack: AsyncExitStack, connect: Connect, tmp_path: Path, *, token: str | None = "ghp_secret"
) -> Host:
    emulator = await _emulated(stack, GithubEmulator())
    wire = connect(github_settings(emulator, token=token))
    reader = GithubReader(GithubClients(wire.settings, wire.http, wire.budgets, wire.clock).get(emulator.host))
    return _host(reader, emulator, "{base}/acme/tools/blob/main/{path}", "{base}/acme/none/blob/main/{path}")


async def make_github_anonymous(stack: AsyncExitStack, connect: Connect, tmp_path: Path) -> Host:
    return await make_github(stack, connect, tmp_path, token=None)


async def make_gitlab(stack: AsyncExitStack, connect: Connect, tmp_path: Path) -> Host:
    emulator = await _emulated(stack, GitlabEmulator())
    wire = connect(gitlab_settings(emulator))
    reader = GitlabReader(GitlabClients(wire.settings, wire.http, wire.budgets).get(emulator.host))
    form = "{base}/acme/platform/tools/-/blob/main/{path}"
    return _host(reader, emulator, form, "{base}/acme/platform/none/-/blob/main/{path}")


async def make_gitea(stack: AsyncExitStack, connect: Connect, tmp_path: Path) -> Host:
    emulator = await _emulated(stack, GiteaEmulator())
    wire = connect(
        {"integrations": {"gitea": [{"host": emulator.host, "baseUrl": emulator.base, "password": "secret1"}]}}
    )
    reader = GiteaReader(GiteaClients(wire.settings, wire.http, wire.budgets).all[0])
    return _host(
        reader, emulator, "{base}/acme/tools/src/branch/main/{path}", "{base}/acme/none/src/branch/main/{path}"
    )


async def make_bitbucket_cloud(stack: AsyncExitStack, connect: Connect, tmp_path: Path) -> Host:
    emulator = await _emulated(stack, BitbucketCloudEmulator())
    row = {"host": emulator.host, "apiBaseUrl": f"{emulator.base}/2.0", "username": "me", "appPassword": "secret1"}
    wire = connect({"integrations": {"bitbucketCloud": [row]}})
    reader = BitbucketCloudReader(BitbucketClients(wire.settings, wire.http, wire.budgets, wire.clock).cloud)
    return _host(reader, emulator, "{base}/acme/tools/src/main/{path}", "{base}/acme/none/src/main/{path}")


async def make_bitbucket_server(stack: AsyncExitStack, connect: Connect, tmp_path: Path) -> Host:
    emulator = await _emulated(stack, BitbucketServerEmulator())
    row = {"host": emulator.host, "apiBaseUrl": f"{emulator.base}/rest/api/1.0", "token": "secret1"}
    wire = connect({"integrations": {"bitbucketServer": [row]}})
    reader = BitbucketServerReader(BitbucketClients(wire.settings, wire.http, wire.budgets, wire.clock).servers[0])
    form = "{base}/projects/ACME/repos/tools/browse/{path}?at=main"
    return _host(reader, emulator, form, "{base}/projects/ACME/repos/none/browse/{path}?at=main")


async def make_azure(stack: AsyncExitStack, connect: Connect, tmp_path: Path) -> Host:
    emulator = await _emulated(stack, AzureEmulator())
    row = {"host": emulator.host, "baseUrl": emulator.base, "credentials": [{"personalAccessToken": "secret1"}]}
    wire = connect({"integrations": {"azure": [row]}})
    reader = AzureReader(AzureClients(wire.settings, wire.http, wire.budgets, wire.clock).all[0])
    form = "{base}/acme/platform/_git/tools?path=/{path}&version=GBmain"
    return _host(reader, emulator, form, "{base}/acme/platform/_git/none?path=/{path}&version=GBmain")


def _host(reader: UrlReader, emulator: Emulator, form: str, absent: str) -> Host:
    return Host(
        reader=reader,
        url=lambda path: form.format(base=emulator.base, path=path.replace(" ", "%20")),
        absent_ref_url=form.replace("main", "gone").format(base=emulator.base, path="catalog-info.yaml"),
        absent_repository_url=absent.format(base=emulator.base, path="catalog-info.yaml"),
        put=emulator.repository.put,
        api=emulator,
    )


class GitFolder:
    """A real repository with ``FILES`` on branch main, and a bare copy of it."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.bare = folder / "served" / "tools.git"
        self.work.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        for path, content in FILES.items():
            self._write(path, content)
        self._commit()
        self.git("clone", "--quiet", "--bare", str(self.work), str(self.bare))

    def git(self, *arguments: str) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
               (("NAME", "Ada"), ("EMAIL", "ada@example.org"), ("DATE", "2026-11-23T03:00:00Z"))},
        }  # fmt: skip
        done = subprocess.run(
            ["git", *arguments], cwd=self.work, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def put(self, path: str, content: bytes) -> None:
        self._write(path, content)
        self._commit()
        self.git("push", "--quiet", "--force", str(self.bare), "main")

    def _write(self, path: str, content: bytes) -> None:
        file = self.work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def _commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Change")


async def make_git_local(stack: AsyncExitStack, connect: Connect, tmp_path: Path) -> Host:
    folder = GitFolder(tmp_path / "git")
    wire = connect({"integrations": {"git": [{"path": str(folder.bare.parent)}]}})
    reader = GitReader(GitRepositories(*read_rows(wire.settings), tmp_path / "cache", wire.clock))
    return _git_host(reader, f"git+file://{folder.bare}", folder.put)


async def make_git_remote(stack: AsyncExitStack, connect: Connect, tmp_path: Path) -> Host:
    folder = GitFolder(tmp_path / "git")
    base = await stack.enter_async_context(serve(git_http_backend(str(folder.bare.parent))))
    wire = connect({"integrations": {"git": [{"url": base}]}})
    reader = GitReader(GitRepositories(*read_rows(wire.settings), tmp_path / "cache", wire.clock))

    def put(path: str, content: bytes) -> None:
        folder.put(path, content)
        wire.clock.advance(60)  # a remote is not asked again at once

    return _git_host(reader, f"git+{base}/tools.git", put)


def _git_host(reader: UrlReader, repository: str, put: Callable[[str, bytes], None]) -> Host:
    return Host(
        reader=reader,
        url=lambda path: f"{repository}?ref=main#{path.replace(' ', '%20')}",
        absent_ref_url=f"{repository}?ref=gone#catalog-info.yaml",
        absent_repository_url=f"{repository.replace('tools.git', 'none.git')}?ref=main#catalog-info.yaml",
        put=put,
    )


MAKERS: dict[str, Callable[[AsyncExitStack, Connect, Path], Awaitable[Host]]] = {
    "github": make_github,
    "github-anonymous": make_github_anonymous,
    "gitlab": make_gitlab,
    "gitea": make_gitea,
    "bitbucket-cloud": make_bitbucket_cloud,
    "bitbucket-server": make_bitbucket_server,
    "azure": make_azure,
    "git-local": make_git_local,
    "git-remote": make_git_remote,
}


@pytest.fixture(params=list(MAKERS))
async def host(request: pytest.FixtureRequest, stack: AsyncExitStack, connect: Connect, tmp_path: Path) -> Host:
    """Each kind of source host in turn."""
    return await MAKERS[request.param](stack, connect, tmp_path)


@pytest.fixture(params=[name for name in MAKERS if not name.startswith("git-")])
async def api_host(request: pytest.FixtureRequest, stack: AsyncExitStack, connect: Connect, tmp_path: Path) -> Host:
    """Each kind of source host that has an HTTP API."""
    return await MAKERS[request.param](stack, connect, tmp_path)

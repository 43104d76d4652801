"""Each forge with the steps that write to it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, AsyncIterator

import pytest

from callboard.integrations.git import plugin as git_plugin
from callboard.testing.clock import FakeClock
from tests.integrations.conftest import Connect
from tests.integrations.publishing.forges import Forge, GithubForge
from tests.integrations.publishing.gitlab_forge import GitlabForge
from tests.integrations.publishing.other_forges import (
    AzureForge,
    BitbucketCloudForge,
    BitbucketServerForge,
    GerritForge,
    GiteaForge,
)
from tests.integrations.publishing.steps import Steps, portal_of
from tests.integrations.serving import emulate


class HastyClock(FakeClock):
    """Whoever waits on it has waited."""

    async def sleep(self, seconds: float) -> None:
        self.advance(max(seconds, 0))
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> FakeClock:
    return HastyClock()


TOKEN = "t0k3n-0f-the-settings"


class Bench:
    """A forge, and steps at it under given settings. At the end no request may have been wrong."""

    def __init__(self, forge: Any, name: str, connect: Connect, clock: Any, tmp_path: Path, settings: dict[str, Any]):
        self.forge = forge
        self._name, self._connect, self._clock, self._tmp_path = name, connect, clock, tmp_path
        self._settings = settings
        self.steps = self.start()

    def start(self, **more: Any) -> Steps:
        """Steps of a portal with further settings."""
        wire = self._connect({**self._settings, **more})
        portal = portal_of(wire.settings, wire.http, self._clock, self._tmp_path / "data")
        portal.add(git_plugin.register_services(portal))
        plugin = import_module(f"callboard.integrations.{self._name}.plugin")
        portal.add(plugin.register_services(portal))
        self.portal, self.plugin = portal, plugin
        self.steps = Steps(plugin.register_actions(portal), self._tmp_path / "task")
        return self.steps

    async def run(self, id: str, **input: Any) -> dict[str, Any]:
        return await self.steps.run(id, **input)

    def check(self) -> None:
        """What every test promises besides: requests as documented, and no token in log or output."""
        assert self.forge.problems == []
        assert TOKEN not in repr(self.steps.step.lines)


async def _bench(
    stack: AsyncExitStack, forge: Forge, name: str, connect: Connect, clock: Any, tmp_path: Path, settings: Any
) -> Bench:
    await stack.enter_async_context(emulate(forge))
    return Bench(forge, name, connect, clock, tmp_path, settings(forge))


def github_settings(forge: Forge) -> dict[str, Any]:
    row = {"host": forge.host, "apiBaseUrl": f"{forge.base}/api/v3", "token": TOKEN}
    return {"integrations": {"github": [row]}}


def gitlab_settings(forge: Forge) -> dict[str, Any]:
    return {"integrations": {"gitlab": [{"host": forge.host, "baseUrl": forge.base, "token": TOKEN}]}}


@pytest.fixture
async def github_bench(stack: AsyncExitStack, connect: Connect, clock: Any, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = await _bench(stack, GithubForge(tmp_path / "forge"), "github", connect, clock, tmp_path, github_settings)
    yield bench
    bench.check()


@pytest.fixture
async def gitlab_bench(stack: AsyncExitStack, connect: Connect, clock: Any, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = await _bench(stack, GitlabForge(tmp_path / "forge"), "gitlab", connect, clock, tmp_path, gitlab_settings)
    yield bench
    bench.check()


def gitea_settings(forge: Forge) -> dict[str, Any]:
    return {"integrations": {"gitea": [{"host": forge.host, "baseUrl": forge.base, "password": TOKEN}]}}


def cloud_settings(forge: Forge) -> dict[str, Any]:
    row = {"host": forge.host, "apiBaseUrl": f"{forge.base}/2.0", "username": "ada", "token": TOKEN}
    return {"integrations": {"bitbucketCloud": [row]}}


def server_settings(forge: Forge) -> dict[str, Any]:
    row = {"host": forge.host, "apiBaseUrl": f"{forge.base}/rest/api/1.0", "token": TOKEN}
    return {"integrations": {"bitbucketServer": [row]}}


def azure_settings(forge: Forge) -> dict[str, Any]:
    row = {"host": forge.host, "baseUrl": forge.base, "credentials": [{"personalAccessToken": TOKEN}]}
    return {"integrations": {"azure": [row]}}


def gerrit_settings(forge: Forge) -> dict[str, Any]:
    row = {"host": forge.host, "baseUrl": forge.base, "username": "ada", "password": TOKEN}
    return {"integrations": {"gerrit": [row]}}


OTHERS: dict[str, tuple[type[Forge], str, Any]] = {
    "gitea": (GiteaForge, "gitea", gitea_settings),
    "bitbucketCloud": (BitbucketCloudForge, "bitbucket", cloud_settings),
    "bitbucketServer": (BitbucketServerForge, "bitbucket", server_settings),
    "azure": (AzureForge, "azure", azure_settings),
}
EVERY: dict[str, tuple[type[Forge], str, Any]] = {
    "github": (GithubForge, "github", github_settings),
    "gitlab": (GitlabForge, "gitlab", gitlab_settings),
    **OTHERS,
    "gerrit": (GerritForge, "gerrit", gerrit_settings),
}


@pytest.fixture
async def other_bench(
    request: pytest.FixtureRequest, stack: AsyncExitStack, connect: Connect, clock: Any, tmp_path: Path
) -> AsyncIterator[Bench]:
    """The forge that the test's parameter names."""
    forge, plugin, settings = EVERY[request.param]
    bench = await _bench(stack, forge(tmp_path / "forge"), plugin, connect, clock, tmp_path, settings)
    yield bench
    bench.check()

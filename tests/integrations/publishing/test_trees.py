"""Whole folders from every kind of host."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from callboard.features.catalog.interface import TreeReader
from callboard.integrations.azure import plugin as azure
from callboard.integrations.bitbucket import plugin as bitbucket
from callboard.integrations.git import plugin as git
from callboard.integrations.gitea import plugin as gitea
from callboard.integrations.github import plugin as github
from callboard.integrations.gitlab import plugin as gitlab
from callboard.kernel.errors import NotFoundError
from tests.integrations.conftest import Connect
from tests.integrations.publishing.conftest import OTHERS
from tests.integrations.publishing.forges import Forge, GithubForge
from tests.integrations.publishing.gitlab_forge import GitlabForge
from tests.integrations.publishing.steps import portal_of
from tests.integrations.serving import emulate

pytestmark = pytest.mark.anyio
TREE = {"README.md": "top", "skeleton/a b.txt": "a", "skeleton/deep/x.txt": "x"}


def github_rows(forge: Forge) -> dict[str, Any]:
    return {"integrations": {"github": [{"host": forge.host, "apiBaseUrl": f"{forge.base}/api/v3", "token": "t"}]}}


def gitlab_rows(forge: Forge) -> dict[str, Any]:
    return {"integrations": {"gitlab": [{"host": forge.host, "baseUrl": forge.base}]}}


def git_rows(forge: Forge) -> dict[str, Any]:
    return {"integrations": {"git": [{"url": forge.base}]}}


HOSTS: dict[str, tuple[Any, Any, Any, str, str]] = {
    "github": (GithubForge, github, github_rows, "acme/tools", "{base}/acme/tools/tree/main/{path}"),
    "gitlab": (GitlabForge, gitlab, gitlab_rows, "acme/tools", "{base}/acme/tools/-/tree/main/{path}"),
    "gitea": (OTHERS["gitea"][0], gitea, OTHERS["gitea"][2], "acme/tools", "{base}/acme/tools/src/branch/main/{path}"),
    "bitbucketCloud": (OTHERS["bitbucketCloud"][0], bitbucket, OTHERS["bitbucketCloud"][2], "acme/tools",
                       "{base}/acme/tools/src/main/{path}"),
    "bitbucketServer": (OTHERS["bitbucketServer"][0], bitbucket, OTHERS["bitbucketServer"][2], "PLAT/tools",
                        "{base}/projects/PLAT/repos/tools/browse/{path}?at=main"),
    "azure": (OTHERS["azure"][0], azure, OTHERS["azure"][2], "acme/plat/_git/tools",
              "{base}/acme/plat/_git/tools?path=/{path}&version=GBmain"),
    "git": (GiteaForge := OTHERS["gitea"][0], git, git_rows, "acme/tools", "git+{base}/acme/tools.git?ref=main#{path}"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(HOSTS))
async def test_a_folder_is_read_whole(name: str, stack: AsyncExitStack, connect: Connect, clock: Any, tmp_path: Path):
    """Paths relative to it, modes and links kept; the root too; a folder that is not there is told."""
    make, plugin, settings, place, form = HOSTS[name]
    forge = make(tmp_path / "forge")
    forge.create(place, TREE)
    full = f"scm/{place}" if name == "bitbucketServer" else place
    more = [
        {"path": "skeleton/run.sh", "mode": "100755", "sha": forge.blob(full, b"#!")},
        {"path": "skeleton/link", "mode": "120000", "sha": forge.blob(full, b"deep/x.txt")},
        {"path": "skeleton/out", "mode": "120000", "sha": forge.blob(full, b"../../etc/passwd")},
    ]
    commit = forge.commit(full, forge.tree(full, "main", more), [forge.find(full, "main") or ""])
    forge.git(full, "update-ref", "refs/heads/main", commit)
    await stack.enter_async_context(emulate(forge))
    wire = connect(settings(forge))
    portal = portal_of(wire.settings, wire.http, clock, tmp_path / "data")
    portal.add(plugin.register_services(portal))
    url = form.format(base=forge.base, path="skeleton")
    (reader,) = [one for one in plugin.register_url_readers(portal) if one.handles(url)]
    assert isinstance(reader, TreeReader)
    files = {file.path: file for file in await reader.read_tree(url)}
    assert sorted(files) == ["a b.txt", "deep/x.txt", "link", "run.sh"]
    assert files["a b.txt"].content == b"a" and files["a b.txt"].mode == 0o644
    assert files["run.sh"].mode == 0o755
    assert files["link"].link == "deep/x.txt" and files["link"].content == b""
    root = await reader.read_tree(form.format(base=forge.base, path=""), token="mine")
    assert "README.md" in {file.path for file in root}
    with pytest.raises(NotFoundError):
        await reader.read_tree(form.format(base=forge.base, path="none"))

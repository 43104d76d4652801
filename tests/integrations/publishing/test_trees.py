"""Whole folders from every kind of host, and archives that mean harm."""

from __future__ import annotations

import io
import tarfile
import zipfile
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
from callboard.kernel.archives import ArchiveLimits, unpack
from callboard.kernel.errors import InputError, LimitError, NotFoundError
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


def tar(*members: tuple[str, bytes | str], kind: bytes | None = None) -> bytes:
    """A text as content is the target of a symbolic link; ``kind`` is the type of all members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = kind or tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size, info.type = len(content), kind or tarfile.REGTYPE
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    "archive",
    [
        tar(("top/../../x", b"x")),
        tar(("/etc/passwd", b"x")),
        tar(("a\\..\\..\\x", b"x")),
        zipped("../x", b"x"),
        zipped("/x", b"x"),
        b"not an archive",
        tar(("a", b"x" * 5000))[:60],
        zipped("a", b"x" * 5000)[:40],
    ],
    ids=[
        "climbing tar",
        "absolute tar",
        "backslashes",
        "climbing zip",
        "absolute zip",
        "no archive",
        "cut tar",
        "cut zip",
    ],
)
def test_archives_that_lead_out_or_are_damaged_are_refused(archive: bytes):
    """In words, whatever the format."""
    with pytest.raises(InputError):
        unpack(archive)


def test_links_stay_inside_and_special_files_are_left_out():
    """A hard link is the file that it names; devices and pipes are nothing."""
    archive = tar(("d/in", "../f"), ("d/out", "../../f"), ("abs", "/etc/passwd"), ("f", b"x"))
    assert [file.path for file in unpack(archive)] == ["d/in", "f"]
    assert unpack(tar(("pipe", "x"), kind=tarfile.FIFOTYPE)) == []


@pytest.mark.parametrize("archive", [tar(("a", b"\0" * 40_000)), zipped("a", b"\0" * 40_000)], ids=["tar", "zip"])
def test_what_unpacks_too_large_is_stopped(archive: bytes):
    """By bytes of one file, of all, and by number."""
    assert len(archive) < 1000
    with pytest.raises(LimitError):
        unpack(archive, limits=ArchiveLimits(file_bytes=10_000))
    with pytest.raises(LimitError):
        unpack(archive, limits=ArchiveLimits(total_bytes=10_000))
    with pytest.raises(LimitError):
        unpack(tar(*((f"f{n}", b"") for n in range(5))), limits=ArchiveLimits(files=4))

"""What steps that publish do alike."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Mapping, TypeVar

from callboard.kernel.actions import ActionContext
from callboard.kernel.errors import InputError, NotFoundError
from callboard.kernel.source_host import SettingsView, host_settings
from callboard.kernel.workspace import Workspace
from callboard.model.repo_urls import RepoUrl, RepoUrlError, parse_repo_url
from callboard.model.urls import DEFAULT_HOSTS, HostKind, Hosts

T = TypeVar("T")
KINDS: tuple[HostKind, ...] = ("github", "gitlab", "bitbucketCloud", "bitbucketServer", "azure", "gitea", "gerrit")


async def once(context: ActionContext, key: str, work: Callable[[], Awaitable[T]]) -> T:
    """What ``work`` gives (JSON); a later attempt of the same step is given it without doing it again."""
    if context.step is None:
        return await work()
    kept: T = await context.step.checkpoint(key, work)
    return kept


def source_folder(context: ActionContext) -> Workspace:
    """The folder that ``sourcePath`` names, the whole workspace without it. Raises ``NotFoundError``, ``OutsideWorkspace``."""
    path = str(context.input.get("sourcePath") or ".")
    folder = context.folder.resolve(path)
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {path} in the workspace. Check sourcePath.", field="sourcePath")
    return Workspace(folder, context.folder.limits)


def integrated_hosts(settings: SettingsView) -> Hosts:
    """Hosts that repo URLs may name: those of the settings, and the public ones."""
    found: dict[str, HostKind] = dict(DEFAULT_HOSTS)
    for kind in KINDS:
        for entry in host_settings(settings, kind):
            if host := entry.get("host"):
                found[str(host).lower()] = kind
    return found


def repo_url_of(input: Mapping[str, Any], settings: SettingsView, kind: HostKind) -> RepoUrl:
    """The repository that ``repoUrl`` names, on a host of ``kind``. Raises ``InputError`` that says what is wrong with it."""
    try:
        found = parse_repo_url(str(input.get("repoUrl") or ""), integrated_hosts(settings))
    except RepoUrlError as error:
        raise InputError(str(error), field="repoUrl") from error
    if found.kind != kind:
        raise InputError(
            f"{found.host} is not a host of integrations.{kind}. Use the action of its own kind ({found.kind}).",
            field="repoUrl",
        )
    return found

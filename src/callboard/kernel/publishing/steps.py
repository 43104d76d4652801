"""What steps that publish do alike."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Mapping, TypeVar

from callboard.kernel.actions import Action, ActionAttributes, ActionContext
from callboard.kernel.errors import InputError, NotFoundError
from callboard.kernel.publishing.files import is_git_path
from callboard.kernel.publishing.signing import signing_key_of
from callboard.kernel.source_host import SettingsView, clean_path, host_settings
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


def path_below(path: str, field: str) -> str:
    """A path in a repository without outer slashes, "" for its root. Raises ``InputError`` when it climbs out or is git's own."""
    cleaned = clean_path(path.replace("\\", "/"))
    if cleaned is None or is_git_path(cleaned):
        raise InputError(f"{path!r} is no path inside the repository. Check {field}.", field=field)
    return cleaned


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
    signing_key_of(input, settings, f"https://{found.host}")  # that it is missing is told before anything is made
    return found


def step_action(
    id: str,
    title: str,
    description: str,
    handler: Callable[[ActionContext], Awaitable[Mapping[str, Any]]],
    input_schema: Mapping[str, Any],
    output_schema: Mapping[str, Any],
    examples: Mapping[str, str],
    *,
    supports_dry_run: bool = False,
    idempotent: bool = False,
) -> Action:
    """An action that only steps of templates may use: it acts with the credentials of the settings, which are not everybody's.

    ``examples`` are inputs in YAML by what they show.
    """
    return Action(
        id=id,
        title=title,
        description=description,
        handler=handler,
        input_schema=input_schema,
        output_schema=output_schema,
        attributes=ActionAttributes(destructive=True, idempotent=idempotent),
        supports_dry_run=supports_dry_run,
        needs_workspace=True,
        examples=[{"description": told, "example": _step(id, given)} for told, given in examples.items()],
    )


def _step(id: str, given: str) -> str:
    lines = "".join(f"      {line}\n" for line in given.splitlines())
    return f"steps:\n  - id: {id.rpartition(':')[2]}\n    action: {id}\n    input:\n{lines}"

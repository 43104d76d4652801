"""A change that is proposed to a repository: its branch pushed with git, and one request to merge it, whatever the host calls that."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Awaitable, Callable, Protocol, Sequence

from callboard.kernel.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from callboard.kernel.publishing.pushing import Push, require_pusher
from callboard.kernel.publishing.settings import PublishDefaults
from callboard.kernel.read_file import TreeFile
from callboard.kernel.source_host import RepoPath
from callboard.kernel.workspace import Workspace
from callboard.model.urls import split_http


class Change(Protocol):
    """As much of a ``ChangeSet`` as is needed here; paths are relative to what ``contents`` names."""

    @property
    def remote(self) -> str: ...
    @property
    def contents(self) -> str: ...
    @property
    def branch(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def files(self) -> Sequence[TreeFile]: ...
    @property
    def deleted(self) -> Sequence[str]: ...


def find_place(change: Change, find_path: Callable[[str], RepoPath | None]) -> RepoPath | None:
    """Where the files of the change lie on one host: by ``contents``, else at the root of ``remote`` where that names all of it."""
    found = find_path(change.contents)
    if found is None and change.remote and not change.contents.partition("#")[2]:
        found = find_path(change.remote)
    return found


def base_of(ref: str | None, default: Any, name: str) -> str:
    """The branch to start from and to merge into. Raises ``NotFoundError`` for a repository without any."""
    found = (ref if ref and ref != "HEAD" else str(default or "")).removeprefix("refs/heads/")
    if not found:
        raise NotFoundError(f"{name} is empty: there is no branch to start from.")
    return found


def lay_out(folder: Path, files: Sequence[TreeFile]) -> None:
    """Write ``files`` below ``folder``, links as links."""
    place = Workspace(folder)
    for file in files:
        if file.link is not None:
            place.link(file.path, file.link)
        else:
            place.write(file.path, file.content, mode=file.mode)


async def propose(
    portal: Any,
    change: Change,
    *,
    url: str,
    authorization: str | None,
    base: str,
    into: str,
    find: Callable[[], Awaitable[str | None]],
    create: Callable[[], Awaitable[str]],
) -> tuple[str, str]:
    """The commit at the branch of the change, and the page of its request: the one that ``find`` finds open, else a new one.

    Repeatable. Raises what ``GitPusher`` raises and the host says.
    """
    try:
        commit = await _push(portal, change, url, authorization, base, into)
    except ConflictError as error:
        page = await find()
        if page is None:
            raise
        raise ConflictError(
            f"{page} is open from {change.branch}, which holds other files by now. Finish it, or name another branch."
        ) from error
    return commit, await _request(find, create)


async def _push(portal: Any, change: Change, url: str, authorization: str | None, base: str, into: str) -> str:
    defaults = PublishDefaults.of(portal.settings)
    if defaults.needs_token:
        raise NotAllowedError(
            "This portal acts at source hosts only with the credentials of whoever starts a task "
            "(scaffolder.requireScmUserCredentials). Use `callboard template update` in a checkout."
        )
    with tempfile.TemporaryDirectory(prefix="callboard-change-") as folder:
        await asyncio.to_thread(lay_out, Path(folder), change.files)
        pushed = await require_pusher(portal).push(
            Push(
                url=url,
                folder=Path(folder),
                branch=change.branch,
                author=defaults.author,
                message=f"{change.title}\n\n{change.body}",
                authorization=authorization,
                base=base,
                into=into,
                delete=[f"{into}/{path}" if into else path for path in change.deleted],
            )
        )
    return pushed.commit


async def _request(find: Callable[[], Awaitable[str | None]], create: Callable[[], Awaitable[str]]) -> str:
    page = await find()
    if page is None:
        try:
            page = await create()
        except (ConflictError, InputError):
            page = await find()  # somebody was faster
            if page is None:
                raise
    return page if split_http(page) is not None else ""

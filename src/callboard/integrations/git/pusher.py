"""Commits made of a folder and pushed to a remote, by the program git: ``kernel.publishing.GitPusher``.

Each push has a folder of its own below ``cache/git-push``, which is removed at the end, also when the task is cancelled. The files
are copied there first: nothing that changes them meanwhile, and no ``.git`` among them, has any say. Commits are made without
``git commit``, so that no hook or editor can run; gpg runs only where a commit is to be signed (``signing``).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from callboard.integrations.git.client import GitRepositories, check_ref
from callboard.integrations.git.command import Access, Git
from callboard.integrations.git.signing import open_signer
from callboard.kernel.errors import (
    CallboardError,
    ConflictError,
    InputError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)
from callboard.kernel.publishing.files import is_git_path
from callboard.kernel.publishing.pushing import Push, Pushed
from callboard.kernel.publishing.steps import path_below

PUSH_TIMEOUT_S = 300.0
LEFTOVER_AGE_S = 24 * 3600.0
_REFUSED = (
    "authentication failed", "could not read username", "permission denied", "returned error: 403",
    "returned error: 401", "access denied", "host key verification failed",
)  # fmt: skip
_ABSENT = ("not found", "does not exist", "does not appear to be a git repository", "no such")
_MOVED = ("non-fast-forward", "fetch first", "[rejected]", "stale info")
_HANDED_IN = ("no new changes", "no changes made")
"""How Gerrit refuses a change that an earlier attempt has handed in."""
_OWN_SERVER = "git -c core.hooksPath=/dev/null -c safe.directory=*"
"""How git is started for the other side when that is a folder of this machine: settings of the environment do not reach it."""


class Pusher:
    """A ``GitPusher``. ``folder`` is where the copies lie while a push runs."""

    def __init__(self, folder: Path, repositories: GitRepositories, git: Git | None = None) -> None:
        # Whole: git is started in other folders, and the data folder may be told relative to where the portal was.
        self._folder = folder.resolve()
        self._repositories = repositories
        self._git = git or Git()
        self._swept = False

    async def push(self, push: Push) -> Pushed:
        """See ``kernel.publishing.GitPusher``."""
        check_ref(push.branch)
        work = await asyncio.to_thread(self._make_folder)
        try:
            return await _OnePush(self._git, work, push, self._access(push)).run()
        except UnavailableError as error:
            raise _explain(error, push) from error
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, work, True))

    async def create_bare(self, path: Path, branch: str) -> None:
        """An empty repository with that default branch. One that is there already is left alone."""
        if not (path / "objects").is_dir():
            await asyncio.to_thread(os.makedirs, path, 0o750, True)
            await self._git.run("init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}", str(path))

    def _access(self, push: Push) -> Access:
        if push.url.startswith("/"):
            return Access("file")
        scheme = urlsplit(push.url).scheme
        if scheme in ("http", "https"):
            return Access(scheme, push.authorization)
        remote = self._repositories.find_remote(push.url)
        if scheme == "ssh" and remote is not None and remote.ssh is not None:
            return Access("ssh", ssh=remote.ssh)
        raise NotAllowedError(f"No row of the setting integrations.git opens {push.url} for pushing.")

    def _make_folder(self) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._swept:
            self._swept = True
            for left in self._folder.iterdir():  # of a process that was killed
                if time.time() - left.stat().st_mtime > LEFTOVER_AGE_S:
                    shutil.rmtree(left, True)
        return Path(tempfile.mkdtemp(dir=self._folder))


class _OnePush:
    def __init__(self, git: Git, work: Path, push: Push, access: Access) -> None:
        self._git = git
        self._push = push
        self._access = access
        self._repo = work / "repo.git"
        self._files = work / "files"

    async def run(self) -> Pushed:
        push = self._push
        await asyncio.to_thread(_copy, push.folder, self._files, path_below(push.into, "targetPath"))
        await self._git.run("init", "--quiet", "--bare", "--template=", str(self._repo))
        there = await self._ask(f"refs/heads/{push.branch}")
        adds = push.may_exist or push.for_review
        parent: str | None = None
        if there is not None:
            await self._fetch(there, f"refs/heads/{push.branch}")
            if adds:
                parent = there
        elif push.for_review:
            raise NotFoundError(f"There is no branch {push.branch} at {push.url} to propose a change to.")
        elif push.base is not None:
            name = f"refs/heads/{check_ref(push.base)}" if push.base else "HEAD"
            parent = await self._ask(name)
            if parent is None:
                raise NotFoundError(f"There is no branch {push.base or '(default)'} at {push.url} to start from.")
            await self._fetch(parent, name)
        tree = await self._make_tree(await self._base_of(there) if there and not adds else parent)
        if there is not None:
            if await self._tree_of(there) == tree:
                return Pushed(there, is_new=False)
            if not adds:
                raise ConflictError(
                    f"The branch {push.branch} of {push.url} exists and holds other files. "
                    "Choose another name, or remove the branch or the repository first."
                )
        commit = await self._commit(tree, parent, push)
        target = f"refs/for/{push.branch}" if push.for_review else f"refs/heads/{push.branch}"
        try:
            await self._local("push", "--quiet", "--no-verify", *self._server("receive-pack"), push.url,
                              f"{commit}:{target}")  # fmt: skip
        except UnavailableError as error:
            if not (push.for_review and any(word in error.message.lower() for word in _HANDED_IN)):
                raise
            return Pushed(commit, is_new=False)
        return Pushed(commit, is_new=True)

    async def _base_of(self, there: str) -> str | None:
        """What an earlier attempt of this very push started from: the branch's own files stand for it."""
        return there if self._push.base is not None else None

    async def _ask(self, name: str) -> str | None:
        out = await self._local("ls-remote", *self._server("upload-pack"), self._push.url, name)
        for line in out.decode("utf-8", "replace").splitlines():
            commit, _, found = line.partition("\t")
            if found == name:
                return commit
        return None

    async def _fetch(self, commit: str, name: str) -> None:
        await self._local(
            "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
            *self._server("upload-pack"), self._push.url, f"+{name}:refs/callboard/base",
        )  # fmt: skip
        kept = (await self._local("rev-parse", "refs/callboard/base^{commit}")).decode().strip()
        if kept != commit:
            raise ConflictError(f"{name} of {self._push.url} has just changed. Try again.")

    def _server(self, program: str) -> tuple[str, ...]:
        """Hosts behind ssh allow only the plain programs, so this is for folders alone."""
        return (f"--{program}={_OWN_SERVER} {program}",) if self._push.url.startswith("/") else ()

    async def _make_tree(self, base: str | None) -> str:
        if base is not None:
            await self._local("read-tree", f"{base}^{{tree}}")
        gone = [path for one in self._push.delete if (path := path_below(one, "filesToDelete"))]
        if gone and base is not None:
            await self._local("--literal-pathspecs", "rm", "-r", "--quiet", "--cached", "--ignore-unmatch", "--", *gone,
                              in_files=True)  # fmt: skip
        await self._local("-c", "core.autocrlf=false", "-c", "advice.addEmbeddedRepo=false", "add", "--ignore-removal",
                          "--", ".", in_files=True)  # fmt: skip
        return (await self._local("write-tree")).decode().strip()

    async def _tree_of(self, commit: str) -> str:
        return (await self._local("rev-parse", f"{commit}^{{tree}}")).decode().strip()

    async def _commit(self, tree: str, parent: str | None, push: Push) -> str:
        author = push.author
        people = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in
                  (("NAME", _one_line(author.name)), ("EMAIL", _one_line(author.email)))}  # fmt: skip
        async with open_signer(push.signing_key) as signer:
            try:
                out = await self._git.run(
                    f"--git-dir={self._repo}", *signer.options, "commit-tree", *signer.flags,
                    *(("-p", parent) if parent else ()), "-F", "-", tree,
                    stdin=push.message.encode("utf-8", "replace") + b"\n", environment={**people, **signer.environment},
                )  # fmt: skip
            except UnavailableError as error:
                if not signer.flags:
                    raise
                raise InputError(
                    "gpg did not sign the commit. The key must have no passphrase, be able to sign and not have expired. "
                    f"({error.message})"
                ) from error
        return out.decode().strip()

    async def _local(self, *arguments: str, in_files: bool = False) -> bytes:
        place = [f"--git-dir={self._repo}"]
        if in_files:
            place += [f"--work-tree={self._files}", "-C", str(self._files)]
        return await self._git.run(*place, *arguments, access=self._access, timeout_s=PUSH_TIMEOUT_S)


def _copy(source: Path, target: Path, into: str) -> None:
    """Files and links of ``source`` without git's own. Devices and pipes are refused. Links are not followed."""
    root = target / into if into else target
    root.mkdir(parents=True)
    for folder, folders, names in os.walk(source):
        inner = os.path.relpath(folder, source)
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        folders[:] = [name for name in folders if name not in links and not is_git_path(name)]
        for name in (*names, *links):
            if is_git_path(name):
                continue
            place = Path(folder, name)
            mode = os.lstat(place).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                raise InputError(f"{name} is neither a file nor a link and cannot be published.")
            aim = root / inner / name
            aim.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(place, aim, follow_symlinks=False)


def _one_line(value: str) -> str:
    cleaned = "".join(one for one in value if one.isprintable() and one not in "<>").strip()
    if not cleaned:
        raise InputError("A commit needs the name and the mail address of an author.", field="gitAuthorName")
    return cleaned


def _explain(error: UnavailableError, push: Push) -> CallboardError:
    """What git said, as the kind of error it is, with what to do."""
    said = error.message.lower()
    if any(word in said for word in _MOVED):
        return ConflictError(f"The branch {push.branch} of {push.url} has moved on. Try again, or choose another name.")
    if any(word in said for word in _REFUSED):
        return NotAllowedError(
            f"{push.url} refused the push. Check the credentials of the host in the settings integrations, "
            f"or the token of the step, and whether they may write there. ({error.message})"
        )
    if any(word in said for word in _ABSENT):
        return NotFoundError(
            f"There is no repository at {push.url}, or it is hidden from these credentials. ({error.message})"
        )
    return UnavailableError(f"The push to {push.url} failed: {error.message}")

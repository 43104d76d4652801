"""Reading git repositories by the program git: which ones are open, their refs, trees and blobs.

Rows of ``integrations.git``: ``{path}`` opens local repositories at or below a directory; ``{url, username?, password?|token?}`` opens
remotes whose URL is this one or lies below it; ``{url: ssh://…, sshKeyFile?, knownHostsFile?}`` is for pushing only. Nothing else
is read.

Repositories may be hostile: ``GIT_ALLOW_PROTOCOL`` shuts every transport but the one in use (a partial clone's own settings could name
``ext::``), lazy fetching is off, file-system monitors and hooks point nowhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence
from urllib.parse import unquote, urlsplit

from callboard.integrations.git.command import COMMAND_TIMEOUT_S, MAX_OUTPUT_BYTES, Access, Git, SshAccess
from callboard.integrations.git.history import LOG, OFF, last_changes
from callboard.kernel.access_token import basic_authorization
from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError, UnavailableError
from callboard.kernel.file_history import FileChange
from callboard.kernel.source_host import SettingsView, host_settings, text_setting
from callboard.model.urls import split_http

FETCH_TIMEOUT_S = 120.0
MAX_REFS = 200
MAX_HISTORY = 2_000
"""Commits of a remote that are looked at for who changed what. What nobody changed in them has no author."""
MIN_FETCH_INTERVAL_S = 15.0
"""A remote's ref is asked again after this; many files of one repository are read from one fetch."""
_REF = re.compile(r"(?!-)(?!.*(?:\.\.|@\{|//|\.lock(?:/|$)))[^\x00-\x20~^:?*\[\\\x7f]+(?<![/.])")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class LocalRoot:
    path: Path


@dataclass(frozen=True, slots=True)
class Remote:
    """``url`` has no trailing slash; ``header`` is the ``Authorization`` value."""

    url: str
    header: str | None = None
    ssh: SshAccess | None = None

    def covers(self, url: str) -> bool:
        mine, theirs = urlsplit(self.url), urlsplit(url)
        if (mine.scheme, mine.netloc.lower()) != (theirs.scheme, theirs.netloc.lower()):
            return False
        below = unquote(theirs.path)
        if ".." in below.split("/"):
            return False
        return below == mine.path or below.startswith(mine.path.rstrip("/") + "/")


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A regular file of a commit."""

    path: str
    blob: str
    size_bytes: int
    mode: int = 0o644
    is_link: bool = False


def read_rows(settings: SettingsView) -> tuple[list[LocalRoot], list[Remote]]:
    """``integrations.git``. Raises ``InputError`` with the row's key."""
    roots: list[LocalRoot] = []
    remotes: list[Remote] = []
    for index, row in enumerate(host_settings(settings, "git")):
        field = f"integrations.git[{index}]"
        path, url = text_setting(row, "path"), text_setting(row, "url")
        if (path is None) == (url is None):
            raise InputError(f"{field} needs either path (a directory) or url (a remote).", field=field)
        if path is not None:
            roots.append(LocalRoot(Path(os.path.realpath(path))))
        elif url is not None:
            if url.startswith("ssh://"):
                remotes.append(_read_ssh(url, row, field))
                continue
            parts = split_http(url)
            if parts is None or not parts.hostname or "@" in parts.netloc:
                raise InputError(
                    f"{field}.url must be http(s)://host/… without credentials in it, or ssh://user@host/….",
                    field=f"{field}.url",
                )
            remotes.append(Remote(url, _authorization(row)))
    return roots, remotes


_SSH_HOST = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.\-]*@)?[A-Za-z0-9][A-Za-z0-9.\-]*(?::[0-9]+)?")


def _read_ssh(url: str, row: Mapping[str, Any], field: str) -> Remote:
    if not _SSH_HOST.fullmatch(urlsplit(url).netloc):
        raise InputError(f"{field}.url must be ssh://user@host/… without a password in it.", field=f"{field}.url")
    return Remote(url, None, SshAccess(text_setting(row, "sshKeyFile"), text_setting(row, "knownHostsFile")))


def _authorization(row: Mapping[str, Any]) -> str | None:
    secret = text_setting(row, "password") or text_setting(row, "token")
    if secret is None:
        return None
    return basic_authorization(text_setting(row, "username") or "oauth2", secret)


def check_ref(ref: str) -> str:
    """The ref as given. Raises ``InputError`` for what ``git check-ref-format`` refuses or could be taken for an option."""
    if len(ref) > 250 or not _REF.fullmatch(ref):
        raise InputError(f"{ref!r} is not a branch, tag or commit.")
    return ref


class GitRepositories:
    """Reads commits, trees and blobs. One fetch or command a repository at a time."""

    def __init__(
        self,
        roots: Sequence[LocalRoot],
        remotes: Sequence[Remote],
        cache_dir: Path,
        clock: Any,
        *,
        executable: str = "git",
    ) -> None:
        """``cache_dir`` holds shallow copies of remotes; it may be emptied while the portal is stopped."""
        self._roots = tuple(roots)
        self._remotes = tuple(remotes)
        self._cache_dir = cache_dir
        self._clock = clock
        self._program = Git(executable)
        self._locks: dict[str, asyncio.Lock] = {}
        self._fetched: dict[tuple[str, str], tuple[float, str]] = {}

    def is_allowed(self, location: str) -> bool:
        """Whether a row of the settings opens this repository: an absolute path, or an http(s) URL."""
        if location.startswith("/"):
            real = Path(os.path.realpath(location))
            return any(real == root.path or root.path in real.parents for root in self._roots)
        return self.find_remote(location) is not None

    async def find_commit(self, location: str, ref: str | None) -> str:
        """The commit at ``ref`` (default: HEAD). A remote is asked at most every 15 s, and fetched when it moved.

        Raises ``NotFoundError`` when repository or ref is absent, ``UnavailableError``, ``NotAllowedError``.
        """
        self._require_allowed(location)
        name = check_ref(ref) if ref else "HEAD"
        async with self._lock(location):
            if location.startswith("/"):
                return await self._find_local(location, name)
            return await self._fetch(location, name)

    async def list_refs(self, location: str) -> list[str]:
        """Branches and tags without ``refs/heads/``, the default branch first, at most ``MAX_REFS``. Raises as ``find_commit``."""
        self._require_allowed(location)
        if location.startswith("/"):
            head = await self._git(location, "rev-parse", "--symbolic-full-name", "HEAD")
            out = await self._git(
                location, "for-each-ref", f"--count={MAX_REFS}", "--sort=-creatordate", "--format=%(refname)",
                "refs/heads", "refs/tags",
            )  # fmt: skip
            default, names = head.decode("utf-8", "replace").strip(), out.decode("utf-8", "replace").splitlines()
        else:
            default, names = await self._list_remote(location)
        short = [name.partition("refs/heads/")[2] or name.partition("refs/tags/")[2] for name in (default, *names)]
        return list(dict.fromkeys(name for name in short if name and _REF.fullmatch(name)))[:MAX_REFS]

    async def _list_remote(self, location: str) -> tuple[str, list[str]]:
        remote = self.find_remote(location)
        assert remote is not None
        out = await self._run(
            "ls-remote", "--quiet", "--symref", location, "HEAD", "refs/heads/*", "refs/tags/*",
            protocols="http:https", header=remote.header, timeout_s=FETCH_TIMEOUT_S,
        )  # fmt: skip
        default, names = "", []
        for line in out.decode("utf-8", "replace").splitlines():
            left, _, name = line.partition("\t")
            if left.startswith("ref: ") and name == "HEAD":
                default = left[5:]
            elif name.startswith("refs/") and not name.endswith("^{}"):
                names.append(name)
        return default, names

    async def list_tree(self, location: str, commit: str, folder: str, *, links: bool = False) -> list[TreeFile]:
        """Regular files at or below ``folder``, symbolic links when asked for; submodules are left out."""
        path = [folder + "/"] if folder else []
        out = await self._git(
            location, "ls-tree", "-r", "-z", "-l", "--full-tree", _require_commit(commit), "--", *path
        )
        files = []
        for line in out.split(b"\0"):
            meta, _, name = line.partition(b"\t")
            fields = meta.split()
            if len(fields) != 4 or fields[1] != b"blob" or (fields[0] == b"120000" and not links):
                continue
            path_read, mode = name.decode("utf-8", "surrogateescape"), int(fields[0], 8)
            files.append(
                TreeFile(path_read, fields[2].decode(), _size(fields[3]), mode & 0o777 or 0o644, mode == 0o120000)
            )
        return files

    async def find_file(self, location: str, commit: str, path: str) -> TreeFile:
        """Raises ``NotFoundError``; ``InputError`` for folders and symbolic links."""
        literal = path.rstrip("/")
        out = await self._git(
            location,
            "--literal-pathspecs",
            "ls-tree",
            "-z",
            "-l",
            "--full-tree",
            _require_commit(commit),
            "--",
            literal,
        )
        meta, _, name = out.rstrip(b"\0").partition(b"\t")
        fields = meta.split()
        if len(fields) != 4 or name != literal.encode("utf-8", "surrogateescape"):
            raise NotFoundError(f"There is no {path} in {location} at {commit[:12]}.")
        if fields[1] != b"blob":
            raise InputError(f"{path} in {location} is a folder. Point to a file in it, or use a pattern with *.")
        if fields[0] == b"120000":
            raise InputError(f"{path} in {location} is a symbolic link. Point to the file itself.")
        return TreeFile(path, fields[2].decode(), _size(fields[3]))

    async def read_blob(self, location: str, blob: str, *, max_bytes: int) -> bytes:
        return await self._git(location, "cat-file", "blob", _require_commit(blob), max_bytes=max_bytes)

    async def find_changes(self, location: str, commit: str, folder: str) -> dict[str, FileChange]:
        """Last changes of the files at or below ``folder``, paths from the root, as far as the history goes that is looked at.

        Of a remote that is ``MAX_HISTORY`` commits without contents, kept beside the copy that files are read from.
        """
        self._require_allowed(location)
        if location.startswith("/"):
            directory = await asyncio.to_thread(_git_dir, location)
        else:
            async with self._lock(f"{location} history"):
                directory = await self._fetch_history(location, _require_commit(commit))
        ends = await asyncio.to_thread(_shallow_ends, Path(directory))
        out = await self._run(
            f"--git-dir={directory}", *OFF, "--literal-pathspecs", "log", f"--max-count={MAX_HISTORY}", *LOG,
            _require_commit(commit), "--", *([folder] if folder else []), protocols="none",
        )  # fmt: skip
        return last_changes(out, ends)

    async def _fetch_history(self, location: str, commit: str) -> str:
        """A copy of a remote's commits and trees, up to ``commit``. Contents come with it where the remote cannot leave them out."""
        remote = self.find_remote(location)
        assert remote is not None
        folder = self._folder(location).removesuffix(".git") + ".history.git"
        if not await asyncio.to_thread(Path(folder, "objects").is_dir):
            await asyncio.to_thread(os.makedirs, folder, 0o700, True)
            await self._run("init", "--quiet", "--bare", "--template=", folder, protocols="none")
        try:
            known = await self._run(f"--git-dir={folder}", "cat-file", "-t", commit, protocols="none")
        except UnavailableError:
            known = b""
        if known.strip() != b"commit":
            await self._run(
                "-C", folder, "fetch", "--quiet", f"--depth={MAX_HISTORY}", "--filter=blob:none", "--no-tags", "--no-write-fetch-head",
                "--no-recurse-submodules", "--force", location, f"+{commit}:refs/callboard/history",
                protocols="http:https", header=remote.header, timeout_s=FETCH_TIMEOUT_S,
            )  # fmt: skip
        return folder

    # -- how -------------------------------------------------------------------------------------------------------------

    async def _find_local(self, location: str, name: str) -> str:
        if not await asyncio.to_thread(Path(location).is_dir):
            raise NotFoundError(f"There is no repository at {location}.")
        try:
            out = await self._git(location, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        except UnavailableError as error:
            if "not a git repository" in error.message:
                raise NotFoundError(f"{location} is not a git repository.") from error
            if error.message.endswith("(1)"):
                raise NotFoundError(f"There is no branch, tag or commit {name} in {location}.") from error
            raise
        return _require_commit(out.decode().strip())

    async def _fetch(self, location: str, name: str) -> str:
        now = self._clock.monotonic()
        known = self._fetched.get((location, name))
        if known is not None and now - known[0] < MIN_FETCH_INTERVAL_S:
            return known[1]
        remote = self.find_remote(location)
        assert remote is not None
        folder = self._folder(location)
        if not await asyncio.to_thread(Path(folder, "objects").is_dir):
            await asyncio.to_thread(os.makedirs, folder, 0o700, True)
            await self._run("init", "--quiet", "--bare", "--template=", folder, protocols="none")
        full_name, commit = await self._ask_remote(remote, location, folder, name)
        if not await self._has_commit(location, commit):
            kept = f"refs/callboard/{hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()}"
            await self._run(
                "-C", folder, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head",
                "--no-recurse-submodules", "--force", location, f"+{full_name}:{kept}",
                protocols="http:https", header=remote.header, timeout_s=FETCH_TIMEOUT_S,
            )  # fmt: skip
            # the ref may have moved once more since it was asked for
            commit = _require_commit((await self._git(location, "rev-parse", f"{kept}^{{commit}}")).decode().strip())
        self._fetched[(location, name)] = (now, commit)
        return commit

    async def _ask_remote(self, remote: Remote, location: str, folder: str, name: str) -> tuple[str, str]:
        """The full name of the ref and the commit that it stands at."""
        if _COMMIT.fullmatch(name):
            return name, name
        heads = [name] if name == "HEAD" else [f"refs/heads/{name}", f"refs/tags/{name}", name]
        try:
            out = await self._run(
                "-C", folder, "ls-remote", "--quiet", location, *heads, f"refs/tags/{name}^{{}}",
                protocols="http:https", header=remote.header, timeout_s=FETCH_TIMEOUT_S,
            )  # fmt: skip
        except UnavailableError as error:
            if "not found" in error.message.lower():
                raise NotFoundError(f"There is no repository at {location}, or it is hidden.") from error
            raise
        found = {}
        for line in out.decode("utf-8", "replace").splitlines():
            commit, _, full_name = line.partition("\t")
            found[full_name] = commit
        for full_name in heads:
            if full_name in found:
                # an annotated tag is an object of its own; its ^{} line is the commit
                return full_name, _require_commit(found.get(full_name + "^{}", found[full_name]))
        raise NotFoundError(f"There is no branch or tag {name} in {location}.")

    async def _has_commit(self, location: str, commit: str) -> bool:
        try:
            await self._git(location, "cat-file", "-e", f"{commit}^{{commit}}")
        except UnavailableError:
            return False
        return True

    async def _git(
        self, location: str, *arguments: str, max_bytes: int = MAX_OUTPUT_BYTES, stdin: bytes | None = None
    ) -> bytes:
        self._require_allowed(location)
        if location.startswith("/"):
            directory = await asyncio.to_thread(_git_dir, location)
        else:
            directory = self._folder(location)
        return await self._run(f"--git-dir={directory}", *arguments, protocols="none", max_bytes=max_bytes, stdin=stdin)

    async def read_blobs(self, location: str, blobs: Sequence[str], *, max_bytes: int) -> list[bytes]:
        """Contents in the order given, at most ``max_bytes`` together. Raises ``LimitError``."""
        if not blobs:
            return []
        asked = "".join(f"{_require_commit(blob)}\n" for blob in blobs).encode()
        out = await self._git(location, "cat-file", "--batch", max_bytes=max_bytes, stdin=asked)
        found, at = [], 0
        for _ in blobs:
            end = out.index(b"\n", at)
            size = _size(out[at:end].rpartition(b" ")[2])
            found.append(out[end + 1 : end + 1 + size])
            at = end + size + 2
        return found

    async def _run(
        self,
        *arguments: str,
        protocols: str,
        header: str | None = None,
        timeout_s: float = COMMAND_TIMEOUT_S,
        max_bytes: int = MAX_OUTPUT_BYTES,
        stdin: bytes | None = None,
    ) -> bytes:
        return await self._program.run(
            *arguments, access=Access(protocols, header), timeout_s=timeout_s, max_bytes=max_bytes, stdin=stdin
        )

    def find_remote(self, location: str) -> Remote | None:
        """The row of the settings that opens ``location``, the longest where there are several."""
        covering = [remote for remote in self._remotes if remote.covers(location)]
        return max(covering, key=lambda remote: len(remote.url), default=None)

    def _require_allowed(self, location: str) -> None:
        if not self.is_allowed(location):
            raise NotAllowedError(f"{location} may not be read: no row of the setting integrations.git opens it.")

    def _folder(self, location: str) -> str:
        return str(self._cache_dir / (hashlib.sha256(location.encode()).hexdigest()[:40] + ".git"))

    def _lock(self, location: str) -> asyncio.Lock:
        return self._locks.setdefault(location, asyncio.Lock())


def _require_commit(text: str) -> str:
    if not _COMMIT.fullmatch(text):
        raise UnavailableError(f"git named {text[:80]!r} where an object id was expected (2)")
    return text


def _git_dir(location: str) -> str:
    """The repository itself: ``.git`` of a work tree, or the folder of a bare one."""
    folder = Path(os.path.realpath(location))
    return str(folder / ".git" if (folder / ".git").is_dir() else folder)


def _shallow_ends(directory: Path) -> frozenset[str]:
    """Commits of which the copy does not hold what was before them: they seem to have made all that there is."""
    try:
        return frozenset((directory / "shallow").read_text("ascii", "replace").split())
    except OSError:
        return frozenset()


def _size(text: bytes) -> int:
    """Of a listing; ``BAD`` stands there for an object that the repository names and does not have."""
    if not text.isdigit():
        raise UnavailableError(
            "A git object is missing: the repository is damaged, or a partial clone. Use a full clone."
        )
    return int(text)

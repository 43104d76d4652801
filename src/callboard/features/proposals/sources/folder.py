"""A folder of this machine as a tree. Links are not followed, nothing outside is read, and of ``.git`` only what names the remote."""

from __future__ import annotations

import configparser
import os
import re
import stat
from hashlib import blake2b
from pathlib import Path
from typing import Sequence

from callboard.features.importing.interface.matching import find_repository
from callboard.features.proposals.domain.choosing import choose
from callboard.features.proposals.domain.values import DEFAULT_LIMITS, Limits, RepositoryFacts, Tree
from callboard.features.proposals.interface import TargetRefused
from callboard.kernel.errors import NotFoundError, UnavailableError
from callboard.model.urls import DEFAULT_HOSTS

_PASSED_OVER = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".mypy_cache"})
MAX_CONFIG_BYTES = 64 * 1024


def require_open(target: str, roots: Sequence[str]) -> Path:
    """The real path of a folder that lies in one of ``roots``. Raises ``TargetRefused`` for any other, whether it is there or not."""
    real = Path(os.path.realpath(target))
    for root in roots:
        opened = Path(os.path.realpath(root))
        if real == opened or opened in real.parents:
            return real
    if not roots:
        raise TargetRefused(
            f"{target} may not be read: the setting proposals.folders opens no folder. Add one there, or use"
            " callboard catalog propose on the machine itself.",
            field="target",
        )
    raise TargetRefused(
        f"{target} may not be read: it lies in no folder of the setting proposals.folders.", field="target"
    )


def read_folder(folder: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[Tree, RepositoryFacts, str]:
    """What is there, what its git remote says of it, and a digest that changes with either. Blocks: call it in a thread.

    Raises ``NotFoundError`` where there is no folder, ``UnavailableError`` where it cannot be read.
    """
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder}.")
    files, notes = _walk(folder, limits)
    chosen, more = choose(files, limits)
    texts: dict[str, str] = {}
    total = 0
    digest = blake2b(digest_size=20)
    for path in chosen:
        content = _read(folder, path, limits.file_bytes)
        if content is None:
            notes.append(f"{path} could not be read.")
            continue
        total += len(content)
        if total > limits.total_bytes:
            notes.append(f"More than {limits.total_bytes // 2**20} MiB: the rest was not read.")
            break
        texts[path] = content.decode("utf-8", "replace")
        digest.update(path.encode("utf-8", "surrogateescape") + b"\0" + content)
    paths = tuple(sorted(path for path, _ in files))
    digest.update("\n".join(paths).encode("utf-8", "surrogateescape"))
    facts = facts_of(folder)
    digest.update(repr(facts).encode())
    return Tree(paths, texts, (*notes, *more)), facts, digest.hexdigest()


def _walk(root: Path, limits: Limits) -> tuple[list[tuple[str, int | None]], list[str]]:
    """Regular files, by folder; links and special files are left out."""
    found: list[tuple[str, int | None]] = []
    stack = [""]
    while stack:
        inner = stack.pop()
        try:
            with os.scandir(root / inner) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if not inner:
                raise UnavailableError(f"{root} cannot be read: {error.strerror or error}.") from error
            continue
        for entry in listed:
            path = f"{inner}/{entry.name}" if inner else entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _PASSED_OVER:
                    stack.append(path)
            elif entry.is_file(follow_symlinks=False):
                if len(found) >= limits.paths:
                    return found, [f"More than {limits.paths} files: the rest was not looked at."]
                found.append((printable(path), entry.stat(follow_symlinks=False).st_size))
    return found, []


def printable(path: str) -> str:
    """A path that can be stored and shown, whatever bytes its name has."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _read(root: Path, path: str, most: int) -> bytes | None:
    """A regular file at most so long; None for what became a link, grew, or cannot be opened."""
    try:
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        content = file.read(most + 1)
    return content if len(content) <= most else None


def facts_of(folder: Path) -> RepositoryFacts:
    """The name, and what the remote ``origin`` says where the folder is a work tree (of itself, or below one's root it is not told)."""
    git = folder / ".git"
    if not git.is_dir() or git.is_symlink():
        return RepositoryFacts(folder.name or "repository")
    config = _read(git, "config", MAX_CONFIG_BYTES)
    head = (_read(git, "HEAD", 1024) or b"").decode("utf-8", "replace")
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string("\n".join(line.strip() for line in (config or b"").decode("utf-8", "replace").splitlines()))
        remote = parser.get('remote "origin"', "url", fallback="") or ""
    except configparser.Error:
        remote = ""
    branch = re.fullmatch(r"ref: refs/heads/(\S+)\s*", head)
    found = find_repository(remote)
    if found is None:
        return RepositoryFacts(folder.name or "repository")
    kind: str = DEFAULT_HOSTS.get(found.host) or next(
        (one for one in ("github", "gitlab", "gitea") if one in found.host), "other"
    )
    return RepositoryFacts(
        found.slug.rpartition("/")[2], found.url, kind, found.slug, branch[1] if branch and kind != "other" else ""
    )  # fmt: skip

"""``file`` locations: files and globs on disk, held inside the directories that the settings opened.

A target that the settings name may lie anywhere. What the file there points to (targets of a Location entity, placeholders) stays
inside the tree opened with it: ``catalog.fileRoots`` when set, else the repository (nearest folder upward with ``.git``) or, without
one, the folder of the configured file. ``..``, absolute targets and symbolic links cannot lead out. Directories reached by a
symbolic link are not walked by ``**``; devices, pipes and sockets are not read.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Sequence

from callboard.features.catalog.interface import Finding, NotModified, ReadFile
from callboard.kernel import globs
from callboard.kernel.errors import (
    CallboardError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)

MAX_FILE_BYTES = 10 * 1024 * 1024
YOUNG_NS = 2_000_000_000
"""Nanoseconds; the coarsest file systems keep times to two seconds."""
MAX_MATCHES = 100_000
MAX_VISITED = 1_000_000
"""Directory entries looked at for one glob; beyond it the pattern points at too much."""


@dataclass(frozen=True, slots=True)
class FileHits:
    """What a file target names, sorted by path. ``findings`` are matches that could not be read.

    ``etag`` holds for the whole: it changes when a file is added, removed or touched.
    """

    files: Sequence[ReadFile]
    findings: Sequence[Finding]
    etag: str


class FileReader:
    """Reads ``file`` locations. Paths in results are absolute; symbolic links in configured targets are kept as written."""

    def __init__(self, *, working_dir: Path, roots: Sequence[Path] = (), max_bytes: int = MAX_FILE_BYTES) -> None:
        """
        Args:
            working_dir: Relative targets of the settings are resolved against it.
            roots: ``catalog.fileRoots``; when given, trees that Location entities may reach, for every configured location.
            max_bytes: Larger files are ``LimitError``, unread.
        """
        self._working_dir = str(working_dir.absolute())
        self._roots = tuple(Path(os.path.realpath(root)) for root in roots)
        self._max_bytes = max_bytes
        self._trees: dict[str, tuple[Path, ...]] = {}

    @classmethod
    def from_settings(cls, settings: Any, working_dir: Path) -> FileReader:
        """With ``catalog.fileRoots`` (list of directories) and ``catalog.maxFileSizeBytes`` (10 MiB by default)."""
        roots = [working_dir / str(root) for root in settings.get_list("catalog.fileRoots", [])]
        return cls(
            working_dir=working_dir,
            roots=roots,
            max_bytes=settings.get_int("catalog.maxFileSizeBytes", MAX_FILE_BYTES),
        )

    def absolute(self, target: str) -> str:
        """A configured target as an absolute path."""
        return _join(self._working_dir, target)

    def resolve(self, target: str, base: str) -> str:
        """``target`` beside the file at ``base``; not judged yet, reading does that."""
        return _join(base.rpartition("/")[0], target)

    async def read(self, target: str, *, origin: str | None = None, etag: str | None = None) -> ReadFile:
        """One file. See ``search``; the etag is ``<mtime_ns>-<size>-<inode>``, marked when the file is young."""
        return await asyncio.to_thread(self.read_now, target, origin=origin, etag=etag)

    async def search(self, target: str, *, origin: str | None = None, etag: str | None = None) -> FileHits:
        """The files that a target names: several with a glob (maybe none), else one.

        Args:
            target: Absolute path or glob.
            origin: The configured target (absolute) by which this one is reached; None or equal to ``target`` when the settings
                name it themselves. Give ``""`` when no ``file`` location is behind it (a URL): then only ``catalog.fileRoots``
                may be read.
            etag: ``FileHits.etag`` of the last time.

        Raises:
            NotModified: nothing changed since ``etag``.
            NotFoundError, NotAllowedError, LimitError, InputError, UnavailableError: for a target that is no glob; in a glob
                each unreadable match is a finding instead.
        """
        return await asyncio.to_thread(self.search_now, target, origin=origin, etag=etag)

    def read_now(self, target: str, *, origin: str | None = None, etag: str | None = None) -> ReadFile:
        self._require_path(target)
        content, found = self._read(target, self._trees_of(target, origin), etag)
        return ReadFile(target, content, found)

    def search_now(self, target: str, *, origin: str | None = None, etag: str | None = None) -> FileHits:
        if not is_pattern(target):
            file = self.read_now(target, origin=origin, etag=etag)
            return FileHits((file,), (), file.etag or "")
        self._require_path(target)
        trees = self._trees_of(target, origin)
        paths = self._matches(target, trees)
        combined, youth = _combined_etag(paths)  # before the files are read: what changes meanwhile must differ from it
        if combined == etag:
            raise NotModified
        own_tree = trees or self._opened_by(target)
        files: list[ReadFile] = []
        findings: list[Finding] = []
        for path in paths:
            try:
                # a match may be a link, so each is judged, even below a directory that the settings name
                content, found = self._read(path, own_tree, None)
                files.append(ReadFile(path, content, found))
            except CallboardError as error:
                findings.append(Finding("error", "read", error.message, name=error.name, file=path))
        return FileHits(tuple(files), tuple(findings), combined + youth)

    # -- which trees -----------------------------------------------------------------------------------------------------

    def _trees_of(self, target: str, origin: str | None) -> tuple[Path, ...] | None:
        """Trees that hold for ``target``, or None when the settings name it themselves (anywhere is fine)."""
        if origin is None or origin == target:
            return None
        if self._roots:
            return self._roots
        if not origin:
            raise NotAllowedError(
                f"{target} may not be read: no file location of the settings leads there. "
                "Set catalog.fileRoots to open a directory."
            )
        return self._opened_by(origin)

    def _opened_by(self, configured: str) -> tuple[Path, ...]:
        if configured not in self._trees:
            self._trees[configured] = (_opened_tree(configured),)
        return self._trees[configured]

    def _matches(self, pattern: str, trees: tuple[Path, ...] | None) -> list[str]:
        try:
            compiled = globs.compile_glob(pattern.lstrip("/"))
        except ValueError as error:
            raise InputError(str(error)) from error
        root = _static_root(pattern)
        if trees is not None and not _is_inside(Path(os.path.realpath(root)), trees):
            raise _outside(pattern, trees)
        found: list[str] = []
        for path in _walk(root, deep="**" in pattern, levels=pattern.count("/") - str(root).rstrip("/").count("/")):
            if compiled.fullmatch(path.lstrip("/")):
                found.append(path)
                if len(found) > MAX_MATCHES:
                    raise LimitError(f"{pattern} names more than {MAX_MATCHES} files. Narrow the pattern.")
        found.sort()
        return found

    def _read(self, path: str, trees: tuple[Path, ...] | None, etag: str | None) -> tuple[bytes, str]:
        real = os.path.realpath(path)
        if trees is not None and not _is_inside(Path(real), trees):
            raise _outside(path, trees)
        try:
            # the resolved path is opened without following links once more: nothing swapped in meanwhile is read
            descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFoundError(f"{path} does not exist.", file=path) from None
        except OSError as error:
            raise UnavailableError(f"{path} cannot be read: {error.strerror or error}.", file=path) from error
        try:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise InputError(f"{path} is a directory. Point to a file in it, or use a pattern with *.", file=path)
            if not stat.S_ISREG(status.st_mode):
                raise NotAllowedError(f"{path} is not a regular file.", file=path)
            found = etag_of(status)
            if found == etag:
                raise NotModified
            found += _youth(status)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(self._max_bytes + 1)
        finally:
            os.close(descriptor)
        if len(content) > self._max_bytes:
            raise LimitError(
                f"{path} is larger than {self._max_bytes} bytes (catalog.maxFileSizeBytes). Split the file.", file=path
            )
        return content, found

    def _require_path(self, target: str) -> None:
        if "\0" in target or not target.startswith("/"):
            raise InputError(f"{target!r} is not an absolute path.", file=target)
        if target.endswith("/"):
            raise InputError(f"{target} ends in '/'. Point to a file, e.g. {target}catalog-info.yaml.", file=target)


def _join(folder: str, target: str) -> str:
    """Without ``.`` and ``..``, links untouched; a trailing slash stays, because it is an error to be told."""
    path = target if target.startswith("/") else f"{folder}/{target}"
    return os.path.normpath(path) + ("/" if target.endswith("/") else "")


def is_pattern(target: str) -> bool:
    """Whether a ``file`` target names files by a glob. A file of that very name comes first where there is no ``*``."""
    return globs.has_magic(target) or (any(mark in target for mark in "?[{") and not os.path.lexists(target))


def etag_of(status: os.stat_result) -> str:
    """``<mtime_ns>-<size>-<inode>``: changes with every ordinary write or replacement, without reading the file."""
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"


def _youth(status: os.stat_result) -> str:
    """A mark on the etag of a file that was written just now: written again within the same tick of its file system, with
    the same size, it would look as it does. So it is read once more the next time.
    """
    return "-young" if abs(time.time_ns() - status.st_mtime_ns) < YOUNG_NS else ""


def _combined_etag(paths: Sequence[str]) -> tuple[str, str]:
    digest = hashlib.sha1(usedforsecurity=False)
    youth = ""
    for path in paths:
        try:
            status = os.stat(path)
            mark = etag_of(status)
            youth = youth or _youth(status)
        except OSError:
            mark = "gone"
        digest.update(f"{path}\0{mark}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest(), youth


def _opened_tree(configured: str) -> Path:
    """The directory tree that a configured target opens: its repository, or its folder."""
    folder = (
        Path(os.path.realpath(_static_root(configured)))
        if is_pattern(configured)
        else Path(os.path.realpath(configured)).parent
    )
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists():
            return candidate
    return folder


def _static_root(pattern: str) -> Path:
    """As written, links not followed: paths below it must match the pattern."""
    return Path("/" + globs.static_prefix(pattern.lstrip("/")))


def _is_inside(path: Path, trees: tuple[Path, ...]) -> bool:
    return any(path == tree or tree in path.parents for tree in trees)


def _outside(path: str, trees: tuple[Path, ...]) -> NotAllowedError:
    return NotAllowedError(
        f"{path} lies outside {', '.join(map(str, trees))}, where this location may read. "
        "Move the file, or add its directory to catalog.fileRoots.",
        file=path,
    )


def _walk(root: Path, *, deep: bool, levels: int) -> Iterator[str]:
    """Paths of files and links to files below ``root``; ``levels`` deep (1 is the folder itself) unless ``deep``."""
    stack = [(str(root), 1)]
    visited = 0
    while stack:
        folder, level = stack.pop()
        try:
            entries = list(os.scandir(folder))
        except NotADirectoryError:
            continue
        except FileNotFoundError:
            continue  # no such folder, or removed while walking: nothing there
        except OSError as error:
            raise UnavailableError(f"{folder} cannot be listed: {error.strerror or error}.", file=folder) from error
        visited += len(entries)
        if visited > MAX_VISITED:
            raise LimitError(f"{root} holds more than {MAX_VISITED} files. Narrow the pattern.", file=str(root))
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != ".git" and (deep or level < levels):
                    stack.append((entry.path, level + 1))
            elif entry.is_file() or (entry.is_symlink() and not entry.is_dir()):
                yield entry.path

"""Sites in folders on disk. Links that lead out, devices and what is too large are left out and told; reads block.

What has to be looked at again to see a change is bounded by what belongs to the site, not by the repository around it.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Iterator, Sequence

from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.settings import SourceLimits
from callboard.features.techdocs.sources.selecting import (
    CONFIGS,
    IGNORED_FOLDERS,
    MARKDOWN,
    docs_dir_of,
    includes_of,
    select,
)
from callboard.kernel.errors import InputError, LimitError, NotFoundError, UnavailableError
from callboard.kernel.globs import compile_glob

MAX_VISITED = 100_000
MAX_CONFIG_BYTES = 1024 * 1024


@dataclass(slots=True)
class FolderFiles:
    """``files``: path within the site to the absolute path that is read. ``folders`` are those that were listed, or would be if they were there."""

    files: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FolderLook:
    """What a look at a folder saw.

    ``signature`` is the folder's; ``is_empty`` where it holds nothing of a site. As long as ``stamp_of(paths)`` is ``stamp``
    another look would see the same; None where only another look can tell.
    """

    signature: str
    is_empty: bool
    paths: tuple[str, ...]
    stamp: int | None

    def is_stale(self) -> bool:
        """Whether another look may see something else; blocks for a few microseconds a path."""
        return self.stamp is None or stamp_of(self.paths) != self.stamp


class SiteFolder:
    """A folder (or a single file) of Markdown; nothing outside ``root``, which holds it, is read."""

    def __init__(self, place: str, root: str, limits: SourceLimits, *, docs_dir: str | None, all_below: bool) -> None:
        self._place = Path(place)
        self._root = Path(os.path.realpath(root))
        self._limits = limits
        self._docs_dir = docs_dir
        self._all_below = all_below

    @property
    def key(self) -> tuple[object, ...]:
        """Alike for folders of which ``find`` gives the same."""
        return self._place, self._root, self._docs_dir, self._all_below

    def find(self) -> FolderFiles:
        """Paths that may belong to the site. Raises ``NotFoundError``, ``LimitError``, ``UnavailableError``."""
        real = os.path.realpath(self._place)
        found = FolderFiles(folders=[str(self._place)])
        if not self._holds(real):
            raise NotFoundError(f"{self._place} leads out of {self._root}.")
        if os.path.isfile(real):
            found.files[self._place.name] = real
            return found
        if not os.path.isdir(real):
            raise NotFoundError(f"There is no folder {self._place}.")
        if self._all_below:
            self._walk(real, "", found, set())
            return found
        self._list_site(real, "", found, 0, set())
        return found

    def _list_site(self, real: str, folder: str, found: FolderFiles, depth: int, seen: set[str]) -> None:
        text = ""
        found.folders.append(os.path.join(real, folder))
        for name in CONFIGS:
            path = posixpath.join(folder, name)
            if self._add(os.path.join(real, folder, name), path, found):
                text = self.read_text(found.files[path])
                break
        below = posixpath.normpath(
            posixpath.join(folder, docs_dir_of(text) or (self._docs_dir if depth == 0 else None) or "docs")
        )
        if below.startswith(("../", "/")) or below == "..":
            raise InputError(f"docs_dir of {posixpath.join(folder, 'mkdocs.yml')} leads out of its site.")
        start = os.path.join(real, below) if below != "." else real
        found.folders.append(start)
        if os.path.isdir(start):
            self._walk(start, "" if below == "." else below, found, seen)
        if depth == 0:
            for entry in _scan(real):
                if entry.name.lower().endswith(MARKDOWN):
                    self._add(entry.path, entry.name, found)
        if depth < 5:
            for include in includes_of(text):
                self._include(real, posixpath.normpath(posixpath.join(folder, include)), found, depth, seen)

    def _include(self, real: str, pattern: str, found: FolderFiles, depth: int, seen: set[str]) -> None:
        if pattern.startswith(("../", "/")) or pattern == "..":
            found.problems.append(
                Problem("refused", f"The navigation includes {pattern}, which leads out of the site.", "mkdocs.yml")
            )
            return
        if "*" not in pattern:
            found.folders.append(os.path.join(real, posixpath.dirname(pattern)))
        for relative in self._named(real, pattern, found) if "*" in pattern else [pattern]:
            if relative not in found.files and self._add(os.path.join(real, relative), relative, found):
                self._list_site(real, posixpath.dirname(relative), found, depth + 1, seen)

    def _named(self, real: str, pattern: str, found: FolderFiles) -> list[str]:
        """Paths below ``real`` that the glob names, folder by folder."""
        folders = [""]
        *above, last = pattern.split("/")
        visited = 0
        for at, segment in enumerate((*above, last)):
            if "*" not in segment:
                folders = [posixpath.join(folder, segment) for folder in folders]
                continue
            expression, below = compile_glob("*" if segment == "**" else segment), []
            for folder in folders:
                where = os.path.join(real, folder)
                found.folders.append(where)
                for entry in _scan(where) if os.path.isdir(where) else ():
                    visited += 1
                    if visited > MAX_VISITED:
                        raise LimitError(f"{self._place}: {pattern} looks through more than {MAX_VISITED} files.")
                    is_wanted = at == len(above) or (entry.is_dir() and entry.name not in IGNORED_FOLDERS)
                    if is_wanted and expression.fullmatch(entry.name):
                        below.append(posixpath.join(folder, entry.name))
            folders = below
        return sorted(folders)

    def _walk(self, start: str, prefix: str, found: FolderFiles, seen: set[str]) -> None:
        stack = [(start, prefix)]
        visited = 0
        while stack:
            folder, path = stack.pop()
            real = os.path.realpath(folder)
            if real in seen:  # a link back would lead round and round
                continue
            seen.add(real)
            found.folders.append(folder)
            for entry in _scan(folder):
                visited += 1
                if visited > MAX_VISITED:
                    raise LimitError(
                        f"{self._place} holds more than {MAX_VISITED} files. Name the folder of the pages by docs_dir."
                    )
                below = posixpath.join(path, entry.name)
                if entry.is_dir():
                    if entry.name in IGNORED_FOLDERS:
                        continue
                    if entry.is_symlink() and not self._holds(os.path.realpath(entry.path)):
                        found.problems.append(_refused(below))
                        continue
                    stack.append((entry.path, below))
                else:
                    self._add(entry.path, below, found)

    def _add(self, absolute: str, path: str, found: FolderFiles) -> bool:
        real = os.path.realpath(absolute)
        try:
            status = os.lstat(real)
        except OSError:
            if os.path.islink(absolute):
                found.problems.append(Problem("refused", f"{path} is a link to nothing.", path, is_error=False))
                found.folders.append(absolute)
            return False
        if not self._holds(real):
            found.problems.append(_refused(path))
            return False
        if not stat.S_ISREG(status.st_mode):
            return False
        if status.st_size > self._limits.file_bytes:
            found.problems.append(
                Problem(
                    "refused",
                    f"{path} has {status.st_size} bytes, more than {self._limits.file_bytes} (techdocs.limits.fileBytes).",
                    path,
                )
            )
            return False
        found.files[path] = real
        if len(found.files) > self._limits.files:
            raise LimitError(
                f"{self._place} holds more than {self._limits.files} files (techdocs.limits.files). Name the folder of the pages by docs_dir."
            )
        return True

    def read(self) -> tuple[dict[str, bytes], list[Problem]]:
        """All files of the site. Raises as ``find``."""
        listed = self.find()
        total = 0
        files: dict[str, bytes] = {}

        def take(path: str, real: str) -> None:
            nonlocal total
            content = self._content(real)
            total += len(content)
            if total > self._limits.total_bytes:
                raise LimitError(
                    f"{self._place} holds more than {self._limits.total_bytes} bytes (techdocs.limits.totalBytes)."
                )
            files[path] = content

        for path, real in listed.files.items():
            take(path, real)
        if not self._all_below:
            for path, real in self._snippets(files, listed).items():
                take(path, real)
        return files, listed.problems

    def _snippets(self, files: dict[str, bytes], listed: FolderFiles) -> dict[str, str]:
        """What pages include from beside the folders of pages: looked for by name, so that the repository need not be walked."""
        more = _Beside(self, listed)
        kept = select(
            more,
            lambda path: files[path].decode("utf-8", "replace") if path in files else more.text(path),
            docs_dir=self._docs_dir,
        )
        return {path: real for path, real in more.added.items() if path in kept}

    def find_beside(self, path: str) -> str | None:
        """The file at a path of the site's root; None if there is none that may be read."""
        if path.startswith(("/", "../")) or path == "..":
            return None
        found = FolderFiles()
        real = os.path.realpath(self._place)
        return (
            found.files[path]
            if os.path.isfile(os.path.join(real, path)) and self._add(os.path.join(real, path), path, found)
            else None
        )

    def signature(self, known: Iterable[str] = ()) -> str:
        """Changes when a file of the site is written, added or removed; costs a look at each.

        ``known`` are the paths that were read the last time: what pages include from beside the folders of pages is among them.
        """
        return _signature(self._list(known))

    def look(self, known: Iterable[str] = ()) -> FolderLook:
        """``signature``, with what tells at less cost whether it is still that. Raises as ``find``."""
        known = tuple(known)
        before = self._list(known)
        paths = self._watched(before, known)
        stamp = stamp_of(paths)
        listed = self._list(known)
        # What came between the lists is not among the paths.
        is_calm = self._watched(listed, known) == paths
        return FolderLook(_signature(listed), not any(listed.files.values()), paths, stamp if is_calm else None)

    def _list(self, known: Iterable[str]) -> FolderFiles:
        listed = self.find()
        for path in known:
            if path not in listed.files:
                listed.files[path] = self.find_beside(path) or ""
        return listed

    def _watched(self, listed: FolderFiles, known: Sequence[str]) -> tuple[str, ...]:
        beside = (os.path.join(self._place, path) for path in known if not listed.files.get(path))
        return tuple(dict.fromkeys((*listed.folders, *filter(None, listed.files.values()), *beside)))

    def read_text(self, real: str) -> str:
        return self._content(real)[:MAX_CONFIG_BYTES].decode("utf-8", "replace")

    def _content(self, real: str) -> bytes:
        try:
            descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise UnavailableError(f"{real} cannot be read: {error.strerror or error}.", file=real) from None
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InputError(f"{real} is no regular file.", file=real)
            content = file.read(self._limits.file_bytes + 1)
        if len(content) > self._limits.file_bytes:
            raise LimitError(f"{real} grew beyond {self._limits.file_bytes} bytes while it was read.", file=real)
        return content

    def _holds(self, real: str) -> bool:
        path = Path(real)
        return path == self._root or self._root in path.parents


def stamp_of(paths: Iterable[str]) -> int:
    """Changes when one of the files or folders does: of a folder what is in it, not what is in that."""
    marks = []
    for path in paths:
        try:
            status = os.stat(path)
            marks.append((status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino))
        except OSError:
            marks.append((0, 0, 0, 0))
    return hash(tuple(marks))


def _signature(listed: FolderFiles) -> str:
    digest = hashlib.sha256()
    for path, real in sorted(listed.files.items()):
        try:
            status = os.stat(real)
            mark = f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"
        except OSError:
            mark = "gone"
        digest.update(f"{path}\0{mark}\n".encode("utf-8", "surrogateescape"))
    digest.update(repr([(p.file, p.message) for p in listed.problems]).encode())
    return digest.hexdigest()


class _Beside(set[str]):
    """The listed paths, and those beside them that are asked for by name."""

    def __init__(self, folder: SiteFolder, listed: FolderFiles) -> None:
        super().__init__(listed.files)
        self._folder = folder
        self.added: dict[str, str] = {}

    def __contains__(self, path: object) -> bool:
        if super().__contains__(path) or path in self.added:
            return True
        if not isinstance(path, str) or (real := self._folder.find_beside(path)) is None:
            return False
        self.added[path] = real
        return True

    def text(self, path: str) -> str:
        return self._folder.read_text(self.added[path])


def _refused(path: str) -> Problem:
    return Problem("refused", f"{path} is a link that leads out of the site.", path)


def _scan(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        return iter(sorted(os.scandir(folder), key=lambda entry: entry.name))
    except OSError as error:
        raise UnavailableError(f"{folder} cannot be listed: {error.strerror or error}.", file=folder) from None

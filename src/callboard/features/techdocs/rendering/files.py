"""Sources of sites: what is in memory, and a folder of the machine."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import Mapping, Sequence

from callboard.features.techdocs.interface import Problem

SKIPPED_FOLDERS = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv"})
MAX_FILE_BYTES = 20_000_000


def decoded(raw: bytes) -> str:
    """The text of a file, what is none replaced: bytes that are not UTF-8, and NUL, which databases do not hold."""
    return raw.decode("utf-8-sig", "replace").replace("\0", "\ufffd")


class MemoryFiles:
    """Files given as they are: an unpacked archive, a test. Pickles."""

    def __init__(self, files: Mapping[str, bytes | str]) -> None:
        self._files = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}

    def paths(self) -> Sequence[str]:
        return tuple(self._files)

    def read(self, path: str) -> bytes:
        try:
            return self._files[path]
        except KeyError:
            raise FileNotFoundError(path) from None


class FolderFiles:
    """A folder of this machine. Links that lead out of it, and folders of tools, are not there; ``problems`` tells of the links."""

    def __init__(self, root: str | Path, *, max_files: int = 200_000) -> None:
        self.root = os.path.realpath(root)
        self._max_files = max_files
        self._paths: tuple[str, ...] | None = None
        self.problems: tuple[Problem, ...] = ()

    def paths(self) -> Sequence[str]:
        if self._paths is None:
            found: list[str] = []
            problems: list[Problem] = []
            self._walk("", found, problems, frozenset({self.root}))
            self._paths, self.problems = tuple(found), tuple(problems)
        return self._paths

    def _walk(self, folder: str, found: list[str], problems: list[Problem], above: frozenset[str]) -> None:
        for entry in sorted(os.scandir(os.path.join(self.root, folder)), key=lambda e: e.name):
            path = posixpath.join(folder, entry.name)
            real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
            if entry.is_symlink() and not self._inside(real):
                problems.append(
                    Problem("refused", f"The link {path} leads out of the site and was left out: copy the file.", path)
                )
            elif entry.is_dir():
                if entry.name not in SKIPPED_FOLDERS and (resolved := os.path.realpath(real)) not in above:
                    self._walk(path, found, problems, above | {resolved})
            elif entry.is_file() and len(found) < self._max_files:
                found.append(path)

    def _inside(self, real: str) -> bool:
        return real == self.root or real.startswith(self.root + os.sep)

    def read(self, path: str) -> bytes:
        real = os.path.realpath(os.path.join(self.root, path))
        if not self._inside(real) or not os.path.isfile(real) or os.path.getsize(real) > MAX_FILE_BYTES:
            raise FileNotFoundError(path)
        with open(real, "rb") as file:
            return file.read()


def join_inside(folder: str, path: str) -> str | None:
    """``path`` as seen from ``folder``, normalised; None when it leaves the root or is absolute. ``""`` is the root itself."""
    if path.startswith("/") or "\\" in path or "\0" in path:
        return None
    joined = posixpath.normpath(posixpath.join(folder, path)) if (folder or path) else ""
    if joined == ".." or joined.startswith("../"):
        return None
    return "" if joined == "." else joined

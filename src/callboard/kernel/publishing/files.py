"""The files of a folder for hosts that take commits over their API."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from callboard.kernel.errors import LimitError
from callboard.kernel.workspace import Workspace

MAX_API_BYTES = 100 * 1024 * 1024
MAX_API_FILES = 5_000


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """``path`` is relative to the folder, with ``/``. A symbolic link's content is its target."""

    path: str
    content: bytes
    is_executable: bool = False
    is_link: bool = False

    @property
    def git_mode(self) -> str:
        return "120000" if self.is_link else "100755" if self.is_executable else "100644"


def is_git_path(path: str) -> bool:
    """Whether a part of the path is git's own folder, in whatever letters a file system would take for it."""
    return any(part.lower() == ".git" for part in path.split("/"))


def read_files(folder: Workspace) -> Sequence[PublishedFile]:
    """All but git's own, by path. Links are kept as links, never followed.

    Raises ``LimitError`` for more than 5,000 files or 100 MiB: such a push goes through git.
    """
    found: list[PublishedFile] = []
    total = 0
    for path in folder.files():
        if is_git_path(path):
            continue
        place = Path(folder.root, path)
        status = os.lstat(place)
        if stat.S_ISLNK(status.st_mode):
            found.append(PublishedFile(path, os.readlink(place).encode("utf-8", "surrogateescape"), is_link=True))
        elif stat.S_ISREG(status.st_mode):
            total += status.st_size
            if total > MAX_API_BYTES:
                raise LimitError(f"The files have more than {MAX_API_BYTES} bytes. Name a smaller sourcePath.")
            found.append(PublishedFile(path, place.read_bytes(), bool(status.st_mode & 0o100)))
        if len(found) > MAX_API_FILES:
            raise LimitError(f"There are more than {MAX_API_FILES} files. Name a smaller sourcePath.")
    return found

"""The folder that a task works in. Nothing that is read or written by it lies outside, whatever links and paths say.

Paths are relative with ``/``; absolute ones and those that climb out are refused, and so is a path that reaches out by a link
that was put there. ``WorkspaceLimits`` bound what a task may leave on the disk.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from callboard.kernel.errors import InputError, LimitError

MIB = 1024 * 1024


class OutsideWorkspace(InputError):
    """A path that leads out of the workspace."""

    code = "workspace.outside"

    def __init__(self, path: str) -> None:
        super().__init__(f"{path!r} leads outside the workspace. Use a path below it.")


@dataclass(frozen=True, slots=True)
class WorkspaceLimits:
    """What a workspace may hold: bytes in all, bytes of one file, and how many files and folders."""

    total_bytes: int = 512 * MIB
    file_bytes: int = 100 * MIB
    entries: int = 50_000


class Workspace:
    """``root`` exists and is the task's own. Methods that take a path raise ``OutsideWorkspace``."""

    def __init__(self, root: Path, limits: WorkspaceLimits = WorkspaceLimits()) -> None:
        self.root = Path(os.path.realpath(root))
        self.limits = limits

    def resolve(self, path: str) -> Path:
        """The absolute path of ``path``, which need not exist. Links on the way are followed only inside.

        Raises:
            OutsideWorkspace: it is absolute, climbs out, or a link leads out.
        """
        if "\x00" in path or path.startswith(("/", "\\")) or (len(path) > 1 and path[1] == ":"):
            raise OutsideWorkspace(path)
        wanted = self.root / path
        plain = Path(os.path.normpath(wanted))
        if not self._holds(plain) or not self._holds(Path(os.path.realpath(plain))):
            raise OutsideWorkspace(path)
        return plain

    def child(self, path: str) -> Workspace:
        """A workspace of the folder ``path``, made when it is missing; it cannot be left either."""
        folder = self.resolve(path)
        folder.mkdir(parents=True, exist_ok=True)
        return Workspace(folder, self.limits)

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> Path:
        """Write a file, with its folders. An existing link of that name is replaced, never written through."""
        target = self.resolve(path)
        if len(content) > self.limits.file_bytes:
            raise LimitError(f"{path} would be larger than {self.limits.file_bytes} bytes.")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():
            target.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        with open(os.open(target, flags, mode & 0o777), "wb") as file:
            file.write(content)
        os.chmod(target, mode & 0o777)
        return target

    def link(self, path: str, to: str) -> None:
        """Make a symbolic link. Raises ``OutsideWorkspace`` for a target that is absolute or leads out."""
        place = self.resolve(path)
        if os.path.isabs(to) or not self._holds(Path(os.path.normpath(place.parent / to))):
            raise OutsideWorkspace(to)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink() or place.is_file():
            place.unlink()
        place.symlink_to(to)

    def files(self, path: str = ".") -> Iterator[str]:
        """Paths of the files and links below ``path``, relative to the workspace, in order. Links are not followed."""
        start = self.resolve(path)
        found = []
        for folder, folders, names in os.walk(start):
            found += [os.path.join(folder, name) for name in names]
            found += [os.path.join(folder, name) for name in folders if os.path.islink(os.path.join(folder, name))]
        for file in sorted(found):
            yield os.path.relpath(file, self.root).replace(os.sep, "/")

    def check(self) -> None:
        """Raises ``LimitError`` when there is more in it than its limits allow, ``InputError`` for devices, pipes and sockets."""
        entries = total = 0
        for folder, folders, names in os.walk(self.root):
            for name in (*folders, *names):
                status = os.lstat(os.path.join(folder, name))
                entries += 1
                if stat.S_ISREG(status.st_mode):
                    total += status.st_size
                    if status.st_size > self.limits.file_bytes:
                        raise LimitError(f"{name} is larger than {self.limits.file_bytes} bytes.")
                elif not (stat.S_ISDIR(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                    raise InputError(f"{name} is neither a file nor a folder nor a link.")
            if entries > self.limits.entries:
                raise LimitError(f"The workspace has more than {self.limits.entries} files and folders.")
            if total > self.limits.total_bytes:
                raise LimitError(f"The workspace is larger than {self.limits.total_bytes} bytes.")

    def _holds(self, path: Path) -> bool:
        return path == self.root or self.root in path.parents

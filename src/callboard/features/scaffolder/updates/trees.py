"""Trees of files by path, as three-way updates compare them: what a template makes, and what a repository holds.

A node knows its hash always and its bytes mostly: of files that are not kept (binary or large ones) only the hash is left, which is
enough to tell whether somebody changed them. Of permissions only "executable" counts, as in git.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping, Sequence

from callboard.kernel.errors import InputError, LimitError
from callboard.kernel.read_file import TreeFile

MIB = 1024 * 1024
_BINARY_LOOK = 8000
"""Bytes that git looks at for a NUL."""
_LEFT_OUT = frozenset({".git"})
RECORD_FOLDER = ".callboard"


@dataclass(frozen=True, slots=True)
class Node:
    """A file or, with ``link``, a symbolic link. ``digest`` is SHA-256 of the content, or of the link's target, in hex."""

    digest: str
    is_executable: bool = False
    link: str | None = None
    content: bytes | None = None

    @classmethod
    def of_file(cls, content: bytes, *, is_executable: bool = False) -> Node:
        return cls(hashlib.sha256(content).hexdigest(), is_executable, None, content)

    @classmethod
    def of_link(cls, target: str) -> Node:
        return cls(
            hashlib.sha256(b"link\0" + target.encode("utf-8", "surrogateescape")).hexdigest(), False, target, b""
        )

    @property
    def is_binary(self) -> bool:
        """By git's rule: a NUL among the first 8,000 bytes. Without the bytes it is taken for binary."""
        return self.content is None or b"\0" in self.content[:_BINARY_LOOK]

    @property
    def mode(self) -> int:
        return 0o755 if self.is_executable else 0o644

    def same_content(self, other: Node | None) -> bool:
        return other is not None and self.digest == other.digest and (self.link is None) == (other.link is None)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Node)
            and self.digest == other.digest
            and self.is_executable == other.is_executable
            and self.link == other.link
        )

    def __hash__(self) -> int:
        return hash((self.digest, self.is_executable, self.link))


Tree = Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class TreeBounds:
    """What a tree may hold: files, and bytes in all."""

    files: int = 20_000
    total_bytes: int = 128 * MIB


def tree_of(files: Iterable[TreeFile]) -> dict[str, Node]:
    """From files as they are read. The folder of the record (``.callboard``) and git's own are no part of a tree."""
    made: dict[str, Node] = {}
    for file in files:
        path = checked_path(file.path)
        if not is_left_out(path):
            made[path] = (
                Node.of_link(file.link)
                if file.link is not None
                else Node.of_file(file.content, is_executable=bool(file.mode & 0o111))
            )
    return made


def files_of(tree: Tree) -> Sequence[TreeFile]:
    """The other way round, by path. Raises ``InputError`` for a node whose bytes are not kept."""
    made = []
    for path, node in sorted(tree.items()):
        if node.content is None:
            raise InputError(f"The content of {path} is not kept.")
        made.append(TreeFile(path, node.content, node.mode, node.link))
    return made


def is_left_out(path: str) -> bool:
    parts = path.split("/")
    return parts[0] == RECORD_FOLDER or any(part.lower() in _LEFT_OUT for part in parts)


def checked_path(path: str) -> str:
    """``path`` in its plain form. Raises ``InputError`` when it is absolute or climbs out."""
    plain = posixpath.normpath(path)
    if not path or "\0" in path or plain in (".", "..") or plain.startswith(("/", "../")):
        raise InputError(f"{path!r} is no path of a file below a folder.")
    return plain


def below(tree: Tree, folder: str) -> dict[str, Node]:
    """What lies below ``folder``, with paths relative to it; all of it for ``""`` and ``.``."""
    plain = posixpath.normpath(folder or ".")
    if plain == ".":
        return dict(tree)
    return {path[len(plain) + 1 :]: node for path, node in tree.items() if path.startswith(f"{plain}/")}


def lifted(tree: Tree, folder: str) -> dict[str, Node]:
    """The same tree put into ``folder``."""
    plain = posixpath.normpath(folder or ".")
    return dict(tree) if plain == "." else {f"{plain}/{path}": node for path, node in tree.items()}


def digest_of(tree: Tree) -> str:
    """One hash of paths, contents, links and executable bits."""
    total = hashlib.sha256()
    for path, node in sorted(tree.items()):
        kind = "l" if node.link is not None else "x" if node.is_executable else "f"
        total.update(f"{kind} {node.digest} {path}\0".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def read_folder(root: Path, paths: Iterable[str] | None = None, bounds: TreeBounds = TreeBounds()) -> dict[str, Node]:
    """The files and links below ``root``; only ``paths`` of them where they are given. Links are never followed. Blocks.

    Raises:
        LimitError: there is more than ``bounds`` allow.
        InputError: something is neither file, folder nor link.
    """
    made: dict[str, Node] = {}
    total = 0
    for path in sorted(_walk(root) if paths is None else paths):
        if is_left_out(path):
            continue
        place = root / path
        try:
            status = place.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        if stat.S_ISLNK(status.st_mode):
            made[path] = Node.of_link(os.readlink(place))
        elif stat.S_ISREG(status.st_mode):
            total += status.st_size
            made[path] = Node.of_file(place.read_bytes(), is_executable=bool(status.st_mode & 0o100))
        elif paths is None:
            raise InputError(f"{place} is neither a file nor a folder nor a link.")
        if total > bounds.total_bytes:
            raise LimitError(f"{root} holds more than {bounds.total_bytes} bytes.")
        if len(made) > bounds.files:
            raise LimitError(f"{root} holds more than {bounds.files} files.")
    return made


def _walk(root: Path) -> Iterable[str]:
    for folder, folders, names in os.walk(root):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        folders[:] = [name for name in folders if name not in links and name.lower() not in _LEFT_OUT]
        for name in (*names, *links):
            yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")

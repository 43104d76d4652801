"""Files of archives (zip; tar, also with gzip, bzip2 or xz) from elsewhere: nothing outside, nothing special, nothing endless.

Nothing that an archive says of itself is believed. What is unpacked is counted while it is, before the headers of a tar are read out
of it: a header may be as large as it likes, too. So a bomb ends at the limit and not in memory.

Archives that a source host makes are read with ``unpack``: what does not belong is left out, because a repository may hold it. Those that
somebody names are read with ``unpack_strictly``: what does not belong is an error, because whoever made it can mend it.
"""

from __future__ import annotations

import io
import posixpath
import re
import stat
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, Any, Callable, Iterator, Literal, Self, Sequence

from callboard.kernel.errors import InputError, LimitError
from callboard.kernel.read_file import TreeFile

MIB = 1024 * 1024
_CHUNK = 256 * 1024
_XZ_MEMORY = 128 * MIB
_HEADERS = 2048
"""Bytes of a tar for each file beside its content: header, padding, and the headers of long names."""
_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_DRIVE = re.compile(r"[A-Za-z]:")
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bytes of all files, bytes of one, and how many, after unpacking."""

    total_bytes: int = 512 * MIB
    file_bytes: int = 100 * MIB
    files: int = 50_000


class Budget:
    """Counts files and bytes as they are read. Every method raises ``LimitError`` when there are too many."""

    def __init__(self, limits: ArchiveLimits) -> None:
        self._limits = limits
        self._files = self._entries = self._bytes = 0

    def add_entry(self) -> None:
        """A folder or file, whether it is wanted or not."""
        self._entries += 1
        if self._entries > 2 * self._limits.files:
            raise LimitError(f"It holds more than {2 * self._limits.files} files and folders.")

    def add_file(self) -> None:
        self._files += 1
        if self._files > self._limits.files:
            raise LimitError(f"It holds more than {self._limits.files} files.")

    def add_bytes(self, count: int) -> None:
        self._bytes += count
        if self._bytes > self._limits.total_bytes:
            raise LimitError(f"It holds more than {self._limits.total_bytes} bytes.")

    def read(self, source: IO[bytes], name: str) -> bytes:
        """All of ``source``."""
        parts = bytearray()
        while chunk := source.read(_CHUNK):
            self.add_bytes(len(chunk))
            parts += chunk
            if len(parts) > self._limits.file_bytes:
                raise LimitError(f"{name} is larger than {self._limits.file_bytes} bytes.")
        return bytes(parts)


def is_archive(path: str) -> bool:
    """Whether the name ends like that of an archive which can be unpacked."""
    return path.lower().endswith(_SUFFIXES)


def unpack(
    content: bytes, *, folder: str = "", strip: int = 0, limits: ArchiveLimits = ArchiveLimits()
) -> Sequence[TreeFile]:
    """Files and links at or below ``folder``, relative to it, by path. CPU-bound: call it in a thread.

    Devices and pipes are left out, and so are links that lead out of the folder; a hard link is the file that it names.

    Args:
        folder: Counts after ``strip``. Where it names a file, that is the only one, under its own name.
        strip: Leading folders of each path that are dropped (hosts put one around everything).

    Raises:
        InputError: no archive, a damaged one, or a path that is absolute or climbs out.
        LimitError: more than ``limits``.
    """
    budget = Budget(limits)
    found: dict[str, TreeFile] = {}
    kept: dict[str, TreeFile] = {}
    try:
        for member in _members(content, "", budget, limits):
            path = _place(check_path(member.name), folder, strip)
            if path is None:
                continue
            if member.kind == "file":
                budget.add_file()
                found[path] = kept[member.name] = TreeFile(path, member.read(), member.mode)
            elif member.kind == "hard link" and (first := kept.get(member.target)) is not None:
                budget.add_file()
                found[path] = TreeFile(path, first.content, first.mode)
            elif member.kind == "link" and stays_inside(path, member.target):
                budget.add_file()
                found[path] = TreeFile(path, b"", 0o777, member.target)
    except _BROKEN as error:
        raise InputError(f"The archive cannot be read: {error}") from error
    return [found[path] for path in sorted(found)]


def unpack_strictly(content: bytes, name: str, limits: ArchiveLimits) -> Sequence[TreeFile]:
    """The files and links, by path. A single folder that holds everything is left out. CPU-bound: call it in a thread.

    Args:
        name: Its file name, for messages.

    Raises:
        InputError: it cannot be read, or holds what must not be: special files, hard links, links that lead out.
        LimitError: more than ``limits``.
    """
    budget = Budget(limits)
    found: list[TreeFile] = []
    try:
        for member in _members(content, name, budget, limits):
            path = check_path(member.name)
            budget.add_file()
            if member.kind == "file":
                found.append(TreeFile(path, member.read(), member.mode))
            elif member.kind == "link":
                found.append(TreeFile(path, b"", link=check_link(path, member.target)))
            else:
                raise InputError(f"{path} is neither a file nor a folder nor a symbolic link.")
    except _BROKEN as error:
        raise InputError(f"{name} cannot be unpacked: {error}.") from None
    return _without_top(sorted(found, key=lambda file: file.path))


# ---- paths ---------------------------------------------------------------------------------------------------------------


def check_path(path: str) -> str:
    """A path inside a tree as it is kept: with ``/``, without ``.``. Raises ``InputError`` when it leads out."""
    if "\\" in path or "\0" in path or path.startswith("/") or _DRIVE.match(path) or ".." in path.split("/"):
        raise InputError(f"{path!r} leads out of its folder.")
    return posixpath.normpath(path)


def check_link(path: str, target: str) -> str:
    """The target of the link at ``path``, as it is. Raises ``InputError`` when it leads out."""
    if not stays_inside(path, target):
        raise InputError(f"The link {path!r} leads out, to {target!r}.")
    return target


def stays_inside(path: str, link: str) -> bool:
    """Whether a symbolic link at ``path`` leads to a place in the same tree."""
    if not link or link.startswith("/") or "\\" in link or "\0" in link:
        return False
    end = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return end != ".." and not end.startswith("../")


def _place(path: str, folder: str, strip: int) -> str | None:
    """The path relative to ``folder``; None for one that is not below it."""
    parts = [part for part in path.split("/") if part != "."][strip:]
    if not parts:
        return None
    inner = "/".join(parts)
    if not folder:
        return inner
    if inner == folder:
        return parts[-1]
    return inner[len(folder) + 1 :] if inner.startswith(f"{folder}/") else None


def _without_top(files: Sequence[TreeFile]) -> Sequence[TreeFile]:
    tops = {file.path.partition("/")[0] for file in files}
    if len(tops) != 1 or any("/" not in file.path for file in files):
        return files
    cut = len(tops.pop()) + 1
    kept = [TreeFile(file.path[cut:], file.content, file.mode, file.link) for file in files]
    for file in kept:
        if file.link is not None:
            check_link(file.path, file.link)  # what pointed beside the folder now points out
    return kept


# ---- formats -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Member:
    """Anything but a folder. ``read`` gives the content of a file, counted, and only before the next member is asked for."""

    name: str
    kind: Literal["file", "link", "hard link", "other"]
    mode: int
    target: str
    read: Callable[[], bytes]


def _members(content: bytes, name: str, budget: Budget, limits: ArchiveLimits) -> Iterator[_Member]:
    if content[:4] in _ZIP or name.lower().endswith(".zip"):
        return _zip_members(content, budget)
    return _tar_members(content, budget, limits)


def _zip_members(content: bytes, budget: Budget) -> Iterator[_Member]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            budget.add_entry()
            if info.is_dir():
                check_path(info.filename)
                continue
            if info.flag_bits & 1:
                raise InputError(f"{info.filename} is encrypted.")

            def read(info: zipfile.ZipInfo = info) -> bytes:
                with archive.open(info) as source:
                    return budget.read(source, info.filename)

            # Only a maker on Unix says what kind of file it is.
            bits = info.external_attr >> 16 if info.create_system == 3 else 0
            if stat.S_IFMT(bits) == stat.S_IFLNK:
                target = read().decode("utf-8", "surrogateescape")
                yield _Member(info.filename, "link", 0o777, target, read)
            else:
                kind: Any = "file" if stat.S_IFMT(bits) in (0, stat.S_IFREG) else "other"
                yield _Member(info.filename, kind, _mode(bits), "", read)


def _tar_members(content: bytes, budget: Budget, limits: ArchiveLimits) -> Iterator[_Member]:
    source = _Counted(_open(content), limits.total_bytes + limits.files * _HEADERS)
    with tarfile.open(fileobj=source, mode="r|", bufsize=_CHUNK) as archive:  # type: ignore[call-overload]
        for member in archive:
            archive.members.clear()  # it would remember them all
            budget.add_entry()
            if member.isdir():
                check_path(member.name)
                continue

            def read(member: tarfile.TarInfo = member) -> bytes:
                inner = archive.extractfile(member)
                assert inner is not None
                return budget.read(inner, member.name)

            kind: Any = (
                "file" if member.isreg() else "link" if member.issym() else "hard link" if member.islnk() else "other"
            )
            yield _Member(member.name, kind, _mode(member.mode), member.linkname, read)


def _mode(bits: int) -> int:
    """Only whether its owner may run it is kept, as git does."""
    return 0o755 if bits & 0o100 else 0o644


class _Counted:
    """A stream that ends in ``LimitError`` after ``most`` bytes, whatever they are."""

    def __init__(self, source: Any, most: int) -> None:
        self._source = source
        self._left = most

    def read(self, size: int) -> bytes:
        data: bytes = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise LimitError("The archive unpacks to more than may be read of it.")
        return data


def _open(content: bytes) -> Any:
    """The tar, unpacked as it is read."""
    raw = io.BytesIO(content)
    if content.startswith(b"\x1f\x8b"):
        import gzip

        return gzip.GzipFile(fileobj=raw)
    if content.startswith(b"BZh"):
        import bz2

        return bz2.BZ2File(raw)
    return _Xz(raw) if content.startswith(b"\xfd7zXZ\0") else raw


class _Xz:
    """xz with a bound on the memory that its headers may ask for, which ``lzma.LZMAFile`` lacks."""

    def __init__(self, raw: IO[bytes]) -> None:
        import lzma

        self._raw = raw
        self._broken = lzma.LZMAError
        self._decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._raw.close()

    def read(self, size: int) -> bytes:
        try:
            while not self._decoder.eof:
                given = self._raw.read(size) if self._decoder.needs_input else b""
                if self._decoder.needs_input and not given:
                    raise EOFError("it ends too early")
                if data := self._decoder.decompress(given, size):
                    return data
        except self._broken as error:
            raise OSError(str(error)) from None
        return b""

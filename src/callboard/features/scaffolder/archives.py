"""Archives unpacked in memory: zip, and tar with or without gzip, bzip2 or xz.

Nothing that an archive says leads anywhere: names that climb or are absolute are refused, and so are devices, hard links and links
that point out of it. What is unpacked is counted while it is read, so a bomb ends at the limit and not in memory.
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
from typing import IO, Any, Iterable, Self, Sequence

from callboard.kernel.errors import InputError, LimitError
from callboard.kernel.read_file import TreeFile

MIB = 1024 * 1024
_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_CHUNK = 256 * 1024
_XZ_MEMORY = 128 * MIB
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """What a folder that is read may hold, in bytes and files."""

    total_bytes: int = 128 * MIB
    file_bytes: int = 32 * MIB
    entries: int = 20_000


DEFAULT_TREE_LIMITS = TreeLimits()


def is_archive(path: str) -> bool:
    """Whether the name ends like that of an archive which ``unpack`` reads."""
    return path.lower().endswith(_SUFFIXES)


def unpack(content: bytes, name: str, limits: TreeLimits = DEFAULT_TREE_LIMITS) -> Sequence[TreeFile]:
    """The files and links of an archive, sorted by path. A single folder that holds everything is left out.

    Args:
        content: The archive.
        name: Its file name, for messages and to tell zip from tar.

    Raises:
        InputError: it cannot be read, or holds what must not be.
        LimitError: there is too much in it.
    """
    try:
        found = _unzip(content, limits) if name.lower().endswith(".zip") else _untar(content, name, limits)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        EOFError,
        OSError,
        zlib.error,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise InputError(f"{name} cannot be unpacked: {error}.") from None
    return _without_top(sorted(found, key=lambda file: file.path))


class Budget:
    """Counts files and bytes as they are read. Every method raises ``LimitError`` when there are too many."""

    def __init__(self, limits: TreeLimits) -> None:
        self._limits = limits
        self._files = self._bytes = 0

    def add_file(self) -> None:
        self._files += 1
        if self._files > self._limits.entries:
            raise LimitError(f"It holds more than {self._limits.entries} files.")

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


def check_path(path: str) -> str:
    """A path inside a tree as it is kept: with ``/``, without ``.``. Raises ``InputError`` when it leads out."""
    if "\\" in path or "\x00" in path or path.startswith("/") or _DRIVE.match(path):
        raise InputError(f"{path!r} is not a path inside its folder.")
    clean = posixpath.normpath(path)
    if clean == ".." or clean.startswith("../"):
        raise InputError(f"{path!r} leads out of its folder.")
    return clean


def check_link(path: str, target: str) -> str:
    """The target of the link at ``path``, as it is. Raises ``InputError`` when it leads out."""
    if "\\" in target or "\x00" in target or not target or target.startswith("/"):
        raise InputError(f"The link {path!r} leads out, to {target!r}.")
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if joined == ".." or joined.startswith("../"):
        raise InputError(f"The link {path!r} leads out, to {target!r}.")
    return target


def _unzip(content: bytes, limits: TreeLimits) -> list[TreeFile]:
    budget = Budget(limits)
    found: list[TreeFile] = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            budget.add_file()
            path = check_path(member.filename)
            if member.is_dir():
                continue
            if member.flag_bits & 1:
                raise InputError(f"{path} is encrypted.")
            # Only a maker on Unix says what kind of file it is.
            bits = member.external_attr >> 16 if member.create_system == 3 else 0
            with archive.open(member) as source:
                data = budget.read(source, path)
            kind = stat.S_IFMT(bits)
            if kind == stat.S_IFLNK:
                found.append(TreeFile(path, b"", link=check_link(path, data.decode("utf-8", "surrogateescape"))))
            elif kind in (0, stat.S_IFREG):
                found.append(TreeFile(path, data, _mode(bits)))
            else:
                raise InputError(f"{path} is neither a file nor a link.")
    return found


def _untar(content: bytes, name: str, limits: TreeLimits) -> list[TreeFile]:
    budget = Budget(limits)
    found: list[TreeFile] = []
    plain = _decompress(content, name, limits)
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        for member in archive:
            budget.add_file()
            path = check_path(member.name)
            if member.isdir():
                continue
            if member.issym():
                found.append(TreeFile(path, b"", link=check_link(path, member.linkname)))
            elif member.isreg():
                source = archive.extractfile(member)
                assert source is not None
                found.append(TreeFile(path, budget.read(source, path), _mode(member.mode)))
            else:
                raise InputError(f"{path} is neither a file nor a folder nor a symbolic link.")
    return found


def _decompress(content: bytes, name: str, limits: TreeLimits) -> bytes:
    """The tar inside. Whole before it is read, because headers of a tar may be as large as they like."""
    lower = name.lower()
    if lower.endswith(".tar"):
        return content
    most = limits.total_bytes + limits.entries * 1024
    out = bytearray()
    with _opened(content, lower) as source:
        while chunk := source.read(_CHUNK):
            out += chunk
            if len(out) > most:
                raise LimitError(f"{name} holds more than {limits.total_bytes} bytes.")
    return bytes(out)


def _opened(content: bytes, name: str) -> Any:
    raw = io.BytesIO(content)
    if name.endswith("gz"):
        import gzip

        return gzip.GzipFile(fileobj=raw)
    if name.endswith("bz2"):
        import bz2

        return bz2.BZ2File(raw)
    return _Xz(raw)


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


def _mode(bits: int) -> int:
    """Only whether it may be run is kept, as git does."""
    return 0o755 if bits & 0o111 else 0o644


def _without_top(files: Sequence[TreeFile]) -> Sequence[TreeFile]:
    tops = {file.path.partition("/")[0] for file in files}
    if len(tops) != 1 or any("/" not in file.path for file in files):
        return files
    cut = len(tops.pop()) + 1
    inside: Iterable[TreeFile] = (TreeFile(file.path[cut:], file.content, file.mode, file.link) for file in files)
    kept = []
    for file in inside:
        if file.link is not None:
            check_link(file.path, file.link)  # what pointed beside the folder now points out
        kept.append(file)
    return kept

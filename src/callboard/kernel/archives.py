"""Files of archives (tar, compressed or not, and zip) from elsewhere: nothing outside, nothing special, nothing endless.

Devices and pipes are left out, and so are links that lead out of the folder asked for; a hard link is the file that it names.
Sizes are counted as they are unpacked, so that a small archive cannot grow without end.
"""

from __future__ import annotations

import io
import posixpath
import stat
import tarfile
import zipfile
from dataclasses import dataclass
from typing import Iterator, Sequence

from callboard.kernel.errors import InputError, LimitError
from callboard.kernel.read_file import TreeFile


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bytes of all files, bytes of one, and how many, after unpacking."""

    total_bytes: int = 512 * 1024 * 1024
    file_bytes: int = 100 * 1024 * 1024
    files: int = 50_000


def unpack(
    content: bytes, *, folder: str = "", strip: int = 0, limits: ArchiveLimits = ArchiveLimits()
) -> Sequence[TreeFile]:
    """Files and links at or below ``folder``, relative to it, by path. CPU-bound: call it in a thread.

    Args:
        folder: Counts after ``strip``. Where it names a file, that is the only one, under its own name.
        strip: Leading folders of each path that are dropped (hosts put one around everything).

    Raises:
        InputError: no archive, a damaged one, or a path that is absolute or climbs out.
        LimitError: more than ``limits``.
    """
    members = _zip_members(content, limits) if content[:4] in _ZIP else _tar_members(content, limits)
    found: dict[str, TreeFile] = {}
    total = 0
    try:
        for member in members:
            path = _place(member.path, folder, strip)
            if path is None:
                continue
            total += len(member.content)
            if total > limits.total_bytes:
                raise LimitError(f"The archive holds more than {limits.total_bytes} bytes.")
            if len(found) >= limits.files:
                raise LimitError(f"The archive holds more than {limits.files} files.")
            if member.link is not None and not stays_inside(path, member.link):
                continue
            found[path] = TreeFile(path, member.content, member.mode, member.link)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise InputError(f"The archive cannot be read: {error}") from error
    return [found[path] for path in sorted(found)]


_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def _tar_members(content: bytes, limits: ArchiveLimits) -> Iterator[TreeFile]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:*") as archive:
        unpacked = 0
        for member in archive:
            unpacked += member.size
            if unpacked > limits.total_bytes or member.size > limits.file_bytes:
                raise LimitError(f"{member.name} makes the archive larger than what is unpacked.")
            if member.issym():
                yield TreeFile(member.name, b"", 0o777, member.linkname)
            elif member.isreg() or member.islnk():
                stream = archive.extractfile(member)
                if stream is not None:
                    yield TreeFile(member.name, stream.read(), 0o755 if member.mode & 0o100 else 0o644)


def _zip_members(content: bytes, limits: ArchiveLimits) -> Iterator[TreeFile]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if len(archive.infolist()) > limits.files * 2:
            raise LimitError(f"The archive holds more than {limits.files} files.")
        for info in archive.infolist():
            if info.is_dir():
                continue
            mode = info.external_attr >> 16
            with archive.open(info) as stream:
                data = stream.read(limits.file_bytes + 1)  # what the header says of the size may be a lie
            if len(data) > limits.file_bytes:
                raise LimitError(f"{info.filename} has more than {limits.file_bytes} bytes.")
            if stat.S_ISLNK(mode):
                yield TreeFile(info.filename, b"", 0o777, data.decode("utf-8", "surrogateescape"))
            else:
                yield TreeFile(info.filename, data, 0o755 if mode & 0o100 else 0o644)


def _place(name: str, folder: str, strip: int) -> str | None:
    """The path relative to ``folder``; None for one that is not below it. Raises ``InputError`` for one that climbs out."""
    if "\0" in name or name.startswith("/") or "\\" in name or ".." in name.split("/"):
        raise InputError(f"The archive names {name!r}, which leads out of it.")
    parts = [part for part in name.split("/") if part not in ("", ".")][strip:]
    if not parts:
        return None
    path = "/".join(parts)
    if not folder:
        return path
    if path == folder:
        return parts[-1]
    return path[len(folder) + 1 :] if path.startswith(f"{folder}/") else None


def stays_inside(path: str, link: str) -> bool:
    """Whether a symbolic link at ``path`` leads to a place in the same tree."""
    if not link or link.startswith("/") or "\\" in link or "\0" in link:
        return False
    end = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return end != ".." and not end.startswith("../")

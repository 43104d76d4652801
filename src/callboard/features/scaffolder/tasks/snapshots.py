"""The workspace of a task as the last finished step left it, kept so that another attempt goes on from there.

A snapshot is a tar in frames, each compressed and, where the task has secrets, sealed. On SQLite it is a file in the data folder; on
PostgreSQL, where replicas share nothing else, it lies in the database in parts.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import stat
import struct
import tarfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Awaitable, Callable, Iterable, Protocol

from callboard.features.scaffolder.tasks.sealing import Sealer
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import UnavailableError

FRAME_BYTES = 1024 * 1024
PART_BYTES = 4 * 1024 * 1024
EXPIRED = "expired"
"""Name of a snapshot that is not kept any more."""

Commit = Callable[[Transaction], Awaitable[None]]


class WorkspaceLost(UnavailableError):
    """The snapshot that a task would go on from is not there."""

    code = "scaffolder.workspace_lost"


def fingerprint(root: Path) -> str:
    """The same as long as nothing below ``root`` was written, made or taken away; empty for an empty folder."""
    digest = hashlib.blake2b(digest_size=16)
    is_empty = True
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted((*folders, *names)):
            is_empty = False
            status = os.lstat(os.path.join(folder, name))
            changed = (status.st_size, status.st_ctime_ns) if not stat.S_ISDIR(status.st_mode) else ()
            digest.update(
                repr((folder, name, status.st_mode, status.st_ino, changed)).encode("utf-8", "surrogateescape")
            )
    return "" if is_empty else digest.hexdigest()


class _Frames:
    """A file to write a tar to, which comes out in frames."""

    def __init__(self, file: IO[bytes], sealer: Sealer | None, context: str) -> None:
        self._file, self._sealer, self._context = file, sealer, context
        self._waiting = bytearray()
        self._count = 0

    def write(self, body: bytes) -> int:
        self._waiting += body
        while len(self._waiting) >= FRAME_BYTES:
            self._put(bytes(self._waiting[:FRAME_BYTES]))
            del self._waiting[:FRAME_BYTES]
        return len(body)

    def end(self) -> None:
        self._put(bytes(self._waiting))

    def _put(self, body: bytes) -> None:
        frame = zlib.compress(body, 1)
        if self._sealer is not None:
            frame = self._sealer.seal(frame, f"{self._context}/{self._count}")
        self._file.write(struct.pack(">I", len(frame)) + frame)
        self._count += 1


class _Unframed:
    """The tar again, to read from."""

    def __init__(self, file: IO[bytes], sealer: Sealer | None, context: str) -> None:
        self._file, self._sealer, self._context = file, sealer, context
        self._left = b""
        self._count = 0

    def read(self, size: int) -> bytes:
        while len(self._left) < size:
            head = self._file.read(4)
            if len(head) < 4:
                break
            frame = self._file.read(struct.unpack(">I", head)[0])
            if self._sealer is not None:
                frame = self._sealer.open(frame, f"{self._context}/{self._count}")
            self._left += zlib.decompress(frame)
            self._count += 1
        given, self._left = self._left[:size], self._left[size:]
        return given


def pack(root: Path, file: IO[bytes], sealer: Sealer | None, context: str) -> None:
    """Write what lies below ``root``; files, folders and links, with modes and times."""
    frames = _Frames(file, sealer, context)
    with tarfile.open(mode="w|", fileobj=frames, format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
        for folder, folders, names in os.walk(root):
            folders.sort()
            for name in sorted((*folders, *names)):
                path = os.path.join(folder, name)
                member = tar.gettarinfo(path, os.path.relpath(path, root))
                if member is None:
                    continue
                if member.islnk():  # a second name of a file: its content once more
                    member.type, member.size = tarfile.REGTYPE, os.lstat(path).st_size
                if member.isreg():
                    with open(path, "rb") as content:
                        tar.addfile(member, content)
                else:
                    tar.addfile(member)
    frames.end()


def unpack(file: IO[bytes], root: Path, sealer: Sealer | None, context: str) -> None:
    """Put what ``pack`` wrote below the empty folder ``root``."""
    times: list[tuple[Path, float]] = []
    modes: list[tuple[Path, int]] = []
    with tarfile.open(mode="r|", fileobj=_Unframed(file, sealer, context)) as tar:  # type: ignore[call-overload]
        for member in tar:
            path = root / member.name
            if member.isdir():
                path.mkdir()
                modes.append((path, member.mode))
                times.append((path, member.mtime))
            elif member.issym():
                path.symlink_to(member.linkname)
            elif member.isreg():
                content = tar.extractfile(member)
                assert content is not None
                with open(path, "xb") as made:
                    shutil.copyfileobj(content, made)
                path.chmod(member.mode & 0o7777)
                os.utime(path, (member.mtime, member.mtime))
    for path, mode in reversed(modes):
        path.chmod(mode & 0o7777)
    for path, time in reversed(times):
        os.utime(path, (time, time))


@dataclass(frozen=True, slots=True)
class Kept:
    """A workspace as it was kept: ``fingerprint`` of it, and ``name`` of the snapshot, None when it was empty and needs none.

    ``commit`` is called in the transaction that makes it the task's.
    """

    fingerprint: str
    name: str | None
    commit: Commit


@dataclass(frozen=True, slots=True)
class Subject:
    """What is kept: the workspace ``root`` of the attempt ``run`` of a task; ``seen`` is its fingerprint when it was kept last."""

    task_id: str
    run: str
    root: Path
    seen: str
    sealer: Sealer | None


class Snapshots(Protocol):
    """Where snapshots are kept. Each has a name of its own among those of its task."""

    async def keep(self, subject: Subject) -> Kept | None:
        """Keep the workspace; None when nothing in it changed."""

    async def restore(self, task_id: str, name: str, root: Path, sealer: Sealer | None) -> None:
        """Fill the empty folder ``root``. Raises ``WorkspaceLost``, ``CannotOpen``."""

    async def forget(self, task_id: str, *, but: str | None = None) -> None:
        """Let all of the task go, but the one of that name."""

    async def list_kept(self) -> Iterable[str]:
        """Tasks that something is kept of."""


def _pack_changed(subject: Subject, place: Callable[[str], Path]) -> Kept | None:
    """Write the workspace to the file that ``place`` gives for the name of the snapshot, if it changed. Blocks."""
    found = fingerprint(subject.root)
    if found == subject.seen:
        return None
    if not found:
        return Kept(found, None, _nothing)
    name = f"{subject.run}-{found[:16]}"
    with open(os.open(place(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        pack(subject.root, file, subject.sealer, f"workspace/{subject.task_id}/{name}")
    return Kept(found, name, _nothing)


def _part_of(root: Path, name: str) -> Path:
    """What is only just being made lies beside the workspace, and goes with it."""
    return root.parent / f"{name}.part"


class FileSnapshots:
    """In a folder of this machine: ``<folder>/<task>/<name>``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, subject: Subject) -> Kept | None:
        return await asyncio.to_thread(self._keep, subject)

    def _keep(self, subject: Subject) -> Kept | None:
        folder = self._folder / subject.task_id

        def make_room(name: str) -> Path:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return folder / f"{name}.part"

        kept = _pack_changed(subject, make_room)
        if kept is not None and kept.name is not None:
            (folder / f"{kept.name}.part").rename(folder / kept.name)
        return kept

    async def restore(self, task_id: str, name: str, root: Path, sealer: Sealer | None) -> None:
        await asyncio.to_thread(self._read, task_id, name, root, sealer)

    def _read(self, task_id: str, name: str, root: Path, sealer: Sealer | None) -> None:
        try:
            with open(self._folder / task_id / name, "rb") as file:
                unpack(file, root, sealer, f"workspace/{task_id}/{name}")
        except FileNotFoundError:
            raise WorkspaceLost("The files that the task had made are not in the data folder any more.") from None

    async def forget(self, task_id: str, *, but: str | None = None) -> None:
        if (self._folder / task_id).is_dir():
            await asyncio.to_thread(self._remove, task_id, but)

    def _remove(self, task_id: str, but: str | None) -> None:
        folder = self._folder / task_id
        if but is None:
            shutil.rmtree(folder, ignore_errors=True)
        elif folder.is_dir():
            for path in folder.iterdir():
                if path.name != but:
                    path.unlink(missing_ok=True)

    async def list_kept(self) -> Iterable[str]:
        return [path.name for path in self._folder.iterdir()] if self._folder.is_dir() else []


class DatabaseSnapshots:
    """In parts in the table ``scaffolder_workspace``. What is just being made lies beside the workspace."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def keep(self, subject: Subject) -> Kept | None:
        """All parts but the last go ahead, each by itself, so that a large workspace does not hold the table."""
        kept = await asyncio.to_thread(_pack_changed, subject, lambda name: _part_of(subject.root, name))
        if kept is None or kept.name is None:
            return kept
        task_id, name = subject.task_id, kept.name
        part = _part_of(subject.root, name)
        last = (0, b"")
        try:
            with await asyncio.to_thread(part.open, "rb") as file:
                position, body = 0, file.read(PART_BYTES)
                while following := file.read(PART_BYTES):
                    async with self._db.write() as tx:
                        await _insert_part(tx, task_id, name, position, body)
                    position, body = position + 1, following
                last = (position, body)
        finally:
            part.unlink(missing_ok=True)

        async def commit(tx: Transaction) -> None:
            await _insert_part(tx, task_id, name, *last)
            await tx.execute("DELETE FROM scaffolder_workspace WHERE task_id = $1 AND name <> $2", task_id, name)

        return replace(kept, commit=commit)

    async def restore(self, task_id: str, name: str, root: Path, sealer: Sealer | None) -> None:
        part = _part_of(root, name)
        try:
            with await asyncio.to_thread(_open_new, part) as file:
                position = 0
                async with self._db.read() as tx:
                    while (body := await _read_part(tx, task_id, name, position)) is not None:
                        file.write(body)
                        position += 1
                if not position:
                    raise WorkspaceLost("The files that the task had made are not in the database any more.")
                file.seek(0)
                await asyncio.to_thread(unpack, file, root, sealer, f"workspace/{task_id}/{name}")
        finally:
            part.unlink(missing_ok=True)

    async def forget(self, task_id: str, *, but: str | None = None) -> None:
        async with self._db.write() as tx:
            await tx.execute("DELETE FROM scaffolder_workspace WHERE task_id = $1 AND name <> $2", task_id, but or "")

    async def list_kept(self) -> Iterable[str]:
        async with self._db.read() as tx:
            return [row[0] for row in await tx.fetch_all("SELECT DISTINCT task_id FROM scaffolder_workspace")]


def _open_new(path: Path) -> IO[bytes]:
    return open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b")


async def _insert_part(tx: Transaction, task_id: str, name: str, position: int, body: bytes) -> None:
    await tx.execute(
        "INSERT INTO scaffolder_workspace (task_id, name, position, body) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (task_id, name, position) DO UPDATE SET body = excluded.body",
        task_id,
        name,
        position,
        body,
    )


async def _read_part(tx: Transaction, task_id: str, name: str, position: int) -> bytes | None:
    body = await tx.fetch_value(
        "SELECT body FROM scaffolder_workspace WHERE task_id = $1 AND name = $2 AND position = $3",
        task_id,
        name,
        position,
    )
    return None if body is None else bytes(body)


async def _nothing(tx: Transaction) -> None:
    """Files need nothing of the transaction, and an empty workspace no snapshot."""

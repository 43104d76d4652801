"""Where published sites lie: a folder of this machine, or a bucket of a server that speaks S3. Paths have ``/`` and no leading one."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Protocol, Sequence

from callboard.features.techdocs.domain import safe_path
from callboard.kernel.errors import InputError, LimitError, UnavailableError

MAX_OBJECT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredObject:
    """``etag`` is the store's word for this content."""

    content: bytes
    etag: str


class ObjectStore(Protocol):
    """Reads and writes objects. Errors: ``UnavailableError``, ``NotAllowedError``, ``LimitError`` for what is too large."""

    async def find(self, path: str) -> StoredObject | None: ...

    async def put(self, path: str, content: bytes, media_type: str) -> None: ...

    async def list(self, prefix: str) -> Sequence[str]:
        """Paths that begin with ``prefix``, which ends with ``/``."""

    async def delete(self, paths: Sequence[str]) -> None: ...


class FolderStore:
    """Objects as files below a folder. Links in it lead nowhere else."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))

    async def find(self, path: str) -> StoredObject | None:
        return await asyncio.to_thread(self._find, path)

    def _find(self, path: str) -> StoredObject | None:
        file = self._place(path)
        if file is None or not file.is_file():
            return None
        try:
            status = file.stat()
            if status.st_size > MAX_OBJECT_BYTES:
                raise LimitError(f"{path} is larger than {MAX_OBJECT_BYTES} bytes.", file=str(file))
            return StoredObject(file.read_bytes(), f'"{status.st_mtime_ns:x}-{status.st_size:x}"')
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnavailableError(f"{file} cannot be read: {error.strerror or error}.", file=str(file)) from None

    def _place(self, path: str) -> Path | None:
        plain = safe_path(path)
        if not plain:
            return None
        file = Path(os.path.realpath(self._root / plain))
        return file if self._root in file.parents else None

    async def put(self, path: str, content: bytes, media_type: str) -> None:
        await asyncio.to_thread(self._put, path, content)

    def _put(self, path: str, content: bytes) -> None:
        file = self._place(path)
        if file is None:
            raise InputError(f"{path!r} leads out of {self._root}.")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_name(f".{file.name}.new")
            fresh.write_bytes(content)
            fresh.replace(file)
        except OSError as error:
            raise UnavailableError(f"{file} cannot be written: {error.strerror or error}.", file=str(file)) from None

    async def list(self, prefix: str) -> Sequence[str]:
        return await asyncio.to_thread(self._list, prefix)

    def _list(self, prefix: str) -> Sequence[str]:
        start = self._place(prefix)
        if start is None or not start.is_dir():
            return ()
        found = []
        for folder, _, names in os.walk(start):
            found += [Path(folder, name).relative_to(self._root).as_posix() for name in names]
        return sorted(found)

    async def delete(self, paths: Sequence[str]) -> None:
        await asyncio.to_thread(self._delete, paths)

    def _delete(self, paths: Sequence[str]) -> None:
        for path in paths:
            file = self._place(path)
            if file is not None:
                file.unlink(missing_ok=True)


def digest_of(objects: Mapping[str, bytes]) -> str:
    """Of a whole site: paths and contents."""
    digest = hashlib.sha256()
    for path in sorted(objects):
        digest.update(path.encode() + b"\0" + hashlib.sha256(objects[path]).digest())
    return digest.hexdigest()

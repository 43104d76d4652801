"""Files under ``/static/``: kept by browsers for good under an address that changes with their content.

``url("css/base.css")`` is ``/static/<hash of the whole tree>/css/base.css``, so that modules and style sheets may name
each other by relative paths. The same file without a hash, or with an old one, is served too, to be asked for again.
A ``.br`` or ``.gz`` beside a file goes out in its place where the client takes it.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from starlette.responses import Response

from callboard.kernel.errors import NotFoundError
from callboard.kernel.web.compression import THRESHOLD, accepts_gzip, gzip, is_compressible
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import is_fresh

_FOREVER = "public, max-age=31536000, immutable"
_KEPT_BYTES = 8 * 1024 * 1024
_TYPES = {
    ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml", ".woff2": "font/woff2", ".json": "application/json", ".map": "application/json",
    ".webmanifest": "application/manifest+json", ".txt": "text/plain; charset=utf-8",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    type: str
    etag: str
    variants: tuple[tuple[str, Path], ...]


class StaticFiles:
    """Several folders laid over each other; an earlier one wins. Read once, when the first file is asked for."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [folder for folder in folders if folder.is_dir()]
        self._files: dict[str, _File] | None = None
        self._hash = ""
        self._packed: dict[str, bytes] = {}
        self._packed_bytes = 0

    def url(self, path: str) -> str:
        """The address of a file, with the hash. Raises ``NotFoundError`` for one that is not there."""
        files = self._index()
        path = path.lstrip("/")
        if path not in files:
            raise NotFoundError(f"There is no static file {path}. `make assets` copies third-party files.")
        return f"/static/{self._hash}/{path}"

    async def serve(self, request: Request) -> Response:
        """Answers ``/static/{path:path}``."""
        files = self._files if self._files is not None else await asyncio.to_thread(self._index)
        path: str = request.path_params["path"]
        version, _, rest = path.partition("/")
        is_current = version == self._hash
        file = files.get(rest) if is_current or len(version) == len(self._hash) else None
        file = file or files.get(path)
        if file is None:
            raise NotFoundError(f"There is no file {path}.")
        headers = {
            "etag": file.etag,
            "cache-control": _FOREVER if is_current else "public, no-cache",
            "content-type": file.type,
            "vary": "Accept-Encoding",
        }
        if is_fresh(request.headers.get("if-none-match", ""), file.etag):
            return Response(b"", 304, {k: v for k, v in headers.items() if k != "content-type"})
        body, encoding = await self._body(file, request.headers.get("accept-encoding", ""))
        if encoding is not None:
            headers["content-encoding"] = encoding
        return Response(body, 200, headers)

    async def _body(self, file: _File, accepted: str) -> tuple[bytes, str | None]:
        for encoding, path in file.variants:
            if encoding in {part.partition(";")[0].strip() for part in accepted.split(",")}:
                return await asyncio.to_thread(path.read_bytes), encoding
        if is_compressible(file.type) and accepts_gzip(accepted):
            return await self._gzipped(file), "gzip"
        return await asyncio.to_thread(file.path.read_bytes), None

    async def _gzipped(self, file: _File) -> bytes:
        packed = self._packed.get(file.etag)
        if packed is None:
            data = await asyncio.to_thread(file.path.read_bytes)
            packed = await asyncio.to_thread(gzip, data, 9) if len(data) > THRESHOLD else gzip(data)
            if self._packed_bytes + len(packed) <= _KEPT_BYTES:
                self._packed[file.etag] = packed
                self._packed_bytes += len(packed)
        return packed

    def _index(self) -> dict[str, _File]:
        if self._files is not None:
            return self._files
        files: dict[str, _File] = {}
        tree = hashlib.sha256()
        for folder in self._folders:
            for path in sorted(folder.rglob("*")):
                name = path.relative_to(folder).as_posix()
                if not path.is_file() or name in files or path.suffix in (".gz", ".br") or name.startswith("."):
                    continue
                state = path.stat()
                digest = _digest(path, state.st_mtime_ns, state.st_size)
                tree.update(f"{name}\0{digest}\n".encode())
                files[name] = _File(path, _type_of(path), f'"{digest[:24]}"', _variants(path))
        self._hash = tree.hexdigest()[:12]
        self._files = files
        return files


@functools.lru_cache(maxsize=4096)
def _digest(path: Path, modified_ns: int, size: int) -> str:
    """SHA-256 of a file as it was then, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _variants(path: Path) -> tuple[tuple[str, Path], ...]:
    found = ((encoding, path.with_name(path.name + suffix)) for encoding, suffix in (("br", ".br"), ("gzip", ".gz")))
    return tuple((encoding, file) for encoding, file in found if file.is_file())


def _type_of(path: Path) -> str:
    return _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"

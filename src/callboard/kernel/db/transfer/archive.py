"""An archive: a whole database in one file that either engine can be restored from.

Gzip over frames, each a 32-bit length (big-endian) and as many bytes of MessagePack: first the contents, then chunks of rows by table,
last the sums. Memory holds one chunk at a time, writing and reading; a file that was cut off lacks its last frame.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import struct
import zlib
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, AsyncIterator, Sequence, cast

from callboard.kernel.clock import SystemClock, format_time
from callboard.kernel.db.interface import Row
from callboard.kernel.db.migrations import Migrations
from callboard.kernel.db.transfer.sources import Chunk, Opened, Source, require_newest
from callboard.kernel.db.transfer.tables import (
    CannotTransfer,
    Checksum,
    Contents,
    Shape,
    TableCopied,
    Tell,
    plain_row,
    tables_of,
)
from callboard.kernel.errors import UnavailableError

FORMAT = "callboard-archive"
VERSION = 1
MAX_FRAME = 1 << 30
_LENGTH = struct.Struct(">I")
_GZIP = b"\x1f\x8b"


def is_archive(path: Path) -> bool:
    """Whether the file begins as an archive does. Raises ``UnavailableError`` when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(2) == _GZIP
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror or error}.") from error


async def write_archive(source: Source, path: Path, *, tell: Tell | None = None) -> Sequence[TableCopied]:
    """Write all of ``source`` to ``path``, which appears when it is whole; it is for its owner's eyes alone.

    Raises ``UnavailableError`` when the file cannot be written, and what opening the source raises.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        async with source.open() as opened:
            contents = opened.contents
            sums = {shape.name: Checksum(shape.columns) for shape in contents.shapes}
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as raw:
                with gzip.GzipFile("", "wb", compresslevel=4, fileobj=raw, mtime=0) as packed:
                    file = cast(IO[bytes], packed)
                    await asyncio.to_thread(_write, file, _head(contents))
                    done = 0
                    async for shape, rows in opened.chunks():
                        await asyncio.to_thread(_write_chunk, file, shape.name, rows, sums[shape.name])
                        done += len(rows)
                        if tell is not None:
                            tell(shape.name, done, contents.total)
                    told = [TableCopied(name, one.rows, one.text) for name, one in sums.items()]
                    await asyncio.to_thread(_write, file, {"end": {one.name: [one.rows, one.checksum] for one in told}})
                raw.flush()
                os.fsync(raw.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise UnavailableError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return told


def _head(contents: Contents) -> dict[str, Any]:
    return {
        "format": FORMAT, "version": VERSION, "made_by": contents.made_by, "made_at": format_time(SystemClock().now()),
        "versions": dict(contents.versions), "counters": dict(contents.counters), "rows": dict(contents.rows),
        "tables": [[shape.name, list(shape.columns)] for shape in contents.shapes],
    }  # fmt: skip


def _write_chunk(file: IO[bytes], table: str, rows: Sequence[Row], sum: Checksum) -> None:
    listed = [plain_row(row) for row in rows]
    sum.add(listed)
    _write(file, [table, listed])


def _write(file: IO[bytes], value: Any) -> None:
    import msgspec

    body = msgspec.msgpack.encode(value)
    file.write(_LENGTH.pack(len(body)))
    file.write(body)


class ArchiveSource:
    """An archive as a source; its sums are checked on the way."""

    def __init__(self, path: Path, migrations: Sequence[Migrations], *, without: Sequence[str] = ()) -> None:
        self._path = path
        self._migrations = {one.name: one for one in migrations}
        self._without = frozenset(without)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Opened]:
        try:
            with gzip.open(self._path, "rb") as file:
                yield _OpenedArchive(cast(IO[bytes], file), self._path, self._contents_of)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _broken(self._path) from error
        except OSError as error:
            raise UnavailableError(f"{self._path} cannot be read: {error.strerror or error}.") from error

    def _contents_of(self, head: Any) -> tuple[Contents, frozenset[str]]:
        """What is to be restored, and the tables that are passed over."""
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise CannotTransfer(f"{self._path} is no backup of Callboard.")
        if head["version"] != VERSION:
            raise CannotTransfer(
                f"{self._path} was made by a later Callboard, {head['made_by']}. Restore it with that one."
            )
        skipped: set[str] = set()
        named: set[str] = set()
        for name, version in head["versions"].items():
            one = self._migrations.get(name)
            if name in self._without:
                continue
            if one is None:
                raise CannotTransfer(
                    f"{self._path} holds tables of {name}, which is not installed or switched off here. Install it, name the"
                    f" settings that switch it on with --config, or leave them behind with --without {name}."
                )
            require_newest(one, version, head["made_by"])
            named.update(tables_of(one, "sqlite")[0], tables_of(one, "postgresql")[0])
        shapes = []
        for name, columns in head["tables"]:
            if name in named:
                shapes.append(Shape(name, tuple(columns)))
            else:
                skipped.add(name)
        kept = {shape.name for shape in shapes}
        versions = {name: version for name, version in head["versions"].items() if name not in self._without}
        return (
            Contents(
                head["made_by"], versions, shapes,
                {name: n for name, n in head["rows"].items() if name in kept},
                {name: n for name, n in head["counters"].items() if name in kept},
            ),
            frozenset(skipped),
        )  # fmt: skip


class _OpenedArchive:
    def __init__(self, file: IO[bytes], path: Path, contents_of: Any) -> None:
        self._file = file
        self._path = path
        self.contents, self._skipped = contents_of(_read(file, path))

    async def chunks(self) -> AsyncIterator[Chunk]:
        shapes = {shape.name: shape for shape in self.contents.shapes}
        sums = {name: Checksum(shape.columns) for name, shape in shapes.items()}
        while True:
            frame = await asyncio.to_thread(_read, self._file, self._path)
            if isinstance(frame, dict):
                break
            table, rows = frame
            if table in self._skipped:
                continue
            sums[table].add(rows)
            yield shapes[table], rows
        for name, sum in sums.items():
            if frame["end"].get(name) != [sum.rows, sum.text]:
                raise CannotTransfer(
                    f"{self._path} is damaged: what it holds of {name} is not what was written. Take another backup."
                )


def _read(file: IO[bytes], path: Path) -> Any:
    import msgspec

    head = file.read(_LENGTH.size)
    size = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else -1
    if not 0 < size <= MAX_FRAME:
        raise _broken(path)
    body = file.read(size)
    if len(body) != size:
        raise _broken(path)
    try:
        return msgspec.msgpack.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _broken(path) from error


def _broken(path: Path) -> CannotTransfer:
    return CannotTransfer(f"{path} is no whole backup of Callboard: it is cut off or damaged. Take another one.")

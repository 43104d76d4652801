"""``callboard catalog export``: a list of entities as a file, in any of the forms that the portal offers."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, AsyncIterator, BinaryIO, Callable, Final, Mapping, Sequence

from callboard.features.catalog.export.documents import iter_json_lines, iter_yaml, iter_zip
from callboard.features.catalog.export.tables import Table, stream
from callboard.kernel.errors import InputError, UnavailableError

FORMATS: Final = ("yaml", "json", "csv", "xlsx", "zip")
_BINARY: Final = ("xlsx", "zip")
_AT_ONCE: Final = 500

Chunks = AsyncIterator[Sequence[Mapping[str, Any]]]


async def export(
    entities: AsyncIterator[Mapping[str, Any]],
    form: str,
    output: Path | None,
    *,
    bom: bool = False,
    told: Callable[[int], None] = lambda _: None,
) -> int:
    """Write all of ``entities`` in ``form`` (one of ``FORMATS``) to ``output``, or to standard output; how many they were.

    A file is there whole or not at all.

    Raises:
        InputError: bytes would go to a terminal.
        LimitError: more rows than a sheet holds.
        UnavailableError: the file cannot be written.
    """
    counted = _Counted(entities, told)
    if output is None:
        if form in _BINARY and sys.stdout.isatty():
            raise InputError(f"{form.upper()} is not for terminals: say --output FILE, or redirect.", field="--output")
        sys.stdout.flush()
        await _write(counted, form, sys.stdout.buffer, bom=bom)
        sys.stdout.buffer.flush()
        return counted.done
    part = output.with_name(f".{output.name}.part")
    try:
        try:
            with part.open("wb") as file:
                await _write(counted, form, file, bom=bom)
            os.replace(part, output)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UnavailableError(f"{output} cannot be written: {error.strerror or error}") from None
    return counted.done


class _Counted:
    """Entities in chunks, counted as they pass."""

    def __init__(self, entities: AsyncIterator[Mapping[str, Any]], told: Callable[[int], None]) -> None:
        self._entities = entities
        self._told = told
        self.done = 0

    async def chunks(self) -> Chunks:
        chunk: list[Mapping[str, Any]] = []
        async for entity in self._entities:
            chunk.append(entity)
            self.done += 1
            self._told(self.done)
            if len(chunk) == _AT_ONCE:
                yield chunk
                chunk = []
        if chunk:
            yield chunk


async def _write(entities: _Counted, form: str, file: BinaryIO, *, bom: bool) -> None:
    async for part in _parts(entities.chunks(), form, bom=bom):
        file.write(part)


async def _parts(chunks: Chunks, form: str, *, bom: bool) -> AsyncIterator[bytes]:
    if form in ("csv", "xlsx"):
        with await Table.of(chunks) as table:
            async for part in stream(table.iter_csv(bom=bom) if form == "csv" else table.iter_xlsx()):
                yield part
        return
    make = {"yaml": iter_yaml, "json": iter_json_lines, "zip": iter_zip}[form]
    async for part in make(chunks):
        yield part

"""Putting a built site where readers find it, in Backstage's layout. The metadata goes last, and what is not in it any more goes away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Callable

from callboard.features.techdocs.domain import triplet
from callboard.features.techdocs.published.reading import METADATA
from callboard.features.techdocs.published.stores import MAX_OBJECT_BYTES, ObjectStore
from callboard.features.techdocs.types import media_type_of
from callboard.kernel.errors import InputError, LimitError

AT_ONCE = 10


async def publish(
    folder: Path, ref: str, store: ObjectStore, *, tell: Callable[[int, int], None], written: str | None = None
) -> int:
    """How many files were published. ``written``: where it lies instead of the lower-cased namespace/kind/name.

    Raises ``InputError`` for a folder without a built site, and as the store does.
    """
    if not (folder / METADATA).is_file():
        raise InputError(f"{folder} holds no built site: there is no {METADATA}. Run callboard docs build first.")
    prefix = written or "/".join(triplet(ref))
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    names = {path: path.relative_to(folder).as_posix() for path in files}
    before = set(await store.list(f"{prefix}/"))
    gate = asyncio.Semaphore(AT_ONCE)
    done = 0

    async def put(path: Path) -> None:
        nonlocal done
        async with gate:
            content = await asyncio.to_thread(path.read_bytes)
            if len(content) > MAX_OBJECT_BYTES:
                raise LimitError(f"{path} is larger than {MAX_OBJECT_BYTES} bytes.", file=str(path))
            await store.put(f"{prefix}/{names[path]}", content, media_type_of(names[path]))
            done += 1
            tell(done, len(files))

    tasks = [asyncio.ensure_future(put(path)) for path in files if names[path] != METADATA]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    await put(folder / METADATA)
    gone = before - {f"{prefix}/{name}" for name in names.values()}
    if gone:
        await store.delete(sorted(gone))
    return len(files)

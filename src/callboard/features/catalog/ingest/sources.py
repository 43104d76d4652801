"""Targets and placeholder URLs to bytes, whichever reader knows them."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterable, Iterator, Mapping, NamedTuple, Sequence

from callboard.features.catalog.interface import Finding, NotModified, ReadFile, UrlReader
from callboard.features.catalog.readers.files import FileReader
from callboard.kernel.errors import CallboardError, InputError, UnavailableError
from callboard.kernel.logs import get_logger
from callboard.kernel.tracing import span
from callboard.model.refs import MAX_ADDRESS_LENGTH, LocationRef

log = get_logger(__name__)

CONCURRENT_READS = 5
UNREAD = ""
"""In the place of an etag: what a placeholder names could not be read, so that it counts as changed once it can."""


class Target(NamedTuple):
    """What a Location names: one file, or a pattern of many."""

    ref: LocationRef
    optional: bool


@dataclass(frozen=True, slots=True)
class Hits:
    files: Sequence[ReadFile]
    findings: Sequence[Finding]
    etag: str | None


class Sources:
    """``file`` targets by the file reader, ``url`` targets by the first URL reader that knows the host."""

    def __init__(self, files: FileReader, urls: UrlReader) -> None:
        self.files = files
        self.urls = urls

    async def read(self, target: Target, origin: LocationRef, etag: str | None) -> Hits:
        """What the target names now.

        Raises:
            NotModified: it is as it was at ``etag``.
            CallboardError: it cannot be read; which kind says whether waiting helps.
        """
        with span("ProcessingStage", stage="read", catalog_location=str(target.ref)), _guarded(str(target.ref)):
            return await self._read(target, origin, etag)

    async def _read(self, target: Target, origin: LocationRef, etag: str | None) -> Hits:
        type, where = target.ref
        if len(where) > MAX_ADDRESS_LENGTH:
            raise InputError(
                f"{where[:100]}… has {len(where):,} characters; at most {MAX_ADDRESS_LENGTH:,} are allowed."
            )
        if type == "file":
            found = await self.files.search(where, origin=origin.target if origin.type == "file" else "", etag=etag)
            return Hits(found.files, found.findings, found.etag)
        if type == "url":
            files = await self.urls.search(where, etag=etag)
            return Hits(files, (), files[0].etag if files else None)
        raise InputError(
            f"No reader knows locations of type '{type}' ({target.ref}). Use 'url', or 'file' for a file on this machine."
        )

    async def read_all(
        self, urls: Iterable[str], location: LocationRef, origin: LocationRef
    ) -> dict[str, ReadFile | CallboardError]:
        """Each of ``urls`` read, or why it cannot be. What a file on disk includes is a path, of a URL a URL."""
        gate = asyncio.Semaphore(CONCURRENT_READS)

        async def one(url: str) -> ReadFile | CallboardError:
            async with gate:
                try:
                    return await self._read_include(url, location, origin, None)
                except CallboardError as error:
                    return error

        wanted = sorted(set(urls))
        return dict(zip(wanted, await asyncio.gather(*(one(url) for url in wanted)), strict=True))

    async def any_changed(self, reads: Sequence[tuple[str, int, str | None]], origin: LocationRef) -> bool:
        """Whether something that placeholders read is no longer as it was. What cannot be read now counts as the same."""
        for url, _, etag in reads:
            if etag is None:
                continue
            try:
                await self._read_include(url, origin, origin, etag or None)
            except NotModified:
                continue
            except CallboardError:
                continue
            return True
        return False

    async def _read_include(self, url: str, location: LocationRef, origin: LocationRef, etag: str | None) -> ReadFile:
        with _guarded(url):
            if url.startswith(("/", "file:")):
                return await self.files.read(
                    url.removeprefix("file://").removeprefix("file:"),
                    origin=origin.target if origin.type == "file" else "",
                    etag=etag,
                )
            return await self.urls.read(url, etag=etag)


@contextmanager
def _guarded(what: str) -> Iterator[None]:
    """A plugin's reader that breaks is a source that cannot be read: it must not stop the others."""
    try:
        yield
    except (NotModified, CallboardError):
        raise
    except Exception as error:
        log.exception("reader failed", location=what)
        raise UnavailableError(f"Its reader failed with {type(error).__name__}: {error}") from error


Contents = Mapping[str, ReadFile | CallboardError]

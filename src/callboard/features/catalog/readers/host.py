"""The readers of a portal as one: the first that knows a URL reads it."""

from __future__ import annotations

from typing import Sequence
from urllib.parse import unquote, urlsplit

from callboard.features.catalog.interface import ReadFile, UrlReader
from callboard.features.catalog.readers.http import join
from callboard.kernel.errors import InputError, NotAllowedError


class UrlReaders:
    """A ``UrlReader`` made of others, asked in order. Put the plain HTTP reader last: hosts know their URLs better."""

    def __init__(self, readers: Sequence[UrlReader]) -> None:
        self._readers = tuple(readers)

    def handles(self, url: str) -> bool:
        return self.find_reader(url) is not None

    def find_reader(self, url: str) -> UrlReader | None:
        return next((reader for reader in self._readers if reader.handles(url)), None)

    async def read(self, url: str, *, etag: str | None = None) -> ReadFile:
        """Raises ``NotAllowedError`` naming the setting when no reader knows the URL, ``InputError`` when it is no URL."""
        return await self._require_reader(url).read(url, etag=etag)

    async def search(self, url: str, *, etag: str | None = None) -> Sequence[ReadFile]:
        """Files that the URL names: several with a ``*`` in the path (maybe none), else one."""
        return await self._require_reader(url).search(url, etag=etag)

    def resolve(self, target: str, base: str) -> str:
        """``target`` relative to the file at ``base``, by the rules of its host; by those of URLs where no reader knows it.

        An absolute URL stays. Raises ``InputError`` when the target leaves the repository.
        """
        if is_absolute_url(target):
            return target
        reader = self.find_reader(base)
        return reader.resolve(target, base) if reader is not None else join(base, target)

    def _require_reader(self, url: str) -> UrlReader:
        reader = self.find_reader(url)
        if reader is not None:
            return reader
        try:
            parts = urlsplit(url)
            host = parts.netloc.rpartition("@")[2]
        except ValueError as error:
            raise InputError(f"{url!r} is not a URL: {error}") from error
        if not parts.scheme or (parts.scheme in ("http", "https") and not host):
            raise InputError(
                f"{url!r} is not an absolute URL. Write it in full, e.g. https://host/path/catalog-info.yaml."
            )
        if parts.scheme.startswith("git+"):
            raise NotAllowedError(
                f"{url} may not be read: no entry of the setting integrations.git names "
                f"{host or unquote(parts.path)}. Add its path or url there."
            )
        if parts.scheme not in ("http", "https"):
            raise NotAllowedError(f"{url} may not be read: {parts.scheme}: is not supported. Use http, https or git+….")
        raise NotAllowedError(
            f"{url} may not be read: no setting names {host} for it. If it is a source host, add it to integrations; "
            f"for a plain file, add host {host} (and its paths) to backend.reading.allow."
        )


def is_absolute_url(target: str) -> bool:
    """Whether the text has a scheme and ``//``: ``https://…``, ``git+file:///…``."""
    scheme, separator, _ = target.partition("://")
    return (
        bool(separator) and scheme.replace("+", "").replace("-", "").replace(".", "").isalnum() and scheme[0].isalpha()
    )

"""What templates fetch: files and folders of repositories, archives, and the folder of a template on the disk.

A relative address is resolved as Backstage does: against the template's own address, by the rules of its host. A template that was
read from the disk reaches only what lies below its own folder, and no address ever names a file of this machine.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
import stat
from pathlib import Path
from typing import Any, Sequence
from urllib.parse import unquote, urlsplit

from callboard.features.catalog.interface import TreeReader, UrlReader
from callboard.kernel.archives import MIB, ArchiveLimits, Budget, check_link, is_archive, unpack_strictly
from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError, UnavailableError
from callboard.kernel.read_file import TreeFile
from callboard.model import urls

FILE_SCHEME = "file://"
TREE_LIMITS = ArchiveLimits(total_bytes=128 * MIB, file_bytes=32 * MIB, files=20_000)
"""What a folder that is read may hold."""
_IGNORED = frozenset({".git"})


class CatalogTemplateSource:
    """``TemplateSource`` over the catalog's URL readers, of which those that are ``TreeReader`` read folders by themselves."""

    def __init__(self, readers: UrlReader, limits: ArchiveLimits = TREE_LIMITS) -> None:
        self._readers = readers
        self._limits = limits

    async def read_tree(self, url: str, *, base_url: str, token: str | None = None) -> Sequence[TreeFile]:
        if is_local(url, base_url):
            folder = LocalFolder(base_url, self._limits)
            return await asyncio.to_thread(folder.read_tree, url)
        address = resolve(url, base_url, self._readers)
        path = urlsplit(address).path
        if is_archive(path):
            file = await self._readers.read(address)
            name = posixpath.basename(unquote(path))
            return await asyncio.to_thread(unpack_strictly, file.content, name, self._limits)
        reader = self._find(address)
        if isinstance(reader, TreeReader):
            files = await reader.read_tree(address, token=token)
        else:
            files = await self._search(reader, address)
        if not files:
            raise NotFoundError(f"There is nothing at {address}. Check the path and the branch.")
        return sorted(files, key=lambda file: file.path)

    async def read_file(self, url: str, *, base_url: str, token: str | None = None) -> TreeFile:
        if is_local(url, base_url):
            folder = LocalFolder(base_url, self._limits)
            return await asyncio.to_thread(folder.read_file, url)
        address = resolve(url, base_url, self._readers)
        file = await self._readers.read(address)
        return TreeFile(posixpath.basename(unquote(urlsplit(address).path)), file.content)

    def _find(self, address: str) -> UrlReader:
        find: Any = getattr(self._readers, "find_reader", None)
        found: UrlReader | None = find(address) if find is not None else self._readers
        # Without one, the readers together say which setting is missing.
        return found or self._readers

    async def _search(self, reader: UrlReader, address: str) -> Sequence[TreeFile]:
        base = address.rstrip("/")
        hits = await reader.search(f"{base}/**")
        budget = Budget(self._limits)
        found = []
        for hit in hits:
            budget.add_file()
            budget.add_bytes(len(hit.content))
            found.append(TreeFile(_below(reader, base, hit.url), hit.content))
        return found


def _below(reader: UrlReader, base: str, url: str) -> str:
    """The path of a found file below the folder that was asked for."""
    find_path: Any = getattr(reader, "find_path", None)
    place, found = (find_path(base), find_path(url)) if find_path is not None else (None, None)
    if place is not None and found is not None:
        folder, path = str(place.path), str(found.path)
    else:
        folder, path = unquote(urlsplit(base).path), unquote(urlsplit(url).path)
    prefix = folder.rstrip("/") + "/" if folder.strip("/") else ""
    if not path.startswith(prefix):
        raise UnavailableError(f"{url} was found where {base} was asked for.")
    return path[len(prefix) :]


def resolve(url: str, base_url: str, readers: UrlReader | None = None) -> str:
    """The absolute address of ``url``, which a template at ``base_url`` names.

    Raises:
        NotAllowedError: it is, or would be, an address of a file on this machine.
        InputError: it is relative and there is nothing that it is relative to, or it leaves the repository.
    """
    if url.lower().startswith("file:"):
        raise NotAllowedError(f"{url} is a file of this machine, which templates may not read. Use a relative path.")
    if urls.is_absolute(url):
        return url
    if not base_url:
        raise InputError(
            f"Failed to fetch, template location could not be determined and the fetch URL is relative, {url}"
        )
    if readers is not None and readers.handles(base_url):
        return readers.resolve(url, base_url)
    try:
        return urls.resolve_url(url, base_url)
    except urls.UrlError as error:
        raise InputError(f"{url!r} cannot be resolved against {base_url}: {error}") from None


def is_local(url: str, base_url: str) -> bool:
    """Whether ``url`` is a path beside a template that was read from the disk."""
    return base_url.startswith(FILE_SCHEME) and not urls.is_absolute(url)


class LocalFolder:
    """The folder of a template on the disk, or, with ``is_folder``, a folder itself. Nothing outside it is read.

    Reads block: call them in a thread.
    """

    def __init__(self, base_url: str, limits: ArchiveLimits = TREE_LIMITS, *, is_folder: bool = False) -> None:
        place = base_url.removeprefix(FILE_SCHEME)
        folder = place if is_folder or place.endswith("/") else os.path.dirname(place)
        self._root = Path(os.path.realpath(folder))
        self._limits = limits

    def read_tree(self, path: str) -> Sequence[TreeFile]:
        """Files and links of a folder, sorted; ``.git`` is left out. An archive is unpacked."""
        start = self._place(path)
        if start.is_file() and is_archive(start.name):
            return unpack_strictly(self._read(start, path), start.name, self._limits)
        if not start.is_dir():
            raise NotFoundError(f"There is no folder {path} beside the template.")
        budget = Budget(self._limits)
        found = []
        for folder, folders, names in os.walk(start, onerror=_raise):
            folders[:] = [name for name in folders if name not in _IGNORED]
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in (*names, *links):
                budget.add_file()
                file = self._file(Path(folder, name), start)
                budget.add_bytes(len(file.content))
                found.append(file)
        return sorted(found, key=lambda file: file.path)

    def read_file(self, path: str) -> TreeFile:
        place = self._place(path)
        if not place.is_file():
            raise NotFoundError(f"There is no file {path} beside the template.")
        return TreeFile(place.name, self._read(place, path), place.stat().st_mode & 0o777)

    def _place(self, path: str) -> Path:
        if "\x00" in path:
            raise InputError(f"{path!r} is not a path.")
        place = Path(os.path.realpath(self._root / path.lstrip("/") if path.startswith("/") else self._root / path))
        if place != self._root and self._root not in place.parents:
            raise NotAllowedError(f"{path} leads out of the folder of the template. Keep what it fetches below it.")
        return place

    def _file(self, place: Path, start: Path) -> TreeFile:
        path = place.relative_to(start).as_posix()
        status = place.lstat()
        if stat.S_ISLNK(status.st_mode):
            return TreeFile(path, b"", link=check_link(path, os.readlink(place)))
        return TreeFile(path, self._read(place, path), status.st_mode & 0o777)

    def _read(self, place: Path, shown: str) -> bytes:
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise UnavailableError(f"{shown} cannot be read: {error.strerror}.") from None
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InputError(f"{shown} is no regular file.")
            return Budget(self._limits).read(file, shown)


def _raise(error: OSError) -> None:
    raise UnavailableError(f"{error.filename} cannot be read: {error.strerror}.")

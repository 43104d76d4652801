"""Reading files of repositories on a source host (GitHub, GitLab, …) by their browser URLs.

A host says how its URLs are written and how its API lists and reads; everything else is alike for all and lives here: globs,
relative references, conditional reads, limits. Immutable contents (blobs of a commit) are kept in memory by their id, so that
after a push only changed files are read again.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any, Iterable, Mapping, Protocol, Sequence
from urllib.parse import SplitResult, quote, unquote

from callboard.kernel import globs
from callboard.kernel.archives import unpack
from callboard.kernel.errors import InputError, LimitError, NotFoundError
from callboard.kernel.file_history import FileChange, change_of
from callboard.kernel.read_file import NotModified, ReadFile, TreeFile
from callboard.model import urls

MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_MATCHES = 20_000
CONCURRENT_READS = 5
BLOB_CACHE_BYTES = 32 * 1024 * 1024
MAX_REF = 250
HISTORY_RESERVE = 0.5
"""Share of a host's limit that questions about authors leave to others: pages are read without them, too."""


@dataclass(frozen=True, slots=True)
class RepoPath:
    """A file, folder or glob in a repository at a ref.

    ``repo`` and ``ref`` are in the host's own letters (``acme/tools``; ref None is the default branch); ``path`` has no leading
    slash and is decoded; ``site`` is scheme and host (and base path) as in the URL, so that a formatted URL looks like the one read.
    """

    site: str
    repo: str
    ref: str | None
    path: str


@dataclass(frozen=True, slots=True)
class RepoEntry:
    """A file in a listing. ``blob`` identifies the content wherever it occurs; None when the host does not tell."""

    path: str
    blob: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """A tar or zip file. ``strip`` leading folders of its paths are the host's own; then ``folder`` is what was asked for."""

    content: bytes
    folder: str = ""
    strip: int = 0


class SourceHost(ABC):
    """A URL reader (``features.catalog.interface.UrlReader``) for the repositories of one host."""

    def __init__(self, host: str, kind: urls.HostKind) -> None:
        """``host`` with its port, as in URLs; ``kind`` chooses the habits of relative references (``model.urls``)."""
        self.kind = kind
        self._host_name = host
        self._url_hosts: urls.Hosts = {host: kind}
        self._blobs: OrderedDict[str, bytes] = OrderedDict()
        self._blob_bytes = 0

    # -- what a host says ------------------------------------------------------------------------------------------------

    @abstractmethod
    def find_path(self, url: str) -> RepoPath | None:
        """The place that a URL names, or None when this host does not know the URL."""

    @abstractmethod
    def format_url(self, place: RepoPath) -> str:
        """The browser URL of a file."""

    @abstractmethod
    async def find_head(self, place: RepoPath) -> str:
        """The commit that the ref stands at. Raises ``NotFoundError``."""

    @abstractmethod
    async def list_files(self, place: RepoPath, commit: str, folder: str) -> Sequence[RepoEntry]:
        """Every file at or below ``folder`` ("" is all) at ``commit``; complete, or an error. An absent folder is empty."""

    @abstractmethod
    async def read_path(self, place: RepoPath, *, etag: str | None) -> ReadFile:
        """The file at the ref. Raises ``NotModified``, ``NotFoundError``."""

    @abstractmethod
    async def read_entry(self, place: RepoPath, commit: str, entry: RepoEntry) -> bytes:
        """The content of a listed file at ``commit``."""

    async def read_archive(self, place: RepoPath, token: str | None) -> Archive:
        """The files at the ref, or at least those below ``place.path``. Hosts that have none override ``read_tree``."""
        raise InputError(f"Folders cannot be fetched from {self._host_name}.")

    # -- the reader ------------------------------------------------------------------------------------------------------

    def handles(self, url: str) -> bool:
        return self.find_path(url) is not None

    async def read(self, url: str, *, etag: str | None = None) -> ReadFile:
        place = self._require_path(url)
        if not place.path:
            raise InputError(f"{url} names a repository, not a file in it. Point to a file, e.g. catalog-info.yaml.")
        if globs.has_magic(place.path):
            raise InputError(f"{url} has a '*'. Only a Location's target may be a pattern.")
        file = await self.read_path(place, etag=etag)
        return replace(file, url=url)  # in the letters it was asked in: that is what annotations and refresh keys carry

    async def read_tree(self, url: str, *, token: str | None = None) -> Sequence[TreeFile]:
        """See ``features.catalog.interface.TreeReader``."""
        place = self._require_path(url)
        archive = await self.read_archive(place, token)
        files = await asyncio.to_thread(unpack, archive.content, folder=archive.folder, strip=archive.strip)
        if not files and place.path:
            raise NotFoundError(f"There is no folder {place.path} at {url}.")
        return files

    async def find_revision(self, url: str) -> str:
        """The commit that ``url`` stands at. See ``features.catalog.interface.trees.RefReader``."""
        return await self.find_head(self._require_path(url))

    def at_ref(self, url: str, ref: str) -> str:
        """``url`` at another branch, tag or commit."""
        place = self._require_path(url)
        if not is_ref(ref):
            raise InputError(f"{ref!r} is not a branch, tag or commit.")
        return self.format_url(replace(place, ref=self.read_ref(ref)))

    def read_ref(self, name: str) -> str:
        """``RepoPath.ref`` of a branch, tag or commit as people name it."""
        return name

    async def list_refs(self, url: str) -> Sequence[str]:
        """Branches and tags as ``at_ref`` takes them, the default branch first; empty where the host does not tell."""
        return ()

    async def find_changes(self, url: str, paths: Sequence[str]) -> Mapping[str, FileChange]:
        """See ``features.catalog.interface.trees.HistoryReader``."""
        if not paths:
            return {}
        place = self._require_path(url)
        found = await self.find_change(replace(place, path=f"{place.path}/{paths[0]}".lstrip("/")))
        return {} if found is None else {paths[0]: found}

    async def find_change(self, place: RepoPath) -> FileChange | None:
        """The last change of a file; None where the host does not tell."""
        return None

    async def search(self, url: str, *, etag: str | None = None) -> Sequence[ReadFile]:
        """Files that the glob names, sorted by path, each with the commit as etag; one file without a ``*``."""
        place = self._require_path(url)
        if not globs.has_magic(place.path):
            return [await self.read(url, etag=etag)]
        commit = await self.find_head(place)
        if etag is not None and etag == commit:
            raise NotModified
        try:
            pattern = globs.compile_glob(place.path)
        except ValueError as error:
            raise InputError(str(error)) from error
        listed = await self.list_files(place, commit, globs.static_prefix(place.path))
        entries = sorted((e for e in listed if pattern.fullmatch(e.path)), key=lambda e: e.path)
        if len(entries) > MAX_MATCHES:
            raise LimitError(f"{url} names {len(entries)} files, more than {MAX_MATCHES}. Narrow the pattern.")
        contents = await self._read_entries(place, commit, entries)
        return [
            ReadFile(self.format_hit(place, entry.path, url), content, commit)
            for entry, content in zip(entries, contents, strict=True)
        ]

    def format_hit(self, place: RepoPath, path: str, url: str) -> str:
        """The URL of a file that the glob ``url`` found: as the host resolves the path from the root of the repository."""
        return self.resolve("/" + quote(path), url)

    def resolve(self, target: str, base: str) -> str:
        """``target`` relative to the file at ``base``; ``/x`` is from the root of the repository.

        Raises:
            InputError: the target climbs out of the repository.
        """
        place = self._require_path(base)
        if urls.host_kind(base, self._url_hosts) is None:
            base = self.format_url(place)  # an alias of the host, such as its raw one
        try:
            resolved = urls.resolve_url(target, base, self._url_hosts)
        except urls.UrlError as error:
            raise InputError(f"{target!r} in {base} cannot be resolved: {error}") from error
        if not urls.is_absolute(target):
            reached = self.find_path(resolved)
            if reached is None or (reached.repo, reached.ref) != (place.repo, place.ref):
                raise InputError(
                    f"{target!r} in {base} leaves the repository. Use an absolute URL for another repository."
                )
        return resolved

    def _split_own(self, url: str) -> SplitResult | None:
        """The parts of an http(s) URL on this host; None for any other."""
        parts = urls.split_http(url)
        return parts if parts is not None and parts.netloc.lower() == self._host_name else None

    def _require_path(self, url: str) -> RepoPath:
        place = self.find_path(url)
        if place is None:
            raise NotFoundError(f"{url} is not the address of a file on this host.")
        return place

    async def _read_entries(self, place: RepoPath, commit: str, entries: Sequence[RepoEntry]) -> list[bytes]:
        """In the order given. The first failure stops all: a part of a search is no result."""
        gate = asyncio.Semaphore(CONCURRENT_READS)

        async def read(entry: RepoEntry) -> bytes:
            if entry.size_bytes is not None and entry.size_bytes > MAX_FILE_BYTES:
                raise LimitError(
                    f"{entry.path} has {entry.size_bytes} bytes, more than {MAX_FILE_BYTES}. Split the file."
                )
            key = f"{place.repo}@{entry.blob}" if entry.blob else None
            if key is not None and (known := self._blobs.get(key)) is not None:
                self._blobs.move_to_end(key)
                return known
            async with gate:
                content = await self.read_entry(place, commit, entry)
            if key is not None:
                self._keep_blob(key, content)
            return content

        tasks = [asyncio.ensure_future(read(entry)) for entry in entries]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _keep_blob(self, key: str, content: bytes) -> None:
        if len(content) > BLOB_CACHE_BYTES // 8 or key in self._blobs:
            return
        self._blobs[key] = content
        self._blob_bytes += len(content)
        while self._blob_bytes > BLOB_CACHE_BYTES:
            _, oldest = self._blobs.popitem(last=False)
            self._blob_bytes -= len(oldest)


def is_ref(name: str) -> bool:
    """Whether it may be the name of a branch, tag or commit; git itself refuses all others."""
    return (
        0 < len(name) <= MAX_REF
        and not name.startswith("-")
        and ".." not in name
        and name.isprintable()
        and not any(c.isspace() or c in "~^:?*[\\" for c in name)
    )


def is_commit(name: str) -> bool:
    """Whether it is the whole id of a commit, of either kind."""
    return len(name) in (40, 64) and all(c in "0123456789abcdef" for c in name)


def ref_names(default: Any, items: Any, key: str) -> list[str]:
    """``default`` and the names in a host's listing, each once; what is no name of a ref is left out."""
    names = [item.get(key) for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    return unique_refs([default, *names])


def first_of(items: Any) -> Mapping[str, Any]:
    """The first of a host's listing, empty without one."""
    first = items[0] if isinstance(items, list) and items else None
    return first if isinstance(first, Mapping) else {}


def commit_change(commit: Any) -> FileChange | None:
    """From a commit as git names its parts: ``author`` and ``committer``, each with ``name`` and ``date``."""
    if not isinstance(commit, Mapping):
        return None
    author, committer = (
        part if isinstance(part := commit.get(key), Mapping) else {} for key in ("author", "committer")
    )
    return change_of(author.get("name"), committer.get("date") or author.get("date"))


def unique_refs(names: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and is_ref(name)))


def join_path(base_file: str, target: str) -> str | None:
    """``target`` beside ``base_file``, without ``.`` and ``..``; None when it climbs above the root."""
    segments = [] if target.startswith("/") else base_file.split("/")[:-1]
    for segment in target.split("/"):
        if segment in ("", "."):
            continue
        if segment == "..":
            if not segments:
                return None
            segments.pop()
        else:
            segments.append(segment)
    return "/".join(segments)


def clean_path(path: str) -> str | None:
    """A decoded path from a URL without empty segments and outer slashes; None when it holds ``..``."""
    return None if ".." in path.split("/") else join_path("", "/" + path)


def quote_path(path: str) -> str:
    """A path for a URL: slashes and glob characters stay."""
    return quote(path, safe="/*!$&'()+,;=:@~")


def decode_segments(path: str) -> list[str]:
    """The segments of a URL's path, each decoded by itself: an encoded slash stays inside its segment."""
    return [unquote(segment) for segment in path.split("/") if segment]


def has_dot_segment(*segments: str) -> bool:
    """Whether one is ``.``, ``..`` or empty: such a name would climb in the path of an API call."""
    return any(part in ("", ".", "..") for segment in segments for part in segment.split("/"))


class SettingsView(Protocol):
    """The part of ``kernel.settings.Settings`` that is used here."""

    def get(self, path: str, default: Any = None) -> Any: ...


def host_settings(settings: SettingsView, kind: str) -> list[Mapping[str, Any]]:
    """The entries of ``integrations.<kind>``, a list of mappings; one mapping counts as a list of one.

    Raises:
        InputError: it is something else, or an entry's ``host`` is no host name.
    """
    key = f"integrations.{kind}"
    value = settings.get(key, [])
    entries = [value] if isinstance(value, Mapping) else value
    if not isinstance(entries, (list, tuple)) or not all(isinstance(entry, Mapping) for entry in entries):
        raise InputError(f"{key} must be a list of hosts, each with its own keys.", field=key)
    for index, entry in enumerate(entries):
        host = entry.get("host")
        if host is not None and (not isinstance(host, str) or not host or "/" in host or "@" in host):
            raise InputError(
                f"{key}[{index}].host must be a host name, e.g. 'git.example.com', not {host!r}.",
                field=f"{key}[{index}].host",
            )
    return list(entries)


def text_setting(entry: Mapping[str, Any], key: str) -> str | None:
    """A text of an entry, trimmed, without trailing slashes for URLs; None when absent or empty."""
    value = entry.get(key)
    if value is None:
        return None
    text = str(value).strip()
    return (text.rstrip("/") if "://" in text else text) or None

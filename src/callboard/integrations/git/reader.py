"""Files of git repositories by URLs of our own: ``git+<repository>?ref=<ref>#<path>``.

``git+file:///srv/git/tools.git?ref=main#catalog-info.yaml`` is a repository on this machine (bare or with a work tree, whose
uncommitted changes do not count); ``git+https://git.example.org/team/tools.git#docs/**/*.yaml`` is a remote. Without ``ref`` it is the
default branch. The path is percent-encoded and has no leading slash. The etag is the commit.
"""

from __future__ import annotations

from typing import Mapping, Sequence
from urllib.parse import parse_qs, quote, unquote, urlsplit

from callboard.integrations.git.client import GitRepositories
from callboard.kernel.archives import ArchiveLimits, stays_inside
from callboard.kernel.errors import InputError, LimitError, NotFoundError
from callboard.kernel.file_history import FileChange
from callboard.kernel.read_file import NotModified, ReadFile, TreeFile
from callboard.kernel.source_host import (
    MAX_FILE_BYTES,
    RepoEntry,
    RepoPath,
    SourceHost,
    clean_path,
    join_path,
    quote_path,
)


class GitReader(SourceHost):
    """Reads whatever ``integrations.git`` opens; other ``git+`` URLs are not handled."""

    def __init__(self, repositories: GitRepositories) -> None:
        super().__init__("", "other")
        self._git = repositories

    def find_path(self, url: str) -> RepoPath | None:
        """``repo`` is the absolute path or the remote's URL; ``site`` the part of ``url`` before ``?`` and ``#``."""
        if not url.startswith("git+"):
            return None
        try:
            parts = urlsplit(url[4:])
            query = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
        except ValueError:
            return None
        if set(query) - {"ref"}:
            return None
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            repo = unquote(parts.path)
            if "\0" in repo:
                return None
        elif parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc:
            repo = f"{parts.scheme}://{parts.netloc}{parts.path}"
        else:
            return None
        path = clean_path(unquote(parts.fragment))
        if path is None or not self._git.is_allowed(repo):
            return None
        return RepoPath(url.partition("#")[0].partition("?")[0], repo, query.get("ref", [None])[0], path)

    def format_url(self, place: RepoPath) -> str:
        ref = f"?ref={quote(place.ref, safe='/')}" if place.ref else ""
        return f"{place.site}{ref}#{quote_path(place.path)}"

    def resolve(self, target: str, base: str) -> str:
        if "://" in target:
            return target
        place = self._require_path(base)
        path = join_path(place.path, unquote(target))
        if path is None:
            raise InputError(f"{target!r} in {base} leaves the repository. Use an absolute URL for another repository.")
        return self.format_url(RepoPath(place.site, place.repo, place.ref, path))

    async def list_refs(self, url: str) -> Sequence[str]:
        return await self._git.list_refs(self._require_path(url).repo)

    async def find_changes(self, url: str, paths: Sequence[str]) -> Mapping[str, FileChange]:
        """Of all ``paths`` at once: the log is read whole anyway."""
        place = self._require_path(url)
        commit = await self.find_head(place)
        found = await self._git.find_changes(place.repo, commit, place.path)
        below = f"{place.path}/" if place.path else ""
        return {path: found[below + path] for path in paths if below + path in found}

    async def find_head(self, place: RepoPath) -> str:
        return await self._git.find_commit(place.repo, place.ref)

    async def list_files(self, place: RepoPath, commit: str, folder: str) -> Sequence[RepoEntry]:
        return [RepoEntry(f.path, f.blob, f.size_bytes) for f in await self._git.list_tree(place.repo, commit, folder)]

    async def read_path(self, place: RepoPath, *, etag: str | None) -> ReadFile:
        commit = await self.find_head(place)
        if commit == etag:
            raise NotModified
        found = await self._git.find_file(place.repo, commit, place.path)
        if found.size_bytes > MAX_FILE_BYTES:
            raise LimitError(f"{place.path} has {found.size_bytes} bytes, more than {MAX_FILE_BYTES}. Split the file.")
        content = await self._git.read_blob(place.repo, found.blob, max_bytes=MAX_FILE_BYTES)
        return ReadFile(self.format_url(place), content, commit)

    async def read_tree(self, url: str, *, token: str | None = None) -> Sequence[TreeFile]:
        """Straight from the objects of the commit; there is no archive, and no ``token``, in between."""
        place = self._require_path(url)
        commit = await self.find_head(place)
        listed = await self._git.list_tree(place.repo, commit, place.path, links=True)
        if not listed and place.path:
            raise NotFoundError(f"There is no folder {place.path} in {place.repo} at {commit[:12]}.")
        limits = ArchiveLimits()
        if len(listed) > limits.files or sum(one.size_bytes for one in listed) > limits.total_bytes:
            raise LimitError(f"{url} holds more than {limits.files} files or {limits.total_bytes} bytes.")
        contents = await self._git.read_blobs(
            place.repo, [one.blob for one in listed], max_bytes=limits.total_bytes + 128 * (len(listed) + 1)
        )
        skip = len(place.path) + 1 if place.path else 0
        found = []
        for one, content in zip(listed, contents, strict=True):
            path = one.path[skip:]
            if not one.is_link:
                found.append(TreeFile(path, content, one.mode))
            elif stays_inside(path, link := content.decode("utf-8", "surrogateescape")):
                found.append(TreeFile(path, b"", 0o777, link))
        return found

    async def read_entry(self, place: RepoPath, commit: str, entry: RepoEntry) -> bytes:
        assert entry.blob is not None
        return await self._git.read_blob(place.repo, entry.blob, max_bytes=MAX_FILE_BYTES)

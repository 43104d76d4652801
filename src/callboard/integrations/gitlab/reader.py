"""Files of GitLab projects by their browser URLs: ``/<group>/…/<project>/-/{blob,raw,tree,edit}/<ref>/<path>``.

The form without ``/-/`` (before GitLab 12) is read too. The ref is one segment; a slash in it is written ``%2F``.
"""

from __future__ import annotations

import hashlib
from typing import Sequence
from urllib.parse import quote

from callboard.integrations.gitlab.client import GitlabClient
from callboard.kernel.errors import NotFoundError, UnavailableError
from callboard.kernel.file_history import FileChange, change_of
from callboard.kernel.read_file import NotModified, ReadFile
from callboard.kernel.source_host import (
    HISTORY_RESERVE,
    MAX_FILE_BYTES,
    Archive,
    RepoEntry,
    RepoPath,
    SourceHost,
    clean_path,
    decode_segments,
    first_of,
    has_dot_segment,
    quote_path,
    ref_names,
    unique_refs,
)

VIEWS = frozenset({"blob", "raw", "tree", "edit"})
RAW = "*/*"


class GitlabReader(SourceHost):
    """Reads one host."""

    def __init__(self, client: GitlabClient) -> None:
        super().__init__(client.host.host, "gitlab")
        self._client = client
        self._host = client.host

    def find_path(self, url: str) -> RepoPath | None:
        parts = self._split_own(url)
        if parts is None:
            return None
        segments = decode_segments(parts.path)
        site = f"{parts.scheme}://{self._host.host}"
        if base := self._host.base_path:
            if segments[: len(base.split("/"))] != base.split("/"):
                return None
            segments = segments[len(base.split("/")) :]
            site += f"/{base}"
        split = _split(segments)
        if split is None:
            return None
        project, ref, rest = split
        path = clean_path("/".join(rest))
        if path is None or has_dot_segment(*project) or (ref is not None and has_dot_segment(ref)):
            return None
        return RepoPath(site, "/".join(project), ref, path)

    def format_url(self, place: RepoPath) -> str:
        ref = quote(place.ref, safe="") if place.ref else "HEAD"
        return f"{place.site}/{quote(place.repo)}/-/blob/{ref}/{quote_path(place.path)}"

    async def read_path(self, place: RepoPath, *, etag: str | None) -> ReadFile:
        content, found = await self._read_raw(place, place.path, place.ref or "HEAD", etag)
        return ReadFile(self.format_url(place), content, found)

    async def find_head(self, place: RepoPath) -> str:
        url = f"{self._project_url(place)}/repository/commits/{quote(place.ref or 'HEAD', safe='')}"
        found = await self._client.api.get_json(url)
        commit = found.get("id") if isinstance(found, dict) else None
        if not isinstance(commit, str) or not commit.isalnum():
            raise UnavailableError(f"{self._client.api.name} answered {url} without a commit.")
        return commit

    async def list_files(self, place: RepoPath, commit: str, folder: str) -> Sequence[RepoEntry]:
        url = f"{self._project_url(place)}/repository/tree?recursive=true&per_page=100&pagination=keyset&ref={commit}"
        if folder:
            url += f"&path={quote(folder, safe='')}"
        found: list[RepoEntry] = []
        try:
            async for page in self._client.api.iter_pages(url):
                if not isinstance(page, list):
                    raise UnavailableError(f"{self._client.api.name} answered {url} without a list.")
                found.extend(
                    RepoEntry(item["path"], item["id"])
                    for item in page
                    if item.get("type") == "blob" and item.get("mode") != "120000"
                )
        except NotFoundError:
            if found or not folder:
                raise
            return []  # the commit is known to exist, so it is the folder that is absent
        return found

    async def read_entry(self, place: RepoPath, commit: str, entry: RepoEntry) -> bytes:
        url = f"{self._project_url(place)}/repository/blobs/{entry.blob}/raw"
        return (await self._client.api.get(url, accept=RAW, max_bytes=MAX_FILE_BYTES)).body

    async def list_refs(self, url: str) -> Sequence[str]:
        """The first hundred branches and tags."""
        place = self._require_path(url)
        base = f"{self._project_url(place)}/repository"
        branches = await self._client.api.get_json(f"{base}/branches?per_page=100")
        tags = await self._client.api.get_json(f"{base}/tags?per_page=100")
        rows = branches if isinstance(branches, list) else []
        default = [one.get("name") for one in rows if isinstance(one, dict) and one.get("default") is True]
        return unique_refs([*default, *ref_names(None, rows, "name"), *ref_names(None, tags, "name")])

    async def find_change(self, place: RepoPath) -> FileChange | None:
        at = quote(place.ref or "HEAD", safe="")
        url = (
            f"{self._project_url(place)}/repository/commits?ref_name={at}&path={quote(place.path, safe='')}&per_page=1"
        )
        commit = first_of(await self._client.api.in_background(HISTORY_RESERVE).get_json(url))
        return change_of(commit.get("author_name"), commit.get("committed_date"))

    async def read_archive(self, place: RepoPath, token: str | None) -> Archive:
        api = self._client.api_with(token) if token else self._client.api
        url = f"{self._project_url(place)}/repository/archive.tar.gz?sha={quote(place.ref or 'HEAD', safe='')}"
        if place.path:
            url += f"&path={quote(place.path, safe='')}"
        return Archive(await api.download(url), place.path, strip=1)

    async def _read_raw(self, place: RepoPath, path: str, ref: str, etag: str | None) -> tuple[bytes, str]:
        url = f"{self._project_url(place)}/repository/files/{quote(path, safe='')}/raw?ref={quote(ref, safe='')}"
        reply = await self._client.api.get(url, etag=etag or '""', accept=RAW, max_bytes=MAX_FILE_BYTES)
        if reply.not_modified:
            raise NotModified
        # without an ETag (a proxy may drop it) the content stands for itself
        found = reply.etag or f'"sha1-{hashlib.sha1(reply.body, usedforsecurity=False).hexdigest()}"'
        if found == etag:
            raise NotModified
        return reply.body, found

    def _project_url(self, place: RepoPath) -> str:
        return self._client.project_url(place.repo)


def _split(segments: list[str]) -> tuple[list[str], str | None, list[str]] | None:
    """Project, ref and path; None when the URL names something else of the project."""
    if "-" in segments:
        at = segments.index("-")
        project, rest = segments[:at], segments[at + 1 :]
        if len(project) < 2 or not rest or rest[0] not in VIEWS:
            return None
    else:
        at = next((i for i, s in enumerate(segments) if i >= 2 and s in VIEWS), len(segments))
        project, rest = segments[:at], segments[at:]
        if len(project) < 2:
            return None
    if len(rest) < 2:
        return project, None, []
    return project, (None if rest[1] == "HEAD" else rest[1]), rest[2:]

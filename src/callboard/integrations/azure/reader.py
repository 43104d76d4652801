"""Files of Azure Repos: ``/<organization>/<project>/_git/<repo>?path=/x&version=GB<branch>``.

``/<organization>/_git/<repo>`` (project and repository alike) and ``https://<organization>.visualstudio.com/<project>/_git/<repo>`` are
read too; on a server (not dev.azure.com) the organisation is the collection, with any path before it.
``version`` is ``GB`` + branch, ``GT`` + tag or ``GC`` + commit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence
from urllib.parse import parse_qs, quote

from callboard.integrations.azure.client import CLOUD, AzureClient
from callboard.kernel.errors import UnavailableError
from callboard.kernel.file_history import FileChange
from callboard.kernel.read_file import NotModified, ReadFile
from callboard.kernel.remote_api import RemoteApi, Reply
from callboard.kernel.source_host import (
    HISTORY_RESERVE,
    MAX_FILE_BYTES,
    Archive,
    RepoEntry,
    RepoPath,
    SourceHost,
    clean_path,
    commit_change,
    decode_segments,
    first_of,
    has_dot_segment,
    is_commit,
    quote_path,
    ref_names,
    unique_refs,
)
from callboard.model.urls import split_http

VERSIONS = {"GB": "branch", "GT": "tag", "GC": "commit"}
API = "api-version=6.0"


class AzureReader(SourceHost):
    """Reads one host. ``RepoPath.repo`` is ``organization/project/repo``, ``ref`` is ``GBmain`` and the like."""

    def __init__(self, client: AzureClient) -> None:
        super().__init__(client.host.host, "azure")
        self._client = client
        self._host = client.host.host

    def find_path(self, url: str) -> RepoPath | None:
        parts = split_http(url)
        if parts is None:
            return None
        segments = decode_segments(parts.path)
        host = parts.netloc.lower()
        if host != self._host:
            if self._host != CLOUD or not host.endswith(".visualstudio.com"):
                return None
            segments = [host.removesuffix(".visualstudio.com"), *(s for s in segments if s != "DefaultCollection")]
        if "_git" not in segments:
            return None
        at = segments.index("_git")
        before, after = segments[:at], segments[at + 1 :]
        if len(after) != 1 or not before:
            return None
        repo = after[0]
        organization, project = ("/".join(before[:-1]), before[-1]) if len(before) > 1 else (before[0], repo)
        query = parse_qs(parts.query)
        ref = query.get("version", [None])[0]
        if ref is not None and (ref[:2] not in VERSIONS or len(ref) == 2):
            return None
        path = clean_path(query.get("path", [""])[0])
        if path is None or has_dot_segment(organization, project, repo) or "/" in project + repo:
            return None
        return RepoPath(f"{parts.scheme}://{self._host}", f"{organization}/{project}/{repo}", ref, path)

    def format_url(self, place: RepoPath) -> str:
        organization, project, repo = _names(place)
        version = f"&version={quote(place.ref, safe='')}" if place.ref else ""
        return (
            f"{place.site}/{quote(organization)}/{quote(project, safe='')}/_git/{quote(repo, safe='')}"
            f"?path=/{quote_path(place.path).replace('&', '%26').replace('+', '%2B').replace(';', '%3B')}{version}"
        )

    def format_hit(self, place: RepoPath, path: str, url: str) -> str:
        return self.format_url(replace(place, path=path))  # the path is a parameter here, and encoded once

    async def read_path(self, place: RepoPath, *, etag: str | None) -> ReadFile:
        reply = await self._get_file(place, place.path, _descriptor(place.ref), etag)
        if reply.not_modified:
            raise NotModified
        return ReadFile(self.format_url(place), reply.body, reply.etag)

    async def find_head(self, place: RepoPath) -> str:
        sort, name = _version(place.ref)
        url = f"{self._repo_url(place)}/commits?searchCriteria.$top=1&{API}"
        if name:
            url += f"&searchCriteria.itemVersion.version={quote(name, safe='')}&searchCriteria.itemVersion.versionType={sort}"
        found = await self._api(place).get_json(url)
        try:
            return str(found["value"][0]["commitId"])
        except (KeyError, IndexError, TypeError) as error:
            raise UnavailableError(f"Azure DevOps answered {url} without a commit.") from error

    async def list_files(self, place: RepoPath, commit: str, folder: str) -> Sequence[RepoEntry]:
        url = f"{self._repo_url(place)}/items?scopePath=/&recursionLevel=Full&{API}&{_descriptor('GC' + commit)}"
        found = await self._api(place).get_json(url)
        items = found.get("value") if isinstance(found, dict) else None
        if not isinstance(items, list):
            raise UnavailableError(f"Azure DevOps answered {url} without a list.")
        return [
            RepoEntry(item["path"].lstrip("/"), item.get("objectId"))
            for item in items
            if item.get("gitObjectType") == "blob" and not item.get("isFolder") and not item.get("isSymLink")
        ]

    async def read_entry(self, place: RepoPath, commit: str, entry: RepoEntry) -> bytes:
        return (await self._get_file(place, entry.path, _descriptor("GC" + commit), None)).body

    async def read_archive(self, place: RepoPath, token: str | None) -> Archive:
        """A zip; below a folder its last name stands around everything."""
        organization = _names(place)[0]
        api = self._client.api_with(organization, token) if token else self._api(place)
        url = (
            f"{self._repo_url(place)}/items?scopePath=/{quote(place.path, safe='/')}&recursionLevel=Full&download=true"
        )
        url += f"&$format=zip&{API}"
        if place.ref:
            url += f"&{_descriptor(place.ref)}"
        content = await api.download(url, accept="application/zip")
        return Archive(content, strip=1 if place.path else 0)

    def read_ref(self, name: str) -> str:
        """``tag/v1`` is a tag, as Azure DevOps has it in no name of a branch here; a commit by its letters; else a branch."""
        for sort, word in VERSIONS.items():
            if name.startswith(f"{word}/"):
                return sort + name[len(word) + 1 :]
        return ("GC" if is_commit(name) else "GB") + name

    async def list_refs(self, url: str) -> Sequence[str]:
        """The first hundred branches and tags, as ``read_ref`` takes them."""
        place = self._require_path(url)
        api, base = self._api(place), self._repo_url(place)
        repository = await api.get_json(f"{base}?{API}")
        names: list[str] = []
        for sort, word in (("heads", "branch"), ("tags", "tag")):
            found = await api.get_json(f"{base}/refs?filter={sort}/&$top=100&{API}")
            full = ref_names(None, found.get("value") if isinstance(found, dict) else None, "name")
            short = [name.removeprefix(f"refs/{sort}/") for name in full if name.startswith(f"refs/{sort}/")]
            is_plain = [word == "branch" and name.partition("/")[0] not in VERSIONS.values() for name in short]
            names += [name if plain else f"{word}/{name}" for name, plain in zip(short, is_plain, strict=True)]
        default = repository.get("defaultBranch") if isinstance(repository, dict) else None
        first = default.removeprefix("refs/heads/") if isinstance(default, str) else None
        return unique_refs([*([first] if first in names else []), *names])

    async def find_change(self, place: RepoPath) -> FileChange | None:
        sort, name = _version(place.ref)
        url = f"{self._repo_url(place)}/commits?searchCriteria.$top=1&searchCriteria.itemPath=/{quote(place.path, safe='')}&{API}"
        if name:
            url += f"&searchCriteria.itemVersion.version={quote(name, safe='')}&searchCriteria.itemVersion.versionType={sort}"
        found = await self._api(place).in_background(HISTORY_RESERVE).get_json(url)
        return commit_change(first_of(found.get("value") if isinstance(found, dict) else None))

    async def _get_file(self, place: RepoPath, path: str, descriptor: str, etag: str | None) -> Reply:
        url = f"{self._repo_url(place)}/items?path=/{quote(path, safe='/')}&$format=octetStream&{API}"
        if descriptor:
            url += f"&{descriptor}"
        return await self._api(place).get(url, etag=etag, accept="application/octet-stream", max_bytes=MAX_FILE_BYTES)

    def _api(self, place: RepoPath) -> RemoteApi:
        return self._client.api_for(_names(place)[0])

    def _repo_url(self, place: RepoPath) -> str:
        organization, project, repo = _names(place)
        return f"{self._client.host.base_url}/{quote(organization)}/{quote(project, safe='')}/_apis/git/repositories/{quote(repo, safe='')}"


def _names(place: RepoPath) -> tuple[str, str, str]:
    organization, project, repo = place.repo.rsplit("/", 2)
    return organization, project, repo


def _version(ref: str | None) -> tuple[str, str]:
    return (VERSIONS[ref[:2]], ref[2:]) if ref else ("", "")


def _descriptor(ref: str | None) -> str:
    sort, name = _version(ref)
    return f"versionDescriptor.version={quote(name, safe='')}&versionDescriptor.versionType={sort}" if name else ""

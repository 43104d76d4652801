"""Files of Bitbucket repositories.

Cloud: ``/<workspace>/<repo>/{src,raw}/<ref>/<path>``, the ref being one segment (a slash in it is written ``%2F``).
Server: ``/{projects/<KEY>,users/<name>}/repos/<repo>/{browse,raw}/<path>?at=<ref>``.
"""

from __future__ import annotations

from typing import Any, Sequence
from urllib.parse import parse_qs, quote

from callboard.integrations.bitbucket.client import BitbucketClient
from callboard.kernel.errors import NotFoundError, UnavailableError
from callboard.kernel.file_history import FileChange, change_of
from callboard.kernel.read_file import NotModified, ReadFile
from callboard.kernel.remote_api import Reply
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

MAX_PAGES = 1000
CLOUD_DEPTH = 50
"""Levels of folders asked for in one listing; Bitbucket Cloud lists one level unless told."""


class BitbucketCloudReader(SourceHost):
    """Reads bitbucket.org."""

    def __init__(self, client: BitbucketClient) -> None:
        super().__init__(client.host.host, "bitbucketCloud")
        self._client = client
        self._host = client.host

    def find_path(self, url: str) -> RepoPath | None:
        parts = self._split_own(url)
        if parts is None:
            return None
        segments = decode_segments(parts.path)
        if len(segments) < 2 or has_dot_segment(*segments[:2]):
            return None
        workspace, repo, *rest = segments
        ref: str | None = None
        if rest:
            if rest[0] not in ("src", "raw") or len(rest) < 2 or has_dot_segment(rest[1]):
                return None
            ref, rest = (None if rest[1] == "HEAD" else rest[1]), rest[2:]
        path = clean_path("/".join(rest))
        return (
            None if path is None else RepoPath(f"{parts.scheme}://{self._host.host}", f"{workspace}/{repo}", ref, path)
        )

    def format_url(self, place: RepoPath) -> str:
        ref = quote(place.ref, safe="") if place.ref else "HEAD"
        return f"{place.site}/{quote(place.repo)}/src/{ref}/{quote_path(place.path)}"

    async def read_path(self, place: RepoPath, *, etag: str | None) -> ReadFile:
        # Cloud takes a commit or a branch without slash in the path; any other ref is first turned into its commit
        ref = place.ref if place.ref and "/" not in place.ref else await self.find_head(place)
        reply = await self._get_raw(place, place.path, ref, etag)
        if reply.not_modified:
            raise NotModified
        return ReadFile(self.format_url(place), reply.body, reply.etag)

    async def find_head(self, place: RepoPath) -> str:
        ref = place.ref
        if ref is None:
            found = await self._client.api.get_json(self._repo_url(place))
            ref = ((found or {}).get("mainbranch") or {}).get("name")
            if not ref:
                raise NotFoundError(f"{place.site}/{place.repo} is empty: it has no main branch.")
        url = f"{self._repo_url(place)}/commit/{quote(ref, safe='')}"
        found = await self._client.api.get_json(url)
        commit = found.get("hash") if isinstance(found, dict) else None
        if not isinstance(commit, str) or not commit.isalnum():
            raise UnavailableError(f"{self._client.api.name} answered {url} without a commit.")
        return commit

    async def list_files(self, place: RepoPath, commit: str, folder: str) -> Sequence[RepoEntry]:
        base = f"{self._repo_url(place)}/src/{commit}/{quote(folder)}{'/' if folder else ''}"
        url: str | None = f"{base}?max_depth={CLOUD_DEPTH}&pagelen=100"
        found: list[RepoEntry] = []
        for _ in range(MAX_PAGES):
            assert url is not None
            try:
                page = await self._client.api.get_json(url)
            except NotFoundError:
                if found or not folder:
                    raise
                return []  # the commit is known to exist, so it is the folder that is absent
            if not isinstance(page, dict) or not isinstance(page.get("values"), list):
                raise UnavailableError(f"{self._client.api.name} answered {url} without a list.")
            found.extend(
                RepoEntry(item["path"], None, item.get("size"))
                for item in page["values"]
                if item.get("type") == "commit_file" and "link" not in (item.get("attributes") or ())
            )
            url = self._client.api.own_url(url, page.get("next"))
            if url is None:
                return found
        raise UnavailableError(f"{self._client.api.name} pages without end through {place.repo}.")

    async def read_entry(self, place: RepoPath, commit: str, entry: RepoEntry) -> bytes:
        return (await self._get_raw(place, entry.path, commit, None)).body

    async def read_archive(self, place: RepoPath, token: str | None) -> Archive:
        """From the site itself: the API of Cloud has no archives."""
        commit = await self.find_head(place)
        api = self._client.api_with(token) if token else self._client.api
        content = await api.download(f"{self._host.site}/{quote(place.repo)}/get/{commit}.tar.gz")
        return Archive(content, place.path, strip=1)

    async def list_refs(self, url: str) -> Sequence[str]:
        """The first hundred branches and tags."""
        place = self._require_path(url)
        api, base = self._client.api, self._repo_url(place)
        repository = await api.get_json(base)
        main = repository.get("mainbranch") if isinstance(repository, dict) else None
        names: list[Any] = [main.get("name")] if isinstance(main, dict) else []
        for kind in ("branches", "tags"):
            names += ref_names(None, _values(await api.get_json(f"{base}/refs/{kind}?pagelen=100")), "name")
        return unique_refs(names)

    async def find_change(self, place: RepoPath) -> FileChange | None:
        ref = place.ref or await self.find_head(place)
        url = f"{self._repo_url(place)}/commits/{quote(ref, safe='')}?path={quote(place.path, safe='')}&pagelen=1"
        commit = first_of(_values(await self._client.api.in_background(HISTORY_RESERVE).get_json(url)))
        author = commit.get("author")
        author = author if isinstance(author, dict) else {}
        user, raw = author.get("user"), author.get("raw")
        name = user.get("display_name") if isinstance(user, dict) else None
        return change_of(name or (raw.partition("<")[0] if isinstance(raw, str) else None), commit.get("date"))

    async def _get_raw(self, place: RepoPath, path: str, ref: str, etag: str | None) -> Reply:
        url = f"{self._repo_url(place)}/src/{quote(ref, safe='')}/{quote(path)}"
        return await self._client.api.get(url, etag=etag, accept="*/*", max_bytes=MAX_FILE_BYTES)

    def _repo_url(self, place: RepoPath) -> str:
        return f"{self._host.api_url}/repositories/{quote(place.repo)}"


class BitbucketServerReader(SourceHost):
    """Reads one Bitbucket Server. ``RepoPath.repo`` is ``KEY/repo``; a user's own project has the key ``~name``."""

    def __init__(self, client: BitbucketClient) -> None:
        super().__init__(client.host.host, "bitbucketServer")
        self._client = client
        self._host = client.host

    def find_path(self, url: str) -> RepoPath | None:
        parts = self._split_own(url)
        if parts is None:
            return None
        segments = decode_segments(parts.path)
        at = segments.index("repos") if "repos" in segments else -1
        if at < 2 or segments[at - 2] not in ("projects", "users") or len(segments) < at + 2:
            return None
        key = ("~" if segments[at - 2] == "users" else "") + segments[at - 1]
        repo, rest = segments[at + 1], segments[at + 2 :]
        if rest and rest[0] not in ("browse", "raw"):
            return None
        path = clean_path("/".join(rest[1:]))
        if path is None or has_dot_segment(key, repo) or "/" in key + repo:
            return None
        ref = parse_qs(parts.query).get("at", [None])[0]
        base = "/".join(segments[: at - 2])
        site = f"{parts.scheme}://{self._host.host}" + (f"/{base}" if base else "")
        return RepoPath(site, f"{key}/{repo}", ref, path)

    def format_url(self, place: RepoPath) -> str:
        key, _, repo = place.repo.partition("/")
        owner = f"users/{quote(key[1:], safe='')}" if key.startswith("~") else f"projects/{quote(key, safe='')}"
        at = f"?at={quote(place.ref, safe='/')}" if place.ref else ""
        return f"{place.site}/{owner}/repos/{quote(repo, safe='')}/browse/{quote_path(place.path)}{at}"

    async def read_path(self, place: RepoPath, *, etag: str | None) -> ReadFile:
        reply = await self._get_raw(place, place.path, place.ref, etag)
        if reply.not_modified:
            raise NotModified
        return ReadFile(self.format_url(place), reply.body, reply.etag)

    async def find_head(self, place: RepoPath) -> str:
        url = f"{self._repo_url(place)}/commits?limit=1" + (f"&until={quote(place.ref, safe='')}" if place.ref else "")
        found = await self._client.api.get_json(url)
        try:
            return str(found["values"][0]["id"])
        except (KeyError, IndexError, TypeError) as error:
            raise UnavailableError(f"{self._client.api.name} answered {url} without a commit.") from error

    async def list_files(self, place: RepoPath, commit: str, folder: str) -> Sequence[RepoEntry]:
        found: list[RepoEntry] = []
        start: Any = 0
        for _ in range(MAX_PAGES):
            url = f"{self._repo_url(place)}/files/{quote(folder)}?at={commit}&limit=1000&start={start}"
            try:
                page = await self._client.api.get_json(url)
            except NotFoundError:
                if found or not folder:
                    raise
                return []  # the commit is known to exist, so it is the folder that is absent
            if not isinstance(page, dict) or not isinstance(page.get("values"), list):
                raise UnavailableError(f"{self._client.api.name} answered {url} without a list.")
            found.extend(RepoEntry(f"{folder}/{path}" if folder else path) for path in page["values"])
            if page.get("isLastPage"):
                return found
            if not isinstance(page.get("nextPageStart"), int) or page["nextPageStart"] <= start:
                break
            start = page["nextPageStart"]
        raise UnavailableError(f"{self._client.api.name} pages without end through {place.repo}.")

    async def read_entry(self, place: RepoPath, commit: str, entry: RepoEntry) -> bytes:
        return (await self._get_raw(place, entry.path, commit, None)).body

    async def read_archive(self, place: RepoPath, token: str | None) -> Archive:
        api = self._client.api_with(token) if token else self._client.api
        url = f"{self._repo_url(place)}/archive?format=tgz"
        if place.ref:
            url += f"&at={quote(place.ref, safe='')}"
        if place.path:
            url += f"&path={quote(place.path, safe='')}"
        return Archive(await api.download(url), place.path)

    async def list_refs(self, url: str) -> Sequence[str]:
        """The first hundred branches and tags, the latest first."""
        place = self._require_path(url)
        base = self._repo_url(place)
        branches = _values(await self._client.api.get_json(f"{base}/branches?limit=100&orderBy=MODIFICATION"))
        tags = _values(await self._client.api.get_json(f"{base}/tags?limit=100&orderBy=MODIFICATION"))
        default = [one.get("displayId") for one in branches if isinstance(one, dict) and one.get("isDefault") is True]
        return unique_refs([*default, *ref_names(None, branches, "displayId"), *ref_names(None, tags, "displayId")])

    async def find_change(self, place: RepoPath) -> FileChange | None:
        url = f"{self._repo_url(place)}/commits?path={quote(place.path, safe='')}&limit=1"
        if place.ref:
            url += f"&until={quote(place.ref, safe='')}"
        commit = first_of(_values(await self._client.api.in_background(HISTORY_RESERVE).get_json(url)))
        author, at = commit.get("author"), commit.get("committerTimestamp") or commit.get("authorTimestamp")
        if not isinstance(author, dict) or not isinstance(at, (int, float)):
            return None
        return change_of(author.get("displayName") or author.get("name"), at / 1000)

    async def _get_raw(self, place: RepoPath, path: str, ref: str | None, etag: str | None) -> Reply:
        url = f"{self._repo_url(place)}/raw/{quote(path)}" + (f"?at={quote(ref, safe='')}" if ref else "")
        return await self._client.api.get(url, etag=etag, accept="*/*", max_bytes=MAX_FILE_BYTES)

    def _repo_url(self, place: RepoPath) -> str:
        key, _, repo = place.repo.partition("/")
        return f"{self._host.api_url}/projects/{quote(key, safe='~')}/repos/{quote(repo, safe='')}"


def _values(page: Any) -> list[Any]:
    found = page.get("values") if isinstance(page, dict) else None
    return found if isinstance(found, list) else []

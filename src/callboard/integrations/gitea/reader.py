"""Files of Gitea repositories: ``/<owner>/<repo>/{src,raw}/{branch,tag,commit}/<ref>/<path>``.

The ref is one segment; a slash in it is written ``%2F``.
"""

from __future__ import annotations

from typing import Sequence
from urllib.parse import quote

from callboard.integrations.gitea.client import GiteaClient
from callboard.kernel.errors import UnavailableError
from callboard.kernel.file_history import FileChange
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
    commit_change,
    decode_segments,
    first_of,
    has_dot_segment,
    is_commit,
    quote_path,
    ref_names,
    unique_refs,
)

REF_SORTS = frozenset({"branch", "tag", "commit"})
MAX_TREE_PAGES = 1000


class GiteaReader(SourceHost):
    """Reads one host. ``RepoPath.ref`` is ``branch/main``, ``tag/v1`` or ``commit/<sha>``."""

    def __init__(self, client: GiteaClient) -> None:
        super().__init__(client.host.host, "gitea")
        self._client = client
        self._host = client.host

    def find_path(self, url: str) -> RepoPath | None:
        parts = self._split_own(url)
        if parts is None:
            return None
        segments = decode_segments(parts.path)
        site = f"{parts.scheme}://{self._host.host}"
        if base := self._host.base_path:
            depth = len(base.split("/"))
            if segments[:depth] != base.split("/"):
                return None
            segments, site = segments[depth:], f"{site}/{base}"
        if len(segments) < 2 or has_dot_segment(*segments[:2]):
            return None
        owner, repo, *rest = segments
        ref: str | None = None
        if rest:
            if len(rest) < 3 or rest[0] not in ("src", "raw") or rest[1] not in REF_SORTS or has_dot_segment(rest[2]):
                return None
            ref, rest = f"{rest[1]}/{rest[2]}", rest[3:]
        path = clean_path("/".join(rest))
        return None if path is None else RepoPath(site, f"{owner}/{repo.removesuffix('.git')}", ref, path)

    def format_url(self, place: RepoPath) -> str:
        sort, _, name = (place.ref or "branch/HEAD").partition("/")
        return f"{place.site}/{quote(place.repo)}/src/{sort}/{quote(name, safe='')}/{quote_path(place.path)}"

    async def read_path(self, place: RepoPath, *, etag: str | None) -> ReadFile:
        reply = await self._get_raw(place, place.path, _ref_name(place), etag)
        if reply.not_modified:
            raise NotModified
        return ReadFile(self.format_url(place), reply.body, reply.etag)

    async def find_head(self, place: RepoPath) -> str:
        ref = _ref_name(place)
        if ref is None:
            found = await self._client.api.get_json(self._client.repo_url(place.repo))
            ref = str(found.get("default_branch") or "main")
        url = f"{self._client.repo_url(place.repo)}/git/commits/{quote(ref, safe='')}?stat=false&files=false"
        found = await self._client.api.get_json(url)
        commit = found.get("sha") if isinstance(found, dict) else None
        if not isinstance(commit, str) or not commit.isalnum():
            raise UnavailableError(f"{self._client.api.name} answered {url} without a commit.")
        return commit

    async def list_files(self, place: RepoPath, commit: str, folder: str) -> Sequence[RepoEntry]:
        found: list[RepoEntry] = []
        for page in range(1, MAX_TREE_PAGES + 1):
            url = f"{self._client.repo_url(place.repo)}/git/trees/{commit}?recursive=true&per_page=1000&page={page}"
            tree = await self._client.api.get_json(url)
            items = tree.get("tree") if isinstance(tree, dict) else None
            if not isinstance(items, list):
                raise UnavailableError(f"{self._client.api.name} answered {url} without a tree.")
            found.extend(
                RepoEntry(item["path"], item["sha"], item.get("size"))
                for item in items
                if item.get("type") == "blob" and item.get("mode") != "120000"
            )
            if not tree.get("truncated"):
                return found
        raise UnavailableError(f"{self._client.api.name} pages without end through {place.repo}.")

    async def read_entry(self, place: RepoPath, commit: str, entry: RepoEntry) -> bytes:
        return (await self._get_raw(place, entry.path, commit, None)).body

    async def read_archive(self, place: RepoPath, token: str | None) -> Archive:
        ref = _ref_name(place)
        api = self._client.api_with(token) if token else self._client.api
        if ref is None:
            found = await api.get_json(self._client.repo_url(place.repo))
            ref = str(found.get("default_branch") or "main")
        url = f"{self._client.repo_url(place.repo)}/archive/{quote(ref, safe='')}.tar.gz"
        return Archive(await api.download(url), place.path, strip=1)

    def read_ref(self, name: str) -> str:
        """``tag/v1`` is a tag; without such a beginning it is a commit by its letters, else a branch."""
        if name.partition("/")[0] in REF_SORTS and "/" in name:
            return name
        return f"commit/{name}" if is_commit(name) else f"branch/{name}"

    async def list_refs(self, url: str) -> Sequence[str]:
        """The first pages of branches and tags, as ``read_ref`` takes them."""
        place = self._require_path(url)
        base = self._client.repo_url(place.repo)
        repository = await self._client.api.get_json(base)
        branches = await self._client.api.get_json(f"{base}/branches?limit=50")
        tags = await self._client.api.get_json(f"{base}/tags?limit=50")
        default = repository.get("default_branch") if isinstance(repository, dict) else None
        names = ref_names(default, branches, "name")
        names = [f"branch/{name}" if name.partition("/")[0] in REF_SORTS else name for name in names]
        return unique_refs([*names, *(f"tag/{name}" for name in ref_names(None, tags, "name"))])

    async def find_change(self, place: RepoPath) -> FileChange | None:
        ref = _ref_name(place)
        url = f"{self._client.repo_url(place.repo)}/commits?path={quote(place.path, safe='')}&limit=1&stat=false&files=false"
        if ref:
            url += f"&sha={quote(ref, safe='')}"
        return commit_change(
            first_of(await self._client.api.in_background(HISTORY_RESERVE).get_json(url)).get("commit")
        )

    async def _get_raw(self, place: RepoPath, path: str, ref: str | None, etag: str | None) -> Reply:
        url = f"{self._client.repo_url(place.repo)}/raw/{quote(path)}"
        if ref:
            url += f"?ref={quote(ref, safe='')}"
        return await self._client.api.get(url, etag=etag, accept="*/*", max_bytes=MAX_FILE_BYTES)


def _ref_name(place: RepoPath) -> str | None:
    name = place.ref.partition("/")[2] if place.ref else None
    return None if name == "HEAD" else name

"""Files of GitHub repositories by their browser URLs: ``/<owner>/<repo>/{blob,tree,raw,edit}/<ref>/<path>``.

The ref is one segment; a slash in it is written ``%2F`` (``refs/heads/x`` and ``refs/tags/x`` are understood as written).
With credentials files come from the contents API, without from the raw host, which does not use up the 60 requests an hour.
"""

from __future__ import annotations

from typing import Any, Sequence
from urllib.parse import quote

from callboard.integrations.github.client import GithubClient
from callboard.kernel.errors import InputError, UnavailableError
from callboard.kernel.file_history import FileChange
from callboard.kernel.read_file import NotModified, ReadFile
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
    quote_path,
    ref_names,
    unique_refs,
)
from callboard.model.urls import split_http

RAW = "application/vnd.github.raw+json"
SHA = "application/vnd.github.sha"
VIEWS = frozenset({"blob", "tree", "raw", "edit"})


class GithubReader(SourceHost):
    """Reads one host. Rate limits are ``LimitError``; a private repository without a token is ``NotFoundError``, as GitHub says."""

    def __init__(self, client: GithubClient) -> None:
        super().__init__(client.host.host, "github")
        self._client = client
        self._host = client.host

    def find_path(self, url: str) -> RepoPath | None:
        parts = split_http(url)
        if parts is None:
            return None
        segments = decode_segments(parts.path)
        if parts.netloc.lower() == self._host.host:
            if len(segments) < 2:
                return None
            owner, repo, *rest = segments
            if rest and rest[0] not in VIEWS:
                return None
            rest = rest[1:]
        elif self._host.host == "github.com" and parts.netloc.lower() == "raw.githubusercontent.com":
            if len(segments) < 4:
                return None
            owner, repo, *rest = segments
        else:
            return None
        ref, rest = _split_ref(rest)
        path = clean_path("/".join(rest))
        if path is None or has_dot_segment(owner, repo) or (ref is not None and has_dot_segment(ref)):
            return None
        return RepoPath(f"{parts.scheme}://{self._host.host}", f"{owner}/{repo.removesuffix('.git')}", ref, path)

    def format_url(self, place: RepoPath) -> str:
        ref = quote(place.ref, safe="") if place.ref else "HEAD"
        return f"{place.site}/{place.repo}/blob/{ref}/{quote_path(place.path)}"

    async def read_path(self, place: RepoPath, *, etag: str | None) -> ReadFile:
        if self._host.has_credentials:
            url = f"{self._repo_url(place)}/contents/{quote(place.path)}"
            if place.ref:
                url += f"?ref={quote(place.ref, safe='')}"
            api = await self._client.api_for(_owner(place))
        else:
            url = f"{self._host.raw_url}/{_quoted_repo(place)}/{quote(place.ref or 'HEAD')}/{quote(place.path)}"
            api = await self._client.api_for(_owner(place), resource="raw")
        reply = await api.get(url, etag=etag, accept=RAW, max_bytes=MAX_FILE_BYTES)
        if reply.not_modified:
            raise NotModified
        if reply.headers.get("content-type", "").startswith("application/json") and _is_listing(reply):
            raise InputError(f"{self.format_url(place)} is a folder. Point to a file in it, or use a pattern with *.")
        return ReadFile(self.format_url(place), reply.body, reply.etag)

    async def find_head(self, place: RepoPath) -> str:
        api = await self._client.api_for(_owner(place))
        url = f"{self._repo_url(place)}/commits/{quote(place.ref or 'HEAD', safe='')}"
        commit = (await api.get(url, accept=SHA)).body.decode("ascii", "replace").strip()
        if not commit.isalnum():
            raise UnavailableError(f"{api.name} answered {url} with something that is not a commit.")
        return commit

    async def list_files(self, place: RepoPath, commit: str, folder: str) -> Sequence[RepoEntry]:
        """One recursive listing; where GitHub cuts it off (100,000 entries, 7 MB), folder by folder below ``folder``."""
        tree = await self._tree(place, commit, recursive=True)
        if not tree.get("truncated"):
            return [_entry(item, "") for item in _items(tree) if _is_file(item)]
        sha = commit
        for name in [part for part in folder.split("/") if part]:
            subtree = await self._find_subtree(place, sha, name)
            if subtree is None:
                return []
            sha = subtree
        return await self._walk(place, sha, f"{folder}/" if folder else "")

    async def read_entry(self, place: RepoPath, commit: str, entry: RepoEntry) -> bytes:
        api = await self._client.api_for(_owner(place))
        reply = await api.get(f"{self._repo_url(place)}/git/blobs/{entry.blob}", accept=RAW, max_bytes=MAX_FILE_BYTES)
        return reply.body

    async def list_refs(self, url: str) -> Sequence[str]:
        """The first hundred branches and tags."""
        place = self._require_path(url)
        api = await self._client.api_for(_owner(place))
        base = self._repo_url(place)
        repository = await api.get_json(base)
        default = repository.get("default_branch") if isinstance(repository, dict) else None
        names = ref_names(default, await api.get_json(f"{base}/branches?per_page=100"), "name")
        return unique_refs([*names, *ref_names(None, await api.get_json(f"{base}/tags?per_page=100"), "name")])

    async def find_change(self, place: RepoPath) -> FileChange | None:
        api = (await self._client.api_for(_owner(place))).in_background(HISTORY_RESERVE)
        at = quote(place.ref or "HEAD", safe="")
        found = await api.get_json(
            f"{self._repo_url(place)}/commits?sha={at}&path={quote(place.path, safe='')}&per_page=1"
        )
        commit = first_of(found).get("commit")
        return commit_change(commit)

    async def read_archive(self, place: RepoPath, token: str | None) -> Archive:
        api = self._client.api_with(token) if token else await self._client.api_for(_owner(place))
        content = await api.download(f"{self._repo_url(place)}/tarball/{quote(place.ref or 'HEAD', safe='')}")
        return Archive(content, place.path, strip=1)

    async def _find_subtree(self, place: RepoPath, sha: str, name: str) -> str | None:
        for item in _items(await self._tree(place, sha, recursive=False)):
            if item.get("path") == name and item.get("type") == "tree":
                return str(item["sha"])
        return None

    async def _walk(self, place: RepoPath, sha: str, prefix: str) -> list[RepoEntry]:
        tree = await self._tree(place, sha, recursive=True)
        if not tree.get("truncated"):
            return [_entry(item, prefix) for item in _items(tree) if _is_file(item)]
        tree = await self._tree(place, sha, recursive=False)
        if tree.get("truncated"):
            raise UnavailableError(f"GitHub cannot list all of {place.repo}/{prefix}: the folder is too large.")
        found: list[RepoEntry] = []
        for item in _items(tree):
            if _is_file(item):
                found.append(_entry(item, prefix))
            elif item.get("type") == "tree":
                found.extend(await self._walk(place, str(item["sha"]), f"{prefix}{item['path']}/"))
        return found

    async def _tree(self, place: RepoPath, sha: str, *, recursive: bool) -> dict[str, Any]:
        api = await self._client.api_for(_owner(place))
        url = f"{self._repo_url(place)}/git/trees/{sha}" + ("?recursive=1" if recursive else "")
        tree = await api.get_json(url)
        if not isinstance(tree, dict) or not isinstance(tree.get("tree"), list):
            raise UnavailableError(f"{api.name} answered {url} without a tree.")
        return tree

    def _repo_url(self, place: RepoPath) -> str:
        return f"{self._host.api_url}/repos/{_quoted_repo(place)}"


def _split_ref(segments: list[str]) -> tuple[str | None, list[str]]:
    if not segments:
        return None, []
    if len(segments) >= 3 and segments[0] == "refs" and segments[1] in ("heads", "tags"):
        return segments[2], segments[3:]
    return (None if segments[0] == "HEAD" else segments[0]), segments[1:]


def _owner(place: RepoPath) -> str:
    return place.repo.partition("/")[0]


def _quoted_repo(place: RepoPath) -> str:
    return "/".join(quote(part, safe="") for part in place.repo.split("/"))


def _items(tree: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in tree["tree"] if isinstance(item, dict) and isinstance(item.get("path"), str)]


def _is_file(item: dict[str, Any]) -> bool:
    return item.get("type") == "blob" and item.get("mode") != "120000"  # a symbolic link holds a path, not a document


def _entry(item: dict[str, Any], prefix: str) -> RepoEntry:
    size = item.get("size")
    return RepoEntry(f"{prefix}{item['path']}", str(item["sha"]), size if isinstance(size, int) else None)


def _is_listing(reply: Any) -> bool:
    """Whether this is the JSON of a folder; a file that is JSON has another content type, but a proxy may change that."""
    try:
        value = reply.json()
    except UnavailableError:
        return False
    return isinstance(value, list) and all(isinstance(item, dict) and "git_url" in item for item in value)

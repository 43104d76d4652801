"""Repositories of a Gitea organisation or user. Source: Gitea's Swagger document (``/orgs/{org}/repos``, ``/users/{username}/repos``)."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.gitea.client import GiteaClient
from callboard.kernel.discovery import ListedRepository, listed_texts, page_segments
from callboard.kernel.errors import NotFoundError
from callboard.kernel.source_host import text_setting

_NO_OWNER = frozenset({"explore", "user", "admin", "api", "org", "issues", "pulls"})


class GiteaListing:
    """A ``RepositoryListing``."""

    def __init__(self, client: GiteaClient) -> None:
        self._client = client
        self.host = client.host.host
        self.owners: Sequence[str] = ()

    def find_owner(self, url: str) -> str | None:
        segments = page_segments(url, self._client.host.base_url)
        return segments[0] if segments and len(segments) == 1 and segments[0] not in _NO_OWNER else None

    def owner_url(self, owner: str) -> str:
        return f"{self._client.host.base_url}/{quote(owner, safe='')}"

    async def list_repositories(self, owner: str) -> Sequence[ListedRepository]:
        api, name, base = self._client.api.in_background(), quote(owner, safe=""), self._client.host.base_url
        try:
            rows = await api.list_items(f"{base}/api/v1/orgs/{name}/repos?limit=50")
        except NotFoundError:
            rows = await api.list_items(f"{base}/api/v1/users/{name}/repos?limit=50")
        return [_of(row) for row in rows]


def _of(row: Mapping[str, Any]) -> ListedRepository:
    return ListedRepository(
        url=str(row["html_url"]),
        name=str(row["full_name"]),
        branch=text_setting(row, "default_branch") or "",
        description=text_setting(row, "description") or "",
        homepage=text_setting(row, "website") or "",
        topics=listed_texts(row.get("topics")),
        is_archived=bool(row.get("archived")),
        is_fork=bool(row.get("fork")),
        is_empty=bool(row.get("empty")),
    )

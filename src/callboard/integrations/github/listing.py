"""Repositories of a GitHub organisation or user, for whoever looks for some.

Source: GitHub REST documentation 2022-11-28, "List organization repositories", "List repositories for a user".
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.github.client import GithubClient
from callboard.kernel.discovery import ListedRepository, listed_texts, page_segments
from callboard.kernel.errors import NotFoundError
from callboard.kernel.source_host import text_setting

ORDER = "per_page=100&sort=created&direction=asc"
_NO_OWNER = frozenset(
    {"settings", "marketplace", "explore", "topics", "notifications", "orgs", "apps", "login", "search"}
)


class GithubListing:
    """A ``RepositoryListing``."""

    def __init__(self, client: GithubClient, owners: Sequence[str] = ()) -> None:
        self._client = client
        self.host = client.host.host
        self.owners: Sequence[str] = tuple(owners)

    def find_owner(self, url: str) -> str | None:
        segments = page_segments(url, f"https://{self.host}")
        if segments and segments[0] == "orgs" and len(segments) > 1:
            return segments[1]
        return segments[0] if segments and len(segments) == 1 and segments[0] not in _NO_OWNER else None

    def owner_url(self, owner: str) -> str:
        return f"https://{self.host}/{quote(owner, safe='')}"

    async def list_repositories(self, owner: str) -> Sequence[ListedRepository]:
        api = (await self._client.api_for(owner)).in_background()
        name, base = quote(owner, safe=""), self._client.host.api_url
        try:
            rows = await api.list_items(f"{base}/orgs/{name}/repos?type=all&{ORDER}")
        except NotFoundError:
            rows = await api.list_items(f"{base}/users/{name}/repos?type=owner&{ORDER}")
        return [_of(row, owner) for row in rows]


def _of(row: Mapping[str, Any], owner: str) -> ListedRepository:
    return ListedRepository(
        url=str(row["html_url"]),
        name=str(row.get("full_name") or f"{owner}/{row['name']}"),
        branch=text_setting(row, "default_branch") or "",
        description=text_setting(row, "description") or "",
        homepage=text_setting(row, "homepage") or "",
        topics=listed_texts(row.get("topics")),
        is_archived=bool(row.get("archived")),
        is_fork=bool(row.get("fork")),
        is_empty=row.get("size") == 0,
    )

"""Repositories of a Bitbucket Cloud workspace and of a Bitbucket Server project.

Source: Atlassian developer documentation, "List repositories in a workspace", "Get repositories for project".
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.bitbucket.client import BitbucketClient
from callboard.kernel.discovery import ListedRepository, page_segments
from callboard.kernel.errors import UnavailableError
from callboard.kernel.source_host import text_setting

MAX_PAGES = 1000


class BitbucketCloudListing:
    """A ``RepositoryListing`` of workspaces."""

    def __init__(self, client: BitbucketClient) -> None:
        self._client = client
        self.host = client.host.host
        self.owners: Sequence[str] = ()

    def find_owner(self, url: str) -> str | None:
        segments = page_segments(url, f"https://{self.host}")
        if segments and len(segments) == 3 and segments[1:] == ["workspace", "repositories"]:
            return segments[0]
        return segments[0] if segments and len(segments) == 1 else None

    def owner_url(self, owner: str) -> str:
        return f"https://{self.host}/{quote(owner, safe='')}"

    async def list_repositories(self, owner: str) -> Sequence[ListedRepository]:
        api = self._client.api.in_background()
        url: str | None = (
            f"{self._client.host.api_url}/repositories/{quote(owner, safe='')}?pagelen=100&sort=created_on"
        )
        found: list[ListedRepository] = []
        for _ in range(MAX_PAGES):
            page = await api.get_json(str(url))
            if not isinstance(page, dict) or not isinstance(page.get("values"), list):
                raise UnavailableError(f"{api.name} answered {url} without a list.")
            found += [_of_cloud(row) for row in page["values"]]
            url = api.own_url(str(url), page.get("next"))
            if url is None:
                return found
        raise UnavailableError(f"{api.name} pages without end through {owner}.")


class BitbucketServerListing:
    """A ``RepositoryListing`` of projects, by their keys."""

    def __init__(self, client: BitbucketClient) -> None:
        self._client = client
        self.host = client.host.host
        self.owners: Sequence[str] = ()

    def find_owner(self, url: str) -> str | None:
        segments = page_segments(url, f"https://{self.host}")
        return segments[1] if segments and len(segments) == 2 and segments[0] == "projects" else None

    def owner_url(self, owner: str) -> str:
        return f"https://{self.host}/projects/{quote(owner, safe='')}"

    async def list_repositories(self, owner: str) -> Sequence[ListedRepository]:
        api, start = self._client.api.in_background(), 0
        base = f"{self._client.host.api_url}/projects/{quote(owner, safe='')}/repos?limit=100"
        found: list[ListedRepository] = []
        for _ in range(MAX_PAGES):
            page = await api.get_json(f"{base}&start={start}")
            if not isinstance(page, dict) or not isinstance(page.get("values"), list):
                raise UnavailableError(f"{api.name} answered {base} without a list.")
            found += [self._of(row, owner) for row in page["values"]]
            following = page.get("nextPageStart")
            if page.get("isLastPage", True) or not isinstance(following, int) or following <= start:
                return found
            start = following
        raise UnavailableError(f"{api.name} pages without end through {owner}.")

    def _of(self, row: Mapping[str, Any], owner: str) -> ListedRepository:
        return ListedRepository(
            url=f"https://{self.host}/projects/{quote(owner, safe='')}/repos/{quote(str(row['slug']), safe='')}",
            name=f"{owner}/{row['slug']}",
            description=text_setting(row, "description") or "",
            is_archived=bool(row.get("archived")),
            is_fork=bool(row.get("origin")),
        )


def _of_cloud(row: Mapping[str, Any]) -> ListedRepository:
    return ListedRepository(
        url=str(row["links"]["html"]["href"]),
        name=str(row["full_name"]),
        branch=str((row.get("mainbranch") or {}).get("name") or ""),
        description=text_setting(row, "description") or "",
        homepage=text_setting(row, "website") or "",
        is_fork=bool(row.get("parent")),
        is_empty=row.get("mainbranch") is None,
    )

"""Projects of a GitLab group with its subgroups, for whoever looks for some.

Source: GitLab documentation, "Groups API" (list a group's projects).
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.gitlab.client import GitlabClient
from callboard.kernel.discovery import ListedRepository, listed_texts, page_segments
from callboard.kernel.source_host import text_setting


class GitlabListing:
    """A ``RepositoryListing``. A page of two segments is a project; a subgroup is written ``/groups/acme/platform``, as GitLab does."""

    def __init__(self, client: GitlabClient, owners: Sequence[str] = ()) -> None:
        self._client = client
        self.host = client.host.host
        self.owners: Sequence[str] = tuple(owners)

    def find_owner(self, url: str) -> str | None:
        segments = page_segments(url, self._client.host.base_url)
        if not segments:
            return None
        if segments[0] == "groups":
            inner = segments[1 : segments.index("-")] if "-" in segments else segments[1:]
            return "/".join(inner) or None
        return segments[0] if len(segments) == 1 else None

    def owner_url(self, owner: str) -> str:
        return f"{self._client.host.base_url}/groups/{quote(owner)}"

    async def list_repositories(self, owner: str) -> Sequence[ListedRepository]:
        query = "include_subgroups=true&per_page=100&order_by=id&sort=asc"
        url = f"{self._client.host.api_url}/groups/{quote(owner, safe='')}/projects?{query}"
        return [_of(row) for row in await self._client.api.in_background().list_items(url)]


def _of(row: Mapping[str, Any]) -> ListedRepository:
    return ListedRepository(
        url=str(row["web_url"]),
        name=str(row["path_with_namespace"]),
        branch=text_setting(row, "default_branch") or "",
        description=text_setting(row, "description") or "",
        topics=listed_texts(row.get("topics") or row.get("tag_list")),
        is_archived=bool(row.get("archived")),
        is_fork=bool(row.get("forked_from_project")),
        is_empty=bool(row.get("empty_repo")) or row.get("repository_access_level") == "disabled",
    )

"""Repositories of an Azure DevOps organisation, or of one of its projects. Source: Microsoft Learn, "Git - Repositories - List"."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.azure.client import AzureClient
from callboard.kernel.discovery import ListedRepository, page_segments
from callboard.kernel.errors import UnavailableError


class AzureListing:
    """A ``RepositoryListing``: ``organisation`` or ``organisation/project``."""

    def __init__(self, client: AzureClient) -> None:
        self._client = client
        self.host = client.host.host
        self.owners: Sequence[str] = ()

    def find_owner(self, url: str) -> str | None:
        segments = page_segments(url, f"https://{self.host}")
        if not segments or len(segments) > 2 or any(one.startswith("_") for one in segments):
            return None
        return "/".join(segments)

    def owner_url(self, owner: str) -> str:
        return f"https://{self.host}/{quote(owner)}"

    async def list_repositories(self, owner: str) -> Sequence[ListedRepository]:
        organization = owner.partition("/")[0]
        api = self._client.api_for(organization).in_background()
        url = f"{self._client.host.base_url}/{quote(owner)}/_apis/git/repositories?api-version=6.0"
        page = await api.get_json(url)
        rows = page.get("value") if isinstance(page, dict) else None
        if not isinstance(rows, list):
            raise UnavailableError(f"{api.name} answered {url} without a list.")
        return [_of(row, organization) for row in rows if not row.get("isDisabled")]


def _of(row: Mapping[str, Any], organization: str) -> ListedRepository:
    branch = str(row.get("defaultBranch") or "")
    return ListedRepository(
        url=str(row["webUrl"]),
        name=f"{organization}/{row['project']['name']}/{row['name']}",
        branch=f"GB{branch.removeprefix('refs/heads/')}" if branch else "",
        is_fork=bool(row.get("isFork")),
        is_empty=not branch,
    )

"""Suggestions for fields of forms that name things at GitLab, with the token of whoever fills in the form.

Resources: ``groups``; ``repositories`` (context ``id``, the number of a group, or ``owner``, its path); context ``host`` for others
than gitlab.com.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.features.scaffolder.interface import Autocomplete
from callboard.integrations.gitlab.client import GitlabClients

_MOST = 1000


class GitlabAutocomplete:
    def __init__(self, clients: GitlabClients) -> None:
        self._clients = clients

    def all(self) -> Sequence[Autocomplete]:
        return [
            Autocomplete("gitlab", "groups", self.groups),
            Autocomplete("gitlab", "repositories", self.repositories),
        ]

    async def groups(self, token: str, context: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
        """Groups, and the account itself."""
        client = self._clients.get(context.get("host") or "gitlab.com")
        api = client.api_with(token)
        me = await api.get_json(f"{client.host.api_url}/user")
        rows = await _rows(api, f"{client.host.api_url}/groups?per_page=100&min_access_level=30&all_available=false")
        groups = [{"id": str(row["id"]), "title": str(row["full_path"])} for row in rows]
        return [*groups, {"id": str(me["id"]), "title": str(me["username"])}]

    async def repositories(self, token: str, context: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
        client = self._clients.get(context.get("host") or "gitlab.com")
        api, group = client.api_with(token), context.get("id") or context.get("owner")
        path = f"/groups/{quote(group, safe='')}/projects" if group else "/projects"
        own = "" if group else "&membership=true"
        rows = await _rows(api, f"{client.host.api_url}{path}?per_page=100&simple=true{own}")
        return [{"id": str(row["path"]), "title": str(row["name"])} for row in rows]


async def _rows(api: Any, url: str) -> Sequence[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    async for page in api.iter_pages(url):
        found.extend(page)
        if len(found) >= _MOST:
            break
    return found[:_MOST]

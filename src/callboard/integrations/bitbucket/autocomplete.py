"""Suggestions for fields of forms that name things at Bitbucket Cloud, with the token of whoever fills in the form.

Resources: ``workspaces``; ``projects`` (context ``workspace``); ``repositories`` (``workspace``, ``project``); ``branches``
(``workspace``, ``repository``).
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.features.scaffolder.interface import Autocomplete
from callboard.integrations.bitbucket.client import BitbucketClient
from callboard.kernel.errors import InputError

_MOST_PAGES = 10
_KIND = "bitbucket-cloud"


class BitbucketAutocomplete:
    def __init__(self, client: BitbucketClient) -> None:
        self._client = client

    def all(self) -> Sequence[Autocomplete]:
        return [
            Autocomplete(_KIND, "workspaces", self.workspaces),
            Autocomplete(_KIND, "projects", self.projects),
            Autocomplete(_KIND, "repositories", self.repositories),
            Autocomplete(_KIND, "branches", self.branches),
        ]

    async def workspaces(self, token: str, context: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
        return [{"id": str(row["slug"])} for row in await self._rows(token, "/workspaces?pagelen=100")]

    async def projects(self, token: str, context: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
        workspace = _need(context, "workspace")
        rows = await self._rows(token, f"/workspaces/{workspace}/projects?pagelen=100")
        return [{"id": str(row["key"]), "title": str(row.get("name") or row["key"])} for row in rows]

    async def repositories(self, token: str, context: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
        workspace, project = _need(context, "workspace"), _need(context, "project")
        query = quote(f'project.key="{project}"', safe="")
        return [
            {"id": str(row["slug"])}
            for row in await self._rows(token, f"/repositories/{workspace}?q={query}&pagelen=100")
        ]

    async def branches(self, token: str, context: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
        workspace, repository = _need(context, "workspace"), _need(context, "repository")
        rows = await self._rows(token, f"/repositories/{workspace}/{repository}/refs/branches?pagelen=100")
        return [{"id": str(row["name"])} for row in rows]

    async def _rows(self, token: str, path: str) -> Sequence[Mapping[str, Any]]:
        api = self._client.api_with(token)
        url: str | None = self._client.host.api_url + path
        found: list[Mapping[str, Any]] = []
        for _ in range(_MOST_PAGES):
            if url is None:
                break
            page = await api.get_json(url)
            found.extend(page.get("values") or ())
            url = api.own_url(url, page.get("next"))
        return found


def _need(context: Mapping[str, str], name: str) -> str:
    value = context.get(name)
    if not value:
        raise InputError(f"Missing {name} context parameter")
    return quote(value, safe="")

"""Suggestions for fields of forms that name things at GitHub: with the token of whoever fills in the form.

Resources: ``repositoriesWithOwner``, ``owners``, ``branches`` (context ``owner`` and ``repository``); context ``host`` for others than
github.com.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.features.scaffolder.interface import Autocomplete
from callboard.integrations.github.client import GithubClients
from callboard.kernel.errors import InputError

_MOST = 1000


class GithubAutocomplete:
    def __init__(self, clients: GithubClients) -> None:
        self._clients = clients

    def all(self) -> Sequence[Autocomplete]:
        return [
            Autocomplete("github", "repositoriesWithOwner", self.repositories),
            Autocomplete("github", "owners", self.owners),
            Autocomplete("github", "branches", self.branches),
        ]

    async def repositories(self, token: str, context: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
        return [{"id": str(row["full_name"])} for row in await self._rows(token, context, "/user/repos?per_page=100")]

    async def owners(self, token: str, context: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
        """The account and its organisations."""
        api, base = self._api(token, context)
        me = await api.get_json(f"{base}/user")
        rows = await self._rows(token, context, "/user/orgs?per_page=100")
        return [{"id": str(row["login"])} for row in [me, *rows]]

    async def branches(self, token: str, context: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
        owner, repository = context.get("owner"), context.get("repository")
        if not owner or not repository:
            raise InputError("Missing owner and/or repository context parameter")
        path = f"/repos/{quote(owner, safe='')}/{quote(repository, safe='')}/branches?per_page=100"
        return [{"id": str(row["name"])} for row in await self._rows(token, context, path)]

    async def _rows(self, token: str, context: Mapping[str, str], path: str) -> Sequence[Mapping[str, Any]]:
        api, base = self._api(token, context)
        found: list[Mapping[str, Any]] = []
        async for page in api.iter_pages(base + path):
            found.extend(page)
            if len(found) >= _MOST:
                break
        return found[:_MOST]

    def _api(self, token: str, context: Mapping[str, str]) -> tuple[Any, str]:
        client = self._clients.get(context.get("host") or "github.com")
        return client.api_with(token), client.host.api_url

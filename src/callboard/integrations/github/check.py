"""Does GitHub know this organisation, and does it take the token? Asked before the settings name them.

Source: GitHub REST documentation 2022-11-28, "Get an organization" (``total_private_repos`` with a member's token only).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from callboard.features.catalog.interface.checks import OwnerFound
from callboard.integrations.github.client import GithubClients
from callboard.kernel.errors import UnavailableError
from callboard.kernel.rate_budget import RateBudgets
from callboard.kernel.settings import Settings


class GithubCheck:
    """A ``SourceCheck``. Each check has a client of its own, so that a refused token spoils nobody's budget."""

    kind = "github"

    def __init__(self, portal: Any) -> None:
        self._portal = portal

    async def check(self, *, host: str, owner: str, token: str | None) -> OwnerFound:
        settings = Settings.of({"integrations": {"github": [{"host": host, "token": token}]}})
        clock = self._portal.clock
        client = GithubClients(settings, self._portal.http, RateBudgets(clock), clock).get(host)
        api = await client.api_for(owner)
        found = await api.get_json(f"{client.host.api_url}/orgs/{quote(owner, safe='')}")
        if not isinstance(found, dict) or not isinstance(found.get("login"), str):
            raise UnavailableError(f"{host} answered as no GitHub does. Check the name of the host.")
        counts = [n for key in ("public_repos", "total_private_repos") if isinstance(n := found.get(key), int)]
        return OwnerFound(str(found.get("name") or found["login"]), sum(counts) if counts else None)

"""Does GitLab know this group, and does it take the token? Asked before the settings name them.

Source: GitLab documentation, "Groups API" (details of a group).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from callboard.features.catalog.interface.checks import OwnerFound
from callboard.integrations.gitlab.client import GitlabClients
from callboard.kernel.errors import UnavailableError
from callboard.kernel.rate_budget import RateBudgets
from callboard.kernel.settings import Settings


class GitlabCheck:
    """A ``SourceCheck``. Each check has a client of its own, so that a refused token spoils nobody's budget."""

    kind = "gitlab"

    def __init__(self, portal: Any) -> None:
        self._portal = portal

    async def check(self, *, host: str, owner: str, token: str | None) -> OwnerFound:
        settings = Settings.of({"integrations": {"gitlab": [{"host": host, "token": token}]}})
        client = GitlabClients(settings, self._portal.http, RateBudgets(self._portal.clock)).get(host)
        found = await client.api.get_json(f"{client.host.api_url}/groups/{quote(owner, safe='')}?with_projects=false")
        if not isinstance(found, dict) or not isinstance(found.get("full_path"), str):
            raise UnavailableError(f"{host} answered as no GitLab does. Check the name of the host.")
        return OwnerFound(str(found.get("full_name") or found["full_path"]))

"""The API of a kind of source host as one integration offers it to others: credentials, budget and cache stay with the first.

Integrations do not know each other. The one that reads a kind of host offers its API under the class of that kind here, and
whoever asks more of the host than files takes it with ``portal.find_service``, going without where it is switched off.
"""

from __future__ import annotations

from typing import Protocol

from callboard.kernel.remote_api import RemoteApi


class HostApis(Protocol):
    """The hosts of one kind that the settings name, by host name (lower-cased)."""

    def find_api_url(self, host: str) -> str | None:
        """Where the REST API of the host begins, without a slash at the end; None for a host that is not known."""

    def has_credentials(self, host: str) -> bool:
        """Whether requests to the host carry a token or come from an app."""

    async def api_for(self, host: str, owner: str) -> RemoteApi:
        """The API with the credential that sees ``owner``'s repositories. Raises ``InputError`` for an unknown host,
        ``NotFoundError`` when no credential is for that owner.
        """


class GithubApis(HostApis, Protocol):
    """GitHub and GitHub Enterprise: ``integrations.github``."""

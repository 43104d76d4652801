"""Gitea's REST API v1: hosts from settings, credentials, budgets. Source: Gitea's Swagger document (``/swagger.v1.json``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping
from urllib.parse import quote, urlsplit

from callboard.kernel.access_token import basic_authorization
from callboard.kernel.rate_budget import RateBudgets
from callboard.kernel.remote_api import Http, RemoteApi
from callboard.kernel.source_host import SettingsView, host_settings, text_setting


@dataclass(frozen=True, slots=True)
class GiteaHost:
    """One entry of ``integrations.gitea``. A password without a user name is an access token, as in Backstage."""

    host: str
    base_url: str
    username: str | None = None
    password: str | None = None

    @property
    def base_path(self) -> str:
        return urlsplit(self.base_url).path.strip("/")


def read_hosts(settings: SettingsView) -> list[GiteaHost]:
    """Hosts of ``integrations.gitea``; gitea.com without a token when it is not named. Raises ``InputError``."""
    hosts: list[GiteaHost] = []
    for entry in host_settings(settings, "gitea"):
        host = (text_setting(entry, "host") or "gitea.com").lower()
        base = text_setting(entry, "baseUrl") or f"https://{host}"
        hosts.append(GiteaHost(host, base, text_setting(entry, "username"), text_setting(entry, "password")))
    if all(h.host != "gitea.com" for h in hosts):
        hosts.append(GiteaHost("gitea.com", "https://gitea.com"))
    return hosts


class GiteaClient:
    """The API of one host."""

    def __init__(self, host: GiteaHost, http: Http, budgets: RateBudgets) -> None:
        self.host = host
        self._http = http
        self._budgets = budgets
        self.api = RemoteApi(
            http,
            name=f"Gitea ({host.host})",
            budget=budgets.of(f"gitea {host.host}"),
            headers=self._headers,
            how_to_allow=f"the password of integrations.gitea for host {host.host}",
        )

    def api_with(self, token: str) -> RemoteApi:
        """The API with a token that somebody brought, with a budget and cache of its own."""

        async def headers() -> Mapping[str, str]:
            return {"authorization": f"token {token}"}

        return RemoteApi(
            self._http,
            name=f"Gitea ({self.host.host})",
            budget=self._budgets.apart(f"gitea {self.host.host} given"),
            headers=headers,
            how_to_allow="the token that the step was given",
        )

    def git_authorization(self, token: str | None) -> str | None:
        """For git: the token given, else the credentials of the settings."""
        if token:
            return basic_authorization("oauth2", token)
        if self.host.password:
            return basic_authorization(self.host.username or "oauth2", self.host.password)
        return None

    async def _headers(self) -> Mapping[str, str]:
        if not self.host.password:
            return {}
        if self.host.username:
            return {"authorization": basic_authorization(self.host.username, self.host.password)}
        return {"authorization": f"token {self.host.password}"}

    def repo_url(self, repo: str) -> str:
        return f"{self.host.base_url}/api/v1/repos/{'/'.join(quote(part, safe='') for part in repo.split('/'))}"


class GiteaClients:
    """The clients of all configured hosts."""

    def __init__(self, settings: SettingsView, http: Http, budgets: RateBudgets) -> None:
        self.all = [GiteaClient(host, http, budgets) for host in read_hosts(settings)]

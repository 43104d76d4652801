"""Gerrit's REST API: hosts from settings, credentials, budgets. Source: Gerrit Code Review, "REST API" and "/projects/"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping
from urllib.parse import quote

from callboard.kernel.access_token import basic_authorization
from callboard.kernel.errors import InputError
from callboard.kernel.rate_budget import RateBudgets
from callboard.kernel.remote_api import Http, RemoteApi
from callboard.kernel.source_host import SettingsView, host_settings, text_setting


@dataclass(frozen=True, slots=True)
class GerritHost:
    """One entry of ``integrations.gerrit``. The password is the one for HTTP that Gerrit makes."""

    host: str
    base_url: str
    clone_url: str
    gitiles_url: str
    username: str | None = None
    password: str | None = None


def read_hosts(settings: SettingsView) -> list[GerritHost]:
    """Hosts of ``integrations.gerrit``. Raises ``InputError`` for an entry without host."""
    hosts: list[GerritHost] = []
    for index, entry in enumerate(host_settings(settings, "gerrit")):
        host = text_setting(entry, "host")
        if host is None:
            field = f"integrations.gerrit[{index}].host"
            raise InputError(f"{field} is missing.", field=field)
        base = text_setting(entry, "baseUrl") or f"https://{host.lower()}"
        hosts.append(
            GerritHost(
                host=host.lower(),
                base_url=base,
                clone_url=text_setting(entry, "cloneUrl") or base,
                gitiles_url=text_setting(entry, "gitilesBaseUrl") or f"{base}/plugins/gitiles",
                username=text_setting(entry, "username"),
                password=text_setting(entry, "password"),
            )
        )
    return hosts


class GerritClient:
    """The API of one host. Addresses below ``/a/`` are those for who has credentials."""

    def __init__(self, host: GerritHost, http: Http, budgets: RateBudgets) -> None:
        self.host = host
        self.api = RemoteApi(
            http,
            name=f"Gerrit ({host.host})",
            budget=budgets.of(f"gerrit {host.host}"),
            headers=self._headers,
            how_to_allow=f"username and password of integrations.gerrit for host {host.host}",
        )

    @property
    def authorization(self) -> str | None:
        """For the API and for git."""
        if self.host.username and self.host.password:
            return basic_authorization(self.host.username, self.host.password)
        return None

    async def _headers(self) -> Mapping[str, str]:
        return {"authorization": self.authorization} if self.authorization else {}

    def project_url(self, repo: str) -> str:
        return f"{self.host.base_url}/a/projects/{quote(repo, safe='')}"

    def remote_url(self, repo: str) -> str:
        return f"{self.host.clone_url}/a/{quote(repo)}"

    def contents_url(self, repo: str, branch: str) -> str:
        return f"{self.host.gitiles_url}/{quote(repo)}/+/refs/heads/{quote(branch)}"

    def review_url(self, change_id: str) -> str:
        return f"{self.host.base_url}/#/q/{change_id}"


class GerritClients:
    """The clients of all configured hosts."""

    def __init__(self, settings: SettingsView, http: Http, budgets: RateBudgets) -> None:
        self.all = [GerritClient(host, http, budgets) for host in read_hosts(settings)]

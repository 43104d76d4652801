"""GitLab's REST API v4: hosts from settings, credentials, budgets.

Source: GitLab documentation, "REST API", "Repository files API", "Repositories API", "Rate limits".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping
from urllib.parse import quote, urlsplit

from callboard.kernel.errors import InputError
from callboard.kernel.rate_budget import RateBudgets
from callboard.kernel.remote_api import Http, RemoteApi
from callboard.kernel.source_host import SettingsView, host_settings, text_setting


@dataclass(frozen=True, slots=True)
class GitlabHost:
    """One entry of ``integrations.gitlab``. ``base_url`` may have a path (an instance below ``/gitlab``)."""

    host: str
    base_url: str
    api_url: str
    token: str | None = None
    per_minute: int | None = None

    @property
    def base_path(self) -> str:
        return urlsplit(self.base_url).path.strip("/")


def read_hosts(settings: SettingsView) -> list[GitlabHost]:
    """Hosts of ``integrations.gitlab``; gitlab.com without a token when it is not named. Raises ``InputError``."""
    hosts: list[GitlabHost] = []
    for index, entry in enumerate(host_settings(settings, "gitlab")):
        host = (text_setting(entry, "host") or "gitlab.com").lower()
        base = text_setting(entry, "baseUrl") or f"https://{host}"
        retry = entry.get("retry") or {}
        per_minute = retry.get("maxApiRequestsPerMinute") if isinstance(retry, Mapping) else None
        if per_minute is not None and (not isinstance(per_minute, int) or per_minute == 0 or per_minute < -1):
            field = f"integrations.gitlab[{index}].retry.maxApiRequestsPerMinute"
            raise InputError(f"{field} must be a positive number, or -1 for no limit.", field=field)
        hosts.append(
            GitlabHost(
                host=host,
                base_url=base,
                api_url=text_setting(entry, "apiBaseUrl") or f"{base}/api/v4",
                token=text_setting(entry, "token"),
                per_minute=per_minute if per_minute and per_minute > 0 else None,
            )
        )
    if all(h.host != "gitlab.com" for h in hosts):
        hosts.append(GitlabHost("gitlab.com", "https://gitlab.com", "https://gitlab.com/api/v4"))
    return hosts


class GitlabClient:
    """The API of one host."""

    def __init__(self, host: GitlabHost, http: Http, budgets: RateBudgets) -> None:
        self.host = host
        self._http = http
        self._budgets = budgets
        self.api = RemoteApi(
            http,
            name=f"GitLab ({host.host})",
            budget=budgets.of(f"gitlab {host.host}", per_minute=host.per_minute),
            headers=self._headers,
            how_to_allow=f"the token of integrations.gitlab for host {host.host}",
        )

    def api_with(self, token: str) -> RemoteApi:
        """The API with a token that somebody brought (OAuth or personal), with a budget and cache of its own."""

        async def headers() -> Mapping[str, str]:
            return {"authorization": f"Bearer {token}"}

        return RemoteApi(
            self._http,
            name=f"GitLab ({self.host.host})",
            budget=self._budgets.apart(f"gitlab {self.host.host} given"),
            headers=headers,
            how_to_allow="the token that the step was given",
        )

    async def _headers(self) -> Mapping[str, str]:
        return {"private-token": self.host.token} if self.host.token else {}

    def project_url(self, project: str | int) -> str:
        """The API's address of a project, by full path or number."""
        return f"{self.host.api_url}/projects/{quote(str(project), safe='')}"


class GitlabClients:
    """The clients of all configured hosts, shared by reader and providers so that budget and cache are one."""

    def __init__(self, settings: SettingsView, http: Http, budgets: RateBudgets) -> None:
        self.all = [GitlabClient(host, http, budgets) for host in read_hosts(settings)]

    def get(self, host: str) -> GitlabClient:
        """Raises ``InputError`` naming the setting when the host is not configured."""
        for client in self.all:
            if client.host.host == host.lower():
                return client
        raise InputError(
            f"No GitLab host {host!r} is known. Add it to integrations.gitlab.", field="integrations.gitlab"
        )

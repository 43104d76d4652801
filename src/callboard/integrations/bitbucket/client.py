"""Bitbucket's REST APIs (Cloud 2.0, Server 1.0): hosts from settings, credentials, budgets.

Source: Atlassian developer documentation, "Bitbucket Cloud REST API: Source" and "Bitbucket Data Center REST API 1.0".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping

from callboard.kernel.access_token import AccessToken, ask_client_token, basic_authorization
from callboard.kernel.errors import InputError
from callboard.kernel.rate_budget import RateBudgets
from callboard.kernel.remote_api import Http, RemoteApi
from callboard.kernel.source_host import SettingsView, host_settings, text_setting

CLOUD_HOST = "bitbucket.org"
CLOUD_API = "https://api.bitbucket.org/2.0"
CLOUD_TOKEN_URL = "https://bitbucket.org/site/oauth2/access_token"


@dataclass(frozen=True, slots=True)
class BitbucketHost:
    """One host. ``username`` with a password or token is Basic; a token alone is Bearer; a client is OAuth (Cloud only)."""

    host: str
    api_url: str
    username: str | None = None
    password: str | None = None
    token: str | None = None
    client_id: str | None = None
    client_secret: str | None = None

    @property
    def site(self) -> str:
        """Where its pages are, with the scheme of its API."""
        return f"{self.api_url.partition('://')[0]}://{self.host}"


def read_cloud(settings: SettingsView) -> BitbucketHost:
    """``integrations.bitbucketCloud``; without credentials when it is not set. Raises ``InputError``."""
    entries = host_settings(settings, "bitbucketCloud")
    if len(entries) > 1:
        raise InputError("integrations.bitbucketCloud is one account; list one.", field="integrations.bitbucketCloud")
    entry: Mapping[str, Any] = entries[0] if entries else {}
    host = (text_setting(entry, "host") or CLOUD_HOST).lower()
    username, token = text_setting(entry, "username"), text_setting(entry, "token")
    return BitbucketHost(
        host=host,
        api_url=text_setting(entry, "apiBaseUrl") or (CLOUD_API if host == CLOUD_HOST else f"https://{host}/2.0"),
        username=username,
        password=(token if username else None) or text_setting(entry, "appPassword"),
        token=None if username else token,
        client_id=text_setting(entry, "clientId"),
        client_secret=text_setting(entry, "clientSecret"),
    )


def read_servers(settings: SettingsView) -> list[BitbucketHost]:
    """Hosts of ``integrations.bitbucketServer``. Raises ``InputError`` for an entry without host."""
    hosts: list[BitbucketHost] = []
    for index, entry in enumerate(host_settings(settings, "bitbucketServer")):
        host = text_setting(entry, "host")
        if host is None:
            field = f"integrations.bitbucketServer[{index}].host"
            raise InputError(f"{field} is missing.", field=field)
        hosts.append(
            BitbucketHost(
                host=host.lower(),
                api_url=text_setting(entry, "apiBaseUrl") or f"https://{host.lower()}/rest/api/1.0",
                username=text_setting(entry, "username"),
                password=text_setting(entry, "password"),
                token=text_setting(entry, "token"),
            )
        )
    return hosts


class BitbucketClient:
    """The API of one host."""

    def __init__(self, host: BitbucketHost, http: Http, budgets: RateBudgets, clock: Any, *, setting: str) -> None:
        self.host = host
        self._is_cloud = setting == "bitbucketCloud"
        self._http = http
        self._clock = clock
        self._budgets = budgets
        self._token = AccessToken(self._ask_token, clock)
        self.api = RemoteApi(
            http,
            name=f"Bitbucket ({host.host})",
            budget=budgets.of(f"bitbucket {host.host}"),
            headers=self._headers,
            how_to_allow=f"the credentials of integrations.{setting} for host {host.host}",
        )

    def api_with(self, token: str) -> RemoteApi:
        """The API with a token that somebody brought, with a budget and cache of its own."""

        async def headers() -> Mapping[str, str]:
            return {"authorization": f"Bearer {token}"}

        return RemoteApi(
            self._http,
            name=f"Bitbucket ({self.host.host})",
            budget=self._budgets.apart(f"bitbucket {self.host.host} given"),
            headers=headers,
            how_to_allow="the token that the step was given",
        )

    @property
    def has_credentials(self) -> bool:
        host = self.host
        return bool(host.token or (host.username and host.password) or (host.client_id and host.client_secret))

    async def git_authorization(self, token: str | None) -> str | None:
        """For git: the token given, else the credentials of the settings. Cloud takes tokens as a password of its own name."""
        is_cloud = self._is_cloud
        if token:
            return basic_authorization("x-token-auth", token) if is_cloud else f"Bearer {token}"
        header = (await self._headers()).get("authorization")
        if header and is_cloud and header.startswith("Bearer "):
            return basic_authorization("x-token-auth", header.removeprefix("Bearer "))
        return header

    async def _headers(self) -> Mapping[str, str]:
        host = self.host
        if host.token:
            return {"authorization": f"Bearer {host.token}"}
        if host.username and host.password:
            return {"authorization": basic_authorization(host.username, host.password)}
        if host.client_id and host.client_secret:
            return {"authorization": f"Bearer {await self._token.get()}"}
        return {}

    async def _ask_token(self) -> tuple[str, datetime]:
        client_id, client_secret = self.host.client_id or "", self.host.client_secret or ""
        return await ask_client_token(
            self._http,
            CLOUD_TOKEN_URL,
            form={},
            now=self._clock.now(),
            authorization=basic_authorization(client_id, client_secret),
            refused=f"Bitbucket gave no token for client {client_id}. "
            "Check clientId and clientSecret of integrations.bitbucketCloud.",
        )


class BitbucketClients:
    """The clients of Cloud and of all configured servers."""

    def __init__(self, settings: SettingsView, http: Http, budgets: RateBudgets, clock: Any) -> None:
        self.cloud = BitbucketClient(read_cloud(settings), http, budgets, clock, setting="bitbucketCloud")
        self.servers = [
            BitbucketClient(host, http, budgets, clock, setting="bitbucketServer") for host in read_servers(settings)
        ]

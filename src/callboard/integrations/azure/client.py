"""Azure DevOps' REST API 6.0: hosts from settings, credentials per organisation, budgets.

Credentials: a personal access token (Basic), or clientId, clientSecret and tenantId (client-credentials grant of Microsoft Entra).
Source: Microsoft Learn, "Git - Items - Get", "Use personal access tokens", "Rate and usage limits".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping
from urllib.parse import quote

from callboard.kernel.access_token import AccessToken, ask_client_token, basic_authorization
from callboard.kernel.errors import InputError
from callboard.kernel.rate_budget import RateBudgets
from callboard.kernel.remote_api import Http, RemoteApi
from callboard.kernel.source_host import SettingsView, host_settings, text_setting

CLOUD = "dev.azure.com"
DEVOPS_SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"
"""Azure DevOps' own application id (Microsoft Learn, "Authenticate to Azure DevOps with Microsoft Entra")."""
LOGIN_URL = "https://login.microsoftonline.com"


@dataclass(frozen=True, slots=True)
class AzureCredential:
    """``organizations`` empty is every organisation."""

    organizations: frozenset[str] = frozenset()
    personal_access_token: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class AzureHost:
    """One entry of ``integrations.azure``. ``base_url`` is where the API is; credentials go nowhere else."""

    host: str
    base_url: str
    credentials: tuple[AzureCredential, ...] = ()

    def find_credential(self, organization: str) -> AzureCredential | None:
        """The one that names the organisation, else the one for all."""
        named = [c for c in self.credentials if organization.lower() in c.organizations]
        rest = [c for c in self.credentials if not c.organizations]
        return next(iter(named or rest), None)


def read_hosts(settings: SettingsView) -> list[AzureHost]:
    """Hosts of ``integrations.azure``; dev.azure.com without a token when it is not named. Raises ``InputError``."""
    hosts: list[AzureHost] = []
    for index, entry in enumerate(host_settings(settings, "azure")):
        host = (text_setting(entry, "host") or CLOUD).lower()
        base = text_setting(entry, "baseUrl") or f"https://{host}"
        hosts.append(AzureHost(host, base, tuple(_read_credentials(entry, f"integrations.azure[{index}]"))))
    if all(h.host != CLOUD for h in hosts):
        hosts.append(AzureHost(CLOUD, f"https://{CLOUD}"))
    return hosts


def _read_credentials(entry: Mapping[str, Any], field: str) -> list[AzureCredential]:
    rows = entry.get("credentials") or []
    if not isinstance(rows, (list, tuple)) or not all(isinstance(row, Mapping) for row in rows):
        raise InputError(f"{field}.credentials must be a list.", field=f"{field}.credentials")
    found = []
    for number, row in enumerate(rows):
        credential = AzureCredential(
            organizations=frozenset(str(name).lower() for name in row.get("organizations") or ()),
            personal_access_token=text_setting(row, "personalAccessToken"),
            client_id=text_setting(row, "clientId"),
            client_secret=text_setting(row, "clientSecret"),
            tenant_id=text_setting(row, "tenantId"),
        )
        complete = credential.client_id and credential.client_secret and credential.tenant_id
        if not credential.personal_access_token and not complete:
            raise InputError(
                f"{field}.credentials[{number}] needs personalAccessToken, or clientId, clientSecret and tenantId.",
                field=f"{field}.credentials[{number}]",
            )
        found.append(credential)
    return found


class AzureClient:
    """The API of one host; each organisation has its own budget."""

    def __init__(self, host: AzureHost, http: Http, budgets: RateBudgets, clock: Any) -> None:
        self.host = host
        self._http = http
        self._budgets = budgets
        self._clock = clock
        self._apis: dict[str, RemoteApi] = {}

    def api_for(self, organization: str) -> RemoteApi:
        key = f"azure {self.host.host} {organization.lower()}"
        if key not in self._apis:
            authorization = AzureAuthorization(self.host.find_credential(organization), self._http, self._clock)
            self._apis[key] = RemoteApi(
                self._http,
                name=f"Azure DevOps ({self.host.host}/{organization})",
                budget=self._budgets.of(key),
                headers=authorization.headers,
                how_to_allow=f"the credentials of integrations.azure for host {self.host.host}",
            )
        return self._apis[key]

    def api_with(self, organization: str, token: str) -> RemoteApi:
        """The API with a token that somebody brought, with a budget and cache of its own."""

        async def headers() -> Mapping[str, str]:
            return {"authorization": given_authorization(token)}

        return RemoteApi(
            self._http,
            name=f"Azure DevOps ({self.host.host}/{organization})",
            budget=self._budgets.apart(f"azure {self.host.host} given"),
            headers=headers,
            how_to_allow="the token that the step was given",
        )

    async def git_authorization(self, organization: str, token: str | None) -> str | None:
        """For git: the token given, else the credentials of the settings."""
        if token:
            return given_authorization(token)
        held = AzureAuthorization(self.host.find_credential(organization), self._http, self._clock)
        return (await held.headers()).get("authorization")


def given_authorization(token: str) -> str:
    """The header for a token that somebody brought: an OAuth token is a JWT, everything else a personal access token."""
    return f"Bearer {token}" if token.count(".") == 2 else basic_authorization("", token)


class AzureAuthorization:
    """The ``Authorization`` header of one credential."""

    def __init__(self, credential: AzureCredential | None, http: Http, clock: Any) -> None:
        self._credential = credential
        self._http = http
        self._clock = clock
        self._token = AccessToken(self._ask_entra, clock)

    async def headers(self) -> Mapping[str, str]:
        credential = self._credential
        if credential is None:
            return {}
        if credential.personal_access_token:
            return {"authorization": basic_authorization("", credential.personal_access_token)}
        return {"authorization": f"Bearer {await self._token.get()}"}

    async def _ask_entra(self) -> tuple[str, datetime]:
        credential = self._credential
        assert credential is not None
        return await ask_client_token(
            self._http,
            f"{LOGIN_URL}/{quote(credential.tenant_id or '', safe='')}/oauth2/v2.0/token",
            form={"client_id": credential.client_id, "client_secret": credential.client_secret, "scope": DEVOPS_SCOPE},
            now=self._clock.now(),
            refused=f"Microsoft Entra gave no token for client {credential.client_id}. "
            "Check clientId, clientSecret and tenantId of integrations.azure.",
        )


class AzureClients:
    """The clients of all configured hosts."""

    def __init__(self, settings: SettingsView, http: Http, budgets: RateBudgets, clock: Any) -> None:
        self.all = [AzureClient(host, http, budgets, clock) for host in read_hosts(settings)]

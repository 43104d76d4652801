"""GitHub's REST and GraphQL APIs: hosts from settings, credentials (token or app), budgets.

Source: GitHub REST documentation 2022-11-28 ("Authenticating as a GitHub App installation", "Rate limits", "Repository contents").
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.kernel.access_token import AccessToken
from callboard.kernel.clock import parse_time
from callboard.kernel.errors import InputError, NotFoundError, UnavailableError
from callboard.kernel.rate_budget import RateBudgets
from callboard.kernel.remote_api import ConditionalCache, Http, RemoteApi
from callboard.kernel.source_host import SettingsView, host_settings, text_setting

API_VERSION = "2022-11-28"


@dataclass(frozen=True, slots=True)
class GithubApp:
    """A GitHub app. ``owners`` limits the installations used (lower-case logins; empty is all)."""

    app_id: str
    private_key: str
    owners: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GithubHost:
    """One entry of ``integrations.github``. URLs have no trailing slash."""

    host: str
    api_url: str
    raw_url: str
    token: str | None = None
    apps: tuple[GithubApp, ...] = ()

    @property
    def has_credentials(self) -> bool:
        return self.token is not None or bool(self.apps)

    @property
    def graphql_url(self) -> str:
        # Enterprise serves GraphQL beside v3, not below it
        return self.api_url.removesuffix("/v3") + "/graphql"


def read_hosts(settings: SettingsView) -> list[GithubHost]:
    """Hosts of ``integrations.github``; github.com without credentials when it is not named. Raises ``InputError``."""
    hosts: list[GithubHost] = []
    for index, entry in enumerate(host_settings(settings, "github")):
        host = (text_setting(entry, "host") or "github.com").lower()
        public = host == "github.com"
        hosts.append(
            GithubHost(
                host=host,
                api_url=text_setting(entry, "apiBaseUrl")
                or ("https://api.github.com" if public else f"https://{host}/api/v3"),
                raw_url=text_setting(entry, "rawBaseUrl")
                or ("https://raw.githubusercontent.com" if public else f"https://{host}/raw"),
                token=text_setting(entry, "token"),
                apps=tuple(_read_apps(entry, f"integrations.github[{index}]")),
            )
        )
    if all(h.host != "github.com" for h in hosts):
        hosts.append(GithubHost("github.com", "https://api.github.com", "https://raw.githubusercontent.com"))
    return hosts


def _read_apps(entry: Mapping[str, Any], field: str) -> Sequence[GithubApp]:
    apps = entry.get("apps") or []
    if not isinstance(apps, (list, tuple)):
        raise InputError(f"{field}.apps must be a list of apps.", field=f"{field}.apps")
    found = []
    for number, app in enumerate(apps):
        if not isinstance(app, Mapping) or not app.get("appId") or not app.get("privateKey"):
            raise InputError(f"{field}.apps[{number}] needs appId and privateKey.", field=f"{field}.apps[{number}]")
        owners = frozenset(str(owner).lower() for owner in app.get("allowedInstallationOwners") or ())
        found.append(GithubApp(str(app["appId"]), str(app["privateKey"]), owners))
    return found


class GithubClient:
    """The API of one host. Each credential has its own ``RemoteApi``, and with it its own budget and cache."""

    def __init__(self, host: GithubHost, http: Http, budgets: RateBudgets, clock: Any) -> None:
        self.host = host
        self._http = http
        self._budgets = budgets
        self._clock = clock
        self._apis: dict[str, RemoteApi] = {}
        self._installations: dict[tuple[str, str], Installation] = {}

    async def api_for(self, owner: str, *, resource: str = "core") -> RemoteApi:
        """The API with the credential that sees ``owner``'s repositories.

        ``resource`` is one of GitHub's separate limits: core, graphql, raw. Raises ``NotFoundError`` when only apps are
        configured and none is installed at the owner.
        """
        if self.host.apps:
            installation = await self._find_installation(owner)
            if installation is not None:
                return self._api(f"app-{installation.id}", resource, installation.token)
            if self.host.token is None:
                raise NotFoundError(
                    f"No app of integrations.github for {self.host.host} is installed at {owner}. "
                    "Install one there, or set a token."
                )
        return self._api("token" if self.host.token else "anonymous", resource, self._fixed_token)

    def api_with(self, token: str) -> RemoteApi:
        """The API with a token that somebody brought: with a budget and cache of its own, which are not kept."""

        async def headers() -> Mapping[str, str]:
            return {"x-github-api-version": API_VERSION, "authorization": f"Bearer {token}"}

        return RemoteApi(
            self._http,
            name=f"GitHub ({self.host.host})",
            budget=self._budgets.apart(f"github {self.host.host} given"),
            headers=headers,
            how_to_allow="the token that the step was given",
        )

    async def token_for(self, owner: str) -> str | None:
        """The token behind ``api_for``, for git; None without credentials."""
        if self.host.apps and (installation := await self._find_installation(owner)) is not None:
            return await installation.token()
        return self.host.token

    async def _fixed_token(self) -> str | None:
        return self.host.token

    def _api(self, credential: str, resource: str, token: Any) -> RemoteApi:
        key = f"github {self.host.host} {credential} {resource}"
        api = self._apis.get(key)
        if api is not None:
            return api

        async def headers() -> Mapping[str, str]:
            value = await token()
            base = {"x-github-api-version": API_VERSION} if resource != "raw" else {}
            return {**base, "authorization": f"Bearer {value}"} if value else base

        api = self._apis[key] = RemoteApi(
            self._http,
            name=f"GitHub ({self.host.host})",
            budget=self._budgets.of(key),
            headers=headers,
            how_to_allow=f"the token or app of integrations.github for host {self.host.host}",
            cache=ConditionalCache(),
        )
        return api

    async def _find_installation(self, owner: str) -> Installation | None:
        """The first allowed app's installation at ``owner`` (a login), or None."""
        for app in self.host.apps:
            if app.owners and owner.lower() not in app.owners:
                continue
            key = (app.app_id, owner.lower())
            if key not in self._installations:
                api = self._app_api(app)
                found = await self._ask_installation(api, owner)
                if found is None:
                    continue  # not remembered: the app may be installed there a minute later
                self._installations[key] = Installation(found, api, self.host.api_url, self._clock)
            return self._installations[key]
        return None

    async def _ask_installation(self, api: RemoteApi, owner: str) -> int | None:
        for sort in ("orgs", "users"):
            try:
                found = await api.get_json(f"{self.host.api_url}/{sort}/{quote(owner, safe='')}/installation")
            except NotFoundError:
                continue
            return int(found["id"])
        return None

    def _app_api(self, app: GithubApp) -> RemoteApi:
        async def token() -> str:
            return app_jwt(app, self._clock.now())

        return self._api(f"app-{app.app_id}-itself", "core", token)


class Installation:
    """An app at one owner, with an access token of its own."""

    def __init__(self, id: int, api: RemoteApi, api_url: str, clock: Any) -> None:
        self.id = id
        self._api = api
        self._url = f"{api_url}/app/installations/{id}/access_tokens"
        self.token = AccessToken(self._ask_token, clock).get

    async def _ask_token(self) -> tuple[str, datetime]:
        answer = await self._api.post_json(self._url, {})
        try:
            return str(answer["token"]), parse_time(answer["expires_at"])
        except (KeyError, TypeError, ValueError) as error:
            raise UnavailableError(f"{self._api.name} gave no usable token for installation {self.id}.") from error


def app_jwt(app: GithubApp, now: datetime) -> str:
    """The app's own token: RS256, issued a minute ago against clock drift, valid nine minutes (GitHub allows ten).

    Raises ``InputError`` when the private key is no PEM key.
    """
    from joserfc import jwt
    from joserfc.jwk import RSAKey

    issued = int(now.timestamp()) - 60
    try:
        key = RSAKey.import_key(app.private_key)
    except Exception as error:  # the library wraps several parsers, each with errors of its own
        raise InputError(f"The privateKey of GitHub app {app.app_id} is not a PEM private key: {error}") from error
    return jwt.encode({"alg": "RS256"}, {"iat": issued, "exp": issued + 600, "iss": app.app_id}, key)


class GithubClients:
    """The clients of all configured hosts, shared by reader and providers so that budget and cache are one."""

    def __init__(self, settings: SettingsView, http: Http, budgets: RateBudgets, clock: Any) -> None:
        self.all = [GithubClient(host, http, budgets, clock) for host in read_hosts(settings)]

    def get(self, host: str) -> GithubClient:
        """Raises ``InputError`` naming the setting when the host is not configured."""
        for client in self.all:
            if client.host.host == host.lower():
                return client
        raise InputError(
            f"No GitHub host {host!r} is known. Add it to integrations.github.", field="integrations.github"
        )

    def find_api_url(self, host: str) -> str | None:
        return next((client.host.api_url for client in self.all if client.host.host == host.lower()), None)

    def has_credentials(self, host: str) -> bool:
        return any(client.host.has_credentials for client in self.all if client.host.host == host.lower())

    async def api_for(self, host: str, owner: str) -> RemoteApi:
        """See ``kernel.host_apis.HostApis``."""
        return await self.get(host).api_for(owner)

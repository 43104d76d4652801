"""One repository at GitHub as an action works on it: its API under the right credential, its way through git."""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import quote, urlsplit

from callboard.integrations.github.client import GithubClient, GithubClients
from callboard.kernel.access_token import basic_authorization
from callboard.kernel.actions import ActionContext
from callboard.kernel.errors import InputError, UnavailableError
from callboard.kernel.publishing import PublishDefaults, repo_url_of
from callboard.kernel.publishing.pushing import Push, Pushed, require_pusher
from callboard.kernel.publishing.signing import signing_key_of
from callboard.kernel.remote_api import RemoteApi, WriteMethod
from callboard.kernel.workspace import Workspace


class GithubRepository:
    """``url`` is the repository in the API."""

    def __init__(self, client: GithubClient, api: RemoteApi, owner: str, name: str, token: str | None) -> None:
        self.client = client
        self.api = api
        self.owner = owner
        self.name = name
        self._token = token
        self.url = f"{client.host.api_url}/repos/{quote(owner, safe='')}/{quote(name, safe='')}"

    @property
    def page(self) -> str:
        return f"https://{self.client.host.host}/{quote(self.owner)}/{quote(self.name)}"

    def at_root(self, path: str) -> str:
        return f"{self.client.host.api_url}{path}"

    async def get(self, path: str = "") -> Any:
        return await self.api.get_json(self.url + path)

    async def send(self, method: WriteMethod, path: str, payload: Any = None) -> Any:
        return await self.api.send_json(method, self.url + path, payload)

    async def git_authorization(self) -> str | None:
        token = self._token or await self.client.token_for(self.owner)
        return basic_authorization("x-access-token", token) if token else None

    def check_own(self, url: str) -> str:
        """``url`` from an answer, to which the credential will be shown. Raises ``UnavailableError`` for another host's."""
        parts = urlsplit(url)
        if parts.netloc.lower() != self.client.host.host or parts.scheme not in ("http", "https"):
            raise UnavailableError(f"{self.api.name} names {url[:200]} as the address of {self.owner}/{self.name}.")
        return url


class GithubPublishing:
    """What the actions of GitHub have in common."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self.clients: GithubClients = portal.service(GithubClients)
        self.defaults = PublishDefaults.of(portal.settings)

    async def open(self, context: ActionContext) -> GithubRepository:
        """The repository that ``repoUrl`` names. Raises ``InputError``, ``NotFoundError`` when no credential is for its owner."""
        place = repo_url_of(context.input, self._portal.settings, "github")
        client = self.clients.get(place.host)
        token = self.defaults.token_of(context.input)
        owner, name = place.owner or "", place.repo or ""
        if token is None and not client.host.has_credentials:
            raise InputError(
                f"There are no credentials for {place.host}. Set token or apps of integrations.github, or give the step a token.",
                field="token",
            )
        api = client.api_with(token) if token else await client.api_for(owner)
        return GithubRepository(client, api, owner, name, token)

    async def push(
        self, repository: GithubRepository, folder: Workspace, *, url: str, branch: str, input: Mapping[str, Any]
    ) -> Pushed:
        return await require_pusher(self._portal).push(
            Push(
                url=repository.check_own(url),
                folder=folder.root,
                branch=branch,
                author=self.defaults.author_of(input),
                message=self.defaults.message_of(input),
                authorization=await repository.git_authorization(),
                signing_key=signing_key_of(input, self._portal.settings, url),
            )
        )

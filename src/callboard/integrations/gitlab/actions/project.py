"""One project at GitLab as an action works on it. Source: GitLab documentation, "REST API", "Projects", "Commits", "Groups"."""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import quote, urlsplit

from callboard.integrations.gitlab.client import GitlabClient, GitlabClients
from callboard.kernel.access_token import basic_authorization
from callboard.kernel.actions import ActionContext
from callboard.kernel.errors import InputError, NotFoundError, UnavailableError
from callboard.kernel.publishing import PublishDefaults, repo_url_of
from callboard.kernel.publishing.pushing import Push, Pushed, require_pusher
from callboard.kernel.publishing.schemas import TOKEN, Schema, text
from callboard.kernel.publishing.signing import signing_key_of
from callboard.kernel.remote_api import RemoteApi, WriteMethod
from callboard.kernel.workspace import Workspace

REPO_URL = text("The project: `gitlab.com?owner=group&repo=tools`, or `gitlab.com?project=42`.")
COMMON: dict[str, Schema] = {"repoUrl": REPO_URL, "token": TOKEN}


class GitlabProject:
    """``id`` is its number or its full path; ``url`` is the project in the API."""

    def __init__(self, client: GitlabClient, api: RemoteApi, owner: str, name: str, id: str, token: str | None) -> None:
        self.client = client
        self.api = api
        self.owner = owner
        self.name = name
        self.id = id
        self._token = token
        self.url = client.project_url(id)

    def at_root(self, path: str) -> str:
        return f"{self.client.host.api_url}{path}"

    async def get(self, path: str = "") -> Any:
        return await self.api.get_json(self.url + path)

    async def send(self, method: WriteMethod, path: str, payload: Any = None) -> Any:
        return await self.api.send_json(method, self.url + path, payload)

    async def find_branch(self, name: str) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = await self.get(f"/repository/branches/{quote(name, safe='')}")
        except NotFoundError:
            return None
        return found

    async def find_user(self, username: str) -> int:
        """The id of an account. Raises ``InputError``."""
        name = username.lstrip("@")
        rows = await self.api.get_json(self.at_root(f"/users?username={quote(name, safe='')}"))
        if not rows:
            raise InputError(f"There is no user {name} at {self.client.host.host}.")
        return int(rows[0]["id"])

    def git_authorization(self) -> str | None:
        token = self._token or self.client.host.token
        return basic_authorization("oauth2", token) if token else None


class GitlabPublishing:
    """What the actions of GitLab have in common."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self.settings = portal.settings
        self.clients: GitlabClients = portal.service(GitlabClients)
        self.defaults = PublishDefaults.of(portal.settings)

    def open(self, context: ActionContext) -> GitlabProject:
        """The project that ``repoUrl`` names. Raises ``InputError``."""
        place = repo_url_of(context.input, self._portal.settings, "gitlab")
        client = self.clients.get(place.host)
        token = self.defaults.token_of(context.input)
        if token is None and client.host.token is None:
            raise InputError(
                f"There is no token for {place.host}. Set token of integrations.gitlab, or give the step one.",
                field="token",
            )
        api = client.api_with(token) if token else client.api
        owner, name = place.owner or "", place.repo or ""
        return GitlabProject(client, api, owner, name, place.project or f"{owner}/{name}", token)

    async def push(
        self, project: GitlabProject, folder: Workspace, *, url: str, branch: str, input: Mapping[str, Any]
    ) -> Pushed:
        if urlsplit(url).netloc.lower() != urlsplit(project.client.host.base_url).netloc.lower():
            raise UnavailableError(f"{project.api.name} names {url[:200]} as the address of {project.id}.")
        return await require_pusher(self._portal).push(
            Push(
                url=url,
                folder=folder.root,
                branch=branch,
                author=self.defaults.author_of(input),
                message=self.defaults.message_of(input),
                authorization=project.git_authorization(),
                signing_key=signing_key_of(input, self._portal.settings, url),
            )
        )

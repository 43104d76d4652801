"""``publish:gitea``. Source: Gitea's Swagger document, ``createOrgRepo`` and ``createCurrentUserRepo``."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.gitea.client import GiteaClient, GiteaClients
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import InputError, NotFoundError
from callboard.kernel.publishing import PublishDefaults, once, repo_url_of
from callboard.kernel.publishing.pushing import check_remote
from callboard.kernel.publishing.pushing_steps import push_step
from callboard.kernel.publishing.schemas import COMMIT, PUBLISHED, SOURCE_PATH, TOKEN, one_of, record, text
from callboard.kernel.publishing.steps import step_action
from callboard.kernel.remote_api import RemoteApi


class PublishGitea:
    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self._clients: GiteaClients = portal.service(GiteaClients)
        self._defaults = PublishDefaults.of(portal.settings)

    def action(self) -> Action:
        return step_action(
            "publish:gitea",
            "Publish to Gitea",
            "Makes a repository at Gitea or Forgejo and pushes the files of the workspace.",
            self.run,
            record(
                {
                    "repoUrl": text("The repository: `gitea.com?owner=acme&repo=tools`."),
                    "description": text("Description of the repository."),
                    "defaultBranch": text("Name of the default branch.", default="main"),
                    "repoVisibility": one_of("Who sees it.", "private", "public", default="public"),
                    "sourcePath": SOURCE_PATH,
                    **COMMIT,
                    "token": TOKEN,
                },
                ("repoUrl",),
            ),
            PUBLISHED,
            {"A repository": "repoUrl: gitea.com?owner=acme&repo=tools\nrepoVisibility: private"},
        )

    async def run(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        place = repo_url_of(given, self._portal.settings, "gitea")
        client = next(one for one in self._clients.all if one.host.host == place.host)
        token = self._defaults.token_of(given)
        if token is None and not client.host.password:
            raise InputError(f"There is no password for {place.host}. Set it in integrations.gitea, or give a token.")
        api = client.api_with(token) if token else client.api
        name, branch = place.repo or "", str(given.get("defaultBranch") or "main")

        async def create() -> dict[str, str]:
            payload = {
                "name": name,
                "description": given.get("description") or "",
                "private": given.get("repoVisibility") == "private",
                "default_branch": branch,
            }
            made = await api.send_json("POST", await _target(client, api, place.owner), payload)
            context.log(f"Made the repository {made['html_url']}.")
            return {"page": made["html_url"], "remote": made["clone_url"]}

        made = await once(context, "create", create)
        url = check_remote(made["remote"], client.host.base_url.partition("://")[2].partition("/")[0], api.name)
        commit = await push_step(
            self._portal, self._defaults, context,
            url=url, branch=branch, authorization=client.git_authorization(token),
        )  # fmt: skip
        contents = f"{made['page']}/src/branch/{quote(branch)}/"
        return {"remoteUrl": url, "repoContentsUrl": contents, "commitHash": commit}


async def _target(client: GiteaClient, api: RemoteApi, owner: str | None) -> str:
    """Where to make it: at an organisation, or at the account itself."""
    base = f"{client.host.base_url}/api/v1"
    if owner is None:
        return f"{base}/user/repos"
    try:
        await api.get_json(f"{base}/orgs/{quote(owner, safe='')}")
    except NotFoundError:
        me = await api.get_json(f"{base}/user")
        if str(me.get("login", "")).lower() == owner.lower():
            return f"{base}/user/repos"
        raise NotFoundError(
            f"There is no organisation {owner} at {client.host.host} that these credentials see. Check repoUrl.",
            field="repoUrl",
        ) from None
    return f"{base}/orgs/{quote(owner, safe='')}/repos"


def gitea_actions(portal: Any) -> Sequence[Action]:
    return [PublishGitea(portal).action()]

"""``publish:azure``. Source: Microsoft Learn, "Git - Repositories - Create" (REST API 6.0)."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.azure.client import AzureClients
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import InputError
from callboard.kernel.publishing import PublishDefaults, once, repo_url_of
from callboard.kernel.publishing.pushing import check_remote
from callboard.kernel.publishing.pushing_steps import push_step
from callboard.kernel.publishing.schemas import COMMIT, PUBLISHED, SOURCE_PATH, TOKEN, record, text
from callboard.kernel.publishing.steps import step_action


class PublishAzure:
    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self._clients: AzureClients = portal.service(AzureClients)
        self._defaults = PublishDefaults.of(portal.settings)

    def action(self) -> Action:
        return step_action(
            "publish:azure",
            "Publish to Azure DevOps",
            "Makes a repository in a project of Azure DevOps and pushes the files of the workspace.",
            self.run,
            record(
                {
                    "repoUrl": text("The repository: `dev.azure.com?organization=acme&owner=project&repo=tools`."),
                    "description": text("Description; Azure DevOps keeps none for repositories."),
                    "defaultBranch": text("Name of the default branch.", default="master"),
                    "sourcePath": SOURCE_PATH,
                    **COMMIT,
                    "token": TOKEN,
                },
                ("repoUrl",),
            ),
            record({**PUBLISHED["properties"], "repositoryId": text("Id of the repository.")}),
            {"A repository": "repoUrl: dev.azure.com?organization=acme&owner=platform&repo=tools"},
        )

    async def run(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        place = repo_url_of(given, self._portal.settings, "azure")
        if not place.organization:
            raise InputError(
                f"Invalid repo URL passed to publisher: {given['repoUrl']}, missing organization", field="repoUrl"
            )
        client = next(one for one in self._clients.all if one.host.host == place.host)
        organization, project = place.organization, place.project or ""
        token = self._defaults.token_of(given)
        if token is None and client.host.find_credential(organization) is None:
            raise InputError(
                f"There are no credentials for {organization} at {place.host}. Set them in integrations.azure, or give a token."
            )
        api = client.api_with(organization, token) if token else client.api_for(organization)

        async def create() -> dict[str, str]:
            url = (
                f"{client.host.base_url}/{quote(organization)}/{quote(project, safe='')}/_apis/git/repositories"
                "?api-version=6.0"
            )
            made = await api.send_json("POST", url, {"name": place.repo})
            context.log(f"Made the repository {made['webUrl']}.")
            return {"remote": made["remoteUrl"], "id": made["id"]}

        made = await once(context, "create", create)
        url = check_remote(made["remote"], client.host.base_url.partition("://")[2].partition("/")[0], api.name)
        commit = await push_step(
            self._portal, self._defaults, context, url=url, branch=str(given.get("defaultBranch") or "master"),
            authorization=await client.git_authorization(organization, token),
        )  # fmt: skip
        return {"remoteUrl": url, "repoContentsUrl": url, "repositoryId": made["id"], "commitHash": commit}


def azure_actions(portal: Any) -> Sequence[Action]:
    return [PublishAzure(portal).action()]

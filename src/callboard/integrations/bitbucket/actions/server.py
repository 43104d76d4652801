"""``publish:bitbucketServer`` and its pull request. Source: "Bitbucket Data Center REST API 1.0"."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.bitbucket.client import BitbucketClient, BitbucketClients
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import InputError, NotFoundError
from callboard.kernel.publishing import PublishDefaults, once, repo_url_of
from callboard.kernel.publishing.pushing import check_remote
from callboard.kernel.publishing.pushing_steps import push_step
from callboard.kernel.publishing.schemas import (
    COMMIT,
    PUBLISHED,
    SOURCE_PATH,
    TOKEN,
    flag,
    one_of,
    record,
    text,
    texts,
)
from callboard.kernel.publishing.steps import step_action
from callboard.kernel.remote_api import RemoteApi
from callboard.model.repo_urls import RepoUrl

_REPO_URL = text("The repository: `bitbucket.example.com?project=PLAT&repo=tools`.")
_REPO = "repoUrl: bitbucket.example.com?project=PLAT&repo=tools"


class ServerActions:
    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self._clients: BitbucketClients = portal.service(BitbucketClients)
        self._defaults = PublishDefaults.of(portal.settings)

    def all(self) -> Sequence[Action]:
        return [
            step_action(
                "publish:bitbucketServer",
                "Publish to Bitbucket Server",
                "Makes a repository at Bitbucket Server and pushes the files of the workspace.",
                self.publish,
                record(
                    {
                        "repoUrl": _REPO_URL,
                        "description": text("Description of the repository."),
                        "repoVisibility": one_of("Who sees it.", "private", "public", default="private"),
                        "defaultBranch": text("Name of the default branch.", default="master"),
                        "sourcePath": SOURCE_PATH,
                        "enableLFS": flag("Switch on Git LFS.", False),
                        **COMMIT,
                        "token": TOKEN,
                    },
                    ("repoUrl",),
                ),
                PUBLISHED,
                {"A private repository": _REPO},
            ),
            step_action(
                "publish:bitbucketServer:pull-request",
                "Open a pull request at Bitbucket Server",
                "Pushes the files of the workspace to a new branch at Bitbucket Server and opens a pull request.",
                self.pull_request,
                record(
                    {
                        "repoUrl": _REPO_URL,
                        "title": text("Title of the pull request."),
                        "description": text("Text of the pull request."),
                        "targetBranch": text("Branch that the change is for; the default one without it."),
                        "sourceBranch": text("Branch to make for the change."),
                        "reviewers": texts("Names of users to ask for review."),
                        "sourcePath": SOURCE_PATH,
                        **COMMIT,
                        "token": TOKEN,
                    },
                    ("repoUrl", "title", "sourceBranch"),
                ),
                record({"pullRequestUrl": text("Page of the pull request.")}),
                {"A pull request": f"{_REPO}\ntitle: Add docs\nsourceBranch: add-docs\nreviewers: [ada]"},
            ),
        ]

    async def publish(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        place, client, api, token = self._open(context)
        branch = str(given.get("defaultBranch") or "master")

        async def create() -> dict[str, str]:
            payload = {
                "name": place.repo,
                "description": given.get("description") or "",
                "public": given.get("repoVisibility") == "public",
                "defaultBranch": branch,
            }
            url = f"{client.host.api_url}/projects/{quote(place.project or '', safe='~')}/repos"
            made = await api.send_json("POST", url, payload)
            context.log(f"Made the repository {made['links']['self'][0]['href']}.")
            return page_links_of(made)

        async def switch_on() -> bool:
            root = client.host.api_url.partition("/rest/")[0]
            url = f"{root}/rest/git-lfs/admin/projects/{quote(place.project or '', safe='~')}/repos"
            await api.send_json("PUT", f"{url}/{quote(place.repo or '', safe='')}/enabled")
            return True

        made = await once(context, "create", create)
        remote = check_remote(made["remote"], client.host.host, api.name)
        commit = await push_step(
            self._portal, self._defaults, context,
            url=remote, branch=branch, authorization=await client.git_authorization(token),
        )  # fmt: skip
        if given.get("enableLFS"):
            await once(context, "lfs", switch_on)
        return {"remoteUrl": remote, "repoContentsUrl": made["page"], "commitHash": commit}

    async def pull_request(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        place, client, api, token = self._open(context)
        url = f"{client.host.api_url}/projects/{quote(place.project or '', safe='~')}/repos/{quote(place.repo or '', safe='')}"
        row = await api.get_json(url)
        target = str(given.get("targetBranch") or "")
        if not target:
            try:
                target = str((await api.get_json(f"{url}/default-branch"))["displayId"])
            except NotFoundError as error:
                raise NotFoundError(
                    f"{place.project}/{place.repo} is empty. publish:bitbucketServer fills it when it makes it."
                ) from error
        branch, title = str(given["sourceBranch"]), str(given["title"])
        await push_step(
            self._portal, self._defaults, context,
            url=check_remote(page_links_of(row)["remote"], client.host.host, api.name), branch=branch, base=target,
            authorization=await client.git_authorization(token),
            message=str(given.get("gitCommitMessage") or given.get("description") or title),
        )  # fmt: skip

        async def open_it() -> str:
            where = {"slug": place.repo, "project": {"key": place.project}}
            payload = {
                "title": title,
                "description": given.get("description") or "",
                "fromRef": {"id": f"refs/heads/{branch}", "repository": where},
                "toRef": {"id": f"refs/heads/{target}", "repository": where},
                "reviewers": [{"user": {"name": name}} for name in given.get("reviewers") or ()],
            }
            made = await api.send_json("POST", f"{url}/pull-requests", payload)
            return str(made["links"]["self"][0]["href"])

        page = await once(context, "pull", open_it)
        context.log(f"The pull request is at {page}.")
        return {"pullRequestUrl": page}

    def _open(self, context: ActionContext) -> tuple[RepoUrl, BitbucketClient, RemoteApi, str | None]:
        place = repo_url_of(context.input, self._portal.settings, "bitbucketServer")
        client = next(one for one in self._clients.servers if one.host.host == place.host)
        token = self._defaults.token_of(context.input)
        if token is None and not client.has_credentials:
            raise InputError(
                f"There are no credentials for {place.host}. Set them in integrations.bitbucketServer, or give a token.",
                field="token",
            )
        return place, client, (client.api_with(token) if token else client.api), token


def page_links_of(row: Mapping[str, Any]) -> dict[str, str]:
    links = row["links"]
    remote = next(one["href"] for one in links["clone"] if one["name"] in ("http", "https"))
    return {"remote": remote, "page": links["self"][0]["href"]}

"""``publish:bitbucketCloud`` and its pull request, ``bitbucket:pipelines:run``, ``bitbucketCloud:branchRestriction:create``.

Source: Atlassian developer documentation, "Bitbucket Cloud REST API": repositories, refs, pullrequests, pipelines, branch restrictions.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.bitbucket.client import BitbucketClient, BitbucketClients
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import ConflictError, InputError, NotFoundError
from callboard.kernel.publishing import PublishDefaults, once, repo_url_of
from callboard.kernel.publishing.pushing import check_remote
from callboard.kernel.publishing.pushing_steps import push_step
from callboard.kernel.publishing.schemas import COMMIT, PUBLISHED, SOURCE_PATH, TOKEN, number, one_of, record, text
from callboard.kernel.publishing.steps import step_action
from callboard.kernel.remote_api import RemoteApi

_REPO_URL = text("The repository: `bitbucket.org?workspace=acme&project=PLAT&repo=tools`.")
_REPO = "repoUrl: bitbucket.org?workspace=acme&project=PLAT&repo=tools"


class CloudActions:
    def __init__(self, portal: Any) -> None:
        self._portal = portal
        clients: BitbucketClients = portal.service(BitbucketClients)
        self._client: BitbucketClient = clients.cloud
        self._defaults = PublishDefaults.of(portal.settings)

    def all(self) -> Sequence[Action]:
        return [
            step_action(
                "publish:bitbucketCloud",
                "Publish to Bitbucket Cloud",
                "Makes a repository at Bitbucket Cloud and pushes the files of the workspace.",
                self.publish,
                record(
                    {
                        "repoUrl": _REPO_URL,
                        "description": text("Description of the repository."),
                        "defaultBranch": text("Name of the default branch.", default="master"),
                        "repoVisibility": one_of("Who sees it.", "private", "public", default="private"),
                        "sourcePath": SOURCE_PATH,
                        **COMMIT,
                        "token": TOKEN,
                    },
                    ("repoUrl",),
                ),
                PUBLISHED,
                {"A private repository": _REPO},
            ),
            step_action(
                "publish:bitbucketCloud:pull-request",
                "Open a pull request at Bitbucket Cloud",
                "Pushes the files of the workspace to a new branch at Bitbucket Cloud and opens a pull request.",
                self.pull_request,
                record(
                    {
                        "repoUrl": _REPO_URL,
                        "title": text("Title of the pull request."),
                        "description": text("Text of the pull request."),
                        "targetBranch": text("Branch that the change is for; the main one without it."),
                        "sourceBranch": text("Branch to make for the change."),
                        "sourcePath": SOURCE_PATH,
                        **COMMIT,
                        "token": TOKEN,
                    },
                    ("repoUrl", "title", "sourceBranch"),
                ),
                record({"pullRequestUrl": text("Page of the pull request.")}),
                {"A pull request": f"{_REPO}\ntitle: Add docs\nsourceBranch: add-docs"},
            ),
            step_action(
                "bitbucket:pipelines:run",
                "Start a pipeline at Bitbucket Cloud",
                "Starts a pipeline of a repository at Bitbucket Cloud.",
                self.pipeline,
                record(
                    {
                        "workspace": text("The workspace."),
                        "repo_slug": text("The repository."),
                        "body": {"type": "object", "description": "What to run, as Bitbucket's API takes it: target, variables."},
                        "token": TOKEN,
                    },
                    ("workspace", "repo_slug"),
                ),
                record(
                    {
                        "buildNumber": number("Number of the run."),
                        "repoUrl": text("Page of the repository."),
                        "pipelinesUrl": text("Page of its pipelines."),
                    }
                ),
                {"On a branch": "workspace: acme\nrepo_slug: tools\nbody:\n  target:\n    type: pipeline_ref_target\n"
                 "    ref_type: branch\n    ref_name: main"},
            ),
            step_action(
                "bitbucketCloud:branchRestriction:create",
                "Restrict branches at Bitbucket Cloud",
                "Adds a restriction of branches to a repository at Bitbucket Cloud.",
                self.restrict,
                record(
                    {
                        "repoUrl": _REPO_URL,
                        "kind": text("What is restricted: push, delete, force, require_approvals_to_merge, …"),
                        "branchMatchKind": one_of("How branches are named.", "glob", "branching_model", default="branching_model"),
                        "branchType": one_of(
                            "Kind of branch, with branching_model.",
                            "feature", "bugfix", "release", "hotfix", "development", "production", default="development",
                        ),
                        "pattern": text("Pattern of names, with glob."),
                        "value": {"type": ["number", "null"], "description": "Number that some kinds want."},
                        "users": {"type": "array", "description": "Users that are let through: `{uuid}`."},
                        "groups": {"type": "array", "description": "Groups that are let through: `{slug}`."},
                        "token": TOKEN,
                    },
                    ("repoUrl", "kind"),
                ),
                record({"json": text("The answer."), "statusCode": number("Status of the answer.")}),
                {"Nobody pushes to main": f"{_REPO}\nkind: push\nbranchMatchKind: glob\npattern: main"},
            ),
        ]  # fmt: skip

    async def publish(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        place = repo_url_of(given, self._portal.settings, "bitbucketCloud")
        api, token = self._open(context)
        url = self._url(place.workspace or "", place.repo or "")
        branch = str(given.get("defaultBranch") or "master")

        async def create() -> dict[str, str]:
            payload = {
                "scm": "git",
                "description": given.get("description") or "",
                "is_private": given.get("repoVisibility") != "public",
                "project": {"key": place.project},
            }
            try:
                made = await api.send_json("POST", url, payload)
            except InputError as error:
                if "already exists" not in error.message:
                    raise
                raise ConflictError(
                    f"{place.workspace}/{place.repo} exists already at {place.host}. Choose another name, or use "
                    "publish:bitbucketCloud:pull-request.",
                    field="repoUrl",
                ) from error
            context.log(f"Made the repository {made['links']['html']['href']}.")
            return links_of(made)

        made = await once(context, "create", create)
        remote = check_remote(made["remote"], self._client.host.host, api.name)
        commit = await push_step(
            self._portal, self._defaults, context,
            url=remote, branch=branch, authorization=await self._client.git_authorization(token),
        )  # fmt: skip
        return {"remoteUrl": remote, "repoContentsUrl": f"{made['page']}/src/{quote(branch)}", "commitHash": commit}

    async def pull_request(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        place = repo_url_of(given, self._portal.settings, "bitbucketCloud")
        api, token = self._open(context)
        url = self._url(place.workspace or "", place.repo or "")
        row = await api.get_json(url)
        target = str(given.get("targetBranch") or (row.get("mainbranch") or {}).get("name") or "")
        if not target:
            raise NotFoundError(f"{place.workspace}/{place.repo} is empty. publish:bitbucketCloud fills it.")
        branch, title = str(given["sourceBranch"]), str(given["title"])
        await push_step(
            self._portal, self._defaults, context,
            url=check_remote(links_of(row)["remote"], self._client.host.host, api.name), branch=branch, base=target,
            authorization=await self._client.git_authorization(token),
            message=str(given.get("gitCommitMessage") or given.get("description") or title),
        )  # fmt: skip

        async def open_it() -> str:
            payload = {
                "title": title,
                "description": given.get("description") or "",
                "source": {"branch": {"name": branch}},
                "destination": {"branch": {"name": target}},
            }
            made = await api.send_json("POST", f"{url}/pullrequests", payload)
            return str(made["links"]["html"]["href"])

        page = await once(context, "pull", open_it)
        context.log(f"The pull request is at {page}.")
        return {"pullRequestUrl": page}

    async def pipeline(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        api, _ = self._open(context)

        async def start() -> dict[str, Any]:
            url = f"{self._url(str(given['workspace']), str(given['repo_slug']))}/pipelines"
            made = await api.send_json("POST", url, given.get("body") or {})
            page = made["repository"]["links"]["html"]["href"]
            return {"buildNumber": made["build_number"], "repoUrl": page, "pipelinesUrl": f"{page}/pipelines"}

        return await once(context, "pipeline", start)

    async def restrict(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        place = repo_url_of(given, self._portal.settings, "bitbucketCloud")
        api, _ = self._open(context)
        kind = str(given.get("branchMatchKind") or "branching_model")
        payload: dict[str, Any] = {"kind": given["kind"], "branch_match_kind": kind}
        if kind == "glob":
            if not given.get("pattern"):
                raise InputError("With branchMatchKind glob a pattern is needed.", field="pattern")
            payload["pattern"] = given["pattern"]
        else:
            payload["branch_type"] = given.get("branchType") or "development"
        payload |= {name: given[name] for name in ("value", "users", "groups") if given.get(name) is not None}

        async def work() -> dict[str, Any]:
            url = f"{self._url(place.workspace or '', place.repo or '')}/branch-restrictions"
            reply = await api.send("POST", url, payload)
            return {"json": reply.body.decode("utf-8", "replace"), "statusCode": reply.status}

        return await once(context, "restriction", work)

    def _open(self, context: ActionContext) -> tuple[RemoteApi, str | None]:
        token = self._defaults.token_of(context.input)
        if token is None and not self._client.has_credentials:
            raise InputError(
                "There are no credentials for Bitbucket Cloud. Set them in integrations.bitbucketCloud, or give a token.",
                field="token",
            )
        return (self._client.api_with(token) if token else self._client.api), token

    def _url(self, workspace: str, repo: str) -> str:
        return f"{self._client.host.api_url}/repositories/{quote(workspace, safe='')}/{quote(repo, safe='')}"


def links_of(row: Mapping[str, Any]) -> dict[str, str]:
    links = row["links"]
    remote = next(one["href"] for one in links["clone"] if one["name"] in ("https", "http"))
    return {"remote": remote, "page": links["html"]["href"]}

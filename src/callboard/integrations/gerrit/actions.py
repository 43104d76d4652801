"""``publish:gerrit`` and ``publish:gerrit:review``. Source: Gerrit Code Review, "Create Project", "Uploading Changes", "Change-Ids"."""

from __future__ import annotations

import secrets
from typing import Any, Mapping, Sequence

from callboard.integrations.gerrit.client import GerritClient, GerritClients
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.errors import InputError
from callboard.kernel.publishing import PublishDefaults, once, repo_url_of
from callboard.kernel.publishing.pushing_steps import push_step
from callboard.kernel.publishing.schemas import COMMIT, PUBLISHED, SOURCE_PATH, Schema, record, text
from callboard.kernel.publishing.steps import step_action
from callboard.model.repo_urls import RepoUrl

_REPO_URL: Schema = text(
    "The repository: `gerrit.example.com?repo=tools`; `workspace` names the project that rights are taken from, `owner` a group."
)


class GerritActions:
    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self._clients: GerritClients = portal.service(GerritClients)
        self._defaults = PublishDefaults.of(portal.settings)

    def all(self) -> Sequence[Action]:
        return [
            step_action(
                "publish:gerrit",
                "Publish to Gerrit",
                "Makes a repository at Gerrit and pushes the files of the workspace, past review.",
                self.publish,
                record(
                    {
                        "repoUrl": _REPO_URL,
                        "description": text("Description of the repository."),
                        "defaultBranch": text("Name of the default branch.", default="master"),
                        "sourcePath": SOURCE_PATH,
                        **COMMIT,
                    },
                    ("repoUrl",),
                ),
                PUBLISHED,
                {"Owned by a group": "repoUrl: gerrit.example.com?workspace=All-Projects&owner=platform&repo=tools"},
                supports_dry_run=True,
            ),
            step_action(
                "publish:gerrit:review",
                "Ask for a review at Gerrit",
                "Lays the files of the workspace over a branch of a repository at Gerrit and hands the change in for review.",
                self.review,
                record(
                    {
                        "repoUrl": _REPO_URL,
                        "branch": text("Branch that the change is for.", default="master"),
                        "sourcePath": SOURCE_PATH,
                        **COMMIT,
                        "gitCommitMessage": text("Message of the commit; its first line is the subject of the change."),
                    },
                    ("repoUrl", "gitCommitMessage"),
                ),
                record(
                    {
                        "reviewUrl": text("Page of the change."),
                        "repoContentsUrl": text("Address of the root of the branch's files."),
                    }
                ),
                {"A change": "repoUrl: gerrit.example.com?repo=tools\ngitCommitMessage: Add the pipeline"},
            ),
        ]

    async def publish(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        place, client = self._open(context)
        repo, branch = place.repo or "", str(given.get("defaultBranch") or "master")
        output = {"remoteUrl": client.remote_url(repo), "repoContentsUrl": client.contents_url(repo, branch)}
        if context.dry_run:
            context.log(f"Would make the repository {repo} at {place.host} and push {branch}.")
            return {**output, "commitHash": "0" * 40}

        async def create() -> bool:
            payload = {
                "description": given.get("description") or "",
                "branches": [branch],
                "create_empty_commit": False,
                **({"parent": place.workspace} if place.workspace else {}),
                **({"owners": [place.owner]} if place.owner else {}),
            }
            await client.api.send("PUT", client.project_url(repo), payload)
            context.log(f"Made the repository {repo} at {place.host}.")
            return True

        await once(context, "create", create)
        commit = await push_step(
            self._portal, self._defaults, context,
            url=client.remote_url(repo), branch=branch, authorization=client.authorization,
            message=_with_change_id(self._defaults.message_of(given), await _change_id(context)),
        )  # fmt: skip
        return {**output, "commitHash": commit}

    async def review(self, context: ActionContext) -> Mapping[str, Any]:
        given = context.input
        place, client = self._open(context)
        repo, branch = place.repo or "", str(given.get("branch") or "master")
        message = str(given["gitCommitMessage"]).strip()
        if not message:
            raise InputError("Gerrit wants a message for each change.", field="gitCommitMessage")
        change_id = await _change_id(context)
        await push_step(
            self._portal, self._defaults, context,
            url=client.remote_url(repo), branch=branch, authorization=client.authorization,
            message=_with_change_id(message, change_id), for_review=True,
        )  # fmt: skip
        page = client.review_url(change_id)
        context.log(f"The review is at {page}.")
        return {"reviewUrl": page, "repoContentsUrl": client.contents_url(repo, branch)}

    def _open(self, context: ActionContext) -> tuple[RepoUrl, GerritClient]:
        place = repo_url_of(context.input, self._portal.settings, "gerrit")
        client = next(one for one in self._clients.all if one.host.host == place.host)
        if self._defaults.needs_token:
            raise InputError(
                "This portal acts at source hosts only with the credentials of whoever starts the task "
                "(scaffolder.requireScmUserCredentials), and Gerrit gives out no tokens for that.",
                field="repoUrl",
            )
        if client.authorization is None:
            raise InputError(
                f"There are no credentials for {place.host}. Set username and password of integrations.gerrit.",
                field="repoUrl",
            )
        return place, client


async def _change_id(context: ActionContext) -> str:
    """The same in each attempt of a step, so that a second one makes no second change."""

    async def make() -> str:
        return f"I{secrets.token_hex(20)}"

    return await once(context, "change-id", make)


def _with_change_id(message: str, change_id: str) -> str:
    return f"{message.rstrip()}\n\nChange-Id: {change_id}"


def gerrit_actions(portal: Any) -> Sequence[Action]:
    return GerritActions(portal).all()

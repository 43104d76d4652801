"""``publish:github``, ``github:repo:create``, ``github:repo:push`` and ``github:branch-protection:create``."""

from __future__ import annotations

from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.integrations.github.actions.creating import create_repository
from callboard.integrations.github.actions.protection import protect_branch
from callboard.integrations.github.actions.repository import GithubPublishing, GithubRepository
from callboard.integrations.github.actions.schemas import CREATE, PROTECT_DEFAULT, PROTECTION, PUSH, REPO_URL, SETTINGS
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.publishing import once, source_folder
from callboard.kernel.publishing.schemas import COMMIT, PUBLISHED, SOURCE_PATH, TOKEN, flag, record, text
from callboard.kernel.publishing.steps import step_action

_EXAMPLE_URL = "repoUrl: github.com?owner=acme&repo=tools"


class RepositoryActions:
    def __init__(self, publishing: GithubPublishing) -> None:
        self._publishing = publishing

    def all(self) -> Sequence[Action]:
        default_branch = text("Name of the default branch.", default="main")
        made = record(
            {
                "remoteUrl": text("Address to clone the repository from."),
                "repoContentsUrl": text("Address of the root of its files."),
            }
        )
        return [
            step_action(
                "publish:github",
                "Publish to GitHub",
                "Makes a repository at GitHub, pushes the files of the workspace, and protects the default branch.",
                self.publish,
                record(
                    {
                        **SETTINGS,
                        **PROTECT_DEFAULT,
                        "defaultBranch": default_branch,
                        "sourcePath": SOURCE_PATH,
                        **COMMIT,
                    },
                    ("repoUrl",),
                ),
                PUBLISHED,
                {
                    "A private repository": _EXAMPLE_URL,
                    "A public one with topics, without protection": f"{_EXAMPLE_URL}\nrepoVisibility: public\n"
                    "protectDefaultBranch: false\ntopics: [java, service]",
                },
            ),
            step_action(
                "github:repo:create",
                "Make a repository at GitHub",
                "Makes a repository at GitHub without files.",
                self.create,
                record(CREATE, ("repoUrl",)),
                made,
                {"A repository of a team": f"{_EXAMPLE_URL}\naccess: acme/platform"},
            ),
            step_action(
                "github:repo:push",
                "Push to GitHub",
                "Pushes the files of the workspace to an empty repository at GitHub.",
                self.push,
                record(PUSH, ("repoUrl",)),
                PUBLISHED,
                {"After github:repo:create": f"{_EXAMPLE_URL}\nsourcePath: ./service"},
            ),
            step_action(
                "github:branch-protection:create",
                "Protect a branch at GitHub",
                "Protects a branch of a repository at GitHub.",
                self.protect,
                record(
                    {
                        "repoUrl": REPO_URL,
                        "branch": text("The branch; the default one of the repository without it."),
                        "enforceAdmins": flag("Protection holds for administrators too.", True),
                        **PROTECTION,
                        "token": TOKEN,
                    },
                    ("repoUrl",),
                ),
                record({}),
                {"Two approvals": f"{_EXAMPLE_URL}\nrequiredApprovingReviewCount: 2"},
                idempotent=True,
            ),
        ]

    async def publish(self, context: ActionContext) -> Mapping[str, Any]:
        folder = source_folder(context)
        repository = await self._publishing.open(context)
        made = await create_repository(repository, context)
        return await self._push(repository, context, folder, made)

    async def create(self, context: ActionContext) -> Mapping[str, Any]:
        made = await create_repository(await self._publishing.open(context), context)
        return {"remoteUrl": made["clone_url"], "repoContentsUrl": f"{made['html_url']}/blob/main"}

    async def push(self, context: ActionContext) -> Mapping[str, Any]:
        folder = source_folder(context)
        repository = await self._publishing.open(context)
        return await self._push(repository, context, folder, await repository.get())

    async def protect(self, context: ActionContext) -> Mapping[str, Any]:
        repository = await self._publishing.open(context)
        branch = str(context.input.get("branch") or (await repository.get())["default_branch"])
        enforce = bool(context.input.get("enforceAdmins", True))
        await protect_branch(repository, branch, context.input, enforce_admins=enforce, context=context)
        return {}

    async def _push(
        self, repository: GithubRepository, context: ActionContext, folder: Any, row: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        given = context.input
        branch, url = str(given.get("defaultBranch") or "main"), str(row["clone_url"])

        async def send() -> str:
            return (await self._publishing.push(repository, folder, url=url, branch=branch, input=given)).commit

        async def protect() -> bool:
            enforce = bool(given.get("protectEnforceAdmins", True))
            await protect_branch(repository, branch, given, enforce_admins=enforce, context=context)
            return True

        commit = await once(context, "push", send)
        if given.get("protectDefaultBranch", True):
            await once(context, "protect", protect)
        context.log(f"Pushed {commit[:12]} to {branch}.")
        return {
            "remoteUrl": url,
            "repoContentsUrl": f"{row['html_url']}/blob/{quote(branch)}",
            "commitHash": commit,
        }

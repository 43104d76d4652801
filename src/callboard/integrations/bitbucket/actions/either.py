"""``publish:bitbucket``, the name from before Cloud and Server had actions of their own: which one it is, the host says."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.integrations.bitbucket.actions.cloud import CloudActions
from callboard.integrations.bitbucket.actions.server import ServerActions
from callboard.kernel.actions import Action, ActionContext
from callboard.kernel.publishing.schemas import COMMIT, PUBLISHED, SOURCE_PATH, TOKEN, flag, one_of, record, text
from callboard.kernel.publishing.steps import integrated_hosts, step_action
from callboard.model.repo_urls import RepoUrlError, parse_repo_url


class EitherActions:
    def __init__(self, portal: Any, cloud: CloudActions, server: ServerActions) -> None:
        self._portal = portal
        self._cloud = cloud
        self._server = server

    def all(self) -> Sequence[Action]:
        return [
            step_action(
                "publish:bitbucket",
                "Publish to Bitbucket",
                "Makes a repository at Bitbucket, Cloud or Server by its host, and pushes the files of the workspace. Deprecated: "
                "use publish:bitbucketCloud or publish:bitbucketServer.",
                self.publish,
                record(
                    {
                        "repoUrl": text(
                            "The repository: `bitbucket.org?workspace=acme&project=PLAT&repo=tools`, or "
                            "`bitbucket.example.com?project=PLAT&repo=tools`."
                        ),
                        "description": text("Description of the repository."),
                        "repoVisibility": one_of("Who sees it.", "private", "public", default="private"),
                        "defaultBranch": text("Name of the default branch.", default="master"),
                        "sourcePath": SOURCE_PATH,
                        "enableLFS": flag("Switch on Git LFS; at Server alone.", False),
                        **COMMIT,
                        "token": TOKEN,
                    },
                    ("repoUrl",),
                ),
                PUBLISHED,
                {"At Cloud": "repoUrl: bitbucket.org?workspace=acme&project=PLAT&repo=tools"},
            )
        ]

    async def publish(self, context: ActionContext) -> Mapping[str, Any]:
        try:
            place = parse_repo_url(str(context.input.get("repoUrl") or ""), integrated_hosts(self._portal.settings))
        except RepoUrlError:
            place = None  # told by the one for Cloud
        chosen = self._server if place is not None and place.kind == "bitbucketServer" else self._cloud
        return await chosen.publish(context)

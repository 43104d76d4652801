"""Updates of projects at GitLab opened as merge requests. Source: GitLab documentation, "Merge requests API"."""

from __future__ import annotations

from typing import Any, Sequence
from urllib.parse import quote, urlsplit

from callboard.features.scaffolder.interface.updates import ChangeSet, OpenedChange
from callboard.integrations.gitlab.actions.project import GitlabProject
from callboard.integrations.gitlab.client import GitlabClient, GitlabClients
from callboard.integrations.gitlab.reader import GitlabReader
from callboard.kernel.errors import NotFoundError
from callboard.kernel.publishing.changes import base_of, find_place, propose
from callboard.kernel.publishing.pushing import check_remote


class GitlabChangeOpener:
    """A ``ChangeOpener`` for one host with a token."""

    def __init__(self, portal: Any, client: GitlabClient) -> None:
        self._portal = portal
        self._client = client
        self._find_path = GitlabReader(client).find_path

    def handles(self, change: ChangeSet) -> bool:
        return self._client.host.token is not None and find_place(change, self._find_path) is not None

    async def open(self, change: ChangeSet) -> OpenedChange:
        place = find_place(change, self._find_path)
        if place is None:
            raise NotFoundError(f"{change.contents} is no project at {self._client.host.host}.")
        path = place.repo.removesuffix(".git")
        owner, _, name = path.rpartition("/")
        project = GitlabProject(self._client, self._client.api, owner, name, path, None)
        row = await project.get()
        target = base_of(place.ref, row.get("default_branch"), path)
        own = urlsplit(self._client.host.base_url).netloc

        async def find() -> str | None:
            branches = f"source_branch={quote(change.branch, safe='')}&target_branch={quote(target, safe='')}"
            rows = await project.get(f"/merge_requests?state=opened&{branches}")
            own = (one for one in rows if one.get("source_project_id") == row["id"])  # a fork may use the same name
            return next((str(one["web_url"]) for one in own), None)

        async def create() -> str:
            payload = {
                "source_branch": change.branch,
                "target_branch": target,
                "title": change.title,
                "description": change.body,
                "remove_source_branch": True,
            }
            return str((await project.send("POST", "/merge_requests", payload))["web_url"])

        commit, page = await propose(
            self._portal,
            change,
            url=check_remote(str(row["http_url_to_repo"]), own, project.api.name),
            authorization=project.git_authorization(),
            base=target,
            into=place.path,
            find=find,
            create=create,
        )
        return OpenedChange("pull_request", change.branch, commit, page)


def change_openers(portal: Any) -> Sequence[GitlabChangeOpener]:
    return [GitlabChangeOpener(portal, client) for client in portal.service(GitlabClients).all]

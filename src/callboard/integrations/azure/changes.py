"""Updates of repositories at Azure DevOps opened as pull requests.

Source: Microsoft Learn, "Git - Repositories - Get", "Git - Pull Requests - Get Pull Requests" and "- Create" (REST API 6.0).
"""

from __future__ import annotations

from typing import Any, Sequence
from urllib.parse import quote, urlsplit

from callboard.features.scaffolder.interface.updates import ChangeSet, OpenedChange
from callboard.integrations.azure.client import AzureClient, AzureClients
from callboard.integrations.azure.reader import AzureReader
from callboard.kernel.errors import NotFoundError
from callboard.kernel.publishing.changes import base_of, find_place, propose
from callboard.kernel.publishing.pushing import check_remote
from callboard.kernel.source_host import RepoPath

API = "api-version=6.0"
MAX_DESCRIPTION = 4000


class AzureChangeOpener:
    """A ``ChangeOpener`` for one host, for the organisations that there are credentials for."""

    def __init__(self, portal: Any, client: AzureClient) -> None:
        self._portal = portal
        self._client = client
        self._find_path = AzureReader(client).find_path

    def handles(self, change: ChangeSet) -> bool:
        place = find_place(change, self._find_path)
        return place is not None and self._client.host.find_credential(_names(place)[0]) is not None

    async def open(self, change: ChangeSet) -> OpenedChange:
        place, host = find_place(change, self._find_path), self._client.host
        if place is None:
            raise NotFoundError(f"{change.contents} is no repository at {host.host}.")
        organization, project, repo = _names(place)
        api = self._client.api_for(organization)
        base = f"{host.base_url}/{quote(organization)}/{quote(project, safe='')}"
        url = f"{base}/_apis/git/repositories/{quote(repo, safe='')}"
        row = await api.get_json(f"{url}?{API}")
        ref = place.ref[2:] if place.ref else None  # without the letters that tell a branch from a tag
        target = base_of(ref, row.get("defaultBranch"), repo)
        source, aim = f"refs/heads/{change.branch}", f"refs/heads/{target}"

        def page_of(number: Any) -> str:
            return f"{base}/_git/{quote(repo, safe='')}/pullrequest/{int(number)}"

        async def find() -> str | None:
            refs = f"searchCriteria.sourceRefName={quote(source, safe='')}&searchCriteria.targetRefName={quote(aim, safe='')}"
            found = await api.get_json(f"{url}/pullrequests?searchCriteria.status=active&{refs}&{API}")
            own = (one for one in found.get("value") or () if not one.get("forkSource"))  # a fork may use the same name
            return next((page_of(one["pullRequestId"]) for one in own), None)

        async def create() -> str:
            payload = {
                "sourceRefName": source,
                "targetRefName": aim,
                "title": change.title,
                "description": _cut(change.body),
            }
            return page_of((await api.send_json("POST", f"{url}/pullrequests?{API}", payload))["pullRequestId"])

        commit, page = await propose(
            self._portal,
            change,
            url=check_remote(str(row["remoteUrl"]), urlsplit(host.base_url).netloc, api.name),
            authorization=await self._client.git_authorization(organization, None),
            base=target,
            into=place.path,
            find=find,
            create=create,
        )
        return OpenedChange("pull_request", change.branch, commit, page)


def _names(place: RepoPath) -> tuple[str, str, str]:
    organization, project, repo = place.repo.rsplit("/", 2)
    return organization, project, repo


def _cut(text: str) -> str:
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 2].rpartition("\n")[0] + "\n…"


def change_openers(portal: Any) -> Sequence[AzureChangeOpener]:
    return [AzureChangeOpener(portal, client) for client in portal.service(AzureClients).all]

"""Updates of repositories at Bitbucket Cloud opened as pull requests.

Source: Atlassian developer documentation, "Bitbucket Cloud REST API: Pullrequests" and "Filter and sort API objects".
"""

from __future__ import annotations

from typing import Any, Sequence
from urllib.parse import quote

from callboard.features.scaffolder.interface.updates import ChangeSet, OpenedChange
from callboard.integrations.bitbucket.actions.cloud import links_of
from callboard.integrations.bitbucket.client import BitbucketClient, BitbucketClients
from callboard.integrations.bitbucket.reader import BitbucketCloudReader
from callboard.kernel.errors import NotFoundError
from callboard.kernel.publishing.changes import base_of, find_place, propose
from callboard.kernel.publishing.pushing import check_remote


class BitbucketChangeOpener:
    """A ``ChangeOpener`` for Cloud, where there are credentials."""

    def __init__(self, portal: Any, client: BitbucketClient) -> None:
        self._portal = portal
        self._client = client
        self._find_path = BitbucketCloudReader(client).find_path

    def handles(self, change: ChangeSet) -> bool:
        return self._client.has_credentials and find_place(change, self._find_path) is not None

    async def open(self, change: ChangeSet) -> OpenedChange:
        place, api = find_place(change, self._find_path), self._client.api
        if place is None:
            raise NotFoundError(f"{change.contents} is no repository at {self._client.host.host}.")
        repo = place.repo.removesuffix(".git")
        url = f"{self._client.host.api_url}/repositories/{quote(repo)}"
        row = await api.get_json(url)
        target = base_of(place.ref, (row.get("mainbranch") or {}).get("name"), repo)

        async def find() -> str | None:
            wanted = {"source.branch.name": change.branch, "destination.branch.name": target, "state": "OPEN"}
            query = " AND ".join(f"{name} = {_quoted(value)}" for name, value in wanted.items())
            found = await api.get_json(f"{url}/pullrequests?q={quote(query, safe='')}")
            for one in found.get("values") or ():
                if _repository(one, "source") == _repository(one, "destination"):  # a fork may use the same name
                    return str(one["links"]["html"]["href"])
            return None

        async def create() -> str:
            payload = {
                "title": change.title,
                "description": change.body,
                "source": {"branch": {"name": change.branch}},
                "destination": {"branch": {"name": target}},
            }
            made = await api.send_json("POST", f"{url}/pullrequests", payload)
            return str(made["links"]["html"]["href"])

        commit, page = await propose(
            self._portal,
            change,
            url=check_remote(links_of(row)["remote"], self._client.host.host, api.name),
            authorization=await self._client.git_authorization(None),
            base=target,
            into=place.path,
            find=find,
            create=create,
        )
        return OpenedChange("pull_request", change.branch, commit, page)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _repository(row: Any, side: str) -> Any:
    return ((row.get(side) or {}).get("repository") or {}).get("full_name")


def change_openers(portal: Any) -> Sequence[BitbucketChangeOpener]:
    return [BitbucketChangeOpener(portal, portal.service(BitbucketClients).cloud)]

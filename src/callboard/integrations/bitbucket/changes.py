"""Updates of repositories at Bitbucket, Cloud and Server, opened as pull requests.

Source: Atlassian developer documentation, "Bitbucket Cloud REST API: Pullrequests" and "Filter and sort API objects"; "Bitbucket Data
Center REST API 1.0: Pull Requests".
"""

from __future__ import annotations

from typing import Any, Sequence
from urllib.parse import quote

from callboard.features.scaffolder.interface.updates import ChangeSet, OpenedChange
from callboard.integrations.bitbucket.actions.cloud import links_of
from callboard.integrations.bitbucket.actions.server import page_links_of
from callboard.integrations.bitbucket.client import BitbucketClient, BitbucketClients
from callboard.integrations.bitbucket.reader import BitbucketCloudReader, BitbucketServerReader
from callboard.kernel.errors import NotFoundError
from callboard.kernel.publishing.changes import base_of, find_place, propose
from callboard.kernel.publishing.pushing import check_remote
from callboard.kernel.source_host import RepoPath


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


class BitbucketServerChangeOpener:
    """A ``ChangeOpener`` for one server with credentials."""

    def __init__(self, portal: Any, client: BitbucketClient) -> None:
        self._portal = portal
        self._client = client
        self._reader = BitbucketServerReader(client)

    def _find_path(self, url: str) -> RepoPath | None:
        """Also by the address that git clones from: ``/scm/<project>/<repository>.git``."""
        root = self._client.host.api_url.partition("/rest/")[0]
        parts = url.removeprefix(f"{root}/scm/").removesuffix("/").removesuffix(".git").split("/")
        if url.startswith(f"{root}/scm/") and len(parts) == 2 and all(parts):
            url = f"{root}/projects/{parts[0]}/repos/{parts[1]}"
        return self._reader.find_path(url)

    def handles(self, change: ChangeSet) -> bool:
        return self._client.has_credentials and find_place(change, self._find_path) is not None

    async def open(self, change: ChangeSet) -> OpenedChange:
        place, api = find_place(change, self._find_path), self._client.api
        if place is None:
            raise NotFoundError(f"{change.contents} is no repository at {self._client.host.host}.")
        key, _, slug = place.repo.partition("/")
        url = f"{self._client.host.api_url}/projects/{quote(key, safe='~')}/repos/{quote(slug, safe='')}"
        row = await api.get_json(url)
        target = base_of(place.ref, None if place.ref else await self._default_branch(url), place.repo)
        source_id, target_id = f"refs/heads/{change.branch}", f"refs/heads/{target}"

        async def find() -> str | None:
            query = f"state=OPEN&direction=OUTGOING&at={quote(source_id, safe='')}&limit=100"
            found = await api.get_json(f"{url}/pull-requests?{query}")
            for one in found.get("values") or ():
                from_ref, to_ref = one.get("fromRef") or {}, one.get("toRef") or {}
                is_own = _repository_id(from_ref) == _repository_id(
                    to_ref
                )  # one to a repository that this is a fork of is listed too
                if is_own and (from_ref.get("id"), to_ref.get("id")) == (source_id, target_id):
                    return str(one["links"]["self"][0]["href"])
            return None

        async def create() -> str:
            where = {"slug": slug, "project": {"key": key}}
            payload = {
                "title": change.title,
                "description": change.body,
                "fromRef": {"id": source_id, "repository": where},
                "toRef": {"id": target_id, "repository": where},
            }
            made = await api.send_json("POST", f"{url}/pull-requests", payload)
            return str(made["links"]["self"][0]["href"])

        commit, page = await propose(
            self._portal,
            change,
            url=check_remote(page_links_of(row)["remote"], self._client.host.host, api.name),
            authorization=await self._client.git_authorization(None),
            base=target,
            into=place.path,
            find=find,
            create=create,
        )
        return OpenedChange("pull_request", change.branch, commit, page)

    async def _default_branch(self, url: str) -> str | None:
        try:
            return str((await self._client.api.get_json(f"{url}/default-branch"))["displayId"])
        except NotFoundError:
            return None  # the repository is empty


def _repository_id(ref: Any) -> Any:
    return (ref.get("repository") or {}).get("id")


def change_openers(portal: Any) -> Sequence[BitbucketChangeOpener | BitbucketServerChangeOpener]:
    clients: BitbucketClients = portal.service(BitbucketClients)
    servers = [BitbucketServerChangeOpener(portal, client) for client in clients.servers]
    return [BitbucketChangeOpener(portal, clients.cloud), *servers]

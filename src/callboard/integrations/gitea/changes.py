"""Updates of repositories at Gitea opened as pull requests. Source: Gitea's Swagger document, ``repoCreatePullRequest``."""

from __future__ import annotations

from typing import Any, Sequence
from urllib.parse import urlsplit

from callboard.features.scaffolder.interface.updates import ChangeSet, OpenedChange
from callboard.integrations.gitea.client import GiteaClient, GiteaClients
from callboard.integrations.gitea.reader import GiteaReader
from callboard.kernel.errors import NotFoundError
from callboard.kernel.publishing.changes import base_of, find_place, propose
from callboard.kernel.publishing.pushing import check_remote


class GiteaChangeOpener:
    """A ``ChangeOpener`` for one host with a password or token."""

    def __init__(self, portal: Any, client: GiteaClient) -> None:
        self._portal = portal
        self._client = client
        self._find_path = GiteaReader(client).find_path

    def handles(self, change: ChangeSet) -> bool:
        return self._client.host.password is not None and find_place(change, self._find_path) is not None

    async def open(self, change: ChangeSet) -> OpenedChange:
        place, api = find_place(change, self._find_path), self._client.api
        if place is None:
            raise NotFoundError(f"{change.contents} is no repository at {self._client.host.host}.")
        url = self._client.repo_url(place.repo)
        row = await api.get_json(url)
        ref = place.ref.partition("/")[2] if place.ref else None
        target = base_of(ref, row.get("default_branch"), place.repo)
        own = urlsplit(self._client.host.base_url).netloc

        async def find() -> str | None:
            for one in await api.list_items(f"{url}/pulls?state=open&limit=50"):
                head, base = one.get("head") or {}, one.get("base") or {}
                is_own = head.get("repo_id") == base.get("repo_id")  # a fork may use the same name
                if is_own and (head.get("ref"), base.get("ref")) == (change.branch, target):
                    return str(one["html_url"])
            return None

        async def create() -> str:
            payload = {"title": change.title, "body": change.body, "head": change.branch, "base": target}
            return str((await api.send_json("POST", f"{url}/pulls", payload))["html_url"])

        commit, page = await propose(
            self._portal,
            change,
            url=check_remote(str(row["clone_url"]), own, api.name),
            authorization=self._client.git_authorization(None),
            base=target,
            into=place.path,
            find=find,
            create=create,
        )
        return OpenedChange("pull_request", change.branch, commit, page)


def change_openers(portal: Any) -> Sequence[GiteaChangeOpener]:
    return [GiteaChangeOpener(portal, client) for client in portal.service(GiteaClients).all]

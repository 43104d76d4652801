"""Updates of repositories at GitHub opened as pull requests. Source: GitHub REST documentation, "Pulls"."""

from __future__ import annotations

from typing import Any, Sequence
from urllib.parse import quote

from callboard.features.scaffolder.interface.updates import ChangeSet, OpenedChange
from callboard.integrations.github.actions.repository import GithubRepository
from callboard.integrations.github.client import GithubClient, GithubClients
from callboard.integrations.github.reader import GithubReader
from callboard.kernel.errors import NotFoundError
from callboard.kernel.publishing.changes import base_of, find_place, propose


class GithubChangeOpener:
    """A ``ChangeOpener`` for one host with credentials."""

    def __init__(self, portal: Any, client: GithubClient) -> None:
        self._portal = portal
        self._client = client
        self._find_path = GithubReader(client).find_path

    def handles(self, change: ChangeSet) -> bool:
        return self._client.host.has_credentials and find_place(change, self._find_path) is not None

    async def open(self, change: ChangeSet) -> OpenedChange:
        place = find_place(change, self._find_path)
        if place is None:
            raise NotFoundError(f"{change.contents} is no repository at {self._client.host.host}.")
        owner, name = place.repo.split("/", 1)
        repository = GithubRepository(self._client, await self._client.api_for(owner), owner, name, None)
        row = await repository.get()
        target = base_of(place.ref, row.get("default_branch"), place.repo)
        login = str(row["owner"]["login"])

        async def find() -> str | None:
            head = quote(f"{login}:{change.branch}", safe="")
            rows = await repository.get(f"/pulls?state=open&head={head}&base={quote(target, safe='')}")
            return str(rows[0]["html_url"]) if rows else None

        async def create() -> str:
            payload = {"title": change.title, "body": change.body, "head": change.branch, "base": target}
            return str((await repository.send("POST", "/pulls", payload))["html_url"])

        commit, page = await propose(
            self._portal,
            change,
            url=repository.check_own(str(row["clone_url"])),
            authorization=await repository.git_authorization(),
            base=target,
            into=place.path,
            find=find,
            create=create,
        )
        return OpenedChange("pull_request", change.branch, commit, page)


def change_openers(portal: Any) -> Sequence[GithubChangeOpener]:
    return [GithubChangeOpener(portal, client) for client in portal.service(GithubClients).all]

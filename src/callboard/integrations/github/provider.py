"""Repositories of a GitHub organisation as Location entities.

The listing is by REST with conditional requests: while nothing changes it costs nothing of the limit. Source of the settings:
Backstage, ``catalog.providers.github`` (facts: catalog, section 5).
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Mapping, Sequence
from urllib.parse import quote, urlsplit

from callboard.features.catalog.interface import DeferredEntity, FullMutation, ProviderConnection, SourceChange
from callboard.integrations.github.client import GithubClient, GithubClients
from callboard.integrations.github.reader import GithubReader
from callboard.kernel import globs
from callboard.kernel.discovery import ProviderRow, concerns, deliver
from callboard.kernel.errors import InputError, NotFoundError
from callboard.kernel.remote_api import RemoteApi
from callboard.kernel.source_host import quote_path
from callboard.model.locations import location_entity
from callboard.model.refs import LocationRef

DEFAULT_PATH = "/catalog-info.yaml"
CONCURRENT_CHECKS = 5


@dataclass(frozen=True, slots=True)
class RepositoryFilter:
    """Which repositories count. Empty tuples allow all."""

    repository: re.Pattern[str]
    branch: str | None
    topics: tuple[str, ...]
    excluded_topics: tuple[str, ...]
    visibility: tuple[str, ...]
    allow_forks: bool
    allow_archived: bool

    @classmethod
    def of(cls, row: ProviderRow) -> RepositoryFilter:
        return cls(
            repository=row.get_pattern("filters.repository"),
            branch=row.find_text("filters.branch"),
            topics=_lower(row.get_texts("filters.topic.include")),
            excluded_topics=_lower(row.get_texts("filters.topic.exclude")),
            visibility=_lower(row.get_texts("filters.visibility")),
            allow_forks=row.get_flag("filters.allowForks", True),
            allow_archived=row.get_flag("filters.allowArchived", False),
        )

    def allows(self, repository: Mapping[str, Any]) -> bool:
        """``repository`` is an item of GitHub's listing."""
        topics = {str(topic).lower() for topic in repository.get("topics") or ()}
        visibility = repository.get("visibility") or ("private" if repository.get("private") else "public")
        return bool(
            self.repository.fullmatch(repository["name"])
            and (self.allow_archived or not repository.get("archived"))
            and (self.allow_forks or not repository.get("fork"))
            and (not self.topics or topics & set(self.topics))
            and not topics & set(self.excluded_topics)
            and (not self.visibility or str(visibility).lower() in self.visibility)
        )


class GithubProvider:
    """An ``EntityProvider``; one for each id below ``catalog.providers.github``."""

    def __init__(self, row: ProviderRow, clients: GithubClients) -> None:
        """Raises ``InputError`` with the key of a setting that cannot be used."""
        self.name = f"github-provider:{row.id}"
        self.every_s = row.every_s
        self._timeout_s = row.timeout_s
        self._client: GithubClient = clients.get(row.get_text("host", "github.com"))
        self._organization = row.get_text("organization")
        self._filter = RepositoryFilter.of(row)
        self._path = row.get_text("catalogPath", DEFAULT_PATH).lstrip("/")
        self._validate = row.get_flag("validateLocationsExist", False)
        self._reader = GithubReader(self._client)
        try:
            globs.compile_glob(self._path)
        except ValueError as error:
            raise row.error("catalogPath", f"cannot be used: {error}") from error

    async def run(self, connection: ProviderConnection) -> None:
        """Give all repositories, or fail as a whole. Raises ``CallboardError`` after telling the connection."""
        await deliver(
            self._read, connection, timeout_s=self._timeout_s, name=f"GitHub organisation {self._organization}"
        )

    def is_affected(self, change: SourceChange) -> bool:
        """Repositories that come, go or change; pushes only where it counts whether a repository has the descriptor.

        A push that does not tell its paths waits for the schedule: a busy organisation would be listed all the time.
        """
        if change.kind != "github" or not concerns(change.urls, self._client.host.host, self._organization):
            return False
        if change.what == "files":
            return self._validate and any(globs.matches(self._path, path) for path in change.moved_paths or ())
        return change.what == "repositories"

    async def _read(self) -> FullMutation:
        api = (await self._client.api_for(self._organization)).in_background()
        repositories = [r for r in await self._list_repositories(api) if self._filter.allows(r)]
        targets = sorted({self._target(r) for r in repositories if self._branch(r)})
        if self._validate:
            targets = await self._keep_existing(targets)
        return FullMutation(
            [DeferredEntity(location_entity(LocationRef("url", t), optional=True), self.name) for t in targets]
        )

    async def _list_repositories(self, api: RemoteApi) -> list[dict[str, Any]]:
        """Oldest first, so that a repository made meanwhile lands on the last page and shifts nothing."""
        name = quote(self._organization, safe="")
        order = "per_page=100&sort=created&direction=asc"
        try:
            return await api.list_items(f"{self._client.host.api_url}/orgs/{name}/repos?type=all&{order}")
        except NotFoundError:
            # the same word names users; when it names neither, this raises
            return await api.list_items(f"{self._client.host.api_url}/users/{name}/repos?type=owner&{order}")

    def _branch(self, repository: Mapping[str, Any]) -> str | None:
        return self._filter.branch or repository.get("default_branch")

    def _target(self, repository: Mapping[str, Any]) -> str:
        html_url = str(repository["html_url"])
        if urlsplit(html_url).netloc.lower() != self._client.host.host:
            raise ValueError(f"repository {repository['name']} has its page at another host: {html_url}")
        return f"{html_url}/blob/{quote(self._branch(repository) or '', safe='')}/{quote_path(self._path)}"

    async def _keep_existing(self, targets: Sequence[str]) -> list[str]:
        gate = asyncio.Semaphore(CONCURRENT_CHECKS)

        async def exists(target: str) -> bool:
            async with gate:
                return await self._exists(target)

        tasks = [asyncio.ensure_future(exists(target)) for target in targets]
        try:
            found = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [target for target, is_there in zip(targets, found, strict=True) if is_there]

    async def _exists(self, target: str) -> bool:
        """Only GitHub's clear "no" is a no; limits and failures raise."""
        place = self._reader.find_path(target)
        if place is None:
            return False
        try:
            commit = await self._reader.find_head(place)
            entries = await self._reader.list_files(place, commit, globs.static_prefix(place.path))
        except (NotFoundError, InputError):
            return False  # 404: no such branch; 409 and 422: the repository is empty
        return any(globs.matches(place.path, entry.path) for entry in entries)


def _lower(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(text.lower() for text in texts)

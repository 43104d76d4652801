"""Projects of a GitLab group (or instance) as Location entities, and with ``orgEnabled`` its groups and users.

Source of the settings: Backstage, ``catalog.providers.gitlab`` (facts: catalog, section 5).
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Mapping
from urllib.parse import quote

from callboard.features.catalog.interface import DeferredEntity, FullMutation, ProviderConnection, SourceChange
from callboard.integrations.gitlab.client import GitlabClient, GitlabClients
from callboard.integrations.gitlab.org import read_organization
from callboard.kernel.discovery import ProviderRow, concerns, deliver
from callboard.kernel.errors import NotFoundError
from callboard.kernel.remote_api import RemoteApi
from callboard.kernel.source_host import quote_path
from callboard.model.locations import location_entity
from callboard.model.refs import LocationRef
from callboard.model.urls import split_http

CONCURRENT_CHECKS = 5


@dataclass(frozen=True, slots=True)
class ProjectFilter:
    """Which projects count."""

    pattern: re.Pattern[str]
    excluded: frozenset[str]
    topics: frozenset[str]
    include_archived: bool
    skip_forked: bool

    @classmethod
    def of(cls, row: ProviderRow) -> ProjectFilter:
        return cls(
            pattern=row.get_pattern("projectPattern", r"[\s\S]*"),
            excluded=frozenset(name.lower() for name in row.get_texts("excludeRepos")),
            topics=frozenset(topic.lower() for topic in row.get_texts("topics")),
            include_archived=row.get_flag("includeArchivedRepos", False),
            skip_forked=row.get_flag("skipForkedRepos", False),
        )

    def allows(self, project: Mapping[str, Any]) -> bool:
        """``project`` is an item of GitLab's listing. All ``topics`` must be there, as in GitLab's own filter."""
        path = str(project["path_with_namespace"])
        topics = {str(topic).lower() for topic in project.get("topics") or project.get("tag_list") or ()}
        return bool(
            self.pattern.search(path)
            and path.lower() not in self.excluded
            and self.topics <= topics
            and (self.include_archived or not project.get("archived"))
            and not (self.skip_forked and project.get("forked_from_project"))
            and project.get("repository_access_level") != "disabled"
        )


class GitlabProvider:
    """An ``EntityProvider``; one for each id below ``catalog.providers.gitlab``: the projects that have a descriptor."""

    def __init__(self, row: ProviderRow, clients: GitlabClients) -> None:
        """Raises ``InputError`` with the key of a setting that cannot be used."""
        self.name = f"gitlab-provider:{row.id}"
        self.every_s = row.every_s
        self._timeout_s = row.timeout_s
        self._client: GitlabClient = clients.get(row.get_text("host", "gitlab.com"))
        self._group = (row.find_text("group") or "").strip("/")
        self._branch = row.find_text("branch")
        self._fallback = row.get_text("fallbackBranch", "master")
        self._filename = row.get_text("entityFilename", "catalog-info.yaml").lstrip("/")
        self._membership = row.get_flag("membership", False)
        self._filter = ProjectFilter.of(row)

    async def run(self, connection: ProviderConnection) -> None:
        """Give all projects with a descriptor, or fail as a whole. Raises ``CallboardError`` after telling the connection."""
        name = f"GitLab {self._group or self._client.host.host}"
        await deliver(self._read, connection, timeout_s=self._timeout_s, name=name)

    def is_affected(self, change: SourceChange) -> bool:
        """Projects that come, go or change, and pushes with which a descriptor comes or goes.

        A push that does not tell its paths (system hooks never do) waits for the schedule: a busy group would be listed
        all the time.
        """
        host = self._client.host
        if change.kind != "gitlab" or not concerns(change.urls, host.host, f"{host.base_path}/{self._group}"):
            return False
        if change.what == "files":
            return self._filename in (change.moved_paths or ())
        return change.what == "repositories"

    async def _read(self) -> FullMutation:
        api = self._client.api.in_background()
        projects = [p for p in await api.list_items(self._listing_url()) if self._filter.allows(p)]
        gate = asyncio.Semaphore(CONCURRENT_CHECKS)

        async def find(project: Mapping[str, Any]) -> str | None:
            async with gate:
                return await self._find_target(api, project)

        tasks = [asyncio.ensure_future(find(project)) for project in projects]
        try:
            found = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        targets = sorted({target for target in found if target})
        return FullMutation(
            [DeferredEntity(location_entity(LocationRef("url", t), optional=True), self.name) for t in targets]
        )

    def _listing_url(self) -> str:
        # by id upward: a project made meanwhile lands on the last page and shifts nothing
        query = "per_page=100&order_by=id&sort=asc"
        if not self._filter.include_archived:
            query += "&archived=false"
        if self._membership:
            query += "&membership=true"
        if self._group:
            return f"{self._client.host.api_url}/groups/{quote(self._group, safe='')}/projects?include_subgroups=true&{query}"
        return f"{self._client.host.api_url}/projects?{query}&pagination=keyset"

    async def _find_target(self, api: RemoteApi, project: Mapping[str, Any]) -> str | None:
        """The descriptor's URL; None when the project has none. Only GitLab's 404 is a "no"; anything else raises."""
        if project.get("empty_repo"):
            return None
        branch = self._branch or project.get("default_branch") or self._fallback
        path = quote(self._filename, safe="")
        url = f"{self._client.project_url(project['id'])}/repository/files/{path}?ref={quote(branch, safe='')}"
        try:
            await api.get(url)
        except NotFoundError:
            return None
        return f"{project['web_url']}/-/blob/{quote(branch, safe='')}/{quote_path(self._filename)}"


class GitlabOrgProvider:
    """An ``EntityProvider`` for groups and users, where ``orgEnabled`` is true."""

    def __init__(self, row: ProviderRow, clients: GitlabClients) -> None:
        """Raises ``InputError`` with the key of a setting that cannot be used."""
        self.name = f"gitlab-org-provider:{row.id}"
        self.every_s = row.every_s
        self._timeout_s = row.timeout_s
        self._client: GitlabClient = clients.get(row.get_text("host", "gitlab.com"))
        self._group = (row.find_text("group") or "").strip("/")
        if not self._group and self._client.host.host == "gitlab.com":
            raise row.error("group", "is required on gitlab.com for orgEnabled: nobody wants all its groups.")
        self._group_pattern = row.get_pattern("groupPattern", r"[\s\S]*")
        self._user_pattern = row.get_pattern("userPattern", r"[\s\S]*")
        self._restrict = row.get_flag("restrictUsersToGroup", False)
        self._inherited = bool({"INHERITED"} & {text.upper() for text in row.get_texts("relations")})

    async def run(self, connection: ProviderConnection) -> None:
        """Give all groups and users, or fail as a whole. Raises ``CallboardError`` after telling the connection."""
        name = f"GitLab {self._group or self._client.host.host}"
        await deliver(self._read, connection, timeout_s=self._timeout_s, name=name)

    def is_affected(self, change: SourceChange) -> bool:
        """Groups and members. GitLab's hooks may name a group by its last part alone, so the host is all that has to fit."""
        hosts = [f"{parts.scheme}://{parts.netloc}" for parts in map(split_http, change.urls) if parts is not None]
        return change.kind == "gitlab" and change.what == "people" and concerns(hosts, self._client.host.host, "")

    async def _read(self) -> FullMutation:
        entities = await read_organization(
            self._client.api.in_background(),
            self._client.host,
            root=self._group,
            group_pattern=self._group_pattern,
            user_pattern=self._user_pattern,
            only_members=self._restrict or self._client.host.host == "gitlab.com",
            inherited=self._inherited,
        )
        return FullMutation([DeferredEntity(entity, self.name) for entity in entities])

"""Wires GitLab in: one set of clients, a reader for each host, providers for each configured group."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import EntityProvider, UrlReader
from callboard.features.catalog.interface.checks import SourceCheck
from callboard.features.scaffolder.interface import Autocomplete
from callboard.integrations.gitlab.client import GitlabClients
from callboard.kernel.actions import Action
from callboard.kernel.discovery import RepositoryListing
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Setting


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    return {GitlabClients: GitlabClients(portal.settings, portal.http, portal.http.budgets)}


@hookimpl
def register_url_readers(portal: Any) -> Sequence[UrlReader]:
    from callboard.integrations.gitlab.reader import GitlabReader

    return [GitlabReader(client) for client in portal.service(GitlabClients).all]


@hookimpl
def register_catalog_providers(portal: Any) -> Sequence[EntityProvider]:
    from callboard.integrations.gitlab.provider import GitlabOrgProvider, GitlabProvider
    from callboard.kernel.discovery import read_rows

    clients = portal.service(GitlabClients)
    rows = read_rows(portal.settings, "gitlab", ("host", "group", "orgEnabled"))
    return [
        *(GitlabProvider(row, clients) for row in rows if not row.get_flag("skipRepos", False)),
        *(GitlabOrgProvider(row, clients) for row in rows if row.get_flag("orgEnabled", False)),
    ]


@hookimpl
def register_source_checks(portal: Any) -> Sequence[SourceCheck]:
    from callboard.integrations.gitlab.check import GitlabCheck

    return [GitlabCheck(portal)]


@hookimpl
def register_repository_listings(portal: Any) -> Sequence[RepositoryListing]:
    from callboard.integrations.gitlab.listing import GitlabListing
    from callboard.kernel.discovery import owners_by_host

    owners = owners_by_host(portal.settings, "gitlab", "group", "gitlab.com")
    clients = portal.service(GitlabClients).all
    return [GitlabListing(client, owners.get(client.host.host, ())) for client in clients]


@hookimpl
def register_actions(portal: Any) -> Sequence[Action]:
    from callboard.integrations.gitlab.actions import gitlab_actions

    return gitlab_actions(portal)


@hookimpl
def register_change_openers(portal: Any) -> Sequence[Any]:
    from callboard.integrations.gitlab.changes import change_openers

    return change_openers(portal)


@hookimpl
def register_autocomplete(portal: Any) -> Sequence[Autocomplete]:
    from callboard.integrations.gitlab.autocomplete import GitlabAutocomplete

    return GitlabAutocomplete(portal.service(GitlabClients)).all()


@hookimpl
def register_settings() -> Sequence[Setting]:
    return [
        Setting("integrations.gitlab", "list", (), None, "Hosts of GitLab."),
        Setting("integrations.gitlab[].host", "text", "gitlab.com", None, "Host name of GitLab."),
        Setting(
            "integrations.gitlab[].baseUrl", "text", None, None, "Address of its pages; https://<host> by default."
        ),
        Setting("integrations.gitlab[].apiBaseUrl", "text", None, None, "REST API; <baseUrl>/api/v4 by default."),
        Setting("integrations.gitlab[].token", "secret", None, None, "Access token with read_api."),
        Setting(
            "integrations.gitlab[].retry",
            "object",
            None,
            None,
            "Backstage's; of it only maxApiRequestsPerMinute counts here.",
        ),
        Setting(
            "integrations.gitlab[].retry.maxApiRequestsPerMinute", "number", -1, "requests", "Own ceiling; -1 for none."
        ),
        Setting(
            "integrations.gitlab[].commitSigningKey",
            "secret",
            None,
            None,
            "Armored OpenPGP private key that signs commits here where a step says signCommit.",
        ),
        Setting("catalog.providers.gitlab", "object", None, None, "Projects, groups and users, by provider id."),
    ]

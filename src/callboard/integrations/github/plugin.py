"""Wires GitHub in: one set of clients, a reader for each host, a provider for each configured organisation."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import EntityProvider, UrlReader
from callboard.features.catalog.interface.checks import SourceCheck
from callboard.features.scaffolder.interface import Autocomplete
from callboard.integrations.github.client import GithubClients
from callboard.kernel.actions import Action
from callboard.kernel.discovery import RepositoryListing
from callboard.kernel.host_apis import GithubApis
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Setting


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    clients = GithubClients(portal.settings, portal.http, portal.http.budgets, portal.clock)
    return {GithubClients: clients, GithubApis: clients}


@hookimpl
def register_url_readers(portal: Any) -> Sequence[UrlReader]:
    from callboard.integrations.github.reader import GithubReader

    return [GithubReader(client) for client in portal.service(GithubClients).all]


@hookimpl
def register_catalog_providers(portal: Any) -> Sequence[EntityProvider]:
    from callboard.integrations.github.org_provider import GithubOrgProvider
    from callboard.integrations.github.provider import GithubProvider
    from callboard.kernel.discovery import read_rows

    clients = portal.service(GithubClients)
    repositories = read_rows(portal.settings, "github", ("organization", "host"))
    organizations = read_rows(portal.settings, "githubOrg", ("orgs", "githubUrl", "organization"))
    return [
        *(GithubProvider(row, clients) for row in repositories),
        *(GithubOrgProvider(row, clients) for row in organizations),
    ]


@hookimpl
def register_source_checks(portal: Any) -> Sequence[SourceCheck]:
    from callboard.integrations.github.check import GithubCheck

    return [GithubCheck(portal)]


@hookimpl
def register_repository_listings(portal: Any) -> Sequence[RepositoryListing]:
    from callboard.integrations.github.listing import GithubListing
    from callboard.kernel.discovery import owners_by_host

    owners = owners_by_host(portal.settings, "github", "organization", "github.com")
    clients = portal.service(GithubClients).all
    return [GithubListing(client, owners.get(client.host.host, ())) for client in clients]


@hookimpl
def register_actions(portal: Any) -> Sequence[Action]:
    from callboard.integrations.github.actions import github_actions

    return github_actions(portal)


@hookimpl
def register_change_openers(portal: Any) -> Sequence[Any]:
    from callboard.integrations.github.changes import change_openers

    return change_openers(portal)


@hookimpl
def register_autocomplete(portal: Any) -> Sequence[Autocomplete]:
    from callboard.integrations.github.autocomplete import GithubAutocomplete

    return GithubAutocomplete(portal.service(GithubClients)).all()


@hookimpl
def register_settings() -> Sequence[Setting]:
    return [
        Setting("integrations.github", "list", (), None, "Hosts of GitHub and GitHub Enterprise."),
        Setting("integrations.github[].host", "text", "github.com", None, "Host name of GitHub or GitHub Enterprise."),
        Setting("integrations.github[].apiBaseUrl", "text", None, None, "REST API; https://<host>/api/v3 by default."),
        Setting("integrations.github[].rawBaseUrl", "text", None, None, "Raw files; https://<host>/raw by default."),
        Setting("integrations.github[].token", "secret", None, None, "Personal access token."),
        Setting("integrations.github[].apps[].appId", "number", None, None, "Number of a GitHub App."),
        Setting("integrations.github[].apps[].privateKey", "secret", None, None, "PEM key of the app."),
        Setting(
            "integrations.github[].apps[].allowedInstallationOwners",
            "list",
            (),
            None,
            "Organisations the app serves; all when empty.",
        ),
        Setting(
            "integrations.github[].apps[].clientId", "text", None, None, "For signing in through the app; not used."
        ),
        Setting(
            "integrations.github[].apps[].clientSecret",
            "secret",
            None,
            None,
            "For signing in through the app; not used.",
        ),
        Setting(
            "integrations.github[].apps[].webhookSecret",
            "secret",
            None,
            None,
            "Of the app; secrets of webhooks are in events.http.topics.",
        ),
        Setting(
            "integrations.github[].apps[].publicAccess",
            "flag",
            False,
            None,
            "Backstage's; public repositories need nothing here.",
        ),
        Setting(
            "integrations.github[].commitSigningKey",
            "secret",
            None,
            None,
            "Armored OpenPGP private key that signs commits here where a step says signCommit.",
        ),
        Setting("catalog.providers.github", "object", None, None, "Repositories of organisations, by provider id."),
        Setting("catalog.providers.githubOrg", "object", None, None, "Teams and users of organisations."),
    ]

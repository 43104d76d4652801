"""Wires GitHub in: one set of clients, a reader for each host, a provider for each configured organisation."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import EntityProvider, UrlReader
from callboard.integrations.github.client import GithubClients
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Setting


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    clients = GithubClients(portal.settings, portal.http, portal.http.budgets, portal.clock)
    return {GithubClients: clients}


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
def register_settings() -> Sequence[Setting]:
    return [
        Setting("integrations.github", "list", (), None, "Hosts: {host, apiBaseUrl, rawBaseUrl, token, apps}."),
        Setting("integrations.github[].host", "text", "github.com", None, "Host name of GitHub or GitHub Enterprise."),
        Setting("integrations.github[].token", "secret", None, None, "Personal access token."),
        Setting("integrations.github[].apps[].privateKey", "secret", None, None, "PEM key of a GitHub app."),
        Setting("catalog.providers.github", "object", None, None, "Repositories of organisations, by provider id."),
        Setting("catalog.providers.githubOrg", "object", None, None, "Teams and users of organisations."),
    ]

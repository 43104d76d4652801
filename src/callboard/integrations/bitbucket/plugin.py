"""Wires Bitbucket in: Cloud, and every configured server."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import UrlReader
from callboard.integrations.bitbucket.client import BitbucketClients
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Setting


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    clients = BitbucketClients(portal.settings, portal.http, portal.http.budgets, portal.clock)
    return {BitbucketClients: clients}


@hookimpl
def register_url_readers(portal: Any) -> Sequence[UrlReader]:
    from callboard.integrations.bitbucket.reader import BitbucketCloudReader, BitbucketServerReader

    clients = portal.service(BitbucketClients)
    return [BitbucketCloudReader(clients.cloud), *(BitbucketServerReader(server) for server in clients.servers)]


@hookimpl
def register_settings() -> Sequence[Setting]:
    return [
        Setting(
            "integrations.bitbucketCloud",
            "list",
            (),
            None,
            "One account: {username, token | appPassword | clientId, clientSecret}.",
        ),
        Setting(
            "integrations.bitbucketCloud[].token", "secret", None, None, "Access token, or API token with username."
        ),
        Setting("integrations.bitbucketCloud[].appPassword", "secret", None, None, "App password of username."),
        Setting("integrations.bitbucketCloud[].clientSecret", "secret", None, None, "Secret of an OAuth consumer."),
        Setting(
            "integrations.bitbucketServer", "list", (), None, "Hosts: {host, apiBaseUrl, token | username, password}."
        ),
        Setting("integrations.bitbucketServer[].token", "secret", None, None, "HTTP access token."),
        Setting("integrations.bitbucketServer[].password", "secret", None, None, "Password of username."),
    ]

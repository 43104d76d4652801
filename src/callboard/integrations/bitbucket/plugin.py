"""Wires Bitbucket in: Cloud, and every configured server."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import UrlReader
from callboard.features.scaffolder.interface import Autocomplete
from callboard.integrations.bitbucket.client import BitbucketClients
from callboard.kernel.actions import Action
from callboard.kernel.discovery import RepositoryListing
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
def register_repository_listings(portal: Any) -> Sequence[RepositoryListing]:
    from callboard.integrations.bitbucket.listing import BitbucketCloudListing, BitbucketServerListing

    clients = portal.service(BitbucketClients)
    return [BitbucketCloudListing(clients.cloud), *(BitbucketServerListing(client) for client in clients.servers)]


@hookimpl
def register_actions(portal: Any) -> Sequence[Action]:
    from callboard.integrations.bitbucket.actions import bitbucket_actions

    return bitbucket_actions(portal)


@hookimpl
def register_change_openers(portal: Any) -> Sequence[Any]:
    from callboard.integrations.bitbucket.changes import change_openers

    return change_openers(portal)


@hookimpl
def register_autocomplete(portal: Any) -> Sequence[Autocomplete]:
    from callboard.integrations.bitbucket.autocomplete import BitbucketAutocomplete

    return BitbucketAutocomplete(portal.service(BitbucketClients).cloud).all()


@hookimpl
def register_settings() -> Sequence[Setting]:
    return [
        Setting("integrations.bitbucketCloud", "list", (), None, "One account at Bitbucket Cloud."),
        Setting("integrations.bitbucketCloud[].host", "text", "bitbucket.org", None, "Host name of Bitbucket Cloud."),
        Setting(
            "integrations.bitbucketCloud[].apiBaseUrl",
            "text",
            None,
            None,
            "REST API 2.0; https://api.bitbucket.org/2.0 by default.",
        ),
        Setting(
            "integrations.bitbucketCloud[].username",
            "text",
            None,
            None,
            "Account that appPassword or token belongs to.",
        ),
        Setting(
            "integrations.bitbucketCloud[].token", "secret", None, None, "Access token, or API token with username."
        ),
        Setting("integrations.bitbucketCloud[].appPassword", "secret", None, None, "App password of username."),
        Setting("integrations.bitbucketCloud[].clientId", "text", None, None, "Key of an OAuth consumer."),
        Setting("integrations.bitbucketCloud[].clientSecret", "secret", None, None, "Secret of the OAuth consumer."),
        Setting(
            "integrations.bitbucketCloud[].commitSigningKey",
            "secret",
            None,
            None,
            "Armored OpenPGP private key that signs commits here where a step says signCommit.",
        ),
        Setting("integrations.bitbucketServer", "list", (), None, "Hosts of Bitbucket Server and Data Center."),
        Setting("integrations.bitbucketServer[].host", "text", None, None, "Host name; required."),
        Setting(
            "integrations.bitbucketServer[].apiBaseUrl",
            "text",
            None,
            None,
            "REST API; https://<host>/rest/api/1.0 by default.",
        ),
        Setting("integrations.bitbucketServer[].token", "secret", None, None, "HTTP access token."),
        Setting("integrations.bitbucketServer[].username", "text", None, None, "Account, where there is no token."),
        Setting("integrations.bitbucketServer[].password", "secret", None, None, "Password of username."),
        Setting(
            "integrations.bitbucketServer[].commitSigningKey",
            "secret",
            None,
            None,
            "Armored OpenPGP private key that signs commits here where a step says signCommit.",
        ),
    ]

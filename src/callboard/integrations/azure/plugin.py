"""Wires Azure DevOps in: one set of clients, a reader for each host."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import UrlReader
from callboard.integrations.azure.client import AzureClients
from callboard.kernel.actions import Action
from callboard.kernel.discovery import RepositoryListing
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Setting


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    return {AzureClients: AzureClients(portal.settings, portal.http, portal.http.budgets, portal.clock)}


@hookimpl
def register_url_readers(portal: Any) -> Sequence[UrlReader]:
    from callboard.integrations.azure.reader import AzureReader

    return [AzureReader(client) for client in portal.service(AzureClients).all]


@hookimpl
def register_repository_listings(portal: Any) -> Sequence[RepositoryListing]:
    from callboard.integrations.azure.listing import AzureListing

    return [AzureListing(client) for client in portal.service(AzureClients).all]


@hookimpl
def register_actions(portal: Any) -> Sequence[Action]:
    from callboard.integrations.azure.actions import azure_actions

    return azure_actions(portal)


@hookimpl
def register_change_openers(portal: Any) -> Sequence[Any]:
    from callboard.integrations.azure.changes import change_openers

    return change_openers(portal)


@hookimpl
def register_settings() -> Sequence[Setting]:
    return [
        Setting("integrations.azure", "list", (), None, "Hosts of Azure DevOps."),
        Setting("integrations.azure[].host", "text", "dev.azure.com", None, "Host name of Azure DevOps."),
        Setting(
            "integrations.azure[].baseUrl",
            "text",
            None,
            None,
            "Address of its pages and its API; https://<host> by default.",
        ),
        Setting(
            "integrations.azure[].credentials",
            "list",
            (),
            None,
            "Tokens or Entra clients, the first that fits an organisation counts.",
        ),
        Setting(
            "integrations.azure[].credentials[].organizations",
            "list",
            (),
            None,
            "Organisations it is for; all when empty.",
        ),
        Setting(
            "integrations.azure[].credentials[].personalAccessToken", "secret", None, None, "Token with Code: Read."
        ),
        Setting("integrations.azure[].credentials[].clientId", "text", None, None, "Id of an Entra client."),
        Setting("integrations.azure[].credentials[].clientSecret", "secret", None, None, "Secret of the Entra client."),
        Setting("integrations.azure[].credentials[].tenantId", "text", None, None, "Entra tenant of the client."),
        Setting(
            "integrations.azure[].commitSigningKey",
            "secret",
            None,
            None,
            "Armored OpenPGP private key that signs commits here where a step says signCommit.",
        ),
    ]

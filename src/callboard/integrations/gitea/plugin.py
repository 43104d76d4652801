"""Wires Gitea in: one set of clients, a reader for each host."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import UrlReader
from callboard.integrations.gitea.client import GiteaClients
from callboard.kernel.actions import Action
from callboard.kernel.discovery import RepositoryListing
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Setting


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    return {GiteaClients: GiteaClients(portal.settings, portal.http, portal.http.budgets)}


@hookimpl
def register_url_readers(portal: Any) -> Sequence[UrlReader]:
    from callboard.integrations.gitea.reader import GiteaReader

    return [GiteaReader(client) for client in portal.service(GiteaClients).all]


@hookimpl
def register_repository_listings(portal: Any) -> Sequence[RepositoryListing]:
    from callboard.integrations.gitea.listing import GiteaListing

    return [GiteaListing(client) for client in portal.service(GiteaClients).all]


@hookimpl
def register_actions(portal: Any) -> Sequence[Action]:
    from callboard.integrations.gitea.actions import gitea_actions

    return gitea_actions(portal)


@hookimpl
def register_change_openers(portal: Any) -> Sequence[Any]:
    from callboard.integrations.gitea.changes import change_openers

    return change_openers(portal)


@hookimpl
def register_settings() -> Sequence[Setting]:
    return [
        Setting("integrations.gitea", "list", (), None, "Hosts of Gitea and Forgejo."),
        Setting("integrations.gitea[].host", "text", "gitea.com", None, "Host name of Gitea or Forgejo."),
        Setting(
            "integrations.gitea[].baseUrl",
            "text",
            None,
            None,
            "Address of its pages and its API; https://<host> by default.",
        ),
        Setting("integrations.gitea[].username", "text", None, None, "Account that password belongs to."),
        Setting(
            "integrations.gitea[].password", "secret", None, None, "Password, or without username an access token."
        ),
        Setting(
            "integrations.gitea[].commitSigningKey",
            "secret",
            None,
            None,
            "Armored OpenPGP private key that signs commits here where a step says signCommit.",
        ),
    ]

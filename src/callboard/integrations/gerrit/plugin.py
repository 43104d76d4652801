"""Wires Gerrit in: one set of clients, and what steps of templates do with them."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.integrations.gerrit.client import GerritClients
from callboard.kernel.actions import Action
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Setting


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    return {GerritClients: GerritClients(portal.settings, portal.http, portal.http.budgets)}


@hookimpl
def register_actions(portal: Any) -> Sequence[Action]:
    from callboard.integrations.gerrit.actions import gerrit_actions

    return gerrit_actions(portal)


@hookimpl
def register_settings() -> Sequence[Setting]:
    row = "integrations.gerrit[]"
    return [
        Setting("integrations.gerrit", "list", (), None, "Hosts of Gerrit, for what templates publish."),
        Setting(f"{row}.host", "text", None, None, "Host name; required."),
        Setting(f"{row}.baseUrl", "text", None, None, "Address of its pages and its API; https://<host> by default."),
        Setting(f"{row}.cloneUrl", "text", None, None, "Address that git clones from; <baseUrl> by default."),
        Setting(
            f"{row}.gitilesBaseUrl", "text", None, None, "Address of Gitiles; <baseUrl>/plugins/gitiles by default."
        ),
        Setting(f"{row}.disableEditUrl", "flag", False, None, "Backstage's; not used."),
        Setting(f"{row}.username", "text", None, None, "Account that publishes."),
        Setting(f"{row}.password", "secret", None, None, "Its password for HTTP, which Gerrit makes."),
        Setting(
            f"{row}.commitSigningKey",
            "secret",
            None,
            None,
            "Armored OpenPGP private key that signs commits here where a step says signCommit.",
        ),
    ]

"""The OpenPGP key that signs a commit: that of the host it is pushed to, else the one for all."""

from __future__ import annotations

from typing import Any, Mapping, get_args
from urllib.parse import urlsplit

from callboard.kernel.errors import InputError
from callboard.kernel.source_host import SettingsView, host_settings, text_setting
from callboard.model.urls import DEFAULT_HOSTS, HostKind

DEFAULT_KEY = "scaffolder.defaultCommitSigningKey"


def signing_key_of(input: Mapping[str, Any], settings: SettingsView, url: str) -> str | None:
    """The armored private key for a push to ``url``; None where the step does not say ``signCommit``.

    Raises ``InputError`` when it does and there is no key: nothing goes out unsigned that was to be signed.
    """
    if not input.get("signCommit"):
        return None
    key = _key_of_host(settings, url) or str(settings.get(DEFAULT_KEY) or "").strip()
    if not key:
        raise InputError(
            "Commits are to be signed, and there is no key to sign them with. Set commitSigningKey of the host in "
            f"integrations, or {DEFAULT_KEY}; or leave signCommit out.",
            field="signCommit",
        )
    return key


def _key_of_host(settings: SettingsView, url: str) -> str | None:
    place = urlsplit(url).netloc.rpartition("@")[2].lower()
    for kind in get_args(HostKind):
        public = next((host for host, its in DEFAULT_HOSTS.items() if its == kind), "")
        for entry in host_settings(settings, kind):
            hosts = {(text_setting(entry, "host") or public).lower()}
            hosts.update(urlsplit(text_setting(entry, name) or "").netloc.lower() for name in ("baseUrl", "cloneUrl"))
            if place and place in hosts and (key := text_setting(entry, "commitSigningKey")):
                return key
    return None

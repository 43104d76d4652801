"""The address of a repository as the RepoUrlPicker gives it: ``github.com?owner=acme&repo=tools``. Pure.

Source: facts of Backstage's ``parseRepoUrl`` and ``serializeRepoPickerUrl``.
"""

from __future__ import annotations

from typing import Final, Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

from callboard.model.urls import DEFAULT_HOSTS, HostKind

PARTS: Final[Mapping[str, Sequence[str]]] = {
    "github": ("owner", "repo"),
    "gitlab": ("owner", "repo"),
    "gitea": ("owner", "repo"),
    "bitbucketCloud": ("workspace", "project", "repo"),
    "bitbucketServer": ("project", "repo"),
    "azure": ("organization", "project", "repo"),
    "gerrit": ("owner", "workspace", "repo"),
    "other": ("owner", "repo"),
}
"""What makes the address of a repository at each kind of host, in the order in which people are asked."""
OPTIONAL: Final = {("gerrit", "owner"), ("gerrit", "workspace"), ("gitea", "owner")}
_ORDER = ("owner", "repo", "organization", "workspace", "project")


def kind_of(host: str, hosts: Mapping[str, HostKind] | None = None) -> str:
    """The kind of software at ``host``; ``other`` for one that nobody named."""
    return (hosts or {}).get(host) or DEFAULT_HOSTS.get(host) or "other"


def parse_repository(text: object, hosts: Mapping[str, HostKind] | None = None) -> dict[str, str]:
    """``{"host": …, "owner": …}``; empty for what is no address. Azure's ``owner`` is its project."""
    if not isinstance(text, str) or not text:
        return {}
    host, _, query = text.removeprefix("https://").partition("?")
    found = {"host": host}
    for key, value in parse_qsl(query, keep_blank_values=False):
        if key in _ORDER:
            found[key] = value
    if kind_of(host, hosts) == "azure" and "project" not in found and "owner" in found:
        found["project"] = found.pop("owner")
    return found


def format_repository(parts: Mapping[str, str]) -> str:
    """The address; ``""`` without a host or with nothing but a host."""
    pairs = [(key, parts[key]) for key in _ORDER if parts.get(key)]
    return f"{parts['host']}?{urlencode(pairs)}" if parts.get("host") and pairs else ""


def lacking(parts: Mapping[str, str], hosts: Mapping[str, HostKind] | None = None) -> list[str]:
    """Names of the parts that the host needs and that are empty."""
    kind = kind_of(parts.get("host", ""), hosts)
    if kind == "gitlab" and parts.get("project"):
        return []
    return [part for part in PARTS[kind] if (kind, part) not in OPTIONAL and not parts.get(part)]

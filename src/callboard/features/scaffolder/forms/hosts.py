"""Source hosts that a form knows, and what they suggest: owners, repositories, branches."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.forms.entities import OFFERED, Offer
from callboard.features.scaffolder.forms.model import Field
from callboard.features.scaffolder.forms.repositories import PARTS, kind_of
from callboard.features.scaffolder.interface import Autocomplete
from callboard.kernel.errors import CallboardError, InputError
from callboard.kernel.logs import get_logger
from callboard.kernel.source_host import SettingsView, host_settings, text_setting
from callboard.model.urls import DEFAULT_HOSTS, HostKind

_KINDS: Mapping[str, HostKind] = {
    "github": "github", "gitlab": "gitlab", "gitea": "gitea", "azure": "azure", "gerrit": "gerrit",
    "bitbucketCloud": "bitbucketCloud", "bitbucketServer": "bitbucketServer",
}  # fmt: skip
_PROVIDERS: Mapping[str, str] = {"bitbucketCloud": "bitbucket-cloud"}
_RESOURCES: Mapping[tuple[str, str], str] = {
    ("github", "owner"): "owners", ("github", "repo"): "repositoriesWithOwner", ("github", "branch"): "branches",
    ("gitlab", "owner"): "groups", ("gitlab", "repo"): "repositories",
    ("bitbucketCloud", "workspace"): "workspaces", ("bitbucketCloud", "project"): "projects",
    ("bitbucketCloud", "repo"): "repositories", ("bitbucketCloud", "branch"): "branches",
}  # fmt: skip
log = get_logger(__name__)


def read_hosts(settings: SettingsView) -> dict[str, HostKind]:
    """The hosts of ``integrations``, those with a setting first, then the public ones."""
    found: dict[str, HostKind] = {}
    for name, kind in _KINDS.items():
        try:
            entries = host_settings(settings, name)
        except InputError:
            continue  # told by the integration itself
        for entry in entries:
            if host := text_setting(entry, "host"):
                found.setdefault(host.lower(), kind)
    for host, kind in DEFAULT_HOSTS.items():
        found.setdefault(host, kind)
    return found


class SourceHosts:
    """What forms ask of source hosts."""

    def __init__(self, hosts: Mapping[str, HostKind], providers: Sequence[Autocomplete]) -> None:
        self.kinds = hosts
        self._providers = {(one.provider, one.resource): one for one in providers}

    def names(self, field: Field) -> list[str]:
        """The hosts to choose from."""
        said = field.option("allowedHosts")
        return [str(one) for one in said] if isinstance(said, list) and said else list(self.kinds)

    def parts(self, host: str) -> Sequence[str]:
        return PARTS[kind_of(host, self.kinds)]

    async def offers(self, host: str, part: str, words: str, *, context: Mapping[str, str], token: str) -> list[Offer]:
        """Suggestions of the host; none where nobody offers them, no token was given, or the host does not answer."""
        kind = kind_of(host, self.kinds)
        resource = _RESOURCES.get((kind, part))
        provider = self._providers.get((_PROVIDERS.get(kind, kind), resource)) if resource else None
        if provider is None or not token:
            return []
        try:
            found = await provider.complete(token, {"host": host, **context})
        except CallboardError as error:
            log.info("no suggestions for a form", host=host, resource=resource, problem=type(error).__name__)
            return []
        return [offer for one in found if words.lower() in (offer := _offer(one)).value.lower()][:OFFERED]


def _offer(found: Mapping[str, Any]) -> Offer:
    title = str(found.get("title") or found["id"])
    return Offer(title, str(found["id"]))


def allowed(field: Field, part: str) -> list[str]:
    """What the template lets people choose for a part of the address; empty for anything."""
    key = {
        "owner": "allowedOwners", "repo": "allowedRepos", "organization": "allowedOrganizations", "project": "allowedProjects",
        "workspace": "allowedWorkspaces",
    }[part]  # fmt: skip
    said = field.option(key)
    return [str(one) for one in said] if isinstance(said, list) else []

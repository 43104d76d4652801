"""Repositories as templates name them: ``github.com?owner=acme&repo=tools``, as Backstage's ``parseRepoUrl`` reads it.

What a host needs: GitHub and others owner and repo; GitLab owner and repo, or project (a number); Bitbucket Cloud workspace, project and
repo; Bitbucket Server and Azure DevOps project and repo (Azure DevOps writes the project as ``owner`` or ``project`` and needs an
organization for most work); Gitea and Gerrit repo.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from callboard.model.urls import HostKind, Hosts

_NEEDS: dict[HostKind, tuple[str, ...]] = {
    "bitbucketCloud": ("workspace", "project", "repo"),
    "bitbucketServer": ("project", "repo"),
    "azure": ("project", "repo"),
    "gitea": ("repo",),
    "gerrit": ("repo",),
}


class RepoUrlError(ValueError):
    """A text that names no repository; the message says what is missing or wrong."""


@dataclass(frozen=True, slots=True)
class RepoUrl:
    """``host`` with its port, in lower case; the others in their own letters, without outer slashes, None where absent."""

    host: str
    kind: HostKind
    repo: str | None = None
    owner: str | None = None
    organization: str | None = None
    workspace: str | None = None
    project: str | None = None

    @property
    def slug(self) -> str:
        return f"{self.owner}/{self.repo}"

    def as_json(self) -> dict[str, str]:
        """What the filter ``parseRepoUrl`` gives: without what is absent."""
        names = ("host", "owner", "repo", "organization", "workspace", "project")
        return {name: value for name in names if (value := getattr(self, name))}


def parse_repo_url(text: str, hosts: Hosts) -> RepoUrl:
    """Read ``text``. ``hosts`` are those with an integration.

    Raises:
        RepoUrlError: it is no such URL, of an unknown host, or lacks what its host needs.
    """
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError as error:
        raise RepoUrlError(f"Invalid repo URL passed to publisher, got {text}: {error}") from None
    host = parts.netloc.lower()
    if not host or "@" in host:
        raise RepoUrlError(f"Invalid repo URL passed to publisher, got {text}: there is no host in it.")
    kind = hosts.get(host)
    if kind is None:
        raise RepoUrlError(
            f"No matching integration configuration for host {host}, please check your integrations config"
        )
    given = {name: value.strip("/") for name, value in query.items()}
    if kind == "azure" and not given.get("project") and given.get("owner"):
        given["project"] = given["owner"]
    needs = _NEEDS.get(kind, ("owner", "repo"))
    if kind == "gitlab" and given.get("project"):
        needs = ()
    for name in needs:
        if not given.get(name):
            raise RepoUrlError(f"Invalid repo URL passed to publisher: {text}, missing {name}")
    for name, value in given.items():
        if any(part in ("", ".", "..") for part in value.split("/")) and value:
            raise RepoUrlError(f"Invalid repo URL passed to publisher: {text}, {name} is no name")
    wanted = {name: given.get(name) or None for name in ("repo", "owner", "organization", "workspace", "project")}
    return RepoUrl(host, kind, **wanted)

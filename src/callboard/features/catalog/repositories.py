"""Which repository, branch and file a URL names, so that a webhook's word for a repository finds what was read from it.

A repository has one identity however its URLs are written: page or clone address, raw or browse, ``git+`` or not, whatever the
case (``https://github.com/Acme/Tools/blob/main/x.yaml`` and ``git+https://github.com/acme/tools.git?ref=main#x.yaml`` are one).
"""

from __future__ import annotations

import re
from typing import Iterable, NamedTuple
from urllib.parse import parse_qs, quote, unquote

from callboard.features.catalog.interface import SourceChange
from callboard.kernel import globs
from callboard.model.urls import Hosts, Url, UrlError, find_repository, parse_url

RAW_GITHUB = "raw.githubusercontent.com"
AZURE = "dev.azure.com"
MAX_HEADS = 50
AZURE_OLD = ".visualstudio.com"
_COLLECTION = re.compile(r"^/defaultcollection(?=/)", re.IGNORECASE)


class Place(NamedTuple):
    """``repository`` is its identity; ``ref`` is empty for the default branch; ``path`` is decoded, without a leading slash."""

    repository: str
    ref: str
    path: str


def hosts_of(change: SourceChange, hosts: Hosts) -> Hosts:
    """``hosts`` and those that the webhook speaks of: who sends GitHub's webhooks writes GitHub's URLs."""
    told = {}
    for url in change.urls:
        try:
            told[parse_url(url).host] = change.kind
        except UrlError:
            continue
    return {**told, **hosts}


def find_place(url: str, hosts: Hosts) -> Place | None:
    """What ``url`` names; None when it lies on no known host."""
    if url.startswith("git+"):
        base, _, fragment = url[4:].partition("#")
        base, _, query = base.partition("?")
        repository = _identity(base, hosts)
        return None if repository is None else Place(repository, parse_qs(query).get("ref", [""])[0], unquote(fragment))
    try:
        parsed = parse_url(url)
    except UrlError:
        return None
    if parsed.host == RAW_GITHUB:
        parts = [unquote(part) for part in parsed.path.split("/")[1:]]
        return (
            Place(f"github.com/{parts[0]}/{parts[1]}".lower(), parts[2], "/".join(parts[3:]))
            if len(parts) > 3
            else None
        )
    found = find_repository(_modern(url, parsed), hosts)
    if found is None:
        return None
    owner = found.owner
    if hosts.get(found.host) == "azure" and "/" not in owner:
        owner = f"{owner}/{found.name}"  # short for a project's repository of the same name
    identity = f"{found.host}/{owner}/{found.name}"
    ref = unquote(found.ref).removeprefix("refs/heads/").removeprefix("refs/tags/")
    return Place(unquote(identity).lower(), "" if ref == "HEAD" else ref, unquote(found.filepath).lstrip("/"))


def _identity(url: str, hosts: Hosts) -> str | None:
    place = find_place(url, hosts)
    if place is not None:
        return place.repository
    try:
        parsed = parse_url(url)
    except UrlError:
        return None
    path = unquote(parsed.path).strip("/").removesuffix(".git")
    return f"{parsed.host}/{path}".lower() if parsed.host and path else None


def _modern(url: str, parsed: Url) -> str:
    """``org.visualstudio.com`` is the old name of ``dev.azure.com/org``."""
    if not parsed.host.endswith(AZURE_OLD):
        return url
    path = _COLLECTION.sub("", parsed.path, count=1)
    return str(parsed._replace(credentials="", host=AZURE, path=f"/{parsed.host.removesuffix(AZURE_OLD)}{path}"))


def identities(change: SourceChange, hosts: Hosts) -> frozenset[str]:
    """The repositories that a change speaks of. ``hosts`` as ``hosts_of`` gives them."""
    found = {identity for url in change.urls if (identity := _identity(url, hosts)) is not None}
    if change.repository is not None:
        owner, name = change.repository
        owner = owner.removeprefix("~")
        found |= {f"{host}/{owner}/{name}".lower() for host, kind in hosts.items() if kind == change.kind}
    return frozenset(found)


def prefixes(change: SourceChange, hosts: Hosts) -> list[str]:
    """How URLs of the repositories begin, in lower case: for looking them up, with ``find_place`` deciding what is meant."""
    addresses: set[str] = set()
    for identity in identities(change, hosts):
        host, _, rest = quote(identity, safe="/:~@!$&'()+,;=").partition("/")
        kind = hosts.get(host, change.kind)
        if host == "github.com":
            addresses.add(f"{RAW_GITHUB}/{rest}")
        if kind == "azure":
            addresses.update(_azure_addresses(host, rest))
        elif kind == "bitbucketServer":
            addresses.update(_server_addresses(host, rest))
        else:
            addresses.add(f"{host}/{rest}")
    for url in change.urls:  # as it is written, for servers below a path of their own
        try:
            parsed = parse_url(url)
        except UrlError:
            continue
        path = parsed.path.rstrip("/").removesuffix("/browse").removesuffix(".git")
        if path.strip("/"):
            addresses.add(f"{parsed.host}{path}".lower())
    return sorted(
        f"{scheme}{address}"
        for address in addresses
        for scheme in ("https://", "http://", "git+https://", "git+http://")
    )


def _azure_addresses(host: str, rest: str) -> Iterable[str]:
    *owner, project, name = rest.split("/")
    organization = "/".join(owner)
    places = [f"/{project}/_git/{name}", *([f"/_git/{name}"] if project == name else [])]
    for place in places:
        yield f"{host}/{organization}{place}"
        if host == AZURE:
            yield f"{organization}{AZURE_OLD}{place}"
            yield f"{organization}{AZURE_OLD}/defaultcollection{place}"


def _server_addresses(host: str, rest: str) -> Iterable[str]:
    owner, _, name = rest.partition("/")
    owner = owner.removeprefix("~")
    yield f"{host}/projects/{owner}/repos/{name}"
    yield f"{host}/projects/~{owner}/repos/{name}"
    yield f"{host}/users/{owner}/repos/{name}"
    yield f"{host}/scm/{owner}/{name}"


class Touch:
    """One change against many URLs."""

    def __init__(self, change: SourceChange, hosts: Hosts) -> None:
        self.change = change
        self.hosts = hosts_of(change, hosts)
        self.repositories = identities(change, self.hosts)
        self.prefixes = prefixes(change, self.hosts) if self.repositories else []
        self._heads: dict[str, Place | None] = {}

    def find_touched(self, url: str) -> Place | None:
        """Where the file at ``url`` lies, if it is one that changed, or may be.

        Files of a branch differ in the end of their URLs alone, so what comes before it is understood once: a repository may
        have given a hundred thousand of them.
        """
        for head, branch in self._heads.items():
            if url.startswith(head) and "?" not in url and "#" not in url:
                place = None if branch is None else branch._replace(path=unquote(url[len(head) :]))
                break
        else:
            place = self.find(url)
            named = find_place(url, self.hosts)
            tail = quote(named.path, safe="/:~@!$&'()+,;=") if named is not None else ""
            if tail and url.endswith(f"/{tail}") and len(self._heads) < MAX_HEADS:
                self._heads[url[: -len(tail)]] = place
        if place is None or (self.change.paths is not None and place.path not in self.change.paths):
            return None
        return place

    def names(self, url: str) -> bool:
        """Whether the file at ``url`` is one that changed, or may be."""
        return self.find_touched(url) is not None

    def find(self, url: str) -> Place | None:
        """Where ``url`` lies, if in one of the repositories and on a branch that changed."""
        place = find_place(url, self.hosts)
        return place if place is not None and place.repository in self.repositories and self._is_on(place.ref) else None

    def _is_on(self, ref: str) -> bool:
        branches, default = self.change.branches, self.change.default_branch
        if branches is None:
            return True
        return ref in branches if ref else (not default or default in branches)

    def matching(self, url: str) -> frozenset[str] | None:
        """Changed paths that the pattern ``url`` names; None when the change does not tell paths. Empty: not concerned."""
        place = self.find(url)
        if place is None:
            return frozenset()
        if self.change.paths is None:
            return None
        try:
            pattern = globs.compile_glob(place.path)
        except ValueError:
            return frozenset()
        return frozenset(path for path in self.change.paths if pattern.fullmatch(path))

"""What webhooks of source hosts say: which repositories changed, on which branches, in which files.

Values in, values out. A payload may come from anybody (topics can be open), so nothing in it is trusted to have the form that
the host's documentation gives it: what cannot be read is left out, and paths that are not told for certain are unknown.

Sources: GitHub, "Webhook events and payloads"; GitLab, "Webhook events" and "System hooks"; Bitbucket Cloud and Data Center,
"Event payloads"; Gitea, "Webhooks"; Azure DevOps, "Service hooks events".
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping, Sequence

from callboard.features.catalog.interface import SourceChange
from callboard.model.urls import HostKind, split_http

MAX_COMMITS = 2048
"""GitHub names at most so many commits in a push; with that many there may be more."""
MAX_PATHS = 3000
"""GitHub names at most so many files of a commit."""
MAX_KEYS = 1000
_NO_COMMIT = frozenset("0")

_GITHUB_PEOPLE = frozenset({"team", "membership", "organization", "installation"})
_GITHUB_REPOSITORIES = frozenset({"repository", "installation", "installation_repositories", "public"})
_GITLAB_REPOSITORIES = frozenset(
    {"project_create", "project_destroy", "project_rename", "project_transfer", "project_update"}
)
_BITBUCKET_REPOSITORIES = frozenset(
    {"repo:created", "repo:deleted", "repo:updated", "repo:transfer", "repo:imported", "repo:fork", "repo:forked",
     "repo:modified", "project:modified", "project:updated"}
)  # fmt: skip


def parse_refresh_keys(body: Any) -> list[str]:
    """Keys that a body of the form ``{"refresh": ["url:https://…"]}`` names; none when it has another form."""
    if not isinstance(body, Mapping) or not isinstance(body.get("refresh"), list):
        return []
    keys = [key for key in body["refresh"] if isinstance(key, str) and ":" in key and len(key) <= 2048]
    return list(dict.fromkeys(keys))[:MAX_KEYS]


def parse_webhook(payload: Mapping[str, Any]) -> list[SourceChange]:
    """What a webhook tells of repositories and organisations; nothing when it is about something else.

    ``payload`` is ``{"type", "headers", "body"}`` as ``kernel.events.inbound`` publishes it. The sender is known by its
    headers, whatever the topic: Gitea's also carry GitHub's names, so they are looked at first.
    """
    headers, body = payload.get("headers"), payload.get("body")
    headers = headers if isinstance(headers, Mapping) else {}
    if not isinstance(body, Mapping):
        return []
    if kind := headers.get("x-gitea-event") or headers.get("x-forgejo-event"):
        return list(_gitea(str(kind), body))
    if kind := headers.get("x-github-event"):
        return list(_github(str(kind), body))
    if headers.get("x-gitlab-event"):
        return list(_gitlab(body, str(headers.get("x-gitlab-instance") or "")))
    if kind := headers.get("x-event-key"):
        return list(_bitbucket_server(str(kind), body) if "eventKey" in body else _bitbucket_cloud(str(kind), body))
    if str(body.get("eventType") or "").startswith("git."):
        return list(_azure(str(body["eventType"]), body))
    return []


# ---- hosts -------------------------------------------------------------------------------------------------------------


def _github(kind: str, body: Mapping[str, Any]) -> Iterator[SourceChange]:
    repository = _object(body, "repository")
    urls = _texts(repository, "html_url", "clone_url")
    if kind == "push":
        whole = bool(body.get("forced") or body.get("created") or body.get("deleted"))
        yield _push("github", urls, body, repository, whole=whole)
    if kind in _GITHUB_REPOSITORIES:
        before = _text(_object(body, "changes", "repository", "name"), "from")
        if urls and before:
            urls = (*urls, f"{urls[0].rpartition('/')[0]}/{before}")
        organization = _github_organization(body, repository)
        yield SourceChange("repositories", "github", urls or organization)
    if kind in _GITHUB_PEOPLE:
        yield SourceChange("people", "github", _github_organization(body, repository))


def _github_organization(body: Mapping[str, Any], repository: Mapping[str, Any]) -> tuple[str, ...]:
    """``https://github.com/acme``. Payloads give the organisation's name alone; its host is that of whoever did it."""
    login = _text(_object(body, "organization"), "login") or _text(_object(body, "installation", "account"), "login")
    for page in (repository, _object(body, "sender"), _object(body, "team"), _object(body, "installation", "account")):
        parts = split_http(_text(page, "html_url"))
        if login and parts is not None:
            return (f"{parts.scheme}://{parts.netloc}/{login}",)
    return ()


def _gitlab(body: Mapping[str, Any], instance: str) -> Iterator[SourceChange]:
    kind = str(body.get("event_name") or body.get("object_kind") or "")
    project = _object(body, "project")
    urls = _texts(project, "web_url", "git_http_url", "http_url")
    if kind in ("push", "tag_push", "repository_update"):
        if kind == "repository_update":
            refs = [ref for ref in _list(body, "refs") if isinstance(ref, str)]
            yield SourceChange(
                "files",
                "gitlab",
                urls,
                frozenset(map(_branch, refs)) or None,
                None,
                None,
                _text(project, "default_branch"),
            )
        else:
            yield _push("gitlab", urls, body, project, total=body.get("total_commits_count"))
    elif kind in _GITLAB_REPOSITORIES:
        names = _texts(body, "path_with_namespace", "old_path_with_namespace")
        yield SourceChange("repositories", "gitlab", urls or _below(instance, names))
    elif kind.startswith(("user_", "group_", "subgroup_")):
        yield SourceChange("people", "gitlab", _below(instance, _texts(body, "full_path", "group_path")[:1]))
        if not kind.startswith("user_"):  # a group that moved takes its projects along
            yield SourceChange("repositories", "gitlab", _below(instance, _texts(body, "full_path", "old_full_path")))


def _below(instance: str, names: Iterable[str]) -> tuple[str, ...]:
    base = instance.rstrip("/")
    return tuple(f"{base}/{name.strip('/')}" for name in names) if split_http(base) is not None else ()


def _bitbucket_cloud(kind: str, body: Mapping[str, Any]) -> Iterator[SourceChange]:
    repository = _object(body, "repository")
    urls = _texts(_object(repository, "links", "html"), "href")
    if kind == "repo:push":
        names = {
            name
            for change in _objects(_object(body, "push"), "changes")
            for side in ("new", "old")
            if (name := _text(_object(change, side), "name"))
        }
        yield SourceChange("files", "bitbucketCloud", urls, frozenset(names) or None)
    elif kind in _BITBUCKET_REPOSITORIES:
        yield SourceChange("repositories", "bitbucketCloud", urls)


def _bitbucket_server(kind: str, body: Mapping[str, Any]) -> Iterator[SourceChange]:
    repository = _object(body, "repository")
    links = _object(repository, "links")
    urls = tuple(
        url
        for name in ("self", "clone")
        for link in _objects(links, name)
        if (url := _text(link, "href")).startswith(("http://", "https://"))
    )
    # older releases leave the links out
    place = (_text(_object(repository, "project"), "key"), _text(repository, "slug"))
    named = place if not urls and all(place) else None
    if kind in ("repo:refs_changed", "mirror:repo_synchronized"):
        refs = {_text(change, "refId") or _text(_object(change, "ref"), "id") for change in _objects(body, "changes")}
        branches = frozenset(_branch(ref) for ref in refs if ref)
        if urls or named:
            yield SourceChange("files", "bitbucketServer", urls, branches or None, repository=named)
    elif kind in _BITBUCKET_REPOSITORIES:
        yield SourceChange("repositories", "bitbucketServer", urls, repository=named)


def _gitea(kind: str, body: Mapping[str, Any]) -> Iterator[SourceChange]:
    repository = _object(body, "repository")
    urls = _texts(repository, "html_url", "clone_url")
    if kind == "push":
        yield _push("gitea", urls, body, repository, total=body.get("total_commits"))
    elif kind in ("create", "delete") and _text(body, "ref"):
        yield SourceChange(
            "files",
            "gitea",
            urls,
            frozenset({_branch(_text(body, "ref"))}),
            None,
            None,
            _text(repository, "default_branch"),
        )
    elif kind == "repository":
        yield SourceChange("repositories", "gitea", urls)


def _azure(kind: str, body: Mapping[str, Any]) -> Iterator[SourceChange]:
    resource = _object(body, "resource")
    repository = _object(resource, "repository")
    urls = tuple(url for url in _texts(repository, "remoteUrl", "webUrl") if "/_git/" in url)
    if kind == "git.push":
        branches = frozenset(_branch(ref) for u in _objects(resource, "refUpdates") if (ref := _text(u, "name")))
        default = _branch(_text(repository, "defaultBranch"))
        yield SourceChange("files", "azure", urls, branches or None, None, None, default)
    elif kind.startswith("git.repo."):
        yield SourceChange("repositories", "azure", urls)


# ---- pushes with commits: GitHub, GitLab, Gitea ------------------------------------------------------------------------


def _push(
    kind: HostKind, urls: tuple[str, ...], body: Mapping[str, Any], repository: Mapping[str, Any], *,
    whole: bool = False, total: Any = None,
) -> SourceChange:  # fmt: skip
    """``whole``: commits went away or came with a branch, so they do not say which files differ. ``total``: how many there
    were, when the payload names only the first or last of them.
    """
    ref = _text(body, "ref")
    commits = _objects(body, "commits")
    before, after = _text(body, "before"), _text(body, "after")
    if (
        whole
        or not commits
        or len(commits) >= MAX_COMMITS
        or (isinstance(total, int) and total > len(commits))
        or _is_none(before)
        or _is_none(after)
        or ref.startswith("refs/tags/")
    ):
        paths = moved = None
    else:
        paths, moved = _paths(commits)
    default = _text(repository, "default_branch") or _text(repository, "master_branch")
    return SourceChange("files", kind, urls, frozenset({_branch(ref)}) if ref else None, paths, moved, default)


def _paths(commits: Sequence[Mapping[str, Any]]) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    """(touched, of those the ones that came or went); (None, None) when one commit does not tell."""
    touched: set[str] = set()
    moved: set[str] = set()
    for commit in commits:
        lists = [commit.get(name) for name in ("added", "removed", "modified")]
        if (
            not any(isinstance(part, list) for part in lists)
            or sum(len(p) for p in lists if isinstance(p, list)) >= MAX_PATHS
        ):
            return None, None
        for name, part in zip(("added", "removed", "modified"), lists, strict=True):
            found = {path for path in part or () if isinstance(path, str)} if isinstance(part, list) else set()
            touched |= found
            if name != "modified":
                moved |= found
    return frozenset(touched), frozenset(moved)


def _is_none(commit: str) -> bool:
    """Whether this stands for no commit: forty zeros (sixty-four with SHA-256)."""
    return bool(commit) and set(commit) == _NO_COMMIT


def _branch(ref: str) -> str:
    """``main`` of ``refs/heads/main``, ``v1`` of ``refs/tags/v1``."""
    for prefix in ("refs/heads/", "refs/tags/"):
        if ref.startswith(prefix):
            return ref[len(prefix) :]
    return ref


# ---- reading what may have any form ------------------------------------------------------------------------------------


def _object(value: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    found: Any = value
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _list(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []


def _objects(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [item for item in _list(value, name) if isinstance(item, Mapping)]


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def _texts(value: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for name in names if (text := _text(value, name))))

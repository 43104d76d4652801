"""What webhooks of source hosts are taken to say; payloads as the hosts document and send them."""

from __future__ import annotations

from typing import Any, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.features.catalog.interface import SourceChange
from callboard.features.catalog.pushes import parse_refresh_keys, parse_webhook

ZERO = "0" * 40
ONE, TWO = "1" * 40, "2" * 40


def commit(added: Any = (), removed: Any = (), modified: Any = ()) -> dict[str, Any]:
    lists = {"added": added, "removed": removed, "modified": modified}
    return {
        "id": TWO,
        **{name: list(part) if isinstance(part, (tuple, list)) else part for name, part in lists.items()},
    }


def hook(body: Mapping[str, Any], **headers: str) -> dict[str, Any]:
    """As ``kernel.events`` publishes what came in."""
    return {"type": None, "headers": {name.replace("_", "-"): value for name, value in headers.items()}, "body": body}


GITHUB_REPOSITORY = {
    "name": "tools",
    "full_name": "acme/tools",
    "html_url": "https://github.com/acme/tools",
    "clone_url": "https://github.com/acme/tools.git",
    "default_branch": "main",
}


def github_push(*commits: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    body = {"ref": "refs/heads/main", "before": ONE, "after": TWO, "forced": False, "created": False, "deleted": False}
    return hook({**body, "repository": GITHUB_REPOSITORY, "commits": list(commits), **rest}, x_github_event="push")


def only(payload: Mapping[str, Any]) -> SourceChange:
    (change,) = parse_webhook(payload)
    return change


def test_a_push_to_github_names_its_files():
    """Of all its commits; what came or went is known apart."""
    change = only(github_push(commit(added=["a.yaml"]), commit(removed=["b/c.yaml"], modified=["d.yaml"])))
    assert change.urls == ("https://github.com/acme/tools", "https://github.com/acme/tools.git")
    assert change.branches == {"main"}
    assert change.paths == {"a.yaml", "b/c.yaml", "d.yaml"}
    assert change.moved_paths == {"a.yaml", "b/c.yaml"}
    assert (change.what, change.kind, change.default_branch) == ("files", "github", "main")


@pytest.mark.parametrize(
    "rest",
    [
        {"forced": True},
        {"created": True, "before": ZERO},
        {"deleted": True, "after": ZERO, "commits": []},
        {"commits": []},
        {"commits": [commit(modified=["a.yaml"])] * 2048},
        {"commits": [commit(modified=[f"{n}.yaml" for n in range(3000)])]},
        {"commits": [{"id": TWO}]},
        {"commits": "none"},
        {"ref": "refs/tags/v1"},
    ],
)
def test_a_push_that_does_not_tell_everything_tells_no_files(rest: dict[str, Any]):
    """Forced, new and deleted branches, tags, and lists that were cut off: any file may have changed."""
    change = only(github_push(commit(modified=["a.yaml"]), **rest))
    assert change.paths is None
    assert change.moved_paths is None


@pytest.mark.parametrize(
    ("kind", "body", "what", "url"),
    [
        (
            "repository",
            {"action": "archived", "repository": GITHUB_REPOSITORY},
            "repositories",
            "https://github.com/acme/tools",
        ),
        (
            "repository",
            {
                "action": "renamed",
                "repository": GITHUB_REPOSITORY,
                "changes": {"repository": {"name": {"from": "old"}}},
            },
            "repositories",
            "https://github.com/acme/old",
        ),
        (
            "team",
            {"organization": {"login": "acme"}, "team": {"html_url": "https://github.com/orgs/acme/teams/core"}},
            "people",
            "https://github.com/acme",
        ),
        (
            "membership",
            {"organization": {"login": "acme"}, "sender": {"html_url": "https://ghe.example.com/ada"}},
            "people",
            "https://ghe.example.com/acme",
        ),
        (
            "installation_repositories",
            {"installation": {"account": {"login": "acme", "html_url": "https://github.com/acme"}}},
            "repositories",
            "https://github.com/acme",
        ),
    ],
)
def test_github_tells_of_repositories_and_people(kind: str, body: Mapping[str, Any], what: str, url: str):
    """An organisation is named without its address, which follows from the pages beside it."""
    change = only(hook(body, x_github_event=kind))
    assert change.what == what
    assert url in change.urls


@pytest.mark.parametrize("kind", ["ping", "issues", "star", "workflow_run"])
def test_other_events_mean_nothing(kind: str):
    """Whoever sends everything is not punished."""
    assert parse_webhook(hook({"repository": GITHUB_REPOSITORY}, x_github_event=kind)) == []


GITLAB_PROJECT = {
    "web_url": "https://gitlab.com/acme/platform/tools",
    "git_http_url": "https://gitlab.com/acme/platform/tools.git",
    "default_branch": "main",
}


def gitlab_push(*commits: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    body = {
        "object_kind": "push", "event_name": "push", "ref": "refs/heads/main", "before": ONE, "after": TWO,
        "project": GITLAB_PROJECT, "commits": list(commits), "total_commits_count": len(commits), **rest,
    }  # fmt: skip
    return hook(body, x_gitlab_event="Push Hook", x_gitlab_instance="https://gitlab.com")


def test_a_push_to_gitlab_names_its_files_as_long_as_it_names_its_commits():
    """GitLab names at most twenty of them, and counts the others."""
    change = only(gitlab_push(commit(modified=["a.yaml"])))
    assert (change.paths, change.branches, change.kind) == ({"a.yaml"}, {"main"}, "gitlab")
    assert change.urls[0] == "https://gitlab.com/acme/platform/tools"
    assert only(gitlab_push(commit(modified=["a.yaml"]), total_commits_count=21)).paths is None
    assert only(gitlab_push(total_commits_count=3)).paths is None  # system hooks leave the commits out


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"event_name": "repository_update", "project": GITLAB_PROJECT, "refs": ["refs/heads/main", "refs/tags/v1"]},
            [("files", GITLAB_PROJECT["web_url"])],
        ),
        (
            {"event_name": "project_create", "path_with_namespace": "acme/new"},
            [("repositories", "https://gitlab.com/acme/new")],
        ),
        (
            {"event_name": "project_rename", "path_with_namespace": "acme/new", "old_path_with_namespace": "acme/old"},
            [("repositories", "https://gitlab.com/acme/new")],
        ),
        ({"event_name": "user_add_to_group", "group_path": "acme"}, [("people", "https://gitlab.com/acme")]),
        (
            {"event_name": "subgroup_create", "full_path": "acme/platform"},
            [("people", "https://gitlab.com/acme/platform"), ("repositories", "https://gitlab.com/acme/platform")],
        ),
        ({"object_kind": "issue", "project": GITLAB_PROJECT}, []),
    ],
)
def test_gitlab_tells_of_projects_groups_and_members(body: Mapping[str, Any], expected: list[tuple[str, str]]):
    """System and group hooks name paths alone; the instance is in a header."""
    found = parse_webhook(hook(body, x_gitlab_event="System Hook", x_gitlab_instance="https://gitlab.com"))
    assert [(change.what, change.urls[0]) for change in found] == expected


def test_gitlab_without_its_address_means_anywhere():
    """Old releases send no header."""
    (change,) = parse_webhook(
        hook({"event_name": "project_create", "path_with_namespace": "a/b"}, x_gitlab_event="System Hook")
    )
    assert change.urls == ()


def test_bitbucket_cloud_names_branches_but_no_files():
    """A branch that was deleted has no new side."""
    body = {
        "push": {"changes": [
            {"new": {"type": "branch", "name": "main"}, "old": {"type": "branch", "name": "main"}},
            {"new": None, "old": {"type": "branch", "name": "gone"}},
        ]},
        "repository": {"full_name": "acme/tools", "links": {"html": {"href": "https://bitbucket.org/acme/tools"}}},
    }  # fmt: skip
    change = only(hook(body, x_event_key="repo:push"))
    assert (change.kind, change.urls, change.paths) == ("bitbucketCloud", ("https://bitbucket.org/acme/tools",), None)
    assert change.branches == {"main", "gone"}
    assert only(hook(body, x_event_key="repo:transfer")).what == "repositories"
    assert parse_webhook(hook(body, x_event_key="pullrequest:created")) == []


@pytest.mark.parametrize("links", [True, False])
def test_bitbucket_server_is_told_apart_by_its_body(links: bool):
    """Both send X-Event-Key. Without links the project's key and the slug stand for the repository."""
    repository: dict[str, Any] = {"slug": "tools", "project": {"key": "ACME"}}
    if links:
        repository["links"] = {
            "clone": [
                {"href": "ssh://git@bitbucket.example.com:7999/acme/tools.git", "name": "ssh"},
                {"href": "https://bitbucket.example.com/scm/acme/tools.git", "name": "http"},
            ],
            "self": [{"href": "https://bitbucket.example.com/projects/ACME/repos/tools/browse"}],
        }
    body = {
        "eventKey": "repo:refs_changed",
        "repository": repository,
        "changes": [{"ref": {"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"}, "type": "UPDATE"}],
    }
    change = only(hook(body, x_event_key="repo:refs_changed"))
    assert (change.kind, change.branches, change.paths) == ("bitbucketServer", {"main"}, None)
    if links:
        assert all(url.startswith("https://bitbucket.example.com/") for url in change.urls)
        assert change.repository is None
    else:
        assert (change.urls, change.repository) == ((), ("ACME", "tools"))


def test_gitea_is_not_taken_for_github():
    """Gitea sends GitHub's header as well, and counts commits that it leaves out."""
    repository = {
        "html_url": "https://gitea.com/acme/tools",
        "clone_url": "https://gitea.com/acme/tools.git",
        "default_branch": "main",
    }
    body = {"ref": "refs/heads/main", "before": ONE, "after": TWO, "repository": repository, "total_commits": 1}
    headers = {"x_gitea_event": "push", "x_github_event": "push", "x_gogs_event": "push"}
    change = only(hook({**body, "commits": [commit(modified=["a.yaml"])]}, **headers))
    assert (change.kind, change.paths, change.default_branch) == ("gitea", {"a.yaml"}, "main")
    assert only(hook({**body, "commits": [commit(modified=["a.yaml"])], "total_commits": 2}, **headers)).paths is None
    assert only(hook({**body, "commits": [commit(None, None, None)]}, **headers)).paths is None
    assert (
        only(hook({"action": "deleted", "repository": repository}, x_gitea_event="repository")).what == "repositories"
    )


def test_azure_is_known_by_its_body():
    """Service hooks have no header of their own."""
    repository = {
        "name": "tools", "defaultBranch": "refs/heads/main", "url": "https://dev.azure.com/acme/_apis/git/repositories/1",
        "remoteUrl": "https://acme@dev.azure.com/acme/platform/_git/tools",
    }  # fmt: skip
    body = {
        "eventType": "git.push", "publisherId": "tfs",
        "resource": {"refUpdates": [{"name": "refs/heads/main", "oldObjectId": ONE, "newObjectId": TWO}], "repository": repository},
    }  # fmt: skip
    change = only(hook(body))
    assert (change.kind, change.urls, change.branches) == ("azure", (repository["remoteUrl"],), {"main"})
    assert change.default_branch == "main"
    assert only(hook({**body, "eventType": "git.repo.renamed"})).what == "repositories"
    assert parse_webhook(hook({**body, "eventType": "build.complete"})) == []


def test_refresh_keys_are_texts_with_a_type():
    """Anything else in the list is passed over; twice counts once."""
    assert parse_refresh_keys(
        {"refresh": ["url:https://a/b", 7, "nonsense", "url:https://a/b", "x:" + "y" * 3000]}
    ) == ["url:https://a/b"]
    for body in (None, [], {"refresh": "url:https://a"}, {"other": []}):
        assert parse_refresh_keys(body) == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["refs/heads/main", "https://github.com/a/b", "https://[no/a/b"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["ref", "repository", "commits", "added", "removed", "html_url", "project", "changes", "push", "new", "name",
             "links", "html", "href", "self", "resource", "refUpdates", "organization", "login", "sender", "eventKey", "refresh"]
        ),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
HEADERS = st.sampled_from(
    [{"x-github-event": kind} for kind in ("push", "repository", "team", "installation")]
    + [
        {"x-gitlab-event": "Push Hook"},
        {"x-gitea-event": "push"},
        {"x-event-key": "repo:push"},
        {"x-event-key": "repo:refs_changed"},
        {},
    ]
)


@given(body=ANYTHING, headers=HEADERS)
def test_no_body_breaks_the_reading(body: Any, headers: dict[str, str]):
    """Topics may be open to anybody: whatever comes is read as far as it can be."""
    for change in parse_webhook({"type": None, "headers": headers, "body": body}):
        assert all(isinstance(url, str) for url in change.urls)
        assert change.paths is None or all(isinstance(path, str) for path in change.paths)
    parse_refresh_keys(body)

"""Repositories as templates name them."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.model.repo_urls import RepoUrlError, parse_repo_url

HOSTS: Any = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "bitbucket.org": "bitbucketCloud",
    "bb.example.com:8443": "bitbucketServer",
    "dev.azure.com": "azure",
    "gitea.com": "gitea",
    "gerrit.example.com": "gerrit",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("github.com?owner=acme&repo=tools", {"owner": "acme", "repo": "tools"}),
        ("https://GitHub.com?owner=/acme/&repo=tools", {"owner": "acme", "repo": "tools"}),
        ("gitlab.com?owner=acme%2Fplatform&repo=tools", {"owner": "acme/platform", "repo": "tools"}),
        ("gitlab.com?project=42", {"project": "42"}),
        ("bitbucket.org?workspace=w&project=P&repo=r", {"workspace": "w", "project": "P", "repo": "r"}),
        ("bb.example.com:8443?project=P&repo=r", {"project": "P", "repo": "r"}),
        (
            "dev.azure.com?owner=p&repo=r&organization=o",
            {"owner": "p", "project": "p", "repo": "r", "organization": "o"},
        ),
        ("gitea.com?repo=r", {"repo": "r"}),
        ("gerrit.example.com?repo=a/b", {"repo": "a/b"}),
    ],
)
def test_each_host_has_its_own_parts(text: str, expected: dict[str, str]):
    """Values without outer slashes, absent ones left out."""
    found = parse_repo_url(text, HOSTS).as_json()
    assert found.pop("host") in HOSTS
    assert found == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no host"),
        ("https://[x?owner=a", "Invalid"),
        ("me@github.com?owner=a&repo=b", "no host"),
        ("nowhere.example.com?owner=a&repo=b", "integrations config"),
        ("github.com?owner=a", "missing repo"),
        ("github.com?repo=a", "missing owner"),
        ("gitlab.com?owner=a", "missing repo"),
        ("bitbucket.org?project=P&repo=r", "missing workspace"),
        ("bb.example.com:8443?repo=r", "missing project"),
        ("dev.azure.com?repo=r", "missing project"),
        ("gitea.com?owner=a", "missing repo"),
        ("github.com?owner=a&repo=..", "no name"),
        ("github.com?owner=a/../b&repo=c", "no name"),
    ],
)
def test_what_is_missing_is_named(text: str, words: str):
    """As Backstage words it, where it does."""
    with pytest.raises(RepoUrlError, match=words):
        parse_repo_url(text, HOSTS)

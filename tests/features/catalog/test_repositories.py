"""URLs of one repository are known as such, however they are written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.features.catalog.interface import SourceChange
from callboard.features.catalog.repositories import Touch, find_place
from callboard.model.urls import DEFAULT_HOSTS, Hosts

HOSTS: Hosts = {
    **DEFAULT_HOSTS,
    "bitbucket.example.com": "bitbucketServer",
    "tfs.example.com": "azure",
    "git.example.com": "gitlab",
}


def change(
    *urls: str, kind: Any = "github", branches: Any = ("main",), paths: Any = ("a/b c.yaml",), **rest: Any
) -> SourceChange:
    return SourceChange(
        "files",
        kind,
        urls,
        None if branches is None else frozenset(branches),
        None if paths is None else frozenset(paths),
        **rest,
    )


@pytest.mark.parametrize(
    ("url", "repository", "ref", "path"),
    [
        ("https://github.com/Acme/Tools/blob/main/a/b%20c.yaml", "github.com/acme/tools", "main", "a/b c.yaml"),
        ("https://github.com/acme/tools/tree/feature%2Fx/a.yaml", "github.com/acme/tools", "feature/x", "a.yaml"),
        ("https://github.com/acme/tools/blob/HEAD/a.yaml", "github.com/acme/tools", "", "a.yaml"),
        ("https://raw.githubusercontent.com/acme/tools/main/a.yaml", "github.com/acme/tools", "main", "a.yaml"),
        ("git+https://github.com/acme/tools.git?ref=main#a/b%20c.yaml", "github.com/acme/tools", "main", "a/b c.yaml"),
        ("git+https://git.anywhere.example/team/tools.git#a.yaml", "git.anywhere.example/team/tools", "", "a.yaml"),
        ("https://git.example.com/a/b/c/-/blob/main/d.yaml", "git.example.com/a/b/c", "main", "d.yaml"),
        ("https://bitbucket.org/acme/tools/src/main/a.yaml", "bitbucket.org/acme/tools", "main", "a.yaml"),
        (
            "https://bitbucket.example.com/projects/ACME/repos/tools/browse/a.yaml?at=refs/heads/main",
            "bitbucket.example.com/acme/tools", "main", "a.yaml",
        ),
        ("https://gitea.com/acme/tools/src/branch/main/a.yaml", "gitea.com/acme/tools", "main", "a.yaml"),
        (
            "https://dev.azure.com/acme/My%20Project/_git/tools?path=/a.yaml&version=GBmain",
            "dev.azure.com/acme/my project/tools", "main", "a.yaml",
        ),
        ("https://dev.azure.com/acme/_git/tools?path=/a.yaml", "dev.azure.com/acme/tools/tools", "", "a.yaml"),
        ("https://acme.visualstudio.com/DefaultCollection/p/_git/tools?path=/a.yaml", "dev.azure.com/acme/p/tools", "", "a.yaml"),
        ("https://acme.visualstudio.com/_git/tools?path=/a.yaml", "dev.azure.com/acme/tools/tools", "", "a.yaml"),
        ("https://tfs.example.com/DefaultCollection/p/_git/x?path=/a.yaml", "tfs.example.com/defaultcollection/p/x", "", "a.yaml"),
    ],
)  # fmt: skip
def test_a_url_names_repository_branch_and_file(url: str, repository: str, ref: str, path: str):
    """Page, raw and git addresses, in any case."""
    assert find_place(url, HOSTS) == (repository, ref, path)


@pytest.mark.parametrize(
    "url", ["https://files.example.com/a.yaml", "nonsense", "https://github.com/acme", "file:///a.yaml", ""]
)
def test_other_urls_name_no_repository(url: str):
    """What lies on no known host cannot be told."""
    assert find_place(url, HOSTS) is None


@pytest.mark.parametrize(
    ("told", "kind", "known"),
    [
        ("https://github.com/acme/tools", "github", "https://github.com/Acme/Tools/tree/main/a/b%20c.yaml"),
        ("https://github.com/acme/tools.git", "github", "https://raw.githubusercontent.com/acme/tools/main/a/b%20c.yaml"),
        ("https://github.com/acme/tools.git", "github", "git+https://github.com/acme/tools.git?ref=main#a/b%20c.yaml"),
        ("https://ghe.example.com/acme/tools", "github", "https://ghe.example.com/acme/tools/blob/main/a/b%20c.yaml"),
        ("https://git.example.com/g/s/p", "gitlab", "https://git.example.com/g/s/p/-/blob/main/a/b%20c.yaml"),
        ("https://code.example.org/acme/tools", "gitea", "https://code.example.org/acme/tools/raw/branch/main/a/b%20c.yaml"),
        (
            "https://bitbucket.example.com/scm/acme/tools.git", "bitbucketServer",
            "https://bitbucket.example.com/projects/ACME/repos/tools/browse/a/b%20c.yaml?at=main",
        ),
        (
            "https://acme@dev.azure.com/acme/My%20Project/_git/tools", "azure",
            "https://dev.azure.com/acme/My%20Project/_git/tools?path=/a/b%20c.yaml&version=GBmain",
        ),
        (
            "https://acme.visualstudio.com/DefaultCollection/tools/_git/tools", "azure",
            "https://dev.azure.com/acme/_git/tools?path=%2Fa%2Fb%20c.yaml&version=GBmain",
        ),
    ],
)  # fmt: skip
def test_what_a_webhook_says_finds_what_was_read(told: str, kind: str, known: str):
    """The stored URL begins with one of the prefixes, so it is looked up, and is then known to be touched."""
    touch = Touch(change(told, kind=kind), HOSTS)
    assert any(known.lower().startswith(prefix) for prefix in touch.prefixes), touch.prefixes
    assert touch.names(known)


def test_a_repository_named_by_key_and_slug_is_sought_on_every_host_of_its_kind():
    """Old Bitbucket servers do not say who they are."""
    touch = Touch(change(kind="bitbucketServer", repository=("ACME", "tools")), HOSTS)
    url = "https://bitbucket.example.com/projects/ACME/repos/tools/browse/a/b%20c.yaml"
    assert any(url.lower().startswith(prefix) for prefix in touch.prefixes)
    assert touch.names(url)


@pytest.mark.parametrize(
    ("url", "touched"),
    [
        ("https://github.com/acme/tools/blob/main/a/b%20c.yaml", True),
        ("https://github.com/acme/tools/blob/HEAD/a/b%20c.yaml", True),
        ("https://github.com/acme/tools/blob/main/a/other.yaml", False),
        ("https://github.com/acme/tools/blob/next/a/b%20c.yaml", False),
        ("https://github.com/acme/tools-two/blob/main/a/b%20c.yaml", False),
        (f"https://github.com/acme/tools/blob/{'1' * 40}/a/b%20c.yaml", False),
    ],
)
def test_only_the_pushed_branch_and_files_are_touched(url: str, touched: bool):
    """A commit never changes; the default branch counts where it is what was pushed."""
    assert Touch(change("https://github.com/acme/tools", default_branch="main"), HOSTS).names(url) is touched


def test_the_default_branch_is_not_touched_by_another_one():
    """HEAD stands for it."""
    touch = Touch(change("https://github.com/acme/tools", branches=["next"], default_branch="main"), HOSTS)
    assert not touch.names("https://github.com/acme/tools/blob/HEAD/a/b%20c.yaml")


def test_patterns_say_which_changed_paths_they_name():
    """None: the push does not tell; nothing: the pattern lies elsewhere."""
    pattern = "https://github.com/acme/tools/blob/main/a/*.yaml"
    assert Touch(change("https://github.com/acme/tools"), HOSTS).matching(pattern) == {"a/b c.yaml"}
    assert Touch(change("https://github.com/acme/tools", paths=["x.yaml"]), HOSTS).matching(pattern) == frozenset()
    assert Touch(change("https://github.com/acme/tools", paths=None), HOSTS).matching(pattern) is None
    assert Touch(change("https://github.com/acme/other", paths=None), HOSTS).matching(pattern) == frozenset()


@given(urls=st.lists(st.sampled_from([
    "https://github.com/acme/tools/blob/main/a/b%20c.yaml", "https://github.com/acme/tools/blob/main/a/b.yaml",
    "https://github.com/acme/tools/blob/next/a/b%20c.yaml", "https://github.com/acme/tools/blob/main/b%20c.yaml",
    "https://github.com/acme/tools/tree/main/a/b%20c.yaml", "https://github.com/acme/tools-two/blob/main/a/b%20c.yaml",
    "https://github.com/acme/tools/blob/main/a/a/b%20c.yaml", "https://github.com/acme/tools/blob/main/a/b%20c.yaml?x=1",
    "https://github.com/ACME/tools/blob/main/a/b%20c.yaml", "git+https://github.com/acme/tools.git?ref=main#a/b%20c.yaml",
]), max_size=12), paths=st.sampled_from([None, ("a/b c.yaml",), ("b c.yaml", "a/b.yaml")]))  # fmt: skip
def test_what_was_learned_from_one_url_does_not_mislead_about_another(urls: list[str], paths: Any):
    """In any order, each URL is judged as if it were the only one."""
    touch = Touch(change("https://github.com/acme/tools", paths=paths), HOSTS)
    for url in urls:
        assert touch.find_touched(url) == Touch(
            change("https://github.com/acme/tools", paths=paths), HOSTS
        ).find_touched(url)
        assert touch.names(url) == (touch.find(url) is not None and (paths is None or touch.find(url).path in paths))

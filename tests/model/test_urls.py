"""Resolving references as Node and each kind of host do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.model.urls import (
    UrlError,
    find_edit_url,
    find_repository,
    is_absolute,
    join_url,
    parse_url,
    resolve_url,
    same_repository,
    split_http,
)

GITHUB = "https://github.com/acme/shop/blob/main/catalog/all.yaml"
GITLAB = "https://gitlab.com/group/sub/shop/-/blob/main/catalog/all.yaml"
BITBUCKET = "https://bitbucket.org/acme/shop/src/master/catalog/all.yaml"
AZURE = "https://dev.azure.com/acme/project/_git/shop?path=/catalog/all.yaml&version=GBmain"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("./b", "https://h.example/a/b"), ("../b", "https://h.example/b"), ("../../../b", "https://h.example/b"),
        ("b c", "https://h.example/a/b%20c"), ("b\\c", "https://h.example/a/b/c"), (" b\n", "https://h.example/a/b"),
        ("b\nc", "https://h.example/a/bc"), ("%2e%2e/b", "https://h.example/b"), ("é{}", "https://h.example/a/%C3%A9%7B%7D"),
        ("?q=a b", "https://h.example/a/x?q=a%20b"), ("#f", "https://h.example/a/x?y=1#f"), ("", "https://h.example/a/x?y=1"),
        ("//other.example/z", "https://other.example/z"), ("/z", "https://h.example/z"), (".", "https://h.example/a/"),
        ("a//b", "https://h.example/a/a//b"), ("HTTPS://H.example:443/z", "https://h.example/z"), ("mailto:x", "mailto:x"),
    ],
)  # fmt: skip
def test_references_join_as_in_a_browser(reference: str, expected: str) -> None:
    """Dots, blanks, line breaks, backslashes and escapes follow the URL standard."""
    assert join_url(reference, "https://h.example/a/x?y=1") == expected


@pytest.mark.parametrize(
    ("text", "absolute"),
    [
        ("https://a.example", True), ("http://192.168.0.1:8080/x", True), ("mailto:a@b", True), ("localhost:3000", True),
        ("file:///x", True), ("ssh://git@h/x", True), ("https://", False), ("https:///", False), ("www.example.com", False),
        ("./x", False), ("", False), ("https://a b/", False), ("https://a:99999/", False), ("https://${{x}}/", True),
        ("https://${{ x }}/", False), ("http://[::1]/", True), ("http://[::1/", False), ("http://1.2.3.999/", False),
        ("https://é.example/", True), ("://x", False), ("javascript:alert(1)", True),
    ],
)  # fmt: skip
def test_absolute_urls_are_told_as_node_tells_them(text: str, absolute: bool) -> None:
    """``new URL(text)`` accepts or throws."""
    assert is_absolute(text) is absolute


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.0.0.1.", "%31%32%37.1"]
)
def test_addresses_have_one_spelling(host: str) -> None:
    """Loopback in disguise is written plainly, so that whoever guards against it sees it."""
    assert parse_url(f"http://{host}/x").host == "127.0.0.1"


@pytest.mark.parametrize(
    ("target", "base", "expected"),
    [
        ("./a.yaml", GITHUB, "https://github.com/acme/shop/tree/main/catalog/a.yaml"),
        ("../a.yaml", GITHUB, "https://github.com/acme/shop/tree/main/a.yaml"),
        ("../../a.yaml", GITHUB, "https://github.com/acme/shop/tree/a.yaml"),
        ("/a.yaml", GITHUB, "https://github.com/acme/shop/tree/main/a.yaml"),
        ("*/a.yaml", GITHUB, "https://github.com/acme/shop/tree/main/catalog/*/a.yaml"),
        ("https://github.com/x/y/blob/main/a.yaml", GITHUB, "https://github.com/x/y/tree/main/a.yaml"),
        ("https://example.com/a b", GITHUB, "https://example.com/a b"),
        ("./a.yaml", GITLAB, "https://gitlab.com/group/sub/shop/-/blob/main/catalog/a.yaml"),
        ("/a.yaml", GITLAB, "https://gitlab.com/group/sub/shop/-/blob/main/a.yaml"),
        ("/a.yaml", BITBUCKET, "https://bitbucket.org/acme/shop/src/master/a.yaml"),
        ("./a.yaml", AZURE, "https://dev.azure.com/acme/project/_git/shop?path=%2Fcatalog%2Fa.yaml&version=GBmain"),
        ("/a.yaml", AZURE, "https://dev.azure.com/acme/project/_git/shop?path=%2Fa.yaml&version=GBmain"),
        ("./a.yaml", "https://files.example/x/y.yaml?at=1", "https://files.example/x/a.yaml?at=1"),
    ],
)  # fmt: skip
def test_each_host_resolves_in_its_way(target: str, base: str, expected: str) -> None:
    """GitHub's tree, the root of the repository for a leading slash, Azure's path parameter."""
    assert resolve_url(target, base) == expected


def test_a_base_that_is_no_url_is_refused() -> None:
    """Nothing can be resolved beside a plain path."""
    with pytest.raises(UrlError):
        resolve_url("./x", "/home/me/all.yaml")


@pytest.mark.parametrize(
    ("url", "edit"),
    [
        (GITHUB, "https://github.com/acme/shop/edit/main/catalog/all.yaml"),
        (GITLAB, "https://gitlab.com/group/sub/shop/-/edit/main/catalog/all.yaml"),
        (BITBUCKET, BITBUCKET + "?mode=edit&spa=0&at=master"), (AZURE, AZURE), (GITHUB.replace("main", "a" * 40), None),
    ],
)  # fmt: skip
def test_files_are_edited_on_their_host(url: str, edit: str | None) -> None:
    """None where the URL names a commit."""
    assert find_edit_url(url) == edit


def test_repositories_are_found_in_urls() -> None:
    """Owner and name as the host has them; a path tells the file."""
    found = find_repository(GITLAB)
    assert found is not None and (found.owner, found.name, found.filepath) == ("group/sub", "shop", "catalog/all.yaml")
    assert find_repository("https://example.com/a/b") is None


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (GITHUB, "https://github.com/ACME/shop/tree/dev/x", True), (GITHUB, "https://github.com/acme/other/blob/main/x", False),
        (GITHUB, BITBUCKET, False), (GITHUB, "https://petstore.example/v2.json", True), (GITHUB, "https://github.com/", False),
    ],
)  # fmt: skip
def test_only_known_hosts_have_repositories(first: str, second: str, same: bool) -> None:
    """A URL on no known host is left to the reader's own rules."""
    assert same_repository(first, second) is same


@given(st.text(max_size=60), st.sampled_from([GITHUB, GITLAB, AZURE, BITBUCKET]))
def test_any_target_resolves_or_is_refused(target: str, base: str) -> None:
    """Nothing but ``UrlError`` comes out, whatever stands in a file."""
    try:
        resolve_url(target, base)
        same_repository(target, base)
        find_edit_url(target)
    except UrlError:
        pass


@given(st.text(alphabet="./ab%2eE\\ ", max_size=30))
def test_relative_targets_never_leave_the_host(target: str) -> None:
    """However many dots, and however they are spelt."""
    try:
        assert parse_url(resolve_url("x" + target, GITHUB)).host == "github.com"
    except UrlError:
        pass


@pytest.mark.parametrize(
    "text", ["", "a b", "/x", "http:///x", "ftp://host/x", "git+https://host/x", "http://[x", "mailto:a@b"]
)
def test_what_is_no_web_address_has_no_parts(text: str) -> None:
    """Nothing raises: such texts come from payloads, headers and answers of others."""
    assert split_http(text) is None


@given(st.text(alphabet="htps:/[]@.%a1 ", max_size=30))
def test_splitting_takes_any_text(text: str) -> None:
    """Either there are parts with a host, or there are none."""
    parts = split_http(text)
    assert parts is None or parts.netloc

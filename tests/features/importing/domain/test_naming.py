"""Texts become names, tags, label values and addresses, and nothing that could not stand in an entity."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.features.importing.domain.naming import (
    clean_key,
    clean_kind,
    clean_label_value,
    clean_lifecycle,
    clean_name,
    clean_namespace,
    clean_tag,
    clean_url,
    find_links,
    find_repository,
    is_nothing,
    is_repository_address,
    split_cell,
    words_of,
)
from callboard.model.validation import is_dns_label, is_label_key, is_label_value, is_object_name, is_tag, is_url


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("payments-api", "payments-api"),
        ("govuk_chat_private", "govuk_chat_private"),
        ("MyService", "MyService"),
        ("Payments API", "payments-api"),
        ("  R&D / Lab (old) ", "r-and-d-lab-old"),
        ("Rechnungsprüfung", "rechnungspruefung"),
        ("Größe", "groesse"),
        ("crème brûlée", "creme-brulee"),
        ("оплата счетов", "oplata-schetov"),
        ("https://github.com/alphagov/whitehall.git", "whitehall"),
        ("git@github.com:alphagov/whitehall.git", "whitehall"),
        ("alphagov/whitehall", "whitehall"),
        ("https://example.org/", "example.org"),
        ("--x--", "x"),
    ],
)
def test_names_are_made_as_a_person_would(text: str, name: str) -> None:
    """What can be a name stays; all else is written with small letters and ``-``; of an address the last part counts."""
    made, note = clean_name(text)
    assert made == name
    assert bool(note) == (text != name)


def test_letters_without_counterpart_still_give_names_of_their_own() -> None:
    """Two names that differ only in such letters stay two, and always the same two."""
    one, other = clean_name("支付 API")[0], clean_name("订单 API")[0]
    assert one != other
    assert one.startswith("api-")
    assert is_object_name(one) and is_object_name(clean_name("支付服务")[0])
    assert clean_name("支付 API")[0] == one


def test_long_names_that_begin_alike_stay_apart() -> None:
    """Cut to 63 characters, with something of the whole in it."""
    one, other = clean_name("service " * 12 + "one")[0], clean_name("service " * 12 + "two")[0]
    assert one != other
    assert len(one) <= 63


@pytest.mark.parametrize("text", ["", "---", "…", "()"])
def test_what_has_no_letter_gives_no_name(text: str) -> None:
    """The note says so."""
    assert clean_name(text) == ("", f"no name can be made of '{text}': it has no letter and no digit")


@settings(deadline=None)
@given(st.text(max_size=300))
def test_whatever_is_cleaned_is_valid(text: str) -> None:
    """Names, tags, keys, label values, namespaces and kinds hold for every text, or are empty."""
    assert not (name := clean_name(text)[0]) or is_object_name(name)
    assert not (tag := clean_tag(text)[0]) or is_tag(tag)
    assert not (key := clean_key(text)) or is_label_key(key)
    assert is_label_value(clean_label_value(text)[0])
    assert not (namespace := clean_namespace(text)[0]) or is_dns_label(namespace)
    assert clean_name(text) == clean_name(text)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_addresses_are_those_that_a_browser_may_open(text: str) -> None:
    """Whatever stands in a cell, a link is http, https, mail or a chat; scripts and files never are."""
    for link in find_links(text)[0]:
        assert is_url(link.url)
        assert link.url.split(":")[0].lower() in ("http", "https", "mailto", "slack", "msteams")


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x", "\\\\host\\share"]
)
def test_other_schemes_are_refused(text: str) -> None:
    """With a note, as everything that is no address."""
    url, note = clean_url(text)
    assert url == ""
    assert "no address" in note


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("https://a.example/x,y;z", [("https://a.example/x,y;z", "")]),
        ("https://a.example, https://b.example", [("https://a.example", ""), ("https://b.example", "")]),
        ("https://a.example,https://b.example", [("https://a.example", ""), ("https://b.example", "")]),
        ("https://a.example\nhttps://b.example", [("https://a.example", ""), ("https://b.example", "")]),
        ("Runbook: https://a.example", [("https://a.example", "Runbook")]),
        ("[Runbook](https://a.example)", [("https://a.example", "Runbook")]),
        ("www.a.example/docs", [("https://www.a.example/docs", "")]),
        ("team@a.example", [("mailto:team@a.example", "")]),
    ],
)  # fmt: skip
def test_links_are_found_as_people_write_them(text: str, links: list[tuple[str, str]]) -> None:
    """Several in a cell, with titles, without a scheme; commas inside of an address stay."""
    assert find_links(text) == ([tuple(link) for link in links], [])


@pytest.mark.parametrize(
    ("text", "host", "slug", "url"),
    [
        ("https://github.com/acme/pay", "", "acme/pay", "https://github.com/acme/pay"),
        ("https://github.com/acme/pay/tree/main/src", "", "acme/pay", "https://github.com/acme/pay"),
        ("git@gitlab.com:acme/sub/pay.git", "", "acme/sub/pay", "https://gitlab.com/acme/sub/pay"),
        ("github.com/acme/pay", "", "acme/pay", "https://github.com/acme/pay"),
        ("pay", "https://github.com/acme", "acme/pay", "https://github.com/acme/pay"),
        ("other/pay", "https://github.com/acme", "other/pay", "https://github.com/other/pay"),
        ("acme/pay", "https://git.example.org", "acme/pay", "https://git.example.org/acme/pay"),
    ],
)
def test_repositories_are_found_in_every_form(text: str, host: str, slug: str, url: str) -> None:
    """Addresses, ssh, slugs below the host that the mapping names."""
    found = find_repository(text, host)
    assert found is not None
    assert (found.slug, found.url) == (slug, url)


def test_a_slug_without_a_host_is_no_repository() -> None:
    """Nobody knows where it is; neither is an address of a document inside of one taken for it."""
    assert find_repository("pay") is None
    assert find_repository("two words", "https://github.com/acme") is None
    assert is_repository_address("https://github.com/acme/pay")
    assert not is_repository_address("https://github.com/acme/pay/blob/main/README.md")
    assert not is_repository_address("https://acme.github.io/pay")


def test_cells_are_split_at_what_people_separate_with() -> None:
    """Commas, semicolons, bars and lines; bullets and repeats are dropped."""
    assert split_cell("a, b;c|d\n- e\n1. f, a") == ["a", "b", "c", "d", "e", "f"]


def test_words_of_a_header_are_found_whatever_joins_them() -> None:
    """Camel case, underscores, dashes, slashes of two header rows, a number behind a repeat."""
    assert words_of("repoName (2)") == words_of("repo_name") == words_of("Repo / Name") == ("repo", "name")
    assert words_of("providesApis") == ("provides", "apis")
    assert words_of("Équipe responsable") == ("équipe", "responsable")


@pytest.mark.parametrize("text", ["n/a", "TBD", "-", "—", "None", "#N/A", "unknown", "?", "keine", " "])
def test_words_for_nothing_are_nothing(text: str) -> None:
    """In the languages that sheets are in."""
    assert is_nothing(text)


def test_kinds_and_lifecycles_have_many_words() -> None:
    """A database is a resource of that type; ``live`` is production; what is unknown stays as it is."""
    assert clean_kind("Component") == ("Component", "", "")
    assert clean_kind("database")[:2] == ("Resource", "database")
    assert clean_kind("Microservice")[:2] == ("Component", "service")
    assert clean_kind("data set")[0] == "DataSet"
    assert clean_lifecycle("Live")[0] == "production"
    assert clean_lifecycle("End-of-life")[0] == "deprecated"
    assert clean_lifecycle("frozen") == ("frozen", "")

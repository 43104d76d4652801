"""Owners as sheets write them find the groups and people of the catalog, or are made."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.importing.domain.owners import made_entity, made_ref, match_owners, split_owners
from callboard.features.importing.interface import OwnerMatch
from tests.features.importing.domain.tables import judge

PEOPLE = {
    "group:default/payments": ["payments", "Payments Team", "#payments-team"],
    "group:default/search": ["search", "Search & Find"],
    "group:default/platform-engineering": ["platform-engineering"],
    "group:default/payments-eu": ["payments-eu"],
    "group:default/team-1": ["team-1"],
    "user:default/jane.doe": ["jane.doe", "Jane Doe", "jane.doe@example.org"],
    "user:default/search": ["search"],
}


def match(text: str, *others: str, create: bool = True, **options: Any) -> OwnerMatch:
    return match_owners([text, *others], PEOPLE, create=create, **options)[text]


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("group:default/payments", "group:default/payments"),
        ("User:jane.doe", "user:default/jane.doe"),
        ("payments", "group:default/payments"),
        ("PAYMENTS", "group:default/payments"),
        ("#payments-team", "group:default/payments"),
        ("@payments", "group:default/payments"),
        ("team-payments", "group:default/payments"),
        ("Team Payments", "group:default/payments"),
        ("Payments squad", "group:default/payments"),
        ("Search and Find", "group:default/search"),
        ("platform engineering", "group:default/platform-engineering"),
        ("PlatformEngineering", "group:default/platform-engineering"),
        ("platform-enginering", "group:default/platform-engineering"),
        ("plattform-engineering", "group:default/platform-engineering"),
        ("paymetns", "group:default/payments"),
        ("Jane Doe", "user:default/jane.doe"),
        ("jane.doe@example.org", "user:default/jane.doe"),
        ("jane.doe@other.example", "user:default/jane.doe"),
        ("Jane Doe <jane.doe@example.org>", "user:default/jane.doe"),
        ("search", "group:default/search"),
    ],
)
def test_an_owner_is_found_however_it_is_written(text: str, ref: str) -> None:
    """Case, ``#`` and ``@``, words like team, other separators, mail, a typo; a group comes before a user of that name."""
    found = match(text)
    assert (found.ref, found.is_new) == (ref, False)
    assert found.reason


def test_the_surer_the_way_the_higher_the_confidence() -> None:
    """A ref and a name are certain, words left out nearly, a typo is for somebody to look at."""
    ref, word, typo = match("group:payments"), match("Team Payments Squad"), match("paymetns")
    assert ref.confidence == 1.0
    assert ref.confidence > word.confidence > typo.confidence > 0.4
    assert "letter" in typo.reason


@pytest.mark.parametrize("text", ["payments-us", "team-2", "team 11", "repayments", "payment-search", "pay"])
def test_names_that_only_look_alike_are_others(text: str) -> None:
    """A number, a short word or another beginning makes another team."""
    assert match(text).is_new


def test_what_fits_two_is_told() -> None:
    """One of the two is taken, in the order of refs, with little confidence and a reason that names the other."""
    people = {"group:a/money": ["money"], "group:b/money": ["money"]}
    found = match_owners(["Money"], people, create=True)["Money"]
    assert (found.ref, found.confidence) == ("group:a/money", 0.4)
    assert "group:b/money" in found.reason


def test_unknown_owners_are_made_once() -> None:
    """All ways to write a new owner are one group; how many rows say each is counted."""
    found = match_owners(["#new-team", "new-team", "New Team", "new-team"], {}, create=True)
    assert {m.ref for m in found.values()} == {"group:default/new-team"}
    assert all(m.is_new for m in found.values())
    assert found["new-team"].rows == 2


def test_a_rare_spelling_is_a_typo_of_a_frequent_one() -> None:
    """Also among owners that the sheet makes; two that are both frequent stay two."""
    said = ["#checkout"] * 6 + ["#chekcout"]
    assert match_owners(said, {}, create=True)["#chekcout"].ref == "group:default/checkout"
    both = ["#content-core"] * 6 + ["#consent-core"] * 6
    refs = {m.ref for m in match_owners(both, {}, create=True).values()}
    assert len(refs) == 2


def test_owners_that_may_not_be_made_keep_a_ref() -> None:
    """Nothing stands under it, and the match says so."""
    found = match("Nobody knows", create=False)
    assert (found.ref, found.is_new, found.confidence) == ("group:default/nobody-knows", False, 0.0)
    assert "nothing stands" in found.reason


def test_a_persons_word_wins() -> None:
    """Whatever matching would say, and without regard to case: a ref, or ``new``."""
    chosen = {"PAYMENTS": "group:default/search", "search": "new", "odd": "user:jane.doe"}
    found = match_owners(
        ["payments", "Search", "odd"], {"group:default/payments": ["payments"]}, create=True, chosen=chosen
    )
    assert found["payments"].ref == "group:default/search"
    assert (found["Search"].ref, found["Search"].is_new) == ("group:default/search", True)
    assert found["odd"].ref == "user:default/jane.doe"


def test_to_the_letter_nothing_is_alike() -> None:
    """In a sheet that the catalog wrote itself ``paymetns`` is somebody else than ``payments``."""
    assert match("group:default/paymetns", exact=True).is_new
    assert not match("group:default/payments", exact=True).is_new


def test_the_order_of_rows_does_not_matter() -> None:
    """The same texts in any order make the same matches."""
    said = ["#checkout"] * 6 + ["#chekcout", "Team Checkout", "Jane Doe"]
    assert match_owners(said, PEOPLE, create=True) == match_owners(said[::-1], PEOPLE, create=True)


def test_cells_with_several_owners_are_split() -> None:
    """At signs between names, not inside of them."""
    assert split_owners("Money, Sales") == ["Money", "Sales"]
    assert split_owners("Money / Sales\nPost; n/a") == ["Money", "Sales", "Post"]
    assert split_owners("R&D") == ["R&D"]
    assert split_owners("#a and #b") == ["#a", "#b"]


@pytest.mark.parametrize(
    ("text", "ref", "metadata", "spec"),
    [
        ("#money", "group:default/money", {"annotations": {"callboard.dev/chat-channel": "#money"}}, {"type": "team", "children": []}),
        ("Team Geld & Gut", "group:default/team-geld-and-gut", {"title": "Team Geld & Gut"}, {"type": "team", "children": []}),
        ("money", "group:default/money", {}, {"type": "team", "children": []}),
        ("ada@example.org", "user:default/ada", {}, {"memberOf": [], "profile": {"email": "ada@example.org"}}),
        (
            "Ada L <ada@example.org>", "user:default/ada", {"title": "Ada L"},
            {"memberOf": [], "profile": {"displayName": "Ada L", "email": "ada@example.org"}},
        ),
        ("money-team@example.org", "group:default/money-team", {}, {"type": "team", "children": [], "profile": {"email": "money-team@example.org"}}),
    ],
)  # fmt: skip
def test_owners_that_are_made_are_valid(text: str, ref: str, metadata: dict[str, Any], spec: dict[str, Any]) -> None:
    """A group with its channel, a person with a mail address; both pass the catalog's own checks."""
    assert made_ref(text) == ref
    entity = made_entity(ref, [text])
    assert entity["metadata"] == {"name": ref.rpartition("/")[2], "namespace": "default", **metadata}
    assert entity["spec"] == spec
    assert judge(entity) == []


def test_many_owners_are_matched_fast() -> None:
    """2,000 misspelt owners against 10,000 groups: each looks only at names that share letters with it."""
    import time

    people = {f"group:default/unit{n:05d}-squadron": [f"unit{n:05d}-squadron"] for n in range(10_000)}
    said = [f"unit{n:05d}-sqaudron" for n in range(2_000)]
    began = time.process_time()
    found = match_owners(said, people, create=True)
    assert time.process_time() - began < 10
    assert found["unit00007-sqaudron"].ref == "group:default/unit00007-squadron"

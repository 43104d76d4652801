"""Words that mean the same in most places find each other, below the words themselves, unless settings say otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.search.text.stemming import Stemmer
from callboard.features.search.text.synonyms import Vocabulary, usages
from callboard.features.search.text.words import intent_of
from tests.features.search.conftest import Library, doc

pytestmark = pytest.mark.anyio


def test_every_line_has_something_to_ask_and_something_to_find():
    """No line of the file is without effect, and no bracket is left open."""
    for usage in usages():
        assert usage.equals and len(usage.equals) + len(usage.ways) > 1, usage
        assert all(phrase and "[" not in phrase for phrase in (*usage.equals, *usage.ways)), usage


def test_any_form_stands_for_all_and_ways_of_asking_are_not_looked_for():
    """*Erasing* finds removals; *wipe* finds deletions, but who asks for deletions is not shown wiping."""
    stem = Stemmer("english").term
    vocabulary = Vocabulary(stem)
    assert "remove" in vocabulary.of(stem("erasing"))
    assert "delete" in vocabulary.of(stem("wipe"))
    assert "wipe" not in vocabulary.of(stem("delete"))


def test_a_pair_can_be_taken_out():
    """``search.notSynonyms``: one pair goes, in any of its forms, and the rest stays."""
    stem = Stemmer("english").term
    others = Vocabulary(stem, [["delete", "removing"]]).of(stem("delete"))
    assert "remove" not in others and "erase" in others


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("who owns the ledger", "owner"),
        ("which team looks after ledgers", "owner"),
        ("who is responsible for ledgers", "owner"),
        ("how do i open a ledger", "steps"),
        ("who may open a ledger", None),
        ("ledger", None),
    ],
)
def test_what_sort_of_answer_is_wanted(question: str, intent: str | None):
    """Whose a thing is and what to do are told from everything else."""
    assert intent_of(question.split()) == intent


async def test_what_is_said_otherwise_is_found_where_nobody_says_it_so(library: Library):
    """A phrase of several words, too; the reason says for which words; a word that something is called by finds that alone."""
    await library.put(
        doc("new-people", "Onboarding", "Accounts, keys and a desk."),
        doc("starters", "A soup", "What each new starter gets."),
        doc("sluggish", "sluggish", "A game about snails."),
        doc("speed", "Latency of the ledger", "Which queries take long."),
    )
    found = {hit.document.id: hit for hit in await library.hits("joiner")}
    assert set(found) == {"new-people", "starters"}
    assert [(reason.how, reason.asked) for reason in found["new-people"].reasons] == [("synonym", "joiner")]
    assert await library.ids("sluggish") == ["sluggish"]


async def test_who_is_answered_by_their_own_words_is_shown_no_others(open_library: Any):
    """A word that documents have finds those alone."""
    async with open_library() as library:
        await library.put(*(doc(f"page-{at}", f"Erasing {at}") for at in range(12)), doc("other", "Deleting"))
        assert "other" not in await library.ids("erasing", limit=25)

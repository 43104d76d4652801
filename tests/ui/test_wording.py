"""Reasons that stay English until somebody reads them."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from callboard.ui.messages import Messages
from callboard.ui.wording import Wording, Wordings, from_stored, in_words, joined, to_stored

say = Wordings("callboard.features.importing")


@pytest.fixture(scope="module")
def german() -> Any:
    return Messages.load(["callboard.ui", "callboard.features.importing"]).translator("de")


def test_it_is_english_text_for_every_wire(german: Any):
    """Equal to the text, written as text by JSON; a page has it in the reader's language, arguments and all."""
    reason = say("importing.why.header", phrase="Team", meaning=say("importing.meaning.owner"))
    assert reason == "The header says 'Team', a word for the owner"
    assert json.dumps([reason]) == json.dumps([str(reason)]) and orjson.dumps(reason) == orjson.dumps(str(reason))
    assert in_words(german, reason) == "Die Überschrift sagt „Team“, ein Wort für die Zuständigen"
    assert in_words(german, "plain text of a validator") == "plain text of a validator"


def test_counts_have_the_forms_of_each_language(german: Any):
    """One and many in both; numbers as the reader writes them, and plain on the wire."""
    one, many = (say("importing.why.filter_by", n=n) for n in (1, 12000))
    assert (str(one), str(many)[:40]) == (
        "Nothing else fits; 1 short value, good to filter by", "Nothing else fits; 12000 short values, g",
    )  # fmt: skip
    assert "1 kurzer Wert" in in_words(german, one) and "12.000 kurze Werte" in in_words(german, many)


def test_parts_are_put_together_and_begun_large(german: Any):
    """By a separator, of messages and of plain text; one part is itself, none is nothing."""
    values = say("importing.why.sentences")
    both = joined("; ", [values.capitalized(), "as it was"])
    assert both == "Its values are sentences; as it was"
    assert in_words(german, both) == "Die Werte sind Sätze; as it was"
    assert joined("; ", []) == "" and joined("; ", [values]) is values and type(joined("; ", ["a", "b"])) is str


def test_what_is_kept_is_read_again(german: Any):
    """Nested and joined, through JSON; plain text of before as it is; English where a message is no more."""
    reason = joined("; ", [say("importing.match.made", why=say("importing.match.nobody")), say("importing.note.mail")])
    assert isinstance(reason, Wording)
    again = from_stored(json.loads(json.dumps(to_stored(reason))))
    assert again == reason == "Nobody in the catalog has this name: it is made; a mail address"
    assert in_words(german, again) == "Niemand im Katalog hat diesen Namen: wird angelegt; eine E-Mail-Adresse"
    assert from_stored("Too long to be a name") == "Too long to be a name"
    gone = from_stored({"text": "As it was said", "id": "importing.nonesuch", "with": {}})
    assert in_words(german, gone) == "As it was said"


def test_a_message_that_is_not_there_is_a_mistake():
    """Told where it is said, not when somebody reads it."""
    with pytest.raises(KeyError):
        say("importing.nonesuch")
    with pytest.raises(KeyError):
        say("importing.quoted", txt="misspelt")

"""What is written into a form comes back as it was."""

from __future__ import annotations

from typing import Any, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.features.scaffolder.forms.model import Field, Known, build_page, collect
from callboard.features.scaffolder.forms.parsing import Answers, Upload, move, read_page
from callboard.features.scaffolder.forms.paths import MISSING, format_name, parse_name
from callboard.features.scaffolder.forms.repositories import format_repository, parse_repository
from callboard.features.scaffolder.forms.sealing import seal, unseal
from callboard.features.scaffolder.forms.state import FormTooLarge, format_state, read_state, seal_state
from callboard.features.scaffolder.forms.writing import written


class Sent:
    """A submitted form."""

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self.pairs = list(pairs)

    def get(self, key: str, default: Any = None, /) -> Any:
        return next((value for name, value in self.pairs if name == key), default)

    def getlist(self, key: Any) -> Sequence[Any]:
        return [value for name, value in self.pairs if name == key]


def sent_by(field: Field) -> list[tuple[str, str]]:
    """What a browser sends of a field that nobody touched."""
    if field.kind in ("object", "list"):
        return [pair for below in field.fields for pair in sent_by(below)]
    if field.kind == "flag":
        return [(field.name, "true")] if field.value is True else []
    if field.kind == "choice":
        return [
            (field.name, c.text)
            for c in field.choices
            if field.value is not MISSING and c.value == field.value and type(c.value) is type(field.value)
        ]
    if field.kind == "choices":
        return [(field.name, c.text) for c in field.choices if isinstance(field.value, list) and c.value in field.value]
    if field.kind == "map":
        held = field.value if isinstance(field.value, dict) else {}
        rows = [(f"{field.name}:key{n}", k) for n, k in enumerate(held)] + [
            (f"{field.name}:value{n}", v) for n, v in enumerate(held.values())
        ]
        return [*rows, (f"{field.name}:rows", str(len(held) + 1))]
    return [(field.name, written(field).replace("\n", "\r\n"))]


text = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=20)
SCHEMA = {
    "properties": {
        "text": {"type": "string"}, "long": {"type": "string", "ui:widget": "textarea"}, "whole": {"type": "integer"},
        "real": {"type": "number"}, "flag": {"type": "boolean", "default": False}, "maybe": {"type": ["string", "null"]},
        "pick": {"enum": ["a", 1, True, None, "1", {"x": 1}]},
        "many": {"type": "array", "uniqueItems": True, "items": {"enum": ["a", "b", "c"]}},
        "list": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}, "t": {"type": "string"}}}},
        "map": {"type": "object", "additionalProperties": {"type": "string"}}, "data": {},
    }
}  # fmt: skip
values = st.fixed_dictionaries(
    {},
    optional={
        "text": text.filter(bool), "long": text.filter(bool), "whole": st.integers(-10**12, 10**12),
        "real": st.one_of(st.integers(-999, 999), st.floats(allow_nan=False, allow_infinity=False)), "flag": st.booleans(),
        "maybe": st.none() | text.filter(bool), "pick": st.sampled_from(["a", 1, True, None, "1", {"x": 1}]),
        "many": st.lists(st.sampled_from("abc"), unique=True).map(sorted),
        "list": st.lists(st.fixed_dictionaries({}, optional={"n": st.integers(), "t": text.filter(bool)}), max_size=3),
        "map": st.dictionaries(st.text("abc ", min_size=1).filter(lambda key: key.strip() == key), st.text("xyz", min_size=1), max_size=3),
        "data": st.recursive(st.none() | st.booleans() | st.integers() | text, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=5),
    },
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(values)
def test_a_page_that_nobody_touched_says_what_it_said(answers: dict[str, Any]) -> None:
    """Every type, empty and full, through the form and back."""
    before = build_page({"schema": SCHEMA}, answers)
    read = read_page(before, Sent(sent_by(before.root)), Answers(dict(answers)))
    after = build_page({"schema": SCHEMA}, read.values, read.known)
    assert collect([after], after.values) == collect([before], before.values)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["f/text", "f/whole", "f/real", "f/pick", "f/many", "f/map:rows", "f/map:key0", "f/data", "f/list/0/n", "x", "f"]), text | st.sampled_from(["true", "1e999", "nan", "{", "99999999", "- a", "&a [*a]"]))))  # fmt: skip
def test_whatever_is_sent_becomes_answers_that_are_json(pairs: list[tuple[str, str]]) -> None:
    """Nothing that somebody sends breaks a page; a number that is none stays as text, for the check to speak of."""
    page = build_page({"schema": SCHEMA}, {"list": [{}]})
    read = read_page(page, Sent(pairs), Answers())
    again, opened = read_state(format_state(read), "", secret="s", purpose="p")
    assert opened and again.values == read.values
    build_page({"schema": SCHEMA}, again.values, again.known)


def read_one(schema: dict[str, Any], *pairs: tuple[str, str], value: Any = MISSING, required: bool = False) -> Any:
    answers = {} if value is MISSING else {"it": value}
    page = build_page({"schema": {"properties": {"it": schema}, "required": ["it"] if required else []}}, answers)
    return read_page(page, Sent(pairs), Answers(answers)).values.get("it", MISSING)


@pytest.mark.parametrize(
    ("schema", "sent", "value"),
    [
        ({"type": "integer"}, "7", 7), ({"type": "integer"}, "7.0", 7), ({"type": "integer"}, "7.5", 7.5), ({"type": "integer"}, "seven", "seven"),
        ({"type": "number"}, "1.50", 1.5), ({"type": "number"}, "1e3", 1000.0), ({"type": "number"}, "nan", "nan"), ({"type": "number"}, "", MISSING),
        ({"type": "string"}, "  ", MISSING), ({"type": "string"}, " a ", " a "), ({"type": "string", "ui:emptyValue": ""}, "", ""),
        ({"type": "boolean"}, "true", True), ({"type": "boolean"}, "", MISSING), ({"type": "boolean", "default": True}, "", False),
        ({"enum": [1, "1", True]}, "0:1", 1), ({"enum": [1, "1", True]}, "1:1", "1"), ({"enum": [1, "1", True]}, "true", True), ({"enum": [1]}, "2", MISSING),
        ({"type": "string", "format": "date-time"}, "2026-11-23T10:30", "2026-11-23T10:30:00.000Z"),
        ({"type": "object"}, "a: [1, true]", {"a": [1, True]}), ({"type": "object"}, "{a", "{a"), ({"type": "object"}, "a: 2026-01-01", "a: 2026-01-01"),
        ({"type": "string", "ui:disabled": True, "default": "x"}, "y", "x"), ({"type": "string", "ui:widget": "hidden", "default": "x"}, "y", "x"),
    ],
)  # fmt: skip
def test_texts_become_the_types_of_the_schema(schema: dict[str, Any], sent: str, value: Any) -> None:
    """And what is locked or hidden cannot be typed over."""
    found = read_one(schema, ("f/it", sent))
    assert (found, type(found)) == (value, type(value))


def test_null_and_required_flags_are_answers() -> None:
    """A required flag that is not set is false; an empty field that may be null and was, is null."""
    assert read_one({"type": "boolean"}, required=True) is False
    assert read_one({"type": ["string", "null"]}, ("f/it", ""), required=True) is None
    assert read_one({"type": ["string", "null"]}, ("f/it", ""), value="x") is MISSING


def test_files_become_data_urls_with_their_names() -> None:
    """One or several; kept ones can be taken out."""
    page = build_page(
        {"schema": {"properties": {"it": {"type": "array", "items": {"type": "string", "format": "data-url"}}}}},
        {"it": ["data:a", "data:b"]},
    )
    read = read_page(page, Sent([("f/it:drop", "0")]), Answers(), {"f/it": [Upload("ä b.txt", "text/plain", b"hi")]})
    assert read.values["it"] == ["data:b", "data:text/plain;name=%C3%A4%20b.txt;base64,aGk="]


def test_lists_grow_shrink_and_change_places() -> None:
    """With what was typed in their rows; a new row has the defaults of its schema, also where an old one was emptied."""
    schema = {
        "properties": {
            "it": {
                "type": "array",
                "items": {"type": "object", "properties": {"a": {"type": "string", "default": "d"}}},
            }
        }
    }
    answers = Answers({"it": [{"a": "x"}, {}]}, Known(cleared={"f/it/1/a", "f/it/2/a"}))

    def act(what: str, index: int = 0) -> list[Any]:
        field = build_page({"schema": schema}, answers.values, answers.known).find("f/it")
        assert field is not None
        move(answers, field, what, index)
        answers.values = dict(build_page({"schema": schema}, answers.values, answers.known).values)
        return list(answers.values["it"])

    assert act("add") == [{"a": "x"}, {}, {"a": "d"}]
    assert act("up", 2) == [{"a": "x"}, {"a": "d"}, {}] or act("down", 9)
    assert act("remove", 0)[0] == {"a": "d"}
    assert len(act("remove", 99)) == 2


@pytest.mark.parametrize(
    "address",
    [
        "github.com?owner=acme&repo=tools", "gitlab.com?owner=a%2Fb&repo=r", "dev.azure.com?repo=r&organization=o&project=p",
        "bitbucket.org?repo=r&workspace=w&project=P",
    ],
)  # fmt: skip
def test_addresses_of_repositories_are_read_and_written(address: str) -> None:
    """In Backstage's order of parts; Azure's old ``owner`` is its project."""
    assert format_repository(parse_repository(address)) == address
    assert parse_repository("dev.azure.com?owner=p&repo=r&organization=o")["project"] == "p"


@given(st.lists(st.one_of(text, st.integers(0, 9)), max_size=4))
def test_names_of_fields_lead_back_to_their_paths(path: list[Any]) -> None:
    """Whatever a property is called, its name is one word."""
    name = format_name(tuple(path))
    assert parse_name(name) == tuple(str(part) for part in path) and " " not in name and ":" not in name


def test_secrets_are_sealed_for_one_session_and_one_template() -> None:
    """Another session, another purpose or a changed letter opens nothing; passwords are not in the open part."""
    answers = Answers(
        {"a": {"pw": "hunter2"}, "key": "****"}, secrets={"key": "s3cret"}, passwords={"f/a/pw": "hunter2"}
    )
    open_part, sealed = format_state(answers), seal_state(answers, secret="one", purpose="p")
    assert "hunter2" not in open_part + sealed and "s3cret" not in open_part + sealed
    again, opened = read_state(open_part, sealed, secret="one", purpose="p")
    assert opened and (again.values, again.secrets) == (answers.values, answers.secrets)
    for secret, purpose, given_text in (
        ("two", "p", sealed),
        ("one", "q", sealed),
        ("one", "p", sealed[:-3] + "AAA"),
        ("one", "p", "x.y"),
    ):
        lost, opened = read_state(open_part, given_text, secret=secret, purpose=purpose)
        assert not opened and lost.secrets == {} and lost.values == {"a": {}, "key": "****"}
    assert unseal(seal({"a": 1}, secret="s", purpose="p"), secret="s", purpose="p") == {"a": 1}


def test_answers_that_no_form_carries_are_refused_by_name() -> None:
    """Saying how much it may be."""
    with pytest.raises(FormTooLarge, match="900 KiB"):
        format_state(Answers({"logo": "x" * 1_000_000}))

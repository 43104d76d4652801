"""Splitting and parsing of descriptor files: YAML 1.2 as Backstage reads it, and what is refused."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from callboard.model.documents import (
    Chunk,
    Limits,
    iter_documents,
    locate,
    parse_carefully,
    parse_quickly,
    parse_text,
    parse_values,
    split_documents,
)
from callboard.model.problems import Problem
from callboard.model.yaml_scan import may_hold_duplicates, scan


def value_of(text: str) -> Any:
    value = parse_text(text)
    assert not isinstance(value, Problem), value
    return value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: yes", {"a": "yes"}), ("a: NO", {"a": "NO"}), ("a: on", {"a": "on"}), ("a: 2020-01-01", {"a": "2020-01-01"}),
        ("a: 012", {"a": 12}), ("a: 0o14", {"a": 12}), ("a: 0x1F", {"a": 31}), ("a: 1_000", {"a": "1_000"}),
        ("a: 12:30", {"a": "12:30"}), ("a: True", {"a": True}), ("a: ~", {"a": None}), ("a:", {"a": None}),
        ("<<: {a: 1}\nb: 2", {"<<": {"a": 1}, "b": 2}), ("a: !foo bar", {"a": "bar"}), ("a: !!binary aGk=", {"a": "aGk="}),
        ("a: |\n  x\n  y", {"a": "x\ny\n"}), ("a: |\r\n  x\r\n", {"a": "x\n"}), ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("2: a\ntrue: b\n~: c\n2.5: d", {"2": "a", "true": "b", "": "c", "2.5": "d"}), ("- { git_host }", [{"git_host": None}]),
        ("- {{ git_host }}", [{"{ git_host }": None}]), ("[a, b]: c", {"[ a, b ]": "c"}), ("a: 1e400", {"a": None}),
        ("a: .nan", {"a": None}), ("a: 9007199254740993", {"a": 9007199254740992}),
    ],
)  # fmt: skip
def test_yaml_is_read_as_version_1_2(text: str, expected: Any) -> None:
    """Scalars, keys, tags and line ends come out as Backstage's parser gives them."""
    assert value_of(text) == expected


def test_whole_floats_become_integers() -> None:
    """1.0 is written 1 in JSON by JavaScript, and so by us; a difference of type, which == does not see."""
    value = value_of("a: 1.0\nb: [2.0, 2.5]")
    assert [type(value["a"]), *map(type, value["b"])] == [int, int, float]


def test_documents_are_counted_without_the_empty_ones() -> None:
    """Nulls, comments and blank stretches are no documents, and lines count from the beginning of the file."""
    text = "# top\n---\na: 1\n---\n---\n# nothing\n---\nnull\n--- # note\nb: 2\n...\n%YAML 1.2\n---\nc: 3\n"
    found = [(d.index, d.value, d.chunk.line) for d in iter_documents(text)]
    assert found == [(0, {"a": 1}, 2), (1, {"b": 2}, 9), (2, {"c": 3}, 13)]


def test_marker_inside_a_line_is_no_marker() -> None:
    """Only --- at the beginning of a line, with nothing stuck to it, begins a document."""
    assert [d.value for d in iter_documents("a: |\n  ---\n  x\nb: ---x\n")] == [{"a": "---\nx\n", "b": "---x"}]


def test_hash_of_a_document_does_not_depend_on_its_place() -> None:
    """Moving a document within its file leaves its hash; changing it does not."""
    one = split_documents("a: 1\n---\nb: 2\n")
    two = split_documents("x: 1\ny: 2\n---\nb: 2\n---\na: 3\n")
    assert isinstance(one, list) and isinstance(two, list)
    assert one[1].hash == two[1].hash
    assert len({one[0].hash, one[1].hash, two[0].hash, two[2].hash}) == 4


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: 1\na: 2", 2, 1), ("a: {x: 1, x: 2}", 1, 11), ("- a: 1\n  a: 2", 2, 3), ("? a\n: 1\n? a\n: 2", 3, 3),
        ('"a": 1\na: 2', 2, 1), ('x:\n  k: "foo\n bar: baz"\n  k: 2', 4, 3), ("a:\n- b: 1\n- b: 2\nc: 1\na: 2", 5, 1),
        ("a : 1\na: 2", 2, 1), ("a:\n  - - x: 1\n      x: 2", 3, 7), ("a: [\n {b: 1, b: 2}]", 2, 9),
        ("a: >-\n  a: 1\na: 3", 3, 1), ("a: &x\n  b: 1\n  b: 2", 3, 3), ("!!str a: 1\na: 2", 2, 1),
    ],
)  # fmt: skip
def test_key_given_twice_is_an_error_with_its_place(text: str, line: int, column: int) -> None:
    """Also in flow mappings, behind quotes, in sequences and next to block scalars."""
    problem = parse_text(text)
    assert isinstance(problem, Problem)
    assert "Map keys must be unique" in problem.message
    assert (problem.line, problem.column) == (line, column)


def test_repeated_keys_of_different_mappings_are_fine() -> None:
    """Items of a list, nested mappings and the text of a block scalar may repeat keys."""
    text = (
        "a:\n  - url: 1\n    title: x\n  - url: 2\n    title: y\nb:\n  a: |\n    k: 1\n    k: 2\nc: {a: 1, b: {a: 2}}\n"
    )
    assert value_of(text)["b"] == {"a": "k: 1\nk: 2\n"}


KEYS = st.sampled_from(["a", "b", "url", "x y", "'q'", "k:1", "*", "1", "-x", "#c", ""])
TEXTS = st.one_of(
    st.sampled_from(["x", "a: b", "a\nb: c\n", "- a", '"', "'", "{", "[a", "|", "? a", "#", "a: 1\na: 2\n"]),
    st.text(max_size=8),
)
TREES = st.recursive(
    st.one_of(TEXTS, st.integers(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


@given(TREES, st.sampled_from([None, '"', "'"]), st.booleans(), st.data())
def test_quick_look_never_misses_a_key_given_twice(
    tree: Any, style: str | None, flow: bool, data: st.DataObject
) -> None:
    """Where the exact scan finds a repeated key, the quick look has asked for it: over dumped trees with a line repeated."""
    text = yaml.safe_dump(tree, default_style=style, default_flow_style=flow or None, sort_keys=False, width=20)
    lines = text.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    to = data.draw(st.integers(0, len(lines)))
    text = "".join([*lines[:to], lines[at], *lines[to:]])
    fault = scan(text, max_nodes=10_000, max_depth=100)
    if fault is not None and "unique" in fault.message:
        assert may_hold_duplicates(text), text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: \xff", "UTF-8"), (b"a: 1\0", "NUL"), (b"a: \x01", "Control character"), (b"a: [1", "flow sequence"),
        (b"a: {% if x %}", "%"), (b"- a\n- b", "Expected object at root, got array"), (b"hello", "Expected object at root, got string"),
        (b"a: b: c", "Mapping values"), (b"a: *b", "anchor"), (b"a: " + b"[" * 200 + b"]" * 200, "nested"),
        (b"a: " + b"{a: " * 120 + b"1" + b"}" * 120, "nested"),
    ],
)  # fmt: skip
def test_bad_content_is_one_problem_with_a_place(content: bytes, words: str) -> None:
    """Each has a message that says what is wrong, and a line."""
    (document,) = iter_documents(content)
    assert document.problem is not None
    assert words in document.problem.message
    assert document.problem.stage == "parse" and document.problem.line == 1


def test_byte_order_mark_is_dropped() -> None:
    """A file saved by Windows editors reads like any other."""
    assert [d.value for d in iter_documents(b"\xef\xbb\xbfa: 1\r\n")] == [{"a": 1}]


def test_one_bad_document_leaves_the_others() -> None:
    """The error of the second names its line in the file."""
    found = list(iter_documents("a: 1\n---\nb: [1\n---\nc: 3\n"))
    assert [d.value for d in found] == [{"a": 1}, None, {"c": 3}]
    assert found[1].problem is not None and found[1].problem.line in (3, 4)


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines)


def test_aliases_that_explode_are_refused_before_they_do() -> None:
    """Nine to the ninth values from a few hundred bytes: refused in milliseconds, and the message says so."""
    start = time.process_time()
    problem = parse_text(bomb(9))
    assert time.process_time() - start < 0.5
    assert isinstance(problem, Problem) and "aliases written out" in problem.message


def test_ordinary_aliases_work() -> None:
    """Anchors are a normal way to repeat oneself."""
    assert value_of(bomb(2))["a1"][8] == ["x"] * 9
    assert isinstance(parse_text("a: &a [*a]"), Problem)


def test_alias_marks_in_text_are_no_aliases() -> None:
    """Markdown emphasis and ampersands in descriptions are plain text."""
    assert value_of("a: |\n  *emphasis* & more\nb: x & *y*") == {"a": "*emphasis* & more\n", "b": "x & *y*"}


def test_limits_are_enforced() -> None:
    """Bytes, documents and values: each refusal names the limit."""
    small = Limits(max_bytes=50, max_documents=2, max_nodes=5)
    for text, words in [
        ("a: " + "x" * 50, "bytes"),
        ("a: 1\n---\n" * 3, "documents"),
        ("a: [1, 2, 3, 4, 5, 6]", "values"),
    ]:
        (document,) = iter_documents(text, small)
        assert document.problem is not None and words in document.problem.message


def test_ten_megabytes_of_values_are_refused_quickly() -> None:
    """The count stops at the limit, not at the end of the file."""
    start = time.process_time()
    (document,) = iter_documents("a:\n" + "- x\n" * 2_000_000)
    assert document.problem is not None and "values" in document.problem.message
    assert time.process_time() - start < 10


def test_fifty_megabytes_are_refused_by_size() -> None:
    """Without a look inside."""
    problem = split_documents(b"x" * 50_000_000)
    assert isinstance(problem, Problem) and "50,000,000 bytes" in problem.message


def test_values_of_any_root_can_be_read() -> None:
    """Placeholders read lists and scalars, too."""
    assert parse_values("- a\n- b\n") == [["a", "b"]]
    assert parse_values("a\n---\n~\n---\n2") == ["a", 2]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("metadata", "tags", 1), (8, 7)), (("metadata", "name"), (4, 3)), (("metadata", "nope"), (3, 1)), ((), (2, 1)),
        (("spec", "a", "b"), (9, 1)),
    ],
)  # fmt: skip
def test_fields_are_found_in_the_file(path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    """A field that is not there is placed at its nearest parent; lines count from the beginning of the file."""
    chunks = split_documents("---\nkind: X\nmetadata:\n  name: a\n  # c\n  tags:\n    - x\n    - y\nspec: null\n")
    assert isinstance(chunks, list)
    assert locate(chunks[0], path) == place


def test_fields_are_found_where_libyaml_gives_up() -> None:
    """By indentation, when the text cannot be composed again."""
    assert locate(Chunk(b"a:\n  b:\n    c: {% x %}\n  d: 1\n", 10), ("a", "b", "c")) == (12, 5)


@given(st.text(max_size=200))
def test_any_text_gives_documents_or_problems(text: str) -> None:
    """Nothing that one can put in a file makes the parser raise."""
    for document in iter_documents(text.encode("utf-8", "surrogatepass")):
        assert (document.value is None) != (document.problem is None)


@given(st.text(alphabet="ab:-? \n\t{}[]\"'&*!|>#%@`,1~.\\", max_size=60))
def test_any_yaml_like_text_gives_documents_or_problems(text: str) -> None:
    """The same with an alphabet that hits YAML's marks."""
    for document in iter_documents(text):
        assert (document.value is None) != (document.problem is None)


TRICKY_SCALARS = (  # noqa: SIM905  -- a hundred quoted items would be unreadable
    "1_000 0x1F 0X1F 0o14 0O14 0b11 012 08 +1 -1 +012 1. .5 -.5 +.5 1e3 1E3 1e+3 1.5e-3 00 -0 .inf .Inf -.inf +.inf .nan inf"
    " true True TRUE tRUE false yes no on off null Null NULL ~ nUll 2020-01-01 2020-01-01T00:00:00Z 12:30:45 190:20:30 1,000"
    " 1e400 9007199254740993 18446744073709551616 123456789012345678901234567890 1.0 1.10 v1 - -- --- . = << _1 1_ 0_1 +0x1"
    " -0o7 0.0 -0.0 \"\" 'a' [] {} [a,b] {a:1} {a} | > !a !!str &a *a ? :a a:b a#b -a 0123e1"
).split()


@pytest.mark.parametrize("scalar", TRICKY_SCALARS)
def test_the_quick_parser_reads_what_it_accepts_as_the_careful_one(scalar: str) -> None:
    """As a value, in a list and as a key: ``parse_text`` gives what the careful parser alone would give."""
    for text in (
        f"k: {scalar}\n",
        f"k:\n  - {scalar}\n",
        f"{scalar}: v\n",
        f"a: [{scalar}, b]\n",
        f"a: {{b: {scalar}}}\n",
    ):
        assert repr(parse_text(text)) == repr(parse_carefully(text)), text


def test_the_quick_parser_reads_the_corpus_as_the_careful_one(shared: Path) -> None:
    """Every YAML document of the corpus of real files."""
    compared = 0
    for path in sorted((shared / "corpus").rglob("*.y*ml")):
        chunks = split_documents(path.read_bytes())
        for chunk in chunks if isinstance(chunks, list) else ():
            quick = parse_quickly(chunk.text)
            if quick is not None:
                compared += 1
                careful = parse_carefully(chunk.text)
                if isinstance(
                    careful, Problem
                ):  # it refuses a "]" that stands no deeper than its key; the standard does not
                    assert "Invalid indentation" in careful.message, path
                    continue
                assert repr(parse_text(chunk.text)) == repr(careful), path
    assert compared > 500


def test_sequences_nested_on_one_line_do_not_reach_the_quick_parser() -> None:
    """20,000 dashes on a line overflow its stack; they are refused by the careful one."""
    assert isinstance(parse_text("a:\n  " + "- " * 20_000 + "b\n"), Problem)

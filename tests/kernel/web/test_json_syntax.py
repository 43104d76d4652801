"""What is wrong with a JSON text, in V8's words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.kernel.web.json_syntax import explain_json

MESSAGES = [
    ("", "Unexpected end of JSON input"),
    ("{nope", "Expected property name or '}' in JSON at position 1 (line 1 column 2)"),
    ('{"a"', "Expected ':' after property name in JSON at position 4 (line 1 column 5)"),
    ('{"a":', "Unexpected end of JSON input"),
    ('{"a":1', "Expected ',' or '}' after property value in JSON at position 6 (line 1 column 7)"),
    ('{"a":1,}', "Expected double-quoted property name in JSON at position 7 (line 1 column 8)"),
    ("[1 2]", "Expected ',' or ']' after array element in JSON at position 3 (line 1 column 4)"),
    ("[1,]", "Unexpected token ']', \"[1,]\" is not valid JSON"),
    ('"abc', "Unterminated string in JSON at position 4 (line 1 column 5)"),
    ('"\\x"', "Bad escaped character in JSON at position 2 (line 1 column 3)"),
    ('"\\u12g4"', "Bad Unicode escape in JSON at position 5 (line 1 column 6)"),
    ('"\\', "Unexpected end of JSON input"),
    ('"a\nb"', "Bad control character in string literal in JSON at position 2 (line 1 column 3)"),
    ("01", "Unexpected number in JSON at position 1 (line 1 column 2)"),
    ("-", "No number after minus sign in JSON at position 1 (line 1 column 2)"),
    ("1.", "Unterminated fractional number in JSON at position 2 (line 1 column 3)"),
    ("1e+", "Exponent part is missing a number in JSON at position 3 (line 1 column 4)"),
    ("{} x", "Unexpected non-whitespace character after JSON at position 3 (line 1 column 4)"),
    ("undefined", '"undefined" is not valid JSON'),
    ("nul", "Unexpected end of JSON input"),
    ('{\n  "a": 1,\n  b: 2\n}', "Expected double-quoted property name in JSON at position 14 (line 3 column 3)"),
    ("[[,{},0,-0,1e5,false]", "Unexpected token ',', \"[[,{},0,-0,1\"... is not valid JSON"),
    ('{"f":[1,2,3,4,5,6],"k":t}', 'Unexpected token \'}\', ..."5,6],"k":t}" is not valid JSON'),
]


@pytest.mark.parametrize(("text", "message"), MESSAGES)
def test_message_is_that_of_node_24(text: str, message: str) -> None:
    """Messages as Node 24 gave them for these texts."""
    assert explain_json(text) == message


@given(st.text(alphabet='{}[]",:0123eE+-.\\utrfalsn x\n\t', max_size=40))
def test_exactly_what_is_not_json_is_explained(text: str) -> None:
    """Python's parser, told to be strict, and the explanation agree on what is valid."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse)
        is_valid = True
    except ValueError:
        is_valid = False
    assert (explain_json(text) is None) == is_valid


def test_depth_costs_no_stack() -> None:
    """Nesting far beyond any recursion limit is walked."""
    assert explain_json("[" * 50_000) == "Unexpected end of JSON input"
    assert explain_json("[" * 50_000 + "]" * 50_000) is None

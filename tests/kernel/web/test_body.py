"""Bodies of requests: read as JSON, or refused in the words that Backstage's clients know."""

from __future__ import annotations

import pytest

from callboard.kernel.errors import InputError
from callboard.kernel.web.body import parse_json


@pytest.mark.parametrize(("body", "value"), [(b"[]", []), (b' {"a": 1}\n', {"a": 1})])
def test_objects_and_lists_are_read(body, value):
    """What express.json takes."""
    assert parse_json(body) == value


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('"x"', 'Unexpected token \'"\', ""x"" is not valid JSON'),
        ("17", "Unexpected token '1', \"17\" is not valid JSON"),
        (" null ", "Unexpected token 'n', \" null \" is not valid JSON"),
        ('"' + "abc" * 20 + '"', 'Unexpected token \'"\', ""abcabcabc"... is not valid JSON'),
        ("{nope", "Expected property name or '}' in JSON at position 1 (line 1 column 2)"),
        ("\xff", "Unexpected token 'ÿ', \"ÿ\" is not valid JSON"),
    ],
)
def test_a_body_that_is_no_object_is_explained_as_express_does(body, message):
    """A lone text or number is refused at its first character; the rest is shown as V8 shows it."""
    with pytest.raises(InputError) as caught:
        parse_json(body.encode())
    assert str(caught.value) == message


def test_bytes_that_are_no_text_are_refused():
    """UTF-8 is the only encoding of JSON."""
    with pytest.raises(InputError, match="is not valid JSON"):
        parse_json(b"\xff\xfe{")

"""Refs survive being written and read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.model.refs import EntityRef, LocationRef, RefError

PARTS = st.text(alphabet="abcXYZ019-_. é@", min_size=1, max_size=12)


@given(PARTS, PARTS, PARTS)
def test_a_ref_survives_format_and_parse(kind: str, namespace: str, name: str) -> None:
    """Up to case, which does not tell refs apart."""
    ref = EntityRef(kind, namespace, name)
    assert str(EntityRef.parse(str(ref))) == str(ref)


@given(PARTS, PARTS)
def test_a_location_ref_survives_format_and_parse(kind: str, target: str) -> None:
    """The type ends at the first colon; blanks around the parts do not count."""
    kind, target = kind.strip(), target.strip()
    if kind and target:
        assert LocationRef.parse(f"{kind}:{target}") == (kind, target)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("group:a", "group:default/a"), ("a", "component:default/a"), ("ns/a", "component:ns/a"), ("k:ns/a", "k:ns/a"),
        ("a:b:c/d", "a:b:c/d"), ("ns/a:b", "component:ns/a:b"), ("USER:Default/Al", "user:default/al"),
    ],
)  # fmt: skip
def test_short_refs_take_defaults(text: str, expected: str) -> None:
    """Kind and namespace of the context fill in; a colon after the slash belongs to the name."""
    assert str(EntityRef.parse(text, default_kind="Component")) == expected


@pytest.mark.parametrize("text", ["", ":a", "/a", "a:", "a:b/", "k:/a", "a"])
def test_broken_refs_are_refused(text: str) -> None:
    """Empty parts, and a missing kind where there is no default."""
    with pytest.raises(RefError):
        EntityRef.parse(text)


@pytest.mark.parametrize("text", ["", "url", "url:", ":x", "https://example.com", "url:javascript:alert(1)"])
def test_broken_location_refs_are_refused(text: str) -> None:
    """Bare URLs want their type in front; scripts are no locations."""
    with pytest.raises(RefError):
        LocationRef.parse(text)

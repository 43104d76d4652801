"""Fields by their paths: read, set, taken away and compared, without a change to the document that was handed in."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.model.fields import differences, find_fault, find_value, parse_field, with_value, with_values
from callboard.model.problems import format_field

DOCUMENT: dict[str, Any] = {
    "kind": "Component", "metadata": {"name": "a", "labels": {"x": "1"}}, "spec": {"owner": "team", "dependsOn": ["b"]}
}  # fmt: skip
LEAVES = st.sampled_from(["", "x", 1, True, [], ["x"], [{"a": "x"}]])
DOCUMENTS = st.dictionaries(
    st.sampled_from("abc"), LEAVES | st.dictionaries(st.sampled_from("abc"), LEAVES, max_size=3), max_size=3
)


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("spec.owner", ("spec", "owner")),
        ("metadata.links[0].url", ("metadata", "links", 0, "url")),
        ('metadata.annotations["a.b/c"]', ("metadata", "annotations", "a.b/c")),
        ("metadata.annotations.a.b/c", ("metadata", "annotations", "a.b/c")),
        ("metadata.labels", ("metadata", "labels")),
    ],
)
def test_a_path_is_read_as_findings_write_it(field: str, path: Any):
    """Keys with dots may stand in quotes, or follow the mapping of labels or annotations as they are."""
    assert parse_field(field) == path
    assert parse_field(format_field(path)) == path


def test_a_value_is_set_and_taken_away():
    """Missing mappings are made; labels go with their last key, a spec stays although it is empty."""
    before = copy.deepcopy(DOCUMENT)
    set_ = with_values(DOCUMENT, {("spec", "profile", "email"): "a@b", ("metadata", "labels", "x"): None})
    assert set_["spec"]["profile"] == {"email": "a@b"} and "labels" not in set_["metadata"]
    assert with_value({"spec": {"a": 1}}, ("spec", "a"), None) == {"spec": {}}
    assert find_value(DOCUMENT, ("spec", "dependsOn", 0)) == "b" and find_value(DOCUMENT, ("spec", "x", "y")) is None
    assert before == DOCUMENT


@given(DOCUMENTS, DOCUMENTS)
def test_what_differs_leads_from_one_document_to_the_other(before: dict[str, Any], after: dict[str, Any]):
    """A second comparison finds nothing, whatever the two held."""
    assert differences(with_values(before, differences(before, after)), after) == {}


@pytest.mark.parametrize(
    "field",
    ["kind", "metadata.name", "metadata.uid", "relations", "status.items", "spec", "metadata.labels", "spec.a[0]", "", "other.x",
     "metadata.annotations.backstage.io/managed-by-location"],
)  # fmt: skip
def test_some_fields_are_not_set_by_their_paths(field: str):
    """What makes the entity, what the catalog works out, and what holds many fields: each is told in words."""
    assert find_fault(parse_field(field))
    assert find_fault(parse_field("metadata.annotations.a/b")) is None and find_fault(("spec", "owner")) is None

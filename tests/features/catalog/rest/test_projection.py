"""``fields``: of each entity only what was asked for, whatever the entity holds."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.features.catalog.domain import stitch
from callboard.features.catalog.rest.projection import parse_fields, project, project_bytes

TRAP = {"labels": {"a": "b"}, "apiVersion": "x", "kind": "y", "spec": {"type": "z"}}
FIELDS = [
    "kind", "kind,metadata.name", "apiVersion,kind,metadata.annotations.example.com/a.b", "metadata", "metadata.trap.spec.type",
    "metadata.name,spec.type", "spec", "relations", "kind,kind.x,metadata.nothing", "metadata.labels.a,metadata.labels",
]  # fmt: skip
_values = st.recursive(
    st.one_of(
        st.text(max_size=8), st.integers(-5, 5), st.booleans(), st.none(), st.just('"},"apiVersion":"'), st.just(TRAP)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["spec", "apiVersion", "kind", "labels", "trap", "a"]), inner, max_size=4),
    ),
    max_leaves=8,
)


@given(
    more=st.dictionaries(
        st.sampled_from(["labels", "trap", "title", "spec", "apiVersion", "kind"]), _values, max_size=4
    ),
    spec=st.none() | st.dictionaries(st.sampled_from(["type", "spec", "apiVersion"]), _values, max_size=3),
    fields=st.sampled_from(FIELDS),
)
def test_a_projection_of_stored_bytes_is_that_of_the_entity(more: Any, spec: Any, fields: str) -> None:
    """Also where the metadata look like the end of the metadata: only the beginning of the bytes may have been read."""
    document = {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {**more, "name": "shop"}}
    if spec is not None:
        document["spec"] = spec
    _, body = stitch(document, uid="u", relations=[("ownedBy", "group:default/team")])
    wanted = parse_fields([fields])
    assert wanted is not None
    assert project_bytes([body], wanted) == [orjson.dumps(project(orjson.loads(body), wanted))]


@pytest.mark.parametrize("fields", FIELDS)
def test_metadata_that_look_like_their_own_end_are_read_whole(fields: str) -> None:
    """The one shape that the quick way could take for another."""
    document = {
        "apiVersion": "a/v1",
        "kind": "Component",
        "metadata": {"trap": TRAP, **TRAP, "name": "n"},
        "spec": {"type": "t"},
    }
    _, body = stitch(document, uid="u", relations=[])
    wanted = parse_fields([fields])
    assert wanted is not None
    assert project_bytes([body, body], wanted) == [orjson.dumps(project(orjson.loads(body), wanted))] * 2

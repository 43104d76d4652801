"""Filters and queries, read and applied to the terms of an entity."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.model.predicates import PredicateError, matches, parse_filter_params, parse_query
from callboard.model.terms import terms_of

ENTITY = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {
        "name": "Payments",
        "uid": "u1",
        "tags": ["java", "pci"],
        "annotations": {"a.b/c": "X"},
        "title": None,
    },
    "spec": {"type": "service", "owner": "team-a", "size": 3, "live": True},
    "relations": [{"type": "ownedBy", "targetRef": "group:default/team-a"}],
}
TERMS = terms_of(ENTITY)


@pytest.mark.parametrize(
    ("params", "matched"),
    [
        (["kind=component"], True), (["KIND=Component"], True), (["kind=api"], False), (["kind=api,kind=component"], True),
        (["kind=component,spec.type=library"], False), (["kind=api", "spec.type=service"], True), (["metadata.tags=pci"], True),
        (["metadata.tags.pci"], True), (["metadata.tags.go"], False), (["metadata.title"], True), (["metadata.title="], False),
        (["metadata.annotations.a.b/c=x"], True), (["relations.ownedby=group:default/team-a"], True), (["spec.size=3"], True),
        (["spec.live=true"], True), (["metadata.namespace=default"], True), ([" kind = component , , "], True),
        (["metadata.etag"], False),
    ],
)  # fmt: skip
def test_filter_parameters_match_as_backstage_has_it(params: list[str], matched: bool) -> None:
    """And within a parameter, or between them and for a key that is there twice; all in lower case."""
    predicate = parse_filter_params(params)
    assert predicate is not None
    assert matches(predicate, TERMS) is matched


def test_no_filter_is_no_predicate() -> None:
    """Empty parameters count as alternatives without conditions: they match everything."""
    assert parse_filter_params([]) is None


def test_a_condition_without_a_key_is_refused() -> None:
    """The error names the parameter."""
    with pytest.raises(PredicateError) as caught:
        parse_filter_params(["=a"])
    assert caught.value.field == "filter"


@pytest.mark.parametrize(
    ("query", "matched"),
    [
        ({}, True), ({"kind": "component"}, True), ({"kind": "component", "spec.type": "x"}, False), ({"$all": []}, True),
        ({"$any": []}, False), ({"$not": {"kind": "api"}}, True), ({"spec.type": {"$in": ["a", "SERVICE"]}}, True),
        ({"spec.type": {"$in": []}}, False), ({"spec.type": {"$exists": False}}, False), ({"spec.nope": {"$exists": False}}, True),
        ({"metadata.name": {"$hasPrefix": "PAY"}}, True), ({"metadata.tags": {"$contains": "java"}}, True),
        ({"relations": {"$contains": {"type": "ownedBy", "targetRef": "group:default/team-a"}}}, True),
        ({"relations": {"$contains": {"type": "ownedBy", "targetRef": {"$in": ["x"]}}}}, False),
        ({"relations": {"$contains": {"type": "partOf"}}}, False), ({"$any": [{"kind": "api"}, {"spec.size": 3}]}, True),
        ({"spec.live": True}, True),
    ],
)  # fmt: skip
def test_queries_match_as_backstage_has_it(query: Any, matched: bool) -> None:
    """Each operator of the grammar, with its empty forms."""
    assert matches(parse_query(query), TERMS) is matched


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind", "query"), ([], "query"), ({"$all": {}}, "query.$all"), ({"$all": [], "kind": "x"}, "query"),
        ({"$not": []}, "query.$not"), ({"kind": {"$foo": 1}}, "query.kind.$foo"), ({"kind": []}, "query.kind"),
        ({"kind": None}, "query.kind"), ({"$foo": 1}, "query.$foo"), ({"kind": {"$contains": {"a": 1}}}, "query.kind.$contains"),
        ({"$any": [{}, {"a": {}}]}, "query.$any[1].a"),
    ],
)  # fmt: skip
def test_bad_queries_name_the_part_at_fault(query: Any, field: str) -> None:
    """The path leads to the operator or key."""
    with pytest.raises(PredicateError) as caught:
        parse_query(query)
    assert caught.value.field == field

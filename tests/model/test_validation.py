"""What makes a document an entity: tables per rule, with the words that Backstage has for it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from callboard.model.builtin_kinds import OPTIONAL_LAYERS
from callboard.model.kinds import KindError, KindRegistry, parse_layer
from callboard.model.problems import Problem
from callboard.model.relations import Relation, relations_of, sort_refs
from callboard.model.validation import EntityValidator, FieldFormats, fill_namespace

VALIDATOR = EntityValidator(KindRegistry.built_in())
LEARN = ". To learn more about catalog file format, visit: https://github.com/backstage/backstage/"


def entity(**changes: Any) -> dict[str, Any]:
    """A good Component, with dotted paths of it changed (``metadata__name="x"``); ``...`` removes."""
    value: dict[str, Any] = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "a"},
        "spec": {"type": "service", "lifecycle": "x", "owner": "me"},
    }
    for path, change in changes.items():
        *parents, last = path.split("__")
        at = value
        for part in parents:
            at = at[part]
        if change is ...:
            del at[last]
        else:
            at[last] = change
    return value


def problems(value: dict[str, Any], validator: EntityValidator = VALIDATOR) -> list[Problem]:
    envelope = validator.find_envelope_problem(value)
    if envelope is not None:
        return [envelope]
    value = copy.deepcopy(value)
    fill_namespace(value)
    return validator.validate(
        value, f"{value['kind']}:{value['metadata']['namespace']}/{value['metadata']['name']}".lower()
    )[1]


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"apiVersion": "backstage.io/v1beta1"}, {"metadata__name": "A.b_c-d--e"}, {"metadata__name": "x" * 63},
        {"metadata__namespace": "a-b"}, {"metadata__title": "T"}, {"metadata__description": ""}, {"metadata__labels": {"a.b/c": ""}},
        {"metadata__annotations": {"a/b": ""}}, {"metadata__tags": ["a:b", "c++", "c#", "a-b"]}, {"metadata__tags": []},
        {"metadata__links": [{"url": "https://a.example", "title": "T", "other": 1}]}, {"metadata__other": {"x": 1}},
        {"spec__other": None}, {"spec__dependsOn": []}, {"spec__owner": "john@example.com"}, {"spec__owner": "a:b:c/d"},
        {"metadata__links": [{"url": "mailto:a@example.com"}]},
    ],
)  # fmt: skip
def test_good_entities_pass(changes: dict[str, Any]) -> None:
    """The far ends of what is allowed."""
    assert problems(entity(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "stage", "message"),
    [
        ({"kind": ...}, "envelope", "<root> must have required property 'kind' - missingProperty: kind"),
        ({"metadata": {}}, "envelope", "/metadata must have required property 'name' - missingProperty: name"),
        ({"metadata__name": 12}, "envelope", "/metadata/name must be string - type: string"),
        ({"metadata__name": ""}, "envelope", "/metadata/name must NOT have fewer than 1 characters - limit: 1"),
        ({"metadata": None}, "envelope", "/metadata must be object - type: object"),
        ({"metadata__namespace": None}, "envelope", "/metadata/namespace must be string - type: string"),
        ({"extra": 1}, "policy", "Malformed envelope, <root> must NOT have additional properties"),
        ({"relations": []}, "policy", "Unknown field relations"),
        ({"metadata__annotations": {"x": 1}}, "policy", "Malformed envelope, /metadata/annotations/x must be string"),
        ({"metadata__labels": None}, "policy", "Malformed envelope, /metadata/labels must be object"),
        ({"metadata__links": [{}]}, "policy", "Malformed envelope, /metadata/links/0 must have required property 'url'"),
        ({"metadata__links": None}, "policy", "Malformed envelope, /metadata/links must be array"),
        ({"metadata__title": ""}, "policy", "Malformed envelope, /metadata/title must NOT have fewer than 1 characters"),
        ({"metadata__name": "Not A Name!"}, "policy",
         '"metadata.name" is not valid; expected a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 '
         'characters in total but found "Not A Name!"' + LEARN),
        ({"metadata__name": "a\n"}, "policy", '"metadata.name" is not valid'),
        ({"metadata__name": "x" * 64}, "policy", '"metadata.name" is not valid'),
        ({"metadata__namespace": "A_b"}, "policy",
         '"metadata.namespace" is not valid; expected a string that is sequences of [a-z0-9] separated by [-], at most 63 '
         'characters in total but found "A_b"' + LEARN),
        ({"metadata__tags": ["A B"]}, "policy",
         '"tags.0" is not valid; expected a string that is sequences of [a-z0-9+#] separated by [-], at most 63 characters in '
         'total but found "A B"' + LEARN),
        ({"metadata__labels": {"bad key!": "x"}}, "policy",
         '"labels.bad key!" is not valid; expected a valid prefix and/or suffix but found "bad key!"' + LEARN),
        ({"metadata__labels": {"k": "bad value"}}, "policy", '"labels.k" is not valid; expected a string that is sequences'),
        ({"metadata__annotations": {"a/b/c": "x"}}, "policy", '"annotations.a/b/c" is not valid'),
        ({"metadata__links": [{"url": "www.example.com"}]}, "policy",
         '"links.0.url" is not valid; expected a string that is a valid url but found "www.example.com"' + LEARN),
        ({"metadata__links": [{"url": "a:b", "icon": " "}]}, "policy", '"links.0.icon" is not valid; expected a non empty string'),
        ({"apiVersion": "a b c"}, "policy",
         '"apiVersion" is not valid; expected a valid prefix and/or suffix but found "a b c"' + LEARN),
        ({"kind": "Comp-onent"}, "policy", '"kind" is not valid'),
        ({"kind": "component"}, "kind", "No processor recognized the entity component:default/a as valid"),
        ({"kind": "AiResource"}, "kind", "No processor recognized the entity airesource:default/a as valid"),
        ({"apiVersion": "example.com/v9"}, "kind", "No processor recognized the entity component:default/a as valid"),
        ({"spec": ...}, "kind", "caused by TypeError: <root> must have required property 'spec' - missingProperty: spec"),
        ({"spec": None}, "policy", "Malformed envelope, /spec must be object"),
        ({"spec__type": ...}, "kind",
         ("Processor BuiltinKindsEntityProcessor threw an error while validating the entity component:default/a; caused by "
         "TypeError: /spec must have required property 'type' - missingProperty: type")),
        ({"spec__type": 1}, "kind", "caused by TypeError: /spec/type must be string - type: string"),
        ({"spec__system": None}, "kind", "caused by TypeError: /spec/system must be string - type: string"),
        ({"spec__dependsOn": ["a", ""]}, "kind", "/spec/dependsOn/1 must NOT have fewer than 1 characters - limit: 1"),
    ],
)  # fmt: skip
def test_bad_entities_fail_at_their_stage_in_known_words(changes: dict[str, Any], stage: str, message: str) -> None:
    """The first problem is the one that Backstage gives."""
    first = problems(entity(**changes))[0]
    assert first.stage == stage
    assert message in first.message


def test_all_faults_of_a_stage_are_told_at_once() -> None:
    """People mend a file in one go; the first stays Backstage's."""
    found = problems(entity(metadata__name="a b", metadata__tags=["X", "ok", "Y"]))
    assert [p.field for p in found] == [("metadata", "name"), ("metadata", "tags", 0), ("metadata", "tags", 2)]
    assert [p.fix for p in found] == ['For example "a-b".', 'For example "x".', 'For example "y".']


def test_formats_can_be_replaced() -> None:
    """A portal may allow what Backstage does not, and the other way round."""
    loose = EntityValidator(
        KindRegistry.built_in(), FieldFormats(tag=lambda tag: True, namespace=lambda ns: ns != "default")
    )
    found = problems(entity(metadata__tags=["A B"]), loose)
    assert [p.field for p in found] == [("metadata", "namespace")]


def test_policies_of_ones_own_come_last() -> None:
    """They see entities that are sound otherwise, and their words are kept."""

    def owned(value: Any) -> Problem | None:
        return Problem("policy", "me may not own", ("spec", "owner")) if value["spec"]["owner"] == "me" else None

    validator = EntityValidator(KindRegistry.built_in(), policies=[owned])
    assert "caused by Error: me may not own" in problems(entity(), validator)[0].message
    assert problems(entity(spec__owner="you"), validator) == []


def test_values_that_json_does_not_have_are_refused() -> None:
    """A provider may give anything; it must not raise."""
    assert problems(entity(spec__type=object()))


LAYER = """
group: example.com
names: {kind: Dataset, singular: dataset, plural: datasets}
description: A table.
versions:
  - name: [v1, v2]
    schema: {jsonSchema: {type: object, required: [spec], properties: {spec: {type: object, required: [owner]}}}}
    relationFields:
      - {selector: {path: spec.owner}, relation: ownedBy, defaultKind: Group, allowedKinds: [Group]}
      - {selector: {path: spec.from.table}, relation: derivedFrom, reverse: sourceOf, defaultKind: Dataset, defaultNamespace: default}
  - name: v2
    specType: stream
    schema: {type: object, required: [spec], properties: {spec: {type: object, required: [topic]}}}
"""


def dataset(version: str = "v1", **spec: Any) -> dict[str, Any]:
    metadata = {"name": "d", "namespace": "ns"}
    return {"apiVersion": f"example.com/{version}", "kind": "Dataset", "metadata": metadata, "spec": spec}


def test_kinds_are_declared_as_data() -> None:
    """A layer in YAML brings schema, relations with their reverse, and versions for a spec.type."""
    validator = EntityValidator(KindRegistry.built_in(parse_layer(LAYER)))
    assert problems(dataset(owner="x"), validator) == []
    assert "'owner'" in problems(dataset(), validator)[0].message
    assert "'topic'" in problems(dataset("v2", type="stream", owner="x"), validator)[0].message
    assert "'owner'" in problems(dataset("v2", type="other"), validator)[0].message
    assert "apiVersion of Dataset is" in (problems(dataset("v3"), validator)[0].fix or "")
    value = dataset(owner="user:x", **{"from": {"table": "E"}})
    version = validator.kinds.find_version(value)
    assert version is not None
    assert relations_of(value, version, "dataset:ns/d") == [
        Relation("dataset:ns/d", "derivedFrom", "dataset:default/e"), Relation("dataset:default/e", "sourceOf", "dataset:ns/d"),
    ]  # fmt: skip


def test_optional_layers_add_kinds_and_versions() -> None:
    """The agents' kinds, and APIs that are MCP servers and need no definition."""
    validator = EntityValidator(KindRegistry.built_in(*OPTIONAL_LAYERS.values()))
    skill = entity(kind="AiResource", spec__type="skill")
    assert problems(skill, validator) == []
    assert "'category'" in problems(entity(kind="AiResource", spec__type="rule"), validator)[0].message
    server = entity(kind="API", spec__type="mcp-server", spec__remotes=[{"type": "http", "url": "https://x.example"}])
    assert problems(server, validator) == []
    assert "'definition'" in problems(entity(kind="API"), validator)[0].message


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("a: [", "line 1"), ("group: x", "names must be a mapping"), ("names: {kind: A}", "A: group must be a text"),
        ("group: x\nnames: {kind: A}", "versions must be a list"), ("group: x\nnames: {kind: A}\nversions: [{}]", "versions[0].name"),
        ("group: x\nnames: {kind: A}\nversions: [{name: v1, schema: {type: nope}}]", "not valid JSON Schema"),
        ("group: x\nnames: {kind: A}\nversions: [{name: v1, relationFields: [{path: spec.a, relation: x}]}]", "reverse is needed"),
        ("kinds: 1", "kinds must be a list"),
    ],
)  # fmt: skip
def test_bad_layers_say_which_part(layer: str, words: str) -> None:
    """The message leads to the part of the definition."""
    with pytest.raises(KindError) as caught:
        parse_layer(layer)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "api_version", "spec", "expected"),
    [
        ("Component", "backstage.io/v1alpha1",
         {"type": "a", "lifecycle": "b", "owner": "T", "system": "s", "subcomponentOf": "c", "providesApis": ["x"],
          "consumesApis": ["n2/y"], "dependsOn": ["resource:r"], "dependencyOf": ["Component:d/e"]},
         {("ownedBy", "group:ns/t", "ownerOf"), ("partOf", "system:ns/s", "hasPart"), ("partOf", "component:ns/c", "hasPart"),
          ("providesApi", "api:ns/x", "apiProvidedBy"), ("consumesApi", "api:n2/y", "apiConsumedBy"),
          ("dependsOn", "resource:ns/r", "dependencyOf"), ("dependencyOf", "component:d/e", "dependsOn")}),
        ("Group", "backstage.io/v1alpha1", {"type": "t", "children": ["b", "a"], "parent": "p", "members": ["u"]},
         {("childOf", "group:ns/p", "parentOf"), ("parentOf", "group:ns/a", "childOf"), ("parentOf", "group:ns/b", "childOf"),
          ("hasMember", "user:ns/u", "memberOf")}),
        ("User", "backstage.io/v1beta1", {"memberOf": ["g"]}, {("memberOf", "group:ns/g", "hasMember")}),
        ("System", "backstage.io/v1alpha1", {"owner": "user:o", "domain": "d"},
         {("ownedBy", "user:ns/o", "ownerOf"), ("partOf", "domain:ns/d", "hasPart")}),
        ("Domain", "backstage.io/v1alpha1", {"owner": "o", "subdomainOf": "d"},
         {("ownedBy", "group:ns/o", "ownerOf"), ("partOf", "domain:ns/d", "hasPart")}),
        ("Template", "scaffolder.backstage.io/v1beta3", {"type": "t", "steps": [], "owner": "o"},
         {("ownedBy", "group:ns/o", "ownerOf")}),
        ("Location", "backstage.io/v1alpha1", {"target": "./x"}, set()),
    ],
)  # fmt: skip
def test_relations_are_emitted_from_both_ends(
    kind: str, api_version: str, spec: Any, expected: set[tuple[str, str, str]]
) -> None:
    """In the entity's own namespace unless the ref says otherwise."""
    value = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "Me", "namespace": "ns"}, "spec": spec}
    assert problems(value) == []
    version = VALIDATOR.kinds.find_version(value)
    assert version is not None
    me = f"{kind.lower()}:ns/me"
    found = relations_of(value, version, me)
    assert set(found) == {r for f, t, b in expected for r in ((me, f, t), (t, b, me))}


def test_a_dependency_without_a_kind_is_found_late() -> None:
    """It passes the schema and fails when relations are made, naming the item."""
    value = entity(spec__dependsOn=["resource:a", "b"])
    version = VALIDATOR.kinds.find_version(value)
    assert problems(value) == [] and version is not None
    problem = relations_of(value, version, "component:default/a")
    assert isinstance(problem, Problem)
    assert (problem.stage, problem.field) == ("relations", ("spec", "dependsOn", 1))
    assert 'Entity reference "b" had missing or empty kind' in problem.message


def test_lists_of_refs_are_sorted() -> None:
    """So that their order in the file is no change."""
    value = entity(spec__dependsOn=["c", "a", "b"], spec__consumesApis=[2, "x"])
    sort_refs(value)
    assert (value["spec"]["dependsOn"], value["spec"]["consumesApis"]) == (["a", "b", "c"], [2, "x"])

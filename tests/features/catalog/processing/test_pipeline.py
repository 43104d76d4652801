"""One document through all steps: order, annotations, placeholders, rules, locations, hostile input."""

from __future__ import annotations

import copy
import time
from dataclasses import replace
from typing import Any, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.features.catalog.processing.annotate import REJECTED_URL
from callboard.features.catalog.processing.pipeline import Processed, ProcessingContext, Rejected, process_document
from callboard.features.catalog.processing.placeholders import DEFAULT_RESOLVERS
from callboard.features.catalog.processing.rules import RuleError, Rules, glob_regex
from callboard.model.documents import iter_documents
from callboard.model.kinds import KindRegistry
from callboard.model.refs import LocationRef
from callboard.model.validation import EntityValidator

BASE = "https://github.com/acme/shop/blob/main/catalog/all.yaml"
TREE = "https://github.com/acme/shop/tree/main/catalog/"
VALIDATOR = EntityValidator(KindRegistry.built_in())
CONTEXT = ProcessingContext(VALIDATOR, LocationRef("url", BASE))
FILE_CONTEXT = ProcessingContext(VALIDATOR, LocationRef("file", "/srv/catalog/all.yaml"), allowed_location_types=None)
SPEC = {"type": "service", "lifecycle": "x", "owner": "me"}


def document(kind: str = "Component", spec: Any = SPEC, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": {"name": "a", **metadata}, "spec": spec}


def good(value: Any, context: ProcessingContext = CONTEXT, contents: Mapping[str, Any] | None = None) -> Processed:
    result = process_document(value, context, contents)
    assert isinstance(result, Processed), result
    return result


def bad(value: Any, context: ProcessingContext = CONTEXT, contents: Mapping[str, Any] | None = None) -> Rejected:
    result = process_document(value, context, contents)
    assert isinstance(result, Rejected), result
    return result


def test_an_entity_is_annotated_with_where_it_comes_from() -> None:
    """Location and origin override the file, the links to the source do not; the input stays as it was."""
    value = document(
        annotations={
            "backstage.io/managed-by-location": "url:https://fake.example",
            "backstage.io/view-url": "https://own.example",
        }
    )
    before = copy.deepcopy(value)
    context = replace(CONTEXT, origin=LocationRef("url", "https://github.com/acme/root/blob/main/root.yaml"))
    annotations = good(value, context).entity["metadata"]["annotations"]
    assert annotations == {
        "backstage.io/managed-by-location": f"url:{BASE}",
        "backstage.io/managed-by-origin-location": "url:https://github.com/acme/root/blob/main/root.yaml",
        "backstage.io/view-url": "https://own.example",
        "backstage.io/edit-url": BASE.replace("blob", "edit"),
        "backstage.io/source-location": f"url:{TREE}",
    }
    assert value == before


def test_files_have_no_links_to_their_source() -> None:
    """Only locations of type url can be viewed in a browser."""
    annotations = good(document(), FILE_CONTEXT).entity["metadata"]["annotations"]
    assert set(annotations) == {"backstage.io/managed-by-location", "backstage.io/managed-by-origin-location"}


def test_empty_annotations_pass_but_empty_labels_do_not() -> None:
    """``annotations:`` with nothing after it becomes a mapping before policies look."""
    assert good(document(annotations=None)).ref == "component:default/a"
    assert bad(document(labels=None)).problems[0].stage == "policy"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " JavaScript:alert(1)", "java\nscript:alert(1)", "\x01javascript:x"]
)
def test_script_urls_are_replaced(url: str) -> None:
    """In whatever spelling a browser would run it."""
    value = document(annotations={"backstage.io/view-url": url, "backstage.io/edit-url": url})
    annotations = good(value).entity["metadata"]["annotations"]
    assert {annotations["backstage.io/view-url"], annotations["backstage.io/edit-url"]} == {REJECTED_URL}


def test_namespace_is_filled_in_and_refs_are_sorted() -> None:
    """What the catalog stores is the same for equal files."""
    result = good(document(spec={**SPEC, "dependsOn": ["resource:b", "resource:a"]}))
    assert result.entity["metadata"]["namespace"] == "default"
    assert result.entity["spec"]["dependsOn"] == ["resource:a", "resource:b"]


def test_each_stage_stops_the_next() -> None:
    """A document wrong in every way fails at the first stage; mended there, at the second, and so on."""
    rules = Rules.of(None)
    context = replace(CONTEXT, rules=rules)
    value = {
        "kind": "Resource",
        "metadata": {"name": "a b"},
        "spec": {"x": {"$text": "https://github.com/o/p/blob/m/x"}},
    }
    assert bad(value, context).problems[0].stage == "envelope"
    value["apiVersion"] = "backstage.io/v1alpha1"
    first = bad(value, context).problems[0]
    assert (first.stage, first.name) == ("rules", "NotAllowedError")
    assert f"at url:{BASE}, originated at url:{BASE}, is not of an allowed kind for that location" in first.message
    assert bad(value).problems[0].stage == "preprocess"
    value["spec"] = {"type": "x", "owner": "y", "dependsOn": ["z"], "system": None}
    assert bad(value).problems[0].stage == "policy"
    value["metadata"]["name"] = "a"
    assert bad(value).problems[0].stage == "kind"
    del value["spec"]["system"]
    assert bad(value).problems[0].stage == "relations"


# ---- placeholders


def test_placeholders_are_planned_then_filled() -> None:
    """Text, JSON and YAML, anywhere in the document, each URL once."""
    value = document(
        "API", {**SPEC, "definition": {"$text": "./api.yaml"}, "x": [{"$json": "/d.json"}, {"$yaml": "./api.yaml"}]}
    )
    plan = CONTEXT.plan(value)
    assert plan.urls == [TREE + "api.yaml", "https://github.com/acme/shop/tree/main/d.json"]
    contents = {TREE + "api.yaml": b"a: yes\n", "https://github.com/acme/shop/tree/main/d.json": b'{"b": 1}'}
    result = good(value, contents=contents)
    assert result.entity["spec"]["definition"] == "a: yes\n"
    assert result.entity["spec"]["x"] == [{"b": 1}, {"a": "yes"}]
    assert result.refresh_keys == [f"url:{url}" for url in plan.urls]
    assert value["spec"]["definition"] == {"$text": "./api.yaml"}


@pytest.mark.parametrize(
    "left",
    [
        {"$openapi": "./x"},
        {"$text": 1},
        {"$text": "./x", "b": 1},
        {"$ref": "#/x", "c": {"$text": "./x"}},
        {"$": "x"},
        {"a$text": "./x"},
    ],
)
def test_what_only_looks_like_a_placeholder_is_left_alone(left: Any) -> None:
    """Unknown resolvers, other values, more than one key."""
    value = document(spec={**SPEC, "x": left})
    assert CONTEXT.plan(value).urls == []
    assert good(value).entity["spec"]["x"] == left


def test_resolvers_can_be_added() -> None:
    """``$openapi`` is left in place unless somebody brings it."""
    resolvers = {**DEFAULT_RESOLVERS, "openapi": lambda content, *, key, value: content.decode().upper()}
    context = replace(CONTEXT, resolvers=resolvers)
    value = document("API", {**SPEC, "definition": {"$openapi": "./x"}})
    assert good(value, context, {TREE + "x": b"abc"}).entity["spec"]["definition"] == "ABC"


@pytest.mark.parametrize(
    ("placeholder", "contents", "message"),
    [
        ({"$text": "https://github.com/o/p/blob/main/x"}, {}, "may only reference files from the same repository"),
        ({"$text": "https://bitbucket.org/acme/shop/src/main/x"}, {}, "may only reference files from the same repository"),
        ({"$text": "./x"}, {}, "Placeholder $text could not read location ./x, NotFoundError"),
        ({"$text": "./x"}, {TREE + "x": OSError("gone")}, "could not read location ./x, OSError: gone"),
        ({"$json": "./x"}, {TREE + "x": b"{"}, "Placeholder $json failed to parse JSON data at ./x"),
        ({"$yaml": "./x"}, {TREE + "x": b"a: ["}, "Placeholder $yaml found an error in the data at ./x"),
        ({"$yaml": "./x"}, {TREE + "x": b"a\n---\nb"}, "expected to find exactly one document of data at ./x, found 2"),
        ({"$text": "http://a b/"}, {}, "could not form a URL"),
    ],
)  # fmt: skip
def test_bad_placeholders_reject_the_document(placeholder: Any, contents: Any, message: str) -> None:
    """The problem names the field, so that it can be found in the file."""
    problem = bad(document("API", {**SPEC, "definition": placeholder}), contents=contents).problems[0]
    assert problem.stage == "preprocess" and message in problem.message
    assert problem.field == ("spec", "definition", next(iter(placeholder)))


def test_placeholders_may_not_change_who_the_entity_is() -> None:
    """Rules and permissions have looked at the ref already."""
    value = document(namespace="default")
    value["kind"] = "Component"
    value["metadata"]["x"] = {"$text": "./x"}
    assert good(value, contents={TREE + "x": b"1"}).entity["metadata"]["x"] == "1"
    moved = document()
    moved["metadata"]["namespace"] = {"$text": "./x"}
    assert bad(moved, contents={TREE + "x": b"other"}).problems[0].stage == "envelope"


def test_placeholders_of_files_lie_beside_them() -> None:
    """A plain path; the reader decides whether it may be read."""
    value = document("API", {**SPEC, "definition": {"$text": "../api.yaml"}})
    assert FILE_CONTEXT.plan(value).urls == ["/srv/api.yaml"]


# ---- rules


@pytest.mark.parametrize(
    ("rules", "kind", "origin", "allowed"),
    [
        (None, "Component", BASE, True), (None, "location", BASE, True), (None, "Group", BASE, False), ([], "Component", BASE, False),
        ([{"allow": ["component"]}], "Component", BASE, True), ([{"allow": []}], "Component", BASE, False), ([{}], "Group", BASE, True),
        ([{"allow": [{"kind": "Component", "spec.type": "SERVICE"}]}], "Component", BASE, True),
        ([{"allow": [{"kind": "Component", "spec.type": "library"}]}], "Component", BASE, False),
        ([{"allow": ["Component"], "locations": [{"type": "url", "exact": BASE}]}], "Component", BASE, True),
        ([{"allow": ["Component"], "locations": [{"type": "file"}]}], "Component", BASE, False),
        ([{"allow": ["Component"], "locations": [{"type": "url", "pattern": "https://github.com/ACME/**"}]}], "Component", BASE, True),
        ([{"allow": ["Component"], "locations": [{"type": "url", "pattern": "https://github.com/*"}]}], "Component", BASE, False),
        ([{"allow": ["Component"], "locations": []}], "Component", BASE, False),
    ],
)  # fmt: skip
def test_rules_allow_kinds_by_origin(rules: Any, kind: str, origin: str, allowed: bool) -> None:
    """Without rules in a settings file: Component, API, Location."""
    assert Rules.of(rules).allows(document(kind), LocationRef("url", origin)) is allowed


def test_without_a_settings_file_everything_is_allowed() -> None:
    """Trying it out needs no settings."""
    assert Rules.of(None, has_settings_file=False).allows(document("Whatever"), LocationRef("url", BASE))


def test_a_location_may_bring_rules_of_its_own() -> None:
    """They hold for that location, beside those for all; a file's target is resolved."""
    rules = Rules.of(None, [{"type": "file", "target": "./org.yaml", "rules": [{"allow": ["Group"]}]}], folder="/srv")
    assert rules.allows(document("Group"), LocationRef("file", "/srv/org.yaml"))
    assert not rules.allows(document("Group"), LocationRef("file", "/srv/other.yaml"))
    assert rules.allows(document("API"), LocationRef("file", "/srv/other.yaml"))


@pytest.mark.parametrize(
    "rules", [{}, ["x"], [{"allow": "Component"}], [{"allow": [1]}], [{"allow": [], "locations": [{"exact": "x"}]}]]
)
def test_bad_rules_are_refused_with_their_path(rules: Any) -> None:
    """A typing error in the settings must not open or close the catalog unnoticed."""
    with pytest.raises(RuleError, match=r"^catalog\.rules"):
        Rules.of(rules)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a/*", "a/b", True), ("a/*", "a/b/c", False), ("a/**", "a/b/c", True), ("a/**/c", "a/c", True), ("a/**/c", "a/x/y/c", True),
        ("a/?", "a/b", True), ("a/[bc]", "a/c", True), ("a/[!bc]", "a/c", False), ("a/{b,c}/d", "a/c/d", True), ("A/B", "a/b", True),
        ("a.b", "axb", False), ("*", ".x", True), ("a{b", "a{b", True), ("a[b", "a[b", True),
    ],
)  # fmt: skip
def test_globs_match_as_minimatch_does(pattern: str, text: str, matches: bool) -> None:
    """Without regard to case, dots like any letter."""
    assert (glob_regex(pattern).fullmatch(text) is not None) is matches


# ---- locations


def targets(spec: Any, context: ProcessingContext = CONTEXT) -> list[tuple[str, bool, bool]]:
    return [(str(t.ref), t.required, t.is_glob) for t in good(document("Location", spec), context).location_targets]


def test_targets_resolve_beside_the_file() -> None:
    """Single and many, relative and absolute, globs told as such."""
    spec = {"target": "./a.yaml", "targets": ["../*/b.yaml", "https://example.com/c.yaml"]}
    assert targets(spec) == [
        (f"url:{TREE}a.yaml", True, False), ("url:https://github.com/acme/shop/tree/main/*/b.yaml", True, True),
        ("url:https://example.com/c.yaml", True, False),
    ]  # fmt: skip
    assert targets({"target": "./a.yaml", "presence": "optional"}) == [(f"url:{TREE}a.yaml", False, False)]


def test_file_targets_join_the_folder_only_with_a_dot() -> None:
    """As Backstage has it; others are taken from where the server runs."""
    spec = {"targets": ["./a.yaml", "../b/*.yaml", "c.yaml", "/d.yaml"]}
    assert [t for t, _, _ in targets(spec, FILE_CONTEXT)] == [
        "file:/srv/catalog/a.yaml",
        "file:/srv/b/*.yaml",
        "file:c.yaml",
        "file:/d.yaml",
    ]
    assert targets({"type": "url", "target": "https://x.example/y"}, FILE_CONTEXT) == [
        ("url:https://x.example/y", True, False)
    ]


def test_a_type_that_may_not_be_is_refused() -> None:
    """A file on the server is not for a file from the network to name."""
    problem = bad(document("Location", {"type": "file", "target": "/etc/passwd"})).problems[0]
    assert (problem.stage, problem.message) == ("location", 'Registered locations must be of an allowed type ["url"]')


def test_a_folder_is_no_file_target() -> None:
    """One bad target among good ones is told and left out; alone it rejects the Location."""
    result = good(document("Location", {"targets": ["./a/", "./b.yaml"]}), FILE_CONTEXT)
    assert [str(t.ref) for t in result.location_targets] == ["file:/srv/catalog/b.yaml"]
    assert result.problems[0].field == ("spec", "targets", 0)
    assert bad(document("Location", {"target": "./a/"}), FILE_CONTEXT).problems[0].stage == "location"


# ---- processors of plugins


class Tagger:
    name, priority = "Tagger", 10

    def process(self, entity: dict[str, Any], location: LocationRef) -> dict[str, Any]:
        return {**entity, "metadata": {**entity["metadata"], "tags": [location.type]}}


class Renamer(Tagger):
    def process(self, entity: dict[str, Any], location: LocationRef) -> dict[str, Any]:
        return {**entity, "kind": "API"}


class Broken(Tagger):
    def process(self, entity: dict[str, Any], location: LocationRef) -> dict[str, Any]:
        raise KeyError("oops")


def test_processors_of_plugins_change_entities_but_not_their_ref() -> None:
    """A plugin's error rejects the document, not the server."""
    assert good(document(), replace(CONTEXT, processors=[Tagger()])).entity["metadata"]["tags"] == ["url"]
    assert "Fatal: The entity kind" in bad(document(), replace(CONTEXT, processors=[Renamer()])).problems[0].message
    assert "KeyError: 'oops'" in bad(document(), replace(CONTEXT, processors=[Broken()])).problems[0].message


# ---- hostile input


def test_ten_thousand_relations_are_processed_in_time() -> None:
    """A hub of a large company is slow to draw, not to read."""
    start = time.process_time()
    result = good(document(spec={**SPEC, "dependsOn": [f"resource:r{i}" for i in range(10_000)]}))
    assert len(result.relations) == 20_002
    assert time.process_time() - start < 1


def test_relations_without_end_are_refused() -> None:
    """With a message that says how many are allowed."""
    problem = bad(document(spec={**SPEC, "dependsOn": [f"resource:r{i}" for i in range(30_000)]})).problems[0]
    assert problem.name == "LimitError" and "at most 50,000" in problem.message


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=10),
        st.sampled_from(["$text", "./x", "Component", "url"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["apiVersion", "kind", "metadata", "spec", "name", "namespace", "labels", "annotations", "tags", "links", "url", "title", "type",
     "target", "targets", "owner", "lifecycle", "dependsOn", "memberOf", "children", "system", "$text", "$json", "$yaml", "relations"]
)  # fmt: skip
KINDS = st.sampled_from(["Component", "API", "Group", "User", "Location", "Template", "System", "component"])


@given(st.dictionaries(NAMES, JSON), KINDS, st.dictionaries(NAMES, JSON), st.dictionaries(NAMES, JSON), st.booleans())
def test_no_document_makes_processing_raise(root: Any, kind: str, metadata: Any, spec: Any, from_file: bool) -> None:
    """Whatever a file holds, it comes out processed or rejected, with a reason."""
    value = {
        **root,
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "a", **metadata},
        "spec": {**SPEC, **spec},
    }
    context = FILE_CONTEXT if from_file else CONTEXT
    for candidate in (value, root, {**value, **root}):
        before = copy.deepcopy(candidate)
        result = process_document(
            candidate, replace(context, rules=Rules.of(None)), dict.fromkeys(context.plan(candidate).urls, b"x")
        )
        assert repr(candidate) == repr(before)
        assert isinstance(result, Processed) or result.problems


@given(JSON)
def test_no_value_makes_processing_raise(value: Any) -> None:
    """Nor does anything that is no mapping at all."""
    assert isinstance(process_document(value, CONTEXT), Rejected)


@given(st.text(max_size=40), st.text(max_size=40))
def test_markup_and_scripts_stay_text(title: str, text: str) -> None:
    """Processing neither runs nor rewrites what stands in fields; pages escape it."""
    value = document(title="<script>" + title, description=text)
    assert good(value).entity["metadata"]["title"] == "<script>" + title


def test_deep_values_of_providers_are_refused_or_processed() -> None:
    """Values need not come from YAML; nesting must not overflow the stack."""
    deep: Any = "x"
    for _ in range(5_000):
        deep = {"a": deep}
    assert "nested" in bad(document(spec={**SPEC, "deep": deep})).problems[0].message
    contents = {TREE + "x": b"[" * 900 + b"]" * 900}
    assert (
        "not valid JSON"
        in bad(document(spec={**SPEC, "deep": {"$json": "./x"}}), contents=contents).problems[0].message
    )


@pytest.mark.parametrize("value", [object(), {1: 2}, 2**70, b"x", "\ud800"])
def test_values_that_json_does_not_have_are_refused(value: Any) -> None:
    """Providers and plugins may give anything; what cannot be stored is told, not stored."""
    assert "not valid JSON" in bad(document(spec={**SPEC, "x": value})).problems[0].message


def test_skeleton_text_gives_a_tidy_error() -> None:
    """Files with template marks are met by discovery; the fix says what they are."""
    (found,) = iter_documents(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  {%- if x %}\n  name: a\n"
    )
    assert found.problem is not None and "skeleton" in (found.problem.fix or "")
    assert "skeleton" in (bad(document(name="${{ values.name }}")).problems[0].fix or "")

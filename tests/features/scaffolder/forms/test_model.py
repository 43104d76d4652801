"""From a schema and answers to fields: widgets, conditions, order, defaults, and what is sent in the end."""

from __future__ import annotations

from typing import Any, Mapping

import pytest

from callboard.features.scaffolder.forms.model import Field, FormPage, Known, build_page, collect
from callboard.features.scaffolder.forms.paths import MISSING


def page(
    schema: Mapping[str, Any], values: Mapping[str, Any] | None = None, known: Known | None = None, **options: Any
) -> FormPage:
    return build_page({"title": "Page", "schema": schema}, values or {}, known, **options)


def one(schema: Mapping[str, Any], **values: Any) -> Field:
    """The field ``it`` of a page that has no other."""
    found = page({"properties": {"it": schema}}, values).find("f/it")
    assert found is not None
    return found


def names(found: FormPage) -> list[str]:
    return [field.name.removeprefix("f/") for field in found.walk() if field.path]


@pytest.mark.parametrize(
    ("schema", "kind", "input"),
    [
        ({"type": "string"}, "text", "text"),
        ({"type": "string", "ui:widget": "textarea"}, "long", None),
        ({"type": "string", "ui:options": {"widget": "textarea"}}, "long", None),
        ({"type": "string", "ui:widget": "password"}, "password", None),
        ({"type": "string", "ui:widget": "hidden"}, "hidden", None),
        ({"type": "string", "ui:widget": "color"}, "text", "color"),
        ({"type": "string", "ui:widget": "email"}, "text", "email"),
        ({"type": "string", "format": "email"}, "text", "email"),
        ({"type": "string", "format": "uri"}, "text", "url"),
        ({"type": "string", "format": "date"}, "text", "date"),
        ({"type": "string", "format": "date-time"}, "text", "datetime-local"),
        ({"type": "string", "ui:widget": "alt-datetime"}, "text", "datetime-local"),
        ({"type": "string", "ui:widget": "file"}, "file", None),
        ({"type": "string", "format": "data-url"}, "file", None),
        ({"type": "integer"}, "number", "number"),
        ({"type": "number", "ui:widget": "updown"}, "number", "number"),
        ({"type": "number", "ui:widget": "range"}, "number", "range"),
        ({"type": "boolean"}, "flag", None),
        ({"type": "boolean", "ui:widget": "radio"}, "choice", None),
        ({"type": "null"}, "hidden", None),
        ({"type": ["string", "null"]}, "text", "text"),
        ({"const": 3}, "constant", None),
        ({"enum": ["a", "b"]}, "choice", None),
        ({"oneOf": [{"const": 1, "title": "One"}, {"const": 2}]}, "choice", None),
        ({"type": "array", "uniqueItems": True, "items": {"enum": ["a"]}}, "choices", None),
        ({"type": "array", "ui:widget": "checkboxes", "items": {"enum": ["a"]}}, "choices", None),
        ({"type": "array", "items": {"type": "string"}}, "list", None),
        ({"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}, "list", None),
        ({"type": "array"}, "data", None),
        ({"type": "array", "items": {"type": "string", "format": "data-url"}}, "file", None),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, "object", None),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "map", None),
        ({"type": "object"}, "data", None),
        ({}, "data", None),
        ({"type": "string", "ui:field": "OwnerPicker"}, "entity", None),
        ({"type": "string", "ui:field": "EntityPicker"}, "entity", None),
        ({"type": "string", "ui:field": "OwnedEntityPicker"}, "entity", None),
        ({"type": "string", "ui:field": "MyGroupsPicker"}, "entity", None),
        ({"type": "array", "ui:field": "MultiEntityPicker", "items": {"type": "string"}}, "entities", None),
        ({"type": "string", "ui:field": "EntityNamePicker"}, "name", None),
        ({"type": "array", "ui:field": "EntityTagsPicker"}, "tags", None),
        ({"type": "string", "ui:field": "RepoUrlPicker"}, "repository", None),
        ({"type": "string", "ui:field": "RepoBranchPicker"}, "branch", None),
        ({"type": "string", "ui:field": "RepoOwnerPicker"}, "repository-owner", None),
        ({"type": "string", "ui:field": "Secret"}, "secret", None),
        ({"type": "string", "ui:field": "SomethingOfTheirOwn"}, "text", "text"),
    ],
)
def test_each_widget_and_field_has_its_kind(schema: Mapping[str, Any], kind: str, input: str | None) -> None:
    """``ui:widget``, ``format``, ``ui:field`` and the type decide; an unknown field is a plain one."""
    field = one(schema)
    assert field.kind == kind
    assert input is None or field.input == input


def test_words_come_from_the_schema_or_what_ui_says() -> None:
    """Titles, descriptions, help, names of choices, and what is switched off."""
    field = one({
        "type": "string", "title": "A", "description": "B", "ui:title": "C", "ui:description": "D", "ui:help": "E", "ui:disabled": True,
        "enum": ["x", "y", "z"], "ui:enumNames": ["Ex", "Why"], "ui:enumDisabled": ["y"], "ui:widget": "radio",
    })  # fmt: skip
    assert (field.title, field.description, field.help, field.is_locked, field.style) == ("C", "D", "E", True, "radio")
    assert [(c.text, c.title, c.is_disabled) for c in field.choices] == [
        ("x", "Ex", False),
        ("y", "Why", True),
        ("z", "z", False),
    ]
    assert [c.title for c in one({"enum": [1, 2], "enumNames": ["One", "Two"]}).choices] == ["One", "Two"]
    assert one({"type": "string"}).title == "it"


def test_the_order_is_that_of_ui_order() -> None:
    """The star stands for the rest; without one the rest comes last; unknown names are passed over."""
    schema = {"properties": {name: {"type": "string"} for name in "abcd"}}
    assert names(page({**schema, "ui:order": ["d", "*", "a", "gone"]})) == ["d", "b", "c", "a"]
    assert names(page({**schema, "ui:order": ["c"]})) == ["c", "a", "b", "d"]


DEPENDENT = {
    "properties": {"env": {"type": "string", "enum": ["dev", "prod"]}, "card": {"type": "string"}},
    "dependencies": {
        "env": {
            "oneOf": [
                {"properties": {"env": {"const": "dev"}, "debug": {"type": "boolean", "default": True}}},
                {"properties": {"env": {"enum": ["prod"]}, "oncall": {"type": "string"}}, "required": ["oncall"]},
            ]
        },
        "card": ["address"],
    },
}


def test_dependencies_open_fields_and_demand_others() -> None:
    """Schema dependencies with ``oneOf``, property dependencies, and defaults of what opens."""
    assert names(page(DEPENDENT)) == ["env", "card"]
    found = page(DEPENDENT, {"env": "dev"})
    assert names(found) == ["env", "card", "debug"] and found.values["debug"] is True
    found = page(DEPENDENT, {"env": "prod"})
    oncall = found.find("f/oncall")
    assert oncall is not None and oncall.is_required
    schema = {**DEPENDENT, "properties": {**DEPENDENT["properties"], "address": {"type": "string"}}}
    assert not page(schema).find("f/address").is_required  # type: ignore[union-attr]
    assert page(schema, {"card": "1"}).find("f/address").is_required  # type: ignore[union-attr]


def test_answers_of_a_condition_that_no_longer_holds_are_not_sent() -> None:
    """They are remembered, for whoever changes their mind."""
    values = {"env": "dev", "oncall": "ada", "debug": False}
    assert collect([page(DEPENDENT, values)], values) == {"env": "dev", "debug": False}
    assert collect([page(DEPENDENT, {**values, "env": "prod"})], values)["oncall"] == "ada"


def test_if_then_else_within_all_of_looks_at_earlier_pages_too() -> None:
    """Every page sees all answers."""
    schema = {
        "properties": {"x": {"type": "string"}},
        "allOf": [
            {
                "if": {"properties": {"earlier": {"const": "yes"}}, "required": ["earlier"]},
                "then": {"properties": {"then": {"type": "string"}}, "required": ["then"]},
                "else": {"properties": {"else": {"type": "integer", "default": 4}}},
            },
        ],
    }
    assert names(page(schema, {"earlier": "yes"})) == ["x", "then"]
    found = page(schema, {"earlier": "no"})
    assert names(found) == ["x", "else"] and found.values["else"] == 4


def test_a_default_may_open_a_condition_that_has_defaults() -> None:
    """As the template of an onboarding does: runtime, then its version; another runtime brings its own."""
    branch = lambda name, versions: {  # noqa: E731
        "if": {"properties": {"run": {"const": name}}},
        "then": {"properties": {"version": {"type": "string", "enum": versions, "default": versions[0]}}},
    }
    schema = {
        "properties": {"run": {"type": "string", "default": "java", "enum": ["java", "node"]}},
        "dependencies": {"run": {"allOf": [branch("java", ["j11", "j17"]), branch("node", ["n20"])]}},
    }
    assert page(schema).values == {"run": "java", "version": "j11"}
    assert page(schema, {"run": "node", "version": "j17"}).values == {"run": "node", "version": "n20"}


VARIANTS = {
    "properties": {
        "from": {
            "type": "object",
            "oneOf": [
                {"title": "A file", "properties": {"kind": {"const": "file"}, "path": {"type": "string"}}},
                {"title": "A service", "properties": {"kind": {"const": "http"}, "url": {"type": "string"}}},
            ],
        },
        "port": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    }
}


def test_one_of_and_any_of_are_a_choice_that_the_value_makes_first() -> None:
    """The first variant that fits holds; who chooses another gets its fields and its constants."""
    found = page(VARIANTS, {"from": {"kind": "http", "url": "u"}, "port": "http"})
    field = found.find("f/from")
    assert field is not None and field.variant is not None
    assert (field.variant.titles, field.variant.chosen) == (["A file", "A service"], 1)
    assert names(found) == ["from", "from/kind", "from/url", "port"]
    assert found.find("f/port").kind == "text"  # type: ignore[union-attr]
    again = page(VARIANTS, {"from": {"kind": "http", "url": "u"}}, Known(chosen={"f/from": 0}))
    assert collect([again], again.values) == {"from": {"kind": "file"}}


def test_references_and_nested_things_are_followed() -> None:
    """Definitions, mappings in lists in mappings; a reference to itself ends."""
    schema = {
        "definitions": {"node": {"type": "object", "properties": {"name": {"type": "string", "default": "n"}, "next": {"$ref": "#/definitions/node"}}}},
        "properties": {"tree": {"type": "array", "items": {"$ref": "#/definitions/node"}}},
    }  # fmt: skip
    found = page({**schema, "properties": {"tree": {**schema["properties"]["tree"], "maxItems": 1}}}, {"tree": [{}]})
    assert "tree/0/next/next/name" in names(found) and len(names(found)) < 60
    assert found.values["tree"][0]["name"] == "n"
    assert not found.find("f/tree").can_add  # type: ignore[union-attr]


def test_lists_show_what_they_need_and_offer_what_they_may() -> None:
    """``minItems`` rows are there; add, remove and order can be switched off."""
    schema = {"type": "array", "items": {"type": "string"}, "minItems": 2}
    field = one(schema, it=["a"])
    assert len(field.fields) == 2 and (field.can_add, field.can_remove, field.can_order) == (True, False, True)
    field = one(
        {**schema, "ui:options": {"addable": False, "removable": False, "orderable": False}}, it=["a", "b", "c"]
    )
    assert (field.can_add, field.can_remove, field.can_order) == (False, False, False)


def test_empty_optional_answers_are_left_out_and_types_are_kept() -> None:
    """As react-jsonschema-form sends them: mappings and lists stay, texts that are empty go."""
    schema = {
        "properties": {
            "a": {"type": "string"}, "b": {"type": "integer"}, "c": {"type": "boolean"}, "d": {"type": ["string", "null"]},
            "e": {"type": "array", "items": {"type": "string"}}, "f": {"type": "object", "properties": {"x": {"type": "string"}}},
            "g": {"type": "object", "required": ["y"], "properties": {"y": {"type": "string"}}},
        }
    }  # fmt: skip
    empty = page(schema)
    assert collect([empty], empty.values) == {"e": [], "f": {}}
    values = {"a": "1", "b": 0, "c": False, "d": None, "e": ["x", None], "link": {"kept": True}}
    full = page(schema, values)
    assert collect([full], full.values) == {
        "a": "1",
        "b": 0,
        "c": False,
        "d": None,
        "e": ["x"],
        "f": {},
        "link": {"kept": True},
    }


def test_what_was_emptied_stays_empty() -> None:
    """A default does not come back over somebody's decision."""
    schema = {"properties": {"it": {"type": "string", "default": "x"}}}
    assert page(schema).values == {"it": "x"}
    assert page(schema, {}, Known(cleared={"f/it"})).values == {}


def test_fields_behind_a_feature_flag_are_there_when_it_is_on() -> None:
    """``backstage:featureFlag`` and ``ui:backstage``."""
    schema = {
        "properties": {
            "a": {"type": "string", "backstage:featureFlag": "new"},
            "b": {"type": "string", "ui:backstage": {"featureFlag": "new"}},
            "c": {"type": "string"},
        }
    }
    assert names(page(schema)) == ["c"]
    assert names(page(schema, has_flag=lambda name: name == "new")) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": None, "b": 3, "c": True, "d": {"type": 5, "enum": "x", "items": 4, "minItems": "n"}}},
        {"properties": [], "required": "all", "dependencies": [], "allOf": {}, "oneOf": "x"},
        {
            "properties": {
                "a": {"type": "array", "items": {"$ref": "#/gone"}},
                "b": {"$ref": 4},
                "c": {"$ref": "#/properties/c"},
            }
        },
        {"if": {"type": "nonsense"}, "then": {"properties": {"x": {}}}, "dependencies": {"a": {"oneOf": [None, 1]}}},
        {"properties": {"a": {"type": "string", "pattern": "(", "ui:options": 3, "ui:order": 1}}, "ui:order": [{}]},
    ],
)
def test_schemas_that_are_none_do_no_harm(schema: Mapping[str, Any]) -> None:
    """A page is drawn of what can be read."""
    found = page(schema, {"a": 1, "d": [1]})
    assert isinstance(collect([found], found.values), dict)
    assert all(field.value is MISSING or field.value is not ... for field in found.walk())

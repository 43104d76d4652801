"""What differs between two definitions, and what of it breaks a client: a case for every rule, in every format."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.apis.changes import RULES, Comparison
from callboard.features.catalog.apis.comparing import compare
from callboard.features.catalog.apis.model import Api
from callboard.features.catalog.apis.reading import read_api
from callboard.kernel.errors import InputError
from callboard.ui.messages import Messages


def read(text: str, format: Any) -> Api:
    found = read_api(text, format)
    assert isinstance(found, Api), found
    return found


def compared(old: str, new: str, format: Any = "openapi") -> Comparison:
    return compare(read(old, format), read(new, format))


def rules(comparison: Comparison) -> set[tuple[str, str]]:
    return {(change.rule, change.place) for change in comparison.changes}


def http(parameters: str = "[]", body: str = "", response: str = "{}", more: str = "", paths: str = "") -> str:
    """An API of one operation."""
    request = f"requestBody: {body}" if body else ""
    return f"""
openapi: 3.1.0
info: {{title: x, version: "1"}}
paths:
  /a/{{id}}:
    post:
      parameters: {parameters}
      {request}
      responses: {{"200": {{description: ok, content: {{application/json: {{schema: {response}}}}}}}}}
      {more}
{paths}
"""


def schema(text: str) -> str:
    return f"{{content: {{application/json: {{schema: {text}}}}}}}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (http(paths="  /b: {get: {}}"), http(), ("operation_removed", "")),
        (http(), http(paths="  /b: {get: {}}"), ("operation_added", "")),
        (http(), http(more="deprecated: true"), ("operation_deprecated", "")),
        (http(more="operationId: a"), http(more="operationId: b"), ("operation_id_changed", "")),
        (http(), http(more="security: [{key: []}]"), ("auth_required", "")),
        (http(more="security: [{key: []}]"), http(), ("auth_removed", "")),
        (http(more="security: [{a: []}, {b: []}]"), http(more="security: [{b: []}, {c: []}]"), ("auth_way_removed", "")),
        (http(more="security: [{a: []}, {b: []}]"), http(more="security: [{b: []}, {c: []}]"), ("auth_way_added", "")),
        (http(more="servers: []") + "servers: [{url: https://a}]", http() + "servers: [{url: https://b}]", ("server_removed", "")),
        (http() + "servers: [{url: https://a}]", http() + "servers: [{url: https://b}]", ("server_added", "")),
        (http("[{name: q, in: query}]"), http(), ("parameter_removed", "query q")),
        (http(), http("[{name: q, in: query}]"), ("parameter_added", "query q")),
        (http(), http("[{name: q, in: query, required: true}]"), ("parameter_added_required", "query q")),
        (http("[{name: q, in: query}]"), http("[{name: q, in: query, required: true}]"), ("parameter_became_required", "query q")),
        (http("[{name: q, in: query, required: true}]"), http("[{name: q, in: query}]"), ("parameter_became_optional", "query q")),
        (http("[{name: q, in: query, schema: {type: string, default: a}}]"), http("[{name: q, in: query, schema: {type: string, default: b}}]"), ("default_changed", "query q")),
        (http(), http(body="{required: true, content: {a/b: {}}}"), ("body_required", "")),
        (http(body="{content: {a/b: {}}}"), http(body="{required: true, content: {a/b: {}}}"), ("body_required", "")),
        (http(body="{required: true, content: {a/b: {}}}"), http(body="{content: {a/b: {}}}"), ("body_optional", "")),
        (http(body="{content: {a/b: {}}}"), http(), ("body_removed", "")),
        (http(), http(body="{content: {a/b: {}}}"), ("body_added", "")),
        (http(body="{content: {a/b: {}}}"), http(body="{content: {a/c: {}}}"), ("request_media_removed", "")),
        (http(body="{content: {a/b: {}}}"), http(body="{content: {a/c: {}}}"), ("request_media_added", "")),
        (http(), http().replace('"200"', '"201"'), ("response_removed", "200")),
        (http(), http().replace('"200"', '"201"'), ("response_added", "201")),
        (http().replace('"200"', '"404"'), http().replace('"200"', '"409"'), ("response_error_removed", "404")),
        (http(), http().replace("application/json", "text/csv"), ("response_media_removed", "200")),
        (http(), http().replace("application/json", "text/csv"), ("response_media_added", "200")),
        (http().replace("description: ok", "description: ok, headers: {X-A: {}}"), http(), ("header_removed", "200 X-A")),
        (http(), http().replace("description: ok", "description: ok, headers: {X-A: {}}"), ("header_added", "200 X-A")),
        (http(body=schema("{type: string}")), http(body=schema("{type: integer}")), ("type_changed", "body")),
        (http(body=schema("{type: [string, 'null']}")), http(body=schema("{type: string}")), ("type_narrowed", "body")),
        (http(body=schema("{type: integer}")), http(body=schema("{type: number}")), ("type_widened", "body")),
        (http(response="{type: string}"), http(response="{type: [string, 'null']}"), ("type_widened_response", "200 body")),
        (http(response="{type: number}"), http(response="{type: integer}"), ("type_narrowed_response", "200 body")),
        (http(response="{type: string}"), http(response="{type: string, format: date}"), ("format_changed", "200 body")),
        (http(body=schema("{type: string, maxLength: 9}")), http(body=schema("{type: string, maxLength: 5}")), ("limit_narrowed", "body")),
        (http(body=schema("{type: string}")), http(body=schema("{type: string, pattern: x}")), ("limit_narrowed", "body")),
        (http(body=schema("{type: integer, minimum: 3}")), http(body=schema("{type: integer, minimum: 1}")), ("limit_widened", "body")),
        (http(response="{type: integer, maximum: 3}"), http(response="{type: integer}"), ("limit_widened_response", "200 body")),
        (http(response="{type: integer}"), http(response="{type: integer, minimum: 3}"), ("limit_narrowed_response", "200 body")),
        (http(body=schema("{enum: [a, b]}")), http(body=schema("{enum: [a]}")), ("enum_value_removed", "body")),
        (http(body=schema("{enum: [a]}")), http(body=schema("{enum: [a, b]}")), ("enum_value_added", "body")),
        (http(response="{enum: [a, b]}"), http(response="{enum: [a]}"), ("enum_value_removed_response", "200 body")),
        (http(response="{enum: [a]}"), http(response="{enum: [a, b]}"), ("enum_value_added_response", "200 body")),
        (http(body=schema("{type: string}")), http(body=schema("{type: string, enum: [a]}")), ("enum_closed", "body")),
        (http(body=schema("{type: string, enum: [a]}")), http(body=schema("{type: string}")), ("enum_opened", "body")),
        (http(response="{type: string, enum: [a]}"), http(response="{type: string}"), ("enum_opened_response", "200 body")),
        (http(response="{properties: {a: {}, b: {}}}"), http(response="{properties: {b: {}}}"), ("field_removed_response", "200 body.a")),
        (http(body=schema("{properties: {a: {}, b: {}}}")), http(body=schema("{properties: {b: {}}}")), ("field_removed_request", "body.a")),
        (http(body=schema("{properties: {a: {}}}")), http(body=schema("{properties: {}, additionalProperties: false}")), ("field_refused", "body.a")),
        (http(response="{properties: {}}"), http(response="{properties: {a: {}}}"), ("field_added", "200 body.a")),
        (http(body=schema("{properties: {}}")), http(body=schema("{required: [a], properties: {a: {}}}")), ("field_added_required", "body.a")),
        (http(body=schema("{properties: {a: {}}}")), http(body=schema("{required: [a], properties: {a: {}}}")), ("field_became_required", "body.a")),
        (http(body=schema("{required: [a], properties: {a: {}}}")), http(body=schema("{properties: {a: {}}}")), ("field_became_optional", "body.a")),
        (http(response="{required: [a], properties: {a: {}}}"), http(response="{properties: {a: {}}}"), ("field_became_optional_response", "200 body.a")),
        (http(response="{properties: {a: {}}}"), http(response="{required: [a], properties: {a: {}}}"), ("field_became_certain", "200 body.a")),
        (http(body=schema("{oneOf: [{title: A}, {title: B}]}")), http(body=schema("{oneOf: [{title: A}]}")), ("option_removed", "body")),
        (http(body=schema("{oneOf: [{title: A}]}")), http(body=schema("{oneOf: [{title: A}, {title: B}]}")), ("option_added", "body")),
        (http(response="{oneOf: [{title: A}, {title: B}]}"), http(response="{oneOf: [{title: A}]}"), ("option_removed_response", "200 body")),
        (http(response="{oneOf: [{title: A}]}"), http(response="{oneOf: [{title: A}, {title: B}]}"), ("option_added_response", "200 body")),
        (http(response="{type: array, items: {type: string}}"), http(response="{type: array, items: {type: integer}}"), ("type_changed", "200 body[]")),
    ],
)  # fmt: skip
def test_each_rule_of_http_finds_its_change(old: str, new: str, expected: tuple[str, str]) -> None:
    """By what the client sends and gets; and what is the same is never told."""
    assert expected in rules(compared(old, new))
    assert compared(old, old).changes == []


def test_what_makes_no_difference_on_the_wire_is_not_told() -> None:
    """Names of path parameters, versions of the format, references instead of the thing, and the order of things."""
    old = http(
        "[{name: id, in: path, required: true, schema: {type: string}}]",
        response="{type: object, properties: {a: {type: string, nullable: true}}}",
    )
    new = old.replace("{id}", "{key}").replace("name: id", "name: key").replace("3.1.0", "3.0.3")
    new = new.replace("{type: string, nullable: true}", '{$ref: "#/components/schemas/A"}')
    new += "components: {schemas: {A: {type: [string, 'null'], description: Told now}}}"
    assert compared(old, new).changes == []


def test_a_schema_that_many_share_is_told_where_it_matters() -> None:
    """Through references and cycles, in both directions, each place once."""
    old = http(body=schema('{$ref: "#/components/schemas/A"}'), response='{$ref: "#/components/schemas/A"}')
    old += 'components: {schemas: {A: {type: object, properties: {k: {type: string, enum: [a, b]}, next: {$ref: "#/components/schemas/A"}}}}}'
    found = compared(old, old.replace("[a, b]", "[a, c]"))
    assert rules(found) == {
        ("enum_value_removed", "body.k"), ("enum_value_added", "body.k"),
        ("enum_value_removed_response", "200 body.k"), ("enum_value_added_response", "200 body.k"),
    }  # fmt: skip
    assert [change.level for change in found.changes] == ["breaking", "risky", "safe", "safe"]
    assert found.is_breaking and found.is_whole


def test_a_webhook_is_read_by_the_client() -> None:
    """Of what the API sends, a field that is gone breaks who reads it."""
    hook = "openapi: 3.1.0\nwebhooks: {made: {post: {requestBody: {content: {a/b: {schema: {properties: {a: {}, b: {}}}}}}}}}"
    assert rules(compared(hook, hook.replace("a: {}, ", ""))) == {("field_removed_response", "body.a")}


def graph(text: str) -> str:
    return f"type Query {{ a: Int }} {text}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("type T { a: Int }", "", ("type_removed", "")),
        ("", "type T { a: Int }", ("type_added", "")),
        ("type T { a: Int }", "input T { a: Int }", ("kind_changed", "")),
        ("type T { a: Int b: Int }", "type T { a: Int }", ("field_removed", "b")),
        ("type T { a: Int }", "type T { a: Int b: Int }", ("field_added", "b")),
        ("type T { a: Int }", "type T { a: Int @deprecated }", ("field_deprecated", "a")),
        ("type T { a: Int }", "type T { a: String }", ("field_type_changed", "a")),
        ("type T { a: Int }", "type T { a: [Int] }", ("field_type_changed", "a")),
        ("type T { a: [Int!]! }", "type T { a: [Int]! }", ("field_nullable", "a")),
        ("type T { a: [Int] }", "type T { a: [Int!]! }", ("field_not_null", "a")),
        ("type T { a(x: Int): Int }", "type T { a: Int }", ("argument_removed", "a(x)")),
        ("type T { a: Int }", "type T { a(x: Int! = 1): Int }", ("argument_added", "a(x)")),
        ("type T { a: Int }", "type T { a(x: Int!): Int }", ("argument_added_required", "a(x)")),
        ("type T { a(x: Int): Int }", "type T { a(x: Int!): Int }", ("input_not_null", "a(x)")),
        ("type T { a(x: Int!): Int }", "type T { a(x: Int): Int }", ("input_nullable", "a(x)")),
        ("type T { a(x: Int): Int }", "type T { a(x: ID): Int }", ("input_type_changed", "a(x)")),
        ("type T { a(x: Int = 1): Int }", "type T { a(x: Int = 2): Int }", ("default_changed", "a(x)")),
        ("input I { a: Int b: Int }", "input I { a: Int }", ("input_removed", "b")),
        ("input I { a: Int }", "input I { a: Int b: Int! }", ("field_added_required", "b")),
        ("input I { a: Int }", "input I { a: Int b: Int }", ("field_added", "b")),
        ("input I { a: [Int]! }", "input I { a: [Int!]! }", ("input_not_null", "a")),
        ("enum E { A B }", "enum E { A }", ("value_removed", "B")),
        ("enum E { A }", "enum E { A B }", ("value_added", "B")),
        ("union U = Query | X type X { a: Int }", "union U = Query type X { a: Int }", ("member_removed", "X")),
        ("union U = Query type X { a: Int }", "union U = Query | X type X { a: Int }", ("member_added", "X")),
        ("type T implements N { a: Int }", "type T { a: Int }", ("interface_removed", "N")),
        ("type T { a: Int }", "type T implements N { a: Int }", ("interface_added", "N")),
    ],
)
def test_each_rule_of_graphql_finds_its_change(old: str, new: str, expected: tuple[str, str]) -> None:
    """Output may become certain, input optional; not the other way round."""
    assert expected in rules(compared(graph(old), graph(new), "graphql"))
    assert compared(graph(old), graph(old), "graphql").changes == []


def proto(text: str, package: str = "a") -> str:
    return f'syntax = "proto3"; package {package}; message Kept {{ string a = 1; }} {text}'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (proto(""), proto("", "b"), ("package_changed", "")),
        (proto("message M {}"), proto(""), ("type_removed", "")),
        (proto(""), proto("message M {}"), ("type_added", "")),
        (proto("message M { string a = 1; }"), proto("message M { string a = 2; }"), ("number_changed", "a")),
        (proto("message M { string a = 1; }"), proto("message M {}"), ("field_removed_unreserved", "a = 1")),
        (proto("message M { string a = 1; }"), proto("message M { reserved 1 to 3; }"), ("field_removed_reserved", "a = 1")),
        (proto("message M { string a = 1; }"), proto("message M { string b = 1; }"), ("field_renamed", "a = 1")),
        (proto("message M { string a = 1; }"), proto("message M { int32 a = 1; }"), ("field_type_wire", "a = 1")),
        (proto("message M { int32 a = 1; }"), proto("message M { int64 a = 1; }"), ("field_type_compatible", "a = 1")),
        (proto("message M { string a = 1; }"), proto("message M { repeated string a = 1; }"), ("label_changed", "a = 1")),
        (proto("message M { string a = 1; }"), proto("message M { oneof x { string a = 1; } }"), ("oneof_changed", "a = 1")),
        (proto("message M { string a = 1; }"), proto("message M { string a = 1 [deprecated = true]; }"), ("field_deprecated", "a = 1")),
        (proto("message M {}"), proto("message M { string a = 1; }"), ("field_added", "a = 1")),
        (proto("message M {}"), proto("message M { required string a = 1; }"), ("field_added_proto_required", "a = 1")),
        (proto("enum E { A = 0; B = 1; }"), proto("enum E { A = 0; }"), ("value_removed", "B = 1")),
        (proto("enum E { A = 0; B = 1; }"), proto("enum E { A = 0; B = 2; }"), ("value_number_changed", "B")),
        (proto("enum E { A = 0; }"), proto("enum E { A = 0; B = 1; }"), ("value_added_proto", "B = 1")),
        (proto("enum E { A = 0; }"), proto("enum E { Z = 0; }"), ("field_renamed", "0")),
        (proto("service S { rpc G(Kept) returns (Kept); }"), proto("service S {}"), ("operation_removed", "")),
        (proto("service S {}"), proto("service S { rpc G(Kept) returns (Kept); }"), ("operation_added", "")),
        (proto("service S { rpc G(Kept) returns (Kept); }"), proto("service S { rpc G(X) returns (Kept); }"), ("rpc_request_changed", "")),
        (proto("service S { rpc G(Kept) returns (Kept); }"), proto("service S { rpc G(Kept) returns (X); }"), ("rpc_response_changed", "")),
        (proto("service S { rpc G(Kept) returns (Kept); }"), proto("service S { rpc G(Kept) returns (stream Kept); }"), ("streaming_changed", "")),
        (proto("service S { rpc G(Kept) returns (Kept); }"), proto("service S { rpc G(Kept) returns (Kept) { option deprecated = true; } }"), ("operation_deprecated", "")),
    ],
)  # fmt: skip
def test_each_rule_of_proto_finds_its_change(old: str, new: str, expected: tuple[str, str]) -> None:
    """By the numbers, which are what goes over the wire."""
    assert expected in rules(compared(old, new, "proto"))
    assert compared(old, old, "proto").changes == []


def event(verb: str, messages: str) -> str:
    return f"asyncapi: 2.6.0\ninfo: {{}}\nchannels: {{c: {{{verb}: {{message: {messages}}}}}}}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (event("publish", "{name: m}"), "asyncapi: 2.6.0\nchannels: {}", ("operation_removed", "")),
        (event("publish", "{oneOf: [{name: a}, {name: b}]}"), event("publish", "{oneOf: [{name: a}]}"), ("message_removed", "b")),
        (event("publish", "{oneOf: [{name: a}]}"), event("publish", "{oneOf: [{name: a}, {name: b}]}"), ("message_added", "b")),
        (event("subscribe", "{oneOf: [{name: a}]}"), event("subscribe", "{oneOf: [{name: a}, {name: b}]}"), ("message_added_to_read", "b")),
        (event("subscribe", "{name: m, payload: {properties: {a: {}}}}"), event("subscribe", "{name: m, payload: {properties: {}}}"), ("field_removed_response", "m.a")),
        (event("publish", "{name: m, payload: {properties: {a: {}}}}"), event("publish", "{name: m, payload: {required: [a], properties: {a: {}}}}"), ("field_became_required", "m.a")),
    ],
)  # fmt: skip
def test_messages_are_compared_by_who_sends_them(old: str, new: str, expected: tuple[str, str]) -> None:
    """What an application takes in is sent by clients; what it gives out is read by them."""
    assert expected in rules(compared(old, new, "asyncapi"))
    assert compared(old, old, "asyncapi").changes == []


def test_two_formats_have_nothing_in_common() -> None:
    """It says so, and names both."""
    with pytest.raises(InputError, match="OpenAPI 3.1.0 and GraphQL cannot be compared"):
        compare(read(http(), "openapi"), read("type Query { a: Int }", "graphql"))


def test_every_rule_has_words() -> None:
    """For people what happened, and for all that is not safe also why it matters."""
    t = Messages.load(["callboard.features.catalog"]).translator()
    for rule, (_, level) in RULES.items():
        assert t(f"apis.rule.{rule}", place="p", before="b", after="a")
        assert level == "safe" or t.has(f"apis.why.{rule}"), rule

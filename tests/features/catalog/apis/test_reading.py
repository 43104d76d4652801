"""Definitions of every format are read into operations and types; what is broken or hostile is told, quickly and with its place."""

from __future__ import annotations

import json
import shlex
import time
from typing import Any, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callboard.features.catalog.apis.model import MAX_NODES, Api, ApiFault, Detail, Node, entry_id
from callboard.features.catalog.apis.reading import format_of, guess_format, read_api

PETS = """
openapi: 3.1.0
info: {title: Pets, version: "1.2", description: "About *pets*"}
servers: [{url: https://pets.example.com/v1}]
tags: [{name: store, description: Selling}, {name: pets}]
security: [{key: []}]
paths:
  /pets/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string, format: uuid}}]
    get:
      tags: [pets]
      summary: Find a pet
      parameters:
        - {name: depth, in: query, required: true, schema: {type: integer, minimum: 1, maximum: 9}, example: 3}
        - {$ref: "#/components/parameters/Trace"}
      responses:
        "200": {description: Found, content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}
        default: {$ref: "#/components/responses/Error"}
  /pets:
    post:
      tags: [store]
      deprecated: true
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}
      responses: {"201": {description: Made}}
components:
  parameters: {Trace: {name: X-Trace, in: header, schema: {type: string}}}
  responses: {Error: {description: Wrong, content: {text/plain: {schema: {type: string}}}}}
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}
  schemas:
    Named: {type: object, required: [name], properties: {name: {type: string}}}
    Pet:
      allOf: [{$ref: "#/components/schemas/Named"}]
      properties:
        id: {type: string, readOnly: true}
        kind: {type: string, enum: [cat, dog], default: cat}
        parent: {$ref: "#/components/schemas/Pet"}
        tags: {type: array, items: {type: string}}
"""
OLD_PETS = """
swagger: "2.0"
info: {title: Old pets, version: "1"}
host: pets.example.com
basePath: /v0
schemes: [https]
consumes: [application/json]
paths:
  /pets:
    post:
      parameters: [{name: pet, in: body, required: true, schema: {$ref: "#/definitions/Pet"}}, {name: dry, in: query, type: boolean}]
      responses: {200: {description: ok, schema: {$ref: "#/definitions/Pet"}}}
  /photo:
    post:
      consumes: [multipart/form-data]
      parameters: [{name: file, in: formData, type: file, required: true}]
      responses: {204: {description: ok}}
definitions: {Pet: {type: object, properties: {name: {type: string}}}}
"""
SHOP = """
"What can be asked"
type Query { plant(id: ID!, near: Point = {x: 1}): Plant @deprecated(reason: "use plants") plants(first: Int): [Plant!]! }
type Mutation { buy(input: Buy!): Order! }
interface Node { id: ID! }
type Plant implements Node { id: ID! name: String! friends: [Plant!]! light: Light }
extend type Plant { price: Money }
enum Light { SUN SHADE @deprecated }
input Buy { plant: ID!, count: Int! = 1, note: String }
input Point { x: Int! }
union Order = Plant | Gone
scalar Money
"""
STOCK = """
syntax = "proto3";
package shop.stock.v1; // where it belongs
import "google/protobuf/timestamp.proto";
option go_package = "x;y";
/* Counts
 * what is there. */
service Stock {
  // Looks up.
  rpc Get(Query) returns (Level) { option deprecated = true; option (google.api.http) = { get: "/v1/{id}" body: "*" }; }
  rpc Watch(stream Query) returns (stream shop.stock.v1.Level);
}
message Query { string id = 1 [(validate.rules).string = {min_len: 1}, deprecated = true]; repeated Level.Kind kinds = 2; }
message Level {
  enum Kind { option allow_alias = true; NONE = 0; SOME = 1; MANY = -2; reserved 3 to max; }
  map<string, Query> by_id = 1; Kind kind = 0x2; optional int32 message = 3; google.protobuf.Timestamp at = 4;
  oneof amount { int64 pieces = 5; double weight = 6; }
  reserved 7, 9 to 11; reserved "old";
  message Inner { Inner inner = 1; }
  Inner inner = 12; string reserved = 13;
}
"""
EVENTS = """
asyncapi: 3.0.0
info: {title: Orders, version: "1"}
servers: {main: {host: kafka.example.com, protocol: kafka}}
channels:
  orders:
    address: orders.{shop}
    parameters: {shop: {description: Which shop, enum: [a, b]}}
    messages: {paid: {$ref: "#/components/messages/Paid"}}
operations:
  tell: {action: send, summary: An order was paid, channel: {$ref: "#/channels/orders"}}
  hear: {action: receive, channel: {$ref: "#/channels/orders"}, messages: [{$ref: "#/channels/orders/messages/paid"}]}
components:
  messages: {Paid: {contentType: application/json, payload: {$ref: "#/components/schemas/Order"}, examples: [{payload: {id: 7}}]}}
  schemas: {Order: {type: object, required: [id], properties: {id: {type: integer}}}}
"""
OLD_EVENTS = """
asyncapi: 2.6.0
info: {title: Old, version: "1"}
channels:
  orders:
    subscribe: {message: {oneOf: [{name: a, payload: {type: string}}, {name: b, schemaFormat: application/vnd.apache.avro, payload: {type: record}}]}}
    publish: {operationId: put, message: {payload: {type: object, properties: {x: {type: integer}}}}}
"""


def read(text: str, format: Any) -> Api:
    found = read_api(text, format)
    assert isinstance(found, Api), found
    return found


def entry(api: Api, name: str) -> Detail:
    return next(e for e in (*api.operations, *api.types) if name in (e.name, e.badge)).detail()


def paths(nodes: Sequence[Node], prefix: str = "") -> dict[str, Node]:
    """Every field of a tree by its path."""
    out: dict[str, Node] = {}
    for node in nodes:
        path = f"{prefix}.{node.name}" if prefix else node.name
        out[path] = node
        out |= paths(node.children, path)
    return out


def test_openapi_tells_operations_parameters_and_bodies() -> None:
    """By tag in the order of the tags; references followed, allOf merged, what is read only left out of a request."""
    api = read(PETS, "openapi")
    assert (api.dialect, api.title, api.version) == ("OpenAPI 3.1.0", "Pets", "1.2")
    assert [(e.group, e.badge, e.name, e.is_deprecated) for e in api.operations] == [
        ("store", "POST", "/pets", True), ("pets", "GET", "/pets/{id}", False),
    ]  # fmt: skip
    get = api.operations[1].detail()
    assert [(p.sort, p.name) for p in get.parts] == [
        ("path", ""), ("query", ""), ("header", ""), ("response", "200 application/json"), ("response", "default text/plain"),
    ]  # fmt: skip
    depth = get.parts[1].nodes[0]
    assert depth.is_required and ("limit", "maximum 9") in depth.facts and ("example", "3") in depth.facts
    found = paths(get.parts[3].nodes)
    assert found["name"].is_required and found["id"].type == "string" and found["tags"].type == "string[]"
    assert ("enum", "cat, dog") in found["kind"].facts and found["parent"].mark == "cycle"
    assert found["parent"].link == entry_id("type", "Pet") and get.parts[3].type == "Pet"
    assert "id" not in paths(api.operations[0].detail().parts[0].nodes)
    assert get.auth == ["key"] and api.auth == [("key", "apiKey · header · X-Key")]


def test_a_call_is_written_out_for_a_shell() -> None:
    """The address with examples filled in, credentials as a word to replace, and a body of what the schema says."""
    get, post = (entry(read(PETS, "openapi"), name).call or "" for name in ("GET", "POST"))
    assert get.startswith("curl -X GET 'https://pets.example.com/v1/pets/3fa85f64-5717-4562-b3fc-2c963f66afa6?depth=3'")
    words = shlex.split(post.replace("\\\n", ""))
    assert json.loads(words[words.index("-d") + 1]) == {"name": "string", "kind": "cat", "tags": ["string"]}


def test_swagger_is_read_into_the_same_shape() -> None:
    """Bodies and forms of 2.0 are requests, its host and base path a server."""
    api = read(OLD_PETS, "openapi")
    assert api.servers == [("https://pets.example.com/v0", "")]
    body, photo = (e.detail() for e in api.operations)
    assert [(p.sort, p.name) for p in body.parts] == [
        ("query", ""), ("request", "application/json"), ("response", "200 application/json"),
    ]  # fmt: skip
    assert body.parts[0].nodes[0].type == "boolean" and "name" in paths(body.parts[1].nodes)
    assert photo.parts[0].name == "multipart/form-data" and photo.parts[0].nodes[0].type == "string<binary>"


def test_graphql_tells_queries_types_and_what_is_missing() -> None:
    """Operations are the fields of the roots; extensions are merged; a type of elsewhere is marked."""
    api = read(SHOP, "graphql")
    assert [(e.badge, e.name, e.is_deprecated) for e in api.operations] == [
        ("QUERY", "plant", True), ("QUERY", "plants", False), ("MUTATION", "buy", False),
    ]  # fmt: skip
    plant = paths(entry(api, "Plant").parts[0].nodes)
    assert (
        plant["price"].type == "Money"
        and plant["friends"].mark == "cycle"
        and ("enum", "SUN, SHADE") in plant["light"].facts
    )
    order = entry(api, "Order").parts[0]
    assert [(n.type, n.mark) for n in order.nodes] == [("Plant", ""), ("Gone", "missing")]
    buy = entry(api, "buy")
    assert paths(buy.parts[0].nodes)["input.count"].facts == [("default", "1")]
    assert "mutation($input: Buy!) { buy(input: $input) { __typename } }" in (buy.call or "")


def test_an_answer_to_an_introspection_query_is_a_schema_too() -> None:
    """Tools write schemas as JSON; a JSON that is none says so."""
    from graphql import build_schema, introspection_from_schema

    schema = introspection_from_schema(build_schema("type Query { shop: String }"))
    assert [e.name for e in read(json.dumps({"data": schema}), "graphql").operations] == ["shop"]
    assert isinstance(read_api('{"data": {"__schema": 3}}', "graphql"), ApiFault)


def test_proto_tells_services_and_messages() -> None:
    """Names are found from the innermost message outwards; comments, options and words used as names are read rightly."""
    api = read(STOCK, "proto")
    assert [(e.group, e.badge, e.name, e.summary, e.is_deprecated) for e in api.operations] == [
        ("shop.stock.v1.Stock", "RPC", "Get", "Looks up.", True), ("shop.stock.v1.Stock", "STREAM", "Watch", "", False),
    ]  # fmt: skip
    assert api.groups["shop.stock.v1.Stock"] == "Counts\nwhat is there."
    level = paths(entry(api, "Level").parts[0].nodes)
    assert (level["by_id"].type, level["by_id.id"].is_deprecated) == ("map<string, Query>", True)
    assert ("number", "2") in level["kind"].facts and ("enum", "NONE, SOME, MANY") in level["kind"].facts
    assert ("oneof", "amount") in level["weight"].facts and level["at"].mark == "external"
    assert level["inner.inner"].mark == "cycle" and level["message"].type == "optional int32" and "reserved" in level
    assert (entry(api, "Get").call or "").endswith("shop.stock.v1.Stock/Get")


def test_asyncapi_tells_channels_and_messages() -> None:
    """Of both versions, with parameters, examples, and payloads in other languages as they are."""
    api = read(EVENTS, "asyncapi")
    assert [(e.badge, e.name, e.summary) for e in api.operations] == [
        ("SEND", "orders.{shop}", "An order was paid"), ("RECEIVE", "orders.{shop}", "paid"),
    ]  # fmt: skip
    send = api.operations[0].detail()
    assert (send.parts[0].sort, send.parts[0].nodes[0].description) == ("path", "Which shop")
    assert send.parts[1].nodes[0].is_required and send.parts[1].examples == [("", '{\n  "id": 7\n}')]
    assert api.servers == [("kafka://kafka.example.com", "main")]
    old = read(OLD_EVENTS, "asyncapi")
    assert [e.badge for e in old.operations] == ["PUB", "SUB"]
    assert [(p.name, bool(p.nodes), len(p.examples)) for p in entry(old, "SUB").parts] == [
        ("a", True, 0),
        ("b", False, 1),
    ]


@pytest.mark.parametrize(
    ("format", "text", "place", "words"),
    [
        ("openapi", "openapi: 3.0.0\npaths:\n  /a: [\n", (4, 1), "node"),
        ("openapi", '{"openapi": "3.0.0",\n "paths": {]}', (2, 12), ""),
        ("openapi", "title: x\n", (1, 1), "Neither openapi"),
        ("openapi", 'openapi: "9.0"\n', (1, 1), "'9.0'"),
        ("openapi", "openapi: 3.0.0\npaths: [a]\n", (1, 1), "paths is no mapping"),
        ("asyncapi", "asyncapi: 3.0.0\nchannels: x\n", (1, 1), "channels is no mapping"),
        ("graphql", "type Query {\n  a: \n}", (3, 1), "Expected Name"),
        ("graphql", "query { a }", (1, 1), "No type"),
        ("proto", 'syntax = "proto3";\nmessage A {\n  string = 1;\n}', (3, 10), "name for the field"),
        ("proto", "message A { string a = 1;", (1, 26), "ends in the middle"),
        ("proto", "hello", (1, 1), "begins nothing"),
        ("proto", 'message A { string a = "x"; }', (1, 24), "number"),
        ("proto", "  \n", (1, 1), "empty"),
    ],
)
def test_what_is_broken_is_told_with_its_place(format: Any, text: str, place: tuple[int, int], words: str) -> None:
    """A message, a line and a column, in every format."""
    fault = read_api(text, format)
    assert isinstance(fault, ApiFault)
    assert words in fault.message
    assert (fault.line, fault.column) == place


def test_references_that_lead_nowhere_are_told() -> None:
    """Each once, with line and column; the rest of the definition is shown."""
    text = PETS.replace('"#/components/parameters/Trace"', '"#/components/parameters/Gone"')
    api = read(text, "openapi")
    (fault,) = api.faults
    line = next(n for n, row in enumerate(text.split("\n"), 1) if "Gone" in row)
    assert (fault.message, fault.line) == ("#/components/parameters/Gone leads nowhere", line)
    assert len(api.operations) == 2


def test_hostile_definitions_cost_next_to_nothing() -> None:
    """Bombs, cycles, nesting and endless openings: each is refused or cut, none takes more than a moment."""
    levels = "\n".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]" for n in range(9))
    wide = {
        f"S{n}": {"properties": {f"f{k}": {"$ref": f"#/components/schemas/S{(n + k) % 60}"} for k in range(40)}}
        for n in range(60)
    }
    loops = {
        "A": {"$ref": "#/components/schemas/B"},
        "B": {"$ref": "#/components/schemas/A"},
        "C": {"allOf": [{"$ref": "#/components/schemas/C"}]},
        "D": {"allOf": [{"$ref": "#/components/schemas/D"}, {"$ref": "#/components/schemas/E"}, {"type": "object"}]},
        "E": {
            "allOf": [{"$ref": "#/components/schemas/D"}, {"$ref": "#/components/schemas/E"}],
            "properties": {"e": {}},
        },
    }
    document = {"openapi": "3.1.0", "paths": {}, "components": {"schemas": {**wide, **loops}}}
    begun = time.process_time()
    for format, text in (
        ("openapi", f"openapi: 3.0.0\na: &a [x,x,x,x,x,x,x,x,x,x]\n{levels}"),
        ("openapi", '{"openapi":"3.0.0","paths":{"/a":' + '{"a":' * 900 + "1" + "}" * 900 + "}}"),
        ("graphql", "type Q { a: " + "[" * 50_000),
        ("proto", "message A {" * 20_000),
        ("proto", "/*" * 200_000),
        ("proto", 'x"\\' * 200_000),
    ):
        assert isinstance(read_api(text, format), ApiFault)  # type: ignore[arg-type]
    api = read(json.dumps(document), "openapi")
    sizes = [sum(len(paths(p.nodes)) for p in e.detail().parts) for e in api.types]
    assert max(sizes) <= MAX_NODES + 50
    assert paths(entry(api, "C").parts[0].nodes)
    assert "e" in paths(entry(api, "D").parts[0].nodes)
    assert time.process_time() - begun < 5


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "#/paths", "#/components/schemas/A", "object", "<script>"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "paths", "/a", "get", "parameters", "name", "in", "schema", "$ref", "properties", "items", "type", "enum", "responses", "content",
            "components", "schemas", "A", "channels", "operations", "messages", "payload", "servers", "security", "tags", "oneOf", "allOf",
            "required", "publish", "message", "info", "examples", "requestBody", "definitions", "action", "channel",
        ]),
        inner,
        max_size=4,
    ),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_JSON, st.sampled_from([{"openapi": "3.1.0"}, {"swagger": "2.0"}, {"asyncapi": "2.0.0"}, {"asyncapi": "3.0.0"}]))
def test_a_definition_of_any_shape_is_read(value: Any, kind: dict[str, str]) -> None:
    """Whatever stands anywhere: nothing raises, and every detail can be made."""
    document = {**(value if isinstance(value, dict) else {"paths": {"/a": {"get": value}}}), **kind}
    found = read_api(json.dumps(document), "openapi")
    if isinstance(found, Api):
        ids = [e.id for e in (*found.operations, *found.types)]
        assert len(ids) == len(set(ids))
        for e in (*found.operations, *found.types):
            e.detail()


def test_a_shell_cannot_be_made_to_run_what_a_definition_says() -> None:
    """Quotes, breaks and dollars of paths, headers and bodies stay one argument each."""
    evil = "'; rm -rf / #\n$(id)`id`"
    document = {
        "openapi": "3.0.0", "servers": [{"url": f"https://x/{evil}"}],
        "paths": {f"/{evil}": {"post": {
            "parameters": [{"in": "header", "name": f"X{evil}", "required": True, "example": evil}],
            "requestBody": {"content": {f"application/json{evil}": {"example": {"a": evil}}}},
        }}},
    }  # fmt: skip
    call = read(json.dumps(document), "openapi").operations[0].detail().call or ""
    words = shlex.split(call.replace(" \\\n  ", " "))
    assert words[:3] == ["curl", "-X", "POST"]
    assert len(words) == 10 and [w for w in words if w.startswith("-")] == ["-X", "-H", "-H", "-d"]
    assert json.loads(words[-1]) == {"a": evil}


def test_types_and_files_tell_their_format() -> None:
    """As the catalog names them, in any case; files by their name, else by how they begin."""
    assert [format_of(t) for t in ("OpenAPI", "grpc", "graphql", "asyncapi", "trpc", None, 3)] == [
        "openapi", "proto", "graphql", "asyncapi", None, None, None,
    ]  # fmt: skip
    assert [guess_format(t) for t in (PETS, OLD_PETS, EVENTS, STOCK, SHOP, "hello")] == [
        "openapi", "openapi", "asyncapi", "proto", "graphql", None,
    ]  # fmt: skip
    assert guess_format("x", "a.proto") == "proto"


def test_ids_are_fit_for_addresses_and_differ() -> None:
    """Paths that differ only in what an address leaves out have ids of their own."""
    ids = {entry_id("op", "GET", path) for path in ("/a/{b}", "/a/b", "/a-b", "/a/%7Bb%7D", "/" + "x" * 300)}
    assert len(ids) == 5
    assert all(len(id) <= 80 and id.replace("-", "").replace(".", "").replace("_", "").isalnum() for id in ids)

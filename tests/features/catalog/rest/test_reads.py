"""The reads of the catalog: what goes out, by either way in."""

from __future__ import annotations

import base64
from typing import Any, Callable

import orjson
import pytest

from callboard.model.predicates import has_value

pytestmark = pytest.mark.anyio


def names(entities: Any) -> list[str]:
    return [entity["metadata"]["name"] for entity in entities]


async def test_entity_by_name_is_the_stored_document_without_a_tag(wire: Any) -> None:
    """Stored bytes go out as they are, in any case of the name, and carry no ETag."""
    reply = await wire.get("/entities/by-name/Component/Default/SERVICE-1")
    assert reply.status == 200
    assert reply.body == await wire.catalog.find_raw("component:default/service-1", actor=wire.actor)
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert "etag" not in reply.headers
    assert reply.fast == ("fast" in wire.ways)


async def test_unknown_entity_is_named_as_asked(wire: Any) -> None:
    """The message repeats the parts in the letters they were asked in; the URL lacks the plugin's prefix."""
    reply = await wire.get("/entities/by-name/component/default/Nope")
    assert reply.status == 404
    assert reply.json == {
        "error": {
            "name": "NotFoundError",
            "message": "No entity named 'Nope' found, with kind 'component' in namespace 'default'",
        },
        "request": {"method": "GET", "url": "/entities/by-name/component/default/Nope"},
        "response": {"statusCode": 404},
    }


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/entities?foo=1&limit=x", "request/query/limit must be integer"),
        ("/entities?limit=1.5", "request/query/limit must be integer"),
        ("/entities?limit=1&limit=2", "request/query/limit must be integer"),
        ("/entities?limit=-1", "request/query/limit must be >= 0"),
        ("/entities?limit=0", "Invalid limit, must be greater than zero"),
        ("/entities?offset=-1", "request/query/offset must be >= 0"),
        ("/entities?after=a&after=b", "request/query/after must be string"),
        ("/entities?after=zzz", "Malformed after cursor, could not be parsed"),
        ("/entities?after=eyJsaW1pdCI6IngifQ", "Malformed after cursor, limit was not an number"),
        (
            "/entities?order=metadata.name",
            'Invalid order parameter "metadata.name", expected "<asc or desc>:<field name>"',
        ),
        ("/entities?foo=bar", "Unknown query parameter 'foo'"),
        ("/entities?filter=", "Empty value found for query parameter 'filter'"),
        (
            "/entities?filter==x",
            "Invalid filter, '=x' is not a valid statement (expected a string on the form a=b or a= or a)",
        ),
        (
            "/entities?fields=metadata.tags%5B0%5D",
            'Invalid field "metadata.tags[0]", array type fields are not supported',
        ),
        ("/entities/by-query?orderField=a,up", "Invalid order field order, must be asc or desc"),
        (
            "/entities/by-query?totalItems=some",
            "request/query/totalItems must be equal to one of the allowed values: include, exclude",
        ),
        (
            "/entities/by-query?cursor=zzz",
            "Malformed cursor: SyntaxError: Unexpected token '\ufffd', \"\ufffd<\" is not valid JSON",
        ),
        ("/entities/by-name/component/default/x?fields=a", "Unknown query parameter 'fields'"),
        ("/entity-facets", "request/query must have required property 'facet'"),
        ("/entity-facets?facet=", "Empty value found for query parameter 'facet'"),
    ],
)
async def test_bad_query_is_refused_in_backstages_words(wire: Any, target: str, message: str) -> None:
    """Types and ranges first, then unknown and empty parameters, then what the values mean."""
    reply = await wire.get(target)
    assert (reply.status, reply.message) == (400, message)
    assert reply.json["request"]["url"] == target


async def test_pages_of_entities_are_linked_until_the_last(wire: Any) -> None:
    """``Link`` keeps the request's parameters, drops ``offset`` and sets ``after``; the last page has none."""
    reply = await wire.get("/entities?offset=1&limit=3&filter=kind=component&fields=metadata.name")
    assert names(reply.json) == ["Service-1", "Service-2", "Service-3"]
    after = base64.b64encode(b'{"limit":3,"offset":4}').decode()
    expected = f'</entities?limit=3&filter=kind%3Dcomponent&fields=metadata.name&after={after.replace("=", "%3D")}>; rel="next"'
    assert reply.headers["link"] == expected
    last = await wire.get("/entities" + expected[len("</entities") : expected.index(">")])
    assert names(last.json) == ["Service-4", "Service-5", "Service-6"]
    assert "link" not in last.headers


async def test_pages_of_entities_are_in_the_order_of_refs(wire: Any) -> None:
    """With paging and no order, entities come by ref; entities that lack the field of an order come last."""
    assert names((await wire.get("/entities?limit=2")).json) == ["Service-0", "Service-1"]
    ordered = await wire.get(
        "/entities?offset=0&order=asc:metadata.title&order=desc:metadata.name&fields=metadata.name"
    )
    assert names(ordered.json) == ["ada", *(f"Service-{n}" for n in range(6, -1, -1)), "payments"]


async def test_everything_is_streamed_and_a_field_is_demanded_by_an_order(make_wire: Callable[..., Any]) -> None:
    """Without paging the answer comes in pieces with no length or tag; entities lacking the order field are left out."""
    wire = make_wire(
        {"kind": "Component", "metadata": {"name": f"c{n}", **({"title": f"t{n}"} if n % 2 else {})}}
        for n in range(1200)
    )
    everything = await wire.get("/entities")
    assert len(everything.json) == 1200
    assert len(everything.pieces) > 3
    assert "content-length" not in everything.headers
    assert "etag" not in everything.headers
    ordered = await wire.get("/entities?order=desc:metadata.title&fields=metadata.name")
    assert len(ordered.json) == 600
    assert ordered.json[0] == {"metadata": {"name": "c999"}}


async def test_nothing_at_all_is_a_tagged_empty_array(wire: Any) -> None:
    """A stream of nothing is answered like other JSON, as recorded, and honours If-None-Match."""
    reply = await wire.get("/entities?filter=kind=nothing")
    assert (reply.body, reply.headers["etag"]) == (b"[]", 'W/"2-l9Fw4VUO7kr8CvBlt4zaMCqXZ0w"')
    again = await wire.get("/entities?filter=kind=nothing", headers={"if-none-match": reply.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert "content-type" not in again.headers


async def test_fields_are_projected_in_the_order_asked(wire: Any) -> None:
    """Dots in keys work, what is missing is dropped, arrays and objects come whole."""
    fields = "spec.type,nope,metadata.annotations.backstage.io/techdocs-ref,metadata.tags,kind,metadata.nope.x"
    reply = await wire.get(f"/entities?filter=metadata.name=service-1&fields={fields}&fields=relations")
    assert reply.body == orjson.dumps(
        [
            {
                "spec": {"type": "service"},
                "metadata": {"annotations": {"backstage.io/techdocs-ref": "dir:."}, "tags": ["java", "tier-1"]},
                "kind": "Component",
                "relations": [{"type": "ownedBy", "targetRef": "group:default/payments"}],
            }
        ]
    )


async def test_by_query_walks_forward_and_back(wire: Any) -> None:
    """Next cursors lead to the end, previous ones to the beginning; the total travels in the cursor."""
    first = (await wire.get("/entities/by-query?limit=3&filter=kind=component&orderField=metadata.name,desc")).json
    assert names(first["items"]) == ["Service-6", "Service-5", "Service-4"]
    assert first["totalItems"] == 7
    assert "prevCursor" not in first["pageInfo"]
    second = (await wire.get(f"/entities/by-query?limit=3&cursor={quoted(first['pageInfo']['nextCursor'])}")).json
    assert names(second["items"]) == ["Service-3", "Service-2", "Service-1"]
    third = (await wire.post("/entities/by-query", {"limit": 3, "cursor": second["pageInfo"]["nextCursor"]})).json
    assert (names(third["items"]), third["totalItems"]) == (["Service-0"], 7)
    assert set(third["pageInfo"]) == {"prevCursor"}
    back = (await wire.get(f"/entities/by-query?limit=3&cursor={quoted(third['pageInfo']['prevCursor'])}")).json
    assert names(back["items"]) == ["Service-3", "Service-2", "Service-1"]
    home = (await wire.get(f"/entities/by-query?limit=3&cursor={quoted(back['pageInfo']['prevCursor'])}")).json
    assert names(home["items"]) == names(first["items"])
    assert set(home["pageInfo"]) == {"nextCursor"}


async def test_cursor_is_json_and_says_by_its_query_key_that_something_narrows_the_list(wire: Any) -> None:
    """Keys and their order are Backstage's; ``query`` is there exactly when a filter is."""
    plain = (await wire.get("/entities/by-query?limit=1")).json["pageInfo"]["nextCursor"]
    decoded = orjson.loads(base64.b64decode(plain, validate=True))
    assert list(decoded) == [
        "orderFields", "isPrevious", "fullTextFilter", "orderFieldValues", "firstSortFieldValues", "totalItems",
    ]  # fmt: skip
    filtered = await wire.get(
        "/entities/by-query?limit=1&filter=kind=component,kind=user,metadata.name&filter=spec.type=&orderField=metadata.name"
    )
    decoded = orjson.loads(base64.b64decode(filtered.json["pageInfo"]["nextCursor"], validate=True))
    assert list(decoded) == [
        "orderFields", "isPrevious", "query", "fullTextFilter", "orderFieldValues", "firstSortFieldValues", "totalItems",
    ]  # fmt: skip
    assert decoded["orderFields"] == [{"field": "metadata.name"}]
    either = [
        {"$all": [{"kind": {"$in": ["component", "user"]}}, {"metadata.name": {"$exists": True}}]},
        {"spec.type": ""},
    ]
    assert decoded["query"] == {"$any": either}
    assert decoded["totalItems"] == 8


@pytest.mark.parametrize(
    ("target", "expected", "total"),
    [
        ("?limit=0", [], 9),
        ("?limit=1&totalItems=exclude", ["payments"], 0),
        ("?orderField=metadata.title", ["ada"], 1),
        ("?orderField=kind,desc&orderField=metadata.name,desc&limit=1", ["ada"], 9),
        ("?fullTextFilterTerm=SERVICE", [], 0),
        ("?fullTextFilterTerm=VICE-3&orderField=metadata.name", ["Service-3"], 1),
        ("?fullTextFilterTerm=+ber+3+&fullTextFilterFields=metadata.name,metadata.description", ["Service-3"], 1),
        ("?filter=,&limit=1&offset=8", ["ada"], 9),
        ("?filter=kind=", [], 0),
        ("?filter=KIND=User", ["ada"], 1),
    ],
)
async def test_by_query_answers_its_parameters(wire: Any, target: str, expected: list[str], total: int) -> None:
    """Counts only, no count, order that demands its field, full text with and without fields, odd filters."""
    reply = (await wire.get(f"/entities/by-query{target}")).json
    assert (names(reply["items"]), reply["totalItems"]) == (expected, total)


async def test_beside_a_cursor_filter_and_order_are_ignored(wire: Any) -> None:
    """The list is that of the first page, whatever else is asked; ``fields`` still holds."""
    cursor = (await wire.get("/entities/by-query?limit=1&filter=kind=component&orderField=metadata.name")).json[
        "pageInfo"
    ]["nextCursor"]
    reply = await wire.get(f"/entities/by-query?limit=1&filter=kind=user&fields=metadata.name&cursor={quoted(cursor)}")
    assert reply.json["items"] == [{"metadata": {"name": "Service-1"}}]
    assert "etag" in reply.headers


@pytest.mark.parametrize(
    "change",
    [
        {"orderFieldValues": ["x"]},
        {"orderFieldValues": ["x", "8f3d2d27-087d-42c4-911a-c9fe4d1d7d3f"]},
        {"orderFields": [{"order": "asc"}]},
        {"isPrevious": 1},
        {"totalItems": -1},
        {"fullTextFilter": {"term": 3}},
        {"query": {"kind": {"$nope": 1}}},
    ],
)
async def test_tampered_cursor_is_refused(wire: Any, change: dict[str, Any]) -> None:
    """A cursor that is JSON but not one of ours is an input error, never a server error."""
    cursor = {
        "orderFields": [{"field": "metadata.name"}],
        "isPrevious": False,
        "orderFieldValues": ["a", "1"],
        "fullTextFilter": {"term": ""},
        "totalItems": 1,
        **change,
    }
    reply = await wire.get(f"/entities/by-query?cursor={quoted(base64.b64encode(orjson.dumps(cursor)).decode())}")
    assert reply.status == 400
    assert reply.message.startswith(("Malformed cursor: ", "Invalid query: "))


async def test_refs_come_back_in_place_with_null_for_the_rest(wire: Any) -> None:
    """Refs are compared as given: neither case nor namespace is mended."""
    refs = ["user:default/ada", "component:default/nope", "User:ada", "nocolon", "user:default/ada"]
    reply = await wire.post("/entities/by-refs", {"entityRefs": refs, "fields": ["metadata.name"]})
    ada = {"metadata": {"name": "ada"}}
    assert reply.json == {"items": [ada, None, None, None, ada]}
    assert reply.fast == ("fast" in wire.ways)
    whole = await wire.post("/entities/by-refs", {"entityRefs": refs[:1]})
    assert "etag" not in whole.headers


async def test_refs_may_be_narrowed_by_filter_and_query(wire: Any) -> None:
    """Outside of either, an entity is null."""
    refs = [f"component:default/service-{n}" for n in range(3)]
    body = {"entityRefs": refs, "fields": ["metadata.name"], "query": {"metadata.tags": "go"}}
    reply = await wire.post("/entities/by-refs?filter=metadata.name=service-1,metadata.name=service-2", body)
    assert reply.json == {"items": [None, None, {"metadata": {"name": "Service-2"}}]}


@pytest.mark.parametrize(
    ("raw", "content_type", "status", "message"),
    [
        (b"{", "application/json", 400, "Expected property name or '}' in JSON at position 1 (line 1 column 2)"),
        (b"{nope", "application/json", 400, "Expected property name or '}' in JSON at position 1 (line 1 column 2)"),
        (b'{"entityRefs": "x"}', "application/json", 400, "request/body/entityRefs must be array"),
        (b'{"entityRefs": [1]}', "application/json", 400, "request/body/entityRefs/0 must be string"),
        (b"{}", "application/json", 400, "request/body must have required property 'entityRefs'"),
        (b"[]", "application/json", 400, "request/body must be object"),
        (b'"x"', "application/json", 400, 'Unexpected token \'"\', ""x"" is not valid JSON'),
        (b"a=b", "application/x-www-form-urlencoded", 415, "unsupported media type application/x-www-form-urlencoded"),
        (b'{"a":"' + b"x" * 102_400 + b'"}', "application/json", 413, "request entity too large"),
    ],
)
async def test_bad_body_is_refused_in_backstages_words(
    wire: Any, raw: bytes, content_type: str, status: int, message: str
) -> None:
    """Syntax as V8 tells it, shape as the validator does, size and type before either."""
    reply = await wire.ask("POST", "/entities/by-refs", raw=raw, headers={"content-type": content_type})
    assert (reply.status, reply.message) == (status, message)
    assert reply.json["response"] == {"statusCode": status}


async def test_missing_body_asks_for_the_content_type(wire: Any) -> None:
    """No body and no type is its own case, as recorded."""
    reply = await wire.ask("POST", "/entities/by-refs")
    expected = (
        "Malformed request body (did you remember to specify an application/json content type?), Validation error: "
    )
    assert (reply.status, reply.message) == (400, expected + 'Required at "entityRefs"')


async def test_too_large_a_body_is_refused_without_being_read(wire: Any) -> None:
    """The declared length is enough; the error is named as Express names it."""
    reply = await wire.ask("POST", "/entities/by-query", raw=b"{}", headers={"content-length": "102401"})
    assert reply.status == 413
    assert reply.json["error"] == {"name": "PayloadTooLargeError", "message": "request entity too large"}


async def test_facets_are_named_as_asked_and_sorted(wire: Any) -> None:
    """Values keep their letters, array items count each, an unknown facet is empty."""
    reply = await wire.get("/entity-facets?facet=Metadata.Tags&facet=nope&facet=kind&filter=kind=component")
    tags = [{"value": "go", "count": 4}, {"value": "java", "count": 3}, {"value": "tier-1", "count": 3}]
    facets = {"Metadata.Tags": tags, "nope": [], "kind": [{"value": "Component", "count": 7}]}
    assert reply.body == orjson.dumps({"facets": facets})
    posted = await wire.post("/entity-facets", {"facets": ["kind"], "query": {"kind": "user"}})
    assert posted.json == {"facets": {"kind": [{"value": "User", "count": 1}]}}


async def test_what_is_hidden_is_nowhere(make_wire: Callable[..., Any]) -> None:
    """Not in items, totals, facets, refs or by name."""
    wire = make_wire(
        ({"kind": kind, "metadata": {"name": "x"}} for kind in ("Component", "API", "User")),
        visible=lambda actor: has_value("kind", ["component", "api"]),
    )
    page = (await wire.get("/entities/by-query")).json
    assert ([item["kind"] for item in page["items"]], page["totalItems"]) == (["Component", "API"], 2)
    assert len((await wire.get("/entities")).json) == 2
    assert (await wire.get("/entities/by-name/user/default/x")).status == 404
    assert (await wire.post("/entities/by-refs", {"entityRefs": ["user:default/x"]})).json == {"items": [None]}
    values = (await wire.get("/entity-facets?facet=kind")).json["facets"]["kind"]
    assert [value["value"] for value in values] == ["API", "Component"]


async def test_ancestry_leads_with_the_entity(make_wire: Callable[..., Any]) -> None:
    """Each item with the refs of its parents; unknown is told by ref."""
    wire = make_wire()
    root = wire.catalog.put({"kind": "Location", "metadata": {"name": "root"}})
    wire.catalog.put({"kind": "Component", "metadata": {"name": "x"}}, parents=[root])
    reply = (await wire.get("/entities/by-name/component/default/X/ancestry")).json
    assert reply["rootEntityRef"] == "component:default/x"
    assert [(item["entity"]["kind"], item["parentEntityRefs"]) for item in reply["items"]] == [
        ("Component", [root]),
        ("Location", []),
    ]
    assert (
        await wire.get("/entities/by-name/component/default/nope/ancestry")
    ).message == "No such entity component:default/nope"


async def test_by_uid_finds_or_names_the_uid(wire: Any) -> None:
    """The uid of an entity leads back to it."""
    entity = (await wire.get("/entities/by-name/user/default/ada")).json
    assert (await wire.get(f"/entities/by-uid/{entity['metadata']['uid']}")).json == entity
    assert (await wire.get("/entities/by-uid/nope")).message == "No entity with uid nope"


async def test_posted_query_takes_every_operator(wire: Any) -> None:
    """The predicate forms of a body, and the place that is named when one is unknown."""
    query = {
        "$all": [
            {"kind": {"$in": ["component", "user"]}},
            {"$not": {"spec.type": "library"}},
            {"$any": [{"metadata.tags": {"$contains": "java"}}, {"metadata.title": {"$exists": True}}]},
            {"metadata.name": {"$hasPrefix": "Serv"}},
        ]
    }
    body = {"query": query, "orderBy": [{"field": "metadata.name", "order": "desc"}], "fields": ["metadata.name"]}
    assert names((await wire.post("/entities/by-query", body)).json["items"]) == ["Service-3", "Service-1"]
    assert (
        await wire.post("/entities/by-query", {"query": "kind=user"})
    ).message == "request/body/query must be object"
    unknown = await wire.post("/entities/by-query", {"query": {"kind": {"$nope": 1}}})
    assert unknown.status == 400
    assert '"query.kind.$nope"' in unknown.message


async def test_bottomless_query_is_refused(wire: Any) -> None:
    """Depth is bounded before anything recurses over it."""
    query: dict[str, Any] = {"kind": "user"}
    for _ in range(200):
        query = {"$not": query}
    reply = await wire.post("/entities/by-query", {"query": query})
    assert (reply.status, reply.message) == (400, "Invalid query: nested more than 100 levels deep")


def quoted(text: str) -> str:
    return text.replace("=", "%3D").replace("+", "%2B")

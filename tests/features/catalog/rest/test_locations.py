"""Locations, refresh, analysis, validation and what never came through, over the wire."""

from __future__ import annotations

import base64
from typing import Any, Callable, Sequence

import orjson
import pytest

from callboard.features.catalog.interface import Finding
from callboard.kernel.errors import InputError

pytestmark = pytest.mark.anyio
URL = "https://git.example.com/a/b/catalog-info.yaml"
DOCUMENT = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "from-url"},
    "spec": {"type": "x"},
}


def read(target: str) -> Sequence[dict[str, Any]]:
    if "bad" in target:
        raise InputError("Error: YAML error")
    return [DOCUMENT]


@pytest.fixture
def wire(make_wire: Callable[..., Any]) -> Any:
    return make_wire(reader=read)


async def test_location_is_registered_read_changed_and_removed(wire: Any) -> None:
    """The life of a location, with the statuses that Backstage's client demands."""
    made = await wire.post("/locations", {"type": "url", "target": URL})
    location = made.json["location"]
    assert (made.status, made.json["entities"], list(location)) == (201, [], ["id", "type", "target", "entityRef"])
    assert (await wire.get("/locations")).json == [{"data": location}]
    assert (await wire.get(f"/locations/{location['id']}")).json == location
    assert (await wire.get("/locations/by-entity/Component/default/from-url")).json == location
    again = await wire.post("/locations", {"type": "url", "target": URL})
    assert (again.status, again.json["error"]) == (
        409,
        {"name": "ConflictError", "message": f"Location url:{URL} already exists"},
    )
    refreshed = await wire.post("/locations?onConflict=refresh", {"type": "url", "target": URL})
    assert (refreshed.status, refreshed.json["location"]) == (201, location)
    changed = await wire.ask("PUT", f"/locations/{location['id']}", json={"type": "url", "target": f"{URL}?v=2"})
    assert (changed.status, changed.json) == (200, {**location, "target": f"{URL}?v=2"})
    removed = await wire.ask("DELETE", f"/locations/{location['id']}")
    assert (removed.status, removed.body, "content-type" in removed.headers) == (204, b"", False)
    gone = await wire.ask("DELETE", f"/locations/{location['id']}")
    assert (gone.status, gone.message) == (404, f"Found no location with ID {location['id']}")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_unknown_location_is_named(wire: Any, method: str) -> None:
    """The same words whatever is asked of it."""
    reply = await wire.ask(method, "/locations/nope", json={"type": "url", "target": URL} if method == "PUT" else None)
    assert (reply.status, reply.message) == (404, "Found no location with ID nope")


@pytest.mark.parametrize("flag", ["true", "1", "Yes", "on"])
async def test_dry_run_shows_what_would_come_and_writes_nothing(wire: Any, flag: str) -> None:
    """201 with the entities, a made-up id, and whether it is registered already."""
    reply = await wire.post(f"/locations?dryRun={flag}", {"type": "url", "target": URL})
    assert reply.status == 201
    assert list(reply.json) == ["exists", "location", "entities"]
    assert (reply.json["exists"], reply.json["location"]["id"]) == (False, f"url:{URL}")
    assert [entity["metadata"]["name"] for entity in reply.json["entities"]] == ["from-url"]
    assert (await wire.get("/locations")).json == []
    await wire.post("/locations?dryRun=no", {"type": "url", "target": URL})
    assert (await wire.post("/locations?dryRun=true", {"type": "url", "target": URL})).json["exists"] is True


async def test_dry_run_of_something_bad_is_an_input_error(wire: Any) -> None:
    """What the processing says comes through."""
    reply = await wire.post("/locations?dryRun=true", {"type": "url", "target": "https://x/bad"})
    assert (reply.status, reply.message) == (400, "Error: YAML error")


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/locations", {}, "request/body must have required property 'target'"),
        ("/locations", {"target": "x"}, "request/body must have required property 'type'"),
        ("/locations", {"type": "nope", "target": "x"}, 'Registered locations must be of an allowed type ["url"]'),
        (
            "/locations?onConflict=x",
            {},
            "request/query/onConflict must be equal to one of the allowed values: refresh, reject",
        ),
        ("/locations/by-query", {"limit": "x"}, "request/body/limit must be number"),
        ("/locations/by-query", {"limit": 0}, "request/body/limit must be >= 1"),
        ("/locations/by-query", {"cursor": "zzz"}, "Malformed cursor, could not be parsed"),
        ("/refresh", {}, "request/body must have required property 'entityRef'"),
        ("/analyze-location", {}, "request/body must have required property 'location'"),
        ("/analyze-location", {"location": {"type": "url", "target": "/x"}}, "The given location.target is not a URL"),
        ("/validate-entity", {}, "request/body must have required property 'location'"),
        ("/entity-facets", {}, "request/body must have required property 'facets'"),
    ],
)
async def test_bad_body_is_refused(wire: Any, path: str, body: Any, message: str) -> None:
    """In the recorded words."""
    reply = await wire.post(path, body)
    assert (reply.status, reply.message) == (400, message)


async def test_unknown_keys_of_strict_bodies_are_named(wire: Any) -> None:
    """A location and a refresh take nothing that they do not know."""
    reply = await wire.post("/locations", {"type": "url", "target": URL, "foo": 1})
    assert reply.status == 400
    assert reply.message.endswith("Validation error: Unrecognized key(s) in object: 'foo'")


async def test_locations_are_paged_by_query(wire: Any) -> None:
    """In the order of ids, the cursor carrying limit, place and query."""
    for number in range(5):
        await wire.post("/locations", {"type": "url", "target": f"{URL}?n={number}"})
    body: dict[str, Any] = {"limit": 2, "query": {"target": {"$hasPrefix": "https://git"}}}
    seen: list[str] = []
    for size in (2, 2, 1):
        page = (await wire.post("/locations/by-query", body)).json
        assert (len(page["items"]), page["totalItems"]) == (size, 5)
        assert list(page["items"][0]) == ["id", "target", "type", "entityRef"]
        seen += [item["id"] for item in page["items"]]
        body = {"cursor": page["pageInfo"].get("nextCursor")}
    assert seen == sorted(seen)
    assert body == {"cursor": None}
    assert (await wire.post("/locations/by-query", {"query": {"type": "file"}})).json["totalItems"] == 0


async def test_cursor_of_locations_is_readable_json(wire: Any) -> None:
    """The form that Backstage gives it."""
    for number in range(2):
        await wire.post("/locations", {"type": "url", "target": f"{URL}?n={number}"})
    page = (await wire.post("/locations/by-query", {"limit": 1})).json
    cursor = orjson.loads(base64.b64decode(page["pageInfo"]["nextCursor"]))
    assert cursor == {"limit": 1, "afterId": page["items"][0]["id"]}


async def test_refresh_is_bare_and_unknown_is_named_as_given(wire: Any) -> None:
    """200 with no body; a ref that cannot be read counts as unknown."""
    wire.catalog.put(DOCUMENT)
    reply = await wire.post("/refresh", {"entityRef": "Component:default/From-Url"})
    assert (reply.status, reply.body) == (200, b"")
    assert wire.catalog.refreshed == ["component:default/from-url"]
    for unknown in ("component:default/nope", "nope"):
        reply = await wire.post("/refresh", {"entityRef": unknown})
        assert (reply.status, reply.message) == (404, f"Entity {unknown} not found")


async def test_entity_is_deleted_by_uid_known_or_not(wire: Any) -> None:
    """204 in either case."""
    wire.catalog.put(DOCUMENT)
    uid = (await wire.get("/entities/by-name/component/default/from-url")).json["metadata"]["uid"]
    for _ in range(2):
        assert (await wire.ask("DELETE", f"/entities/by-uid/{uid}")).status == 204
    assert (await wire.get(f"/entities/by-uid/{uid}")).status == 404


async def test_unknown_entity_has_no_location(wire: Any) -> None:
    """The message names the ref in lower case."""
    reply = await wire.get("/locations/by-entity/Component/default/Nope")
    assert (reply.status, reply.message) == (404, "found no entity for ref component:default/nope")


async def test_analysis_comes_through(wire: Any) -> None:
    """What the service finds, as it is."""
    reply = await wire.post("/analyze-location", {"location": {"type": "url", "target": "https://git.example.com/a/b"}})
    assert reply.json["generateEntities"][0]["entity"]["metadata"] == {"name": "b"}


async def test_good_entity_validates_to_an_empty_answer(wire: Any) -> None:
    """200, no body, no type; warnings do not matter."""
    wire.catalog.problems["from-url"] = [Finding("warning", "kind", "spec.owner is not a ref")]
    reply = await wire.post("/validate-entity", {"entity": DOCUMENT, "location": f"url:{URL}"})
    assert (reply.status, reply.body, "content-type" in reply.headers) == (200, b"", False)


async def test_bad_entity_comes_back_with_errors_and_causes(wire: Any) -> None:
    """A message that names its cause carries it once more as ``cause``, as a serialised error does."""
    message = "Policy check failed for component:default/a; caused by Error: Malformed envelope, <root> must NOT: x"
    wire.catalog.problems["from-url"] = [
        Finding("error", "policy", message),
        Finding("error", "kind", "plain", name="TypeError"),
    ]
    reply = await wire.post("/validate-entity", {"entity": DOCUMENT, "location": f"url:{URL}"})
    cause = {"name": "Error", "message": "Malformed envelope, <root> must NOT: x"}
    assert reply.status == 400
    assert reply.json == {
        "errors": [
            {"name": "InputError", "message": message, "cause": cause},
            {"name": "TypeError", "message": "plain"},
        ]
    }


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("file:/x", "Invalid location ref file:/x, only 'url:<target>' is supported, e.g. url:https://host/path"),
        ("nope", "Unable to parse location ref 'nope', expected '<type>:<target>', e.g. 'url:https://host/path'"),
    ],
)
async def test_location_of_a_validation_must_be_a_url(wire: Any, location: str, message: str) -> None:
    """Told in the form of validation errors, not of other errors."""
    reply = await wire.post("/validate-entity", {"entity": DOCUMENT, "location": location})
    assert (reply.status, reply.json) == (400, {"errors": [{"name": "TypeError", "message": message}]})


async def test_unprocessed_documents_are_listed_by_state_and_owner(wire: Any) -> None:
    """Failed and pending apart, narrowed by owner, forgotten on request."""
    wire.catalog.leave_unprocessed("1", "failed", {"kind": "X", "spec": {"owner": "a"}})
    wire.catalog.leave_unprocessed("2", "pending", {"kind": "Y"})
    failed = (await wire.get("/entities/unprocessed/failed")).json
    assert (failed["type"], [row["entity_id"] for row in failed["entities"]]) == ("failed", ["1"])
    assert (await wire.get("/entities/unprocessed/failed?owner=b")).json["entities"] == []
    assert (await wire.get("/entities/unprocessed/pending")).json["entities"][0]["entity_id"] == "2"
    assert (await wire.ask("DELETE", "/entities/unprocessed/delete/1")).status == 204
    assert (await wire.get("/entities/unprocessed/failed")).json["entities"] == []

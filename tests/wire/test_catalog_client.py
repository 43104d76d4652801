"""Backstage's own catalog client against a running portal: every method that its type declarations name."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any, AsyncIterator

import pytest

from callboard.testing.portal import PortalForTest
from tests.wire.peer import FILES, TOKEN, Files, component, serving

pytestmark = [pytest.mark.anyio, pytest.mark.npm]
ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "node_modules" / "@backstage" / "catalog-client"
PAYMENTS = "component:default/component-000000"


class Client:
    """The client in its Node process. A call gives the method's result or raises ``ClientError``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.called: set[str] = set()

    async def call(self, method: str, *args: Any) -> Any:
        """Call ``method`` with ``args`` and the token."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.called.add(method)
        self._process.stdin.write(json.dumps({"method": method, "args": args}).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), 30)
        answer = json.loads(line)
        if "error" in answer:
            raise ClientError(answer["error"])
        return answer["result"]


class ClientError(Exception):
    """What the client threw: name, message, status."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.name, self.status = error["name"], error["status"]


@pytest.fixture
async def client(peer: PortalForTest) -> AsyncIterator[Client]:
    """The client, pointed at the portal on a socket."""
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if node is None or not PACKAGE.is_dir():
        pytest.skip("needs node and `npm ci`: `make setup` gives both")
    async with serving(peer.portal) as url:
        process = await asyncio.create_subprocess_exec(
            node, str(Path(__file__).with_name("catalog_client.mjs")), url, TOKEN,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            limit=2**24,
        )  # fmt: skip
        try:
            yield Client(process)
        finally:
            # The end of its input ends it. A kill might only reach the wrapper that node's wheel puts around it.
            assert process.stdin is not None
            process.stdin.close()
            await asyncio.wait_for(process.communicate(), 10)


def names(entities: list[dict[str, Any]]) -> list[str]:
    return [entity["metadata"]["name"] for entity in entities]


async def test_every_method_works(client: Client, peer: PortalForTest, files: Files) -> None:
    """Reads, then the life of a location; in the end no declared method was left out."""
    await _reads(client)
    await _pages(client)
    await _sources(client, peer, files)
    declared = declared_methods((PACKAGE / "dist" / "index.d.ts").read_text())
    assert len(declared) >= 20
    assert declared - client.called == set()


def declared_methods(declarations: str) -> set[str]:
    """Method names of ``class CatalogClient`` in its type declarations."""
    body = declarations.split("declare class CatalogClient ", 1)[1].split("\n}", 1)[0]
    return set(re.findall(r"^    (\w+)\(", body, re.MULTILINE)) - {"constructor"}


async def _reads(client: Client) -> None:
    everything = (await client.call("getEntities"))["items"]
    assert len(everything) >= 25
    some = await client.call(
        "getEntities",
        {
            "filter": [
                {"kind": ["Component", "API"], "metadata.annotations.backstage.io/techdocs-ref": {"$symbol": "exists"}}
            ],
            "fields": ["kind", "metadata.name"],
            "order": [{"field": "kind", "order": "desc"}, {"field": "metadata.name", "order": "asc"}],
            "offset": 1,
            "limit": 2,
        },
    )
    assert some["items"] == [
        {"kind": "Component", "metadata": {"name": "component-000001"}},
        {"kind": "API", "metadata": {"name": "api-000000"}},
    ]
    by_refs = await client.call(
        "getEntitiesByRefs", {"entityRefs": [PAYMENTS, "component:default/nope"], "fields": ["metadata.name"]}
    )
    assert by_refs["items"] == [{"metadata": {"name": "component-000000"}}, None]
    both = {
        "entityRefs": [PAYMENTS, "api:default/api-000000"],
        "filter": {"kind": "API"},
        "query": {"metadata.name": {"$hasPrefix": "api"}},
    }
    assert [item and item["kind"] for item in (await client.call("getEntitiesByRefs", both))["items"]] == [None, "API"]
    many = await client.call("getEntitiesByRefs", {"entityRefs": [PAYMENTS] * 2500, "fields": ["kind"]})
    assert len(many["items"]) == 2500
    entity = await client.call("getEntityByRef", PAYMENTS)
    assert entity == await client.call("getEntityByName", {"kind": "Component", "name": "component-000000"})
    assert await client.call("getEntityByRef", "component:default/nope") is None
    ancestors = await client.call("getEntityAncestors", {"entityRef": PAYMENTS})
    assert ancestors["rootEntityRef"] == PAYMENTS
    assert len(ancestors["items"]) >= 3
    with pytest.raises(ClientError) as missing:
        await client.call("getEntityAncestors", {"entityRef": "component:default/nope"})
    assert missing.value.status == 404
    facets = await client.call("getEntityFacets", {"facets": ["kind", "spec.type"], "filter": {"kind": "Component"}})
    assert facets["facets"]["kind"] == [{"value": "Component", "count": 3}]
    predicate = await client.call("getEntityFacets", {"facets": ["kind"], "query": {"kind": {"$in": ["api", "user"]}}})
    assert predicate["facets"]["kind"] == [{"value": "API", "count": 4}, {"value": "User", "count": 5}]


async def _pages(client: Client) -> None:
    users = {
        "filter": {"kind": "user"},
        "orderFields": {"field": "metadata.name", "order": "desc"},
        "limit": 2,
        "fields": ["metadata.name"],
    }
    first = await client.call("queryEntities", users)
    assert (names(first["items"]), first["totalItems"]) == (["user-000004", "user-000003"], 5)
    second = await client.call("queryEntities", {"cursor": first["pageInfo"]["nextCursor"], "limit": 2})
    assert names(second["items"]) == ["user-000002", "user-000001"]
    back = await client.call("queryEntities", {"cursor": second["pageInfo"]["prevCursor"], "limit": 2})
    assert names(back["items"]) == names(first["items"])
    plain = await client.call("queryEntities", {"limit": 3, "totalItems": "exclude"})
    following = await client.call(
        "queryEntities", {"cursor": plain["pageInfo"]["nextCursor"], "limit": 3, "fields": ["metadata.name"]}
    )
    assert (plain["totalItems"], len(following["items"])) == (0, 3)
    found = await client.call(
        "queryEntities",
        {
            "query": {"$not": {"kind": "user"}},
            "fullTextFilter": {"term": "API-00", "fields": ["metadata.name"]},
            "limit": 3,
        },
    )
    assert (len(found["items"]), found["totalItems"]) == (3, 4)
    rest = await client.call("queryEntities", {"cursor": found["pageInfo"]["nextCursor"]})
    assert len(rest["items"]) == 1
    streamed = await client.call("streamEntities", {"filter": {"kind": ["user", "api"]}, "pageSize": 4})
    assert [len(page) for page in streamed] == [4, 4, 1]
    assert len({entity["metadata"]["uid"] for page in streamed for entity in page}) == 9


async def _sources(client: Client, peer: PortalForTest, files: Files) -> None:
    files.put("one.yaml", component("from-url", "first"))
    target = f"{FILES}/one.yaml"
    dry = await client.call("addLocation", {"target": target, "dryRun": True})
    assert (dry["exists"], names(dry["entities"])[-1]) == (False, "from-url")
    made = (await client.call("addLocation", {"target": target}))["location"]
    await peer.jobs.run_due()
    with pytest.raises(ClientError) as clash:
        await client.call("addLocation", {"target": target})
    assert clash.value.status == 409
    assert (await client.call("addLocation", {"target": target, "onConflict": "refresh"}))["location"] == made
    assert (await client.call("getLocations"))["items"] == [made]
    assert await client.call("getLocationById", made["id"]) == made
    assert await client.call("getLocationById", "nope") is None
    assert await client.call("getLocationByRef", f"url:{target}") == made
    assert await client.call("getLocationByEntity", "component:default/from-url") == made
    assert (await client.call("queryLocations", {"query": {"type": "url"}, "limit": 1}))["items"] == [made]
    assert await client.call("streamLocations", {"limit": 1}) == [[made]]
    files.put("one.yaml", component("from-url", "second"))
    await client.call("refreshEntity", "component:default/from-url")
    await peer.jobs.run_due()
    entity = await client.call("getEntityByRef", "component:default/from-url")
    assert entity["metadata"]["description"] == "second"
    with pytest.raises(ClientError) as unknown:
        await client.call("refreshEntity", "component:default/nope")
    assert unknown.value.status == 404
    moved = await client.call("updateLocation", made["id"], {"target": f"{target}?v=2"})
    assert moved == {**made, "target": f"{target}?v=2"}
    await client.call("removeEntityByUid", entity["metadata"]["uid"])
    await client.call("removeLocationById", made["id"])
    await peer.jobs.run_due()
    assert await client.call("getEntityByRef", "component:default/from-url") is None
    analysis = await client.call(
        "analyzeLocation", {"location": {"type": "url", "target": "https://git.example.com/a/b"}}
    )
    assert analysis["generateEntities"][0]["entity"]["metadata"]["name"] == "b"
    good = {key: entity[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": "a"}}
    location = "url:https://git.example.com/a/b/catalog-info.yaml"
    assert await client.call("validateEntity", good, location) == {"valid": True}
    judged = await client.call("validateEntity", {**good, "metadata": {"name": "Not A Name!"}}, location)
    assert judged["valid"] is False
    assert '"metadata.name" is not valid' in judged["errors"][0]["message"]

"""Definitions over the pages and REST of a portal: what is shown, what is compared, and that the hidden is as if it were not there."""

from __future__ import annotations

import html
import json
import re
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator

import pytest

from callboard.features.catalog.apis.service import ApiDefinitions
from callboard.features.catalog.interface import DeferredEntity, FullMutation
from callboard.features.catalog.plugin import Catalog
from callboard.kernel.auth.actor import SYSTEM
from callboard.testing.actors import user
from callboard.testing.portal import PortalForTest, make_portal
from tests.features.catalog.apis.test_reading import EVENTS, PETS, SHOP, STOCK

pytestmark = pytest.mark.anyio
EVIL = "<script>alert(1)</script>"
PAGE = "/catalog/default/api"


def api(name: str, type: str, definition: str) -> dict[str, Any]:
    spec = {"type": type, "lifecycle": "production", "owner": "team", "definition": definition}
    return {
        "apiVersion": "backstage.io/v1alpha1", "kind": "API", "metadata": {"name": name, "namespace": "default"}, "spec": spec,
    }  # fmt: skip


async def give(portal: PortalForTest, *apis: dict[str, Any]) -> None:
    catalog = portal.service(Catalog)
    await catalog.mutations.apply("test", FullMutation([DeferredEntity(a) for a in apis]), actor=SYSTEM.subject)
    await portal.jobs.run_due()


@asynccontextmanager
async def portal_with(*apis: dict[str, Any], hidden: str | None = None) -> AsyncIterator[PortalForTest]:
    settings: dict[str, Any] = {"catalog": {"rules": [{"allow": ["API"]}]}}
    if hidden is not None:
        when = {"rule": "HAS_METADATA", "resourceType": "catalog-entity", "params": {"key": "name", "value": hidden}}
        rule = {"permission": "catalog.entity.*", "effect": "deny", "when": when}
        policy = {"roles": {"hiding": {"members": ["$everyone"], "rules": [rule]}}}
        settings["permission"] = {"enabled": True, "policy": policy}
    async with make_portal(settings) as portal:
        await give(portal, *apis)
        yield portal


def words_of(page: Any) -> str:
    """What a page says, without its marks."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


async def test_the_tab_shows_operations_and_finds_among_them() -> None:
    """Grouped by tag, with what each takes and gives; narrowed by words; one alone; the text beside it."""
    async with portal_with(api("pets", "openapi", PETS)) as portal, portal.client(user("ada")) as client:
        page = await client.get(f"{PAGE}/pets/definition")
        told = words_of(page)
        assert told.index("store 1 Selling") < told.index("GET /pets/{id} Find a pet")
        assert "kind string one of cat, dog default cat" in told and "Needs key" in told
        assert "<em>pets</em>" in page.text and "curl -X GET" in told
        found = words_of(await client.get(f"{PAGE}/pets/definition?q=find+pet"))
        assert "/pets/{id}" in found and "store 1" not in found
        assert "Nothing here fits" in words_of(await client.get(f"{PAGE}/pets/definition?q=zebra"))
        assert "Named" in words_of(await client.get(f"{PAGE}/pets/definition?show=types"))
        alone = words_of(await client.get(f"{PAGE}/pets/definition?item=type-Pet"))
        assert "parent Pet written out above" in alone and "Find a pet" not in alone
        assert 'class="code"' in (await client.get(f"{PAGE}/pets/definition?view=text")).text
        part = await client.get(f"{PAGE}/pets/definition/part?item=type-Pet")
        assert "kind string" in words_of(part) and "<html" not in part.text
        assert (await client.get(f"{PAGE}/pets/definition/part?item=none")).status_code == 404


@pytest.mark.parametrize(
    ("type", "definition", "words"),
    [
        ("graphql", SHOP, "QUERY plant deprecated What"),
        ("grpc", STOCK, "Watch"),
        ("asyncapi", EVENTS, "SEND orders.{shop} An order was paid"),
    ],
)
async def test_every_format_has_its_page(type: str, definition: str, words: str) -> None:
    """Operations first, as in OpenAPI."""
    async with portal_with(api("x", type, definition)) as portal, portal.client(user("ada")) as client:
        assert words.partition(" What")[0] in words_of(await client.get(f"{PAGE}/x/definition"))


async def test_a_broken_definition_shows_where_and_its_text() -> None:
    """The line with those around it, then the whole text; of a type that nobody knows the text alone."""
    broken = "openapi: 3.0.0\npaths:\n  /a: [\n  /b: {}\n"
    given = [api("x", "openapi", broken), api("y", "trpc", "export type A")]
    async with portal_with(*given) as portal, portal.client(user("ada")) as client:
        page = await client.get(f"{PAGE}/x/definition")
        assert "The definition cannot be read" in words_of(page) and re.search(r"line \d+, column \d+", words_of(page))
        assert "<mark>" in page.text and 'class="code"' in page.text
        assert "export type A" in words_of(await client.get(f"{PAGE}/y/definition"))


async def test_a_large_definition_stays_a_small_page() -> None:
    """In pages, with details asked for one at a time."""
    paths = {
        f"/t{n}": {"get": {"summary": "One of many " * 6, "responses": {"200": {"description": "x" * 400}}}}
        for n in range(3_000)
    }
    text = json.dumps({"openapi": "3.1.0", "info": {"title": "Big"}, "paths": paths})
    async with portal_with(api("big", "openapi", text)) as portal, portal.client(user("ada")) as client:
        page = await client.get(f"{PAGE}/big/definition")
        assert len(page.content) < 200_000 and "1–150 of 3,000" in words_of(page).replace("-", "–")
        assert 'hx-get="/catalog/default/api/big/definition/part?item=' in page.text
        assert "/t2999" in words_of(await client.get(f"{PAGE}/big/definition?page=20"))
        assert "/t2999" in words_of(await client.get(f"{PAGE}/big/definition?page=99999"))


async def test_script_in_every_field_is_shown_as_text() -> None:
    """Nothing of a definition becomes markup, on no page."""
    evil = {
        "openapi": "3.1.0", "info": {"title": EVIL, "version": EVIL, "description": EVIL}, "servers": [{"url": f"javascript:{EVIL}", "description": EVIL}],
        "tags": [{"name": EVIL, "description": EVIL}], "security": [{EVIL: []}],
        "paths": {f"/{EVIL}": {"get": {
            "tags": [EVIL], "summary": EVIL, "description": f"{EVIL} [x](javascript:alert(1))", "operationId": EVIL,
            "parameters": [{"name": EVIL, "in": EVIL, "description": EVIL, "schema": {"type": EVIL, "format": EVIL, "enum": [EVIL], "default": EVIL, "pattern": EVIL}}],
            "responses": {EVIL: {"description": EVIL, "content": {EVIL: {"example": EVIL, "schema": {"$ref": f"#/components/schemas/{EVIL}"}}}}},
        }}},
        "components": {"schemas": {EVIL.replace("/", "~1"): {"type": "object"}, EVIL: {"properties": {EVIL: {"description": EVIL}}}}},
    }  # fmt: skip
    other = json.loads(json.dumps(evil).replace("get", "post"))
    schema = f'"{EVIL}" type Query {{ "{EVIL}" a(b: Int = 1): B @deprecated(reason: "{EVIL}") }}'
    definitions = [
        api("evil", "openapi", json.dumps(evil)), api("other", "openapi", json.dumps(other)), api("graph", "graphql", schema),
        api("wrong", "openapi", f"openapi: 3.0.0\npaths: [{EVIL}\n"),
    ]  # fmt: skip
    async with portal_with(*definitions) as portal, portal.client(user("ada")) as client:
        for path in ("evil/definition", "evil/definition?show=types", "graph/definition", "wrong/definition",
                     "other/definition/compare?with=api:evil", f"other/definition/compare?entity={EVIL}"):  # fmt: skip
            page = await client.get(f"{PAGE}/{path}")
            assert page.status_code in (200, 400), page.text[:300]
            assert EVIL not in page.text and 'href="javascript:' not in page.text, path
            assert "alert(1)" in page.text, path


async def test_versions_of_the_history_are_compared() -> None:
    """The definition as it was until each change; a change breaks or not depending on which of the two is newer."""
    async with portal_with(api("pets", "openapi", PETS)) as portal, portal.client(user("ada")) as client:
        await give(portal, api("pets", "openapi", PETS.replace("[cat, dog]", "[cat]")))
        await give(portal, api("pets", "openapi", PETS.replace("[cat, dog]", "[cat]").replace("/pets:", "/animals:")))
        versions = (await client.get("/api/catalog/v1/definition-versions?ref=api:default/pets")).json()["items"]
        assert len(versions) == 2
        first = f"before:{versions[1]['id']}"
        page = await client.get(f"{PAGE}/pets/definition/compare?with={first}")
        told = words_of(page)
        assert "Removed Whoever calls it" in told and "200 body.kind is never dog any more" in told
        assert "1 change breaks clients" in told
        between = words_of(
            await client.get(f"{PAGE}/pets/definition/compare?with={first}&at=before:{versions[0]['id']}")
        )
        assert "is never dog" in between and "Removed" not in between
        back = words_of(await client.get(f"{PAGE}/pets/definition/compare?with={first}&swap=1"))
        assert "may be dog" in back and "Added" in back
        diff = (
            await client.get(f"/api/catalog/v1/definition-diff?from=api:default/pets&fromVersion={versions[1]['id']}")
        ).json()
        assert (diff["breaking"], diff["changes"][0]["rule"], diff["format"]) == (1, "operation_removed", "openapi")
        assert diff["changes"][0]["message"] == "Removed"
        same = await client.get("/api/catalog/v1/definition-diff?from=api:default/pets")
        assert same.json()["changes"] == []


async def test_what_cannot_be_compared_is_said() -> None:
    """Other formats, broken ones, versions and entities that are not there: a page that says so, and problem+json."""
    given = [
        api("pets", "openapi", PETS),
        api("shop", "graphql", SHOP),
        api("wrong", "openapi", "openapi: 3.0.0\npaths: ["),
    ]
    async with portal_with(*given) as portal, portal.client(user("ada")) as client:
        for query, words in (("entity=api:shop", "one format"), ("entity=api:wrong", "line 2"), ("entity=api:gone", "No entity api:default/gone"),
                             ("with=before:77", "no definition until the change 77"), ("entity=a:b:c/", "cannot be compared")):  # fmt: skip
            page = await client.get(f"{PAGE}/pets/definition/compare?{query}")
            assert page.status_code == 400 and words in words_of(page), (query, words_of(page)[-600:])
        wire = await client.get("/api/catalog/v1/definition-diff?from=api:default/pets&to=api:default/shop")
        assert (wire.status_code, wire.headers["content-type"]) == (400, "application/problem+json")
        assert "has never changed" in words_of(await client.get(f"{PAGE}/pets/definition/compare"))


async def test_a_hidden_api_is_compared_by_nobody() -> None:
    """Not as the page, not as the other side, not over REST: as if it were not there."""
    given = [api("pets", "openapi", PETS), api("secret", "openapi", PETS)]
    async with portal_with(*given, hidden="secret") as portal, portal.client(user("ada")) as client:
        for path in ("definition", "definition/part?item=type-Pet", "definition/compare?entity=api:pets"):
            assert (await client.get(f"{PAGE}/secret/{path}")).status_code == 404
        for other in ("secret", "absent"):
            page = await client.get(f"{PAGE}/pets/definition/compare?entity=api:{other}")
            assert page.status_code == 400 and f"No entity api:default/{other} is visible" in words_of(page)
            for query in (f"from=api:default/{other}", f"from=api:default/pets&to=api:default/{other}"):
                assert (await client.get(f"/api/catalog/v1/definition-diff?{query}")).status_code == 404
            assert (await client.get(f"/api/catalog/v1/definition-versions?ref=api:default/{other}")).status_code == 404


async def test_a_definition_is_read_once() -> None:
    """What it says is kept by its text: the same object, until others have taken its place."""
    async with portal_with() as portal:
        definitions = portal.service(ApiDefinitions)
        first = await definitions.read(PETS, "openapi")
        assert await definitions.read(PETS, "openapi") is first
        large = "#" + "x" * 3_000_000
        for n in range(3):
            await definitions.read(f"openapi: 3.0.0\n{large}{n}", "openapi")
        assert await definitions.read(PETS, "openapi") is not first

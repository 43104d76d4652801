"""Search from outside: Backstage's wire, our own, the action, the command, and the catalog's documents in it."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.search.interface import Search, SearchQuery
from callboard.features.search.plugin import SearchParts
from callboard.features.search.rest import parse_deep
from callboard.kernel.auth.actor import SYSTEM
from callboard.testing import component, group, make_portal, user
from tests.features.catalog.conftest import World, postgres_world, world

__all__ = ["World", "postgres_world", "world"]
pytestmark = pytest.mark.anyio

ADA = user("ada", "group:default/payments")
ENTITIES = (
    component(
        "payments-api", owner="payments", type="service",
        metadata={"title": "Payments API", "description": "Takes the money", "tags": ["java"], "annotations": {"example.com/pager": "till-rota"}},
    ),
    component("checkout", owner="group:default/checkout", metadata={"description": "Fills the basket; calls payments-api"}),
    group("payments", metadata={"description": "The people"}, profile={"displayName": "Payments team", "email": "pay@example.com"}),
)  # fmt: skip


async def test_backstage_s_query_answers_in_its_shape(world: World):
    """Results with type, document, highlight and rank; the fields that Backstage's collator gives; cursors that lead on and back."""
    world.write("all.yaml", *ENTITIES)
    async with world.site("all.yaml") as site, site.portal.client(SYSTEM) as client:
        answer = (
            await client.get("/api/search/query?term=payments&filters[kind]=Component&types[0]=software-catalog")
        ).json()
        assert [one["document"]["title"] for one in answer["results"]] == ["Payments API", "checkout"]
        first = answer["results"][0]
        assert (first["type"], first["rank"], answer["numberOfResults"]) == ("software-catalog", 1, 2)
        assert first["document"] == {
            "title": "Payments API", "text": "Takes the money", "location": "/catalog/default/component/payments-api",
            "componentType": "service", "type": "service", "namespace": "default", "kind": "Component", "lifecycle": "production",
            "owner": "payments",
        }  # fmt: skip
        pre, post = first["highlight"]["preTag"], first["highlight"]["postTag"]
        assert pre.startswith("<") and post == f"</{pre[1:]}"
        assert first["highlight"]["fields"]["title"] == f"{pre}Payments{post} API"
        people = (await client.get("/api/search/query?term=pay@example.com")).json()["results"][0]["document"]
        assert people["text"] == "The people : Payments team : pay@example.com"
        pages = [(await client.get("/api/search/query?term=payments&pageLimit=1")).json()]
        pages.append(
            (
                await client.get(f"/api/search/query?term=payments&pageLimit=1&pageCursor={pages[0]['nextPageCursor']}")
            ).json()
        )
        assert pages[0]["nextPageCursor"] == "MQ==" and "previousPageCursor" not in pages[0]
        assert pages[1]["previousPageCursor"] == "MA==" and pages[1]["results"][0]["rank"] == 2
        assert (await client.get("/api/search/query")).json()["numberOfResults"] >= 3
        assert (await client.get("/api/search/query?term=till+rota&whatever[x]=1")).json()["results"][0]["document"][
            "title"
        ] == "Payments API"
        owned = await client.get("/api/search/query?term=payments&filters[owner][]=checkout")
        assert [one["document"]["title"] for one in owned.json()["results"]] == ["checkout"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("term=" + "x" * 101, 'The term length "101" is greater than "100"'),
        ("pageLimit=101", 'The page limit "101" is greater than "100"'),
        ("pageLimit=many", "whole number"),
        ("types[0]=films", "films"),
        ("pageCursor=%21%21", "Invalid page cursor"),
        ("pageCursor=LTE%3D", "Invalid page cursor"),
        ("filters=x", "filters"),
        ("term[a]=b", "term"),
    ],
)
async def test_a_question_that_cannot_be_read_is_refused_with_what_is_wrong(query: str, said: str):
    """400 in Backstage's error body."""
    async with make_portal({}) as site, site.client(SYSTEM) as client:
        answer = await client.get(f"/api/search/query?{query}")
        assert answer.status_code == 400 and answer.json()["error"]["name"] == "InputError"
        assert said in answer.json()["error"]["message"]


async def test_nobody_is_answered_without_credentials():
    """401, as everywhere."""
    async with make_portal({}) as site, site.client() as client:
        assert (await client.get("/api/search/query?term=x")).status_code == 401


def test_query_strings_are_read_as_qs_reads_them():
    """Brackets are objects and lists; a name given twice is a list."""
    pairs = [
        ("filters[kind]", "A"),
        ("filters[tags][0]", "x"),
        ("filters[tags][1]", "y"),
        ("types[]", "a"),
        ("types[]", "b"),
        ("a", "1"),
        ("a", "2"),
    ]
    assert parse_deep(pairs) == {
        "filters": {"kind": "A", "tags": {"0": "x", "1": "y"}}, "types": {"0": "a", "1": "b"}, "a": {"0": "1", "1": "2"},
    }  # fmt: skip


async def test_a_change_is_found_at_once_and_what_is_removed_is_gone_before_it_is_taken_off(world: World):
    """After the event's jobs the new words find it; a deleted entity is out of sight without any job."""
    world.write("all.yaml", *ENTITIES)
    async with world.site("all.yaml") as site:
        search: Any = site.portal.service(Search)

        async def titles(term: str) -> list[str]:
            return [hit.document.title for hit in (await search.query(SearchQuery(term), actor=SYSTEM)).hits]

        assert await titles("basket") == ["checkout"]
        world.write("all.yaml", ENTITIES[0], component("checkout", metadata={"description": "Fills the trolley"}))
        await site.sweep()
        assert (await titles("trolley"), await titles("basket")) == (["checkout"], [])
        world.write("all.yaml", ENTITIES[0])
        await site.settle_kinds("catalog.refresh_location")
        await site.sweep()
        assert await titles("trolley") == []


async def test_hidden_entities_are_not_found_and_counts_do_not_tell_of_them(world: World):
    """By REST, action and facets alike: what a conditional policy hides is as if it were not there."""
    world.write("all.yaml", *ENTITIES)
    owned = {"rule": "IS_ENTITY_OWNER", "resourceType": "catalog-entity", "params": {"claims": ["$ownershipRefs"]}}
    role = {"members": ["$everyone"], "rules": [{"permission": "catalog.entity.read", "when": owned}]}
    more = {"permission": {"policy": {"defaults": False, "roles": {"owners": role}}}}
    async with world.site("all.yaml", more=more) as site, site.portal.client(ADA) as client:
        answer = (await client.get("/api/search/query?term=payments")).json()
        assert [one["document"]["title"] for one in answer["results"]] == ["Payments API"]
        assert answer["numberOfResults"] == 1
        found = (await client.get("/api/search/v1/query?term=payments&facets[]=kind&facets[]=owner")).json()
        assert found["facets"] == {
            "kind": [{"value": "Component", "count": 1}], "owner": [{"value": "group:default/payments", "count": 1}]
        }  # fmt: skip
        assert (await client.get("/api/search/query?term=basket")).json()["results"] == []


async def test_two_portals_do_not_share_an_index():
    """Each has its own parts."""
    async with make_portal({}) as one, make_portal({}) as other:
        assert one.portal.service(SearchParts) is not other.portal.service(SearchParts)


async def test_each_type_has_a_task_that_compares_it_whole(world: World):
    """By Backstage's names; a change that no event told of is found after it."""
    world.write("all.yaml", *ENTITIES)
    async with world.site("all.yaml") as site, site.portal.client(SYSTEM) as client:
        tasks = (await client.get("/api/search/.backstage/scheduler/v1/tasks")).json()["tasks"]
        assert "search_index_software_catalog" in [task["taskId"] for task in tasks]
        async with site.portal.db.write() as tx:
            await tx.execute("UPDATE search_scope SET revision = 'old' WHERE type = 'software-catalog'")
            await tx.execute("UPDATE search_document SET digest = 'old'")
        answer = await client.post("/api/search/.backstage/scheduler/v1/tasks/search_index_software_catalog/trigger")
        assert answer.status_code == 200
        await site.settle()
        assert await site.rows("SELECT 1 FROM search_document WHERE digest = 'old'") == []
        assert (await client.get("/api/search/query?term=basket")).json()["numberOfResults"] == 1

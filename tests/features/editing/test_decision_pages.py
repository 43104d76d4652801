"""The pages on which entities of other sources are edited, given back, kept out and brought back, as a browser without script."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.kernel.auth.actor import SYSTEM
from callboard.model.refs import EntityRef, LocationRef
from callboard.testing import component, group, user
from tests.features.editing.conftest import text_of
from tests.features.editing.test_pages import EDIT, HOSTILE, TILL, Browser, hidden
from tests.features.importing.test_access import READ, owned, policy

pytestmark = pytest.mark.anyio

ENTITY = EDIT.removesuffix("/edit")
OVERLAY, REMOVE = f"{ENTITY}/overlay", f"{ENTITY}/remove"
ADA, EVE = user("ada", "group:default/team"), user("eve")
VALIDATE = {"permission": "catalog.entity.validate"}


def till(**metadata: Any) -> dict[str, Any]:
    return component("till", owner="team", metadata={"description": "Takes money", **metadata})


async def post(browser: Browser, path: str, page: str, status: int = 303, **form: str) -> Any:
    """A form of ``page`` with a mark, or with none."""
    mark = {"mark": hidden(page, "mark")} if 'name="mark"' in page else {}
    answer = await browser.client.post(path, data={"csrf_token": hidden(page, "csrf_token"), **mark, **form})
    assert answer.status_code == status, (answer.status_code, answer.text[:300])
    return answer


async def test_an_entity_of_a_file_is_edited_by_form_and_shows_what_is_laid_over_it(open_desk: Any, world: Any):
    """The editor says where it comes from; the entity has a card, and each field can be had back from its source."""
    world.write("org.yaml", till(), group("team"))
    async with open_desk("org.yaml") as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        assert f'href="{EDIT}"' in await browser.get(ENTITY)
        page = await browser.get(EDIT)
        assert str(world.path("org.yaml")) in page and f'href="{ENTITY}/delete"' in page
        saved = await browser.send(
            EDIT, page, do="save", metadata__title="The till", metadata__description="Takes coins"
        )
        assert saved.headers["location"] == ENTITY
        page = await browser.get(ENTITY)
        assert "Laid over by the portal" in page and '<del class="t-second">Takes money</del>' in page
        assert "metadata.title" in (await browser.get(EDIT)) and f'href="{OVERLAY}"' in page
        world.write("org.yaml", till(title="Theirs"), group("team"))
        await d.site.sweep()
        page = await browser.get(OVERLAY)
        assert page.count("Source changed") == 1 and "The source said then" in page
        await post(browser, OVERLAY, page, do="keep:metadata.title")
        after = await browser.get(OVERLAY)
        assert "Source changed" not in after
        stale = await post(browser, OVERLAY, page, 409, do="clear")
        assert "It changed meanwhile" in stale.text
        await post(browser, OVERLAY, stale.text, do="take:metadata.title")
        assert (await d.site.get(TILL))["metadata"]["title"] == "Theirs"
        await post(browser, OVERLAY, await browser.get(OVERLAY), do="clear")
        assert await d.site.description(TILL) == "Takes money"
        page = await browser.get(OVERLAY)
        assert "Nothing is laid over it" in page and "Laid over by the portal" not in await browser.get(ENTITY)


async def test_a_source_that_changes_under_an_editor_is_told(open_desk: Any, world: Any):
    """What was typed is still there, beside what stands now, and can be saved from there."""
    world.write("org.yaml", till(), group("team"))
    async with open_desk("org.yaml") as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        page = await browser.get(EDIT)
        world.write("org.yaml", till(title="Theirs"), group("team"))
        await d.site.sweep()
        told = await browser.send(EDIT, page, do="save", metadata__description="Mine")
        assert told.status_code == 409 and "Mine" in told.text and "Theirs" in told.text
        text = (await d.get(TILL)).text.replace("Takes money", "Mine")
        assert (await browser.send(EDIT, told.text, do="save", text=text)).status_code == 303
        entity = await d.site.get(TILL)
        assert (entity["metadata"]["description"], entity["metadata"]["title"]) == ("Mine", "Theirs")


async def test_an_entity_that_would_come_back_is_kept_out_instead(open_desk: Any, world: Any):
    """The page says what brings it back; what is kept out is listed with why, and let in again there."""
    world.write("org.yaml", till(), group("team"))
    async with open_desk("org.yaml") as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        page = await browser.get(f"{ENTITY}/delete")
        assert 'href="/catalog/default/location/generated-' in page and str(world.path("org.yaml")) in page
        assert "Remove the location" not in page  # it stands in the settings
        assert (await browser.send(f"{ENTITY}/delete", await browser.get(EDIT))).headers[
            "location"
        ] == f"{ENTITY}/delete"
        answer = await post(browser, REMOVE, page, do="hide", why=HOSTILE)
        assert answer.headers["location"] == "/catalog/hidden" and await d.site.find(TILL) is None
        listed = await browser.get("/catalog/hidden")
        assert "till" in listed and "<script>alert" not in listed and "&lt;script&gt;" in listed
        answer = await post(browser, "/catalog/hidden", listed, ref=TILL)
        assert answer.headers["location"] == ENTITY and await d.site.find(TILL) is not None
        assert "Nothing is kept out" in await browser.get("/catalog/hidden")


async def test_a_registered_location_is_removed_with_what_it_brings(open_desk: Any, world: Any):
    """The others are named before; only for those who may remove locations."""
    world.serve("https://files.test/a.yaml", till(), group("team"), component("basket"))
    rules = policy(ada=[READ, owned("catalog.entity.delete"), owned("catalog.entity.update")])
    async with open_desk(more=rules) as d, d.site.portal.client(SYSTEM) as client:
        await d.site.commands.create_location(
            LocationRef("url", "https://files.test/a.yaml"), on_conflict="reject", actor=SYSTEM
        )
        await d.site.settle()
        browser = Browser(client)
        page = await browser.get(f"{ENTITY}/delete")
        assert (
            "2 other entities that you may see come by it" in page
            and 'href="/catalog/default/component/basket"' in page
        )
        async with d.site.portal.client(ADA) as other:
            assert "Remove the location" not in await Browser(other).get(f"{ENTITY}/delete")
            await post(
                Browser(other), REMOVE, await Browser(other).get(f"{ENTITY}/delete"), 404, do="location", location="x"
            )
        await post(browser, REMOVE, page, 404, do="location", location="other")
        assert (await post(browser, REMOVE, page, do="location", location=hidden(page, "location"))).headers[
            "location"
        ] == "/catalog"
        await d.site.settle()
        assert await d.site.refs() == set()


async def test_versions_are_seen_and_restored_from_the_history(open_desk: Any):
    """Line by line; a version that was looked at before somebody changed the entity is told."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        made = await d.create(text_of(note="First"))
        changed = await d.change(TILL, text_of(note="Second"), made.mark)
        first, second = [entry.id for entry in await d.site.history(TILL)]
        history = await browser.get(f"{ENTITY}/history")
        assert f'href="{ENTITY}/versions/{first}"' in history
        page = await browser.get(f"{ENTITY}/versions/{first}")
        assert "<del>  description: Second</del>" in page and "<ins>  description: First</ins>" in page
        assert "It stands just so" in await browser.get(f"{ENTITY}/versions/{second}")
        await d.change(TILL, text_of(note="Third"), changed.mark)
        told = await post(browser, f"{ENTITY}/versions/{first}", page, 409)
        assert "Nothing was restored" in told.text and "Third" in told.text
        await post(browser, f"{ENTITY}/versions/{first}", told.text)
        assert await d.site.description(TILL) == "First"
        for id in ("99999", "x"):
            await browser.get(f"{ENTITY}/versions/{id}", 404)


async def test_deleted_entities_are_listed_and_brought_back(open_desk: Any):
    """The way there is on the page on which entities are made."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        assert "Nothing was deleted" in await browser.get("/catalog/deleted")
        await d.create(text_of(note=f"a {HOSTILE}"))
        await d.delete(TILL)
        assert 'href="/catalog/deleted"' in await browser.get("/create-entity")
        page = await browser.get("/catalog/deleted")
        assert "kept by hand" in page and "<script>alert" not in page
        assert (await post(browser, "/catalog/deleted", page, ref=TILL)).headers["location"] == ENTITY
        assert await d.site.find(TILL) is not None


async def test_lists_are_paged_and_say_what_waits(open_desk: Any, world: Any):
    """Fifty at a time."""
    world.write("org.yaml", *(component(f"c{n:02}") for n in range(52)))
    async with open_desk("org.yaml") as d, d.site.portal.client(SYSTEM) as client:
        browser = Browser(client)
        for n in range(52):
            ref = EntityRef.parse(f"component:default/c{n:02}")
            await d.editing.set_overlay(ref, {"metadata.title": "T"}, base_mark=None, actor=SYSTEM)
        page = await browser.get("/catalog/overlays")
        assert page.count("<li data-row>") == 50 and "after=component%3Adefault%2Fc49" in page
        assert (await browser.get("/catalog/overlays?after=component:default/c49")).count("<li data-row>") == 2
        world.write("org.yaml", component("c01"))
        await d.site.sweep()
        assert (await browser.get("/catalog/overlays")).count(">waits<") == 49
        path = "/catalog/default/component/c02/overlay"
        page = await browser.get(path)
        assert "No source gives this entity now" in page
        assert (await post(browser, path, page, do="clear")).headers["location"] == "/catalog/overlays"


async def test_who_may_not_change_sees_what_is_laid_over_without_the_ways_to_change_it(open_desk: Any, world: Any):
    """And who may not see the entity sees nothing at all."""
    world.write("org.yaml", till(), group("team"))
    rules = policy(ada=[owned("catalog.entity.read"), VALIDATE, owned("catalog.entity.update")], eve=[READ], bob=[])
    async with open_desk("org.yaml", more=rules) as d:
        await d.editing.set_overlay(EntityRef.parse(TILL), {"metadata.title": "T"}, base_mark=None, actor=ADA)
        async with d.site.portal.client(EVE) as client:
            page = await Browser(client).get(OVERLAY)
            assert "metadata.title" in page and f'action="{OVERLAY}"' not in page
            await Browser(client).get(f"{ENTITY}/delete", 403)
        async with d.site.portal.client(user("bob")) as client:
            for path in (OVERLAY, f"{ENTITY}/delete", f"{ENTITY}/versions/1"):
                await Browser(client).get(path, 404)
            assert "till" not in (await Browser(client).get("/catalog/overlays")).split("<main")[1]


async def test_overlays_by_rest_and_actions(open_desk: Any, world: Any):
    """Read, set from a version, taken away; findings and what stands when it clashes."""
    world.write("org.yaml", till(), group("team"))
    base = "/api/editing/v1/entities/component/default/till"
    async with open_desk("org.yaml") as d, d.site.portal.client(SYSTEM) as client:
        first = (await client.get(f"{base}/overlay")).json()
        assert first["fields"] == {} and first["mayUpdate"]
        body = {"fields": {"metadata.title": "T", "metadata.description": None}, "mark": first["mark"]}
        second = (await client.put(f"{base}/overlay", json=body)).json()
        assert second["fields"]["metadata.description"] | {"at": ""} == {
            "value": None, "source": "Takes money", "sourceThen": "Takes money", "by": SYSTEM.subject, "at": "", "hasMoved": False
        }  # fmt: skip
        clash = await client.put(f"{base}/overlay", json=body)
        assert clash.status_code == 409 and clash.json()["theirs"]["mark"] == second["mark"]
        for fields, status in (({"metadata.name": "x"}, 400), ({"spec.owner": None}, 400), ("x", 400)):
            answer = await client.put(f"{base}/overlay", json={"fields": fields, "mark": second["mark"]})
            assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
        assert [one["entityRef"] for one in (await client.get("/api/editing/v1/overlays")).json()["items"]] == [TILL]
        assert (await client.get("/api/editing/v1/overlays?limit=0")).status_code == 400
        assert (await client.delete(f"{base}/overlay?mark={second['mark']}")).json()["fields"] == {}
        assert (await client.put(f"{base}/hidden", json={"why": "Old"})).status_code == 204
        (hidden,) = (await client.get("/api/editing/v1/hidden")).json()["items"]
        assert (hidden["entityRef"], hidden["why"]) == (TILL, "Old")
        assert (await client.get(f"{base}/overlay")).status_code == 404
        assert (await client.delete(f"{base}/hidden")).status_code == 204
        run = d.site.portal.actions.invoke
        made = await run("editing:set-overlay", {"entityRef": TILL, "fields": {"metadata.title": "A"}}, actor=SYSTEM)
        found = await run("editing:get-overlay", {"entityRef": TILL}, actor=SYSTEM)
        assert made == found and found["fields"]["metadata.title"]["value"] == "A"

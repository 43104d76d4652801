"""Registered locations, refresh, removal, and what never came through."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callboard.features.catalog.interface import LocationExists, LocationNotFound
from callboard.features.catalog.service.asking import FILE_JOB
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.model.refs import EntityRef, LocationRef
from callboard.testing import admin, component, group, location
from callboard.testing.http import FakeAnswer

pytestmark = pytest.mark.anyio

A, B, C = "component:default/a", "component:default/b", "component:default/c"
URL = "https://files.test/one.yaml"
TWO = "https://files.test/two.yaml"
HERE = LocationRef("url", URL)


async def _register(site: Any, target: str = URL, **options: Any) -> Any:
    found = await site.commands.create_location(
        LocationRef("url", target), on_conflict=options.get("on_conflict", "reject"), actor=options.get("actor", SYSTEM)
    )
    await site.settle()
    return found


# ---- registered locations ---------------------------------------------------------------------------------------------


async def test_a_registered_location_brings_its_entities(each_world: Any) -> None:
    """It has an id and stands as a Location entity whose name is made from its target."""
    each_world.serve(URL, component("a"), component("b"))
    async with each_world.site() as site:
        made = await _register(site, actor=admin("ada"))
        assert (made.type, made.target) == ("url", URL)
        assert made.entity_ref == await site.location_ref()
        assert await site.refs() == {A, B}
        assert await site.commands.list_locations(actor=SYSTEM) == [made]
        assert await site.commands.get_location(made.id, actor=SYSTEM) == made
        for ref in (A, made.entity_ref):
            assert await site.commands.get_location_by_entity(EntityRef.parse(ref), actor=SYSTEM) == made
        (created,) = await site.history(made.entity_ref)
        assert (created.change, created.actor) == ("created", "user:default/ada")


async def test_the_name_of_a_location_entity_is_that_of_backstage(world: Any) -> None:
    """Source: recorded answer of Backstage 1.55 for this very target."""
    async with world.site() as site:
        made = await _register(site, "http://127.0.0.1:7099/one.yaml")
        assert made.entity_ref == "location:default/generated-48b12051071c67d851ed574de6d1ad79a1abcc99"


async def test_a_location_is_registered_once(each_world: Any) -> None:
    """Again is a conflict; with ``refresh`` it is read again instead, and keeps its id."""
    each_world.serve(URL, component("a"))
    async with each_world.site() as site:
        made = await _register(site)
        with pytest.raises(LocationExists, match=f"^Location url:{URL} already exists$"):
            await _register(site)
        each_world.serve(URL, component("b"))
        assert await _register(site, on_conflict="refresh") == made
        assert await site.refs() == {B}
        assert await site.commands.list_locations(actor=SYSTEM) == [made]


async def test_the_settings_say_what_happens_to_a_location_that_is_there_already(world: Any) -> None:
    """``catalog.defaultLocationConflictStrategy`` holds where the caller says nothing."""
    world.serve(URL, component("a"))
    async with world.site(defaultLocationConflictStrategy="refresh") as site:
        made = await _register(site)
        assert await site.commands.create_location(HERE, actor=SYSTEM) == made


async def test_a_location_can_be_registered_before_its_file_is_there(world: Any) -> None:
    """It says what is missing, and gives its entities once the file is there."""
    world.fail(URL, 404)
    async with world.site() as site:
        await _register(site)
        assert await site.refs() == set()
        assert [error["name"] for error in await site.location_errors()] == ["NotFoundError"]
        world.serve(URL, component("a"))
        await site.sweep()
        assert await site.refs() == {A}


@pytest.mark.parametrize("kind", ["file", "nope"])
async def test_only_urls_may_be_registered(world: Any, kind: str) -> None:
    """Source of the message: recorded answer of Backstage 1.55. Files are for whoever holds the store itself."""
    actor = admin("ada")
    async with world.site() as site:
        with pytest.raises(InputError, match=r'^Registered locations must be of an allowed type \["url"\]$'):
            await site.commands.create_location(LocationRef(kind, "/x.yaml"), on_conflict="reject", actor=actor)
        with pytest.raises(InputError, match="javascript"):
            await site.commands.create_location(
                LocationRef("url", "JavaScript:alert(1)"), on_conflict="reject", actor=actor
            )
        assert await site.commands.list_locations(actor=SYSTEM) == []


async def test_whoever_holds_the_store_may_register_a_file(world: Any) -> None:
    """As the command line does on a local store; what the file names beside it is read as from the settings."""
    path = world.write("all.yaml", location("inner", "./a.yaml"))
    world.write("a.yaml", component("a"))
    async with world.site() as site:
        made = await site.commands.create_location(LocationRef("file", str(path)), on_conflict="reject", actor=SYSTEM)
        await site.settle()
        assert await site.refs() == {"location:default/inner", A}
        await site.commands.delete_location(made.id, actor=SYSTEM)
        assert await site.refs() == set()


async def test_a_changed_location_keeps_its_id_its_entity_and_what_both_targets_give(each_world: Any) -> None:
    """The Location entity stays the same one; what only the old target gave goes when the new one has been read."""
    each_world.serve(URL, component("a"), component("b"))
    each_world.serve(TWO, component("b"), component("c"))
    async with each_world.site() as site:
        made = await _register(site)
        uid = (await site.get(made.entity_ref))["metadata"]["uid"]
        changed = await site.commands.update_location(made.id, LocationRef("url", TWO), actor=SYSTEM)
        assert (changed.id, changed.entity_ref, changed.target) == (made.id, made.entity_ref, TWO)
        assert await site.refs() == {A, B}, "nothing goes before the new target was read"
        await site.settle()
        assert await site.refs() == {B, C}
        entity = await site.get(made.entity_ref)
        assert entity["spec"]["target"] == TWO
        assert entity["metadata"]["uid"] == uid
        assert await site.all_findings() == []
        assert (await site.get(B))["metadata"]["annotations"]["backstage.io/managed-by-origin-location"] == f"url:{TWO}"


async def test_a_location_cannot_be_changed_into_another_or_into_an_unknown_one(world: Any) -> None:
    """Unknown ids and targets that are taken are refused."""
    world.serve(URL, component("a"))
    world.serve(TWO, component("b"))
    async with world.site() as site:
        made = await _register(site)
        await _register(site, TWO)
        with pytest.raises(LocationExists):
            await site.commands.update_location(made.id, LocationRef("url", TWO), actor=SYSTEM)
        unknown = "00000000-0000-0000-0000-000000000000"
        with pytest.raises(LocationNotFound, match=f"^Found no location with ID {unknown}$"):
            await site.commands.update_location(unknown, LocationRef("url", TWO), actor=SYSTEM)
        assert await site.refs() == {A, B}


async def test_a_removed_location_takes_its_tree_along(each_world: Any) -> None:
    """All that only it gave goes at once; removing it again finds nothing."""
    each_world.serve(URL, component("a"), location("more", "./two.yaml"))
    each_world.serve(TWO, component("b"))
    each_world.write("own.yaml", component("c"))
    async with each_world.site("own.yaml") as site:
        made = await _register(site)
        assert await site.refs() == {A, B, C, "location:default/more"}
        await site.commands.delete_location(made.id, actor=SYSTEM)
        assert await site.refs() == {C}
        assert await site.rows("SELECT id FROM catalog_file WHERE location LIKE 'url:%'") == []
        await site.settle()
        assert await site.refs() == {C}
        with pytest.raises(LocationNotFound, match=f"^Found no location with ID {made.id}$"):
            await site.commands.delete_location(made.id, actor=SYSTEM)


async def test_a_location_removed_while_it_is_read_leaves_nothing(each_world: Any) -> None:
    """Its host is slow, somebody removes it meanwhile: what the answer holds does not come in any more."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow() -> FakeAnswer:
        asked.set()
        await answer.wait()
        return FakeAnswer(200, {}, each_world.yaml(component("a")).encode())

    each_world.answer_with(URL, slow)
    async with each_world.site() as site:
        made = await site.commands.create_location(HERE, on_conflict="reject", actor=SYSTEM)
        reading = asyncio.create_task(site.settle())
        await asked.wait()
        await site.commands.delete_location(made.id, actor=SYSTEM)
        answer.set()
        await reading
        assert await site.refs() == set()
        assert await site.rows("SELECT id FROM catalog_node") == []
        assert await site.rows("SELECT id FROM catalog_finding") == []


async def test_registered_locations_are_there_after_a_restart(each_world: Any) -> None:
    """Also when the portal died between writing the location down and giving its entity."""
    each_world.serve(URL, component("a"))
    each_world.serve(TWO, component("b"))
    async with each_world.site() as site:
        one = await _register(site)
        async with site.portal.db.write() as tx:
            await tx.execute(
                "INSERT INTO catalog_location (id, type, target, entity_ref, created_at) VALUES ('x', 'url', $1, $2, '')",
                TWO,
                "location:default/generated-" + "0" * 40,
            )
    async with each_world.site() as site:
        assert await site.refs() == {A, B}
        assert {found.id for found in await site.commands.list_locations(actor=SYSTEM)} == {one.id, "x"}
        async with site.portal.db.write() as tx:
            await tx.execute("DELETE FROM catalog_location WHERE id = 'x'")
    async with each_world.site() as site:
        assert await site.refs() == {A}


async def test_a_location_both_configured_and_registered_stays_until_both_let_go(world: Any) -> None:
    """They are one Location entity, held up by two."""
    world.serve(URL, component("a"))
    async with world.site({"type": "url", "target": URL}) as site:
        made = await _register(site)
        await site.commands.delete_location(made.id, actor=SYSTEM)
        assert await site.refs() == {A}
        await _register(site)
    async with world.site() as site:
        assert await site.refs() == {A}


async def test_a_readonly_catalog_refuses_every_write_by_hand(world: Any) -> None:
    """``catalog.readonly``: no registration, no change, no removal."""
    world.write("all.yaml", component("a"))
    async with world.site("all.yaml", readonly=True) as site:
        uid = (await site.get(A))["metadata"]["uid"]
        for attempt in (
            site.commands.create_location(HERE, on_conflict="reject", actor=SYSTEM),
            site.commands.update_location("x", HERE, actor=SYSTEM),
            site.commands.delete_location("x", actor=SYSTEM),
            site.commands.delete_by_uid(uid, actor=SYSTEM),
        ):
            with pytest.raises(NotAllowedError, match=r"catalog\.readonly"):
                await attempt
        assert await site.refs() == {A}


# ---- refresh ----------------------------------------------------------------------------------------------------------


async def test_a_refresh_reads_the_file_of_the_entity_alone(each_world: Any) -> None:
    """Its neighbours under the same Location are not looked at, and the change is there with the next read."""
    urls = [f"https://files.test/{n}.yaml" for n in range(5)]
    each_world.serve(URL, location("all", *urls))
    for n, url in enumerate(urls):
        each_world.serve(url, component(f"c{n}", metadata={"description": "old"}))
    async with each_world.site({"type": "url", "target": URL}) as site:
        for n, url in enumerate(urls):
            each_world.serve(url, component(f"c{n}", metadata={"description": "new"}))
        asked = len(each_world.http.sent)
        await site.commands.refresh(EntityRef.parse("component:default/c3"), actor=SYSTEM)
        assert await site.settle_kinds(FILE_JOB) == 1
        await site.settle()
        assert [request.url for request in each_world.http.sent[asked:]] == [urls[3]]
        assert await site.description("component:default/c3") == "new"
        assert await site.description("component:default/c2") == "old"


async def test_a_refresh_of_a_location_reads_its_targets(each_world: Any) -> None:
    """Files that came or went are found."""
    each_world.write("a.yaml", component("a"))
    async with each_world.site("*.yaml") as site:
        each_world.write("b.yaml", component("b"))
        each_world.remove("a.yaml")
        await site.commands.refresh(EntityRef.parse(await site.location_ref()), actor=SYSTEM)
        await site.settle()
        assert await site.refs() == {B}


async def test_a_refresh_names_who_asked_for_it(world: Any) -> None:
    """History tells the actor of the refresh, not the job."""
    world.write("a.yaml", component("a"))
    async with world.site("a.yaml") as site:
        world.write("a.yaml", component("a", metadata={"description": "new"}))
        await site.commands.refresh(EntityRef.parse(A), actor=admin("ada"))
        await site.settle()
        assert (await site.history(A))[-1].actor == "user:default/ada"


async def test_an_unknown_entity_cannot_be_refreshed(world: Any) -> None:
    """Source of the message: recorded answer of Backstage 1.55."""
    async with world.site() as site:
        with pytest.raises(Exception, match="^Entity component:default/nope not found$"):
            await site.commands.refresh(EntityRef.parse("component:default/nope"), actor=SYSTEM)


async def test_what_a_push_touched_is_read_again(each_world: Any) -> None:
    """Refresh keys are locations of files; unknown ones cost nothing."""
    each_world.serve(URL, component("a"))
    async with each_world.site({"type": "url", "target": URL}) as site:
        each_world.serve(URL, component("b"))
        assert await site.catalog.commands.refresh_keys([f"url:{URL}", "url:https://files.test/unknown.yaml"]) == 1
        await site.settle()
        assert await site.refs() == {B}


async def test_a_slow_answer_does_not_undo_what_a_quicker_reader_brought(each_world: Any) -> None:
    """The sweep waits for a slow host, a push reads the newer version meanwhile: the old answer comes too late."""
    each_world.serve(URL, component("a", metadata={"description": "first"}))
    async with each_world.site({"type": "url", "target": URL}) as site:
        asked, answer = asyncio.Event(), asyncio.Event()

        async def slow() -> FakeAnswer:
            asked.set()
            await answer.wait()
            return FakeAnswer(
                200, {}, each_world.yaml(component("a", metadata={"description": "old"}), component("c")).encode()
            )

        each_world.answer_with(URL, slow)
        (node,) = await site.rows("SELECT id FROM catalog_ref WHERE ref = $1", await site.location_ref())
        sweeping = asyncio.create_task(site.catalog.locations.refresh_location(node[0]))
        await asked.wait()
        each_world.serve(URL, component("a", metadata={"description": "new"}), component("b"))
        await site.catalog.commands.refresh_keys([f"url:{URL}"])
        await site.settle()
        assert await site.description(A) == "new"
        answer.set()
        await sweeping
        assert await site.description(A) == "new"
        await site.settle()
        assert await site.refs() == {A, B}
        assert await site.description(A) == "new"


# ---- removal by uid ---------------------------------------------------------------------------------------------------


async def test_a_deleted_entity_comes_back_while_its_file_names_it(each_world: Any) -> None:
    """Gone at once, back with the next job, as a new entity; others of the file are not touched."""
    each_world.write("all.yaml", component("a"), component("b"), group("team"))
    async with each_world.site("all.yaml") as site:
        uid = (await site.get(A))["metadata"]["uid"]
        await site.commands.delete_by_uid(uid, actor=admin("ada"))
        assert await site.refs() == {B, "group:default/team"}
        assert [r["targetRef"] for r in (await site.get("group:default/team"))["relations"]] == [B]
        await site.settle()
        assert await site.refs() == {A, B, "group:default/team"}
        assert (await site.get(A))["metadata"]["uid"] != uid
        assert [(e.change, e.actor) for e in await site.history(A)][1] == ("deleted", "user:default/ada")
        assert await site.changes(B) == ["created"]
        await site.commands.delete_by_uid(uid, actor=SYSTEM)
        assert A in await site.refs(), "an old uid means nobody any more"


async def test_a_deletion_is_not_forgotten_when_a_refresh_comes_in_between(each_world: Any) -> None:
    """Two reasons to read a file before the job runs: the entity comes back all the same."""
    each_world.write("all.yaml", component("a"), component("b"))
    async with each_world.site("all.yaml") as site:
        await site.commands.delete_by_uid((await site.get(A))["metadata"]["uid"], actor=SYSTEM)
        await site.commands.refresh(EntityRef.parse(B), actor=SYSTEM)
        await site.settle()
        assert await site.refs() == {A, B}


async def test_a_deleted_entity_of_an_unreadable_file_comes_back_when_the_file_does(world: Any) -> None:
    """The wish to read it again outlives the outage."""
    world.serve(URL, component("a"))
    async with world.site({"type": "url", "target": URL}) as site:
        world.fail(URL, 500)
        await site.commands.delete_by_uid((await site.get(A))["metadata"]["uid"], actor=SYSTEM)
        await site.settle()
        assert await site.refs() == set()
        world.serve(URL, component("a"))
        await site.sweep()
        assert await site.refs() == {A}


async def test_a_deleted_location_entity_comes_back_with_its_tree(each_world: Any) -> None:
    """Configured, registered, or nested: whoever names the Location names it again."""
    each_world.write("all.yaml", location("inner", "./a.yaml"))
    each_world.write("a.yaml", component("a"))
    each_world.serve(URL, component("b"))
    async with each_world.site("all.yaml") as site:
        made = await _register(site)
        everything = await site.refs()
        assert everything == {"location:default/inner", A, B}
        (configured,) = [str(EntityRef.of(e)) for e in await site.locations() if e["spec"]["type"] == "file"]
        for ref in (configured, made.entity_ref, "location:default/inner"):
            await site.commands.delete_by_uid((await site.get(ref))["metadata"]["uid"], actor=SYSTEM)
            assert await site.refs() < everything
            await site.settle()
            assert await site.refs() == everything
            assert len(await site.locations()) == 2


async def test_a_deleted_entity_of_a_provider_comes_back_with_its_next_run(world: Any) -> None:
    """The provider is asked at once."""
    from callboard.features.catalog.interface import DeferredEntity, FullMutation

    class Once:
        name, every_s = "once", 3_600.0

        async def run(self, connection: Any) -> None:
            await connection.apply(FullMutation([DeferredEntity(component("a"), "once")]))

    async with world.site(extension=world.extend(providers=[Once()])) as site:
        await site.commands.delete_by_uid((await site.get(A))["metadata"]["uid"], actor=SYSTEM)
        assert await site.refs() == set()
        await site.settle()
        assert await site.refs() == {A}


# ---- what never came through ------------------------------------------------------------------------------------------


async def test_unprocessed_entities_are_listed_with_their_errors(each_world: Any) -> None:
    """Refused ones as failed, by owner if asked; those that stand with a last good state among them."""
    bad = component("bad", owner="team-a")
    del bad["spec"]["lifecycle"]
    each_world.write("all.yaml", component("a"), bad)
    async with each_world.site("all.yaml") as site:
        worse = component("a")
        del worse["spec"]["type"]
        each_world.write("all.yaml", worse, bad)
        await site.sweep()
        failed = await site.commands.list_unprocessed("failed", owner=None, actor=SYSTEM)
        assert [row["entity_ref"] for row in failed] == [A, "component:default/bad"]
        assert failed[0]["processed_entity"]["kind"] == "Component"
        assert failed[1]["processed_entity"] is None
        assert failed[1]["unprocessed_entity"]["metadata"]["name"] == "bad"
        assert "lifecycle" in failed[1]["errors"][0]["message"]
        assert failed[1]["location_key"] == f"file:{each_world.path('all.yaml')}"
        owned = await site.commands.list_unprocessed("failed", owner="group:default/team-a", actor=SYSTEM)
        assert [row["entity_ref"] for row in owned] == ["component:default/bad"]
        assert await site.commands.list_unprocessed("pending", owner=None, actor=SYSTEM) == []


async def test_an_unprocessed_entity_can_be_removed(world: Any) -> None:
    """It goes, and comes back as long as its file says so."""
    bad = component("bad")
    del bad["spec"]["owner"]
    world.write("all.yaml", component("a"), bad)
    async with world.site("all.yaml") as site:
        (row,) = await site.commands.list_unprocessed("failed", owner=None, actor=SYSTEM)
        await site.commands.delete_unprocessed(row["entity_id"], actor=SYSTEM)
        assert await site.commands.list_unprocessed("failed", owner=None, actor=SYSTEM) == []
        await site.commands.delete_unprocessed(row["entity_id"], actor=SYSTEM)
        world.write("all.yaml", component("a"))
        await site.sweep()
        assert await site.commands.list_unprocessed("failed", owner=None, actor=SYSTEM) == []
        assert await site.all_findings() == []

"""The one way in: events, orphans, and neighbours that are stitched later."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callboard.kernel.auth.actor import SYSTEM
from callboard.model.refs import EntityRef, LocationRef
from callboard.testing import component, group, location

pytestmark = pytest.mark.anyio

A, B = "component:default/a", "component:default/b"
TOPIC = "catalog.entities.changed"


async def _told(subscription: Any) -> list[dict[str, Any]]:
    found = []
    while (event := await subscription.next(timeout_s=0.05)) is not None:
        found.append(event.payload)
    return found


async def test_each_change_is_told_once(each_world: Any) -> None:
    """Refs that came, changed, went and failed, with their counts; nothing when nothing changed."""
    each_world.write("all.yaml", component("a"), component("b"), group("team"))
    async with each_world.site("all.yaml", settle=False) as site:
        with_events = site.portal.events.subscribe(TOPIC)
        await site.settle()
        told = await _told(with_events)
        created = [ref for payload in told for ref in payload["created"]]
        assert sorted(ref for ref in created if "generated" not in ref) == [A, B, "group:default/team"]
        assert not any(payload["updated"] or payload["deleted"] or payload["failed"] for payload in told)
        await site.sweep()
        assert await _told(with_events) == []
        bad = component("b")
        del bad["spec"]["type"]
        each_world.write("all.yaml", component("a", metadata={"description": "new"}), bad, component("c"))
        await site.sweep()
        (payload,) = await _told(with_events)
        assert payload["created"] == ["component:default/c"]
        assert sorted(payload["updated"]) == [A, B]
        assert payload["deleted"] == ["group:default/team"]
        assert payload["failed"] == [B]
        assert payload["counts"] == {"created": 1, "updated": 2, "deleted": 1, "failed": 1}
        assert payload["actor"] == "plugin:callboard"
        assert payload["revision"] == await site.revision()
        each_world.write("all.yaml", component("a", metadata={"description": "newer"}), bad, component("c"))
        await site.sweep()
        (payload,) = await _told(with_events)
        assert payload["failed"] == [], "it had failed before"


async def test_a_large_change_is_told_by_its_numbers(world: Any) -> None:
    """Beyond a hundred refs the event says how many there are."""
    world.write("all.yaml", *(component(f"c{n}") for n in range(150)))
    async with world.site("all.yaml", settle=False) as site:
        subscription = site.portal.events.subscribe(TOPIC)
        await site.settle()
        told = await _told(subscription)
        assert sum(payload["counts"]["created"] for payload in told) == 150
        assert max(len(payload["created"]) for payload in told) == 100


# ---- orphans ----------------------------------------------------------------------------------------------------------


async def test_orphans_are_deleted_unless_told_otherwise(each_world: Any) -> None:
    """Whatever nothing gives any more goes, all the way down."""
    each_world.write("all.yaml", location("inner", "./deep.yaml"), component("a"))
    each_world.write("deep.yaml", component("b"))
    async with each_world.site("all.yaml") as site:
        assert await site.refs() == {"location:default/inner", A, B}
    async with each_world.site() as site:
        assert await site.refs() == set()
        assert await site.locations() == []
        for table in ("catalog_node", "catalog_entity", "catalog_edge", "catalog_file", "catalog_document", "catalog_term",
                      "catalog_relation", "catalog_finding"):  # fmt: skip
            assert await site.rows(f"SELECT * FROM {table} LIMIT 1") == [], table


async def test_orphans_are_kept_and_marked_when_the_settings_say_so(each_world: Any) -> None:
    """They carry Backstage's annotation, stay readable, and lose it when something gives them again."""
    each_world.write("all.yaml", component("a"), component("b"))
    async with each_world.site("all.yaml", orphanStrategy="keep") as site:
        each_world.write("all.yaml", component("b"))
        await site.sweep()
        assert await site.refs() == {A, B}
        assert (await site.get(A))["metadata"]["annotations"]["backstage.io/orphan"] == "true"
        assert "backstage.io/orphan" not in (await site.get(B))["metadata"]["annotations"]
        each_world.write("all.yaml", component("b"), component("a", metadata={"description": "back"}))
        await site.sweep()
        entity = await site.get(A)
        assert entity["metadata"]["description"] == "back"
        assert "backstage.io/orphan" not in entity["metadata"]["annotations"]


async def test_a_kept_orphan_may_be_given_by_another_location(each_world: Any) -> None:
    """Nobody holds it any more, so its old location cannot keep others out."""
    each_world.write("one.yaml", component("a", metadata={"description": "one"}))
    each_world.write("two.yaml", component("a", metadata={"description": "two"}))
    async with each_world.site("one.yaml", orphanStrategy="keep") as site:
        uid = (await site.get(A))["metadata"]["uid"]
        each_world.write("one.yaml", component("b"))
        await site.sweep()
    async with each_world.site("one.yaml", "two.yaml", orphanStrategy="keep") as site:
        entity = await site.get(A)
        assert entity["metadata"]["description"] == "two"
        assert entity["metadata"]["uid"] == uid
        assert "backstage.io/orphan" not in entity["metadata"]["annotations"]


async def test_a_kept_orphan_can_be_removed_for_good(world: Any) -> None:
    """Nothing names it, so it does not come back."""
    world.write("all.yaml", component("a"))
    async with world.site("all.yaml", orphanStrategy="keep") as site:
        world.write("all.yaml")
        await site.sweep()
        await site.commands.delete_by_uid((await site.get(A))["metadata"]["uid"], actor=SYSTEM)
        await site.sweep()
        assert await site.refs() == set()


# ---- neighbours that wait ---------------------------------------------------------------------------------------------


async def test_a_group_with_many_members_ends_up_with_every_relation(each_world: Any) -> None:
    """More neighbours than one transaction stitches, from several files: each relation is there once."""
    for n in range(4):
        each_world.write(f"{n}.yaml", *(component(f"c{n}-{m}") for m in range(120)))
    each_world.write("team.yaml", group("team"))
    async with each_world.site("*.yaml") as site:
        relations = (await site.get("group:default/team"))["relations"]
        assert len(relations) == 480
        assert await site.rows("SELECT id FROM catalog_node WHERE stitch_due = 1") == []
        for n in range(4):
            each_world.write(f"{n}.yaml", *(component(f"c{n}-{m}", owner="other") for m in range(120)))
        await site.sweep()
        assert (await site.get("group:default/team"))["relations"] == []


async def test_what_was_left_to_be_stitched_is_stitched_after_a_restart(each_world: Any) -> None:
    """A portal that dies between writing and stitching leaves marks; the next one does the rest."""
    each_world.write("all.yaml", component("a"), group("team"))
    async with each_world.site("all.yaml") as site:
        pass
    async with each_world.site("all.yaml", settle=False) as site, site.portal.db.write() as tx:
        team = await tx.fetch_value("SELECT id FROM catalog_ref WHERE ref = 'group:default/team'")
        other = await tx.fetch_value("SELECT id FROM catalog_ref WHERE ref = $1", A)
        await tx.execute(
            "INSERT INTO catalog_relation (source_id, type, target_id, origin_id) VALUES ($1, 'hasPart', $2, $2)",
            team,
            other,
        )
        await tx.execute("UPDATE catalog_node SET stitch_due = 1 WHERE id = $1", team)
        await tx.execute("DELETE FROM kernel_job")
    async with each_world.site("all.yaml") as site:
        relations = (await site.get("group:default/team"))["relations"]
        assert {"type": "hasPart", "targetRef": A} in relations
        assert await site.rows("SELECT id FROM catalog_node WHERE stitch_due = 1") == []


async def test_a_large_file_cut_off_in_the_middle_is_taken_in_whole_the_next_time(each_world: Any) -> None:
    """A portal that stops after the first part: everything is there once, and what the file lost meanwhile is gone."""
    documents = [component(f"c{n}") for n in range(2_100)]
    each_world.write("all.yaml", *documents, group("team"))
    async with each_world.site("all.yaml", settle=False) as site:
        reading = asyncio.create_task(site.settle())
        while not await site.rows("SELECT id FROM catalog_file WHERE state = 'begun'"):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        ((placed,),) = await site.rows("SELECT count(*) FROM catalog_node")
        assert 0 < placed < 2_101
    each_world.write("all.yaml", *documents[1:], group("team"))
    async with each_world.site("all.yaml") as site:
        assert len(await site.refs()) == 2_100
        assert "component:default/c0" not in await site.refs()
        assert len((await site.get("group:default/team"))["relations"]) == 2_099
        assert await site.rows("SELECT id FROM catalog_node WHERE stitch_due = 1") == []


async def test_a_relation_to_what_is_not_there_stands_ready(each_world: Any) -> None:
    """A dangling relation is legal; when its other end comes, it has the relation from the first moment."""
    each_world.write("a.yaml", component("a", dependsOn=["component:b"]))
    async with each_world.site("*.yaml") as site:
        assert {"type": "dependsOn", "targetRef": B} in (await site.get(A))["relations"]
        each_world.write("b.yaml", component("b"))
        await site.sweep()
        assert {"type": "dependencyOf", "targetRef": A} in (await site.get(B))["relations"]
        each_world.remove("a.yaml")
        await site.sweep()
        assert {"type": "dependencyOf", "targetRef": A} not in (await site.get(B))["relations"]
        each_world.write("a.yaml", component("a", dependsOn=["component:a"]))
        await site.sweep()
        assert {r["type"] for r in (await site.get(A))["relations"] if r["targetRef"] == A} == {
            "dependsOn",
            "dependencyOf",
        }


async def test_the_refs_of_a_location_and_its_entity_are_told_apart(world: Any) -> None:
    """A configured location and one that a file gives under the same name do not get into each other's way."""
    path = world.write("all.yaml", component("a"))
    async with world.site("all.yaml") as site:
        ref = EntityRef.parse(await site.location_ref())
    world.write("other.yaml", location(ref.name, "./all.yaml"), component("b"))
    async with world.site("all.yaml", "other.yaml") as site:
        assert await site.refs() == {A, B}
        entity = await site.get(str(ref))
        assert LocationRef.parse(entity["metadata"]["annotations"]["backstage.io/managed-by-location"]).target == str(
            path
        )
        assert len(await site.conflicts()) == 1

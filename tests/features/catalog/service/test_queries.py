"""What is told around an entity: ancestry, near matches, history, findings."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.interface import EntityNotFound
from callboard.kernel.auth.actor import SYSTEM
from callboard.model.refs import EntityRef
from callboard.testing import component, group, location, system, user_entity

pytestmark = pytest.mark.anyio

A, B = "component:default/a", "component:default/b"


async def test_ancestry_leads_from_an_entity_up_to_its_sources(each_world: Any) -> None:
    """The entity first, then every Location above it once, each with the refs of its own parents."""
    each_world.write("one.yaml", location("one", "./shared.yaml"))
    each_world.write("two.yaml", location("two", "./shared.yaml"))
    each_world.write("shared.yaml", component("a"))
    async with each_world.site("*e.yaml", "two.yaml", "one.yaml") as site:
        found = await site.queries.ancestry(EntityRef.parse(A), actor=SYSTEM)
        refs = [str(EntityRef.of(entity)) for entity, _ in found]
        assert refs[0] == A
        assert len(refs) == len(set(refs))
        assert found[0][1] == ["location:default/one", "location:default/two"]
        parents = {ref: above for ref, (_, above) in zip(refs, found, strict=True)}
        assert len(parents["location:default/one"]) == 2
        roots = [ref for ref in refs if ref.startswith("location:default/generated-")]
        assert len(roots) == 3 and all(parents[root] == [] for root in roots)


async def test_ancestry_of_a_cycle_ends(world: Any) -> None:
    """Locations that name each other are told once."""
    world.write("a.yaml", location("a", "./b.yaml"))
    world.write("b.yaml", location("b", "./a.yaml"))
    async with world.site("a.yaml") as site:
        found = await site.queries.ancestry(EntityRef.parse("location:default/b"), actor=SYSTEM)
        assert [str(EntityRef.of(entity)) for entity, _ in found][:2] == ["location:default/b", "location:default/a"]
        assert len(found) == 3


async def test_an_unknown_entity_has_no_ancestry(world: Any) -> None:
    """It is an error, as it is for a hidden one."""
    async with world.site() as site:
        with pytest.raises(EntityNotFound):
            await site.queries.ancestry(EntityRef.parse(A), actor=SYSTEM)


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("component:default/payment-api", "component:default/payments-api"),
        ("component:default/paymentsapi", "component:default/payments-api"),
        ("system:default/payments-api", "component:default/payments-api"),
        ("component:other/payments-api", "component:default/payments-api"),
        ("component:default/api", "component:default/payments-api"),
        ("user:default/adaa", "user:default/ada"),
    ],
)
async def test_near_matches_find_what_was_meant(world: Any, asked: str, first: str) -> None:
    """A slip of the pen, another kind or namespace, a part of the name."""
    world.write(
        "all.yaml",
        component("payments-api"),
        component("checkout"),
        component("payroll"),
        group("payments"),
        user_entity("ada"),
    )
    async with world.site("all.yaml") as site:
        found = await site.queries.near_matches(EntityRef.parse(asked), actor=SYSTEM)
        assert found[:1] == [first]
        assert len(found) <= 5


async def test_nothing_near_is_nothing(world: Any) -> None:
    """No suggestion is better than a silly one."""
    world.write("all.yaml", component("payments-api"))
    async with world.site("all.yaml") as site:
        assert await site.queries.near_matches(EntityRef.parse("component:default/zzzz"), actor=SYSTEM) == []


async def test_history_tells_what_happened_where_and_by_whom(each_world: Any) -> None:
    """Created, updated with what differs, failed, recovered, deleted: each with its source and actor, newest first."""
    path = each_world.write("all.yaml", component("a", metadata={"description": "old", "tags": ["x"]}), component("b"))
    async with each_world.site("all.yaml") as site:
        each_world.clock.advance(60)
        each_world.write("all.yaml", component("a", metadata={"description": "new"}), component("b"))
        await site.sweep()
        bad = component("a")
        del bad["spec"]["owner"]
        each_world.write("all.yaml", bad, component("b"))
        await site.sweep()
        each_world.write("all.yaml", component("a"), component("b"))
        await site.sweep()
        each_world.write("all.yaml", component("b"))
        await site.sweep()
        created, updated, failed, recovered, deleted = await site.history(A)
        assert [e.change for e in (created, updated, failed, recovered, deleted)] == [
            "created", "updated", "failed", "recovered", "deleted",
        ]  # fmt: skip
        for entry in (created, updated, failed, recovered, deleted):
            assert (entry.ref, entry.source, entry.actor) == (A, f"file:{path}", "plugin:callboard")
        assert (updated.at - created.at).total_seconds() == 60
        assert list(created.diff) == []
        assert {"op": "replace", "path": "/metadata/description", "from": "old", "to": "new"} in list(updated.diff)
        assert {"op": "remove", "path": "/metadata/tags", "from": ["x"]} in list(updated.diff)
        assert not any("etag" in change["path"] for change in updated.diff)
        assert [change["path"] for change in failed.diff] == ["/status"]
        assert deleted.diff[0]["from"]["metadata"]["name"] == "a"
        newest = await site.queries.history(EntityRef.parse(A), actor=SYSTEM, limit=2)
        assert [e.change for e in newest] == ["deleted", "recovered"]
        older = await site.queries.history(EntityRef.parse(A), actor=SYSTEM, limit=2, before=newest[-1].id)
        assert [e.change for e in older] == ["failed", "updated"]


async def test_history_of_a_neighbour_tells_the_relation_that_changed(world: Any) -> None:
    """An entity that is named by another changes with it."""
    world.write("all.yaml", component("a", system="shop"), system("shop"))
    async with world.site("all.yaml") as site:
        world.write("all.yaml", component("a"), system("shop"))
        await site.sweep()
        (*_, last) = await site.history("system:default/shop")
        assert list(last.diff) == [{"op": "remove", "path": "/relations", "from": {"type": "hasPart", "targetRef": A}}]


async def test_an_entity_that_went_and_came_has_one_history(world: Any) -> None:
    """The ref is what history belongs to."""
    world.write("all.yaml", component("a"))
    async with world.site("all.yaml") as site:
        for documents in ((), (component("a"),)):
            world.write("all.yaml", *documents)
            await site.sweep()
        assert await site.changes(A) == ["created", "deleted", "created"]


async def test_findings_are_listed_by_owner_and_severity(each_world: Any) -> None:
    """Errors first; an owner sees what concerns their entities, also documents that never came through."""
    mine, other = component("mine", owner="team-a"), component("other", owner="team-b")
    del mine["spec"]["lifecycle"], other["spec"]["lifecycle"]
    each_world.write("all.yaml", mine, other, component("a"), component("a"))
    async with each_world.site("all.yaml") as site:
        found, total = await site.queries.list_findings(actor=SYSTEM)
        assert total == 4
        assert [f.severity for f in found] == ["error"] * 3 + ["warning"]
        found, total = await site.queries.list_findings(owner=["group:default/team-a"], actor=SYSTEM)
        assert (total, [f.entity_ref for f in found]) == (1, ["component:default/mine"])
        found, total = await site.queries.list_findings(severity="warning", actor=SYSTEM)
        assert (total, [f.entity_ref for f in found]) == (1, [A])
        found, total = await site.queries.list_findings(limit=1, offset=1, actor=SYSTEM)
        assert (total, len(found)) == (4, 1)


async def test_a_finding_keeps_the_time_since_when_it_is_true(world: Any) -> None:
    """Reading the file again, with the same fault in it, does not make the fault a new one."""
    bad = component("a")
    del bad["spec"]["owner"]
    world.write("all.yaml", bad, "kind: [\n", component("b"), component("b"))
    async with world.site("all.yaml") as site:
        before = {(f.stage, f.severity): f.since for f in await site.all_findings()}
        assert len(before) == 4
        world.clock.advance(3_600)
        world.write("all.yaml", bad, "kind: [\n", component("b"), component("b"), component("c"))
        await site.sweep()
        assert {(f.stage, f.severity): f.since for f in await site.all_findings()} == before

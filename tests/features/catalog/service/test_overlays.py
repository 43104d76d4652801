"""What people lay over the entities of sources: it stands whatever the source does, and comes off without a trace."""

from __future__ import annotations

import asyncio
from typing import Any, Mapping

import orjson
import pytest

from callboard.features.catalog.export.documents import descriptor_of
from callboard.features.catalog.interface import DeferredEntity, DeltaMutation, FullMutation
from callboard.features.catalog.interface.held import CatalogSources, SourceWrite
from callboard.features.catalog.interface.overlays import (
    OVERLAY_ANNOTATION,
    CatalogOverlays,
    Ground,
    OverlayMoved,
    OverlayWrite,
)
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import InputError
from callboard.testing import component, group
from tests.features.catalog.conftest import Extension, Site, World

pytestmark = pytest.mark.anyio

TILL, TEAM, OTHERS = "component:default/till", "group:default/team", "group:default/others"
FIELDS = {"spec.owner": "others", "metadata.tags": ["money"], "metadata.description": None}


def till(**metadata: Any) -> dict[str, Any]:
    return component("till", owner="team", metadata={"description": "Takes money", **metadata})


async def lay(site: Site, fields: Mapping[str, Any], ref: str = TILL, **more: Any) -> None:
    async with site.portal.db.write() as tx:
        await overlays(site).write(tx, [OverlayWrite(ref, fields, **more)], actor="user:default/ada")
    await site.settle()


def overlays(site: Site) -> CatalogOverlays:
    found: CatalogOverlays = site.portal.service(CatalogOverlays)
    return found


async def ground(site: Site, ref: str = TILL) -> Ground:
    async with site.portal.db.read() as tx:
        return (await overlays(site).list_grounds(tx, [ref]))[ref]


async def hide(site: Site, ref: str = TILL, why: str = "Not ours") -> None:
    async with site.portal.db.write() as tx:
        await overlays(site).hide(tx, [ref], why, actor="user:default/ada")
    await site.settle()


async def show(site: Site, ref: str = TILL) -> None:
    async with site.portal.db.write() as tx:
        await overlays(site).show(tx, [ref], actor="user:default/ada")
    await site.settle()


async def raw(site: Site, ref: str) -> bytes | None:
    return await site.queries.find_raw(ref, actor=SYSTEM)


def relations(entity: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(relation["type"], relation["targetRef"]) for relation in entity["relations"]}


async def test_fields_are_laid_over_at_once_and_come_off_without_a_trace(each_world: World):
    """The entity says them, with its relations and both neighbours'; afterwards every byte and row is as it was."""
    each_world.write("org.yaml", till(), group("team"), group("others"))
    async with each_world.site("org.yaml") as site:
        before = [await raw(site, ref) for ref in (TILL, TEAM, OTHERS)]
        image = await site.image()
        await lay(site, FIELDS)
        entity = await site.get(TILL)
        assert entity["spec"]["owner"] == "others" and entity["metadata"]["tags"] == ["money"]
        assert "description" not in entity["metadata"] and relations(entity) == {("ownedBy", OTHERS)}
        assert entity["metadata"]["annotations"][OVERLAY_ANNOTATION] == "metadata.description,metadata.tags,spec.owner"
        assert OVERLAY_ANNOTATION not in str(descriptor_of(entity))
        assert relations(await site.get(OTHERS)) == {("ownerOf", TILL)} and not relations(await site.get(TEAM))
        assert (await site.history(TILL))[-1].actor == "user:default/ada"
        await lay(site, {})
        assert [await raw(site, ref) for ref in (TILL, TEAM, OTHERS)] == before
        assert await site.image() == image


async def test_an_overlay_stands_whatever_the_source_does(each_world: World):
    """A changed file, a restart, the entity gone and back again: the fields hold, the rest is the source's."""
    each_world.write("org.yaml", till(), group("team"))
    async with each_world.site("org.yaml") as site:
        await lay(site, {"metadata.title": "The till", "metadata.labels.a": "b"})
        each_world.write("org.yaml", till(description="Gives change"), group("team"))
        await site.sweep()
        metadata = (await site.get(TILL))["metadata"]
        assert (metadata["title"], metadata["labels"], metadata["description"]) == (
            "The till",
            {"a": "b"},
            "Gives change",
        )
        each_world.write("org.yaml", group("team"))
        await site.sweep()
        async with site.portal.db.read() as tx:
            (waiting,) = await overlays(site).list_page(tx, hidden=False)
        assert await site.find(TILL) is None and waiting.is_dormant
        with pytest.raises(OverlayMoved):
            await lay(site, {"metadata.title": "x"}, "component:default/never")
    each_world.write("more.yaml", till())
    async with each_world.site("org.yaml", "more.yaml") as site:
        assert (await site.get(TILL))["metadata"]["title"] == "The till"
        async with site.portal.db.read() as tx:
            assert not (await overlays(site).list_page(tx, hidden=False))[0].is_dormant


async def test_a_source_that_says_something_else_under_a_field_is_told(each_world: World):
    """As a warning, until its value is taken or the portal's is kept; a source that came round to the portal's is no news."""
    each_world.write("org.yaml", till(), group("team"), group("others"))
    async with each_world.site("org.yaml") as site:
        await lay(site, {"metadata.description": "Ours"})
        each_world.write("org.yaml", till(description="Theirs"))
        await site.sweep()
        (told,) = await site.findings(TILL)
        assert told.severity == "warning" and "now says Theirs instead of Takes money" in told.message
        assert told.field == "metadata.description" and await site.description(TILL) == "Ours"
        await lay(site, {"metadata.description": "Ours"})
        assert len(await site.findings(TILL)) == 1
        await lay(site, {"metadata.description": "Ours"}, kept=frozenset(["metadata.description"]))
        assert not await site.findings(TILL) and await site.description(TILL) == "Ours"
        each_world.write("org.yaml", till(description="Ours"))
        await site.sweep()
        assert not await site.findings(TILL)
        await lay(site, {})
        assert await site.description(TILL) == "Ours"


async def test_what_cannot_be_laid_over_leaves_the_entity_of_the_source(each_world: World):
    """A field that is no good is refused; one that becomes so is told as an error, and applied again when it fits again."""
    each_world.write("org.yaml", till())
    async with each_world.site("org.yaml") as site:
        for fields in (
            {"spec.owner": None},
            {"metadata.name": "x"},
            {"metadata.tags": ["Not A Tag"]},
            {"spec.dependsOn": ["till"]},
        ):
            with pytest.raises(InputError):
                await lay(site, fields)
        await lay(site, {"spec.profile.email": "a@b.test"})
        each_world.write("org.yaml", component("till", owner="team", apiVersion="backstage.io/v1beta1"))
        await lay(site, {"metadata.description": "x"})
        async with site.portal.db.write() as tx:
            await tx.execute(
                "UPDATE catalog_overlay SET fields = $1",
                '{"spec.owner":{"value":null,"base":"team","by":"x","at":"2026-01-01T00:00:00Z"}}',
            )
        each_world.write("org.yaml", till(title="New"))
        await site.sweep()
        assert (await site.get(TILL))["spec"]["owner"] == "team" and (await site.get(TILL))["metadata"][
            "title"
        ] == "New"
        (error,) = await site.errors(TILL)
        assert error["stage"] == "overlay" and "spec.owner" in error["message"]
        await lay(site, {"metadata.title": "Mine"})
        assert not await site.errors(TILL) and (await site.get(TILL))["metadata"]["title"] == "Mine"


async def test_who_gives_an_entity_does_not_matter(world: World):
    """Providers, by full and delta mutations, unchanged and changed; what it holds is not the provider's to compare."""

    class Given:
        name, every_s = "given", 3600.0

        async def run(self, connection: Any) -> None:
            await connection.apply(FullMutation([DeferredEntity(till())]))

    async with world.site(extension=Extension(providers=[Given()])) as site:
        await lay(site, {"metadata.title": "T"})
        revision = await site.revision()
        await site.run_provider("given")
        assert await site.revision() == revision and (await site.get(TILL))["metadata"]["title"] == "T"
        await site.connection("given").apply(DeltaMutation(added=[DeferredEntity(till(description="New"))]))
        metadata = (await site.get(TILL))["metadata"]
        assert (metadata["title"], metadata["description"]) == ("T", "New")
        assert (await ground(site)).source["metadata"].get("title") is None


async def test_a_held_source_comes_back_byte_for_byte_under_an_overlay(each_world: World):
    """What it gave is what it gave, not what people laid over it: a later undo restores both."""
    async with each_world.site() as site:
        held: CatalogSources = site.portal.service(CatalogSources)

        async def write(**parts: Any) -> Any:
            prepared = await held.prepare(SourceWrite("sheet:x", **parts))
            async with site.portal.db.write() as tx:
                return await held.write(tx, prepared, actor="user:default/ada")

        await write(added=[DeferredEntity(till(), "sheet:x")])
        await lay(site, {"metadata.title": "T"})
        laid = await raw(site, TILL)
        written = await write(added=[DeferredEntity(till(description="New"), "sheet:x")])
        assert "title" not in written.before[TILL].entity["metadata"]
        assert await raw(site, TILL) != laid
        await write(restored=[written.before[TILL]])
        assert await raw(site, TILL) == laid
        gone = await write(removed=[TILL])
        assert await site.find(TILL) is None
        await write(restored=[gone.before[TILL]])
        assert await raw(site, TILL) == laid
        await hide(site)
        gone = await write(removed=[TILL])
        await write(restored=[gone.before[TILL]])
        assert await site.find(TILL) is None
        await show(site)
        assert await raw(site, TILL) == laid


async def test_of_two_who_lay_over_the_same_entity_the_second_is_told(each_world: World):
    """And so is whoever began before the source gave something else."""

    async def attempt(n: int, mark: str) -> str:
        try:
            await lay(site, {"metadata.title": f"n{n}"}, expected=mark)
        except OverlayMoved as error:
            return error.refs[0]
        return "written"

    each_world.write("org.yaml", till())
    async with each_world.site("org.yaml") as site:
        mark = (await ground(site)).mark
        found = await asyncio.gather(*(attempt(n, mark) for n in range(4)))
        assert sorted(found) == [TILL, TILL, TILL, "written"]
        mark = (await ground(site)).mark
        each_world.write("org.yaml", till(description="Meanwhile"))
        await site.sweep()
        assert await attempt(9, mark) == TILL and await attempt(9, (await ground(site)).mark) == "written"


async def test_what_is_kept_out_stays_out_until_it_is_let_in(each_world: World):
    """Its neighbours do not point to it, a refresh does not bring it back, and nothing is told to wait; then it is as before."""
    each_world.write("org.yaml", till(), group("team"))
    async with each_world.site("org.yaml") as site:
        await lay(site, {"metadata.title": "T"})
        before, team = await raw(site, TILL), await raw(site, TEAM)
        await hide(site)
        assert await site.refs() == {TEAM} and not relations(await site.get(TEAM))
        for state in ("pending", "failed"):
            assert not await site.commands.list_unprocessed(state, owner=None, actor=SYSTEM)  # type: ignore[arg-type]
        each_world.write("org.yaml", till(), group("team"), component("more", owner="team"))
        await site.sweep()
        assert await site.refs() == {TEAM, "component:default/more"}
        (subject,) = (await site.why(TILL)).subjects
        assert subject.stopped_at == "stitched" and "Not ours" in subject.steps[-1].detail
        each_world.write("org.yaml", till(), group("team"))
        await site.sweep()
        await show(site)
        assert [await raw(site, TILL), await raw(site, TEAM)] == [before, team]
        with pytest.raises(InputError, match="brings others in"):
            await hide(site, await site.location_ref())


async def test_hidden_entities_of_a_large_load_stay_out(world: World):
    """A load that leaves stitching to a job does not stitch them either."""
    many = [component(f"c{n}", owner="team") for n in range(700)]
    world.write("org.yaml", *many[:1])
    async with world.site("org.yaml") as site:
        await hide(site, "component:default/c0")
        await lay_many(site)
        world.write("org.yaml", *many)
        await site.sweep()
        assert len(await site.refs()) == 699
        assert orjson.loads(await raw(site, "component:default/c7") or b"")["metadata"]["name"] == "c7"


async def lay_many(site: Site) -> None:
    """Nothing to lay: an empty write is no fault."""
    async with site.portal.db.write() as tx:
        await overlays(site).write(tx, [], actor="user:default/ada")

"""Sources that a feature writes in transactions of its own: all or nothing, and put back exactly."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any, AsyncIterator

import pytest

from callboard.features.catalog.interface import DeferredEntity
from callboard.features.catalog.interface.held import CatalogSources, Given, SourceMoved, SourceWrite, SourceWritten
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.testing import component, group

pytestmark = pytest.mark.anyio

SOURCE = "desk:one"
A, B = "component:default/a", "component:default/b"


def given(name: str, **spec: Any) -> DeferredEntity:
    annotations = {"backstage.io/managed-by-location": SOURCE}
    return DeferredEntity(component(name, metadata={"annotations": annotations}, **spec), SOURCE)


class Writes:
    def __init__(self, site: Any) -> None:
        self.site = site
        self.sources: CatalogSources = site.portal.service(CatalogSources)

    async def write(self, source: str = SOURCE, **parts: Any) -> SourceWritten:
        prepared = await self.sources.prepare(SourceWrite(source, **parts))
        async with self.site.portal.db.write() as tx:
            written = await self.sources.write(tx, prepared, actor="user:default/ada")
        await self.site.settle()
        return written

    async def given(self, *refs: str) -> dict[str, Given]:
        async with self.site.portal.db.read() as tx:
            return dict(await self.sources.list_given(tx, SOURCE, refs))


@asynccontextmanager
async def writes(world: Any, *locations: Any, **options: Any) -> AsyncIterator[Writes]:
    async with world.site(*locations, **options) as site:
        yield Writes(site)


async def test_what_was_taken_away_comes_back_as_it_was(each_world: Any):
    """With its uid and its mark; the answer has the same bytes, and what is related to it, too."""
    each_world.write("org.yaml", group("team"), component("user", dependsOn=["component:a"]))
    async with writes(each_world, "org.yaml") as w:
        await w.write(added=[given("a"), given("b")])
        before = {ref: await w.site.find(ref) for ref in (A, B, "component:default/user", "group:default/team")}
        marks = {ref: one.mark for ref, one in (await w.given(A, B)).items()}
        changed = await w.write(added=[given("a", type="website")], removed=[B], expected=marks)
        assert set(changed.before) == {A, B}
        assert set(changed.marks) == {A}
        assert changed.marks[A] != marks[A]
        assert await w.site.refs() == {A, "component:default/user", "group:default/team"}
        await w.write(restored=list(changed.before.values()), expected={A: changed.marks[A], B: None})
        assert {ref: await w.site.find(ref) for ref in before} == before
        assert {ref: one.mark for ref, one in (await w.given(A, B)).items()} == marks


async def test_a_write_that_meets_something_else_writes_nothing(each_world: Any):
    """Another mark, an entity of a file, one that is gone: each is named, and the transaction leaves no trace."""
    each_world.write("org.yaml", component("filed"))
    async with writes(each_world, "org.yaml") as w:
        await w.write(added=[given("a")])
        image, revision = await w.site.image(), await w.site.revision()
        for parts, ref in (
            ({"added": [given("b"), given("a", type="x")], "expected": {A: "another"}}, A),
            ({"added": [given("a", type="x")], "expected": {A: None}}, A),
            ({"added": [given("b"), given("filed")]}, "component:default/filed"),
            ({"added": [given("b")], "removed": ["component:default/gone"], "expected": {"component:default/gone": "x"}},
             "component:default/gone"),
        ):  # fmt: skip
            with pytest.raises(SourceMoved) as error:
                await w.write(**parts)
            assert error.value.refs == (ref,)
            assert ref in error.value.message
        assert (await w.site.image(), await w.site.revision()) == (image, revision)


async def test_a_document_that_would_be_refused_stops_the_whole_write(world: Any):
    """``judge`` says so beforehand, in words; a good one has nothing against it."""
    async with writes(world) as w:
        bad = given("b")
        del bad.entity["spec"]["owner"]
        assert w.sources.judge(SOURCE, given("a")) == []
        assert "owner" in " ".join(w.sources.judge(SOURCE, bad))
        assert w.sources.judge(SOURCE, DeferredEntity({"kind": "Component", "metadata": {}})) != []
        with pytest.raises(InputError, match=B):
            await w.write(added=[given("a"), bad])
        assert await w.site.refs() == set()


async def test_a_held_source_needs_nobody_to_run_it(each_world: Any):
    """It survives a restart; who gives a ref can be asked; empty, it is forgotten."""
    each_world.write("org.yaml", component("filed"))
    async with writes(each_world, "org.yaml") as w:
        await w.write(added=[given("a"), given("b")])
        revision = await w.site.revision()
    async with writes(each_world, "org.yaml") as w:
        assert await w.site.revision() == revision
        async with w.site.portal.db.read() as tx:
            assert dict(await w.sources.list_names(tx, "desk:")) == {SOURCE: 2}
            assert dict(await w.sources.list_names(tx, "other:")) == {}
            assert await w.sources.list_refs(tx, SOURCE) == {A, B}
            givers = await w.sources.list_givers(tx, [A, "component:default/filed", "component:default/none"])
        assert givers[A] == [SOURCE]
        assert len(givers["component:default/filed"]) == 1
        assert "component:default/none" not in givers
        await w.write(removed=[A, B])
        async with w.site.portal.db.read() as tx:
            assert dict(await w.sources.list_names(tx, "")) == {}
        assert await w.site.all_findings() == []


async def test_a_provider_s_source_is_the_provider_s_alone(world: Any):
    """Its next run would undo whatever was written beside it."""
    async with writes(world) as w:
        with pytest.raises(InputError, match="ConfigLocationProvider"):
            await w.write("ConfigLocationProvider", added=[given("a")])


async def test_a_catalog_that_is_read_only_is_not_written(world: Any):
    """``catalog.readonly``."""
    async with writes(world, readonly=True) as w:
        with pytest.raises(NotAllowedError, match=r"catalog\.readonly"):
            await w.write(added=[given("a")])
        with pytest.raises(NotAllowedError):
            w.sources.require_writable()


async def test_what_a_held_source_gave_can_be_traced(world: Any):
    """ "Why" names the source, and nothing is found wrong."""
    async with writes(world) as w:
        await w.write(added=[given("a")])
        (subject,) = (await w.site.why(A)).subjects
        assert subject.stopped_at is None
        assert SOURCE in " ".join(step.detail for step in subject.steps)

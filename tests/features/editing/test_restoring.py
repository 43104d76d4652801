"""What was can be had again: an earlier version of an entity, and one that was deleted."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.interface import EntityNotFound
from callboard.features.editing.interface import EditConflict
from callboard.features.editing.restoring import undo
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import NotAllowedError, NotFoundError
from callboard.model.refs import EntityRef
from callboard.testing import component, group, user
from tests.features.editing.conftest import Desk, text_of
from tests.features.importing.test_access import CREATE, READ, owned, policy

pytestmark = pytest.mark.anyio

TILL = "component:default/till"
REF = EntityRef.parse(TILL)
VALIDATE = {"permission": "catalog.entity.validate"}


async def ids(d: Desk) -> list[int]:
    """Of the changes of the till, oldest first."""
    return [entry.id for entry in await d.site.history(TILL)]


async def restore(d: Desk, id: int, mark: str | None = None) -> None:
    mark = mark if mark is not None else (await d.get(TILL)).mark
    await d.editing.restore(REF, id, base_mark=mark, actor=d.actor)
    await d.site.settle()


async def test_an_earlier_version_is_shown_and_brought_back(each_desk: Any):
    """In the text, whose comments stay; the history keeps both steps."""
    async with each_desk() as d:
        made = await d.create(text_of(note="First"))
        changed = await d.change(TILL, text_of(note="Second", system="shop"), made.mark)
        await d.change(TILL, text_of(note="Third").replace("kept by hand", "kept by us"), changed.mark)
        first, second, third = await ids(d)
        version = await d.editing.find_version(REF, second, actor=SYSTEM)
        assert (
            version is not None
            and "Second" in version.text
            and "system: shop" in version.text
            and "Third" in version.now
        )
        await restore(d, second)
        now = await d.get(TILL)
        assert now.text == text_of(note="Second", system="shop").replace("kept by hand", "kept by us")
        await restore(d, first)
        assert await d.site.description(TILL) == "First" and len(await ids(d)) == 5
        with pytest.raises(EditConflict):
            await restore(d, third, now.mark)
        with pytest.raises(NotFoundError):
            await restore(d, 10_000)


async def test_a_version_of_another_source_s_entity_is_laid_over_it(each_desk: Any, each_world: Any):
    """Only what people wrote: where it comes from stays; back at what the source says nothing is laid over it."""
    each_world.write("org.yaml", component("till", owner="team", metadata={"description": "Old", "tags": ["a"]}))
    async with each_desk("org.yaml") as d:
        each_world.write("org.yaml", component("till", owner="team", metadata={"description": "New"}))
        await d.site.sweep()
        first, second = await ids(d)
        await restore(d, first)
        entity = await d.site.get(TILL)
        assert (entity["metadata"]["description"], entity["metadata"]["tags"]) == ("Old", ["a"])
        found = await d.editing.find_overlay(REF, actor=SYSTEM)
        assert found is not None and [one.path for one in found.fields] == ["metadata.description", "metadata.tags"]
        await restore(d, second)
        assert await d.site.description(TILL) == "New"
        found = await d.editing.find_overlay(REF, actor=SYSTEM)
        assert found is not None and not found.fields


async def test_what_was_deleted_is_listed_and_comes_back_with_its_comments(each_desk: Any):
    """Until something stands under its ref again."""
    async with each_desk() as d:
        for name in ("till", "basket"):
            await d.create(text_of(name, note="Mine"))
            await d.delete(f"component:default/{name}")
        listed = await d.editing.list_deleted(actor=SYSTEM)
        assert [one.ref for one in listed] == ["component:default/basket", TILL]
        assert [one.ref for one in await d.editing.list_deleted(actor=SYSTEM, before=listed[0].id)] == [TILL]
        assert len(await d.editing.list_deleted(actor=SYSTEM, limit=1)) == 1
        await d.editing.restore_deleted(REF, actor=SYSTEM)
        assert (await d.get(TILL)).text == text_of(note="Mine")
        assert [one.ref for one in await d.editing.list_deleted(actor=SYSTEM)] == ["component:default/basket"]
        with pytest.raises(EntityNotFound):
            await d.editing.restore_deleted(REF, actor=SYSTEM)


async def test_deleted_entities_and_versions_are_shown_to_those_who_saw_the_entity(open_desk: Any, world: Any):
    """What another source took away is not among them: it comes back with its source."""
    world.write("org.yaml", component("shelf"), group("team"))
    rules = policy(ada=[owned("catalog.entity.read"), VALIDATE, CREATE], eve=[READ], bob=[])
    ada, eve, bob = user("ada", "group:default/team"), user("eve"), user("bob")
    async with open_desk("org.yaml", more=rules) as d:
        await d.create(text_of())
        (id,) = await ids(d)
        version = await d.editing.find_version(REF, id, actor=eve)
        assert version is not None and not version.may_restore
        with pytest.raises(NotAllowedError):
            await d.as_(eve).editing.restore(REF, id, base_mark=version.mark, actor=eve)
        with pytest.raises(EntityNotFound):
            await d.editing.find_version(REF, id, actor=bob)
        await d.delete(TILL)
        world.write("org.yaml", group("team"))
        await d.site.sweep()
        found = [await d.editing.list_deleted(actor=actor) for actor in (ada, eve, bob)]
        assert [[(one.ref, one.may_restore) for one in page] for page in found] == [[(TILL, True)], [(TILL, False)], []]
        for actor, error in ((eve, NotAllowedError), (bob, EntityNotFound)):
            with pytest.raises(error):
                await d.editing.restore_deleted(REF, actor=actor)
        await d.editing.restore_deleted(REF, actor=ada)
        assert await d.site.find(TILL) is not None


@pytest.mark.parametrize(
    ("diff", "before"),
    [
        ([{"op": "add", "path": "/metadata/labels/a~1b", "to": "c"}], {"metadata": {"name": "x"}}),
        ([{"op": "replace", "path": "/metadata/name", "from": "y", "to": "x"}, {"op": "add", "path": "/relations", "to": {}}],
         {"metadata": {"name": "y", "labels": {"a/b": "c"}}}),
        ([{"op": "remove", "path": "/spec", "from": {"a": 1}}], {"metadata": {"name": "x", "labels": {"a/b": "c"}}, "spec": {"a": 1}}),
        ([{"op": "replace", "path": "", "note": "999 differences"}], None),
    ],
)  # fmt: skip
def test_a_change_is_undone_by_what_its_difference_says(diff: Any, before: Any):
    """Each way round; of too many differences the history keeps no record."""
    assert undo({"metadata": {"name": "x", "labels": {"a/b": "c"}}}, diff) == before

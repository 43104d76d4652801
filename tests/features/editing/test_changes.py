"""Fields of many entities at once: each result is told, and what can be written is written together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callboard.features.editing.interface import ChangeResult, FieldChange
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.testing import component, group, user
from tests.features.editing.conftest import Desk, text_of
from tests.features.importing.test_access import CREATE, READ, owned, policy

pytestmark = pytest.mark.anyio

TILL, BASKET = "component:default/till", "component:default/basket"
VALIDATE = {"permission": "catalog.entity.validate"}


def outcomes(results: Any) -> list[str]:
    return [result.outcome for result in results]


async def change(d: Desk, *changes: FieldChange, **more: Any) -> list[ChangeResult]:
    results = list(await d.editing.change_fields(changes, actor=d.actor, **more))
    await d.site.settle()
    return results


async def test_fields_of_many_are_changed_together(each_desk: Any):
    """In one revision of the catalog; comments in the texts stay, and the values before and after are told."""
    async with each_desk() as d:
        await d.create(text_of())
        await d.create(text_of("basket", owner="others"))
        revision = await d.site.revision()
        values = {"spec.owner": "group:default/new", "metadata.tags": ["a"]}
        found = await change(d, FieldChange(TILL, values), FieldChange(BASKET, values), why="The teams were merged.")
        assert outcomes(found) == ["changed", "changed"] and found[1].before == {
            "spec.owner": "others",
            "metadata.tags": None,
        }
        assert found[0].way == "text" and await d.site.revision() == revision + 1
        assert (await d.get(TILL)).text == text_of(owner="group:default/new").replace(
            "name: till", "name: till\n  tags:\n    - a"
        )
        assert (await d.site.get(BASKET))["spec"]["owner"] == "group:default/new"
        meta = [row[0] for row in await d.site.rows("SELECT meta FROM kernel_audit_event")]
        assert sum("The teams were merged." in str(one) and "spec.owner" in str(one) for one in meta) == 2
        assert outcomes(await change(d, FieldChange(TILL, values))) == ["unchanged"]


async def test_a_preview_says_the_same_and_writes_nothing(open_desk: Any):
    """Neither the texts nor the catalog."""
    async with open_desk() as d:
        await d.create(text_of())
        revision = await d.site.revision()
        changes = [
            FieldChange(TILL, {"spec.lifecycle": "deprecated"}),
            FieldChange("component:default/gone", {"spec.owner": "x"}),
        ]
        preview = await d.editing.preview_changes(changes, actor=SYSTEM)
        assert await d.site.revision() == revision
        assert preview == await change(d, *changes) and outcomes(preview) == ["changed", "missing"]


async def test_what_cannot_be_changed_is_told_and_the_rest_is_written(open_desk: Any):
    """A name, a value that the kind does not take, one that moved since it was looked at."""
    async with open_desk() as d:
        for name in ("till", "basket", "shelf"):
            await d.create(text_of(name))
        found = await change(
            d,
            FieldChange(TILL, {"metadata.name": "other"}),
            FieldChange(BASKET, {"spec.owner": None}),
            FieldChange("component:default/shelf", {"spec.owner": "a"}, expected={"spec.owner": "b"}),
        )
        assert outcomes(found) == ["refused", "refused", "conflict"] and all(result.message for result in found)
        found = await change(
            d,
            FieldChange(TILL, {"spec.owner": "a"}, expected={"spec.owner": "team", "spec.system": None}),
            FieldChange(BASKET, {"spec.owner": ["a"]}),
        )
        assert outcomes(found) == ["changed", "refused"] and "spec/owner" not in found[1].message
        with pytest.raises(InputError, match="more than once"):
            await change(d, FieldChange(TILL, {"spec.owner": "a"}), FieldChange(TILL, {"spec.type": "a"}))


async def test_what_one_may_not_change_or_see_is_told_so(open_desk: Any):
    """Another team's entity is refused; a hidden one is as if it were not there."""
    rules = policy(ada=[READ, VALIDATE, owned("catalog.entity.update")], eve=[CREATE])
    async with open_desk(more=rules) as d:
        await d.create(text_of())
        await d.create(text_of("basket", owner="others"))
        changes = [FieldChange(TILL, {"metadata.title": "T"}), FieldChange(BASKET, {"metadata.title": "B"})]
        assert outcomes(await change(d.as_(user("ada", "group:default/team")), *changes)) == ["changed", "refused"]
        assert outcomes(await change(d.as_(user("eve")), *changes)) == ["missing", "missing"]


async def test_many_at_once_lose_nothing(each_desk: Any):
    """Changes of different fields all hold; of those that name what they expect, one wins and the others are told."""
    async with each_desk() as d:
        await d.create(text_of())
        await d.create(text_of("basket"))
        fields = [f"metadata.labels.l{n}" for n in range(4)]
        found = await asyncio.gather(
            *(change(d, FieldChange(TILL, {field: "x"}), FieldChange(BASKET, {field: "x"})) for field in fields)
        )
        told = [sorted(outcomes(one)) for one in found]
        for ref in (TILL, BASKET):
            labels = (await d.site.get(ref))["metadata"].get("labels", {})
            done = sum(next(r for r in one if r.ref == ref).outcome == "changed" for one in found)
            assert len(labels) == done >= 1, told
        found = await asyncio.gather(
            *(change(d, FieldChange(TILL, {"spec.type": f"t{n}"}, expected={"spec.type": "service"})) for n in range(4))
        )
        assert sorted(one[0].outcome for one in found) == ["changed", "conflict", "conflict", "conflict"]


async def test_new_entities_are_made_together(each_desk: Any):
    """Those that are no good or stand already are told; the same ones again change nothing."""
    async with each_desk() as d:
        await d.create(text_of())
        given = [
            group("a"),
            component("b", owner="group:default/a"),
            component("till"),
            {"kind": "Component"},
            component("b"),
        ]
        found = await d.editing.create_many(given, actor=SYSTEM)
        assert outcomes(found) == ["changed", "changed", "conflict", "refused", "conflict"], found
        assert found[0].ref == "group:default/a" and found[3].message
        assert (await d.get("component:default/b")).giver.is_own
        revision = await d.site.revision()
        assert outcomes(await d.editing.create_many(given[:2], actor=SYSTEM)) == ["unchanged", "unchanged"]
        assert await d.site.revision() == revision


async def test_making_entities_asks_for_permission_and_a_writable_catalog(open_desk: Any):
    """As making one does."""
    async with open_desk(more=policy(eve=[READ])) as d:
        with pytest.raises(NotAllowedError, match=r"catalog\.entity\.create"):
            await d.editing.create_many([group("a")], actor=user("eve"))
    async with open_desk(readonly=True) as d:
        for call in (d.editing.create_many([group("a")], actor=SYSTEM), d.editing.change_fields([], actor=SYSTEM)):
            with pytest.raises(NotAllowedError, match="readonly"):
                await call

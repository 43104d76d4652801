"""Entities of other sources are edited as their own are: what differs is laid over them, and nobody's change is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callboard.features.catalog.interface import DeferredEntity, EntityNotFound
from callboard.features.catalog.interface.held import CatalogSources, SourceWrite
from callboard.features.catalog.interface.overlays import OVERLAY_ANNOTATION
from callboard.features.editing.interface import EditConflict, FieldChange, TextRefused
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.model.refs import EntityRef
from callboard.testing import component, group, user
from tests.features.editing.conftest import Desk, text_of
from tests.features.importing.test_access import READ, owned, policy

pytestmark = pytest.mark.anyio

TILL, BASKET = "component:default/till", "component:default/basket"
REF = EntityRef.parse(TILL)
VALIDATE = {"permission": "catalog.entity.validate"}
ADA, EVE, BOB = user("ada", "group:default/team"), user("eve"), user("bob")


def till(**metadata: Any) -> dict[str, Any]:
    return component("till", owner="team", metadata={"description": "Takes money", **metadata})


async def laid(d: Desk, ref: str = TILL) -> dict[str, Any]:
    found = await d.editing.find_overlay(EntityRef.parse(ref), actor=d.actor)
    assert found is not None
    return {one.path: one.value for one in found.fields}


async def test_what_differs_from_the_source_is_laid_over_it(each_desk: Any, each_world: Any):
    """Saved as text as any other; back at what the source says nothing is laid over it any more."""
    each_world.write("org.yaml", till(), group("team"))
    async with each_desk("org.yaml") as d:
        found = await d.get(TILL)
        text = found.text.replace("Takes money", "Takes coins").replace("name: till", "name: till\n  labels:\n    a: b")
        saved = await d.change(TILL, text, found.mark)
        assert (saved.outcome, await d.site.description(TILL)) == ("changed", "Takes coins")
        assert await laid(d) == {"metadata.description": "Takes coins", "metadata.labels.a": "b"}
        again = await d.get(TILL)
        assert OVERLAY_ANNOTATION not in again.text and again.mark == saved.mark
        first = again.laid[0]
        assert (first.path, first.source, first.by) == (
            "metadata.description",
            "Takes money",
            SYSTEM.subject,
        )
        assert (await d.change(TILL, again.text, again.mark)).outcome == "unchanged"
        assert (await d.change(TILL, found.text, again.mark)).outcome == "changed"
        assert await laid(d) == {} and OVERLAY_ANNOTATION not in (await d.site.get(TILL))["metadata"]["annotations"]


async def test_what_cannot_be_laid_over_is_refused_with_its_place(open_desk: Any, world: Any):
    """Where the entity comes from, another version of the kind, a value that is no good: each by line."""
    world.write("org.yaml", till(), group("team"))
    async with open_desk("org.yaml") as d:
        found = await d.get(TILL)
        for old, new, field in (
            ("backstage.io/v1alpha1", "backstage.io/v1beta1", "apiVersion"),
            ("owner: team", "owner: [a]", "spec.owner"),
        ):
            with pytest.raises(TextRefused) as caught:
                await d.change(TILL, found.text.replace(old, new), found.mark)
            assert caught.value.findings[0].field == field and caught.value.findings[0].line
        location = await d.site.location_ref()
        where = await d.get(location)
        with pytest.raises(TextRefused, match="source's alone"):
            await d.change(location, where.text.replace("spec:", "spec:\n  presence: optional"), where.mark)


async def test_fields_of_any_source_are_changed_together(each_desk: Any, each_world: Any):
    """The portal's own in its text, the others by overlays, in one transaction; a preview says which way."""
    each_world.write("org.yaml", till(), group("team"))
    async with each_desk("org.yaml") as d:
        await d.create(text_of("basket"))
        changes = [FieldChange(ref, {"spec.owner": "others"}, {"spec.owner": "team"}) for ref in (TILL, BASKET)]
        preview = await d.editing.preview_changes(changes, actor=SYSTEM)
        assert [(one.outcome, one.way) for one in preview] == [("changed", "overlay"), ("changed", "text")]
        assert await laid(d) == {}
        assert await d.editing.change_fields(changes, actor=SYSTEM) == preview
        assert [(await d.site.get(ref))["spec"]["owner"] for ref in (TILL, BASKET)] == ["others", "others"]
        assert await laid(d) == {"spec.owner": "others"} and await laid(d, BASKET) == {}
        again = await d.editing.change_fields(changes, actor=SYSTEM)
        assert [one.outcome for one in again] == ["conflict", "conflict"]
        back = [FieldChange(TILL, {"spec.owner": "team"}), FieldChange(BASKET, {"spec.owner": None})]
        found = await d.editing.change_fields(back, actor=SYSTEM)
        assert [one.outcome for one in found] == ["changed", "refused"] and await laid(d) == {}


async def test_an_overlay_over_what_became_the_portal_s_own_gives_way_to_its_text(open_desk: Any, world: Any):
    """Fields that are changed in the text are no longer laid over; the others stay."""
    world.write("org.yaml", till())
    async with open_desk("org.yaml") as d:
        await d.editing.set_overlay(REF, {"metadata.title": "T", "spec.owner": "o"}, base_mark=None, actor=SYSTEM)
        world.write("org.yaml", group("team"))
        await d.site.sweep()
        await d.create(text_of())
        assert (await d.site.get(TILL))["metadata"]["title"] == "T"
        await d.editing.change_fields([FieldChange(TILL, {"spec.owner": "new"})], actor=SYSTEM)
        assert (await d.site.get(TILL))["spec"]["owner"] == "new" and await laid(d) == {"metadata.title": "T"}
        with pytest.raises(InputError, match="portal's own"):
            await d.editing.set_overlay(REF, {"metadata.title": "U"}, base_mark=None, actor=SYSTEM)


async def test_no_update_is_lost_and_each_is_told(each_desk: Any, each_world: Any):
    """Two editors, an import while somebody edits, a source that is read again under an overlay."""

    async def attempt(d: Desk, text: str, mark: str) -> str:
        try:
            return (await d.change(TILL, text, mark)).outcome
        except EditConflict as error:
            return "told" if error.mine == text and error.theirs is not None else "told too little"

    async with each_desk() as d:
        held: CatalogSources = d.site.portal.service(CatalogSources)

        async def import_(document: Any) -> None:
            prepared = await held.prepare(SourceWrite("sheet:x", added=[DeferredEntity(document, "sheet:x")]))
            async with d.site.portal.db.write() as tx:
                await held.write(tx, prepared, actor="user:default/bob")

        await import_(till())
        base = await d.get(TILL)
        ours, theirs = (base.text.replace("Takes money", words) for words in ("Ours", "Theirs"))
        found = await asyncio.gather(attempt(d, ours, base.mark), attempt(d, theirs, base.mark))
        assert sorted(found) == ["changed", "told"]
        winner = "Ours" if found[0] == "changed" else "Theirs"
        assert await d.site.description(TILL) == winner
        mark = (await d.get(TILL)).mark
        await import_(till(description="Imported", title="Till"))
        assert await attempt(d, ours, mark) == "told"
        now = await d.get(TILL)
        assert await d.site.description(TILL) == winner and "title: Till" in now.text
        (one,) = now.laid
        assert one.is_moved and (one.base, one.source) == ("Takes money", "Imported")
        assert any("now says Imported" in finding.message for finding in await d.site.findings(TILL))
        edit = attempt(d, now.text.replace(winner, "Last"), now.mark)
        race, _ = await asyncio.gather(edit, import_(till(description="Again", title="Till")))
        assert await d.site.description(TILL) == ("Last" if race == "changed" else winner)
        (one,) = (await d.get(TILL)).laid
        assert one.source == "Again" and one.is_moved


async def test_the_source_s_value_is_taken_or_known_and_not_taken(open_desk: Any, world: Any):
    """Field by field; who laid the others over, and when, stays as it was."""
    world.write("org.yaml", till(), group("team"))
    async with open_desk("org.yaml") as d:
        both = {"metadata.title": "T", "metadata.description": "D"}
        first = await d.as_(ADA).editing.set_overlay(REF, both, base_mark=None, actor=SYSTEM)
        d.site.clock.advance(3600)
        world.write("org.yaml", till(title="Theirs", description="Theirs"), group("team"))
        await d.site.sweep()
        now = await d.editing.find_overlay(REF, actor=SYSTEM)
        assert now is not None and all(one.is_moved for one in now.fields)
        kept = await d.editing.set_overlay(
            REF, {"metadata.title": "T"}, base_mark=now.mark, actor=SYSTEM, kept=["metadata.title"]
        )
        assert [(one.path, one.is_moved) for one in kept.fields] == [("metadata.title", False)]
        assert kept.fields[0].at > first.fields[1].at and await d.site.description(TILL) == "Theirs"
        with pytest.raises(EditConflict):
            await d.editing.set_overlay(REF, {}, base_mark=now.mark, actor=SYSTEM)
        assert not (await d.editing.set_overlay(REF, {}, base_mark=kept.mark, actor=SYSTEM)).fields


async def test_who_may_not_change_an_entity_lays_nothing_over_it_and_who_may_not_see_it_sees_no_overlay(
    open_desk: Any, world: Any
):
    """By owner, as served: also while the overlay waits for its entity, and while the entity is kept out."""
    world.write("org.yaml", till(), group("team"))
    rules = policy(
        ada=[owned("catalog.entity.read"), VALIDATE, owned("catalog.entity.update"), owned("catalog.entity.delete")], eve=[READ, VALIDATE]
    )  # fmt: skip
    async with open_desk("org.yaml", more=rules) as d:
        with pytest.raises(NotAllowedError):
            await d.editing.set_overlay(REF, {"metadata.title": "T"}, base_mark=None, actor=EVE)
        with pytest.raises(EntityNotFound):
            await d.editing.set_overlay(REF, {"metadata.title": "T"}, base_mark=None, actor=BOB)
        await d.editing.set_overlay(REF, {"metadata.title": "T"}, base_mark=None, actor=ADA)
        refused = await d.editing.change_fields([FieldChange(TILL, {"metadata.title": "E"})], actor=EVE)
        assert refused[0].outcome == "refused"
        with pytest.raises(NotAllowedError):
            await d.editing.hide(REF, why="", actor=EVE)
        world.write("org.yaml", group("team"))
        await d.site.sweep()

        async def seen(actor: Any) -> tuple[int, int]:
            overlays = await d.editing.list_overlays(actor=actor)
            return len(overlays), len(await d.editing.list_hidden(actor=actor))

        assert [await seen(actor) for actor in (ADA, EVE, BOB)] == [(1, 0), (1, 0), (0, 0)]
        waiting = await d.editing.find_overlay(REF, actor=ADA)
        assert waiting is not None and waiting.is_dormant and waiting.may_update
        assert await d.editing.find_overlay(REF, actor=BOB) is None
        with pytest.raises(InputError, match="taken off"):
            await d.editing.set_overlay(REF, {"metadata.title": "U"}, base_mark=waiting.mark, actor=ADA)
        await d.editing.set_overlay(REF, {}, base_mark=waiting.mark, actor=ADA)
        assert await seen(ADA) == (0, 0)
        world.write("org.yaml", till(), group("team"))
        await d.site.sweep()
        await d.editing.hide(REF, why="Two of them", actor=ADA)
        assert [await seen(actor) for actor in (ADA, EVE, BOB)] == [(0, 1), (0, 1), (0, 0)]
        assert not (await d.editing.list_hidden(actor=EVE))[0].may_show
        for actor, error in ((EVE, NotAllowedError), (BOB, EntityNotFound)):
            with pytest.raises(error):
                await d.editing.show(REF, actor=actor)
        await d.editing.show(REF, actor=ADA)
        assert await d.site.find(TILL) is not None and await seen(ADA) == (0, 0)


async def test_what_is_kept_out_is_told_with_why_and_by_whom(open_desk: Any, world: Any):
    """The portal's own is deleted instead; what is decided is in the audit log."""
    world.write("org.yaml", till())
    async with open_desk("org.yaml") as d:
        await d.create(text_of("basket"))
        await d.editing.hide(REF, why="Retired\nlong ago", actor=ADA)
        (hidden,) = await d.editing.list_hidden(actor=SYSTEM)
        assert (hidden.ref, hidden.why, hidden.by, hidden.is_dormant) == (TILL, "Retired long ago", ADA.subject, False)
        assert hidden.location.endswith("org.yaml")
        with pytest.raises(InputError, match="delete it"):
            await d.editing.hide(EntityRef.parse(BASKET), why="", actor=SYSTEM)
        with pytest.raises(EntityNotFound):
            await d.editing.show(EntityRef.parse(BASKET), actor=SYSTEM)
        meta = [
            str(row[0]) for row in await d.site.rows("SELECT meta FROM kernel_audit_event WHERE plugin = 'editing'")
        ]
        assert any('"hide"' in one and "Retired" in one for one in meta)

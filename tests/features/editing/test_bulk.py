"""Many entities are changed at once: looked at first, applied in one go, put back as a whole, with the rights of who asks."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.editing.bulk import service as bulk_service
from callboard.features.editing.bulk.domain import field_change, require_sound
from callboard.features.editing.bulk.interface import BulkChange, BulkChanges, BulkNotFound, BulkNotReady, BulkRecord
from callboard.features.editing.views.bulk import read_change
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.auth.stored_actor import actor_of, dump_actor
from callboard.kernel.errors import InputError, LimitError, NotAllowedError
from callboard.model.kinds import KindRegistry
from callboard.model.predicates import has_value
from callboard.testing import admin, component, user
from tests.features.editing.conftest import Desk, text_of
from tests.features.importing.test_access import CREATE, READ, owned, policy

pytestmark = pytest.mark.anyio

C = "component:default/"
TEAM = text_of("team", kind="Group").replace("  owner: team\n", "").replace("lifecycle: production", "children: []")
CREW = TEAM.replace("team", "crew")
ADA, EVE = user("ada", "group:default/team"), user("eve", "group:default/team")
OWNED = "catalog.entity.update"
COMPONENTS = has_value("kind", ["component"])
RETIRE = BulkChange({"lifecycle": "retired"})


def bulk(d: Desk) -> BulkChanges:
    found: BulkChanges = d.site.portal.service(BulkChanges)
    return found


async def stock(d: Desk, *names: str, owner: str = "team") -> None:
    for text in (TEAM, CREW, *(text_of(name, owner=owner) for name in names)):
        await d.create(text)


async def run(d: Desk, change: BulkChange, **chosen: Any) -> BulkRecord:
    """Plan and apply."""
    planned = await bulk(d).plan(change, actor=d.actor, **(chosen or {"predicate": COMPONENTS}))
    await d.site.settle()
    await bulk(d).apply(planned.id, actor=d.actor)
    await d.site.settle()
    return await bulk(d).get(planned.id, actor=d.actor)


async def spec(d: Desk, name: str) -> dict[str, Any]:
    found: dict[str, Any] = (await d.site.get(C + name))["spec"]
    return found


async def test_a_list_is_changed_in_one_go_and_put_back(each_desk: Any):
    """Owner, lifecycle and tags of everything that a filter holds for; texts keep their comments; undone it is as before."""
    async with each_desk() as d:
        await stock(d, "a", "b", "c")
        before = {name: (await d.get(C + name)).text for name in "abc"}
        change = BulkChange({"owner": "crew", "lifecycle": "retired"}, add_tags=("old",))
        planned = await bulk(d).plan(change, predicate=COMPONENTS, why="Crew takes over", actor=SYSTEM)
        assert (planned.stage, planned.total, planned.counts) == ("planned", 3, {"changed": 3})
        assert (await spec(d, "a"))["owner"] == "team"
        items, total = await bulk(d).list_items(planned.id, limit=2, actor=SYSTEM)
        assert total == 3 and [item.ref for item in items] == [C + "a", C + "b"] and items[0].way == "text"
        assert items[0].before == {"spec.owner": "team", "spec.lifecycle": "production", "metadata.tags": None}
        applied = await bulk(d).apply(planned.id, actor=SYSTEM)
        assert (applied.stage, applied.counts) == ("applied", {"changed": 3})
        entity = await d.site.get(C + "b")
        assert entity["spec"]["owner"] == "group:default/crew" and entity["metadata"]["tags"] == ["old"]
        assert (await d.get(C + "b")).text.startswith("# kept by hand")
        undone = await bulk(d).undo(planned.id, actor=SYSTEM)
        assert (undone.stage, undone.undone) == ("undone", {"changed": 3})
        assert {name: (await d.get(C + name)).document for name in "abc"} == {
            name: (await d.editing.judge(text, actor=SYSTEM)).document for name, text in before.items()
        }


async def test_what_changed_since_is_left_alone(open_desk: Any):
    """Between the look and the change, and between the change and its undoing: each entity is told."""
    async with open_desk() as d:
        await stock(d, "a", "b")
        planned = await bulk(d).plan(RETIRE, predicate=COMPONENTS, actor=SYSTEM)
        mark = (await d.get(C + "a")).mark
        await d.change(C + "a", text_of("a", lifecycle="experimental"), mark)
        applied = await bulk(d).apply(planned.id, actor=SYSTEM)
        assert applied.counts == {"changed": 1, "conflict": 1} and (await spec(d, "a"))["lifecycle"] == "experimental"
        mark = (await d.get(C + "b")).mark
        await d.change(C + "b", text_of("b", lifecycle="deprecated"), mark)
        undone = await bulk(d).undo(planned.id, actor=SYSTEM)
        assert undone.undone == {"conflict": 1} and (await spec(d, "b"))["lifecycle"] == "deprecated"


async def test_each_stage_comes_once(open_desk: Any):
    """Nothing is applied or undone twice, and nothing undone that was not applied."""
    async with open_desk() as d:
        await stock(d, "a")
        planned = await bulk(d).plan(RETIRE, predicate=COMPONENTS, actor=SYSTEM)
        with pytest.raises(BulkNotReady):
            await bulk(d).undo(planned.id, actor=SYSTEM)
        for act in (bulk(d).apply, bulk(d).undo):
            await act(planned.id, actor=SYSTEM)
            with pytest.raises(BulkNotReady):
                await act(planned.id, actor=SYSTEM)


async def test_each_entity_is_changed_with_the_rights_of_who_asks(open_desk: Any):
    """What is not theirs is refused with the reason, what they cannot see is not among them, and nobody sees another's change."""
    rules = policy(
        ada=[READ, CREATE, {"permission": "catalog.entity.validate"}, owned(OWNED)], eve=[READ, owned(OWNED)]
    )
    async with open_desk(more=rules) as d:
        await stock(d, "mine")
        await d.create(text_of("theirs", owner="others"))
        ada = d.as_(ADA)
        record = await run(ada, RETIRE)
        assert record.counts == {"changed": 1, "refused": 1}
        (refused,), _ = await bulk(d).list_items(record.id, outcome="refused", limit=5, actor=ADA)
        assert refused.ref == C + "theirs" and OWNED in refused.message
        assert (await spec(d, "theirs"))["lifecycle"] == "production"
        with pytest.raises(BulkNotFound):
            await bulk(d).get(record.id, actor=EVE)
        with pytest.raises(BulkNotFound):
            await bulk(d).undo(record.id, actor=EVE)
        assert (await bulk(d).list_records(limit=5, actor=EVE))[1] == 0
        with pytest.raises(NotAllowedError):
            await bulk(d).plan(RETIRE, predicate=COMPONENTS, actor=user("kim"))


async def test_hidden_entities_are_not_among_the_chosen(open_desk: Any):
    """Neither by a filter nor by their refs."""
    rules = policy(ada=[owned("catalog.entity.read"), owned(OWNED)])
    async with open_desk(more=rules) as d:
        await stock(d, "mine")
        await d.create(text_of("secret", owner="others"))
        for chosen in ({"predicate": COMPONENTS}, {"refs": [C + "mine", C + "secret", C + "nosuch"]}):
            planned = await bulk(d).plan(RETIRE, actor=ADA, **chosen)
            items, _ = await bulk(d).list_items(planned.id, limit=9, actor=ADA)
            assert [item.ref for item in items] == [C + "mine"]


async def test_what_a_kind_has_no_field_for_is_refused(open_desk: Any):
    """A group has no lifecycle, and a component cannot go without one; the others are changed all the same."""
    async with open_desk() as d:
        await stock(d, "a")
        planned = await bulk(d).plan(RETIRE, actor=SYSTEM)
        assert planned.counts == {"changed": 1, "refused": 2}
        items, _ = await bulk(d).list_items(planned.id, outcome="refused", limit=5, actor=SYSTEM)
        assert {item.message for item in items} == {"A Group has no lifecycle."}
        cleared = await bulk(d).plan(BulkChange({"lifecycle": None}), predicate=COMPONENTS, actor=SYSTEM)
        assert cleared.counts == {"refused": 1}


async def test_what_nobody_could_mean_is_refused_before_anything_is_looked_at(open_desk: Any):
    """Nothing to change, an owner that is not there, a tag that is none, nothing chosen."""
    async with open_desk() as d:
        await stock(d, "a")
        for change in (
            BulkChange(), BulkChange({"owner": "nosuch"}), BulkChange({"owner": "a b/c/d"}), BulkChange({"name": "x"}),
            BulkChange(add_tags=("Not a tag",)), BulkChange({"type": ""}),
        ):  # fmt: skip
            with pytest.raises(InputError):
                await bulk(d).plan(change, predicate=COMPONENTS, actor=SYSTEM)
        with pytest.raises(InputError, match="chosen"):
            await bulk(d).plan(RETIRE, predicate=has_value("kind", ["api"]), actor=SYSTEM)


async def test_many_are_the_work_of_a_job_that_shows_how_far_it_is(open_desk: Any, monkeypatch: pytest.MonkeyPatch):
    """Planning, applying and undoing go on without anybody waiting, with the rights of who asked."""
    monkeypatch.setattr(bulk_service, "AT_ONCE", 2)
    monkeypatch.setattr(bulk_service, "PART", 2)
    async with open_desk() as d:
        await stock(d, "a", "b", "c")
        planned = await bulk(d).plan(RETIRE, predicate=COMPONENTS, actor=SYSTEM)
        assert (planned.stage, planned.done) == ("planning", 0)
        await d.site.settle()
        applying = await bulk(d).apply(planned.id, actor=SYSTEM)
        assert (applying.stage, applying.counts) == ("applying", {"changed": 3})
        with pytest.raises(BulkNotReady):
            await bulk(d).apply(planned.id, actor=SYSTEM)
        await d.site.settle()
        applied = await bulk(d).get(planned.id, actor=SYSTEM)
        assert (applied.stage, applied.done) == ("applied", 3)
        await bulk(d).undo(planned.id, actor=SYSTEM)
        await d.site.settle()
        assert (await bulk(d).get(planned.id, actor=SYSTEM)).undone == {"changed": 3}


async def test_there_is_a_limit(open_desk: Any, monkeypatch: pytest.MonkeyPatch):
    """More is asked to be narrowed."""
    monkeypatch.setattr(bulk_service, "MAX_ENTITIES", 1)
    async with open_desk() as d:
        await stock(d, "a", "b")
        for chosen in ({"predicate": COMPONENTS}, {"refs": [C + "a", C + "b"]}):
            with pytest.raises(LimitError):
                await bulk(d).plan(RETIRE, actor=SYSTEM, **chosen)


def test_tags_come_and_go_without_touching_the_others():
    """Order stays; a tag that is there already is not there twice; the last one gone takes the field away."""
    kinds = KindRegistry.built_in()
    entity = component("a", metadata={"tags": ["x", "y"]})
    entity["metadata"]["namespace"] = "default"
    change = field_change(BulkChange(add_tags=("y", "z"), remove_tags=("x",)), entity, kinds)
    assert not isinstance(change, str) and change.values == {"metadata.tags": ["y", "z"]}
    assert change.expected == {"metadata.tags": ["x", "y"]}
    gone = field_change(BulkChange(remove_tags=("x", "y")), entity, kinds)
    assert not isinstance(gone, str) and gone.values == {"metadata.tags": None}
    with pytest.raises(InputError):
        require_sound(BulkChange(add_tags=("x",), remove_tags=("x",)))


def test_an_actor_survives_the_way_into_a_job():
    """With everything that decides what they may."""
    import orjson

    for actor in (ADA, SYSTEM, admin("root")):
        assert actor_of(orjson.loads(orjson.dumps(dump_actor(actor)))) == actor


@pytest.mark.parametrize(
    ("form", "change"),
    [
        ({"owner": "crew", "owner.how": "set"}, BulkChange({"owner": "crew"})),
        ({"owner": "crew", "owner.how": "keep"}, BulkChange({"owner": "crew"})),
        ({"system": "x", "system.how": "clear"}, BulkChange({"system": None})),
        ({"owner": "", "owner.how": "keep", "add_tags": "A, b b"}, BulkChange(add_tags=("a", "b"))),
    ],
)
def test_the_form_is_read_as_it_is_meant(form: dict[str, str], change: BulkChange):
    """A value without a word is meant; taking away goes before a value."""
    assert read_change(form) == change


# ---- the pages ---------------------------------------------------------------------------------------------------------


async def test_from_the_list_to_the_change_and_back(open_desk: Any):
    """The button of a filtered list, the form, the look, the change, its undoing: all plain forms."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        await stock(d, "a", "b")
        page = (await client.get("/catalog?kind=component&lifecycle=production")).text
        assert (
            'href="/change?kind=component&amp;lifecycle=production"' in page
            and 'name="ref" value="component:default/a"' in page
        )
        form = (await client.get("/change?kind=component&lifecycle=production")).text
        assert "Change 2 entities" in form and 'name="list.lifecycle" value="production"' in form
        assert '<option value="group:default/crew">' in form
        sent = {"list.kind": "component", "list.lifecycle": "production", "owner.how": "set", "do": "preview"}
        bad = await client.post("/change", data={**sent, "owner": "group:default/nosuch", "why": "Kept words"})
        assert bad.status_code == 400 and 'id="owner-error"' in bad.text and "Kept words" in bad.text
        answer = await client.post("/change", data={**sent, "owner": "group:default/crew"})
        assert answer.status_code == 303
        one = answer.headers["location"]
        looked = (await client.get(one)).text
        assert (
            "Change 2 entities" in looked and "<del>team</del>" in looked and "<ins>group:default/crew</ins>" in looked
        )
        await client.post(one, data={"do": "apply"})
        done = (await client.get(f"{one}?outcome=changed")).text
        assert "2 entities changed" in done and "Undo all 2" in done
        assert one in (await client.get("/changes")).text
        await client.post(one, data={"do": "undo"})
        assert "2 entities put back" in (await client.get(one)).text
        assert (await spec(d, "a"))["owner"] == "team"


async def test_chosen_rows_are_changed_and_no_others(open_desk: Any):
    """The boxes of the list post their refs, which the form carries along."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        await stock(d, "a", "b")
        form = (await client.post("/change", data={"ref": [C + "a"]})).text
        assert "Change 1 entity" in form and f'name="ref" value="{C}a"' in form
        sent = {"ref": [C + "a"], "lifecycle.how": "set", "lifecycle": "retired", "do": "preview"}
        one = (await client.post("/change", data=sent)).headers["location"]
        await client.post(one, data={"do": "apply"})
        assert [(await spec(d, name))["lifecycle"] for name in "ab"] == ["retired", "production"]


async def test_programs_change_many(open_desk: Any):
    """Over REST and as an action, whose dry run writes nothing."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        await stock(d, "a", "b")
        api = "/api/editing/v1/bulk"
        body = {"filter": {"kind": "component"}, "change": {"lifecycle": "retired", "addTags": ["old"]}}
        planned = (await client.post(api, json=body)).json()
        assert planned["counts"] == {"changed": 2} and planned["stage"] == "planned"
        items = (await client.get(f"{api}/{planned['id']}/items")).json()["items"]
        assert items[0]["after"] == {"spec.lifecycle": "retired", "metadata.tags": ["old"]}
        assert (await client.post(f"{api}/{planned['id']}/apply")).json()["stage"] == "applied"
        assert (await client.post(f"{api}/{planned['id']}/undo")).json()["undone"] == {"changed": 2}
        assert (await client.get(api)).json()["totalItems"] == 1
        for bad in ({}, {"refs": [C + "a"], "filter": {"kind": "x"}}, {"filter": {"nosuch": "x"}}):
            assert (await client.post(api, json={"change": {"lifecycle": "x"}, **bad})).status_code == 400
        run = {"refs": [C + "a"], "change": {"lifecycle": "retired"}}
        invoke = d.site.portal.actions.invoke
        dry = await invoke("editing:change-many", run, actor=SYSTEM, dry_run=True)
        assert dry["counts"] == {"changed": 1} and (await spec(d, "a"))["lifecycle"] == "production"
        await invoke("editing:change-many", run, actor=SYSTEM)
        assert (await spec(d, "a"))["lifecycle"] == "retired"


async def test_what_is_hidden_is_not_among_what_was_changed(each_desk: Any):
    """For who reads the audit log and so sees what others did; neither listed nor counted. Nor do they apply or undo it."""
    shown = {"rule": "HAS_METADATA", "resourceType": "catalog-entity", "params": {"key": "name", "value": "a"}}
    rules = [{"permission": "audit.event.read"}, {**READ, "when": shown}]
    async with each_desk(more=policy(eve=rules)) as d:
        await stock(d, "a", "b")
        planned = await bulk(d).plan(RETIRE, predicate=COMPONENTS, actor=SYSTEM)
        items, total = await bulk(d).list_items(planned.id, limit=10, actor=EVE)
        assert ([item.ref for item in items], total) == ([C + "a"], 1)
        assert (await bulk(d).list_items(planned.id, limit=10, actor=SYSTEM))[1] == 2
        with pytest.raises(NotAllowedError):
            await bulk(d).apply(planned.id, actor=EVE)
        assert (await bulk(d).get(planned.id, actor=SYSTEM)).stage == "planned"

"""Sheets into the catalog and back: what is written, what is refused, and that undoing leaves no trace but history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callboard.features.catalog.interface import DeferredEntity, FullMutation
from callboard.features.importing.interface import NotReady, PlanChanged, UndoRefused
from callboard.kernel.errors import InputError
from callboard.testing import component, group
from tests.features.importing.conftest import COLUMNS, mapping_of, sheet_of

pytestmark = pytest.mark.anyio

A, B, C = "component:default/a", "component:default/b", "component:default/c"
TEAM = "group:default/team"
TWO = sheet_of(["a", "team", "The first", "service"], ["b", "crew", "The second", "library"])


# ---- in -----------------------------------------------------------------------------------------------------------------


async def test_a_sheet_becomes_entities_with_the_owners_it_names(each_desk: Any, each_world: Any):
    """A group that stands is taken, the other is made; each entity says where it comes from, and history by whom."""
    each_world.write("org.yaml", group("team"))
    async with each_desk("org.yaml") as d:
        record = await d.bring_in(TWO)
        assert (record.stage, record.source, record.counts["create"]) == ("applied", "sheet:services", 3)
        a, b = await d.site.get(A), await d.site.get(B)
        assert a["metadata"]["annotations"]["backstage.io/managed-by-location"] == "sheet:services"
        assert a["relations"] == [{"type": "ownedBy", "targetRef": TEAM}]
        assert b["relations"] == [{"type": "ownedBy", "targetRef": "group:default/crew"}]
        assert (await d.site.get("group:default/crew"))["spec"]["type"] == "team"
        (entry,) = await d.site.history(A)
        assert (entry.change, entry.source, entry.actor) == ("created", "sheet:services", "plugin:callboard")


async def test_nothing_is_written_before_a_plan_is_applied(desk: Any):
    """Upload, guess, choose, plan and preview leave the catalog as it was."""
    async with desk() as d:
        before, revision = await d.answers(), await d.site.revision()
        record = await d.planned(TWO)
        assert record.stage == "planned"
        assert {entity.ref: entity.action for entity in await d.entities(record.id)} == {
            A: "create", B: "create", TEAM: "create", "group:default/crew": "create",
        }  # fmt: skip
        assert (await d.answers(), await d.site.revision()) == (before, revision)


async def test_the_same_file_again_changes_nothing(each_desk: Any):
    """Every entity is unchanged, and applying that plan writes no revision and no history; also with lists and chat channels."""
    header = ("name", "owner", "tags", "depends", "channel", "hosting", "web")
    columns = {
        "name": "name", "owner": "owner", "tags": "tags", "depends": "depends_on", "channel": "chat",
        "hosting": "annotation:example.com/hosting", "web": "link:Site",
    }  # fmt: skip
    content = sheet_of(
        ["a", "#team", "Zeta, alpha", "component:c, component:b", "#a-help", "eks", "https://a.test"],
        ["b", "team ", "", "", "", "", "false"],
        ["c", "other-team", "x", "b", "", "lambda\nedge", ""],
        header=header,
    )
    async with each_desk() as d:
        await d.bring_in(content, columns=columns)
        before, revision, image = await d.answers(), await d.site.revision(), await d.site.image()
        again = await d.planned(content, columns=columns)
        assert again.updates
        assert {entity.action for entity in await d.entities(again.id)} == {"unchanged"}
        summary = await d.imports.get_summary(again.id, actor=d.actor)
        assert (summary.leaving, summary.rows_taken, summary.rows) == ((), 3, 3)
        assert (await d.apply(again.id)).stage == "applied"
        assert (await d.answers(), await d.site.revision()) == (before, revision)
        assert await d.site.image() == image


async def test_a_newer_sheet_changes_adds_and_takes_away(each_desk: Any):
    """What it names no more goes, unless that is to be kept."""
    newer = sheet_of(["a", "team", "The first of all", "service"], ["c", "team", "", "service"])
    async with each_desk() as d:
        await d.bring_in(TWO)
        uid = (await d.site.get(A))["metadata"]["uid"]
        record = await d.planned(newer)
        summary = await d.imports.get_summary(record.id, actor=d.actor)
        assert set(summary.leaving) == {B, "group:default/crew"}
        await d.apply(record.id)
        assert await d.site.refs() == {A, C, TEAM}
        assert await d.site.description(A) == "The first of all"
        assert (await d.site.get(A))["metadata"]["uid"] == uid
        await d.apply((await d.planned(TWO)).id, leaving="keep")
        assert await d.site.refs() == {A, B, C, TEAM, "group:default/crew"}


async def test_what_another_source_gives_is_a_conflict_and_stays(each_desk: Any, each_world: Any):
    """The rest of the sheet comes in all the same."""
    each_world.write("org.yaml", component("a", metadata={"title": "Mine"}), group("team"))
    async with each_desk("org.yaml") as d:
        record = await d.planned(TWO)
        (conflict,) = await d.entities(record.id, "conflict")
        assert (conflict.ref, conflict.rows) == (A, (2,))
        assert "org.yaml" in conflict.reason
        summary = await d.imports.get_summary(record.id, actor=d.actor)
        assert (summary.rows, summary.rows_taken, summary.rows_conflicting) == (2, 1, 1)
        assert (await d.apply(record.id)).stage == "applied"
        assert (await d.site.get(A))["metadata"]["title"] == "Mine"
        assert await d.site.find(B) is not None
        assert [finding for finding in await d.site.all_findings() if finding.stage == "conflict"] == []


async def test_govuk_s_sheet_comes_in_whole_and_goes_again(desk: Any, shared: Path):
    """136 of 136 rows are accounted for; importing it again changes nothing; undone, every answer has its old bytes."""
    content = (shared / "corpus/govuk/repos.csv").read_bytes()
    async with desk() as d:
        before = await d.answers()
        record = await d.planned(content, "repos.csv", columns=None)
        summary = await d.imports.get_summary(record.id, actor=d.actor)
        assert summary.rows == 136
        assert summary.rows_taken + summary.rows_conflicting + summary.rows_rejected == 136
        applied = await d.apply(record.id)
        assert applied.stage == "applied", applied.error
        during = await d.answers()
        again = await d.planned(content, "repos.csv", columns=None)
        counts = {action for action, count in again.counts.items() if count}
        assert counts <= {"unchanged", "rejected"}
        assert (await d.imports.get_summary(again.id, actor=d.actor)).leaving == ()
        await d.apply(again.id)
        assert await d.answers() == during
        assert (await d.undo(again.id)).stage == "undone"
        await d.undo(record.id)
        assert await d.answers() == before
        assert await d.site.rows("SELECT name FROM catalog_source WHERE held = 1") == []


# ---- back ----------------------------------------------------------------------------------------------------------------


async def test_after_undo_every_answer_has_the_bytes_it_had(each_desk: Any, each_world: Any):
    """Of what was created, changed and taken away, and of what is related to it; history keeps both steps."""
    each_world.write("org.yaml", group("team"), component("b-user", dependsOn=["component:b"], owner="team"))
    newer = sheet_of(["a", "team", "Changed", "website"], ["c", "new-team", "", "service"])
    async with each_desk("org.yaml") as d:
        empty = await d.answers()
        first = await d.bring_in(TWO)
        before = await d.answers()
        assert before != empty
        second = await d.bring_in(newer)
        assert await d.answers() != before
        undone = await d.undo(second.id)
        assert (undone.stage, undone.undone_by) == ("undone", "plugin:callboard")
        assert await d.answers() == before
        assert await d.site.changes(A) == ["created", "updated", "updated"]
        assert await d.site.changes(B) == ["created", "deleted", "created"]
        await d.undo(first.id)
        assert await d.answers() == empty
        assert await d.site.changes(A) == ["created", "updated", "updated", "deleted"]


async def test_undo_twice_is_undo_once(desk: Any):
    """The second call says what is so, and writes nothing."""
    async with desk() as d:
        record = await d.bring_in(TWO)
        await d.undo(record.id)
        revision = await d.site.revision()
        assert (await d.undo(record.id)).stage == "undone"
        assert await d.site.revision() == revision


async def test_undo_is_refused_while_a_later_import_stands_on_top(each_desk: Any):
    """Of the same sheet, or of another one that relies on an owner made by it; the words name the file."""
    async with each_desk() as d:
        first = await d.bring_in(TWO)
        second = await d.bring_in(sheet_of(["a", "team", "Changed", "service"]))
        record = await d.imports.get_import(first.id, actor=d.actor)
        assert (record.can_undo, "services.csv" in record.undo_refusal) == (False, True)
        with pytest.raises(UndoRefused, match="services.csv"):
            await d.undo(first.id)
        await d.undo(second.id)
        assert (await d.imports.get_import(first.id, actor=d.actor)).can_undo
        other = await d.bring_in(sheet_of(["z", "crew", "", "service"]), "others.csv")
        with pytest.raises(UndoRefused, match="others.csv"):
            await d.undo(first.id)
        await d.undo(other.id)
        await d.undo(first.id)
        assert await d.site.refs() == set()


async def test_undo_is_refused_when_an_entity_changed_since(desk: Any):
    """Somebody removed one of them: putting the rest back would throw that away. Nothing is written."""
    async with desk() as d:
        record = await d.bring_in(TWO)
        entity = await d.site.get(A)
        await d.site.commands.delete_by_uid(entity["metadata"]["uid"], actor=d.actor)
        revision = await d.site.revision()
        with pytest.raises(UndoRefused, match=A):
            await d.undo(record.id)
        assert await d.site.revision() == revision
        assert (await d.imports.get_import(record.id, actor=d.actor)).stage == "applied"


# ---- between plan and apply ------------------------------------------------------------------------------------------------


async def test_the_same_plan_applied_twice_is_applied_once(each_desk: Any):
    """Also with the same digest after it was done."""
    async with each_desk() as d:
        record = await d.bring_in(TWO)
        revision = await d.site.revision()
        assert (await d.apply(record.id)).applied_at == record.applied_at
        assert await d.site.revision() == revision
        assert await d.site.changes(A) == ["created"]


async def test_a_plan_that_the_catalog_moved_under_is_not_applied(each_desk: Any):
    """Somebody else gives one of its refs meanwhile, or the same sheet was imported by another: made anew, it goes."""
    async with each_desk() as d:
        record = await d.planned(TWO)
        await d.site.catalog.mutations.apply(
            "other", FullMutation([DeferredEntity(component("b"), "other")]), actor="provider:other"
        )
        applied = await d.apply(record.id)
        assert (applied.stage, B in applied.error) == ("failed", True)
        assert await d.site.find(A) is None
        again = await d.plan(record.id)
        assert again.counts["conflict"] == 1
        late = await d.planned(sheet_of(["a", "team", "Late", "service"]))
        await d.apply(again.id)
        refused = await d.apply(late.id)
        assert (refused.stage, "Plan it again" in refused.error) == ("failed", True)
        with pytest.raises(PlanChanged):
            await d.imports.apply((await d.plan(late.id)).id, digest="of yesterday", wait_s=0, actor=d.actor)


async def test_choosing_anew_drops_the_plan(desk: Any):
    """Columns in another role are another plan; the same choice keeps it."""
    async with desk() as d:
        record = await d.planned(TWO)
        same = await d.imports.choose(record.id, sheet=record.sheet, mapping=record.mapping, actor=d.actor)
        assert same.stage == "planned"
        other = mapping_of({**COLUMNS, "description": "ignore"})
        changed = await d.imports.choose(record.id, sheet=record.sheet, mapping=other, actor=d.actor)
        assert (changed.stage, changed.counts) == ("draft", {})
        with pytest.raises(NotReady):
            await d.imports.get_summary(record.id, actor=d.actor)


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"owner": "owner"}, "name"),
        ({"name": "name", "owner": "owner", "type": "owner"}, "type"),
        ({"name": "name", "owner": "annotation"}, "owner"),
        ({"name": "name", "owner": "label:a b"}, "owner"),
        ({"name": "name", "nowhere": "title"}, "nowhere"),
    ],
)
async def test_a_mapping_that_cannot_be_names_the_column(desk: Any, columns: Any, field: str):
    """No name, a role twice, an annotation without a key, a key that is none, a column that is not there."""
    async with desk() as d:
        record = await d.upload(TWO)
        with pytest.raises(InputError) as error:
            await d.imports.choose(record.id, sheet=record.sheet, mapping=mapping_of(columns), actor=d.actor)
        assert error.value.field == field


async def test_a_mapping_is_remembered_for_the_next_sheet_with_these_columns(desk: Any):
    """In whatever order and case they stand there; the proposal names the file it was learned from."""
    async with desk() as d:
        await d.bring_in(TWO, columns={**COLUMNS, "type": "ignore", "description": "title"}, lifecycle="experimental")
        record = await d.upload(
            sheet_of(["x", "a", "b", "c"], header=("Type", "NAME", "owner", "description")), "next.csv"
        )
        proposal = await d.imports.propose(record.id, actor=d.actor)
        assert proposal.remembered == "services.csv"
        assert {c.column: c.role for c in proposal.mapping.columns} == {
            "Type": "ignore", "NAME": "name", "owner": "owner", "description": "title",
        }  # fmt: skip
        assert record.mapping.lifecycle == "experimental"


# ---- which sheet it is -----------------------------------------------------------------------------------------------------


async def test_another_team_s_file_of_the_same_name_is_another_source(desk: Any):
    """Its columns differ, so it takes nothing away from the first; ``choose`` can say otherwise."""
    async with desk() as d:
        first = await d.bring_in(TWO, "services (1).csv")
        assert first.source == "sheet:services"
        next_month = await d.upload(TWO, "Services 2026-12.csv")
        assert (next_month.source, next_month.updates) == ("sheet:services", True)
        other = await d.upload(sheet_of(["x", "y"], header=("Server", "Rack")), "services.csv")
        assert (other.source, other.updates) == ("sheet:services-2", False)
        own = await d.imports.choose(
            next_month.id, sheet=next_month.sheet, mapping=next_month.mapping, source="new", actor=d.actor
        )
        assert (own.source, own.updates) == ("sheet:services-3", False)
        back = await d.imports.choose(
            own.id, sheet=own.sheet, mapping=own.mapping, source="sheet:services", actor=d.actor
        )
        assert back.updates
        (source,) = await d.imports.list_sources(actor=d.actor)
        assert (source.name, source.title, source.entities) == ("sheet:services", "services (1).csv", 4)
        with pytest.raises(InputError):
            await d.imports.choose(own.id, sheet=own.sheet, mapping=own.mapping, source="sheet:nobody", actor=d.actor)


async def test_two_files_of_one_name_that_meet_do_not_take_each_other_s_entities(each_desk: Any):
    """Both were uploaded while there was neither; the second becomes a source of its own when it is planned again."""
    other = sheet_of(["rack-1", "Paris"], header=("Server", "Room"))
    async with each_desk() as d:
        mine = await d.planned(TWO)
        theirs = await d.planned(
            other, columns={"Server": "name", "Room": "annotation:example.com/room"}, owner="group:default/team"
        )
        assert mine.source == theirs.source == "sheet:services"
        await d.apply(mine.id)
        refused = await d.apply(theirs.id)
        assert refused.stage == "failed"
        again = await d.plan(theirs.id)
        assert (again.source, (await d.imports.get_summary(again.id, actor=d.actor)).leaving) == (
            "sheet:services-2",
            (),
        )
        await d.apply(again.id)
        assert {A, B, "component:default/rack-1"} <= await d.site.refs()


async def test_imported_entities_survive_a_restart_and_the_feature_being_off(each_desk: Any, each_world: Any):
    """Nobody could give them again, so they are no orphans; nothing about them changes."""
    async with each_desk() as d:
        await d.bring_in(TWO)
        before, revision = await d.answers(), await d.site.revision()
    async with each_world.site(more={"plugins": {"disabled": ["importing"]}}) as site:
        assert A in await site.refs()
    async with each_desk() as d:
        assert (await d.answers(), await d.site.revision()) == (before, revision)


async def test_reasons_are_told_in_the_language_of_the_page(desk: Any):
    """Why a column means what it does, what became of a row, who an owner is; REST has the English of it, kept or new."""
    sheet = sheet_of(["Größe X", "Pay Team", "The first", "service"], ["", "Pay Team", "Without a name", "service"])
    async with desk() as d:
        record = await d.planned(sheet)
        async with d.site.portal.client(d.actor, headers={"accept-language": "de"}) as client:
            columns = (await client.get(f"/import/{record.id}/columns")).text
            assert "Die Überschrift sagt „owner“, ein Wort für die Zuständigen" in columns
            plan = (await client.get(f"/import/{record.id}/plan?show=owners")).text
            assert "Niemand im Katalog hat diesen Namen: wird angelegt" in plan
            refused = (await client.get(f"/import/{record.id}/plan?show=rejected")).text
            assert "In name steht kein Name" in refused
            rows = (await client.get(f"/api/importing/v1/imports/{record.id}/planned")).json()["items"]
        assert "No name stands in name" in {row["reason"] for row in rows}
        notes = {cell["note"] for row in rows for cell in row["cells"]}
        assert any(note.startswith("'Größe X' is written ") for note in notes), notes

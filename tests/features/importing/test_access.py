"""Who may import what, what others see of it, what gets old, and sheets of 20,000 rows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callboard.features.importing.interface import ImportNotFound, NotReady, PlanChanged, UnreadableSheet
from callboard.features.importing.job_kinds import PLAN_JOB
from callboard.kernel.auth.actor import ANONYMOUS
from callboard.kernel.errors import AuthenticationError, LimitError, NotAllowedError
from callboard.testing import component, group, user
from tests.features.importing.conftest import COLUMNS, mapping_of, sheet_of

pytestmark = pytest.mark.anyio

A, B = "component:default/a", "component:default/b"
ADA, BOB, EVE = user("ada", "group:default/team"), user("bob"), user("eve")
TWO = sheet_of(["a", "team", "The first", "service"], ["b", "crew", "The second", "library"])


def owned(permission: str) -> dict[str, Any]:
    claims = {"claims": ["$ownershipRefs"]}
    return {
        "permission": permission,
        "when": {"rule": "IS_ENTITY_OWNER", "resourceType": "catalog-entity", "params": claims},
    }


def policy(**rules: list[Any]) -> dict[str, Any]:
    """Rules by user name."""
    roles = {name: {"members": [f"user:default/{name}"], "rules": given} for name, given in rules.items()}
    return {"permission": {"policy": {"defaults": False, "roles": roles}}}


READ, CREATE = {"permission": "catalog.entity.read"}, {"permission": "catalog.entity.create"}
UPDATE, DELETE = {"permission": "catalog.entity.update"}, {"permission": "catalog.entity.delete"}
OWN_KIND = {
    "permission": "catalog.entity.read",
    "when": {"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": ["Group"]}},
}


async def test_importing_needs_the_permission_to_create(desk: Any):
    """Every call of the service: nobody is asked in, and who only reads may not."""
    async with desk(more=policy(ada=[READ, CREATE], eve=[READ])) as d:
        record = await d.as_(ADA).planned(TWO)
        id, sheet, mapping = record.id, record.sheet, record.mapping
        calls = [
            lambda i, a: i.upload(TWO, "x.csv", actor=a), lambda i, a: i.list_imports(actor=a), lambda i, a: i.list_sources(actor=a),
            lambda i, a: i.get_import(id, actor=a), lambda i, a: i.propose(id, actor=a),
            lambda i, a: i.preview(id, sheet=sheet, mapping=mapping, actor=a),
            lambda i, a: i.choose(id, sheet=sheet, mapping=mapping, actor=a), lambda i, a: i.plan(id, wait_s=0, actor=a),
            lambda i, a: i.get_summary(id, actor=a), lambda i, a: i.list_planned(id, actor=a),
            lambda i, a: i.apply(id, digest="", wait_s=0, actor=a), lambda i, a: i.undo(id, actor=a),
            lambda i, a: i.discard(id, actor=a), lambda i, a: i.get_drift(id, actor=a),
            lambda i, a: i.compute_drift(id, wait_s=0, actor=a),
        ]  # fmt: skip
        for call in calls:
            with pytest.raises(NotAllowedError):
                await call(d.imports, EVE)
            with pytest.raises(AuthenticationError):
                await call(d.imports, ANONYMOUS)


async def test_a_draft_is_its_maker_s_alone(desk: Any):
    """Another importer does not see it, not even that it is there; what was applied both see."""
    async with desk(more=policy(ada=[READ, CREATE], bob=[READ, CREATE])) as d:
        ada, bob = d.as_(ADA), d.as_(BOB)
        record = await ada.planned(TWO)
        for call in (bob.imports.get_import, bob.imports.propose, bob.imports.get_summary, bob.imports.discard):
            with pytest.raises(ImportNotFound):
                await call(record.id, actor=BOB)
        assert (await bob.imports.list_imports(actor=BOB)).total == 0
        await ada.apply(record.id)
        (seen,) = (await bob.imports.list_imports(actor=BOB)).items
        assert (seen.id, seen.applied_by) == (record.id, "user:default/ada")


async def test_changing_and_removing_need_their_own_permissions(desk: Any):
    """Also for undo; a condition is asked of each entity as it stands."""
    rules = policy(
        ada=[READ, CREATE, owned("catalog.entity.update"), owned("catalog.entity.delete")], bob=[READ, CREATE]
    )
    async with desk(more=rules) as d:
        first = await d.bring_in(TWO)
        bob, ada = d.as_(BOB), d.as_(ADA)
        changed = await bob.planned(sheet_of(["a", "team", "Other", "service"], ["b", "crew", "The second", "library"]))
        with pytest.raises(NotAllowedError, match=r"catalog\.entity\.update"):
            await bob.apply(changed.id)
        with pytest.raises(NotAllowedError, match=r"catalog\.entity\.delete"):
            await bob.undo(first.id)
        mine = await ada.planned(sheet_of(["a", "team", "Other", "service"], ["b", "crew", "The second", "library"]))
        assert (await ada.apply(mine.id)).stage == "applied"
        theirs = await ada.planned(sheet_of(["a", "team", "Other", "service"], ["b", "crew", "Mine now", "library"]))
        with pytest.raises(NotAllowedError, match=B):
            await ada.apply(theirs.id)
        leaving = await ada.planned(sheet_of(["a", "team", "Other", "service"]))
        with pytest.raises(NotAllowedError, match="remove"):
            await ada.apply(leaving.id)
        assert (await ada.apply(leaving.id, leaving="keep")).stage == "applied"


async def test_who_imported_may_take_it_back_without_further_permissions(desk: Any):
    """Undo puts back what stood before the import and touches nothing of anybody else."""
    async with desk(more=policy(ada=[READ, CREATE], bob=[READ, CREATE])) as d:
        record = await d.as_(ADA).bring_in(TWO)
        with pytest.raises(NotAllowedError, match=r"catalog\.entity\.delete"):
            await d.as_(BOB).undo(record.id)
        assert (await d.as_(ADA).undo(record.id)).stage == "undone"


async def test_what_the_planner_may_not_see_is_a_conflict_without_a_word_of_it(desk: Any, world: Any):
    """Neither its fields nor its source are in the plan."""
    world.write("org.yaml", component("a", metadata={"title": "Secret"}), group("team"), group("hidden"))
    async with desk("org.yaml", more=policy(ada=[OWN_KIND, CREATE])) as d:
        record = await d.as_(ADA).planned(TWO)
        (conflict,) = await d.as_(ADA).entities(record.id, "conflict")
        assert conflict.ref == A
        told = repr(conflict)
        assert "Secret" not in told
        assert "org.yaml" not in told


async def test_the_audit_log_knows_who_imported_and_who_undid(desk: Any):
    """With the import and its source; in the transaction of the change."""
    async with desk() as d:
        record = await d.bring_in(TWO)
        await d.undo(record.id)
        events = (await d.site.portal.audit.list_events(event="import-mutate")).items
        assert [event.meta["actionType"] for event in events] == ["undo", "apply", "upload"]
        assert {event.meta["importId"] for event in events} == {record.id}


async def test_what_no_step_allows_is_refused_with_what_to_do_first(desk: Any):
    """Applying what was not planned, undoing what was not applied, choosing after it was applied."""
    async with desk() as d:
        record = await d.upload(TWO)
        with pytest.raises(NotReady, match="plan it first"):
            await d.imports.apply(record.id, digest="", wait_s=0, actor=d.actor)
        with pytest.raises(NotReady, match="plan it first"):
            await d.undo(record.id)
        applied = await d.bring_in(TWO)
        with pytest.raises(NotReady, match="upload the file again"):
            await d.imports.choose(applied.id, sheet=applied.sheet, mapping=mapping_of(COLUMNS), actor=d.actor)
        with pytest.raises(NotReady):
            await d.imports.discard(applied.id, actor=d.actor)
        with pytest.raises(PlanChanged):
            await d.imports.apply(applied.id, digest="another", wait_s=0, actor=d.actor)
        await d.imports.discard(record.id, actor=d.actor)
        with pytest.raises(ImportNotFound):
            await d.imports.get_import(record.id, actor=d.actor)


async def test_what_is_no_sheet_is_refused_and_not_kept(desk: Any):
    """Nothing of it is in the store afterwards."""
    async with desk() as d:
        for content, name in ((b"\x7fELF" + bytes(200), "x.xlsx"), (b"%PDF-1.7 x", "x.csv")):
            with pytest.raises(UnreadableSheet):
                await d.upload(content, name)
        with pytest.raises(LimitError):
            await d.upload(b"a,b\n" * 6_000_000, "x.csv")
        assert await d.site.rows("SELECT count(*) FROM importing_file") == [(0,)]
        assert (await d.imports.list_imports(actor=d.actor)).total == 0


async def test_a_file_with_several_tabs_gives_a_source_for_each(desk: Any):
    """The tab with the most rows is chosen; another one is another sheet."""
    import io

    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    for name, rows in (("Teams", [["core"]]), ("Services", [["a"], ["b"]])):
        sheet = book.add_worksheet(name)
        for number, row in enumerate([["name"], *rows]):
            sheet.write_row(number, 0, row)
    book.close()
    async with desk() as d:
        record = await d.upload(out.getvalue(), "org.xlsx")
        assert [(sheet.name, sheet.rows) for sheet in record.sheets] == [("Teams", 1), ("Services", 2)]
        assert (record.sheet, record.source, record.rows) == ("Services", "sheet:org-services", 2)
        proposal = await d.imports.propose(record.id, sheet="Teams", actor=d.actor)
        mapping = mapping_of({"name": "name"}, kind="Group", type="team")
        chosen = await d.imports.choose(record.id, sheet=proposal.sheet, mapping=mapping, actor=d.actor)
        assert (chosen.sheet, chosen.source) == ("Teams", "sheet:org-teams")


async def test_a_preview_shows_a_row_at_once(desk: Any):
    """Under a mapping that was not chosen yet, without planning; owners that would be made are left out."""
    async with desk() as d:
        record = await d.upload(TWO)
        mapping = mapping_of({**COLUMNS, "description": "title"})
        (second,) = await d.imports.preview(record.id, sheet=record.sheet, mapping=mapping, first=1, actor=d.actor)
        assert (second.ref, second.rows) == (B, (3,))
        assert second.entity is not None
        assert second.entity["metadata"]["title"] == "The second"
        assert (await d.imports.get_import(record.id, actor=d.actor)).stage == "draft"


async def test_planned_entities_are_found_by_action_words_and_row(desk: Any):
    """In the order of their rows, owners that are made last, by page."""
    rows = [[f"svc-{n}", "team", f"Service {n}", "service"] for n in range(30)]
    async with desk() as d:
        record = await d.planned(sheet_of(*rows))
        page = await d.imports.list_planned(record.id, limit=10, offset=25, actor=d.actor)
        assert (page.total, len(page.entities), page.entities[-1].ref) == (31, 6, "group:default/team")
        found = await d.imports.list_planned(record.id, q="SVC-2", actor=d.actor)
        assert found.total == 11
        (row,) = (await d.imports.list_planned(record.id, q="17", action="create", actor=d.actor)).entities[:1]
        assert row.ref in ("component:default/svc-15", "component:default/svc-17")
        assert (await d.imports.list_planned(record.id, q="100%_", actor=d.actor)).total == 0


async def test_drift_is_told_both_ways(each_desk: Any):
    """What was removed from the catalog since; nothing where nothing changed."""
    async with each_desk() as d:
        record = await d.bring_in(TWO)
        none = await d.drift(record.id)
        assert (none.total, none.differing, none.unnamed) == (0, [], [])
        await d.site.commands.delete_by_uid((await d.site.get(A))["metadata"]["uid"], actor=d.actor)
        drift = await d.drift(record.id)
        assert [(entity.ref, entity.action) for entity in drift.differing] == [(A, "create")]
        kept = await d.planned(sheet_of(["b", "crew", "The second", "library"]))
        await d.apply(kept.id, leaving="keep")
        later = await d.drift(kept.id)
        assert later.unnamed == ["group:default/team"]


async def test_uploads_go_after_a_week_but_not_the_sheet_that_stands(each_desk: Any):
    """Drafts are forgotten whole; of what was applied the newest keeps its file, for drift; undo needs none."""
    async with each_desk() as d:
        draft = await d.planned(sheet_of(["z", "team", "", "service"]), "draft.csv")
        first = await d.bring_in(TWO)
        second = await d.bring_in(sheet_of(["a", "team", "Newer", "service"]))
        await d.site.pass_time(8 * 86_400, step=86_400)
        with pytest.raises(ImportNotFound):
            await d.imports.get_import(draft.id, actor=d.actor)
        assert await d.site.rows("SELECT DISTINCT import_id FROM importing_planned") == [(second.id,)]
        assert (await d.drift(second.id)).total == 0
        assert len(await d.site.rows("SELECT digest FROM importing_file")) == 1
        await d.undo(second.id)
        await d.undo(first.id)
        assert await d.site.refs() == set()


async def test_a_running_portal_plans_and_applies_by_itself(each_desk: Any):
    """``wait_s`` is enough for a small sheet: who calls gets the end of it."""
    async with each_desk(jobs=True) as d:
        record = await d.upload(TWO)
        planned = await d.imports.plan(record.id, wait_s=20, actor=d.actor)
        assert planned.stage == "planned"
        summary = await d.imports.get_summary(record.id, actor=d.actor)
        applied = await d.imports.apply(record.id, digest=summary.digest, wait_s=20, actor=d.actor)
        assert (applied.stage, applied.can_undo) == ("applied", True)
        assert (await d.imports.undo(record.id, actor=d.actor)).stage == "undone"


@pytest.mark.slow
@pytest.mark.parametrize(
    "size", [pytest.param(10_000, id="10,000"), pytest.param(20_000, marks=pytest.mark.soak, id="20,000")]
)
async def test_many_rows_are_planned_with_progress(desk: Any, size: int):
    """Applied and undone, too, each in one transaction; the answers are those from before."""
    rows = [[f"service-{n}", f"team-{n % 150}", f"Does {n}", "service"] for n in range(size)]
    async with desk() as d:
        before = await d.answers()
        record = await d.upload(sheet_of(*rows), "many.csv")
        await d.imports.choose(record.id, sheet=record.sheet, mapping=mapping_of(COLUMNS), actor=d.actor)
        await d.imports.plan(record.id, wait_s=0, actor=d.actor)
        work = asyncio.ensure_future(d.site.portal.jobs.run_due((PLAN_JOB,)))
        seen = set()
        while not work.done():
            await asyncio.wait([work], timeout=0.02)
            progress = (await d.imports.get_import(record.id, actor=d.actor)).progress
            if progress is not None:
                seen.add((progress.step, progress.total))
        assert ("planning", size) in seen
        applied = await d.apply(record.id)
        assert applied.stage == "applied", applied.error
        assert applied.counts["create"] == size + 150
        await d.undo(record.id)
        assert await d.answers() == before


async def test_what_others_imported_tells_nothing_of_what_is_hidden(desk: Any):
    """Neither cells, nor planned entities with their number, nor a refusal that names one; who sees all is told all."""
    public = {"rule": "HAS_SPEC", "resourceType": "catalog-entity", "params": {"key": "type", "value": "service"}}
    some = [{**READ, "when": public}, CREATE, owned("catalog.entity.delete")]
    async with desk(more=policy(ada=[READ, CREATE], bob=some, eve=[READ, CREATE])) as d:
        record = await d.as_(ADA).bring_in(
            sheet_of(["a", "team", "The first", "service"], ["b", "team", "Hush", "secret"])
        )
        bob = d.as_(BOB)
        page = await d.imports.list_planned(record.id, q="hush", actor=BOB)
        assert (page.total, page.entities) == (0, [])
        page = await d.imports.list_planned(record.id, limit=1, actor=BOB)
        assert page.total == len(page.entities) == 1
        mapping = mapping_of(COLUMNS)
        for call in (
            lambda actor: d.imports.propose(record.id, actor=actor),
            lambda actor: d.imports.preview(record.id, sheet=record.sheet, mapping=mapping, first=1, actor=actor),
        ):
            with pytest.raises(NotAllowedError):
                await call(BOB)
            assert "ush" in repr(await call(ADA)) and "ush" in repr(await call(EVE))
        with pytest.raises(NotAllowedError) as refused:
            await bob.undo(record.id)
        assert refused.value.message == f"You may not remove {A} (catalog.entity.delete). Its owner may."
        second = await d.as_(ADA).bring_in(sheet_of(["hush", "team", "Hush", "secret"]), "other.csv")
        with pytest.raises(NotAllowedError) as refused:
            await bob.undo(second.id)
        assert "hush" not in refused.value.message

"""Systems and domains that a sheet names and the catalog lacks: made, told, kept, and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callboard.features.importing.interface import UndoRefused
from callboard.testing import component, entity, user
from tests.features.importing.conftest import sheet_of
from tests.features.importing.test_access import CREATE, OWN_KIND, policy

pytestmark = pytest.mark.anyio

HEADER = ("name", "owner", "system", "domain")
COLUMNS = {"name": "name", "owner": "owner", "system": "system", "domain": "domain"}
SHOP, CARE, TRADE = "system:default/shop", "system:default/care", "domain:default/trade"
SHEET = sheet_of(
    ["till", "tills", "Shop", "Trade"], ["cart", "web", "Shop", "Trade"], ["front", "web", "Shop", ""],
    ["desk", "help", "care", ""], ["lonely", "help", "", "Elsewhere"], header=HEADER,
)  # fmt: skip


async def test_what_rows_name_is_made_and_says_why(each_desk: Any):
    """A system with the owner and the domain of most of its rows; a domain that only labels name is not made."""
    async with each_desk() as d:
        record = await d.planned(SHEET, columns=COLUMNS)
        made = {entity.ref: entity for entity in await d.entities(record.id) if not entity.rows}
        assert {ref for ref in made if not ref.startswith("group:")} == {SHOP, CARE, TRADE}
        assert made[SHOP].entity["spec"] == {"owner": "group:default/web", "domain": TRADE}
        assert made[SHOP].entity["metadata"]["title"] == "Shop"
        assert made[SHOP].reason == (
            "The system that 3 rows name 'Shop'. Its owner is that of most of them, group:default/web"
        )
        assert made[CARE].reason == "The system that 1 row names 'care'"
        assert made[TRADE].entity["spec"] == {"owner": "group:default/web"}
        summary = await d.imports.get_summary(record.id, actor=d.actor)
        assert (summary.kinds["System"], summary.kinds["Domain"], summary.rows_taken) == (2, 1, 5)
        await d.apply(record.id)
        assert {r["targetRef"] for r in (await d.site.get("component:default/till"))["relations"]} == {
            SHOP, "group:default/tills",
        }  # fmt: skip
        assert await d.site.all_findings() == []


async def test_the_same_sheet_again_changes_nothing_and_undo_takes_them_back(each_desk: Any):
    """What was made counts as the sheet's own: unchanged as long as it is named, leaving when it is not, gone after undo."""
    async with each_desk() as d:
        before = await d.answers()
        record = await d.bring_in(SHEET, columns=COLUMNS)
        revision = await d.site.revision()
        again = await d.bring_in(SHEET, columns=COLUMNS)
        assert {entity.action for entity in await d.entities(again.id)} == {"unchanged"}
        assert await d.site.revision() == revision
        less = await d.planned(sheet_of(["desk", "help", "care", ""], header=HEADER), columns=COLUMNS)
        summary = await d.imports.get_summary(less.id, actor=d.actor)
        assert {SHOP, TRADE} <= set(summary.leaving)
        assert CARE not in summary.leaving
        await d.undo(again.id)
        await d.undo(record.id)
        assert await d.answers() == before


async def test_they_can_be_switched_off_and_stay_once_made(desk: Any):
    """With ``createSystems`` off nothing is made; what an earlier import made stays as long as rows name it."""
    async with desk() as d:
        record = await d.planned(SHEET, columns=COLUMNS, create_systems=False)
        assert {e.ref for e in await d.entities(record.id) if not e.rows and not e.ref.startswith("group:")} == set()
        await d.bring_in(SHEET, columns=COLUMNS)
        later = await d.planned(SHEET, columns=COLUMNS, create_systems=False)
        summary = await d.imports.get_summary(later.id, actor=d.actor)
        assert (summary.leaving, summary.counts["unchanged"]) == ((), 11)


async def test_those_that_stand_are_pointed_at_and_relied_on(desk: Any, world: Any):
    """A system of another source is no part of the plan; one that another sheet made keeps that import from being undone."""
    world.write("org.yaml", entity("System", "care", spec={"owner": "team"}))
    async with desk("org.yaml") as d:
        first = await d.bring_in(SHEET, columns=COLUMNS)
        assert CARE not in {entity.ref for entity in await d.entities(first.id)}
        other = sheet_of(["stall", "tills", "Shop"], header=HEADER[:3])
        second = await d.bring_in(other, "stalls.csv", columns={key: COLUMNS[key] for key in HEADER[:3]})
        assert (await d.imports.get_summary(second.id, actor=d.actor)).relied == (SHOP,)
        with pytest.raises(UndoRefused):
            await d.undo(first.id)
        await d.undo(second.id)
        await d.undo(first.id)
        assert await d.site.find(SHOP) is None


async def test_rows_that_are_systems_are_not_made_twice(desk: Any):
    """A row of the sheet is the system that other rows name; its domain is made."""
    header = ("kind", "name", "owner", "system", "domain")
    content = sheet_of(
        ["System", "shop", "web", "", "Trade"], ["Component", "till", "tills", "shop", ""], header=header
    )
    async with desk() as d:
        record = await d.planned(content, columns={"kind": "kind", **COLUMNS})
        found = {e.ref: e for e in await d.entities(record.id)}
        assert found[SHOP].rows == (2,)
        assert found[TRADE].reason == "The domain that 1 row names 'Trade'"


async def test_refused_rows_make_nothing_and_other_kinds_are_left(desk: Any, world: Any):
    """A row in conflict brings no system with it; a ref of another kind where a system belongs is left as it is."""
    world.write("org.yaml", component("till", metadata={"title": "Mine"}))
    async with desk("org.yaml") as d:
        content = sheet_of(["till", "web", "Gone", ""], ["cart", "web", "component:default/till", ""], header=HEADER)
        record = await d.planned(content, columns=COLUMNS)
        assert {e.ref: e.action for e in await d.entities(record.id)} == {
            "component:default/till": "conflict", "component:default/cart": "create", "group:default/web": "create",
        }  # fmt: skip


async def test_a_system_that_one_may_not_see_is_not_spoken_of(desk: Any, world: Any):
    """It is neither made nor refused nor named among what is relied on: the rows point at it as they say."""
    world.write("org.yaml", entity("System", "care", spec={"owner": "team"}))
    async with desk("org.yaml", more=policy(ada=[OWN_KIND, CREATE])) as d:
        ada = d.as_(user("ada"))
        record = await ada.planned(
            sheet_of(["desk", "help", "care"], header=HEADER[:3]), columns=dict(list(COLUMNS.items())[:3])
        )
        assert {e.ref for e in await ada.entities(record.id)} == {"component:default/desk", "group:default/help"}
        assert (await d.imports.get_summary(record.id, actor=ada.actor)).relied == ()


async def test_a_provider_gives_them_too(world: Any, tmp_path: Path):
    """As long as rows name them; a restart changes nothing."""
    path = tmp_path / "inventory.csv"
    path.write_bytes(SHEET)
    setting = {"spreadsheet": {"inventory": {"path": str(path)}}}
    async with world.site(providers=setting) as site:
        assert {SHOP, CARE, TRADE} <= await site.refs()
        path.write_bytes(sheet_of(["desk", "help", "care", ""], header=HEADER))
        await site.run_provider("spreadsheet:inventory")
        assert await site.refs() == {"component:default/desk", "group:default/help", CARE}
        revision = await site.revision()
    async with world.site(providers=setting) as site:
        assert await site.revision() == revision

"""Ownership beside what else changes the catalog: overlays, deleting and restoring, sheets, bulk changes, notifications."""

from __future__ import annotations

import re
from typing import Any

import pytest

from callboard.features.editing.interface import FieldChange, GivenElsewhere, TextRefused
from callboard.features.notifications.personal import Personal
from callboard.features.ownership.reorganising import Wish
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.model.refs import EntityRef
from callboard.testing import component, group, user, user_entity
from callboard.testing.smtp import FakeSmtp
from tests.features.importing.conftest import Desk as SheetDesk
from tests.features.importing.conftest import sheet_of
from tests.features.importing.test_access import owned, policy
from tests.features.notifications.test_channels import mail_settings
from tests.features.ownership.conftest import ADA, BOB, CHECKOUT, LEDGER, TILL

pytestmark = pytest.mark.anyio

ROOT = user("root", roles=("admin",))
READ, UPDATE = {"permission": "catalog.entity.read"}, {"permission": "catalog.entity.update"}
SEARCH, PAYMENTS = "group:default/search", "group:default/payments"
SHOP, STORE = "component:default/shop", "component:default/store"
SHOP_TEXT = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: shop\nspec:\n  type: service\n  lifecycle: production\n  owner: checkout\n"


def ref(text: str) -> EntityRef:
    return EntityRef.parse(text)


def but(name: str) -> list[dict[str, Any]]:
    """Rules of somebody who sees everything but what has this name."""
    when = {"rule": "HAS_METADATA", "resourceType": "catalog-entity", "params": {"key": "name", "value": name}}
    return [READ, {"permission": "catalog.entity.read", "effect": "deny", "when": when}]


# ---- overlays -------------------------------------------------------------------------------------------------------------


async def test_a_field_that_is_laid_over_is_confirmed_as_it_shows(each_desk: Any):
    """Who lays a value over says that it is right; taken away again, the source's value is what nobody confirmed."""
    async with each_desk() as d:
        await d.confirm(TILL, actor=ADA)
        change = FieldChange(TILL, {"spec.lifecycle": "deprecated"})
        (result,) = await d.editing.change_fields([change], actor=ROOT)
        assert (result.outcome, result.way) == ("changed", "overlay")
        await d.site.settle()
        by = {f.field: (f.value, f.by) for f in (await d.standing(TILL)).fields}
        assert by["spec.lifecycle"] == ("deprecated", "user:default/root")
        assert by["spec.owner"] == (CHECKOUT, "user:default/ada") and await d.state(TILL) == "confirmed"
        await d.pass_days(10)
        await d.editing.set_overlay(ref(TILL), {}, base_mark=None, actor=ROOT)
        await d.site.settle()
        stands = {f.field: f for f in (await d.standing(TILL)).fields}["spec.lifecycle"]
        assert (stands.value, stands.earlier, stands.is_current) == ("production", "deprecated", False)
        assert await d.state(TILL) == "due"


async def test_a_hand_over_of_what_a_file_gives_is_laid_over_it_and_told_so(each_desk: Any):
    """Told before it is offered and once it is taken; with the source's value again it is due again."""
    async with each_desk() as d:
        (offer,) = await d.service.hand_over([TILL], "search", actor=ROOT)
        async with d.site.portal.client(ROOT) as client:
            page = (await client.get("/catalog/default/component/till/hand-over")).text
            assert "laid over" in page
        async with d.site.portal.client(BOB) as client:
            answer = await client.post(f"/ownership/handovers/{offer.id}", data={"do": "accept", "back": "/ownership"})
            assert answer.status_code == 303, answer.text
            assert "laid over" in (await client.get(answer.headers["location"])).text
        await d.site.settle()
        laid = await d.editing.find_overlay(ref(TILL), actor=ROOT)
        assert laid is not None and [one.path for one in laid.fields] == ["spec.owner"]
        owner = {f.field: f for f in (await d.standing(TILL)).fields}["spec.owner"]
        assert (owner.value, owner.by, owner.is_current) == (SEARCH, "user:default/bob", True)
        await d.confirm(TILL, actor=BOB)
        assert await d.state(TILL) == "confirmed"
        await d.editing.set_overlay(ref(TILL), {}, base_mark=None, actor=ROOT)
        await d.site.settle()
        assert (await d.owner(TILL), await d.state(TILL)) == (CHECKOUT, "due")


# ---- kept out, deleted, restored ------------------------------------------------------------------------------------------


async def test_what_is_kept_out_or_deleted_is_no_part_of_it_until_it_is_back(each_desk: Any):
    """Not in lists or the meter; back, with what was confirmed of it."""
    async with each_desk() as d:
        await d.confirm(TILL, actor=ADA)
        await d.editing.hide(ref(TILL), why="Not ours", actor=ROOT)
        await d.site.settle()
        assert await d.refs("all") == [LEDGER] and (await d.service.summarize(actor=SYSTEM)).all.total == 1
        await d.editing.show(ref(TILL), actor=ROOT)
        await d.site.settle()
        assert await d.refs("all") == [LEDGER, TILL] and await d.state(TILL) == "confirmed"
        await d.editing.save(SHOP_TEXT, actor=ADA)
        await d.site.settle()
        await d.editing.delete(ref(SHOP), actor=ROOT)
        await d.site.settle()
        assert SHOP not in await d.refs("all")
        await d.editing.restore_deleted(ref(SHOP), actor=ROOT)
        await d.site.settle()
        assert await d.state(SHOP) == "confirmed"


async def test_earlier_names_of_what_is_deleted_lead_nowhere_until_it_is_back(each_desk: Any):
    """Nothing is told of them meanwhile, and the name is free; restored, they lead there again."""
    async with each_desk() as d:
        await d.editing.save(SHOP_TEXT, actor=ROOT)
        await d.parts.naming.rename(ref(SHOP), "store", actor=ROOT)
        await d.site.settle()
        await d.editing.delete(ref(STORE), actor=ROOT)
        await d.site.settle()
        assert not await d.parts.naming.list_aliases(actor=ROOT)
        assert await d.parts.parts.aliases.resolve(SHOP, actor=SYSTEM) is None
        async with d.site.portal.client(ROOT) as client:
            assert (await client.get("/catalog/default/component/shop")).status_code == 404
        await d.editing.restore_deleted(ref(STORE), actor=ROOT)
        await d.site.settle()
        assert [a.old for a in await d.parts.naming.list_aliases(actor=ROOT)] == [SHOP]
        async with d.site.portal.client(ROOT) as client:
            assert (await client.get("/catalog/default/component/shop")).status_code == 301


@pytest.mark.parametrize("how", ["renamed", "merged"])
async def test_a_name_that_leads_to_another_is_not_taken_unseen(each_desk: Any, how: str):
    """By writing a new entity, many of them, a rename, or restoring one that had it; it says what to do, and then it can be done."""
    async with each_desk(more=policy(root=[{"permission": "*"}], eve=[{"permission": "catalog.entity.create"}])) as d:
        await d.editing.save(SHOP_TEXT, actor=ROOT)
        other = SHOP_TEXT.replace("shop", "other")
        await d.editing.save(other, actor=ROOT)
        if how == "renamed":
            await d.parts.naming.rename(ref(SHOP), "store", actor=ROOT)
        else:
            await d.editing.save(SHOP_TEXT.replace("shop", "store"), actor=ROOT)
            await d.site.settle()
            await d.parts.merging.merge(STORE, SHOP, actor=ROOT)
        await d.site.settle()
        judged = await d.editing.judge(SHOP_TEXT, actor=ROOT)
        assert [(f.field, f.line) for f in judged.findings] == [("metadata.name", 4)] and STORE in judged.findings[
            0
        ].message
        with pytest.raises(TextRefused, match="store"):
            await d.editing.save(SHOP_TEXT, actor=ROOT)
        with pytest.raises(GivenElsewhere) as hidden:
            await d.editing.save(SHOP_TEXT, actor=user("eve"))
        assert "store" not in str(hidden.value)
        (made,) = await d.editing.create_many([component("shop", owner=CHECKOUT)], actor=ROOT)
        assert made.outcome == "conflict" and STORE in made.message
        (made,) = await d.editing.create_many([component("shop", owner=CHECKOUT)], actor=user("eve"))
        assert made.outcome == "conflict" and "store" not in made.message
        with pytest.raises(InputError, match="store"):
            await d.parts.naming.rename(ref("component:default/other"), "shop", actor=ROOT)
        if how == "merged":
            with pytest.raises(TextRefused, match="store"):
                await d.editing.restore_deleted(ref(SHOP), actor=ROOT)
            await d.parts.merging.unmerge(SHOP, actor=ROOT)
        else:
            await d.parts.naming.remove_alias(SHOP, actor=ROOT)
            await d.editing.save(SHOP_TEXT, actor=ROOT)
        await d.site.settle()
        assert {SHOP, STORE} <= await d.site.refs() and not await d.parts.naming.list_aliases(actor=ROOT)


async def test_renamed_back_it_is_as_it_was(each_desk: Any):
    """The name that it has now was its own: no alias leads to itself."""
    async with each_desk() as d:
        await d.editing.save(SHOP_TEXT, actor=ROOT)
        await d.parts.naming.rename(ref(SHOP), "store", actor=ROOT)
        await d.site.settle()
        await d.parts.naming.rename(ref(STORE), "shop", actor=ROOT)
        await d.site.settle()
        assert [(a.old, a.new) for a in await d.parts.naming.list_aliases(actor=ROOT)] == [(STORE, SHOP)]
        assert await d.state(SHOP) == "confirmed"


async def test_an_offer_goes_along_with_a_new_name(each_desk: Any):
    """It can be answered as before."""
    async with each_desk() as d:
        await d.editing.save(SHOP_TEXT, actor=ROOT)
        await d.site.settle()
        (offer,) = await d.service.hand_over([SHOP], "search", actor=ROOT)
        await d.parts.naming.rename(ref(SHOP), "store", actor=ROOT)
        await d.site.settle()
        assert await d.refs("offered", [SEARCH]) == [STORE]
        await d.service.answer(offer.id, accept=True, actor=BOB)
        await d.site.settle()
        assert await d.owner(STORE) == SEARCH


# ---- many at once ---------------------------------------------------------------------------------------------------------


async def test_many_changed_at_once_are_confirmed_in_what_was_said_alone(each_desk: Any):
    """A new owner for several: who did it said so; what they did not touch keeps its date, and never confirmed stays due."""
    async with each_desk() as d:
        await d.confirm(TILL, actor=ADA)
        await d.pass_days(100)
        await d.editing.change_fields(
            [FieldChange(one, {"spec.owner": SEARCH}) for one in (TILL, LEDGER)], actor=ROOT, why="Moved"
        )
        await d.site.settle()
        assert (await d.state(TILL), await d.state(LEDGER)) == ("confirmed", "due")
        by = {f.field: f.by for f in (await d.standing(TILL)).fields}
        assert by["spec.owner"] == "user:default/root" and by["spec.lifecycle"] == "user:default/ada"
        await d.pass_days(100)
        assert await d.state(TILL) == "due"


# ---- sheets ---------------------------------------------------------------------------------------------------------------


async def test_a_sheet_that_uses_an_earlier_name_is_told_so(each_desk: Any):
    """No second entity, no failed import: the row is a conflict that names the entity, and owners are found by their old names."""
    async with each_desk() as d:
        sheets = SheetDesk(d.site, ROOT)
        await d.editing.save(SHOP_TEXT, actor=ROOT)
        await d.create(group("tills"), actor=ROOT)
        await d.parts.naming.rename(ref(SHOP), "store", actor=ROOT)
        await d.parts.naming.rename(ref("group:default/tills"), "registers", actor=ROOT)
        await d.site.settle()
        rows = sheet_of(("shop", "tills", "Sells", "service"), ("new", "tills", "New", "service"))
        planned = await sheets.planned(rows)
        found = {one.ref: one for one in await sheets.entities(planned.id)}
        assert found[SHOP].action == "conflict" and STORE in found[SHOP].reason
        new = found["component:default/new"]
        assert new.action == "create" and new.entity["spec"]["owner"] == "group:default/registers"
        assert "group:default/tills" not in found
        record = await sheets.apply(planned.id)
        assert record.stage == "applied", record.error
        assert await d.site.find(SHOP) is None and [a.old for a in await d.parts.naming.list_aliases(actor=ROOT)]
        drift = await sheets.drift(record.id)
        assert [(one.ref, one.action) for one in drift.differing] == [(SHOP, "conflict")]


async def test_a_row_that_was_merged_away_stays_out_and_the_rest_comes_in(each_desk: Any):
    """The same sheet again: the others are written, that one says whereto it went; taken apart it is as it was."""
    async with each_desk() as d:
        sheets = SheetDesk(d.site, ROOT)
        await sheets.bring_in(
            sheet_of(("shop", "checkout", "Sells", "service"), ("pump", "checkout", "Pumps", "service"))
        )
        await d.editing.save(SHOP_TEXT.replace("shop", "store"), actor=ROOT)
        await d.site.settle()
        await d.parts.merging.merge(STORE, SHOP, actor=ROOT)
        await d.site.settle()
        again = sheet_of(("shop", "checkout", "Sells", "service"), ("pump", "checkout", "Pumps more", "service"))
        record = await sheets.bring_in(again)
        found = {one.ref: (one.action, one.reason) for one in await sheets.entities(record.id)}
        assert found[SHOP][0] == "conflict" and "merged into" in found[SHOP][1] and STORE in found[SHOP][1]
        assert await d.site.find(SHOP) is None and await d.site.description("component:default/pump") == "Pumps more"
        await d.parts.merging.unmerge(SHOP, actor=ROOT)
        await d.site.settle()
        assert await d.site.description(SHOP) == "Sells"
        assert {one.ref: one.action for one in await sheets.entities((await sheets.planned(again)).id)}[
            SHOP
        ] == "unchanged"


async def test_a_sheet_is_not_told_of_names_of_what_is_hidden(open_desk: Any):
    """Only that something is there."""
    eve = user("eve")
    rules = {"root": [{"permission": "*"}], "eve": [{"permission": "catalog.entity.create"}]}
    async with open_desk(more=policy(**rules)) as d:
        await d.editing.save(SHOP_TEXT, actor=ROOT)
        await d.parts.naming.rename(ref(SHOP), "store", actor=ROOT)
        await d.site.settle()
        sheets = SheetDesk(d.site, eve)
        planned = await sheets.planned(sheet_of(("shop", "checkout", "Sells", "service")))
        (one,) = [one for one in await sheets.entities(planned.id) if one.ref == SHOP]
        assert one.action == "conflict" and "store" not in one.reason


# ---- notifications --------------------------------------------------------------------------------------------------------


async def test_an_owner_who_is_asked_finds_it_among_the_notifications_and_in_the_digest(open_desk: Any):
    """On the page, and once a day by mail; both lead to the list of what to confirm."""
    async with FakeSmtp() as server:
        dora = user_entity("dora", memberOf=["checkout"], profile={"email": "dora@example.test"})
        documents = [component("till", owner=CHECKOUT), component("ledger", owner=PAYMENTS), dora]
        async with open_desk(*documents, more=mail_settings(server)) as d:
            actor = user("dora", CHECKOUT)
            await d.site.portal.service(Personal).change_preferences({"email": "daily"}, actor=actor)
            await d.parts.jobs.ask()
            await d.site.settle()
            assert server.mails == []
            await d.pass_days(1)
            (mail,) = [one for one in server.mails if one.recipients == ("dora@example.test",)]
            assert "checkout: 1 entity to confirm or hand over" in mail.text()
            async with d.site.portal.client(actor) as client:
                page = (await client.get("/notifications")).text
                (href,) = re.findall(r'href="([^"]+)">checkout: 1 entity to confirm', page)
                answer = await client.get(href.replace("&amp;", "&"))
                link = answer.headers["location"] if answer.status_code == 303 else href
                assert link == "/ownership?owner=group:default/checkout"
                rows = (await client.get(link)).text.split('class="own-list"')[1].split("</ul>")[0]
                assert "component:default/till" in rows and "ledger" not in rows


# ---- who may --------------------------------------------------------------------------------------------------------------


async def test_an_earlier_name_of_a_group_is_only_given_by_those_who_may_change_all_that_it_had(open_desk: Any):
    """It makes whatever still names the group another's: nobody takes that by pointing the name at themselves."""
    async with open_desk(
        component("till", owner="group:default/old"), more=policy(bob=[READ], root=[{"permission": "*"}])
    ) as d:
        wish = Wish("group:default/old", SEARCH, [], alias=True)
        plan = await d.parts.reorganising.preview(wish, actor=BOB)
        assert plan.alias_refused
        assert (await d.parts.reorganising.apply(wish, actor=BOB)).id == ""
        await d.site.settle()
        assert await d.owner(TILL) == "group:default/old"
        done = await d.parts.reorganising.apply(wish, actor=ROOT)
        await d.site.settle()
        assert done.id and await d.owner(TILL) == SEARCH
        with pytest.raises(NotAllowedError):
            await d.parts.reorganising.undo(done.id, actor=BOB)
        await d.parts.reorganising.undo(done.id, actor=ROOT)
        await d.site.settle()
        assert await d.owner(TILL) == "group:default/old"


async def test_offers_go_along_only_with_what_one_may_change(open_desk: Any):
    """Who moves one entity of a group does not take what others offered to it."""
    rules = {"bob": [READ, owned("catalog.entity.update")], "root": [{"permission": "*"}]}
    async with open_desk(
        component("till", owner=SEARCH), component("ledger", owner=PAYMENTS), more=policy(**rules)
    ) as d:
        await d.service.hand_over([LEDGER], SEARCH, actor=ROOT)
        wish = Wish(SEARCH, CHECKOUT)
        assert (await d.parts.reorganising.preview(wish, actor=BOB)).offered == 0
        assert (await d.parts.reorganising.preview(wish, actor=ROOT)).offered == 1
        done = await d.parts.reorganising.apply(wish, actor=BOB)
        await d.site.settle()
        assert await d.owner(TILL) == CHECKOUT and await d.refs("offered", [SEARCH]) == [LEDGER]
        assert [len(row.changes) for row in await d.parts.reorganising.list_latest(actor=BOB)] == [1] and done.id


async def test_a_re_organisation_tells_only_what_one_sees(open_desk: Any):
    """Entities, owners, and how many there were."""
    rules = {"eve": but("till"), "max": but("checkout"), "root": [{"permission": "*"}]}
    async with open_desk(more=policy(**rules)) as d:
        await d.parts.reorganising.apply(Wish(CHECKOUT, SEARCH), actor=ROOT)
        await d.parts.reorganising.apply(Wish("group:default/gone", SEARCH, alias=True), actor=ROOT)
        await d.site.settle()
        assert len(await d.parts.reorganising.list_latest(actor=ROOT)) == 2
        for who in ("eve", "max"):
            found = await d.parts.reorganising.list_latest(actor=user(who))
            assert [row.old_owner for row in found if row.old_owner == CHECKOUT] == []

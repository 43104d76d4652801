"""Owners that change: hand-overs, those that are gone, re-organisations; and asking those who are there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from callboard.features.catalog.interface.aliases import CatalogAliases
from callboard.features.ownership.interface import HandoverNotFound
from callboard.features.ownership.reorganising import Wish
from callboard.features.ownership.suggesting import Clues, Group, Groups, suggest
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import ConflictError, InputError, NotAllowedError
from callboard.testing import component, group, system, user, user_entity
from tests.features.importing.test_access import policy
from tests.features.ownership.conftest import ADA, BOB, CHECKOUT, LEDGER, ORG, PAYMENTS, TILL

pytestmark = pytest.mark.anyio

SHOP, SEARCH = "component:default/shop", "group:default/search"
READ, UPDATE = {"permission": "catalog.entity.read"}, {"permission": "catalog.entity.update"}
ROOT = user("root", roles=("admin",))


# ---- hand-overs -----------------------------------------------------------------------------------------------------------


async def test_a_hand_over_changes_nothing_until_it_is_taken(each_desk: Any):
    """The new owner is told, takes it, and by that confirms whose it is; who offered it is told."""
    async with each_desk() as d:
        await d.create(component("shop", owner="checkout"), actor=ADA)
        (offer,) = await d.service.hand_over([SHOP], SEARCH, note="You know it better.", actor=ADA)
        assert await d.owner(SHOP) == CHECKOUT
        assert await d.refs("offered", [SEARCH]) == [SHOP] and await d.told(BOB) == ["shop is offered to you"]
        assert (await d.standing(SHOP, BOB)).may_answer and not (await d.standing(SHOP, ADA)).may_answer
        with pytest.raises(NotAllowedError):
            await d.service.answer(offer.id, accept=True, actor=ADA)
        taken = await d.service.answer(offer.id, accept=True, actor=BOB)
        assert taken.state == "accepted" and await d.service.answer(offer.id, accept=True, actor=BOB) == taken
        await d.site.settle()
        standing = await d.standing(SHOP)
        assert standing.owner == SEARCH and standing.handover is None and standing.fields[0].by == BOB.subject
        assert standing.state == "confirmed" and await d.refs("offered", [SEARCH]) == []
        assert (await d.editing.find_editable(_ref(SHOP), actor=SYSTEM)).document["spec"]["owner"] == SEARCH
        assert await d.told(ADA) == ["group:default/search takes shop"]


async def test_what_is_declined_is_disputed_until_somebody_settles_it(each_desk: Any):
    """By confirming it, or by offering it to somebody else."""
    async with each_desk() as d:
        await d.create(component("shop", owner=CHECKOUT), actor=ADA)
        (offer,) = await d.service.hand_over([SHOP], "search", actor=ADA)
        await d.service.answer(offer.id, accept=False, note="Not ours.", actor=BOB)
        with pytest.raises(ConflictError):
            await d.service.answer(offer.id, accept=True, actor=BOB)
        (item,) = await d.list("disputed")
        assert item.handover is not None and item.handover.answer == "Not ours." and SHOP in await d.refs("open")
        await d.confirm(SHOP, actor=ADA)
        assert await d.refs("disputed") == [] and await d.owner(SHOP) == CHECKOUT


async def test_a_hand_over_is_refused_where_it_makes_no_sense(open_desk: Any):
    """To nobody, to what is no owner, to whom it has; by those who may not change it; of what is hidden."""
    async with open_desk() as d:
        await d.create(component("shop", owner=CHECKOUT), actor=ADA)
        for to, words in (
            ("group:default/nobody", "not in the catalog"),
            (TILL, "no group"),
            (CHECKOUT, "already"),
            (":", "form"),
        ):
            with pytest.raises(InputError, match=words):
                await d.service.hand_over([SHOP], to, actor=ADA)
        with pytest.raises(NotAllowedError):
            await d.service.hand_over([SHOP], SEARCH, actor=BOB)
        with pytest.raises(HandoverNotFound):
            await d.service.answer("nothing", accept=True, actor=BOB)
        (offer,) = await d.service.hand_over([SHOP], SEARCH, actor=ADA)
        assert (await d.service.withdraw(offer.id, actor=ADA)).state == "withdrawn"
        with pytest.raises(ConflictError, match="withdrawn"):
            await d.service.answer(offer.id, accept=True, actor=BOB)


async def test_an_owner_changed_meanwhile_is_not_overwritten_by_an_answer(open_desk: Any):
    """What was offered is not what stands: the answer is refused and the offer stays."""
    from callboard.features.editing.interface import FieldChange

    async with open_desk() as d:
        await d.create(component("shop", owner=CHECKOUT), actor=ADA)
        (offer,) = await d.service.hand_over([SHOP], SEARCH, actor=ADA)
        await d.editing.change_fields([FieldChange(SHOP, {"spec.owner": PAYMENTS})], actor=ADA)
        await d.site.settle()
        with pytest.raises(ConflictError):
            await d.service.answer(offer.id, accept=True, actor=BOB)
        assert await d.owner(SHOP) == PAYMENTS


# ---- asking ---------------------------------------------------------------------------------------------------------------


async def test_owners_are_asked_once_a_week_and_those_above_them_when_it_is_late(each_desk: Any):
    """One notification for each group, whatever it has to confirm; none when there is nothing."""
    async with each_desk(component("till", owner=CHECKOUT), component("shop", owner=CHECKOUT)) as d:
        await d.pass_days(1)
        carl = user("carl", PAYMENTS)
        first = await d.told(ADA)
        assert first == ["checkout: 2 entities to confirm or hand over"] and await d.told(BOB) == []
        assert await d.parts.jobs.ask() == 0
        await d.pass_days(8)
        assert await d.told(ADA) == first, "the new one takes the place of the old"
        assert await d.told(carl) == []
        await d.pass_days(180)
        assert "checkout: 2 entities are long unconfirmed" in await d.told(ADA) + await d.told(carl)
        await d.confirm(TILL, SHOP)
        await d.pass_days(8)
        assert await d.parts.jobs.ask() == 0


async def test_nobody_is_asked_where_the_settings_say_so(open_desk: Any):
    """``ownership.askEvery: false``."""
    async with open_desk(more={"ownership": {"askEvery": False}}) as d:
        assert await d.parts.jobs.ask() == 0 and await d.told(ADA) == []


# ---- gone -----------------------------------------------------------------------------------------------------------------


async def test_what_is_wrong_with_an_owner_is_told(each_desk: Any, each_world: Any):
    """None named, not there, a group of nobody, and somebody who was there and is no more; members of groups below count."""
    documents = [
        component("typo", owner="group:default/chekout"), component("left", owner="user:default/eve"),
        component("empty", owner="group:default/ghosts"), component("fine", owner=PAYMENTS),
    ]  # fmt: skip
    async with each_desk(*documents) as d:
        each_world.write("org.yaml", *ORG, group("ghosts"), user_entity("eve", memberOf=["ghosts"]))
        await d.site.sweep()
        assert await d.refs("unowned") == ["component:default/typo"]
        each_world.write("org.yaml", *ORG, group("ghosts", members=["nobody"]))
        await d.site.sweep()
        found = {item.ref.rpartition("/")[2]: item.trouble for item in await d.list("unowned")}
        assert found == {"typo": "missing", "left": "left", "empty": "empty"}
        assert await d.state("component:default/typo") == "unowned"
        assert await d.refs("all", trouble="left") == ["component:default/left"]
        each_world.write(
            "org.yaml", *ORG, group("ghosts"), group("chekout"), user_entity("zoe", memberOf=["ghosts", "chekout"])
        )
        await d.site.sweep()
        assert await d.refs("unowned") == ["component:default/left"]


async def test_suggestions_come_with_their_reason(open_desk: Any):
    """From the name, the system, who wrote it last; never a group that is not there."""
    documents = [system("shop", owner=SEARCH), component("typo", owner="group:default/team-chekout", system="shop")]
    async with open_desk(*documents) as d:
        await d.create(component("mine", owner="group:default/xyz"), actor=user("ada", "group:default/xyz"))
        groups = await d.parts.gone.list_groups(actor=SYSTEM)
        items = await d.list("unowned")
        found = await d.parts.gone.suggest(items, groups=groups, actor=SYSTEM)
        typo = {s.owner: s.reason for s in found["component:default/typo"]}
        assert typo == {CHECKOUT: "alike", SEARCH: "around"}
        assert [(s.owner, s.reason) for s in found["component:default/mine"]] == [(CHECKOUT, "editor")]


def test_the_strongest_reason_for_an_owner_stands():
    """Each owner once; what leads nowhere is left out."""
    groups = [Group("group:default/pay", "Payments Team"), Group("group:default/ops", "Operations")]
    clues = Clues(
        "group:default/payments", {"acme.io/team": "@acme/ops", "acme.io/tier": "1"}, [("group:default/pay", "system:default/x")],
        after=["group:default/pay", "group:default/gone"], above=["group:default/ops"],
    )  # fmt: skip
    assert [(s.owner, s.reason) for s in suggest(clues, Groups(groups))] == [
        ("group:default/pay", "successor"), ("group:default/ops", "annotation"),
    ]  # fmt: skip


async def test_many_are_given_to_owners_with_a_look_before(open_desk: Any):
    """The look writes nothing; what another source gives is told as refused, the rest is done and confirmed by who did it."""
    async with open_desk(component("typo", owner="group:default/chekout")) as d:
        await d.create(component("shop", owner="group:default/nobody"), actor=ROOT)
        wanted = {SHOP: "checkout", "component:default/typo": CHECKOUT}
        told = {r.ref: r.outcome for r in await d.parts.gone.preview(wanted, actor=ROOT)}
        assert told[SHOP] == "changed" and await d.owner(SHOP) == "group:default/nobody"
        done = {r.ref: r.outcome for r in await d.parts.gone.assign(wanted, note="tidy", actor=ROOT)}
        assert done == told
        await d.site.settle()
        assert await d.owner(SHOP) == CHECKOUT and await d.state(SHOP) == "confirmed"
        with pytest.raises(InputError, match="nobody"):
            await d.parts.gone.preview({SHOP: "nobody"}, actor=ROOT)


# ---- re-organisations -----------------------------------------------------------------------------------------------------


async def test_everything_of_a_group_moves_and_can_be_taken_back(each_desk: Any):
    """What it owns, the groups below, the people in it and what is offered to it; taken back, all is as it was."""
    async with each_desk(component("till", owner=LEDGER.replace("component", "group"))) as d:
        org = [
            group("old", children=[]), group("below", parent="old"), user_entity("zoe", memberOf=["old", "search"]),
            component("shop", owner="old"), component("web", owner=CHECKOUT),
        ]  # fmt: skip
        await d.create(*org, actor=ROOT)
        before = await d.site.snapshot()
        await d.service.hand_over(["component:default/web"], "old", actor=ADA)
        wish = Wish("old", "search", groups=True, members=True, note="Q4")
        plan = await d.parts.reorganising.preview(wish, actor=ROOT)
        assert {m.ref: m.field for m in plan.moves} == {
            SHOP: "spec.owner", "group:default/below": "spec.parent", "user:default/zoe": "spec.memberOf",
        }  # fmt: skip
        assert (plan.count, plan.offered) == (3, 1) and await d.site.snapshot() == before
        done = await d.parts.reorganising.apply(wish, actor=ROOT)
        await d.site.settle()
        assert await d.owner(SHOP) == SEARCH and await d.refs("offered", [SEARCH]) == ["component:default/web"]
        zoe = await d.site.get("user:default/zoe")
        assert zoe["spec"]["memberOf"] == [SEARCH, "search"] or zoe["spec"]["memberOf"] == [SEARCH]
        assert (await d.parts.reorganising.apply(wish, actor=ROOT)).id == "", "nothing is left to do"
        await d.parts.reorganising.undo(done.id, actor=ROOT)
        await d.site.settle()
        assert await d.site.snapshot() == before and await d.refs("offered", [SEARCH]) == []
        with pytest.raises(ConflictError, match="already"):
            await d.parts.reorganising.undo(done.id, actor=ROOT)
        events = (await d.site.portal.audit.list_events(event="ownership-reorganise")).items
        assert [e.meta["actionType"] for e in events] == ["undo", "apply"] and events[1].meta["note"] == "Q4"


async def test_a_part_can_be_moved_and_what_is_not_theirs_is_refused(open_desk: Any):
    """Entity by entity, each with the reason; who sees nothing of it moves nothing."""
    rules = {"ada": [READ, UPDATE], "eve": [READ]}
    async with open_desk(component("till", owner="group:default/old"), more=policy(**rules)) as d:
        await d.create(component("shop", owner="old"), component("web", owner="old"))
        plan = await d.parts.reorganising.preview(Wish("old", "search", refs=[SHOP]), actor=ADA)
        assert [m.ref for m in plan.moves] == [SHOP]
        plan = await d.parts.reorganising.preview(Wish("old", "search"), actor=user("eve"))
        assert plan.count == 0 and {m.result.outcome for m in plan.moves} == {"refused"}
        assert (await d.parts.reorganising.apply(Wish("old", "search"), actor=user("eve"))).id == ""
        with pytest.raises(InputError, match="not in the catalog"):
            await d.parts.reorganising.preview(Wish("old", "search"), actor=user("nobody"))
        with pytest.raises(InputError, match="same"):
            await d.parts.reorganising.preview(Wish("search", "search"), actor=ADA)


async def test_the_old_name_can_lead_to_the_new_owner(open_desk: Any):
    """When nothing has it any more: what cannot be moved is related to the new owner all the same."""
    async with open_desk(component("till", owner="group:default/old")) as d:
        plan = await d.parts.reorganising.preview(Wish(CHECKOUT, "search", alias=True), actor=ROOT)
        assert "still in the catalog" in plan.alias_refused
        done = await d.parts.reorganising.apply(Wish("old", "search", alias=True), actor=ROOT)
        await d.site.settle()
        assert await d.owner(TILL) == SEARCH
        (alias,) = await d.site.portal.service(CatalogAliases).list_aliases(actor=SYSTEM)
        assert (alias.old, alias.new, alias.reason) == ("group:default/old", SEARCH, "reorganised")
        await d.parts.reorganising.undo(done.id, actor=ROOT)
        await d.site.settle()
        assert await d.owner(TILL) == "group:default/old"


# ---- who may, and what is hidden ------------------------------------------------------------------------------------------

MINE = {"rule": "HAS_LABEL", "resourceType": "catalog-entity", "params": {"label": "open"}}
OPEN = {"metadata": {"labels": {"open": "yes"}}}


async def test_a_name_leads_to_another_owner_only_by_who_may_change_all_that_names_it(open_desk: Any):
    """An alias makes everything that names the old owner the new one's, members of a group included: also what is hidden."""
    rules = {"eve": [{**READ, "when": MINE}, {**UPDATE, "when": MINE}], "ada": [READ, UPDATE]}
    documents = [component("till", owner="group:default/old"), component("web", owner="group:default/old", **OPEN)]
    async with open_desk(*documents, more=policy(**rules)) as d:
        await d.create(group("eves", **OPEN), component("own", owner="group:default/free", **OPEN))
        wish = Wish("old", "eves", alias=True)
        refused = (await d.parts.reorganising.preview(wish, actor=user("eve"))).alias_refused
        assert refused.startswith("Only somebody who may change group:default/eves")
        await d.parts.reorganising.apply(replace(wish, refs=()), actor=user("eve"))
        await d.site.settle()
        assert await d.owner(TILL) == "group:default/old"
        assert await d.site.portal.service(CatalogAliases).list_aliases(actor=SYSTEM) == ()
        hidden = (
            await d.parts.reorganising.preview(Wish(PAYMENTS, "eves", alias=True), actor=user("eve"))
        ).alias_refused
        assert hidden == refused.replace("default/old", "default/payments"), "that there is such a group is not told"
        assert (
            await d.parts.reorganising.preview(Wish("free", "eves", alias=True), actor=user("eve"))
        ).alias_refused == ""
        assert (await d.parts.reorganising.preview(wish, actor=ADA)).alias_refused == ""


async def test_offers_follow_a_reorganisation_only_where_one_has_a_say(open_desk: Any):
    """Of the entity: others' offers are neither counted nor led to somebody else, also by those they are offered to."""
    rules = {"ada": [READ, UPDATE], "eve": [{**READ, "when": MINE}, {**UPDATE, "when": MINE}], "bob": [READ]}
    async with open_desk(component("till", owner=CHECKOUT), more=policy(**rules)) as d:
        await d.create(
            group("eves", **OPEN), component("mine", owner=PAYMENTS, **OPEN), component("a", owner=SEARCH, **OPEN)
        )
        for ref in (TILL, "component:default/mine"):
            await d.service.hand_over([ref], SEARCH, actor=SYSTEM)
        wish = Wish(SEARCH, "eves")
        assert (await d.parts.reorganising.preview(wish, actor=user("eve"))).offered == 1
        assert (await d.parts.reorganising.preview(wish, actor=ADA)).offered == 2
        assert (await d.parts.reorganising.preview(wish, actor=BOB)).offered == 0, (
            "they are offered to him, and not his to offer"
        )
        await d.parts.reorganising.apply(wish, actor=user("eve"))
        assert await d.refs("offered", ["group:default/eves"]) == ["component:default/mine"]
        assert await d.refs("offered", [SEARCH]) == [TILL]


async def test_a_reorganisation_shows_what_one_sees_of_it_and_is_undone_by_who_may_change_it_all(open_desk: Any):
    """Neither the number nor the names of what is hidden are told; who may change a part cannot use up the way back."""
    rules = {"eve": [{**READ, "when": MINE}, {**UPDATE, "when": MINE}], "bob": [READ]}
    async with open_desk(component("till", owner=CHECKOUT), more=policy(**rules)) as d:
        await d.create(
            group("old", **OPEN), group("new", **OPEN), component("shop", owner="old", **OPEN), component("hush", owner="old"),
            component("quiet", owner="checkout"),
        )  # fmt: skip
        both = await d.parts.reorganising.apply(Wish("old", "new"), actor=SYSTEM)
        await d.parts.reorganising.apply(Wish("checkout", "new", refs=["component:default/quiet"]), actor=SYSTEM)
        await d.site.settle()
        (row,) = await d.parts.reorganising.list_latest(actor=user("eve"))
        assert (row.id, [change["ref"] for change in row.changes]) == (both.id, [SHOP])
        assert len(await d.parts.reorganising.list_latest(actor=SYSTEM)) == 2
        for actor in (user("eve"), BOB):
            with pytest.raises(NotAllowedError, match="You may not change all that"):
                await d.parts.reorganising.undo(both.id, actor=actor)
        assert await d.owner(SHOP) == "group:default/new"
        assert len(await d.parts.reorganising.undo(both.id, actor=SYSTEM)) == 2


async def test_to_whom_something_is_offered_is_not_told_to_who_does_not_see_them(open_desk: Any):
    """The hand-over is as if it were not there."""
    async with open_desk(component("till", owner=CHECKOUT), more=policy(eve=[{**READ, "when": MINE}])) as d:
        await d.create(component("shop", owner=CHECKOUT, **OPEN))
        await d.service.hand_over([SHOP], SEARCH, actor=SYSTEM)
        assert (await d.standing(SHOP)).handover is not None
        assert (await d.standing(SHOP, user("eve"))).handover is None
        assert [item.handover for item in await d.list("all", actor=user("eve"))] == [None]


async def test_a_look_at_new_owners_shows_each_that_was_chosen(open_desk: Any):
    """Also one whose name begins like many others, which a search for it would find first."""
    names = [f"a{n}" for n in range(8)]
    async with (
        open_desk(*(component(name, owner="nobody") for name in names)) as d,
        d.site.portal.client(ROOT) as client,
    ):
        await d.pass_days(1)
        await d.create(component("a", owner="nobody"))
        form = {"item": "component:default/a", "owner": CHECKOUT}
        answer = await client.post("/ownership/gone", data=form)
        assert answer.status_code == 200 and 'value="component:default/a"' in answer.text


def _ref(text: str) -> Any:
    from callboard.model.refs import EntityRef

    return EntityRef.parse(text)

"""What is confirmed stays so while it is the same and not too old; who may say so; what the meter makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.interface import EntityNotFound
from callboard.features.editing.interface import FieldChange
from callboard.features.ownership.interface import NotAsSeen, Share
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import NotAllowedError
from callboard.testing import component, group, system, user
from tests.features.importing.test_access import owned, policy
from tests.features.ownership.conftest import ADA, BOB, CHECKOUT, LEDGER, PAYMENTS, TILL

pytestmark = pytest.mark.anyio

READ = {"permission": "catalog.entity.read"}


async def test_nothing_is_confirmed_until_somebody_says_so(each_desk: Any):
    """Then each field tells who and when; the entity is due again after half a year, and overdue after a whole one."""
    async with each_desk() as d:
        assert await d.refs() == [LEDGER, TILL] and await d.state(TILL) == "due"
        await d.confirm(TILL, actor=ADA)
        standing = await d.standing(TILL)
        assert standing.state == "confirmed" and standing.confirmed_at == d.site.clock.now()
        assert {f.field: f.by for f in standing.fields} == dict.fromkeys(
            ("spec.owner", "spec.lifecycle", "spec.system", "metadata.description"), ADA.subject
        )
        assert await d.refs() == [LEDGER] and await d.refs("confirmed") == [TILL]
        await d.pass_days(179)
        assert await d.state(TILL) == "confirmed" and await d.state(LEDGER) == "due"
        await d.pass_days(2)
        assert await d.state(TILL) == "due" and await d.state(LEDGER) == "overdue"
        await d.pass_days(180)
        assert await d.state(TILL) == "overdue"
        assert [item.ref for item in await d.list()] == [LEDGER, TILL]  # longest due first


async def test_a_changed_value_is_unconfirmed_again(each_desk: Any, each_world: Any):
    """Only that field; the others keep their confirmation. Written back, it is confirmed as it was."""
    async with each_desk() as d:
        await d.confirm(TILL)
        each_world.write("things.yaml", component("till", owner=CHECKOUT, lifecycle="deprecated"))
        await d.site.sweep()
        fields = {f.field: f for f in (await d.standing(TILL)).fields}
        assert not fields["spec.lifecycle"].is_current and fields["spec.lifecycle"].earlier == "production"
        assert fields["spec.owner"].is_current and await d.state(TILL) == "due"
        each_world.write("things.yaml", component("till", owner="checkout"))
        await d.site.sweep()
        assert await d.state(TILL) == "confirmed"
        assert await d.refs("all") == [TILL]  # the other is gone from the file


async def test_what_a_person_writes_in_the_portal_is_confirmed_by_them(each_desk: Any):
    """All of a new entity, and of a changed one what they changed; what the portal or a file says is not."""
    async with each_desk() as d:
        await d.create(component("shop", owner=CHECKOUT), actor=ADA)
        shop = "component:default/shop"
        assert await d.state(shop) == "confirmed"
        await d.create(component("web", owner=CHECKOUT))
        assert await d.state("component:default/web") == "due"
        at = d.site.clock.now()
        await d.pass_days(10)
        await d.editing.change_fields(
            [FieldChange(shop, {"spec.lifecycle": "deprecated"})], actor=user("max", CHECKOUT)
        )
        await d.site.settle()
        said = {f.field: (f.by, f.at) for f in (await d.standing(shop)).fields}
        assert said["spec.lifecycle"] == ("user:default/max", d.site.clock.now()) and said["spec.owner"] == (
            ADA.subject,
            at,
        )
        assert await d.state(shop) == "confirmed"


async def test_who_has_a_file_read_again_confirms_nothing(open_desk: Any, world: Any):
    """The history names them, and they wrote nothing."""
    from callboard.model.refs import EntityRef

    async with open_desk() as d:
        world.write("things.yaml", component("till", owner=CHECKOUT, lifecycle="deprecated"))
        await d.site.commands.refresh(EntityRef.parse(TILL), actor=ADA)
        await d.site.settle()
        assert (await d.site.history(TILL))[-1].change == "updated"
        assert [f.by for f in (await d.standing(TILL)).fields] == [None] * 4


async def test_owners_and_those_who_may_change_it_may_confirm(open_desk: Any):
    """Others may not, and what one may not see is as if it were not there."""
    rules = {"ada": [READ], "bob": [READ], "eve": [], "max": [READ, {"permission": "catalog.entity.update"}]}
    async with open_desk(more=policy(**rules)) as d:
        await d.confirm(TILL, actor=ADA)
        await d.confirm(LEDGER, actor=user("max"))
        with pytest.raises(NotAllowedError, match="neither own it"):
            await d.confirm(TILL, actor=BOB)
        with pytest.raises(EntityNotFound):
            await d.confirm(TILL, actor=user("eve"))
        assert (await d.standing(TILL, ADA)).may_confirm and not (await d.standing(TILL, BOB)).may_confirm
        assert not (await d.standing(TILL, ADA)).may_hand_over
        found = await d.site.portal.audit.list_events(event="ownership-confirm")
        assert [e.actor for e in found.items] == ["user:default/max", "user:default/ada"]


async def test_only_what_was_seen_is_confirmed(each_desk: Any, each_world: Any):
    """Of several, none when one changed meanwhile: the error names it."""
    async with each_desk() as d:
        marks = {item.ref: item.mark for item in await d.list("all")}
        each_world.write(
            "things.yaml", component("till", owner=CHECKOUT, system="shop"), component("ledger", owner=PAYMENTS)
        )
        await d.site.sweep()
        with pytest.raises(NotAsSeen) as caught:
            await d.service.confirm(marks, actor=SYSTEM)
        assert caught.value.refs == (TILL,) and await d.state(LEDGER) == "due"
        await d.service.confirm({LEDGER: marks[LEDGER]}, actor=SYSTEM)
        assert await d.state(LEDGER) == "confirmed"


async def test_the_meter_counts_what_the_asker_sees(each_desk: Any):
    """Over all, by kind and by owner; the trend is for those who see everything."""
    rules = {"ada": [owned("catalog.entity.read")], "root": [READ]}
    documents = [
        component("till", owner=CHECKOUT),
        component("lost", owner="group:default/nobody"),
        system("shop", owner=PAYMENTS),
    ]
    async with each_desk(*documents, more=policy(**rules)) as d:
        await d.confirm(TILL)
        await d.parts.jobs.count()
        everything = await d.service.summarize(actor=user("root"))
        assert everything.all == Share(confirmed=1, due=1, unowned=1) and everything.all.percent == 33
        assert dict(everything.kinds) == {"component": Share(1, 0, 0, 1), "system": Share(due=1)}
        assert [owner for owner, _ in everything.owners][-1] == CHECKOUT
        assert [(day, share.total) for day, share in everything.trend] == [("2026-11-23", 3)]
        mine = await d.service.summarize(actor=ADA)
        assert mine.all == Share(confirmed=1, due=1) and mine.trend == ()
        assert await d.refs("all", actor=ADA) == ["component:default/till", "system:default/shop"]
        assert await d.refs("all", actor=user("eve")) == []
        assert await d.service.find_standing("component:default/lost", actor=ADA) is None


async def test_many_changes_at_once_are_followed_too(each_desk: Any):
    """More than an event names: the whole is looked at, once it has been quiet for a moment."""
    async with each_desk(*(component(f"c{n}", owner=CHECKOUT) for n in range(130))) as d:
        await d.pass_days(0.0001)
        assert (await d.service.summarize(actor=SYSTEM)).all.due == 130
        page = await d.list("all", limit=50, offset=100)
        assert len(page) == 30
        assert await d.refs("all", text="C12") == [
            f"component:default/c{n}" for n in sorted(("12", *(f"12{x}" for x in range(10))))
        ]
        await d.create(*(component(f"n{n}", owner=CHECKOUT) for n in range(120)), actor=ADA)
        await d.pass_days(0.0001)
        assert (await d.service.summarize(actor=SYSTEM)).all == Share(confirmed=120, due=130)


async def test_groups_and_people_have_no_owner_to_confirm(open_desk: Any):
    """Only kinds that can have an owner are counted."""
    async with open_desk(group("more"), component("till", owner=CHECKOUT)) as d:
        assert await d.service.find_standing("group:default/more", actor=SYSTEM) is None
        assert await d.refs("all") == [TILL]

"""Names that change and entities that are one: nothing that people refer to is lost, and it can be taken back."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.interface import EntityNotFound
from callboard.features.catalog.interface.aliases import AliasNotFound
from callboard.features.editing.interface import GivenElsewhere, TextRefused
from callboard.features.ownership.merging import MergeNotFound, plain_name
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import ConflictError, InputError, NotAllowedError
from callboard.model.refs import EntityRef
from callboard.testing import component, group, user
from tests.features.importing.test_access import policy
from tests.features.ownership.conftest import ADA, BOB, CHECKOUT, TILL

pytestmark = pytest.mark.anyio

SHOP, STORE = "component:default/shop", "component:default/store"
ROOT = user("root", roles=("admin",))
READ = {"permission": "catalog.entity.read"}


def ref(text: str) -> EntityRef:
    return EntityRef.parse(text)


# ---- renaming -------------------------------------------------------------------------------------------------------------


async def test_an_entity_is_renamed_with_all_that_hangs_on_it(each_desk: Any):
    """Uid, comments and confirmations stay; what may be rewritten is, the rest goes on by the alias; the old page leads there."""
    async with each_desk(component("till", owner=CHECKOUT, dependsOn=["component:shop"])) as d:
        text = "# by hand\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: shop # short\nspec:\n  type: service\n  lifecycle: production\n  owner: checkout\n"
        await d.editing.save(text, actor=ADA)
        await d.create(component("web", owner=CHECKOUT, dependsOn=["component:shop", "component:other"]), actor=ADA)
        uid = (await d.site.get(SHOP))["metadata"]["uid"]
        plan = await d.parts.naming.plan(ref(SHOP), "store", actor=ADA)
        assert (plan.new, {r.ref: r.way for r in plan.references}) == (
            STORE,
            {"component:default/web": "rewritten", TILL: "alias"},
        )
        assert await d.site.find(STORE) is None
        await d.parts.naming.rename(ref(SHOP), "store", note="Clearer", actor=ADA)
        await d.site.settle()
        assert await d.site.find(SHOP) is None and (await d.site.get(STORE))["metadata"]["uid"] == uid
        editable = await d.editing.find_editable(ref(STORE), actor=ADA)
        assert editable.text == text.replace("name: shop", "name: store")
        assert (await d.site.get("component:default/web"))["spec"]["dependsOn"] == [STORE, "component:other"]
        assert {"type": "dependsOn", "targetRef": STORE} in (await d.site.get(TILL))["relations"]
        assert await d.state(STORE) == "confirmed"
        (told,) = await d.site.findings(TILL)
        assert told.severity == "warning" and STORE in told.message
        async with d.site.portal.client(ADA) as client:
            answer = await client.get("/catalog/default/component/shop")
            assert (answer.status_code, answer.headers["location"]) == (301, "/catalog/default/component/store")


async def test_a_name_that_cannot_be_is_refused_before_anything_is_written(open_desk: Any):
    """Taken, the same, none at all, of another source, by those who may not, or of what is hidden."""
    async with open_desk() as d:
        await d.create(component("shop", owner=CHECKOUT), actor=ADA)
        for name, error in (("till", InputError), ("shop", InputError), (" ", InputError), ("a b", TextRefused)):
            with pytest.raises(error):
                await d.parts.naming.rename(ref(SHOP), name, actor=ADA)
        with pytest.raises(GivenElsewhere):
            await d.parts.naming.rename(ref(TILL), "x", actor=ADA)
        with pytest.raises(NotAllowedError):
            await d.parts.naming.rename(ref(SHOP), "x", actor=BOB)
        with pytest.raises(EntityNotFound):
            await d.parts.naming.rename(ref("component:none"), "x", actor=ADA)
        assert await d.site.changes(SHOP) == ["created"]


async def test_an_alias_can_be_taken_away_by_those_who_may_change_the_entity(open_desk: Any):
    """The old name then is nobody's; others may not, and do not see those of hidden entities."""
    rules = {"bob": [READ], "eve": [], "root": [READ, {"permission": "catalog.entity.update"}]}
    async with open_desk(more=policy(**rules)) as d:
        await d.create(component("shop", owner=CHECKOUT))
        await d.parts.naming.rename(ref(SHOP), "store", actor=SYSTEM)
        with pytest.raises(NotAllowedError):
            await d.parts.naming.remove_alias(SHOP, actor=BOB)
        assert not await d.parts.naming.list_aliases(actor=user("eve"))
        with pytest.raises(AliasNotFound):
            await d.parts.naming.remove_alias(SHOP, actor=user("eve"))
        await d.parts.naming.remove_alias(SHOP, actor=ROOT)
        assert not await d.parts.naming.list_aliases(actor=ROOT)


async def test_a_name_that_changed_at_its_source_is_suggested_as_alias(open_desk: Any, world: Any):
    """The same file gives one that is like it: taken, the old name leads there and what was confirmed stays so."""
    async with open_desk(
        component("till", owner=CHECKOUT), component("web", owner="payments", dependsOn=["component:till"])
    ) as d:
        await d.confirm(TILL)
        world.write(
            "things.yaml",
            component("register", owner=CHECKOUT),
            component("web", owner="payments", dependsOn=["component:till"]),
        )
        await d.site.sweep()
        register = "component:default/register"
        assert [(r.old, r.new) for r in await d.parts.naming.list_renames(actor=ROOT)] == [(TILL, register)]
        assert not await d.parts.naming.list_renames(actor=BOB)
        with pytest.raises(AliasNotFound):
            await d.parts.naming.take_rename(TILL, accept=True, actor=BOB)
        await d.parts.naming.take_rename(TILL, accept=True, actor=ROOT)
        await d.site.settle()
        assert {"type": "dependsOn", "targetRef": register} in (await d.site.get("component:default/web"))["relations"]
        assert not await d.parts.naming.list_renames(actor=ROOT)
        await d.parts.tracker.sync_all()
        assert await d.state(register) == "confirmed"


async def test_what_is_quite_another_thing_is_not_suggested(open_desk: Any, world: Any):
    """One went and one came, and they have little in common."""
    async with open_desk(component("till", owner=CHECKOUT)) as d:
        world.write("things.yaml", component("docs", owner="search", type="website", lifecycle="experimental"))
        await d.site.sweep()
        assert not await d.parts.naming.list_renames(actor=ROOT)


# ---- merging --------------------------------------------------------------------------------------------------------------


async def test_two_become_one_and_two_again(each_desk: Any):
    """Lists are united, what the survivor lacks is taken over, the rest is the survivor's; taken back, all is as it was."""
    async with each_desk(component("web", owner=CHECKOUT, dependsOn=["component:store"])) as d:
        await d.create(
            component("shop", owner=CHECKOUT, metadata={"tags": ["java"]}, dependsOn=["resource:db"]),
            component("store", owner="search", type="website", metadata={"tags": ["pay"], "description": "Sells."}, dependsOn=["resource:db", "resource:mq"]),
            actor=ROOT,
        )  # fmt: skip
        before = await d.site.snapshot()
        plan = await d.parts.merging.plan(SHOP, STORE, actor=ROOT)
        assert {f.path: f.choice for f in plan.fields} == {
            "metadata.tags": "both", "metadata.description": "other", "spec.type": "survivor", "spec.owner": "survivor", "spec.dependsOn": "both",
        }  # fmt: skip
        await d.parts.merging.merge(
            SHOP, STORE, choices={"spec.type": "other", "metadata.tags": "both"}, note="One team", actor=ROOT
        )
        await d.site.settle()
        shop = await d.site.get(SHOP)
        assert shop["metadata"]["tags"] == ["java", "pay"] and shop["metadata"]["description"] == "Sells."
        assert shop["spec"]["type"] == "website" and shop["spec"]["owner"] == CHECKOUT
        assert shop["spec"]["dependsOn"] == ["resource:db", "resource:mq"]
        assert await d.site.find(STORE) is None
        assert {"type": "dependsOn", "targetRef": SHOP} in (await d.site.get("component:default/web"))["relations"]
        with pytest.raises(NotAllowedError, match="take the merge back"):
            await d.parts.naming.remove_alias(STORE, actor=ROOT)
        assert await d.parts.merging.unmerge(STORE, actor=ROOT) == SHOP
        await d.site.settle()
        assert await d.site.snapshot() == before
        with pytest.raises(MergeNotFound):
            await d.parts.merging.unmerge(STORE, actor=ROOT)


async def test_one_of_another_source_is_kept_out_while_it_is_merged(open_desk: Any):
    """The survivor tells that it is still given; taken back it comes again by itself."""
    async with open_desk(component("till", owner=CHECKOUT)) as d:
        await d.create(component("shop", owner=CHECKOUT), actor=ROOT)
        await d.parts.merging.merge(SHOP, TILL, actor=ROOT)
        await d.site.sweep()
        assert await d.site.find(TILL) is None
        assert [f.stage for f in await d.site.findings(SHOP)] == ["conflict"]
        await d.parts.merging.unmerge(TILL, actor=ROOT)
        await d.site.sweep()
        assert await d.site.find(TILL) is not None and await d.site.findings(SHOP) == []


async def test_what_cannot_be_one_is_refused(open_desk: Any):
    """Two kinds, one and the same, without the permission to delete, or when the survivor cannot take what was chosen."""
    rules = {
        "ada": [READ, {"permission": "catalog.entity.update"}],
        "root": [READ, {"permission": "catalog.entity.update"}, {"permission": "catalog.entity.delete"}],
    }
    async with open_desk(more=policy(**rules)) as d:
        await d.create(component("shop", owner="search", metadata={"description": "Sells."}))
        for other, error in ((CHECKOUT, InputError), (TILL, InputError), ("component:default/none", EntityNotFound)):
            with pytest.raises(error):
                await d.parts.merging.merge(TILL, other, actor=ROOT)
        with pytest.raises(NotAllowedError, match="delete"):
            await d.parts.merging.merge(TILL, SHOP, actor=ADA)
        if (await d.parts.merging.plan(TILL, SHOP, actor=ROOT)).refused:
            with pytest.raises(ConflictError):
                await d.parts.merging.merge(TILL, SHOP, actor=ROOT)
            assert await d.site.find(SHOP) is not None
        with pytest.raises(MergeNotFound):
            await d.parts.merging.unmerge(SHOP, actor=ROOT)


async def test_those_that_may_be_one_are_suggested(open_desk: Any):
    """One repository, or one name but for words that say nothing; only what the asker sees."""
    slug = {"annotations": {"github.com/project-slug": "acme/pay"}}
    documents = [
        component("pay", metadata=slug), component("billing", metadata=slug), component("till-service"), component("Till_svc"),
        component("other"), group("pay"),
    ]  # fmt: skip
    async with open_desk(*documents, more=policy(eve=[], root=[READ])) as d:
        found = {
            (d.reason, tuple(r.partition("/")[2] for r in d.refs))
            for d in await d.parts.merging.list_duplicates(actor=ROOT)
        }
        assert found == {("repository", ("billing", "pay")), ("name", ("till-service", "till_svc"))}
        assert await d.parts.merging.list_duplicates(actor=user("eve")) == []


@pytest.mark.parametrize(
    ("name", "plain"),
    [("Pay_Service", "pay"), ("pay-svc", "pay"), ("pay", "pay"), ("api-gateway", "gateway"), ("apis", "apis")],
)
def test_names_are_compared_without_what_people_vary(name: str, plain: str):
    """Case, separators, and words that say what kind of thing it is."""
    assert plain_name(name) == plain

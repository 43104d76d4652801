"""Earlier names: they lead to the entity wherever others use them, and can be taken back without a trace."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.interface.aliases import Alias, CatalogAliases, NameTaken
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.errors import InputError
from callboard.model.refs import EntityRef
from callboard.testing import component, group, system, user
from tests.features.catalog.conftest import Site
from tests.features.importing.test_access import policy

pytestmark = pytest.mark.anyio

OLD, NEW = "group:default/payments", "group:default/money"
TILL, LEDGER = "component:default/till", "component:default/ledger"
EVE = user("eve")
NO_GROUPS = {
    "permission": "catalog.entity.read",
    "when": {"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": ["Component"]}},
}


async def put(site: Site, old: str, new: str, reason: Any = "renamed", actor: Actor = SYSTEM) -> Alias:
    async with site.portal.db.write() as tx:
        alias = await site.portal.service(CatalogAliases).put(tx, old, new, reason=reason, actor=actor)
    await site.settle()
    return alias


async def take_back(site: Site, old: str) -> bool:
    async with site.portal.db.write() as tx:
        done = await site.portal.service(CatalogAliases).remove(tx, old, actor=SYSTEM)
    await site.settle()
    return done


def relations(entity: Any, type: str) -> list[str]:
    return [r["targetRef"] for r in entity["relations"] if r["type"] == type]


@pytest.fixture
def files(world: Any) -> Any:
    world.write("org.yaml", group("money"), component("till", owner=OLD), component("ledger", owner=NEW))
    return world


async def test_relations_by_an_earlier_name_lead_to_the_entity(each_world: Any):
    """From both ends, at once; what is written after the alias, too. Taken back, everything is as it was."""
    world = each_world
    world.write("org.yaml", group("money"), component("till", owner=OLD), component("ledger", owner=NEW))
    async with world.site("org.yaml") as site:
        before = await site.snapshot()
        assert relations(await site.get(NEW), "ownerOf") == [LEDGER]
        alias = await put(site, OLD, NEW)
        assert (alias.old, alias.new, alias.reason, alias.by) == (OLD, NEW, "renamed", SYSTEM.subject)
        assert relations(await site.get(TILL), "ownedBy") == [NEW]
        assert relations(await site.get(NEW), "ownerOf") == [LEDGER, TILL]
        found = await site.queries.relations_of([NEW], actor=SYSTEM)
        assert {(r.type, r.target) for r in found} == {("ownerOf", LEDGER), ("ownerOf", TILL)}
        world.write("more.yaml", component("shop", owner=OLD))
        assert await take_back(site, OLD) and not await take_back(site, OLD)
        assert await site.snapshot() == before
        assert await site.all_findings() == []


async def test_what_comes_in_later_by_an_earlier_name_is_resolved_and_told(files: Any):
    """A warning on the document that uses the old name; it goes when the document says the new one."""
    async with files.site("org.yaml") as site:
        await put(site, OLD, NEW)
        (told,) = await site.findings(TILL)
        assert (told.severity, told.stage) == ("warning", "relations") and "is now group:default/money" in told.message
        files.write("org.yaml", group("money"), component("till", owner=NEW), component("shop", owner=OLD))
        await site.sweep()
        assert await site.findings(TILL) == []
        assert relations(await site.get("component:default/shop"), "ownedBy") == [NEW]
        (told,) = await site.findings("component:default/shop")
        assert told.fix is not None and "Write group:default/money" in told.fix
        assert relations(await site.get(NEW), "ownerOf") == ["component:default/shop", TILL]


async def test_an_entity_that_takes_an_earlier_name_ends_the_alias(files: Any):
    """It has the name itself: what others say by it is about it from then on."""
    async with files.site("org.yaml") as site:
        await put(site, OLD, NEW)
        files.write("org.yaml", group("money"), group("payments"), component("till", owner=OLD))
        await site.sweep()
        assert await site.portal.service(CatalogAliases).list_aliases(actor=SYSTEM) == ()
        assert relations(await site.get(TILL), "ownedBy") == [OLD]
        assert relations(await site.get(OLD), "ownerOf") == [TILL] and relations(await site.get(NEW), "ownerOf") == []


async def test_names_in_a_row_lead_to_the_last(files: Any):
    """A renamed to B renamed to C: both lead to C, and never in a circle."""
    files.write("org.yaml", group("money"), group("cash"), component("till", owner=OLD))
    async with files.site("org.yaml") as site:
        await put(site, OLD, NEW)
        files.write("org.yaml", group("cash"), component("till", owner=OLD))
        await site.sweep()
        await put(site, NEW, "group:default/cash")
        assert relations(await site.get(TILL), "ownedBy") == ["group:default/cash"]
        found = await site.portal.service(CatalogAliases).list_aliases(of="group:default/cash", actor=SYSTEM)
        assert {alias.old for alias in found} == {OLD, NEW}


async def test_what_makes_no_sense_is_refused(files: Any):
    """An alias of itself, of another kind, to nothing, or of a name that an entity has."""
    async with files.site("org.yaml") as site:
        for old, new, error, words in (
            (NEW, NEW, InputError, "itself"),
            ("system:default/x", NEW, InputError, "different kinds"),
            (OLD, "group:default/nobody", InputError, "no entity"),
            (TILL, LEDGER, NameTaken, "Merge"),
        ):
            with pytest.raises(error, match=words):
                await put(site, old, new)
        again = await put(site, OLD, NEW)
        revision = await site.snapshot()
        assert await put(site, OLD, NEW) == again and await site.snapshot() == revision


async def test_a_merged_entity_is_kept_out_until_that_is_taken_back(each_world: Any):
    """Its source still gives it: that is told on the survivor, and it comes back by itself afterwards."""
    world = each_world
    world.write("a.yaml", component("till"), system("shop"))
    world.write("b.yaml", component("register"), component("web", dependsOn=["component:register"]))
    register = "component:default/register"
    async with world.site("a.yaml", "b.yaml") as site:
        before = await site.snapshot()
        await put(site, register, TILL, "merged")
        assert await site.find(register) is None
        assert relations(await site.get("component:default/web"), "dependsOn") == [TILL]
        (told,) = await site.findings(TILL)
        assert told.severity == "warning" and "merged into this one" in told.message and "b.yaml" in (told.file or "")
        world.write("b.yaml", component("register", type="library"), component("web", dependsOn=["component:register"]))
        await site.sweep()
        assert await site.find(register) is None
        world.write("b.yaml", component("register"), component("web", dependsOn=["component:register"]))
        assert await take_back(site, register)
        await site.sweep()
        assert await site.snapshot() == before


async def test_pages_by_an_earlier_name_lead_on(files: Any):
    """301 with the tab and the query, to be asked again; REST's by-name is as ever, and resolve tells."""
    async with files.site("org.yaml", more={"backend": {"auth": {"externalAccess": []}}}) as site:
        await put(site, OLD, NEW)
        async with site.portal.client(SYSTEM) as client:
            answer = await client.get("/catalog/default/group/payments/history?before=9")
            assert (answer.status_code, answer.headers["location"]) == (
                301,
                "/catalog/default/group/money/history?before=9",
            )
            assert "no-cache" in answer.headers["cache-control"]
            assert (await client.get("/api/catalog/entities/by-name/group/default/payments")).status_code == 404
            resolved = (await client.get(f"/api/catalog/v1/resolve?ref={OLD}")).json()
            assert resolved["entityRef"] == NEW and resolved["alias"]["reason"] == "renamed"
            assert (await client.get(f"/api/catalog/v1/resolve?ref={NEW}")).json() == {"entityRef": NEW}
            assert (await client.get("/api/catalog/v1/resolve?ref=group:x")).status_code == 404
            assert (await client.get("/api/catalog/v1/resolve?ref=:")).status_code == 400


async def test_a_hidden_entity_is_not_given_away_by_its_earlier_name(files: Any):
    """No redirect, no resolving, no alias in lists, and no warning that names it."""
    async with files.site("org.yaml", more=policy(eve=[NO_GROUPS])) as site:
        await put(site, OLD, NEW)
        aliases = site.portal.service(CatalogAliases)
        assert await aliases.resolve(OLD, actor=EVE) is None and not await aliases.list_aliases(actor=EVE)
        assert await site.queries.findings(EntityRef.parse(TILL), actor=EVE) == []
        async with site.portal.client(EVE) as client:
            assert (await client.get("/catalog/default/group/payments")).status_code == 404
            assert (await client.get(f"/api/catalog/v1/resolve?ref={OLD}")).status_code == 404


async def test_who_refers_to_a_name_is_told(files: Any):
    """By the relation that their own documents say, and only those that the asker sees."""
    async with files.site("org.yaml", more=policy(eve=[])) as site:
        aliases = site.portal.service(CatalogAliases)
        (found,) = await aliases.list_referrers(OLD, actor=SYSTEM)
        assert (found.ref, found.types) == (TILL, ["ownedBy"])
        assert await aliases.list_referrers(OLD, actor=EVE) == []

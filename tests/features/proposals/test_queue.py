"""The queue: scans bring it up to date, people decide, and nothing enters the catalog unseen."""

from __future__ import annotations

import os
from typing import Any

import orjson
import pytest

from callboard.features.editing.interface import Editing, FieldChange
from callboard.features.proposals.interface import ProposalNotFound, ProposalQuery, TargetRefused
from callboard.kernel.auth.actor import ANONYMOUS
from callboard.kernel.errors import AuthenticationError, InputError, NotAllowedError, NotFoundError
from callboard.model.documents import parse_values
from callboard.model.refs import EntityRef
from callboard.testing import component, group, user
from tests.features.importing.test_access import CREATE, READ, owned, policy
from tests.features.proposals.trees import LEDGER, SHOP

pytestmark = pytest.mark.anyio

ORDERS, WEB, MONEY, SYSTEM_REF = (
    "component:default/orders",
    "component:default/shop-web",
    "component:default/money",
    "system:default/shop",
)
ADA, EVE = user("ada", "group:default/team"), user("eve")


def team(name: str, slug: str) -> dict[str, Any]:
    """A group as discovery makes it of a team on GitHub."""
    made = group(name)
    return {**made, "metadata": {**made["metadata"], "annotations": {"github.com/team-slug": slug}}}


async def test_a_scan_proposes_and_enters_nothing(each_desk: Any):
    """What a folder holds waits in the queue, by page and by filter; the catalog stays as it was."""
    async with each_desk() as d:
        scan = await d.scan()
        assert (scan.stage, scan.counts["new"], scan.error) == ("done", 12, "")
        assert await d.site.refs() == set()
        page = await d.service.list_proposals(ProposalQuery(kind="Component", limit=2), actor=d.actor)
        assert (len(page.items), page.total) == (2, 4)
        assert {value: count for value, _, count in page.facets["kind"]} == {
            "Component": 4,
            "API": 2,
            "Resource": 2,
            "System": 1,
            "Group": 3,
        }
        assert set(await d.found(words="ORDERS remembers")) == {ORDERS}
        assert set(await d.found(words="100%_")) == set()
        assert {one.confidence for one in (await d.found(confidence="high")).values()} == {"high"}


async def test_accepting_makes_entities_with_their_relations(each_desk: Any):
    """All at once: owners are the groups that CODEOWNERS names, links are refs, definitions are there, and it is audited."""
    async with each_desk() as d:
        await d.scan()
        await d.service.change(
            [(await d.get("component:default/payments")).id], {"spec.owner": "group:platform"}, actor=d.actor
        )
        told = await d.accept()
        assert {one.outcome for one in told.values()} == {"accepted"}, told
        orders = await d.entity(ORDERS)
        assert orders["spec"] == {
            "type": "service", "lifecycle": "production", "owner": "group:default/orders", "system": SYSTEM_REF,
            "dependsOn": [MONEY, "component:default/payments", "resource:default/orders-db", "resource:default/orders-events"],
            "providesApis": ["api:default/orders-api"], "consumesApis": ["api:default/payments"],
        }  # fmt: skip
        assert (await d.entity("api:default/orders-api"))["spec"]["definition"] == SHOP["services/orders/openapi.yaml"]
        relations = {(one["type"], one["targetRef"]) for one in orders["relations"]}
        assert ("ownedBy", "group:default/orders") in relations and ("partOf", SYSTEM_REF) in relations
        assert await d.site.all_findings() == []
        rows = await d.site.rows("SELECT meta FROM kernel_audit_event WHERE plugin = 'proposals' ORDER BY seq")
        metas = [orjson.loads(row[0]) for row in rows]
        assert [meta["actionType"] for meta in metas] == ["scan", "change", "accept"]
        assert ORDERS in metas[-1]["refs"]


async def test_what_stays_behind_is_left_out_and_offered_later(each_desk: Any):
    """Accepting one alone leaves out relations to the others; once those are accepted, they are shown as a change to bring over."""
    async with each_desk() as d:
        await d.scan()
        await d.accept("group:default/orders", ORDERS)
        assert "dependsOn" not in (await d.entity(ORDERS))["spec"]
        assert (await d.get(ORDERS)).differences == ()
        await d.accept("group:default/platform", MONEY)
        changed = (await d.get(ORDERS)).differences
        assert [(one.path, one.after) for one in changed] == [("spec.dependsOn", [MONEY])]
        assert (await d.service.update((await d.get(ORDERS)).id, actor=d.actor)).outcome == "changed"
        await d.site.settle()
        assert (await d.entity(ORDERS))["spec"]["dependsOn"] == [MONEY]
        assert (await d.get(ORDERS)).differences == ()


async def test_an_unchanged_folder_is_passed_over(open_desk: Any):
    """Nothing is written a second time; ``again`` reads it all the same, and finds nothing new."""
    async with open_desk() as d:
        await d.scan()
        assert (await d.scan()).counts == {"unchanged": 1, "repositories": 1}
        assert (await d.scan(again=True)).counts.get("new", 0) == 0


async def test_ignored_stays_ignored_and_gone_goes(each_desk: Any):
    """A rescan opens nothing that was ignored; open proposals whose files went away go, too."""
    async with each_desk() as d:
        await d.scan()
        await d.service.ignore([(await d.get(WEB)).id], actor=d.actor)
        (d.code / "shop/payments/go.mod").unlink()
        (d.code / "shop/payments/main.go").unlink()
        d.write(
            {
                "compose.yaml": "services: {}\n",
                "services/web/package.json": '{"name": "@acme/web", "dependencies": {"nuxt": "4"}}',
            }
        )
        scan = await d.scan()
        found = await d.found()
        assert found[WEB].state == "ignored"
        assert "component:default/payments" not in found and "resource:default/orders-db" not in found
        assert scan.counts["gone"] == 3
        told = await d.service.accept([found[WEB].id], actor=d.actor)
        assert (told[0].outcome, told[0].message) == ("refused", "It is ignored. Open it again first.")
        await d.service.reopen([found[WEB].id], actor=d.actor)
        assert (await d.get(WEB)).state == "open"


async def test_changed_evidence_is_shown_and_brought_over(each_desk: Any):
    """On an accepted one: what the files said, what they say, with the line. An edit of the entity meanwhile is not overwritten."""
    async with each_desk() as d:
        await d.scan()
        await d.accept("group:default/orders", ORDERS)
        d.write(
            {
                "services/orders/package.json": '{"name": "@acme/orders", "description": "Takes orders by telephone.", "dependencies": {"express": "5"}}'
            }
        )
        assert (await d.scan()).counts["changed"] == 1
        (different,) = [one for one in (await d.get(ORDERS)).differences if one.path == "metadata.description"]
        assert (different.before, different.after) == ("Takes orders and remembers them.", "Takes orders by telephone.")
        assert different.evidence[0].path == "services/orders/package.json"
        assert set(await d.found(state="accepted", changed=True)) == {ORDERS}
        assert await d.site.description(ORDERS) == "Takes orders and remembers them."
        assert (await d.service.update((await d.get(ORDERS)).id, actor=d.actor)).outcome == "changed"
        await d.site.settle()
        assert await d.site.description(ORDERS) == "Takes orders by telephone."

        editing = d.site.portal.service(Editing)
        await editing.change_fields([FieldChange(ORDERS, {"metadata.description": "By hand."})], actor=d.actor)
        d.write(
            {
                "services/orders/package.json": '{"name": "@acme/orders", "description": "Takes orders by post.", "dependencies": {"express": "5"}}'
            }
        )
        await d.scan()
        assert (await d.service.update((await d.get(ORDERS)).id, actor=d.actor)).outcome == "conflict"
        assert await d.site.description(ORDERS) == "By hand."
        await d.service.dismiss((await d.get(ORDERS)).id, actor=d.actor)
        assert (await d.get(ORDERS)).differences == ()


async def test_fields_are_changed_by_hand_and_win(each_desk: Any):
    """Also over a rescan; setting None goes back to the files; a name is checked, and changes the ref."""
    async with each_desk() as d:
        await d.scan()
        id = (await d.get(WEB)).id
        values = {
            "metadata.name": "storefront",
            "spec.type": "spa",
            "spec.owner": "storefront",
            "metadata.tags": ["shop"],
            "spec.dependsOn": [MONEY],
        }
        assert (await d.service.change([id], values, actor=d.actor))[0].ref == "component:default/storefront"
        await d.scan(again=True)
        await d.accept("group:default/storefront", "group:default/platform", MONEY, "component:default/storefront")
        entity = await d.entity("component:default/storefront")
        assert (entity["spec"]["type"], entity["spec"]["owner"], entity["metadata"]["tags"]) == (
            "spa",
            "group:default/storefront",
            ["shop"],
        )
        assert entity["spec"]["dependsOn"] == [MONEY]
        other = (await d.get(ORDERS)).id
        await d.service.change([other], {"spec.type": "daemon"}, actor=d.actor)
        await d.service.change([other], {"spec.type": None}, actor=d.actor)
        assert (await d.get(ORDERS)).fields["spec.type"].value == "service"


@pytest.mark.parametrize(
    "values",
    [
        {"metadata.name": "not a name"}, {"spec.owner": "a:b:c"}, {"metadata.tags": ["No Tag"]}, {"metadata.tags": "x"}, {"spec.secret": "x"},
        {"spec.type": 7}, {"metadata.description": "x" * 3_000}, {"spec.dependsOn": ["x"] * 300},
    ],
)  # fmt: skip
async def test_values_that_are_none_are_refused_with_their_field(open_desk: Any, values: dict[str, Any]):
    """Nothing is changed then."""
    async with open_desk() as d:
        await d.scan()
        with pytest.raises(InputError) as raised:
            await d.service.change([(await d.get(WEB)).id], values, actor=d.actor)
        assert raised.value.field == next(iter(values))
        assert not any(field.is_edited for field in (await d.get(WEB)).fields.values())


async def test_what_cannot_be_accepted_is_told_and_the_rest_is_made(each_desk: Any):
    """A ref that is taken, a name given twice, an owner that is missing."""
    files = {**SHOP, "CODEOWNERS": "/services/ @acme/orders\n", ".github/CODEOWNERS": ""}
    async with each_desk(files=files) as d:
        await d.scan()
        await d.service.change([(await d.get(MONEY)).id], {"metadata.name": "orders", "spec.owner": "x"}, actor=d.actor)
        found = {
            one.key: one
            for one in (await d.service.list_proposals(ProposalQuery(kind="Component"), actor=d.actor)).items
        }
        assert found["component:services/orders"].rivals == 1
        told = {one.id: one for one in await d.service.accept([one.id for one in found.values()], actor=d.actor)}
        outcomes = {key: (told[one.id].outcome, told[one.id].message) for key, one in found.items()}
        assert outcomes["component:payments"][0] == "refused" and "owner" in outcomes["component:payments"][1]
        assert outcomes["component:services/web"][0] == "accepted"
        assert sorted(outcomes[key][0] for key in ("component:services/orders", "component:packages/money")) == [
            "accepted",
            "conflict",
        ]


async def test_a_taken_ref_is_shown_and_refused(world: Any, open_desk: Any):
    """Something else of that name stands in the catalog: the proposal says so, and accepting is a conflict."""
    world.write("catalog.yaml", component("orders", owner="group:default/x"), group("orders"))
    async with open_desk("catalog.yaml") as d:
        await d.scan()
        found = await d.found()
        assert found[ORDERS].is_taken and not found[WEB].is_taken
        assert "group:default/orders" not in found  # the catalog has the team
        assert found[ORDERS].fields["spec.owner"].value == "group:default/orders"
        assert (await d.accept(ORDERS))[ORDERS].outcome == "conflict"
        assert (await d.get(ORDERS)).state == "open"


async def test_owners_are_found_by_handle_name_and_mail(world: Any, open_desk: Any):
    """A team's slug as an annotation, a name written another way, a mail address of a person."""
    world.write(
        "catalog.yaml",
        group("team-orders"), team("web-shop", "acme/storefront"),
        {"apiVersion": "backstage.io/v1alpha1", "kind": "User", "metadata": {"name": "pia"}, "spec": {"profile": {"email": "pay@acme.example"}, "memberOf": []}},
    )  # fmt: skip
    async with open_desk("catalog.yaml") as d:
        await d.scan()
        found = await d.found(kind="Component")
        owners = {
            one.name: (one.fields["spec.owner"].value, one.fields["spec.owner"].confidence) for one in found.values()
        }
        assert owners == {
            "orders": ("group:default/team-orders", "high"), "shop-web": ("group:default/web-shop", "high"),
            "payments": ("user:default/pia", "high"), "money": ("group:default/platform", "guess"),
        }  # fmt: skip


async def test_hidden_groups_are_as_if_they_were_not_there(world: Any, open_desk: Any):
    """Who may not see a group is not told that CODEOWNERS means it; a hidden entity's ref is a conflict without more words."""
    world.write("catalog.yaml", team("very-orders", "acme/orders"), component("orders", owner="group:default/eve"))
    rules = policy(ada=[READ, CREATE], eve=[owned("catalog.entity.read"), CREATE])
    async with open_desk("catalog.yaml", more=rules) as d:
        await d.scan()
        assert (await d.as_(ADA).get(ORDERS)).fields["spec.owner"].value == "group:default/very-orders"
        seen = await d.as_(EVE).get(ORDERS)
        assert seen.fields["spec.owner"].value == "group:default/orders" and not seen.is_taken
        assert "very-orders" not in repr(seen)
        told = (await d.as_(EVE).service.accept([seen.id], actor=EVE))[0]
        assert told.outcome in ("conflict", "refused") and "eve" not in told.message


async def test_everything_needs_the_permission_to_create(open_desk: Any):
    """Nobody is asked in, who only reads may not, and a read-only catalog takes no scans."""
    async with open_desk(more=policy(eve=[READ])) as d:
        scan = await d.scan()
        id = (await d.get(ORDERS)).id
        for actor, error in ((ANONYMOUS, AuthenticationError), (EVE, NotAllowedError)):
            calls = [
                d.service.scan("x", actor=actor), d.service.get_scan(scan.id, actor=actor), d.service.list_scans(actor=actor),
                d.service.list_proposals(ProposalQuery(), actor=actor), d.service.get_proposal(id, actor=actor),
                d.service.change([id], {}, actor=actor), d.service.accept([id], actor=actor), d.service.ignore([id], actor=actor),
                d.service.reopen([id], actor=actor), d.service.update(id, actor=actor), d.service.dismiss(id, actor=actor),
                d.service.descriptor([id], actor=actor), d.service.forget("x", actor=actor),
                d.service.scan_files("x", {}, paths=(), actor=actor),
            ]  # fmt: skip
            for call in calls:
                with pytest.raises(error):
                    await call
    async with open_desk(readonly=True) as d:
        with pytest.raises(NotAllowedError, match="read-only"):
            await d.service.scan(str(d.code / "shop"), actor=d.actor)


async def test_only_folders_that_settings_open_are_read(open_desk: Any, tmp_path: Any):
    """Neither others nor those that a link leads to, whether they are there or not; links in a folder are not followed."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "package.json").write_text('{"name": "secret-thing"}')
    async with open_desk() as d:
        os.symlink(secret, d.code / "way-out")
        os.symlink(secret / "package.json", d.code / "ledger" / "package.json")
        os.symlink(secret, d.code / "ledger" / "inner")
        for target in (secret, tmp_path / "absent", d.code / "way-out", d.code / "../secret", "/etc"):
            with pytest.raises(TargetRefused, match=r"proposals\.folders"):
                await d.service.scan(str(target), actor=d.actor)
        with pytest.raises(NotFoundError):
            await d.service.scan(str(d.code / "absent"), actor=d.actor)
        await d.scan(d.code / "ledger")
        assert set(await d.found()) == {"component:default/ledger", "group:default/payments"}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("", "Say what"), ("https://git.unknown.test/a/b", "integrations"), ("https://ada:pw@github.com/a/b", "password"), ("ftp://x/y", "neither"),
        ("git+file:///etc", "neither"), ("https://github.com/a/b/blob/main/x.yaml", "folder or file"), ("x" * 2_000, "Say what"),
    ],
)  # fmt: skip
async def test_targets_that_are_none_say_what_to_do(open_desk: Any, target: str, said: str):
    """A setting, or another form."""
    async with open_desk() as d:
        with pytest.raises(TargetRefused, match=said):
            await d.service.scan(target, actor=d.actor)


async def test_files_that_are_sent_are_looked_at_at_once(each_desk: Any):
    """As the command line does for a server; paths that climb are refused."""
    async with each_desk() as d:
        scan = await d.service.scan_files(
            "ledger", LEDGER, paths=["src/x.py"], url="https://github.com/acme/ledger", actor=d.actor
        )
        assert (scan.stage, scan.counts["new"]) == ("done", 2)
        found = await d.get("component:default/ledger")
        assert found.repository == "acme/ledger" and found.repository_url == "https://github.com/acme/ledger"
        assert found.fields["spec.owner"].value == "group:default/payments"
        for path in ("/etc/passwd", "../x", "a/../../x"):
            with pytest.raises(InputError):
                await d.service.scan_files("x", {path: ""}, paths=(), actor=d.actor)


async def test_a_descriptor_describes_what_is_proposed(open_desk: Any):
    """It can be put at the root of the repository: the catalog takes each of its documents."""
    async with open_desk() as d:
        await d.scan()
        found = await d.found()
        for one in found.values():
            if one.missing:
                await d.service.change([one.id], {"spec.owner": "platform"}, actor=d.actor)
        text = await d.service.descriptor(
            [one.id for one in found.values() if one.ref != "component:default/payments"], actor=d.actor
        )
        assert (
            "$text: ./services/orders/openapi.yaml" in text
            and "backstage.io/techdocs-ref: dir:./services/orders" in text
        )
        assert "component:default/payments" not in text  # not among them, so nothing points at it
        documents = parse_values(text)
        assert len(documents) == len(found) - 1 and all(
            one["apiVersion"] == "backstage.io/v1alpha1" for one in documents
        )
        await d.scan(d.code / "ledger")
        with pytest.raises(InputError, match="several"):
            await d.service.descriptor([one.id for one in (await d.found()).values()], actor=d.actor)


async def test_a_scan_that_never_ended_does_not_stand_in_the_way(each_desk: Any):
    """The same target is not put in line twice; after a day a scan whose job was given up is told as failed, and a new one begins."""
    async with each_desk() as d:
        target = str(d.code / "shop")
        first = await d.service.scan(target, actor=d.actor)
        assert (await d.service.scan(target, actor=d.actor)).id == first.id
        d.site.clock.advance(25 * 3600)
        second = await d.service.scan(target, actor=d.actor)
        assert second.id != first.id
        assert (await d.service.get_scan(first.id, actor=d.actor)).error == "It did not end within a day."


async def test_forgetting_a_repository_keeps_its_entities(each_desk: Any):
    """Proposals go; what was accepted stays in the catalog."""
    async with each_desk() as d:
        await d.scan()
        await d.accept("group:default/orders", ORDERS)
        assert await d.service.forget((await d.get(WEB)).repository_id, actor=d.actor) == 12
        assert await d.found() == {} and await d.site.find(ORDERS) is not None
        with pytest.raises(ProposalNotFound):
            await d.service.forget("absent", actor=d.actor)


async def test_an_accepted_one_is_opened_again_once_its_entity_is_gone(open_desk: Any):
    """While it stands there is nothing to open."""
    async with open_desk() as d:
        await d.scan()
        await d.accept("group:default/orders", ORDERS)
        id = (await d.get(ORDERS)).id
        assert (await d.service.reopen([id], actor=d.actor))[0].outcome == "refused"
        await d.site.portal.service(Editing).delete(EntityRef.parse(ORDERS), actor=d.actor)
        assert (await d.service.reopen([id], actor=d.actor))[0].outcome == "open"
        assert (await d.accept(ORDERS))[ORDERS].outcome == "accepted"

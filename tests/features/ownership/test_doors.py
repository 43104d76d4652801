"""REST, actions and figures: the same answers as the pages, and the same refusals."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.kernel.auth.actor import SYSTEM
from callboard.testing import component, user
from tests.features.importing.test_access import policy
from tests.features.ownership.conftest import ADA, BOB, CHECKOUT, LEDGER, TILL

pytestmark = pytest.mark.anyio

API = "/api/ownership/v1"
SHOP, STORE = "component:default/shop", "component:default/store"
ROOT = user("root", roles=("admin",))


async def test_programs_confirm_and_hand_over(each_desk: Any):
    """By ref or with what was seen; each answer tells what was done."""
    async with each_desk() as d:
        await d.create(component("shop", owner=CHECKOUT), actor=ADA)
        async with d.site.portal.client(ADA) as client:
            listed = (await client.get(f"{API}/entities?mine=1")).json()
            assert [item["entityRef"] for item in listed["items"]] == [LEDGER, TILL] and listed["totalItems"] == 2
            first = listed["items"][0]
            done = await client.post(
                f"{API}/confirm", json={"entities": [{"entityRef": LEDGER, "mark": first["mark"]}, TILL]}
            )
            assert done.json() == {"confirmed": [LEDGER, TILL]}
            assert (
                await client.post(f"{API}/confirm", json={"entities": [{"entityRef": TILL, "mark": "x"}]})
            ).status_code == 409
            one = (await client.get(f"{API}/entities/component/default/till")).json()
            assert one["state"] == "confirmed" and one["fields"][0]["confirmedBy"] == ADA.subject
            summary = (await client.get(f"{API}/summary")).json()
            assert summary["all"]["confirmedPercent"] == 100 and summary["all"]["total"] == 3
            offer = (await client.post(f"{API}/handovers", json={"entityRefs": [SHOP], "newOwner": "search"})).json()[
                "handovers"
            ][0]
            assert offer["state"] == "asked"
            assert (
                await client.post(f"{API}/handovers/{offer['id']}/answer", json={"accept": True})
            ).status_code == 403
            page = (await client.get(f"{API}/entities?show=all&limit=1&kind=component&q=shop")).json()
            assert page["items"][0]["handover"]["newOwner"] == "group:default/search"
            assert (await client.post(f"{API}/handovers/{offer['id']}/withdraw")).json()["state"] == "withdrawn"


async def test_programs_give_owners_and_reorganise(open_desk: Any):
    """A dry run writes nothing and tells the same."""
    async with open_desk() as d:
        await d.create(component("shop", owner="nobody"), actor=ROOT)
        async with d.site.portal.client(ROOT) as client:
            gone = (await client.get(f"{API}/gone")).json()
            assert gone["items"][0]["trouble"] == "missing" and isinstance(gone["items"][0]["suggestions"], list)
            asked = {"owners": {SHOP: "checkout"}}
            dry = (await client.post(f"{API}/assign", json={**asked, "dryRun": True})).json()
            assert dry["results"][0]["outcome"] == "changed" and await d.owner(SHOP) == "group:default/nobody"
            assert (await client.post(f"{API}/assign", json=asked)).json() == dry
            await d.site.settle()
            wish = {"from": "checkout", "to": "search", "entityRefs": [SHOP]}
            dry = (await client.post(f"{API}/reorganisations", json={**wish, "dryRun": True})).json()
            assert [r["field"] for r in dry["results"]] == ["spec.owner"]
            done = (await client.post(f"{API}/reorganisations", json=wish)).json()
            assert (await client.get(f"{API}/reorganisations")).json()["items"][0]["id"] == done["id"]
            await d.site.settle()
            assert await d.owner(SHOP) == "group:default/search"
            undone = (await client.post(f"{API}/reorganisations/{done['id']}/undo")).json()
            assert undone["results"][0]["outcome"] == "changed"


async def test_programs_rename_and_merge(open_desk: Any):
    """With a look before; aliases are listed and forgotten."""
    async with open_desk() as d:
        await d.create(
            component("shop", owner=CHECKOUT), component("web", owner=CHECKOUT, dependsOn=[SHOP]), actor=ROOT
        )
        async with d.site.portal.client(ROOT) as client:
            asked = {"entityRef": SHOP, "name": "store"}
            dry = (await client.post(f"{API}/rename", json={**asked, "dryRun": True})).json()
            assert dry["entityRef"] == STORE and dry["references"][0]["way"] == "rewritten"
            assert (await client.post(f"{API}/rename", json=asked)).json() == dry
            assert [a["ref"] for a in (await client.get(f"{API}/aliases")).json()["items"]] == [SHOP]
            assert (await client.delete(f"{API}/aliases?ref={SHOP}")).status_code == 204
            assert (await client.delete(f"{API}/aliases?ref={SHOP}")).status_code == 404
            pair = {"entityRef": STORE, "other": "component:default/web"}
            dry = (await client.post(f"{API}/merge", json={**pair, "dryRun": True})).json()
            assert dry["fields"][0]["field"] == "spec.dependsOn" and dry["refused"] is None
            assert (
                await client.post(f"{API}/merge", json={**pair, "choices": {"spec.dependsOn": "survivor"}})
            ).status_code == 200
            assert await d.site.find("component:default/web") is None
            assert (await client.post(f"{API}/unmerge", json={"other": "component:default/web"})).json() == {
                "entityRef": STORE
            }
            assert (await client.get(f"{API}/duplicates")).json() == {"items": []}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/entities?show=x", None), ("GET", "/entities?limit=0", None), ("GET", "/entities?owner=:", None),
        ("GET", "/gone?trouble=x", None), ("POST", "/confirm", {"entities": []}), ("POST", "/confirm", {"entities": [1]}),
        ("POST", "/handovers", {"entityRefs": ["x"]}), ("POST", "/handovers", {"entityRefs": [TILL]}),
        ("POST", "/assign", {"owners": []}), ("POST", "/reorganisations", {"from": "a", "to": "b", "groups": "yes"}),
        ("POST", "/rename", {"entityRef": TILL}), ("POST", "/merge", {"entityRef": TILL, "other": LEDGER, "choices": {"a": 1}}),
        ("POST", "/unmerge", {"other": 1}), ("POST", "/handovers/x/answer", {"accept": "yes"}), ("DELETE", "/aliases", None),
    ],
)  # fmt: skip
async def test_bad_input_is_answered_with_the_field(open_desk: Any, method: str, path: str, body: Any):
    """problem+json, 400, in words."""
    async with open_desk() as d, d.site.portal.client(ROOT) as client:
        answer = await client.request(method, API + path, json=body)
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"].startswith("application/problem+json") and answer.json()["detail"]


async def test_agents_see_what_is_due_and_confirm_it(open_desk: Any):
    """Of their own unless they name an owner; with what they saw."""
    async with open_desk() as d:
        actions = d.site.portal.actions
        found = await actions.invoke("ownership:list-due", {}, actor=ADA)
        assert [item["entityRef"] for item in found["items"]] == [LEDGER, TILL]
        assert (await actions.invoke("ownership:list-due", {"owner": "checkout"}, actor=BOB))["totalItems"] == 1
        seen = [{"entityRef": i["entityRef"], "mark": i["mark"]} for i in found["items"]]
        done = await actions.invoke("ownership:confirm", {"entities": seen}, actor=ADA)
        assert done == {"confirmed": [LEDGER, TILL]} and await d.state(TILL) == "confirmed"


async def test_figures_count_without_names(open_desk: Any):
    """States only: no entity, no group."""
    async with open_desk(component("till", owner=CHECKOUT), component("lost", owner="x")) as d:
        await d.confirm(TILL)
        async with d.site.portal.client(SYSTEM) as client:
            text = (await client.get("/metrics")).text
        assert 'callboard_ownership_entities{state="confirmed"} 1.0' in text
        assert 'callboard_ownership_entities{state="unowned"} 1.0' in text
        assert "callboard_ownership_confirmed_ratio 0.5" in text and "till" not in text


async def test_who_sees_nothing_is_told_nothing(open_desk: Any):
    """Empty lists and numbers, and not found for what is there."""
    async with open_desk(more=policy(eve=[])) as d, d.site.portal.client(user("eve")) as client:
        assert (await client.get(f"{API}/summary")).json()["all"]["total"] == 0
        assert (await client.get(f"{API}/entities?show=all")).json() == {"items": [], "totalItems": 0}
        assert (await client.get(f"{API}/entities/component/default/till")).status_code == 404
        assert (await client.post(f"{API}/confirm", json={"entities": [TILL]})).status_code == 404

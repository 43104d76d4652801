"""Pages, REST and actions over the queue: the same everywhere, escaped, without script, within bounds."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml12

from callboard.features.proposals.job_kinds import SCAN_JOB
from callboard.kernel.auth.actor import SYSTEM
from callboard.testing import admin, user
from tests.features.importing.test_access import CREATE, READ, policy
from tests.features.proposals.trees import LEDGER, SHOP

pytestmark = pytest.mark.anyio

API = "/api/proposals/v1"
ORDERS = "component:default/orders"
NASTY = "<script>alert(1)</script>"
ADA, EVE = user("ada"), user("eve")


async def ids_of(client: Any, **query: str) -> dict[str, str]:
    """Ids by ref."""
    answer = await client.get(f"{API}/proposals", params={"limit": "200", "state": "any", **query})
    return {one["ref"]: one["id"] for one in answer.json()["items"]}


async def test_rest_from_scan_to_entity(open_desk: Any):
    """Scan, look, change, accept, and read the descriptor, as a program does."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        scan = (await client.post(f"{API}/scans", json={"target": str(d.code / "shop")})).json()
        assert scan["stage"] == "waiting"
        await d.site.portal.jobs.run_due((SCAN_JOB,))
        scan = (await client.get(f"{API}/scans/{scan['id']}")).json()
        assert (scan["stage"], scan["counts"]["new"]) == ("done", 12)
        assert (await client.get(f"{API}/scans")).json()["totalItems"] == 1
        page = (await client.get(f"{API}/proposals", params={"kind": "Component", "limit": "2"})).json()
        assert (len(page["items"]), page["totalItems"]) == (2, 4)
        assert {"value": "API", "title": "API", "count": 2} in page["facets"]["kind"]
        ids = await ids_of(client)
        one = (await client.get(f"{API}/proposals/{ids[ORDERS]}")).json()
        field = one["fields"]["spec.type"]
        assert field["evidence"][0] == {
            "reason": "It depends on express",
            "path": "services/orders/package.json",
            "line": 6,
        }
        told = (
            await client.post(
                f"{API}/proposals/change", json={"ids": [ids[ORDERS]], "values": {"spec.lifecycle": "experimental"}}
            )
        ).json()
        assert told["items"][0]["outcome"] == "changed"
        told = (
            await client.post(f"{API}/proposals/accept", json={"ids": [ids[ORDERS], ids["group:default/orders"]]})
        ).json()
        assert [one["outcome"] for one in told["items"]] == ["accepted", "accepted"]
        await d.site.settle()
        assert (await d.site.get(ORDERS))["spec"]["lifecycle"] == "experimental"
        answer = await client.get(f"{API}/descriptor", params={"id": ids[ORDERS]})
        assert yaml12.parse_yaml(answer.text)["metadata"]["name"] == "orders"
        assert (await client.post(f"{API}/proposals/ignore", json={"ids": [ids["component:default/money"]]})).json()[
            "items"
        ][0]["outcome"] == "ignored"
        assert (await client.post(f"{API}/proposals/{ids[ORDERS]}/dismiss")).status_code == 200
        assert (await client.delete(f"{API}/repositories/{one['repositoryId']}")).status_code == 204
        assert (await client.get(f"{API}/proposals/{ids[ORDERS]}")).status_code == 404


async def test_evidence_is_told_in_the_language_of_the_page(open_desk: Any):
    """On the list and on the page of one; REST has the English of the same messages."""
    async with open_desk() as d, d.site.portal.client(admin(), headers={"accept-language": "de"}) as client:
        await client.post(f"{API}/scans", json={"target": str(d.code / "shop")})
        await d.site.portal.jobs.run_due((SCAN_JOB,))
        id = (await ids_of(client))[ORDERS]
        one = (await client.get(f"{API}/proposals/{id}")).json()
        assert "It depends on express" in {told["reason"] for told in one["fields"]["spec.type"]["evidence"]}
        page = (await client.get(f"/proposals/{id}")).text
        assert "Es hängt von express ab" in page and "It depends on express" not in page
        assert "Es ist ein eigenes Paket" in (await client.get("/proposals")).text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("scans", {}), ("scans", {"target": 1}), ("scans", {"target": "x", "again": "yes"}), ("scans/files", {"name": "x"}), ("scans/files", {"name": "x", "files": {"a": 1}}),
        ("scans/files", {"name": "", "files": {}}), ("proposals/accept", {"ids": "x"}), ("proposals/accept", {"ids": []}), ("proposals/change", {"ids": ["x"], "values": []}),
    ],
)  # fmt: skip
async def test_bad_bodies_are_refused_with_their_field(open_desk: Any, path: str, body: dict[str, Any]):
    """As problem+json."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        answer = await client.post(f"{API}/{path}", json=body)
        assert answer.status_code == 400 and answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("query", ["state=x", "confidence=sure", "limit=-1", "offset=a"])
async def test_bad_queries_are_refused(open_desk: Any, query: str):
    """Rather than answered with something else."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        assert (await client.get(f"{API}/proposals?{query}")).status_code == 400


async def test_actions_scan_and_list(open_desk: Any):
    """For templates and agents."""
    async with open_desk() as d:
        started = await d.site.portal.actions.invoke("proposals:scan", {"target": str(d.code / "ledger")}, actor=SYSTEM)
        await d.site.portal.jobs.run_due((SCAN_JOB,))
        assert started["kind"] == "folder"
        page = await d.site.portal.actions.invoke("proposals:list", {"kind": "Component"}, actor=SYSTEM)
        assert [one["ref"] for one in page["items"]] == ["component:default/ledger"]


async def post(client: Any, path: str, **fields: Any) -> Any:
    """Send a form of that page, as a browser without script does."""
    page = await client.get(path)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token, page.text[:500]
    return await client.post(path.partition("?")[0], data={"csrf_token": token[1], **fields})


async def test_pages_from_scan_to_entity_without_script(open_desk: Any):
    """The empty page teaches; a scan is started, waited for, looked at; some are accepted; a detail is changed and accepted."""
    async with open_desk() as d, d.site.portal.client(admin()) as client:
        assert "CODEOWNERS" in (await client.get("/proposals")).text
        started = await post(client, "/proposals/scan", target=str(d.code / "shop"))
        assert started.status_code == 303
        assert 'http-equiv="refresh"' in (await client.get(started.headers["location"])).text
        await d.site.portal.jobs.run_due((SCAN_JOB,))
        assert "See 12 new proposals" in (await client.get(started.headers["location"])).text
        listed = await client.get("/proposals?kind=Component")
        assert "shop-web" in listed.text and "needs Owner" in listed.text
        ids = await ids_of(client)
        told = await post(
            client,
            "/proposals?kind=Component",
            do="set",
            id=[ids["component:default/payments"]],
            **{"spec.owner": "group:default/platform", "kind": "Component"},
        )
        assert told.status_code == 200 and "1 proposal was changed" in told.text
        told = await post(
            client, "/proposals", do="accept", id=[ids["group:default/platform"], ids["component:default/payments"]]
        )
        assert "2 entities are in the catalog now" in told.text
        page = f"/proposals/{ids[ORDERS]}"
        shown = await client.get(page)
        assert (
            'value="orders"' in shown.text and "https://github.com" not in shown.text
        )  # a folder without a remote has no page
        assert "services/orders/package.json:6" in shown.text and "catalog-info.yaml" in shown.text
        saved = await post(
            client, page, do="save", **{"metadata.name": "order-desk", "spec.dependsOn": "resource:default/orders-db"}
        )
        assert saved.status_code == 303
        assert "set by hand" in (await client.get(saved.headers["location"])).text
        refused = await post(client, page, do="save", **{"metadata.name": "order desk"})
        assert refused.status_code == 400 and 'value="order desk"' in refused.text and "aria-invalid" in refused.text
        made = await post(client, page, do="accept", **{"metadata.name": "order-desk"})
        assert (made.status_code, made.headers["location"]) == (303, "/catalog/default/component/order-desk")
        assert "Open in the catalog" in (await client.get(page)).text
        told = await post(client, "/proposals", do="ignore", id=[ids["component:default/money"]])
        assert "1 proposal is ignored" in told.text
        opened = await post(client, f"/proposals/{ids['component:default/money']}", do="reopen")
        assert opened.status_code == 303
        nothing = await post(client, "/proposals", do="accept")
        assert nothing.status_code == 400 and "Choose at least one" in nothing.text
        away = await post(client, "/proposals/scan", target="/etc")
        assert away.status_code == 400 and "proposals.folders" in away.text


async def test_changes_are_brought_over_on_a_page(open_desk: Any):
    """What the files say now stands beside what they said, and a button brings it to the entity."""
    async with open_desk() as d, d.site.portal.client(admin()) as client:
        await d.scan()
        await d.accept("group:default/orders", ORDERS)
        d.write(
            {
                "services/orders/package.json": '{"name": "@acme/orders", "description": "Takes orders by post.", "dependencies": {"express": "5"}}'
            }
        )
        await d.scan()
        assert "orders" in (await client.get("/proposals?state=changed")).text
        page = f"/proposals/{(await ids_of(client))[ORDERS]}"
        shown = (await client.get(page)).text
        assert "<del>" in shown and "Takes orders by post." in shown
        assert (await post(client, page, do="update")).headers["location"].endswith("told=updated")
        await d.site.settle()
        assert await d.site.description(ORDERS) == "Takes orders by post."


async def test_whatever_files_say_is_escaped(open_desk: Any):
    """Names, titles, descriptions, owners, paths: none of it is markup on any page, and no form goes without its token."""
    files = {
        "README.md": f"# {NASTY}\n\nSome words and {NASTY} more of them.\n", "CODEOWNERS": "* @acme/x\n", f"a{NASTY.replace('/', '')}/go.mod": "module x\n",
        "package.json": '{"name": "x", "description": "Long enough <img src=x onerror=alert(1)> to count", "keywords": ["<b>"]}',
        "compose.yaml": f'services:\n  "{NASTY}":\n    image: postgres\n',
    }  # fmt: skip
    async with open_desk(files=files) as d, d.site.portal.client(admin()) as client:
        scan = await d.scan()
        pages = [
            "/proposals",
            "/proposals/scan",
            f"/proposals/scans/{scan.id}",
            *(f"/proposals/{id}" for id in (await ids_of(client)).values()),
        ]
        for path in pages:
            answer = await client.get(path)
            assert answer.status_code == 200
            assert "<script>alert" not in answer.text and "<img src=x" not in answer.text, path
            assert answer.text.count('method="post"') == answer.text.count('name="csrf_token"')


async def test_pages_are_for_those_who_may_create(open_desk: Any):
    """Others see no place in the rail, and are refused."""
    async with open_desk(more=policy(ada=[READ, CREATE], eve=[READ])) as d:
        async with d.site.portal.client(EVE) as client:
            assert 'href="/proposals"' not in (await client.get("/catalog")).text
            for path in ("/proposals", "/proposals/scan", f"{API}/proposals"):
                assert (await client.get(path)).status_code == 403
        async with d.site.portal.client(ADA) as client:
            assert 'href="/proposals"' in (await client.get("/catalog")).text


async def test_a_full_page_is_light_and_quick(open_desk: Any):
    """Fifty of four hundred, below 100 KB; search finds one of them."""
    files = {
        f"services/s{n}/package.json": f'{{"name": "s{n}", "dependencies": {{"express": "4"}}, "description": "Does thing number {n} for us."}}'
        for n in range(400)
    }
    async with open_desk(files={**files, "CODEOWNERS": "* @acme/x\n"}) as d, d.site.portal.client(admin()) as client:
        await d.scan()
        answer = await client.get("/proposals")
        assert answer.text.count(" data-row>") == 50 and re.search(r'class="count">402<', answer.text)
        assert len(answer.content) < 100_000
        found = (await client.get("/proposals?q=number 399")).text
        assert found.count(" data-row>") == 1 and ">s399<" in found


async def test_what_is_proposed_twice_is_one_ref(open_desk: Any):
    """Two repositories with a package of one name: each is told of the other."""
    async with (
        open_desk(files={**SHOP, "services/ledger/pyproject.toml": LEDGER["pyproject.toml"]}) as d,
        d.site.portal.client(admin()) as client,
    ):
        await d.scan()
        await d.scan(d.code / "ledger")
        assert "1 other proposal has the same name" in (await client.get("/proposals?q=ledger")).text

"""The pages of ownership as a browser without script meets them."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from callboard.testing import component, group, guest, user
from tests.features.importing.test_access import policy
from tests.features.ownership.conftest import ADA, BOB, CHECKOUT, TILL

pytestmark = pytest.mark.anyio

SHOP = "component:default/shop"
READ = {"permission": "catalog.entity.read"}
ROOT = user("root", roles=("admin",))
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


class Browser:
    """A client that sends forms with what the page before gave it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.page = ""

    async def get(self, path: str, status: int = 200) -> str:
        answer = await self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text[:400])
        self.page = str(answer.text)
        return self.page

    async def send(self, path: str, status: int = 303, **fields: Any) -> Any:
        """Fields of one value, or of a list of them."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.page)
        assert token is not None
        answer = await self.client.post(path, data={"csrf_token": html.unescape(token[1]), **fields})
        assert answer.status_code == status, (path, answer.status_code, answer.text[:600])
        if status == 303:
            await self.get(answer.headers["location"])
        else:
            self.page = str(answer.text)
        return answer

    def values(self, name: str) -> list[str]:
        return [html.unescape(v) for v in re.findall(rf'name="{name}" value="([^"]*)"', self.page)]


async def test_what_is_due_is_confirmed_one_by_one_or_many_at_once(open_desk: Any):
    """By the page, the home page and the entity; each leads back to where one was."""
    async with open_desk() as d, d.site.portal.client(ADA) as client:
        browser = Browser(client)
        home = await browser.get("/")
        assert "2 entities of yours are due." in home
        value = next(v for v in browser.values("item") if v.startswith(TILL))
        await browser.send("/ownership/confirm", item=value, back="/")
        assert "1 entity of yours is due." in browser.page and await d.state(TILL) == "confirmed"
        page = await browser.get("/catalog/default/component/ledger")
        assert "never confirmed" in page and "Nobody said lately" in page
        await browser.send(
            "/ownership/confirm", item=browser.values("item")[0], back="/catalog/default/component/ledger"
        )
        assert (
            "Somebody said that owner and key fields are right." in browser.page
            and "never confirmed" not in browser.page
        )
        assert "All confirmed" in await browser.get("/ownership")
        assert "entities of yours" not in await browser.get("/")
        await d.pass_days(200)
        await browser.get("/ownership")
        chosen = sorted(set(browser.values("item")))
        assert len(chosen) == 2
        await browser.send("/ownership/confirm", item=chosen, back="/ownership?show=open")
        assert "2 entities are confirmed" in browser.page and "100 %" in browser.page


async def test_what_changed_since_it_was_shown_is_not_confirmed(open_desk: Any, world: Any):
    """The page says which, and shows what stands."""
    async with open_desk() as d, d.site.portal.client(ADA) as client:
        browser = Browser(client)
        await browser.get("/ownership")
        value = next(v for v in browser.values("item") if v.startswith(TILL))
        world.write("things.yaml", component("till", owner=CHECKOUT, lifecycle="retired"))
        await d.site.sweep()
        await browser.send("/ownership/confirm", 409, item=value)
        assert "changed meanwhile" in browser.page and "retired" in browser.page
        await browser.send("/ownership/confirm", 400)
        assert "Choose at least one." in browser.page


async def test_something_is_handed_over_by_forms(open_desk: Any):
    """Offered on its page, answered in the list; declined, the owner sees it as disputed."""
    async with open_desk() as d:
        await d.create(component("shop", owner=CHECKOUT), component("web", owner=CHECKOUT), actor=ADA)
        async with d.site.portal.client(ADA) as client:
            ada = Browser(client)
            assert "Hand over" in await ada.get("/catalog/default/component/shop")
            page = await ada.get("/catalog/default/component/shop/hand-over")
            assert '<option value="group:default/search">Search</option>' in page
            await ada.send("/catalog/default/component/shop/hand-over", 400, owner="nobody", note="Please")
            assert "not in the catalog" in ada.page and 'value="Please"' in ada.page
            await ada.send("/catalog/default/component/shop/hand-over", owner="search", note="Please")
            assert "Offered to" in ada.page and "Please" in ada.page
            await ada.get("/ownership?show=all")
            web = next(v for v in ada.values("item") if "/web|" in v)
            await ada.send("/ownership/hand-over", item=web, owner="search", back="/ownership")
            assert "is offered to its new owner" in ada.page
        async with d.site.portal.client(BOB) as client:
            bob = Browser(client)
            assert "2 are offered to you." in await bob.get("/")
            page = await bob.get("/ownership?show=offered")
            ids = re.findall(r"/ownership/handovers/(\w+)", page)
            assert len(ids) == 2
            await bob.send(f"/ownership/handovers/{ids[0]}", do="accept", back="/ownership?show=offered")
            await bob.send(
                f"/ownership/handovers/{ids[1]}", do="decline", note="Not us", back="/ownership?show=offered"
            )
        await d.site.settle()
        async with d.site.portal.client(ADA) as client:
            ada = Browser(client)
            assert "Not us" in await ada.get("/ownership?show=disputed")


async def test_owners_are_found_for_what_has_none(open_desk: Any):
    """Suggestions with reasons; the look before writes nothing; what is refused says why and the rest is done."""
    async with open_desk(component("typo", owner="group:default/chekout")) as d:
        await d.create(component("shop", owner="group:default/chekout"), actor=ROOT)
        async with d.site.portal.client(ROOT) as client:
            browser = Browser(client)
            page = await browser.get("/ownership/gone")
            assert "reads like chekout" in page and 'value="group:default/checkout"' in page
            assert "Nothing fits" in await browser.get("/ownership/gone?trouble=empty")
            await browser.get("/ownership/gone?trouble=missing")
            await browser.send("/ownership/gone", 400, do="preview")
            fields = {f"owner:{SHOP}": CHECKOUT, "item": [SHOP]}
            await browser.send("/ownership/gone", 200, do="preview", **fields)
            assert "Assign 1 entity" in browser.page and await d.owner(SHOP) == "group:default/chekout"
            await browser.send("/ownership/gone", do="assign", note="Typo", **fields)
            assert "1 entity has an owner again" in browser.page
        await d.site.settle()
        assert await d.owner(SHOP) == CHECKOUT


async def test_a_group_is_reorganised_by_forms_and_that_is_taken_back(open_desk: Any):
    """From, to, a look with each entity, done in one go, and undone."""
    async with open_desk() as d:
        await d.create(component("shop", owner="old"), actor=ROOT)
        async with d.site.portal.client(ROOT) as client:
            browser = Browser(client)
            await browser.get("/ownership/reorganise")
            page = await browser.get("/ownership/reorganise?from=old&to=search&handovers=1")
            assert "1 change" in page and "In its text" in page
            await browser.send("/ownership/reorganise", **{"from": "old", "to": "search", "item": [SHOP], "note": "Q4"})
            assert "1 entity was moved" in browser.page and "Q4" in browser.page
            await d.site.settle()
            assert await d.owner(SHOP) == "group:default/search"
            (id,) = re.findall(r"/ownership/reorganise/(\w+)/undo", browser.page)
            await browser.send(f"/ownership/reorganise/{id}/undo")
            assert "1 entity is back" in browser.page and "/undo" not in browser.page
            await browser.send(f"/ownership/reorganise/{id}/undo", 409)
            await browser.get("/ownership/reorganise?from=old&to=nobody", 400)
            assert "not in the catalog" in browser.page


async def test_names_are_changed_by_forms(open_desk: Any):
    """Rename with a look, the list of names, merging and taking apart."""
    async with open_desk() as d:
        await d.create(component("shop", owner=CHECKOUT), component("store", owner=CHECKOUT, type="website"), actor=ADA)
        async with d.site.portal.client(ADA) as client:
            browser = Browser(client)
            assert "/catalog/default/component/shop/rename" in await browser.get("/catalog/default/component/shop")
            await browser.get("/catalog/default/component/shop/rename")
            await browser.get("/catalog/default/component/shop/rename?name=store", 400)
            assert "exists already" in browser.page
            assert "component:default/mart" in await browser.get("/catalog/default/component/shop/rename?name=mart")
            await browser.send("/catalog/default/component/shop/rename", name="mart", note="Clearer")
            assert "component:default/mart" in browser.page
            assert SHOP in await browser.get("/ownership/names")
            await browser.send("/ownership/names", do="remove", ref=SHOP)
            assert "No entity has had another name yet." in browser.page
            merge = "/catalog/default/component/mart/merge"
            assert '<option value="component:default/store">' in await browser.get(merge)
            page = await browser.get(f"{merge}?other=store")
            assert 'name="choice:spec.type"' in page and "website" in page
            await browser.send(merge, do="merge", other="component:default/store", **{"choice:spec.type": "other"})
            await d.site.settle()
            assert (await d.site.get("component:default/mart"))["spec"]["type"] == "website"
            assert await d.site.find("component:default/store") is None
            await browser.get("/ownership/names")
            await browser.send("/ownership/names", do="unmerge", ref="component:default/store")
            await d.site.settle()
            assert await d.site.find("component:default/store") is not None


async def test_what_is_hidden_is_on_no_page(open_desk: Any):
    """Neither in lists nor in numbers, nor by asking for it."""
    async with open_desk(component("till", owner=CHECKOUT), component("secret", owner="group:default/gone"), more=policy(eve=[
        {"permission": "catalog.entity.read", "when": {"rule": "HAS_METADATA", "resourceType": "catalog-entity", "params": {"key": "name", "value": "till"}}},
    ])) as d, d.site.portal.client(user("eve")) as client:  # fmt: skip
        browser = Browser(client)
        for path in (
            "/ownership?who=all&show=all",
            "/ownership/gone",
            "/ownership/names",
            "/ownership/reorganise?from=gone&to=checkout",
        ):
            answer = await client.get(path)
            assert "secret" not in answer.text, path
        assert "of 1 entity is confirmed" in await browser.get("/ownership?who=all")
        for path in ("rename", "hand-over", "merge"):
            assert (await client.get(f"/catalog/default/component/secret/{path}")).status_code == 404
            assert (await client.get(f"/catalog/default/component/till/{path}")).status_code == 403


async def test_whatever_people_write_is_shown_as_text(open_desk: Any):
    """Titles, descriptions and notes with markup in them."""
    documents = [
        component("till", owner=CHECKOUT, metadata={"title": HOSTILE, "description": HOSTILE}),
        component("lost", owner="group:default/x", metadata={"title": HOSTILE}),
    ]
    async with open_desk(*documents) as d:
        await d.create(component("shop", owner=CHECKOUT), actor=ADA)
        await d.service.hand_over([SHOP], "search", note=HOSTILE, actor=ADA)
        async with d.site.portal.client(ADA) as client:
            for path in (
                "/ownership?who=all&show=all",
                "/ownership/gone",
                "/",
                "/catalog/default/component/shop",
                f"/ownership?q={HOSTILE}",
            ):
                page = (await client.get(path)).text
                assert "<script>alert" not in page and "<img src=x" not in page, path


async def test_guests_and_empty_catalogs_are_taught(open_desk: Any):
    """Who owns nothing has no list of their own, and where nothing can be owned the page says what will be here."""
    async with (
        open_desk(group("alone"), more={"auth": {"providers": {"guest": {}}}}) as d,
        d.site.portal.client(guest()) as client,
    ):
        page = (await client.get("/ownership")).text
        assert "Nothing to confirm yet" in page and "Mine" not in page
        assert "Everything has an owner" in (await client.get("/ownership/gone")).text


async def test_only_who_may_confirm_is_offered_to(open_desk: Any):
    """To whom something is offered answers, and does not confirm for its owner; in everybody's list others' things are only shown."""
    async with open_desk(more=policy(bob=[READ], ada=[READ], root=[{"permission": "*"}])) as d:
        await d.service.hand_over([TILL], "search", actor=ROOT)
        async with d.site.portal.client(BOB) as client:
            page = (await client.get("/ownership?show=offered")).text
            assert ">Accept<" in page and "Still right" not in page and 'name="item"' not in page
        async with d.site.portal.client(ADA) as client:
            page = (await client.get("/ownership?who=all&show=all")).text
            assert page.count('aria-label="Still right: ') == 2 and "Confirm chosen" in page


# ---- on pages of others ---------------------------------------------------------------------------------------------------


async def test_lists_have_a_column_for_what_is_confirmed(each_desk: Any):
    """State, when and by whom; asked for once, whatever the number of rows, and only for what the reader sees."""
    async with each_desk(*(component(f"c{n}", owner=CHECKOUT) for n in range(30))) as d:
        await d.confirm("component:default/c1", actor=ADA)
        async with d.site.portal.client(ADA) as client:
            assert "Confirmed" in (await client.get("/catalog/columns")).text
            page = (await client.get("/catalog?kind=component&columns=name,confirmed")).text
        rows = re.findall(r"<tr data-row>.*?</tr>", page, re.DOTALL)
        (first,) = [row for row in rows if "component:default/c1<" in row]
        assert "Confirmed" in first and "now" in first and " · ada" in first
        (other,) = [row for row in rows if "component:default/c2<" in row]
        assert ">Due<" in other.replace("</span>Due", ">Due") and "· ada" not in other
        refs = [f"component:default/c{n}" for n in range(30)]
        assert len(await d.service.list_confirmed(refs, actor=ADA)) == 30
        assert await d.service.list_confirmed(["group:default/search"], actor=ADA) == {}


async def test_groups_and_people_show_how_much_of_theirs_is_confirmed(open_desk: Any):
    """Counts lead to the list that they count; groups below with something to do are named; who owns nothing has no card."""
    documents = [component(f"c{n}", owner=CHECKOUT) for n in range(3)]
    async with open_desk(*documents, component("solo", owner="user:default/ada")) as d:
        await d.confirm("component:default/c1", actor=ADA)
        async with d.site.portal.client(ADA) as client:
            page = card_of((await client.get("/catalog/default/group/checkout")).text)
            assert "33 %" in page and "of 3 entities are confirmed" in page
            (link,) = re.findall(r'href="([^"]+)">2 entities to confirm<', page)
            listed = (await client.get(link.replace("&amp;", "&"))).text.split('class="own-list"')[1].split("</ul>")[0]
            assert listed.count("data-row") == 2 and "component/c1" not in listed  # tokens may hold any letters
            above = card_of((await client.get("/catalog/default/group/payments")).text)
            assert "Checkout" in above and "2 to do" in above
            person = card_of((await client.get("/catalog/default/user/ada")).text)
            assert "1 entity to confirm" in person and "Checkout" in person
            assert 'id="card-ownership-owned"' not in (await client.get("/catalog/default/group/search")).text
        assert set(await d.service.list_shares([CHECKOUT, "group:default/search"], actor=ADA)) == {CHECKOUT}


async def test_cards_and_columns_count_nothing_that_is_hidden(open_desk: Any):
    """Neither in the shares of a group nor in lists."""
    when = {"rule": "HAS_METADATA", "resourceType": "catalog-entity", "params": {"key": "name", "value": "secret"}}
    rules = policy(eve=[READ, {"permission": "catalog.entity.read", "effect": "deny", "when": when}])
    documents = [component("till", owner=CHECKOUT), component("secret", owner=CHECKOUT)]
    eve = user("eve")
    async with open_desk(*documents, more=rules) as d:
        assert (await d.service.list_shares([CHECKOUT], actor=eve))[CHECKOUT].total == 1
        assert list(await d.service.list_confirmed([TILL, "component:default/secret"], actor=eve)) == [TILL]
        async with d.site.portal.client(eve) as client:
            page = card_of((await client.get("/catalog/default/group/checkout")).text)
            assert "of 1 entity is confirmed" in page


async def test_ownership_is_reached_by_key_and_palette(open_desk: Any):
    """``g o``, and each of its pages by name; what is found in the palette alone is not in the rail."""
    async with open_desk() as d, d.site.portal.client(ADA) as client:
        page = (await client.get("/")).text
        assert re.search(r'href="/ownership"[^>]*data-keys="g o"', page)
        for path in ("gone", "reorganise", "names"):
            assert f'<a href="/ownership/{path}" data-palette="pages">' in page
        rail = page.split('<nav class="rail"')[1].split("</nav>")[0]
        assert "/ownership/gone" not in rail


def card_of(page: str) -> str:
    return page.partition('id="card-ownership-owned"')[2].partition("</section>")[0]

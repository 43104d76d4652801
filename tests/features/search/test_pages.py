"""The search page, the palette's answers and what is kept of searches, as a browser without script meets them."""

from __future__ import annotations

import csv
import html
import io
import re
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator
from urllib.parse import quote

import pytest

from callboard.features.search.history import store
from callboard.features.search.history.doors import doors_of
from callboard.features.search.history.sketch import NOBODY, at_least, estimate, mark, merge
from callboard.features.search.plugin import SearchDoors, SearchParts
from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import SettingsError
from callboard.testing import admin, component, group, guest, make_portal, service, user, user_entity
from tests.features.catalog.conftest import Extension, World, each_world, postgres_world, world
from tests.features.search.conftest import Shelf, doc

__all__ = ["World", "each_world", "postgres_world", "world"]
pytestmark = pytest.mark.anyio

ADA, BOB, CARL = (user(name, "group:default/payments") for name in ("ada", "bob", "carl"))
PEOPLE = (ADA, BOB, CARL)
HOSTILE = '"><script>alert(1)</script>'
ENTITIES = (
    component("till", owner="payments", type="service", metadata={"title": "Payments till", "description": "Takes the money at the till", "tags": ["java"]}),
    component("ledger", owner="payments", type="library", lifecycle="deprecated", metadata={"title": "Payments ledger", "description": "Keeps books"}),
    component("vault", owner="treasury", metadata={"title": "Vault of secrets", "description": HOSTILE}),
    group("payments", metadata={"title": "Payments people"}), group("treasury"),
    user_entity("ines", memberOf=["payments"], profile={"displayName": "Inês Ålund"}),
)  # fmt: skip
HIDE = {
    "defaults": False,
    "roles": {
        "staff": {
            "members": ["user:default/eve", "user:default/ada", "user:default/bob", "user:default/carl"],
            "rules": [{"permission": ["catalog.*"]}],
        },
        "outside": {
            "members": ["user:default/eve"],
            "rules": [
                {
                    "permission": "catalog.entity.read", "effect": "deny",
                    "when": {"rule": "IS_ENTITY_OWNER", "resourceType": "catalog-entity", "params": {"claims": ["group:default/treasury"]}},
                }
            ],
        },
    },
}  # fmt: skip


class Desk:
    """A portal and one line a step."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self.portal = site.portal
        self.history = site.portal.service(SearchDoors).history

    async def get(self, path: str, actor: Any = ADA, status: int = 200) -> str:
        async with self.portal.client(actor) as client:
            answer = await client.get(path, headers={"accept": "text/html"})
        assert answer.status_code == status, (path, answer.status_code, answer.text[:300])
        return str(answer.text)

    async def post(self, path: str, actor: Any = ADA, **form: str) -> Any:
        async with self.portal.client(actor) as client:
            page = (await client.get("/search", headers={"accept": "text/html"})).text
            found = re.search(r'name="csrf_token" value="([^"]*)"', page)
            token = {"csrf_token": html.unescape(found[1])} if found else {}
            return await client.post(path, data=token | form)

    async def find(self, words: str, actor: Any = ADA) -> list[Any]:
        async with self.portal.client(actor) as client:
            return list((await client.get("/api/search/v1/find", params={"q": words})).json()["items"])

    async def open(self, id: str, actor: Any = ADA, after: str = "") -> None:
        async with self.portal.client(actor) as client:
            body = {"type": "software-catalog", "id": id, "after": after}
            assert (await client.post("/api/search/v1/opened", json=body)).status_code == 204

    async def recent(self, actor: Any = ADA) -> list[str]:
        return list(await self.history.list_recent(actor=actor))

    async def popular(self, actor: Any = ADA) -> list[str]:
        self.portal.service(SearchDoors).popular._read_at = float("-inf")
        return list(await self.portal.service(SearchDoors).popular.list(actor=actor))


def titles(page: str) -> list[str]:
    return [
        html.unescape(re.sub("<[^>]*>", "", one))
        for one in re.findall(r'class="hit-title"><a href="[^"]*">(.*?)</a>', page)
    ]


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", page)).split())


@asynccontextmanager
async def opened(world: World, **more: Any) -> AsyncIterator[Desk]:
    world.write("all.yaml", *ENTITIES)
    async with world.site("all.yaml", **more) as site:
        yield Desk(site)


async def test_results_say_what_where_whose_and_why(world: World):
    """Matches marked, the place, the owner by title, why it is there; facets narrow in the address; hostile text is text."""
    async with opened(world) as d:
        page = await d.get("/search?q=payments")
        assert set(titles(page)) == {"Payments till", "Payments ledger", "Payments people", "Inês Ålund"}
        assert "<mark>Payments</mark> till" in page and "“payments” in the title" in page
        assert 'href="/catalog/default/group/payments"' in page and "Payments people" in text_of(page)
        assert "4 results" in page and "kind=Component" in page and "lifecycle=deprecated" in page
        narrow = await d.get("/search?q=payments&kind=Component&lifecycle=deprecated")
        assert titles(narrow) == ["Payments ledger"]
        assert re.search(
            r'lifecycle=production[^>]*>.{0,200}production</span><span class="count">1<', narrow, re.DOTALL
        )
        assert 'name="kind" value="Component"' in narrow, "the form carries on what was chosen"
        assert titles(await d.get("/search?q=paymnets+till"))[0] == "Payments till"
        assert "payments till</a>" in await d.get("/search?q=paymnets+till")
        hostile = await d.get("/search?q=vault")
        assert "<script>alert" not in hostile and "&lt;script&gt;" in hostile
        assert "<script>alert" not in await d.get("/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
        assert titles(await d.get("/search?q=ines")) == ["Inês Ålund"], "people by the name they go by"
        fragment = await d.get("/search/found?q=paym")
        assert "<html" not in fragment and set(titles(fragment)) == set(titles(page))
        for path in (
            "/search?q=payments&start=9999999",
            "/search?start=-1&type=no&kind=&q=" + "x" * 900,
            "/search?kind=Component",
        ):
            await d.get(path)
        assert "end on an earlier page" in await d.get("/search?q=payments&start=40")


async def test_types_are_tabs_and_plugins_documents_are_found_everywhere(world: World):
    """A collator of a plugin: its tab with a count, its place by headings, and the palette, where entities of a name come first."""
    shelf = Shelf(type="handbook", title="Handbook")
    for n in range(25):
        shelf.put(
            doc(f"p{n}", f"Payments rules {n}", "How money moves", headings=["Money", f"Part {n}"], parent=f"page{n}")
        )
    shelf.put(doc("till", "Payments till", "A page of the same name"))

    class Books(Extension):
        """A plugin with documents."""

        @hookimpl
        def register_search_collators(self, portal: Any) -> Any:
            return [shelf]

    async with opened(world, extension=Books()) as d:
        await d.portal.service(SearchParts).indexer.sweep()
        page = await d.get("/search?q=payments")
        tabs = re.findall(r'href="(/search[^"]*)"[^>]*>([^<]+)<span class="count-badge">(\d+)', page)
        assert {title: int(n) for _, title, n in tabs} == {"All": 30, "Entities": 4, "Documentation": 0, "Handbook": 26}
        assert "1–20 of 30" in text_of(page) and "start=20" in page
        assert len(titles(await d.get("/search?q=payments&start=20"))) == 10
        book = await d.get("/search?q=payments+rules&type=handbook")
        assert "Handbook › Money › Part" in text_of(book) and "aria-current" in book
        items = await d.find("payments till")
        assert [(one["title"], one["group"]) for one in items[:2]] == [
            ("Payments till", "Entities"),
            ("Payments till", "Handbook"),
        ]
        begun = await d.find("payments r")
        assert len(begun) == 8 and {one["group"] for one in begun} == {"Handbook"} and "Money" in begun[0]["hint"]
        assert "hue" in items[0] and items[0]["hint"] == "component:default/till" and await d.find(" ") == []


async def test_nothing_found_says_what_was_tried_and_can_be_missed(world: World):
    """Each word alone, or without what narrows; saying that it is missing counts once; guests are not asked to."""
    async with opened(world, more={"auth": {"providers": {"guest": {}}}}) as d:
        page = text_of(await d.get("/search?q=zzqq+wwxx"))
        assert "Nothing for “zzqq wwxx”" in page and "Say that it is missing" in page
        narrowed = await d.get("/search?q=ledger&lifecycle=production")
        assert "The same without filters" in narrowed and "1 result" in text_of(narrowed)
        for actor in (ADA, ADA, BOB):
            assert (await d.post("/search/wanted", actor, term="zzqq wwxx")).status_code == 303
        assert "missing" not in text_of(await d.get("/search?q=zzqq+wwxx", guest())).split("Fewer")[0]
        assert (await d.post("/search/wanted", guest(), term="zzqq wwxx")).status_code == 403
        rows, total, _ = await d.history.list_missed("times", 10, 0, actor=admin())
        assert total == 1 and estimate(rows[0].wanted_by) == 2


async def test_one_s_own_searches_are_private_and_can_be_forgotten(each_world: World):
    """Newest first, once each, not what was only begun; cleared one by one or all, which the audit log tells; off by preference."""
    async with opened(each_world, more={"search": {"history": {"recent": 3}}}) as d:
        for words in ("till", "ledger", "TILL"):
            await d.get(f"/search?q={words}")
            d.site.clock.advance(60)
        for path in (
            "/search/found?q=vau&settled=1",
            "/search/found?q=vault&settled=1",
            "/search/found?q=never",
            "/search?q=other&kind=Component",
        ):
            await d.get(path)
        assert await d.recent() == ["vault", "ledger", "till"]
        await d.history.write()
        assert await d.recent() == ["vault", "ledger", "till"] and await d.recent(BOB) == []
        page = await d.get("/search")
        assert (
            "Your last searches" in page
            and "vault" in text_of(page)
            and "Your last searches" not in await d.get("/search", BOB)
        )
        d.site.clock.advance(3600)
        for words in ("one", "two"):
            await d.get(f"/search?q={words}")
            d.site.clock.advance(60)
        await d.history.write()
        assert await d.recent() == ["two", "one", "vault"], "three are kept"
        assert (await d.post("/search/recent", term="One")).status_code == 303
        assert await d.recent() == ["two", "vault"]
        assert (await d.post("/search/recent")).status_code == 303 and await d.recent() == []
        log = await _audited(d)
        assert log == ["search-history-clear", "search-history-clear"]
        assert (await d.post("/search/recent", service())).status_code in (401, 403)
        async with d.portal.client(ADA) as client:
            await d.get("/search?q=till")
            assert (await client.put("/api/ui/v1/preferences", json={"searches": False})).status_code < 300
        await d.get("/search?q=ledger+books")
        await d.history.write()
        assert await d.recent() == []


async def _audited(d: Desk) -> list[str]:
    async with d.portal.db.read() as tx:
        rows = await tx.fetch_all("SELECT event FROM kernel_audit_event WHERE event LIKE 'search-%' ORDER BY seq")
    return [row[0] for row in rows]


async def test_popular_is_what_three_people_sought_and_the_reader_may_see(each_world: World):
    """Two people, or one often, make nothing popular; what leads to something hidden from the reader is not told."""
    eve = user("eve")
    async with opened(each_world, more={"permission": {"policy": HIDE}}) as d:
        for actor in PEOPLE:
            await d.get("/search?q=vault", actor)
            await d.get("/search?q=ledger", actor)
            if actor is not CARL:
                await d.get("/search?q=till", actor)
            await d.get("/search?q=unheard", actor)
        for _ in range(5):
            d.site.clock.advance(3600)
            await d.get("/search?q=till", ADA)
        await d.history.write()
        assert await d.popular(ADA) == ["ledger", "vault"]
        assert await d.popular(eve) == ["ledger"] and "vault" not in await d.get("/search", eve)
        assert titles(await d.get("/search?q=vault", eve)) == [] and await d.find("vault", eve) == []
        assert "treasury" not in await d.get("/search?q=secrets", eve)
        d.site.clock.advance(120 * 86400)
        await d.history.sweep()
        assert await d.popular(ADA) == [] and await d.recent(ADA) == []


async def test_whoever_asked_last_makes_no_term_known_to_those_who_may_not_see_what_it_names(each_world: World):
    """A slip that finds something else, or a longer question of which a part is found, tells nobody of what is hidden."""
    eve = user("eve")
    async with opened(each_world, more={"permission": {"policy": HIDE}}) as d:
        terms = ("vault", "ledger of the vault", "tills")
        for actor in (*PEOPLE, eve):
            for term in terms:
                await d.get(f"/search?q={quote(term)}", actor)
                d.history.note(term, "component:default/till", actor=eve)
        await d.history.write()
        assert "vault" in await d.popular(ADA)
        assert await d.popular(eve) == ["tills"]


async def test_the_log_of_searches_without_result(each_world: World):
    """Counts without who, what was opened then as far as the reader sees it, CSV without formulas; for those permitted; terms go, audited."""
    async with opened(each_world, more={"permission": {"policy": {**HIDE, "defaults": True}}}) as d:
        for actor in PEOPLE:
            await d.get("/search?q=cash+register", actor)
        await d.get("/search?q=%3Dcmd()zzqq")
        await d.history.write()
        for actor, id in ((ADA, "till"), (BOB, "till"), (CARL, "vault")):
            await d.open(f"component:default/{id}", actor, after="Cash  Register")
        await d.open("component:default/till", ADA, after="never asked")
        page = text_of(await d.get("/search/unanswered", admin()))
        assert "cash register" in page and "Payments till 2×" in page and "Vault of secrets 1×" in page
        async with d.portal.client(admin()) as client:
            answer = await client.get("/search/unanswered.csv")
        rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
        assert (rows[0]["term"], rows[0]["times"], rows[0]["people"], rows[0]["found_since"]) == (
            "cash register",
            "3",
            "3",
            "no",
        )
        assert rows[1]["term"] == "'=cmd()zzqq"
        for actor in (ADA, guest()):
            for path in ("/search/unanswered", "/search/unanswered.csv"):
                await d.get(path, actor, 403)
        assert "/search/unanswered" not in await d.get("/search") and "/search/unanswered" in await d.get(
            "/search", admin()
        )
        assert (await d.post("/search/unanswered", ADA, term="cash register")).status_code == 403
        assert (await d.post("/search/unanswered", admin(), term="Cash register")).status_code == 303
        assert "cash register" not in await d.get("/search/unanswered", admin())
        assert "search-unanswered-delete" in await _audited(d)
        eve = user("eve", roles=())
        assert not await d.history.open("software-catalog", "component:default/vault", "", actor=eve), (
            "what is hidden is not there"
        )


async def test_what_more_people_open_comes_first_among_equals(each_world: World):
    """A tie is broken by people, not by clicks; what is forgotten weighs no more."""
    twins = [component(f"pump-{n}", owner="payments", metadata={"title": "Water pump"}) for n in "abc"]
    each_world.write("twins.yaml", *twins)
    async with each_world.site("twins.yaml") as site:
        d = Desk(site)

        async def first() -> str:
            return str(re.findall(r'data-id="([^"]*)"', await d.get("/search?q=water+pump"))[0])

        assert await first() == "component:default/pump-a"
        for actor in PEOPLE:
            await d.open("component:default/pump-c", actor)
        for _ in range(9):
            await d.open("component:default/pump-b", ADA)
        await d.history.write()
        await d.history.sweep()
        assert await first() == "component:default/pump-c"
        d.site.clock.advance(120 * 86400)
        await d.history.sweep()
        await d.history.sweep()
        async with d.portal.db.read() as tx:
            priors = await tx.fetch_all("SELECT prior FROM search_document WHERE id LIKE 'component:default/pump-%'")
            assert await store.list_opened(tx) == {}
        assert len({round(row[0], 6) for row in priors}) == 1


def test_sketches_count_people_without_who():
    """One person counts once; bits are never more than people; the estimate is near."""
    for people in (1, 3, 10, 60):
        sketch = merge(*(mark(f"user:default/u{n}", "term") for n in range(people)), mark("user:default/u0", "term"))
        assert at_least(sketch) <= people and abs(estimate(sketch) - people) <= max(1, people // 8)
    assert (
        at_least(NOBODY) == estimate(NOBODY) == 0
        and mark("a", "x") != mark("a", "y")
        and estimate(b"\xff" * 32) == 1_000
    )


@pytest.mark.parametrize(("key", "value"), [("recent", -1), ("recent", "many"), ("recent", 5_000), ("retention", "1h")])
async def test_settings_that_cannot_be_are_refused_with_their_key(key: str, value: Any):
    """At the start, not at the first search."""
    with pytest.raises(SettingsError, match=f"search.history.{key}"):
        async with make_portal({"search": {"history": {key: value}}}):
            pass


async def test_searches_by_programs_and_actions_that_find_nothing_are_missed_too(each_world: World):
    """Each with its door; a person counts as one and keeps no such search, a program once a day and as nobody; what is found later is told."""
    async with opened(each_world, more={"permission": {"policy": {**HIDE, "defaults": True}}}) as d:
        robot = service("robot")
        for actor in (ADA, ADA, robot):
            async with d.portal.client(actor) as client:
                for path in ("query", "v1/query"):
                    await client.get(f"/api/search/{path}?term=cash+register")
                await client.get("/api/search/v1/query?term=cash+regi&asTyped=true")
                await client.get("/api/search/query?term=nowhere&types[0]=software-catalog")
        await d.portal.actions.invoke("search:query", {"term": "cash register"}, actor=BOB)
        d.site.clock.advance(3600)
        async with d.portal.client(robot) as client:
            await client.get("/api/search/query?term=cash+register")
            await client.get("/api/search/query?term=payments")
        rows, total, _ = await d.history.list_missed("times", 10, 0, actor=admin())
        assert (total, rows[0].term, rows[0].times, estimate(rows[0].missed_by)) == (1, "cash register", 3, 2)
        assert doors_of(rows[0].doors) == ["rest", "action"] and await d.recent(ADA) == []
        page = text_of(await d.get("/search/unanswered", admin()))
        assert "cash register REST Action or command line" in page
        d.site.clock.advance(60)
        d.history.note("cash register", "component:default/till", actor=ADA, door="rest")
        d.history.note("never missed", "component:default/till", actor=ADA, door="rest")
        d.site.clock.advance(3600)
        d.history.note("cash register", "component:default/till", actor=ADA, door="rest")
        await d.history.write()
        assert "found since" in text_of(await d.get("/search/unanswered", admin()))

"""Saved views: who sees them, who may change them, and what a list opens with. On both engines."""

from __future__ import annotations

import re
from typing import Any, AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest

from callboard.features.catalog.interface.personal import EVERYBODY, NewView, SavedViews, ViewExists, ViewNotFound
from callboard.kernel.errors import InputError, LimitError, NotAllowedError
from callboard.testing import admin, component, group, guest, user
from tests.features.catalog.conftest import World, each_world, postgres_world, world

__all__ = ["World", "each_world", "postgres_world", "world"]
pytestmark = pytest.mark.anyio
ADA, BOB, EVE, ROOT = user("ada", "group:default/crew"), user("bob", "group:default/crew"), user("eve"), admin()
SERVICES = "kind=component&type=service&columns=name,spec.tier&sort=-spec.tier&size=50"


@pytest.fixture
async def site(world: World) -> AsyncIterator[Any]:
    world.write("a.yaml", component("alpha", type="service"), component("beta", type="website"), group("crew"))
    async with world.site("a.yaml") as site:
        yield site


def saved(site: Any) -> SavedViews:
    found: SavedViews = site.portal.service(SavedViews)
    return found


async def test_a_view_is_for_its_audience_alone(each_world: World):
    """One's own, a group's and everybody's: others do not see it, not by list, id, page, REST or as a default."""
    async with each_world.site() as site:
        views = saved(site)
        mine = await views.create(NewView("Mine", SERVICES, ""), actor=ADA)
        crew = await views.create(NewView("Crew's", SERVICES, "group:default/crew"), actor=ADA)
        every = await views.create(NewView("All", "?kind=component", EVERYBODY), actor=ROOT)
        assert [v.name for v in await views.list(actor=ADA)] == ["Mine", "Crew's", "All"]
        assert [v.name for v in await views.list(actor=BOB, kind="component")] == ["Crew's", "All"]
        assert (
            [v.name for v in await views.list(actor=EVE)]
            == ["All"]
            == [v.name for v in await views.list(actor=guest())]
        )
        assert await views.list(actor=BOB, kind="api") == []
        for actor, hidden in ((BOB, mine), (EVE, crew), (ROOT, mine), (guest(), crew)):
            with pytest.raises(ViewNotFound):
                await views.get(hidden.id, actor=actor)
            with pytest.raises(ViewNotFound):
                await views.delete(hidden.id, actor=actor)
            with pytest.raises((ViewNotFound, NotAllowedError)):
                await views.set_default(hidden.id, "", True, actor=actor)
        assert (await views.get(crew.id, actor=BOB)).may_change and not (
            await views.get(every.id, actor=BOB)
        ).may_change
        async with site.portal.client(EVE) as client:
            assert (await client.get(f"/catalog?view={crew.id}")).status_code == 404
            assert (await client.get(f"/api/catalog/v1/views/{crew.id}")).status_code == 404
            assert "Crew&#39;s" not in (await client.get("/catalog?kind=component")).text


async def test_sharing_needs_membership_or_an_administrator(each_world: World):
    """Of a group its members, of everybody administrators; guests and read-only tokens save nothing."""
    async with each_world.site() as site:
        views = saved(site)
        for actor, audience in (
            (EVE, "group:default/crew"),
            (ADA, EVERYBODY),
            (ADA, "user:default/bob"),
            (guest(), ""),
        ):
            with pytest.raises(NotAllowedError):
                await views.create(NewView("x", "", audience), actor=actor)
        mine = await views.create(NewView("Mine", "", ""), actor=ADA)
        with pytest.raises(NotAllowedError):
            await views.update(mine.id, audience=EVERYBODY, actor=ADA)
        every = await views.create(NewView("All", "", EVERYBODY), actor=ROOT)
        with pytest.raises(NotAllowedError):
            await views.update(every.id, name="Hers", actor=ADA)
        shared = await views.update(mine.id, audience="group:default/crew", name=" Our   own ", actor=ADA)
        assert (shared.name, shared.audience, shared.updated_by) == ("Our own", "group:default/crew", ADA.subject)
        renamed = await views.update(mine.id, name="Bob's", actor=BOB)
        assert renamed.updated_by == BOB.subject and renamed.owner == ADA.subject
        events = [e.event for e in (await site.portal.audit.list_events()).items]
        assert events.count("view-create") == 2 and events.count("view-update") == 2


async def test_the_default_is_the_persons_before_the_groups_before_everybodys(each_world: World):
    """What is taken back or deleted is a default no longer; a view that one no longer sees is none either."""
    async with each_world.site() as site:
        views = saved(site)
        every = await views.create(NewView("All", "kind=component", EVERYBODY), actor=ROOT)
        crew = await views.create(NewView("Crew", SERVICES, "group:default/crew"), actor=ADA)
        mine = await views.create(NewView("Mine", "kind=component&q=a", ""), actor=ADA)

        async def default(actor: Any, kind: str = "component") -> str | None:
            found = await views.find_default(kind, actor=actor)
            return found.name if found else None

        await views.set_default(every.id, EVERYBODY, True, actor=ROOT)
        assert [await default(a) for a in (ADA, BOB, EVE, guest())] == ["All"] * 4
        await views.set_default(crew.id, "group:default/crew", True, actor=BOB)
        await views.set_default(mine.id, "", True, actor=ADA)
        assert [await default(a) for a in (ADA, BOB, EVE)] == ["Mine", "Crew", "All"]
        assert await default(ADA, "api") is None
        with pytest.raises(InputError):
            await views.set_default(mine.id, "group:default/crew", True, actor=ADA)
        with pytest.raises(NotAllowedError):
            await views.set_default(every.id, EVERYBODY, True, actor=ADA)
        await views.set_default(mine.id, "", False, actor=ADA)
        assert await default(ADA) == "Crew"
        await views.update(crew.id, audience="", actor=ADA)
        assert [await default(a) for a in (ADA, BOB)] == ["All", "All"]
        await views.delete(every.id, actor=ROOT)
        assert await default(ADA) is None


async def test_names_are_told_apart_and_views_are_bounded(world: World):
    """Twice the same name for the same list is refused, as are names and queries that are too long; 100 are enough."""
    async with world.site() as site:
        views = saved(site)
        await views.create(NewView("One", "kind=api", ""), actor=ADA)
        with pytest.raises(ViewExists):
            await views.create(NewView("One", "kind=api&q=x", ""), actor=ADA)
        await views.create(NewView("One", "kind=component", ""), actor=ADA)
        for name, query in (("", ""), ("x" * 61, ""), ("x", "q=" + "y" * 4001)):
            with pytest.raises(InputError):
                await views.create(NewView(name, query, ""), actor=ADA)
        for n in range(98):
            await views.create(NewView(f"n{n}", "", ""), actor=ADA)
        with pytest.raises(LimitError):
            await views.create(NewView("more", "", ""), actor=ADA)


async def test_a_view_keeps_what_the_list_understands(site: Any):
    """Filters, columns, order and size, in one form; paging, unknown words and where it came from are left out."""
    view = await saved(site).create(NewView("x", "?" + SERVICES + "&after=abc&evil=1&base=zzz", ""), actor=ADA)
    assert view.kind == "component"
    assert parse_qs(view.query) == {
        "kind": ["component"], "type": ["service"], "columns": ["name,spec.tier"], "sort": ["-spec.tier"], "size": ["50"],
    }  # fmt: skip


async def test_the_list_opens_views_as_tabs_and_tells_changes(site: Any):
    """A view's address is the view; what is changed carries its base and offers the update; the default has a way out."""
    async with site.portal.client(ADA) as client:
        made = await client.post(
            "/catalog/views",
            data={"name": "Services", "query": "kind=component&type=service", "audience": "", "default": "1"},
        )
        opened = made.headers["location"]
        page = (await client.get(opened)).text
        assert _tab(page) == "Services" and ">alpha<" in page and ">beta<" not in page
        assert "Update “Services”" not in page
        assert _tab((await client.get("/catalog?kind=component")).text) == "Services", "it is the default"
        id = parse_qs(urlsplit(opened).query)["view"][0]
        changed = (await client.get(f"/catalog?kind=component&base={id}")).text
        assert _tab(changed) == "Services" and ">beta<" in changed and "Update “Services”" in changed
        out = (await client.get("/catalog?kind=component&base=all")).text
        assert _tab(out) == "All" and ">beta<" in out and "base=all" in out, "its links do not fall back to the default"
        await client.post(f"/catalog/views/{id}", data={"do": "update", "query": "kind=component&type=website"})
        assert ">beta<" in (await client.get(opened)).text
        listed = (await client.get("/catalog/views")).text
        assert "Services" in listed and "Default: Only me" in listed
        await client.post(
            f"/catalog/views/{id}", data={"do": "rename", "name": "Websites", "audience": "group:default/crew"}
        )
        assert "Websites" in (await client.get("/catalog?kind=component")).text
        assert (await client.post(f"/catalog/views/{id}", data={"do": "delete"})).status_code == 303
        assert (await client.get(opened)).status_code == 404
        assert (await client.get(f"/catalog?kind=component&base={id}")).status_code == 200, "a list outlives its base"


def _tab(page: str) -> str:
    found = re.search(r'<div class="shelf">.*?aria-current="page">([^<]*)<', page, re.DOTALL)
    assert found is not None
    return found[1]


async def test_rest_speaks_of_the_same_views(site: Any):
    """Create, read, change, default, delete as JSON; what is wrong is problem+json with its field."""
    async with site.portal.client(ADA) as client:
        made = await client.post("/api/catalog/v1/views", json={"name": "One", "query": SERVICES})
        one = made.json()
        assert made.status_code == 201 and one["audience"] == ADA.subject and one["mayChange"] is True
        assert (await client.get("/api/catalog/v1/views?kind=component")).json()["items"] == [one]
        path = f"/api/catalog/v1/views/{one['id']}"
        assert (await client.put(path, json={"name": "Two"})).json()["name"] == "Two"
        told = await client.put("/api/catalog/v1/view-defaults", json={"view": one["id"]})
        assert told.json()["defaultFor"] == [ADA.subject]
        bad = await client.post("/api/catalog/v1/views", json={"name": 5, "query": ""})
        assert (bad.status_code, bad.json()["field"]) == (400, "name")
        assert bad.headers["content-type"] == "application/problem+json"
        assert (await client.delete(path)).status_code == 204 and (await client.get(path)).status_code == 404
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert {"get", "put", "delete"} <= paths["/api/catalog/v1/views/{id}"].keys()

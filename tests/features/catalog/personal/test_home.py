"""Home, stars and visits: what is kept for one person, where Backstage keeps it, within bounds."""

from __future__ import annotations

import re
from typing import Any, AsyncIterator

import pytest
from markupsafe import Markup

from callboard.features.catalog.interface import HomeCard
from callboard.features.catalog.interface.personal import Stars
from callboard.features.catalog.personal.arrangement import DEFAULTS, arrange
from callboard.features.catalog.personal.stars import MAX_STARS
from callboard.features.catalog.personal.visits import MAX_KEPT, Visits
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import LimitError
from callboard.kernel.plugins.hooks import hookimpl
from callboard.testing import admin, component, group, guest, user
from tests.features.catalog.conftest import World, each_world, postgres_world, world

__all__ = ["World", "each_world", "postgres_world", "world"]
pytestmark = pytest.mark.anyio
ADA = user("ada", "group:default/crew")
STARS = "/api/user-settings/buckets/starredEntities/keys/entityRefs"


def cards(page: str) -> list[str]:
    """Ids of the cards of a home page, in order, but for those of the features above the catalog."""
    found = re.findall(r'class="home-card[^"]*" data-id="([^"]*)"', page)
    return [id for id in found if id != "announcements"]


def card(page: str, id: str) -> str:
    found = re.search(rf'data-id="{id}">(.*?)</section>', page, re.DOTALL)
    assert found is not None, cards(page)
    return found[1]


class Weather:
    """A plugin with a card."""

    @hookimpl
    def register_home_cards(self, portal: Any) -> list[HomeCard]:
        async def render(request: Any) -> Markup:
            return Markup("<p>Sunny.</p>")

        return [HomeCard("weather", "Weather", render, "side", 5)]


@pytest.fixture
async def site(world: World) -> AsyncIterator[Any]:
    own = component("alpha", owner="group:default/crew")
    world.write("a.yaml", own, component("beta", owner="group:default/others"), group("crew"), group("others"))
    async with world.site("a.yaml", extension=Weather()) as site:
        yield site


async def test_stars_lie_where_backstage_looks_for_them(each_world: World):
    """Given and taken on the page, by REST and by Backstage's front end: one list, in order, each ref once."""
    each_world.write("a.yaml", component("alpha"), component("beta"))
    async with each_world.site("a.yaml") as site, site.portal.client(ADA) as client:
        for name in ("beta", "alpha", "beta"):
            assert (
                await client.post("/catalog/stars", data={"star": f"component:default/{name}", "next": "/catalog?q=x"})
            ).headers["location"] == "/catalog?q=x"
        assert (await client.get(STARS)).json()["value"] == ["component:default/alpha", "component:default/beta"]
        assert 'aria-pressed="true"' in (await client.get("/catalog/default/component/alpha")).text
        await client.put(STARS, json={"value": ["component:default/beta", "Component:default/Gone", 5]})
        assert (await client.get("/api/catalog/v1/stars")).json()["items"] == [
            "component:default/beta",
            "component:default/gone",
        ]
        page = card((await client.get("/")).text, "starred")
        assert ">beta<" in page and "gone" not in page
        assert (await client.delete("/api/catalog/v1/stars/component/default/beta")).json()["items"] == [
            "component:default/gone"
        ]
        assert (await client.put("/api/catalog/v1/stars/component/default/nothing")).status_code == 404
        away = await client.post("/catalog/stars", data={"unstar": "component:default/gone", "next": "//evil.example"})
        assert away.headers["location"] == "/catalog"
        logged = [e.meta for e in (await site.portal.audit.list_events()).items if "starred" in e.meta]
        assert len(logged) == 5


async def test_nothing_is_kept_of_guests_and_of_read_only_tokens(site: Any):
    """They see no stars and cannot set any; services neither."""
    reader = Actor("user", ADA.subject, ADA.ownership, scopes=frozenset({"read"}), via="token")
    for actor in (guest(), reader):
        async with site.portal.client(actor) as client:
            assert (await client.post("/catalog/stars", data={"star": "component:default/alpha"})).status_code == 403
            assert (await client.post("/home/arrange", data={"do": "hide:changed"})).status_code == 403
            assert (await client.put("/api/ui/v1/preferences", json={"visits": False})).status_code == 403
    async with site.portal.client(guest()) as client:
        assert "data-star data-keys" not in (await client.get("/catalog")).text
        assert "arrange=1" not in (await client.get("/")).text


async def test_stars_are_bounded(site: Any):
    """A thousand are enough for anybody; what somebody else wrote there is cut."""
    async with site.portal.client(ADA) as client:
        await client.put(STARS, json={"value": [f"component:default/c{n}" for n in range(MAX_STARS)]})
    with pytest.raises(LimitError):
        await site.portal.service(Stars).set("component:default/alpha", True, actor=ADA)


async def test_visits_are_counted_and_trimmed(each_world: World):
    """The latest first, the most opened apart; no more than 200 rows a person; each sees their own; hidden ones are not told."""
    each_world.write("a.yaml", component("alpha"), component("beta"))
    async with each_world.site("a.yaml") as site:
        visits = site.portal.service(Visits)
        async with site.portal.client(ADA) as client:
            for name in ("alpha", "beta", "beta", "beta", "alpha", "gamma"):
                site.clock.advance(1)
                await client.get(f"/catalog/default/component/{name}")
            assert await visits.list(actor=ADA, limit=5) == (
                ["component:default/alpha", "component:default/beta"], ["component:default/beta", "component:default/alpha"],
            )  # fmt: skip
            assert await visits.list(actor=user("bob"), limit=5) == ([], [])
            assert ">beta<" in card((await client.get("/")).text, "visited")
        for n in range(MAX_KEPT + 50):
            site.clock.advance(1)
            visits.note(f"component:default/c{n:03}", ADA)
        await visits.write()
        kept = [row[0] for row in await site.rows("SELECT ref FROM catalog_visit ORDER BY last_at")]
        assert len(kept) == MAX_KEPT and kept[-1] == f"component:default/c{MAX_KEPT + 49:03}"
        assert "component:default/alpha" not in kept


async def test_who_does_not_want_it_is_not_followed(site: Any):
    """Switched off, what is kept goes, and nothing is noted any more."""
    visits = site.portal.service(Visits)
    async with site.portal.client(ADA) as client:
        await client.get("/catalog/default/component/alpha")
        await visits.write()
        await client.get("/catalog/default/component/beta")
        assert (await client.post("/settings/preferences", data={"shortcuts": "on"})).status_code == 303
        chosen = (await client.get("/api/ui/v1/preferences")).json()
        assert (chosen["shortcuts"], chosen["visits"], chosen["theme"]) == (True, False, "")
        await client.get("/catalog/default/component/beta")
        assert await visits.list(actor=ADA, limit=5) == ([], [])
        assert await site.rows("SELECT * FROM catalog_visit") == []


async def test_home_lies_as_one_arranged_it(site: Any):
    """Usual order by role with plugins' cards; each step is kept; reset goes back; a script sends the whole order."""
    async with (
        site.portal.client(ADA) as client,
        site.portal.client(admin()) as boss,
        site.portal.client(guest()) as nobody,
    ):
        usual = cards((await client.get("/")).text)
        assert usual == ["needs", "mine", "starred", "visited", "around", "kinds", "changed", "weather"]
        assert "attention" in cards((await boss.get("/")).text)
        assert cards((await nobody.get("/")).text) == ["changed", "attention", "weather"]
        for step in ("hide:mine", "up:weather", "main:kinds", "up:kinds", "show:attention", "down:nonesuch"):
            assert (await client.post("/home/arrange", data={"do": step})).headers["location"] == "/?arrange=1"
        now = ["kinds", "needs", "attention", "starred", "visited", "around", "weather", "changed"]
        arranging = (await client.get("/?arrange=1")).text
        assert sorted(cards(arranging)) == sorted(now) and 'value="show:mine"' in arranging
        assert cards(arranging)[3:] == now[3:]
        sent = {"top": "weather", "main": "changed,needs,evil", "side": "starred"}
        answer = (await client.post("/home/arrange", data=sent)).json()
        assert answer["top"][0] == "weather" and answer["main"][:2] == ["changed", "needs"]
        page = cards((await client.get("/")).text)
        assert page[:3] == ["weather", "changed", "needs"] and "mine" not in page
        assert "evil" not in page
        await client.post("/home/arrange", data={"do": "reset"})
        assert cards((await client.get("/")).text) == usual
        assert cards((await boss.get("/")).text) != usual


async def test_what_changed_around_one_counts_mine_and_starred(site: Any):
    """The owner's and the starred, the latest first, and nobody else's."""
    async with site.portal.client(ADA) as client:
        around = card((await client.get("/")).text, "around")
        assert ">alpha<" in around and ">beta<" not in around
        await client.put("/api/catalog/v1/stars/component/default/beta")
        assert ">beta<" in card((await client.get("/")).text, "around")


async def test_stars_and_visits_do_not_tell_of_hidden_entities(world: World):
    """What one may no longer see is left out of the home page and of the palette."""
    world.write("a.yaml", component("alpha"), component("beta"))
    rules = [{"permission": "catalog.entity.read", "effect": "deny", "when": {"rule": "HAS_METADATA", "resourceType": "catalog-entity", "params": {"key": "name", "value": "beta"}}}]  # fmt: skip
    policy = {"permission": {"policy": {"roles": {"some": {"members": [ADA.subject], "rules": rules}}}}}
    async with world.site("a.yaml", more=policy) as site, site.portal.client(ADA) as client:
        await client.put(STARS, json={"value": ["component:default/beta", "component:default/alpha"]})
        site.portal.service(Visits).note("component:default/beta", ADA)
        assert "beta" not in (await client.get("/")).text
        offered = (await client.get("/api/catalog/v1/palette")).json()
        assert [item["title"] for item in offered["starred"]] == ["alpha"] and offered["recent"] == []
        assert (await client.put("/api/catalog/v1/stars/component/default/beta")).status_code == 404


@pytest.mark.parametrize(
    "stored", [None, 5, [], {}, {"main": 5, "side": ["x", "needs", None], "hidden": {}}, {"hidden": ["mine", 4]}]
)
@pytest.mark.parametrize("role", ["guest", "member", "admin"])
def test_whatever_is_stored_every_card_has_one_place(stored: Any, role: Any):
    """Nothing is lost or twice there, whoever wrote the setting."""
    order = arrange(stored, role, [("weather", "side"), ("news", "top")])
    placed = [id for ids in order.columns.values() for id in ids]
    assert len(placed) == len(set(placed)) and {"weather", "news"} <= set(placed)
    assert {id for ids in DEFAULTS[role].values() for id in ids} <= set(placed) and order.hidden <= set(placed)


async def test_fields_that_name_an_entity_forgive_a_slip(site: Any):
    """A letter too many, too few, another or two swapped still find it; what looks like nothing finds nothing."""
    async with site.portal.client(ADA) as client:
        for words in ("alhpa", "alpa", "alphaa", "alpna", "ALPHA"):
            found = (await client.get(f"/api/catalog/v1/find?q={words}")).json()["items"]
            assert [item["title"] for item in found] == ["alpha"], words
        for words in ("zzzzzz", "ql", "a" * 300):
            assert (await client.get(f"/api/catalog/v1/find?q={words}")).json()["items"] == []


async def test_a_field_that_names_an_entity_is_offered_those_of_its_kinds(site: Any):
    """Before a word is typed the first by title, then those that match; as many as asked for, and 20 at most."""
    async with site.portal.client(ADA) as client:

        async def find(query: str) -> list[str]:
            return [item["hint"] for item in (await client.get(f"/api/catalog/v1/find?{query}")).json()["items"]]

        everything = await find("kinds=")
        assert len(everything) == len(set(everything)) > 1 and await find("kinds=&limit=1") == everything[:1]
        components = await find("kinds=Component")
        assert components and all(ref.startswith("component:") for ref in components)
        assert await find("q=alp&kinds=component,api") == ["component:default/alpha"]
        assert await find("q=alpha&kinds=group") == [] and await find("q=alhpa&kinds=group") == []
        assert await find("q=alhpa&kinds=component&limit=junk") == ["component:default/alpha"]
        assert await find("") == []

"""Registered locations: what each brought, what goes with one, and what a new one would bring before it is registered."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from callboard.features.catalog.interface import LocationNotFound, ReadFile
from callboard.features.catalog.interface.registering import LocationLook, LocationPreview, Registrations
from callboard.features.catalog.service.registering import going_with, is_repository_page
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.model.refs import LocationRef
from callboard.testing import component, group, location, user
from tests.features.catalog.conftest import Extension, yaml_of

pytestmark = pytest.mark.anyio
SHOP, ORG = "https://files.test/shop.yaml", "https://files.test/org.yaml"
NEW = "/catalog/locations/new"


def policy(*rules: dict[str, Any]) -> dict[str, Any]:
    role = {"members": ["user:default/ada"], "rules": list(rules)}
    return {"permission": {"policy": {"defaults": False, "roles": {"some": role}}}}


ALLOW = [{"permission": f"catalog.location.{verb}"} for verb in ("read", "create", "analyze")]
COMPONENTS = {
    "permission": "catalog.entity.read",
    "when": {
        "rule": "IS_ENTITY_KIND",
        "resourceType": "catalog-entity",
        "params": {"kinds": ["Component", "Location"]},
    },
}
ADA = user("ada")


async def preview(site: Any, target: str, actor: Actor = SYSTEM) -> LocationPreview:
    found: LocationPreview = await site.portal.service(Registrations).preview(target, actor=actor)
    return found


def outcomes(found: LocationPreview) -> dict[str | None, str]:
    return {entity.ref: entity.outcome for file in found.files for entity in file.entities}


async def register(site: Any, target: str) -> str:
    made = await site.commands.create_location(LocationRef("url", target), on_conflict="reject", actor=SYSTEM)
    await site.settle()
    return str(made.id)


async def look(site: Any, id: str, actor: Actor = SYSTEM) -> LocationLook:
    found: LocationLook = await site.portal.service(Registrations).look(id, limit=50, actor=actor)
    return found


async def test_a_preview_says_of_each_document_what_would_become_of_it(world: Any):
    """New, changed, unchanged, taken by another place, refused with line and column; and nothing is written."""
    world.serve(SHOP, component("till"), component("ledger"), component("basket"))
    world.serve(ORG, component("taken"))
    async with world.site() as site:
        await register(site, SHOP)
        await register(site, ORG)
        before = await site.revision()
        bad = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: bad\nspec:\n  type: [service]\n"
        world.serve(
            SHOP, component("till"), component("ledger", type="library"), component("fresh"), component("taken"),
            component("fresh"), bad,
        )  # fmt: skip
        found = await preview(site, SHOP)
        assert found.exists is not None and [file.location for file in found.files] == [SHOP]
        rows = [(e.ref, e.outcome) for e in found.files[0].entities]
        c = "component:default/"
        assert rows == [
            (c + "till", "unchanged"), (c + "ledger", "change"), (c + "fresh", "create"), (c + "taken", "conflict"),
            (c + "fresh", "conflict"), (c + "bad", "refused"),
        ]  # fmt: skip
        taken, refused = found.files[0].entities[3], found.files[0].entities[5]
        assert taken.held_by == f"url:{ORG}"
        assert (refused.findings[-1].line, refused.findings[-1].column) == (refused.line + 6, 3)
        assert await site.revision() == before and found.error_count == 3


async def test_locations_are_followed_and_what_cannot_be_read_is_told(world: Any):
    """A Location's files are shown under it, a missing one with what to do, and the others come in all the same."""
    world.serve(SHOP, location("all", "./org.yaml", "./gone.yaml"))
    world.serve(ORG, component("till"))
    world.fail("https://files.test/gone.yaml", 404)
    async with world.site() as site:
        found = await preview(site, SHOP)
        assert [(f.location, f.named_by) for f in found.files] == [
            (SHOP, None), (ORG, "location:default/all"), ("https://files.test/gone.yaml", "location:default/all"),
        ]  # fmt: skip
        assert outcomes(found) == {"location:default/all": "create", "component:default/till": "create"}
        (finding,) = found.files[2].findings
        assert finding.stage == "read" and finding.fix
        elsewhere = await preview(site, "https://unknown.test/a.yaml")
        assert "backend.reading.allow" in str(elsewhere.files[0].findings[0].fix)


async def test_a_file_that_another_location_brings_is_there_already(world: Any):
    """The first way to a file stands, and the preview says so."""
    world.serve(ORG, component("till"))
    world.serve(SHOP, location("all", "./org.yaml"))
    async with world.site() as site:
        await register(site, SHOP)
        found = await preview(site, ORG)
        assert outcomes(found) == {"component:default/till": "there"}
        assert found.files[0].entities[0].held_by == f"url:{SHOP}"


async def test_who_may_not_see_who_has_a_name_is_told_only_that_it_is_taken(world: Any):
    """A name held by something hidden is a conflict without a holder, and a hidden location is not registered for them."""
    world.write("org.yaml", group("team"))
    world.serve(SHOP, group("team"), component("till"))
    async with world.site("org.yaml", more=policy(*ALLOW, COMPONENTS)) as site:
        found = await preview(site, SHOP, ADA)
        assert outcomes(found) == {"group:default/team": "conflict", "component:default/till": "create"}
        assert found.files[0].entities[0].held_by == ""


async def test_a_preview_needs_the_permission_and_an_address(world: Any):
    """Who may not register may not have the portal read addresses; paths of the server's disk are refused."""
    async with world.site(more=policy({"permission": "catalog.location.read"})) as site:
        with pytest.raises(NotAllowedError):
            await preview(site, SHOP, ADA)
        for bad in ("/etc/passwd", "file:///etc/passwd", "javascript:alert(1)", "https://"):
            with pytest.raises(InputError):
                await preview(site, bad)


async def test_the_list_tells_who_when_and_what_came(each_world: Any):
    """Entities by Locations that it names are counted, too, each of their errors, the last reading; found by a part of the address."""
    world = each_world
    world.serve(SHOP, location("all", "./org.yaml"), component("a"))
    world.serve(
        ORG, component("b"), "kind: Component\nmetadata: {name: c}\napiVersion: backstage.io/v1alpha1\nspec: {}\n"
    )
    async with world.site() as site:
        await register(site, SHOP)
        service = site.portal.service(Registrations)
        (state,), total = await service.list_states(limit=20, actor=SYSTEM)
        assert (total, state.location.target, state.entities, state.files, state.problems) == (1, SHOP, 3, 2, 3)
        assert state.read_at == site.clock.now() and state.by == SYSTEM.subject
        assert (await service.list_states(limit=20, words="nowhere", actor=SYSTEM))[1] == 0
        assert (await service.list_states(limit=20, offset=1, actor=SYSTEM)) == ([], 1)


async def test_a_look_says_what_goes_and_what_stays(each_world: Any):
    """Entities that another location gives, too, stay when this one is removed: and so it comes about."""
    world = each_world
    world.serve(ORG, component("both"))
    world.serve(SHOP, location("all", "./org.yaml"), component("own"))
    async with world.site() as site:
        first, _ = await register(site, SHOP), await register(site, ORG)
        found = await look(site, first)
        assert found.going == ["component:default/own", "location:default/all"]
        assert found.staying == ["component:default/both"] and found.file_count == 2
        assert [(f.location.partition(":")[2], f.entities) for f in found.files] == [(ORG, 1), (SHOP, 2)]
        await site.commands.delete_location(first, actor=SYSTEM)
        await site.settle()
        assert await site.refs() == {"component:default/both"}
        with pytest.raises(LocationNotFound):
            await look(site, first)


async def test_hidden_locations_and_entities_are_not_told(world: Any):
    """Who sees only components counts only these; without the permission nothing is listed."""
    world.serve(SHOP, component("till"), group("secret"))
    async with world.site(more=policy(*ALLOW, COMPONENTS)) as site:
        id = await register(site, SHOP)
        found = await look(site, id, ADA)
        assert found.going == ["component:default/till"] and found.state.entities == 1
        eve = user("eve")
        with pytest.raises(NotAllowedError):
            await site.portal.service(Registrations).list_states(limit=5, actor=eve)
        with pytest.raises(LocationNotFound):
            await look(site, id, eve)


def test_cycles_hold_nothing_up():
    """Two Locations that name each other go with the one that named them; what a source gives stays, with all below it."""
    edges = {2: [(1, 0), (3, 0)], 3: [(2, 0)], 4: [(3, 0), (0, 7)], 5: [(4, 0)], 6: [(5, 0), (2, 0)]}
    assert going_with([1], {2, 3, 4, 5, 6}, edges) == {2, 3}


@pytest.mark.parametrize(
    ("path", "is_page"),
    [
        ("/acme/shop", True),
        ("/acme/shop.git", True),
        ("/acme/shop/tree/main/a", True),
        ("/acme", False),
        ("/a/b.txt", False),
    ],
)
def test_pages_of_repositories_are_told_from_files(path: str, is_page: bool):
    """A last part with an ending is a file."""
    assert is_repository_page(path) is is_page


# ---- the pages ---------------------------------------------------------------------------------------------------------


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]*)"', page)
    assert found is not None
    return html.unescape(found[1])


async def test_from_an_address_to_a_registered_location_and_away_again(world: Any):
    """Look, register, see what came, have it read again, remove it: five forms without script."""
    world.serve(SHOP, component("till"), component("<b>bold"))
    async with world.site() as site, site.portal.client(SYSTEM) as client:
        assert "Nobody registered a location yet" in (await client.get("/catalog/locations")).text
        page = (await client.get(NEW, params={"target": SHOP})).text
        assert "1 new" in page and "1 refused" in page and "Line 1" not in page and "<b>bold" not in page
        answer = await client.post(NEW, data={"csrf_token": token(page), "target": SHOP})
        assert answer.status_code == 303 and answer.headers["location"].startswith("/catalog/locations/")
        await site.settle()
        one = answer.headers["location"].partition("?")[0]
        page = (await client.get(one)).text
        assert "till" in page and "One entity goes with it." in page
        assert (await client.get("/catalog/locations")).text.count(" data-row>") == 1
        assert "registered already" in (await client.get(NEW, params={"target": SHOP})).text
        again = await client.post(NEW, data={"csrf_token": token(page), "target": SHOP})
        assert again.status_code == 409
        answer = await client.post(one, data={"csrf_token": token(page), "do": "refresh"})
        assert answer.headers["location"] == f"{one}?refreshed=1"
        await client.post(one, data={"csrf_token": token(page), "do": "remove"})
        await site.settle()
        assert await site.refs() == set() and (await client.get(one)).status_code == 404


async def test_a_bad_address_is_told_beside_the_field(world: Any):
    """With what was typed still there."""
    async with world.site() as site, site.portal.client(SYSTEM) as client:
        answer = await client.get(NEW, params={"target": "ftp://x"})
        assert answer.status_code == 400 and 'value="ftp://x"' in answer.text and "target-error" in answer.text


async def test_pages_need_the_permission(world: Any):
    """Who may not register sees no page for it and no way to it, and their form does nothing."""
    async with (
        world.site(more=policy({"permission": "catalog.location.read"})) as site,
        site.portal.client(ADA) as client,
    ):
        assert (await client.get(NEW, headers={"accept": "text/html"})).status_code == 403
        listed = await client.get("/catalog/locations")
        assert listed.status_code == 200 and NEW not in listed.text
        assert (await client.post(NEW, data={"target": SHOP})).status_code == 403


async def test_programs_ask_the_same(world: Any):
    """The list and the preview as JSON."""
    world.serve(SHOP, component("till"))
    async with world.site() as site, site.portal.client(SYSTEM) as client:
        found = (await client.post("/api/catalog/v1/locations/preview", json={"target": SHOP})).json()
        assert found["registeredAs"] is None and found["files"][0]["entities"][0]["outcome"] == "create"
        await register(site, SHOP)
        (row,) = (await client.get("/api/catalog/v1/locations")).json()["items"]
        assert (row["target"], row["entities"], row["problems"]) == (SHOP, 1, 0)
        assert (await client.get("/api/catalog/v1/locations", params={"limit": "x"})).status_code == 400


async def test_a_repository_offers_its_descriptors_or_says_that_it_has_none(world: Any):
    """The page of a repository leads to the files in it; without any to the other ways in, and nothing is registered."""
    repository = Repository(
        {"https://github.com/acme/shop": ["https://github.com/acme/shop/blob/main/catalog-info.yaml"]}
    )
    async with (
        world.site(extension=Extension(readers=[repository]), more={"plugins": {"disabled": ["github"]}}) as site,
        site.portal.client(SYSTEM) as client,
    ):
        found = await preview(site, "https://github.com/acme/shop")
        assert (found.is_repository, found.candidates) == (True, repository.files["https://github.com/acme/shop"])
        page = (await client.get(NEW, params={"target": "https://github.com/acme/shop"})).text
        assert "One descriptor is in this repository" in page
        chosen = {"csrf_token": token(page), "target": list(found.candidates)}
        assert (await client.post(NEW, data=chosen)).status_code == 303
        bare = (await client.get(NEW, params={"target": "https://github.com/acme/bare"})).text
        assert "No descriptor is in this repository" in bare and 'href="/create-entity"' in bare
        assert "/proposals" in bare  # another way to the same end, where that feature is there
        assert [row["target"] for row in (await client.get("/api/catalog/v1/locations")).json()["items"]] == list(
            found.candidates
        )


class Repository:
    """A reader of a source host: which descriptors each repository holds, by its page."""

    def __init__(self, files: dict[str, list[str]]) -> None:
        self.files = files

    def handles(self, url: str) -> bool:
        return url.startswith("https://github.com/")

    async def read(self, url: str, *, etag: str | None = None) -> ReadFile:
        return ReadFile(url, yaml_of(component("shop")).encode(), None)

    async def search(self, url: str, *, etag: str | None = None) -> list[ReadFile]:
        page = url.partition("/blob/HEAD/")[0]
        return [await self.read(file) for file in self.files.get(page, [url] if "*" not in url else [])]

    def resolve(self, target: str, base: str) -> str:
        return target

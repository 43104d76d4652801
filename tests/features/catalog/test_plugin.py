"""The catalog's start: what it finds in its store, and which sources it still has."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.interface import DeferredEntity, EntityQuery, FullMutation, Order
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import InputError
from callboard.model.predicates import HasText, has_value
from callboard.testing import api, component, group, location, system

pytestmark = pytest.mark.anyio

A = "component:default/a"


class Gives:
    """A provider with one component."""

    every_s = 3_600.0

    def __init__(self, name: str) -> None:
        self.name = name

    async def run(self, connection: Any) -> None:
        await connection.apply(FullMutation([DeferredEntity(component(f"from-{self.name}"), self.name)]))


async def test_a_restart_on_the_same_store_changes_nothing(each_world: Any) -> None:
    """Everything is there, once, with its uid; no revision, no history, and the same answers from an empty index."""
    bad = component("bad")
    del bad["spec"]["owner"]
    each_world.write(
        "all.yaml", component("a", system="shop"), component("b", dependsOn=["component:a"]), system("shop"), group("team"), bad,
        api("c", definition={"$text": "./c.txt"}), component("a"), location("more", "./more/*.yaml", "./missing.yaml"),
    )  # fmt: skip
    each_world.write("c.txt", "definition")
    each_world.write("more/d.yaml", component("d"))
    async with each_world.site("all.yaml") as site:
        before, revision, answers = await site.image(), await site.revision(), await _answers(site)
        assert len(await site.refs()) == 7
    for _ in range(2):
        async with each_world.site("all.yaml") as site:
            assert await _answers(site) == answers
            assert await site.image() == before
            assert await site.revision() == revision


async def _answers(site: Any) -> list[Any]:
    """A list, a search, a count and facets."""
    ordered = await site.queries.list_raw(EntityQuery(order=Order("metadata.name", "desc")), actor=SYSTEM)
    found = await site.queries.list_raw(EntityQuery(HasText(("metadata.name",), "a")), actor=SYSTEM)
    count = await site.queries.count(has_value("kind", ["component"]), actor=SYSTEM)
    facets = await site.queries.facets(["kind", "spec.type", "relations.ownedby"], actor=SYSTEM)
    return [list(ordered.items), list(found.items), count, facets]


async def test_what_a_provider_gave_goes_when_it_is_not_installed_any_more(each_world: Any) -> None:
    """Its name is gone from the portal, so nobody would ever update its entities."""
    async with each_world.site(extension=each_world.extend(providers=[Gives("one"), Gives("two")])) as site:
        assert await site.refs() == {"component:default/from-one", "component:default/from-two"}
    async with each_world.site(extension=each_world.extend(providers=[Gives("two")])) as site:
        assert await site.refs() == {"component:default/from-two"}
        assert await site.rows("SELECT name FROM catalog_source WHERE name = 'one'") == []
        (*_, last) = await site.history("component:default/from-one")
        assert last.change == "deleted"


async def test_what_a_missing_provider_gave_stays_when_the_settings_say_so(world: Any) -> None:
    """``catalog.orphanProviderStrategy: keep``; installed again, the provider has its entities back."""
    async with world.site(extension=world.extend(providers=[Gives("one")])) as site:
        pass
    async with world.site(orphanProviderStrategy="keep") as site:
        assert await site.refs() == {"component:default/from-one"}
    async with world.site(extension=world.extend(providers=[Gives("one")])) as site:
        assert await site.changes("component:default/from-one") == ["created"]


async def test_a_provider_can_be_switched_off(world: Any) -> None:
    """``catalog.providerOptions``; also the one of configured locations."""
    world.write("all.yaml", component("a"))
    extension = world.extend(providers=[Gives("one")])
    off = {"one": {"disabled": True}, "ConfigLocationProvider": {"disabled": True}}
    async with world.site("all.yaml", extension=extension) as site:
        assert await site.refs() == {A, "component:default/from-one"}
    async with world.site("all.yaml", extension=extension, providerOptions=off) as site:
        assert await site.refs() == set()


async def test_a_location_that_the_settings_name_no_more_goes_with_its_tree(each_world: Any) -> None:
    """Configured locations are a source like any other: all that it has is what the settings say now."""
    each_world.write("one.yaml", component("a"))
    each_world.write("two.yaml", component("b"))
    async with each_world.site("one.yaml", "two.yaml") as site:
        assert len(await site.refs()) == 2
    async with each_world.site("two.yaml", "two.yaml") as site:
        assert await site.refs() == {"component:default/b"}
        assert len(await site.locations()) == 1


@pytest.mark.parametrize(
    ("catalog", "words"),
    [
        ({"locations": "x.yaml"}, "catalog.locations"),
        ({"locations": [{"type": "file"}]}, "catalog.locations[0]"),
        ({"rules": [{"allow": "Component"}]}, "catalog.rules[0].allow"),
        ({"model": {"layers": ["nope"]}}, "No layer is called nope"),
        ({"model": {"kinds": [{"names": {}}]}}, "names.kind"),
        ({"processingInterval": "often"}, "catalog.processingInterval"),
    ],
)
async def test_settings_that_cannot_be_used_stop_the_start_with_their_key(world: Any, catalog: Any, words: str) -> None:
    """The portal does not come up half right."""
    with pytest.raises(InputError) as error:
        async with world.site(settings={"catalog": catalog}):
            pass
    assert words in f"{error.value.field}: {error.value.message}"

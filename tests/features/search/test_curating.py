"""Synonyms in the browser: seen, added, switched off and on again."""

from __future__ import annotations

import pytest

from callboard.features.search.plugin import SearchParts
from callboard.features.search.ranking.learnt import Learnt
from callboard.features.search.ranking.own import PortalSynonyms
from callboard.features.search.text.synonyms import Synonyms
from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError
from callboard.testing import admin, component
from tests.features.catalog.conftest import World, each_world, postgres_world, world
from tests.features.search.test_pages import ADA, Desk, text_of, titles

__all__ = ["World", "each_world", "postgres_world", "world"]
pytestmark = pytest.mark.anyio
ENTITIES = (
    component("cdn", metadata={"title": "Edge", "description": "The content delivery network (CDN) of all shops"}),
    component("shop", metadata={"title": "Webshop"}),
    component("cache", metadata={"title": "CDN"}),
)
PATH = "/search/synonyms"
SETTINGS = {"search": {"synonyms": [["k8s", "kubernetes"]], "notSynonyms": [["till", "cash desk"]]}}


async def test_own_synonyms_hold_at_once_and_learnt_ones_are_switched_off_and_on(each_world: World):
    """On another replica as well; each change is permission-checked, in the audit log, and once more changes nothing."""
    each_world.write("all.yaml", *ENTITIES)
    async with each_world.site("all.yaml", more=SETTINGS) as site:
        d = Desk(site)
        parts = d.portal.service(SearchParts)
        replica = PortalSynonyms(Synonyms())  # as another one on the same store has them
        theirs = Learnt(True, own=replica)

        async def names(words: str) -> list[str]:
            return titles(await d.get(f"/search?q={words}", admin()))

        async def elsewhere(words: str) -> list[str]:
            async with d.portal.db.read() as tx:
                await theirs.sync(tx, None)
            return [*replica.of(words), *theirs.seen(every)(words)]

        every = await parts.visibility.visible(admin()) if parts.visibility else None
        assert await elsewhere("storefront") == []
        assert "Webshop" not in titles(await d.get("/search?q=storefront"))
        assert "Webshop" not in await names("storefront")
        for _ in range(2):
            answer = await d.post(PATH, admin(), do="add", one="Storefront", other="webshop")
            assert answer.status_code == 303
        assert "Webshop" in titles(await d.get("/search?q=storefront")) and await elsewhere("storefront") == ["webshop"]
        page = text_of(await d.get(PATH, admin()))
        assert "storefront = webshop added here" in page and "k8s = kubernetes settings" in page
        assert "cdn = content delivery network learnt" in page and "Learnt from Edge" in page
        assert "k8s" not in text_of(await d.get(f"{PATH}?show=learnt&q=CDN", admin())).split("Filter")[-1]

        assert "CDN" in await names("content delivery network")
        for do, holds in (("off", False), ("off", False), ("forget", True)):
            await d.post(PATH, admin(), do=do, one="cdn", other="content delivery network")
            learnt = await d.portal.actions.invoke("search:learnt", {}, actor=admin())
            assert any(pair["short"] == "cdn" for pair in learnt["items"]) is holds
            assert ("CDN" in await names("content delivery network")) is holds
            assert ("cdn" in await elsewhere("content delivery network")) is holds
            assert ("switched off" in text_of(await d.get(f"{PATH}?show=off", admin()))) is not holds
        await d.post(PATH, admin(), do="forget", one="storefront", other="webshop")
        assert "Webshop" not in await names("storefront") and await elsewhere("storefront") == []
        events = (await d.portal.audit.list_events(limit=50, plugin="search")).items
        told = [one.event for one in events if one.event.startswith("search-synonym")]
        assert sorted(told) == [
            "search-synonym-add",
            "search-synonym-forget",
            "search-synonym-forget",
            "search-synonym-off",
        ]
        await d.get(PATH, ADA, 403)
        with pytest.raises(NotAllowedError):
            await parts.curating.add("a", "b", actor=ADA)
        with pytest.raises(NotFoundError, match="teaches"):
            await parts.curating.switch_off("never", "learnt", actor=admin())


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("till", "cash desk", "search.notSynonyms"),
        ("", "x", "Write a word"),
        ("Shop", "shop", "the same to search already"),
        ("one two three four", "x", "At most 3 words"),
        ("x" * 81, "y", "At most 80"),
    ],
)
async def test_what_cannot_be_a_synonym_is_told_in_the_form(world: World, one: str, other: str, told: str):
    """The form comes back as it was filled in; what the settings except stays excepted."""
    world.write("all.yaml", *ENTITIES[:1])
    async with world.site("all.yaml", more=SETTINGS) as site:
        answer = await Desk(site).post(PATH, admin(), do="add", one=one, other=other)
        assert answer.status_code == 400 and told in answer.text
        with pytest.raises(InputError):
            await site.portal.service(SearchParts).curating.add(one, other, actor=admin())

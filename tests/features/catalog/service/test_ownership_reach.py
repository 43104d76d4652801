"""Which groups make something one's own, as the settings reach, and how that is told."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.interface.reasons import OwnershipReasons
from callboard.features.catalog.settings import CatalogSettings
from callboard.kernel.settings import Settings
from callboard.kernel.settings.errors import SettingsError
from callboard.testing import component, group, user, user_entity
from tests.features.importing.test_access import policy

pytestmark = pytest.mark.anyio

ADA = "user:default/ada"
ORG = (
    group("payments", children=["checkout"], metadata={"title": "Payments"}),
    group("checkout", parent="payments", children=["cart"], metadata={"title": "Checkout"}),
    group("cart", parent="checkout", metadata={"title": "Cart"}),
    group("search", parent="payments"),
    user_entity("ada", memberOf=["checkout"]),
    component("ledger", owner="group:default/payments"),
    component("basket", owner="group:default/cart"),
    component("index", owner="group:default/search"),
    component("diary", owner="user:default/ada"),
)


def _names(refs: Any) -> set[str]:
    return {ref.partition("/")[2] for ref in refs}


@pytest.mark.parametrize(
    ("reach", "groups"),
    [
        ("own", {"checkout"}),
        ("parents", {"checkout", "payments"}),
        ("parents-and-children", {"checkout", "payments", "cart"}),
    ],
)
async def test_the_setting_says_how_far_ownership_reaches(world: Any, reach: str, groups: set[str]):
    """Never to groups beside one's own: what a parent's other teams own is theirs."""
    world.write("org.yaml", *ORG)
    async with world.site("org.yaml", ownership={"reach": reach}) as site:
        reasons = site.portal.service(OwnershipReasons)
        paths = await reasons.paths_of(ADA)
        assert _names(paths) == groups
        assert _names(await site.catalog.ownership.ownership_of(ADA)) == groups | {"ada"}
        for ref, path in paths.items():
            assert path.groups[-1] == ref and path.groups[0] == "group:default/checkout"


def test_another_word_for_the_reach_is_refused():
    """With the words that there are."""
    with pytest.raises(SettingsError, match="parents-and-children"):
        CatalogSettings.of(
            Settings.of({"catalog": {"ownership": {"reach": "all"}}}, has_file=True), __import__("pathlib").Path()
        )


async def test_pages_say_why_something_is_the_readers(world: Any):
    """The entity page and the list, in words, by the names of the groups; nothing of what is not theirs."""
    world.write("org.yaml", *ORG)
    ada = user("ada", "group:default/checkout", "group:default/payments", "group:default/cart")
    async with (
        world.site("org.yaml", ownership={"reach": "parents-and-children"}) as site,
        site.portal.client(ada) as client,
    ):
        told = {
            "ledger": "Yours: you are in Checkout, part of Payments, which owns it.",
            "basket": "Yours: you are in Checkout, and Cart, a part of it, owns it.",
            "diary": "Yours: you own it yourself.",
        }
        for name, text in told.items():
            assert text in (await client.get(f"/catalog/default/component/{name}")).text
        assert "Yours" not in (await client.get("/catalog/default/component/index")).text
        listed = (await client.get("/catalog?kind=component")).text
        assert all(text in listed for text in told.values()) and listed.count('title="Yours:') == 3
        assert "those above them" in (await client.get("/")).text


async def test_a_hidden_group_is_not_named_as_the_reason(world: Any):
    """Whoever may not see it is only told that it is a group of theirs."""
    world.write("org.yaml", *ORG)
    ada = user("ada", "group:default/checkout", "group:default/payments")
    seen = {
        "permission": "catalog.entity.read",
        "when": {"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": ["Component"]}},
    }
    async with world.site("org.yaml", more=policy(ada=[seen])) as site, site.portal.client(ada) as client:
        page = (await client.get("/catalog/default/component/ledger")).text
        assert "a group that you belong to owns it" in page and "Payments" not in page

"""The plugin in a whole portal: entities arrive, the action answers, the page has the tab."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from callboard.kernel.errors import InputError
from callboard.testing import FakeClock, make_portal, user
from callboard_example import plugin

pytestmark = pytest.mark.anyio

DESCRIPTORS = """
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: storefront-team}
spec: {type: team, children: []}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shop-web}
spec: {type: website, lifecycle: production, owner: storefront-team}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shop-search}
spec: {type: service, lifecycle: production, owner: storefront-team}
"""
ROTAS = """
rotas:
  - name: shop
    title: Shop, out of hours
    owner: storefront-team
    people: [tomasz, amara]
    covers: [shop-web]
    starts: 2026-01-05
"""
WEDNESDAY_OF_THE_SECOND_WEEK = datetime(2026, 1, 14, 12, tzinfo=UTC)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def portal(tmp_path):
    (tmp_path / "catalog-info.yaml").write_text(DESCRIPTORS)
    (tmp_path / "rotas.yaml").write_text(ROTAS)
    settings = {
        "catalog": {
            "rules": [{"allow": ["Component", "Group", "Location", "Rota"]}],
            "locations": [{"type": "file", "target": str(tmp_path / "catalog-info.yaml")}],
        },
        "plugins": {"rota": {"file": str(tmp_path / "rotas.yaml")}},
    }
    clock = FakeClock(WEDNESDAY_OF_THE_SECOND_WEEK)
    async with make_portal(settings, plugins=[("rota", plugin)], clock=clock) as started:
        await started.jobs.run_due()
        yield started


async def test_rotas_become_entities(portal):
    """The provider's rota is in the catalog, with its relations in both directions."""
    async with portal.client(user("ada")) as client:
        rota = (await client.get("/api/catalog/entities/by-name/rota/default/shop")).json()
        shop = (await client.get("/api/catalog/entities/by-name/component/default/shop-web")).json()
    assert {"type": "covers", "targetRef": "component:default/shop-web"} in rota["relations"]
    assert {"type": "coveredBy", "targetRef": "rota:default/shop"} in shop["relations"]


async def test_the_action_names_who_is_on_call(portal):
    """In the second week it is the second person, until Monday at nine."""
    output = await portal.actions.invoke("rota:who-is-on-call", {"entityRef": "component:shop-web"}, actor=user("ada"))
    assert output == {
        "turns": [
            {
                "rota": "shop",
                "personRef": "user:default/amara",
                "startsAt": "2026-01-12T09:00:00+00:00",
                "endsAt": "2026-01-19T09:00:00+00:00",
            }
        ]
    }


async def test_what_no_rota_covers_has_nobody(portal):
    """An empty list, not an error."""
    output = await portal.actions.invoke(
        "rota:who-is-on-call", {"entityRef": "component:shop-search"}, actor=user("ada")
    )
    assert output == {"turns": []}


async def test_a_ref_that_cannot_be_read_is_refused(portal):
    """The error names the field."""
    with pytest.raises(InputError) as caught:
        await portal.actions.invoke("rota:who-is-on-call", {"entityRef": "shop-web"}, actor=user("ada"))
    assert caught.value.field == "entityRef"


async def test_the_tab_is_on_what_a_rota_covers_and_nowhere_else(portal):
    """The page of a covered component has the tab with the person's name; that of another has no such tab."""
    async with portal.client(user("ada")) as client:
        covered = await client.get("/catalog/default/component/shop-web/on-call")
        other = await client.get("/catalog/default/component/shop-search/on-call")
    assert covered.status_code == 200
    assert "Shop, out of hours" in covered.text
    assert '<a href="/catalog/default/user/amara">amara</a>' in covered.text
    assert other.status_code == 404


async def test_a_broken_file_leaves_the_rota_as_it_was(portal, tmp_path):
    """A typing error on Friday evening does not empty the rota."""
    (tmp_path / "rotas.yaml").write_text("rotas: [")
    portal.clock.advance(120)
    await portal.jobs.run_due()
    output = await portal.actions.invoke("rota:who-is-on-call", {"entityRef": "component:shop-web"}, actor=user("ada"))
    assert [turn["personRef"] for turn in output["turns"]] == ["user:default/amara"]


async def test_the_manifest_tells_what_the_code_does(portal):
    """Hooks that are declared are those that are used."""
    portal.plugins.check_manifests()
    assert [p for p in portal.plugins.problems if p.plugin == "rota"] == []

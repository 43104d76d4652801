"""The catalog's numbers at ``/metrics``."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.testing import component

pytestmark = pytest.mark.anyio


async def metrics(site: Any) -> dict[str, float]:
    """Sample (name with labels) to value, as a scraper without credentials sees them."""
    async with site.portal.client() as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_entities_relations_problems_jobs_and_index_are_counted(each_world: Any):
    """On both engines, without a single name of an entity."""
    each_world.write("a.yaml", component("a"), component("b"), component("c", type=""))
    async with each_world.site("a.yaml", "missing.yaml") as site:
        found = await metrics(site)
        assert found['catalog_entities_count{kind="component"}'] == 2
        assert found['catalog_entities_count{kind="location"}'] == 2
        assert found["catalog_relations_count"] == 4  # two owners, both directions
        assert found["catalog_registered_locations_count"] == 0
        assert found["callboard_catalog_failed_documents"] == 1
        assert found['callboard_catalog_findings{severity="error"}'] >= 2
        assert found["callboard_catalog_revision"] > 1
        assert 'callboard_catalog_index{part="body_bytes"}' in found
        assert not any("missing" in name or "a.yaml" in name for name in found)
        async with site.portal.db.write() as tx:
            await site.portal.jobs.enqueue(tx, "catalog.sweep", {}, key="counted")
        assert (await metrics(site))['callboard_jobs{kind="catalog.sweep",state="waiting"}'] == 1


async def test_counting_is_not_repeated_for_everybody_who_asks(world: Any):
    """Tables are walked at most every 15 seconds; the revision is always the present one."""
    world.write("a.yaml", component("a"))
    async with world.site("a.yaml") as site:
        before = await metrics(site)
        world.write("a.yaml", component("a"), component("b"))
        await site.sweep()
        soon = await metrics(site)
        assert soon['catalog_entities_count{kind="component"}'] == 1
        assert soon["callboard_catalog_revision"] > before["callboard_catalog_revision"]
        world.clock.advance(16)
        assert (await metrics(site))['catalog_entities_count{kind="component"}'] == 2


async def test_what_an_outside_host_allows_is_shown(world: Any):
    """Requests and refusals by budget; after a refusal, that we wait."""
    world.serve("https://files.test/a.yaml", component("a"))
    async with world.site({"type": "url", "target": "https://files.test/a.yaml"}) as site:
        found = await metrics(site)
        assert found['callboard_rate_requests_total{budget="http files.test"}'] >= 1
        assert found['callboard_rate_blocked{budget="http files.test"}'] == 0
        world.fail("https://files.test/a.yaml", 429, retry_after="60")
        await site.sweep()
        found = await metrics(site)
        assert found['callboard_rate_refusals_total{budget="http files.test"}'] == 1
        assert found['callboard_rate_blocked{budget="http files.test"}'] == 1

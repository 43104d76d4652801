"""A source that cannot be read is a problem that is shown, to those who see the whole catalog."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.interface import DeferredEntity, FullMutation
from callboard.kernel.errors import UnavailableError
from callboard.testing import admin, component, user

pytestmark = pytest.mark.anyio

ONLY_OWNED = {
    "defaults": False,
    "roles": {
        "readers": {
            "members": ["$users"],
            "rules": [
                {
                    "permission": "catalog.entity.read",
                    "when": {
                        "rule": "IS_ENTITY_OWNER",
                        "resourceType": "catalog-entity",
                        "params": {"claims": ["$ownershipRefs"]},
                    },
                }
            ],
        }
    },
}


class Moody:
    """A provider that raises ``error`` while there is one."""

    name = "moody"
    every_s = 600.0

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def run(self, connection: Any) -> None:
        if self.error is not None:
            raise self.error
        await connection.apply(FullMutation([DeferredEntity(component("a", owner="user:default/ada"), "moody")]))


async def test_a_failing_source_is_told_with_its_message_and_since_when(each_world: Any) -> None:
    """One problem however often it is tried, with the latest reason; it goes when the source answers again."""
    provider = Moody()
    async with each_world.site(extension=each_world.extend(providers=[provider])) as site:
        assert await site.all_findings() == []
        provider.error = UnavailableError("GitHub answers 502.")
        await site.run_provider("moody")
        (first,) = await site.all_findings()
        assert (first.severity, first.stage) == ("error", "read")
        assert first.message == "The source moody cannot be read: GitHub answers 502."
        assert first.fix is not None
        site.clock.advance(60)
        provider.error = UnavailableError("GitHub answers 503.")
        await site.run_provider("moody")
        (second,) = await site.all_findings()
        assert (second.since, second.message) == (first.since, "The source moody cannot be read: GitHub answers 503.")
        provider.error = None
        await site.run_provider("moody")
        assert await site.all_findings() == []


async def test_a_failing_source_is_on_the_problems_page_of_those_who_see_all(world: Any) -> None:
    """What a source is called and why it fails may tell of things that are hidden, so others are not told."""
    provider = Moody()
    settings = {"permission": {"policy": ONLY_OWNED}}
    async with world.site(extension=world.extend(providers=[provider]), more=settings) as site:
        provider.error = UnavailableError("GitHub answers 502.")
        await site.run_provider("moody")
        pages = {}
        for actor in (admin(), user("ada")):
            async with site.portal.client(actor) as client:
                answer = await client.get("/catalog/problems")
                assert answer.status_code == 200
                pages[actor.subject] = answer.text
        assert "GitHub answers 502." in pages["user:default/root"]
        assert "GitHub" not in pages["user:default/ada"] and "moody" not in pages["user:default/ada"]


async def test_a_source_that_is_gone_takes_its_trouble_along(world: Any) -> None:
    """A provider that is not installed any more cannot fail."""
    provider = Moody()
    async with world.site(extension=world.extend(providers=[provider])) as site:
        provider.error = UnavailableError("GitHub answers 502.")
        await site.run_provider("moody")
        assert len(await site.all_findings()) == 1
    async with world.site() as site:
        assert await site.all_findings() == []

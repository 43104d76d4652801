"""Reads over all relations and the history, on both engines."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.explore.reader import ExploreReader
from callboard.features.catalog.interface import DeferredEntity, DeltaMutation, FullMutation
from callboard.kernel.auth.actor import SYSTEM
from tests.features.catalog.explore.test_explore_pages import COMPANY, entity

pytestmark = pytest.mark.anyio


async def test_what_is_between_systems_and_what_is_nowhere(each_world: Any) -> None:
    """Dependencies by system, relations to the absent, changes of a user; kept answers follow the catalog."""
    async with each_world.site() as site:
        await site.catalog.mutations.apply(
            "test", FullMutation([DeferredEntity(e) for e in COMPANY]), actor=SYSTEM.subject
        )
        await site.settle()
        reader = site.portal.service(ExploreReader)
        land = await reader.landscape(actor=SYSTEM)
        assert land.dependencies == {
            ("system:default/shop", "system:default/bank"): 1, ("system:default/shop", "system:default/secret"): 1,
            ("system:default/secret", "system:default/shop"): 1,
        }  # fmt: skip
        assert await reader.landscape(actor=SYSTEM) is land
        assert [tuple(r) for r in await reader.queries.dangling(["group:default/team"], actor=SYSTEM)] == [
            ("component:default/web", "dependsOn", "component:default/gone")
        ]
        moved = entity("Component", "web", {"owner": "company", "system": "bank"})
        await site.catalog.mutations.apply("test", DeltaMutation([DeferredEntity(moved)]), actor="user:default/ada")
        await site.settle()
        assert ("system:default/shop", "system:default/bank") not in (await reader.landscape(actor=SYSTEM)).dependencies
        assert (await reader.organisation(actor=SYSTEM)).groups["group:default/team"].owned == 3
        assert await reader.queries.dangling(["group:default/team"], actor=SYSTEM) == []
        changes = await reader.queries.changes_by("user:default/ada", actor=SYSTEM, limit=50)
        assert ("component:default/web", "updated") in {(change.ref, change.change) for change in changes}

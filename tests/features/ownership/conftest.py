"""A portal whose catalog has owners, and one line a step for what is done about them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, AsyncIterator, Callable, Mapping, Sequence

import pytest

from callboard.features.editing.interface import Editing
from callboard.features.notifications.interface import NotificationQuery, Notifications
from callboard.features.ownership.interface import Item, ListQuery, OwnershipService, Standing
from callboard.features.ownership.plugin import OwnershipParts
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.testing import component, group, user, user_entity
from tests.features.catalog.conftest import Site, World, each_world, postgres_world, world

__all__ = ["Desk", "World", "each_desk", "each_world", "open_desk", "postgres_world", "world"]

PAYMENTS, CHECKOUT = "group:default/payments", "group:default/checkout"
TILL, LEDGER = "component:default/till", "component:default/ledger"
ADA = user("ada", CHECKOUT, PAYMENTS)
BOB = user("bob", "group:default/search")
ORG = (
    group("payments", children=["checkout"], metadata={"title": "Payments"}),
    group("checkout", parent="payments", metadata={"title": "Checkout"}),
    group("search", metadata={"title": "Search"}),
    user_entity("ada", memberOf=["checkout"]),
    user_entity("bob", memberOf=["search"]),
    user_entity("carl", memberOf=["payments"]),
)


class Desk:
    """Ownership with one line a step."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.parts: OwnershipParts = site.portal.service(OwnershipParts)
        self.service: OwnershipService = site.portal.service(OwnershipService)
        self.editing: Editing = site.portal.service(Editing)

    async def create(self, *documents: Mapping[str, Any], actor: Actor = SYSTEM) -> None:
        """Entities of the portal's own store."""
        results = await self.editing.create_many(documents, actor=actor)
        assert [r.outcome for r in results] == ["changed"] * len(documents), results
        await self.site.settle()

    async def standing(self, ref: str, actor: Actor = SYSTEM) -> Standing:
        found = await self.service.find_standing(ref, actor=actor)
        assert found is not None, ref
        return found

    async def state(self, ref: str) -> str:
        """As the page and the list both say it."""
        state = (await self.standing(ref)).state
        (listed,) = [item for item in await self.list("all") if item.ref == ref]
        assert listed.state == state
        return state

    async def list(
        self, show: Any = "open", owners: Sequence[str] | None = None, actor: Actor = SYSTEM, **more: Any
    ) -> list[Item]:
        page = await self.service.list_items(ListQuery(owners, show, **more), actor=actor)
        return list(page.items)

    async def refs(
        self, show: Any = "open", owners: Sequence[str] | None = None, actor: Actor = SYSTEM, **more: Any
    ) -> list[str]:
        return sorted(item.ref for item in await self.list(show, owners, actor, **more))

    async def confirm(self, *refs: str, actor: Actor = SYSTEM) -> None:
        await self.service.confirm(dict.fromkeys(refs), actor=actor)

    async def pass_days(self, days: float) -> None:
        self.site.clock.advance(timedelta(days=days).total_seconds())
        await self.site.settle()

    async def owner(self, ref: str) -> str:
        return (await self.standing(ref)).owner

    async def told(self, actor: Actor) -> list[str]:
        """Titles of somebody's notifications, oldest first."""
        found, _ = await self.site.portal.service(Notifications).list_notifications(
            NotificationQuery(descending=False), actor=actor
        )
        return [one.title for one in found]


Open = Callable[..., Any]


def _opener(world: World) -> Open:
    @asynccontextmanager
    async def opened(
        *documents: Mapping[str, Any], more: Mapping[str, Any] | None = None, **options: Any
    ) -> AsyncIterator[Desk]:
        """Files with the organisation and these documents."""
        world.write("org.yaml", *ORG)
        world.write(
            "things.yaml", *(documents or (component("till", owner=CHECKOUT), component("ledger", owner=PAYMENTS)))
        )
        async with world.site("org.yaml", "things.yaml", more=more, **options) as site:
            await site.settle()
            yield Desk(site)

    return opened


@pytest.fixture
def open_desk(world: World) -> Open:
    """``async with open_desk(documents…) as d``: on SQLite."""
    return _opener(world)


@pytest.fixture
def each_desk(each_world: World) -> Open:
    """The same on each engine."""
    return _opener(each_world)

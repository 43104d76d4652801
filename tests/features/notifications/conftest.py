"""A portal with people, and notifications for them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Callable, Sequence

import pytest

from callboard.features.notifications.interface import (
    NewNotification,
    Notification,
    NotificationQuery,
    Notifications,
)
from callboard.kernel.auth.actor import Actor
from callboard.testing import FakeHttp, component, group, user, user_entity
from tests.features.catalog.conftest import Site, World, each_world, postgres_world, world

__all__ = ["Desk", "World", "each_desk", "each_world", "open_desk", "postgres_world", "world"]

ADA, BOB, EVE = user("ada", "group:default/payments"), user("bob", "group:default/payments"), user("eve")


def org() -> list[dict[str, Any]]:
    """payments (ada, bob) above refunds (cyd), eve in no group, and till that payments owns."""
    return [
        group("payments"),
        group("refunds", parent="payments"),
        user_entity("ada", member_of=("payments",), email="ada@example.test", display_name="Ada"),
        user_entity("bob", member_of=("payments",), email="bob@example.test"),
        user_entity("cyd", member_of=("refunds",), email="cyd@example.test"),
        user_entity("eve", email="eve@example.test"),
        component("till", owner="payments"),
    ]


class Desk:
    """Sends and reads with one line a step."""

    def __init__(self, site: Site, http: FakeHttp) -> None:
        self.site = site
        self.http = http
        self.portal = site.portal
        self.clock = site.clock
        self.notifications: Notifications = site.portal.service(Notifications)

    async def send(self, title: str = "Hello", *to: str, everybody: bool = False, **more: Any) -> Sequence[str]:
        """To the refs in ``to`` (ada unless given), in a transaction of its own."""
        recipients = None if everybody else to or ("user:default/ada",)
        async with self.portal.db.write() as tx:
            return await self.notifications.notify(tx, NewNotification(title, recipients, **more))

    async def read(self, actor: Actor = ADA, **query: Any) -> Sequence[Notification]:
        found, total = await self.notifications.list_notifications(NotificationQuery(**query), actor=actor)
        assert len(found) <= total
        return found

    async def titles(self, actor: Actor = ADA, **query: Any) -> list[str]:
        return [one.title for one in await self.read(actor, **query)]

    async def unread(self, actor: Actor = ADA) -> int:
        return (await self.notifications.status(actor=actor)).unread


Open = Callable[..., Any]


def _opener(world: World) -> Open:
    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Desk]:
        world.write("org.yaml", *org())
        # nobody is asked to confirm what they own: these tests count what they send themselves
        more = {"ownership": {"askEvery": False}, **(options.pop("more", None) or {})}
        async with world.site("org.yaml", more=more, **options) as site:
            yield Desk(site, world.http)

    return opened


@pytest.fixture
def open_desk(world: World) -> Open:
    """``async with open_desk() as d``: on SQLite."""
    return _opener(world)


@pytest.fixture
def each_desk(each_world: World) -> Open:
    """The same on each engine."""
    return _opener(each_world)

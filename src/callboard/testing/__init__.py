"""For tests of portals and plugins: a portal in this process, a client, factories, fakes. Shipped, for plugin authors too.

async with make_portal({"app": {"title": "Test"}}, plugins=[("hello", plugin)]) as portal:
    async with portal.client(user("ada")) as client:
        answer = await client.get("/hello")
"""

from callboard.testing.actors import admin, guest, service, user
from callboard.testing.clock import FakeClock
from callboard.testing.entities import (
    api,
    component,
    domain,
    entity,
    group,
    location,
    resource,
    system,
    template,
    user_entity,
)  # fmt: skip
from callboard.testing.http import FakeHttp, SentRequest
from callboard.testing.portal import PortalForTest, make_portal, portal_client

__all__ = [
    "FakeClock",
    "FakeHttp",
    "PortalForTest",
    "SentRequest",
    "admin",
    "api",
    "component",
    "domain",
    "entity",
    "group",
    "guest",
    "location",
    "make_portal",
    "portal_client",
    "resource",
    "service",
    "system",
    "template",
    "user",
    "user_entity",
]

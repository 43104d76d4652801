"""What needs no permission because it is one's own still needs a token that may write; and somebody whom the portal can tell apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from callboard.features.announcements.interface import Announcements, Draft
from callboard.features.notifications.interface import NewNotification, Notifications
from callboard.features.ownership.interface import OwnershipService
from callboard.kernel.auth.actor import SYSTEM
from callboard.testing import component, group, guest, user, user_entity
from tests.features.catalog.conftest import World, world

__all__ = ["World", "world"]
pytestmark = pytest.mark.anyio

SEARCH, TILL, SHOP = "group:default/search", "component:default/till", "component:default/shop"
EVE = user("eve", SEARCH)
HOOK = {"title": "Mine", "url": "https://hooks.example.com/x"}


async def test_a_token_that_may_only_read_changes_nothing(world: World) -> None:
    """Each refused with 403 in words, while the same user signed in may; nothing is other than before."""
    world.write(
        "org.yaml", group("search"), group("payments"), user_entity("eve", memberOf=["search"]), component("till", owner="payments"),
        component("shop", owner="search"),
    )  # fmt: skip
    async with world.site("org.yaml") as site:
        await site.settle()
        service = site.portal.service(OwnershipService)
        (offer,) = await service.hand_over([TILL], SEARCH, actor=SYSTEM)
        draft = Draft("News", "News", world.clock.now())
        announced = await site.portal.service(Announcements).create_announcement(draft, actor=SYSTEM)
        async with site.portal.db.write() as tx:
            (told,) = await site.portal.service(Notifications).notify(tx, NewNotification("Look", [EVE.subject]))
        hers = "/api/notifications/v1"
        asked: list[tuple[str, str, Any]] = [
            ("POST", f"/api/ownership/v1/handovers/{offer.id}/answer", {"accept": True}),
            ("POST", "/api/ownership/v1/confirm", {"entities": [SHOP]}),
            ("PUT", f"/api/announcements/v1/announcements/{announced.id}/dismissal", None),
            ("POST", "/api/notifications/update", {"ids": [told], "read": True}),
            ("POST", "/api/notifications/settings", {"channels": [{"id": "Web", "origins": [{"id": "plugin:x", "enabled": False}]}]}),
            ("PATCH", f"{hers}/preferences", {"email": "off"}), ("POST", f"{hers}/webhooks", HOOK),
            ("PUT", "/api/user-settings/buckets/b/keys/k", {"value": 1}), ("PUT", "/api/catalog/v1/stars/component/default/shop", None),
        ]  # fmt: skip
        reading = replace(EVE, scopes=frozenset(["read"]), via="token")
        for actor, is_refused in ((reading, True), (EVE, False)):
            async with site.portal.client(actor) as client:
                for method, path, body in asked:
                    answer = await client.request(method, path, json=body)
                    assert (answer.status_code == 403) is is_refused, (
                        f"{method} {path}: {answer.status_code} {answer.text}"
                    )
            await site.settle()
            till = await site.get(TILL)
            assert till["spec"]["owner"] == ("payments" if is_refused else SEARCH)
        (hook,) = (await _own(site)).json()["items"]
        async with site.portal.client(reading) as client:
            assert (await client.delete(f"{hers}/webhooks/{hook['id']}")).status_code == 403
        assert len((await _own(site)).json()["items"]) == 1


async def _own(site: Any) -> Any:
    async with site.portal.client(EVE) as client:
        return await client.get("/api/notifications/v1/webhooks")


async def test_guests_have_nothing_sent_elsewhere(world: World) -> None:
    """Whoever comes by is the same guest: what one chooses would hold for all."""
    async with world.site() as site, site.portal.client(guest()) as client:
        for method, path, body in (
            ("POST", "/api/notifications/v1/webhooks", HOOK), ("PATCH", "/api/notifications/v1/preferences", {"email": "off"}),
            ("POST", "/api/notifications/settings", {"channels": []}),
        ):  # fmt: skip
            answer = await client.request(method, path, json=body)
            assert answer.status_code == 403, f"{path}: {answer.text}"

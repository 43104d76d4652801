"""``/api/notifications`` as Backstage's clients and services use it. Shapes: facts on notifications-backend 0.6.

The client classes live in front-end packages that need React, so the requests are written out here as they make them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from callboard.features.notifications.interface import NewNotification
from callboard.features.notifications.retention import clean
from callboard.features.notifications.service import NotificationService
from callboard.kernel.auth.actor import AccessRestriction
from callboard.testing import admin, service
from tests.features.importing.test_access import policy
from tests.features.notifications.conftest import ADA, BOB, EVE

pytestmark = pytest.mark.anyio
LIST = "/api/notifications/notifications"
CI = service("external:ci")


def to(*refs: str, **payload: Any) -> dict[str, Any]:
    return {"recipients": {"type": "entity", "entityRef": list(refs)}, "payload": {"title": "Hello", **payload}}


async def test_a_service_sends_and_a_reader_reads(each_desk: Any):
    """The whole round: send, list, count, mark, one by its id; fields and nulls as Backstage has them."""
    async with each_desk() as d, d.portal.client(CI) as ci, d.portal.client(ADA) as ada:
        body = to(
            "group:default/payments", description="More", link="/x", topic="t", severity="high", metadata={"a": 1}
        )
        sent = (await ci.post(LIST, json=body)).json()
        assert len(sent) == 3 and {one["user"] for one in sent} >= {"user:default/ada", "user:default/cyd"}
        found = (await ada.get(f"{LIST}?offset=0&limit=10&orderField=created,desc&read=false")).json()
        assert found["totalCount"] == 1
        [one] = found["notifications"]
        assert one == {
            "id": one["id"], "user": "user:default/ada", "created": "2026-11-23T03:12:00.000Z", "saved": None, "read": None,
            "updated": None, "origin": "external:ci",
            "payload": {
                "title": "Hello", "description": "More", "link": "/x", "severity": "high", "topic": "t", "scope": None,
                "icon": None, "metadata": {"a": 1},
            },
        }  # fmt: skip
        assert (await ada.get("/api/notifications/status")).json() == {"unread": 1, "read": 0}
        changed = (await ada.post(f"{LIST}/update", json={"ids": [one["id"]], "read": True, "saved": True})).json()
        assert [bool(c["read"] and c["saved"]) for c in changed] == [True]
        assert (await ada.get(f"{LIST}?saved=true&minimumSeverity=high&topic=t&search=hel")).json()["totalCount"] == 1
        assert (await ada.get(f"{LIST}?minimumSeverity=critical")).json()["totalCount"] == 0
        assert (await ada.get(f"{LIST}/{one['id']}")).json()["id"] == one["id"]
        assert (await ada.get(f"/api/notifications/{one['id']}")).status_code == 200  # the legacy alias
        assert (await ada.get("/api/notifications")).json()["totalCount"] == 1
        assert (await ada.get("/api/notifications/topics")).json() == {"topics": ["t"]}


async def test_broadcasts_and_excluded_ones(open_desk: Any):
    """A broadcast has no user; those who are excluded are not told."""
    async with open_desk() as d, d.portal.client(CI) as ci, d.portal.client(BOB) as bob, d.portal.client(ADA) as ada:
        everybody = {"recipients": {"type": "broadcast"}, "payload": {"title": "All"}}
        [sent] = (await ci.post(LIST, json=everybody)).json()
        assert sent["user"] is None
        body = to("payments")
        body["recipients"]["excludeEntityRef"] = "user:default/ada"
        await ci.post(LIST, json=body)
        assert (await bob.get(LIST)).json()["totalCount"] == 2
        assert (await ada.get(LIST)).json()["totalCount"] == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Invalid notification request received: missing title, recipients"),
        ({"recipients": {"type": "broadcast"}}, "Invalid notification request received: missing title"),
        (to("payments", link="javascript:alert(1)"), "Only HTTP/HTTPS links are allowed"),
        (to("payments", title=3), "title must be text."),
        ({"recipients": {"type": "user"}, "payload": {"title": "x"}}, "recipients.type must be entity or broadcast."),
        (to(), "recipients.entityRef must name at least one entity."),
        (to("payments", severity="huge"), "severity must be one of critical, high, normal and low."),
    ],
)  # fmt: skip
async def test_requests_that_cannot_be_used(open_desk: Any, body: dict[str, Any], message: str):
    """400 with Backstage's body, in its words where it has them."""
    async with open_desk() as d, d.portal.client(CI) as ci:
        answer = await ci.post(LIST, json=body)
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


async def test_who_may_do_what(open_desk: Any):
    """Users read and services send; neither does the other's; a service of another plugin does not send either."""
    other = service("external:other", AccessRestriction("catalog"))
    async with open_desk() as d, d.portal.client(ADA) as ada, d.portal.client(CI) as ci, d.portal.client(other) as away:
        assert (await ada.post(LIST, json=to("payments"))).status_code == 403
        assert (await ci.get(LIST)).status_code == 403
        assert (await away.post(LIST, json=to("payments"))).status_code == 403
        assert (await ada.get(f"{LIST}?createdAfter=yesterday")).json()["error"]["message"] == "Unexpected date format"
        assert (await ada.get(f"{LIST}/nothing-here")).status_code == 404
        assert (await ada.post(f"{LIST}/update", json={"ids": "x"})).status_code == 400


def kinds(*names: str) -> dict[str, Any]:
    when = {"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": list(names)}}
    return {"permission": "catalog.entity.read", "when": when}


@pytest.mark.parametrize(
    ("seen", "told"), [(("User",), 0), (("Group",), 0), (("Group", "User"), 3), (("Component",), 0)]
)
async def test_hidden_groups_and_members_are_not_told_of(open_desk: Any, seen: tuple[str, ...], told: int):
    """A group that the sender may not see is as one that is not there, and so is each member; the portal itself sees all."""
    more = policy(bob=[kinds(*seen), {"permission": "notification.message.create"}])
    async with open_desk(more=more) as d:
        new = NewNotification("Hello", ["group:default/payments", "component:default/till"])
        sent = await d.portal.service(NotificationService).send_as(new, actor=BOB)
        assert len(sent) == told
        assert len(await d.send("From the portal", "payments")) == 3


async def test_channels_are_turned_off_by_the_settings_wire(open_desk: Any):
    """Backstage's settings page: what was met, by channel and origin; what is turned off does not show."""
    async with open_desk() as d, d.portal.client(ADA) as ada:
        await d.send("One", origin="plugin:ci", topic="green")
        channels = (await ada.get("/api/notifications/settings")).json()["channels"]
        assert [c["id"] for c in channels] == ["Web", "Email", "Webhook"]
        assert channels[0]["origins"] == [
            {"id": "plugin:ci", "enabled": True, "topics": [{"id": "green", "enabled": True}]}
        ]
        body = {
            "channels": [
                {
                    "id": "Web",
                    "origins": [{"id": "plugin:ci", "enabled": True, "topics": [{"id": "green", "enabled": False}]}],
                }
            ]
        }
        changed = (await ada.post("/api/notifications/settings", json=body)).json()
        assert changed["channels"][0]["origins"][0]["topics"][0]["enabled"] is False
        await d.send("Two", origin="plugin:ci", topic="green")
        assert await d.titles(ADA) == ["One"]
        assert (await ada.post("/api/notifications/settings", json={})).status_code == 400
        assert (
            await ada.post(
                "/api/notifications/settings",
                json={"channels": [{"id": "Fax", "origins": [{"id": "x", "enabled": True}]}]},
            )
        ).status_code == 400


async def test_preferences_and_webhooks_by_rest(open_desk: Any):
    """Ours: what the settings page does; the address of a webhook never comes back."""
    async with open_desk() as d, d.portal.client(ADA) as ada, d.portal.client(EVE) as eve:
        own = "/api/notifications/v1"
        changed = await ada.patch(f"{own}/preferences", json={"email": "weekly", "weekday": 4})
        assert changed.json()["email"] == "weekly" and (await ada.get(f"{own}/preferences")).json()["weekday"] == 4
        assert (await ada.patch(f"{own}/preferences", json={"hour": 30})).json()["code"] == "input"
        made = await ada.post(
            f"{own}/webhooks", json={"title": "Chat", "url": "https://chat.test/secret-part", "owner": "payments"}
        )
        assert made.status_code == 201 and made.json()["host"] == "chat.test" and len(made.json()["secret"]) == 64
        listed = await ada.get(f"{own}/webhooks")
        assert "secret-part" not in listed.text and "secret" not in listed.json()["items"][0]
        assert (await eve.delete(f"{own}/webhooks/{made.json()['id']}")).status_code == 404
        assert (await ada.delete(f"{own}/webhooks/{made.json()['id']}")).status_code == 204


async def test_actions_send_and_read(open_desk: Any):
    """For templates and agents, by whoever may."""
    async with open_desk() as d, d.portal.client(admin()) as root, d.portal.client(ADA) as ada:
        path = "/api/actions/v1/actions/notification:send/invoke"
        given = {"recipients": "entity", "entityRefs": ["user:default/ada"], "title": "Done", "info": "More"}
        assert (await root.post(path, json={"input": given})).json()["output"] == {"sent": 1}
        assert (await root.post(path, json={"input": {**given, "entityRefs": []}})).status_code == 400
        assert (await ada.post(path, json={"input": given})).status_code in (403, 404)
        read = "/api/notifications/.backstage/actions/v1/actions/notifications:get-notifications/invoke"
        assert (await ada.post(read, json={})).json()["output"]["totalCount"] == 1


async def test_what_is_old_goes_away_unless_it_was_saved(each_desk: Any):
    """By the day; a broadcast stays as long as one reader saved it."""
    async with each_desk() as d:
        [kept] = await d.send("Kept", everybody=True)
        await d.send("Gone", everybody=True)
        await d.send("Gone, too")
        await d.notifications.mark([kept], saved=True, actor=BOB)
        d.clock.advance(timedelta(days=31))
        await d.send("New")
        assert await clean(d.portal.db, d.clock, None) == 0
        assert await clean(d.portal.db, d.clock, timedelta(days=30)) == 2
        assert await d.titles(ADA) == ["New", "Kept"]

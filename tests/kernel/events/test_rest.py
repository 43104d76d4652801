"""Events over HTTP, through a portal."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any, AsyncIterator

import orjson
import pytest

from callboard.kernel.events import Event
from callboard.kernel.events.rest import sse_chunks
from callboard.testing.actors import admin, guest, service, user
from callboard.testing.http import FakeHttp
from callboard.testing.portal import PortalForTest, make_portal

pytestmark = pytest.mark.anyio

SETTINGS = {
    "events": {
        "modules": {"github": {"webhookSecret": "s3cret"}},
        "webhooks": [{"url": "https://hooks.example.com/x", "topics": ["github"]}],
    }
}
BODY = json.dumps({"ref": "refs/heads/main"}).encode()
SIGNED = {
    "content-type": "application/json",
    "x-github-event": "push",
    "x-hub-signature-256": "sha256=" + hmac.new(b"s3cret", BODY, hashlib.sha256).hexdigest(),
}


@pytest.fixture
async def portal() -> AsyncIterator[PortalForTest]:
    """A portal that takes GitHub's webhooks and posts them on."""
    net = FakeHttp()
    net.add("https://hooks.example.com/x", method="POST")
    async with make_portal(SETTINGS, transport=net) as made:
        made.portal.net = net
        yield made


async def test_a_signed_webhook_is_accepted_and_told(portal: PortalForTest) -> None:
    """202 in Backstage's words without any credentials; subscribers hear it, and the webhook out is posted."""
    subscription = portal.events.subscribe("github")
    async with portal.client() as client:
        answer = await client.post("/api/events/http/github", content=BODY, headers=SIGNED)
    assert (answer.status_code, answer.content) == (202, b'{"status":"accepted"}')
    event = await subscription.next(timeout_s=5)
    assert event is not None
    assert (event.payload["type"], event.payload["body"]) == ("push", {"ref": "refs/heads/main"})
    await portal.jobs.run_due()
    assert [sent.headers["x-callboard-event"] for sent in portal.net.sent] == ["github"]


async def test_what_is_not_proved_known_or_json_is_refused(portal: PortalForTest) -> None:
    """403, 404 and 400 in Backstage's error body; nothing is stored."""
    unsigned = {name: value for name, value in SIGNED.items() if "signature" not in name}
    bad = b"{"
    badly = {**SIGNED, "x-hub-signature-256": "sha256=" + hmac.new(b"s3cret", bad, hashlib.sha256).hexdigest()}
    async with portal.client() as client:
        answers = [
            await client.post("/api/events/http/github", content=BODY, headers=unsigned),
            await client.post("/api/events/http/nowhere", content=BODY, headers=SIGNED),
            await client.post("/api/events/http/github", content=bad, headers=badly),
        ]
    assert [answer.status_code for answer in answers] == [403, 404, 400]
    assert [answer.json()["error"]["name"] for answer in answers] == ["NotAllowedError", "NotFoundError", "InputError"]
    async with portal.db.read() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM kernel_event") == 0


@pytest.mark.parametrize("path", ["/api/events/v1/stream", "/api/events/v1/deliveries", "/api/audit/v1/events"])
async def test_only_administrators_and_services_look_at_everything(portal: PortalForTest, path: str) -> None:
    """Events and audit rows tell of entities that others may not see."""
    portal.stopping.set()  # so that an open stream ends at once
    statuses = []
    for actor in (guest(), user("ada"), admin(), service()):
        async with portal.client(actor) as client:
            statuses.append((await client.get(path)).status_code)
    assert statuses == [403, 403, 200, 200]


async def test_the_stream_tells_events_as_they_come(portal: PortalForTest) -> None:
    """First what was missed since the last id, then what is new, each once; it ends when the portal stops."""

    async def publish(n: int) -> Event:
        async with portal.db.write() as tx:
            return await portal.events.publish(tx, "demo.happened", {"n": n})

    events = [await publish(n) for n in range(3)]
    stopping = asyncio.Event()
    subscription = portal.events.subscribe("demo.*")
    missed = await portal.events.list_since(events[0].id, "demo.*")
    chunks = sse_chunks(subscription, missed, stopping)
    assert await anext(chunks) == b"retry: 2000\n\n"
    told = [await anext(chunks), await anext(chunks)]
    await publish(3)
    told.append(await anext(chunks))
    numbers = [orjson.loads(chunk.split(b"data: ")[1])["payload"]["n"] for chunk in told]
    assert numbers == [1, 2, 3]
    assert told[0].startswith(f"id: {events[1].id}\nevent: demo.happened\ndata: ".encode())
    stopping.set()
    assert [chunk async for chunk in chunks] == []
    assert subscription.is_closed


async def test_the_stream_is_served_as_server_sent_events(portal: PortalForTest) -> None:
    """Status, content type and the first bytes; never cached."""
    portal.stopping.set()
    async with portal.client(service()) as client:
        answer: Any = await client.get("/api/events/v1/stream?topic=demo.*&topic=other")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text == "retry: 2000\n\n"


async def test_deliveries_are_listed(portal: PortalForTest) -> None:
    """What became of the posts, newest first, without their bodies."""
    async with portal.client() as client:
        await client.post("/api/events/http/github", content=BODY, headers=SIGNED)
    await portal.jobs.run_due()
    async with portal.client(admin()) as client:
        [item] = (await client.get("/api/events/v1/deliveries")).json()["items"]
    assert (item["state"], item["last_status"], item["topic"]) == ("delivered", 200, "github")
    assert "body" not in item


async def test_old_events_are_forgotten(portal: PortalForTest) -> None:
    """After the retention, by the hourly sweep; younger ones stay."""
    await portal.jobs.run_due()
    for advance_days in (0, 6):
        portal.clock.advance(advance_days * 86400)
        async with portal.db.write() as tx:
            await portal.events.publish(tx, "demo.happened", {"day": advance_days})
    portal.clock.advance(2 * 86400)
    await portal.jobs.run_due()
    async with portal.db.read() as tx:
        rows = await tx.fetch_all("SELECT payload FROM kernel_event WHERE topic = 'demo.happened'")
    assert [orjson.loads(row[0]) for row in rows] == [{"day": 6}]

"""Events posted elsewhere: signed, repeated until they arrive, given up in the end."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, AsyncIterator

import pytest

from callboard.kernel.db.interface import Database
from callboard.kernel.db.migrations import upgrade
from callboard.kernel.events import Events, Webhooks
from callboard.kernel.http_client import HttpClient
from callboard.kernel.jobs import Jobs
from callboard.kernel.migrations import MIGRATIONS
from callboard.kernel.settings import Settings
from callboard.kernel.settings.errors import SettingsError
from callboard.testing.clock import FakeClock
from callboard.testing.http import FakeHttp

pytestmark = pytest.mark.anyio

URL = "https://hooks.example.com/callboard"


class Setup:
    """A portal's worth of events, jobs and outbound HTTP."""

    def __init__(self, db: Database, clock: FakeClock, webhooks: Any) -> None:
        self.db, self.clock, self.net = db, clock, FakeHttp()
        settings = Settings.of({"events": {"webhooks": webhooks}})
        self.http = HttpClient(settings, clock, self.net)
        self.events, self.jobs = Events(db, clock), Jobs(db, clock)
        self.webhooks = Webhooks.from_settings(settings, db, self.http, clock)
        self.jobs.register_kinds(self.events.attach(self.jobs, self.webhooks))

    async def publish(self, topic: str, **payload: Any) -> str:
        async with self.db.write() as tx:
            return (await self.events.publish(tx, topic, payload)).id

    async def state(self) -> list[tuple[str, int, int | None]]:
        found = await self.webhooks.list_deliveries()
        return [(one["state"], one["attempts"], one["last_status"]) for one in found]


@pytest.fixture
async def make(sqlite_db: Database, clock: FakeClock) -> AsyncIterator[Any]:
    """Builds a setup with the given ``events.webhooks``."""
    await upgrade(sqlite_db, [MIGRATIONS])
    made: list[Setup] = []

    def build(*webhooks: dict[str, Any]) -> Setup:
        made.append(Setup(sqlite_db, clock, list(webhooks)))
        return made[-1]

    yield build
    for one in made:
        await one.http.close()


async def test_a_delivery_can_be_verified_by_its_receiver(make: Any, clock: FakeClock) -> None:
    """HMAC-SHA256 over timestamp, dot and body with the shared secret; the body is the event."""
    setup = make({"url": URL, "topics": ["demo.*"], "secret": "s3cret"})
    setup.net.add(URL, method="POST", status=204)
    id = await setup.publish("demo.happened", n="Größe")
    await setup.publish("other.happened")
    await setup.jobs.run_due()
    [sent] = setup.net.sent
    timestamp = sent.headers["x-callboard-timestamp"]
    expected = hmac.new(b"s3cret", timestamp.encode() + b"." + sent.body, hashlib.sha256).hexdigest()
    assert sent.headers["x-callboard-signature-256"] == f"sha256={expected}"
    assert int(timestamp) == int(clock.now().timestamp())
    assert sent.headers["x-callboard-event"] == "demo.happened"
    assert sent.json() == {
        "id": id,
        "topic": "demo.happened",
        "at": "2026-11-23T03:12:00.000Z",
        "payload": {"n": "Größe"},
    }
    assert await setup.state() == [("delivered", 1, 204)]


async def test_without_a_secret_nothing_is_signed(make: Any) -> None:
    """And without topics everything is sent."""
    setup = make({"url": URL})
    setup.net.add(URL, method="POST")
    await setup.publish("any.thing")
    await setup.jobs.run_due()
    assert "x-callboard-signature-256" not in setup.net.sent[0].headers


async def test_a_receiver_that_is_down_gets_it_later(make: Any, clock: FakeClock) -> None:
    """After an outage and a 500 it arrives with the same id and body, signed anew."""
    setup = make({"url": URL, "secret": "x"})
    setup.net.add_error(URL, method="POST")
    setup.net.add(URL, method="POST", status=500)
    setup.net.add(URL, method="POST", status=200)
    await setup.publish("demo.happened")
    for pause in (5, 30, 120):
        await setup.jobs.run_due()
        clock.advance(pause)
    assert await setup.state() == [("delivered", 3, 200)]
    assert len({sent.body for sent in setup.net.sent}) == 1
    assert len({sent.headers["x-callboard-timestamp"] for sent in setup.net.sent}) == 3


async def test_a_receiver_may_ask_for_patience(make: Any, clock: FakeClock) -> None:
    """429 with Retry-After: not before then, and it costs no attempt of the job."""
    setup = make({"url": URL})
    setup.net.add(URL, method="POST", status=429, headers={"Retry-After": "90"}, times=20)
    setup.net.add(URL, method="POST", status=200)
    await setup.publish("demo.happened")
    for _ in range(20):
        assert await setup.jobs.run_due() == 1
        clock.advance(89)
        assert await setup.jobs.run_due() == 0
        clock.advance(1)
    await setup.jobs.run_due()
    assert await setup.state() == [("delivered", 21, 200)]


async def test_a_receiver_that_never_answers_is_given_up(make: Any, clock: FakeClock) -> None:
    """After eight tries over about a day; the failure is kept, the next event is tried afresh."""
    setup = make({"url": URL})
    setup.net.add(URL, method="POST", status=502)
    await setup.publish("demo.happened")
    for _ in range(20):
        await setup.jobs.run_due()
        clock.advance(12 * 3600)
    assert await setup.state() == [("failed", 8, 502)]
    assert len(setup.net.sent) == 8


async def test_a_receiver_that_is_gone_is_not_asked_again(make: Any, clock: FakeClock) -> None:
    """410."""
    setup = make({"url": URL})
    setup.net.add(URL, method="POST", status=410)
    await setup.publish("demo.happened")
    await setup.jobs.run_due()
    clock.advance(86400)
    await setup.jobs.run_due()
    assert (len(setup.net.sent), await setup.state()) == (1, [("failed", 1, 410)])


async def test_an_address_inside_the_network_is_not_reached(make: Any) -> None:
    """The guard of outbound HTTP holds for webhooks too; the reason is kept."""
    setup = make({"url": "http://169.254.169.254/latest"})
    await setup.publish("demo.happened")
    await setup.jobs.run_due()
    [delivery] = await setup.webhooks.list_deliveries()
    assert (delivery["state"], setup.net.sent) == ("failed", [])
    assert "169.254.169.254" in delivery["last_error"]


async def test_a_rolled_back_event_is_not_delivered(make: Any) -> None:
    """The delivery belongs to the transaction."""
    setup = make({"url": URL})
    with pytest.raises(LookupError):
        async with setup.db.write() as tx:
            await setup.events.publish(tx, "demo.happened", {})
            raise LookupError
    await setup.jobs.run_due()
    assert (setup.net.sent, await setup.state()) == ([], [])


async def test_an_address_without_a_scheme_is_refused(make: Any) -> None:
    """At the start, by key."""
    with pytest.raises(SettingsError, match="https://"):
        make({"url": "hooks.example.com"})

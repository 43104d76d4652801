"""An event is told once its transaction has committed, to everybody who asked, in every replica."""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator

import pytest

from callboard.kernel.db.interface import Database
from callboard.kernel.db.migrations import upgrade
from callboard.kernel.db.sqlite import SqliteDatabase
from callboard.kernel.events import Event, EventHandler, Events
from callboard.kernel.events.bus import SUBSCRIPTION_LIMIT, Topics
from callboard.kernel.jobs import Jobs
from callboard.kernel.logs import captured_logs
from callboard.kernel.migrations import MIGRATIONS
from callboard.testing.clock import FakeClock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def other(store: Any) -> AsyncIterator[Database]:
    """The same database as another replica has it."""
    if store.dialect == "sqlite":
        database: Any = SqliteDatabase.open(store.path)
    else:
        from callboard.kernel.db.postgres import PostgresDatabase

        database = await PostgresDatabase.open(store.dsn)
    yield database
    await database.close()


class Recorder:
    """A handler that notes what it heard, and fails as often as told."""

    def __init__(self, failures: int = 0) -> None:
        self.heard: list[Event] = []
        self.failures = failures

    async def __call__(self, event: Event) -> None:
        if self.failures:
            self.failures -= 1
            raise ValueError("not now")
        self.heard.append(event)


async def publish(db: Database, events: Events, topic: str = "demo.happened", **payload: Any) -> Event:
    async with db.write() as tx:
        return await events.publish(tx, topic, payload)


def with_jobs(db: Database, clock: Any, *handlers: EventHandler) -> tuple[Events, Jobs]:
    events, jobs = Events(db, clock), Jobs(db, clock)
    events.register(handlers)
    jobs.register_kinds(events.attach(jobs))
    return events, jobs


async def take(subscription: Any, count: int) -> list[Any]:
    async with asyncio.timeout(10):
        return [(await anext(subscription)).payload["n"] for _ in range(count)]


async def test_a_rolled_back_event_is_told_to_nobody(store: Database, clock: FakeClock) -> None:
    """Neither subscribers nor handlers nor jobs hear of what did not happen."""
    here, there = Recorder(), Recorder()
    events, jobs = with_jobs(
        store, clock, EventHandler("*", here, scope="replica"), EventHandler("*", there, name="there")
    )
    subscription = events.subscribe()
    with pytest.raises(LookupError):
        async with store.write() as tx:
            await events.publish(tx, "demo.happened", {})
            raise LookupError
    assert await jobs.run_due() == 0
    assert await subscription.next(timeout_s=0.02) is None
    assert (here.heard, there.heard) == ([], [])


async def test_nobody_hears_before_the_commit(store: Database, clock: FakeClock) -> None:
    """The event arrives when the block is left, with its payload, time and id."""
    events = Events(store, clock)
    subscription = events.subscribe("demo.*")
    async with store.write() as tx:
        event = await events.publish(tx, "demo.happened", {"n": "Größe"})
        assert await subscription.next(timeout_s=0.02) is None
    assert await subscription.next(timeout_s=1) == event
    assert (event.payload, event.at) == ({"n": "Größe"}, clock.now())


@pytest.mark.parametrize(
    ("pattern", "topic", "matches"),
    [
        ("*", "catalog.entities.changed", True),
        ("catalog.*", "catalog.entities.changed", True),
        ("catalog.*.changed", "catalog.entities.changed", True),
        ("catalog", "catalog.entities.changed", False),
        ("Catalog.*", "catalog.x", False),
        ("a[bc]", "ab", False),
        ("a[bc]", "a[bc]", True),
    ],
)
def test_patterns_match_topics(pattern: str, topic: str, matches: bool) -> None:
    """A star stands for anything; letters count; brackets are themselves."""
    assert Topics([pattern]).match(topic) is matches


def test_no_pattern_matches_nothing() -> None:
    """An empty list is not a wildcard."""
    assert not Topics([]).match("anything")


async def test_a_once_handler_runs_by_a_job_and_again_when_it_fails(store: Database, clock: FakeClock) -> None:
    """It is given the same event each time until it succeeds, and only topics it asked for."""
    handler = Recorder(failures=2)
    events, jobs = with_jobs(store, clock, EventHandler("demo.*", handler))
    event = await publish(store, events, n=1)
    await publish(store, events, "other.happened", n=2)
    for _ in range(3):
        await jobs.run_due()
        clock.advance(60)
    assert handler.heard == [event]
    assert await jobs.count_jobs() == {}


async def test_a_once_handler_runs_in_one_replica_only(store: Database, other: Database, clock: FakeClock) -> None:
    """Whichever replica takes the job; here the one that did not publish."""
    first, second = Recorder(), Recorder()
    events, jobs = with_jobs(store, clock, EventHandler("*", first, name="one"))
    _, other_jobs = with_jobs(other, clock, EventHandler("*", second, name="one"))
    await publish(store, events, n=1)
    assert await other_jobs.run_due() == 1
    assert await jobs.run_due() == 0
    assert (len(first.heard), len(second.heard)) == (0, 1)


async def test_work_for_a_handler_that_is_gone_is_kept_as_dead(store: Database, clock: FakeClock) -> None:
    """A plugin that was removed does not keep the others waiting, and its work is not lost silently."""
    events, _ = with_jobs(store, clock, EventHandler("*", Recorder(), name="plugin"))
    await publish(store, events)
    _, jobs = with_jobs(store, clock)
    await jobs.run_due()
    [dead] = await jobs.list_jobs("dead")
    assert "plugin" in (dead.last_error or "")


async def test_two_once_handlers_need_two_names(store: Database, clock: FakeClock) -> None:
    """Waiting work is stored under the name."""
    events = Events(store, clock)
    events.register([EventHandler("*", Recorder(), name="a")])
    with pytest.raises(ValueError, match="'a'"):
        events.register([EventHandler("*", Recorder(), name="a")])


async def test_a_replica_handler_hears_in_order_and_survives_failures(store: Database, clock: FakeClock) -> None:
    """One after the other; a failure is logged and the next event comes all the same."""
    order: list[Any] = []

    async def handle(event: Event) -> None:
        await asyncio.sleep(0.01 if event.payload["n"] == 0 else 0)
        if event.payload["n"] == 1:
            raise ValueError("one is bad")
        order.append(event.payload["n"])

    events = Events(store, clock)
    events.register([EventHandler("*", handle, scope="replica")])
    with captured_logs() as logs:
        for n in range(4):
            await publish(store, events, n=n)
        await events.stop()
    assert order == [0, 2, 3]
    assert [line["error"] for line in logs if line["event"] == "event handler failed"] == ["one is bad"]


async def test_other_replicas_hear_each_event_once(store: Database, other: Database, clock: FakeClock) -> None:
    """Those of both, each exactly once; on PostgreSQL by notice, on SQLite within a second of the clock."""
    here, there = Events(store, clock), Events(other, clock)
    await here.start()
    await there.start()
    try:
        subscriptions = [here.subscribe("*"), there.subscribe("*")]
        for n in range(20):
            await publish(*((store, here) if n % 2 else (other, there)), n=n)
        takers = [asyncio.create_task(take(subscription, 20)) for subscription in subscriptions]
        while not all(taker.done() for taker in takers):
            await asyncio.sleep(0.01)
            clock.advance(1)
        for taker in takers:
            assert sorted(await taker) == list(range(20))
        clock.advance(60)
        await asyncio.sleep(0.05)
        assert [await one.next(timeout_s=0.05) for one in subscriptions] == [None, None]
    finally:
        await here.stop()
        await there.stop()


async def test_an_event_of_a_slow_transaction_is_not_passed_over(postgres_db: Any, clock: FakeClock) -> None:
    """Its number is lower than one that was told already; it is told when it commits. A rolled-back one never."""
    from callboard.kernel.db.postgres import PostgresDatabase

    await upgrade(postgres_db, [MIGRATIONS])
    other = await PostgresDatabase.open(postgres_db.dsn)
    here, there = Events(postgres_db, clock), Events(other, clock)
    await there.start()
    subscription = there.subscribe("*")
    with pytest.raises(LookupError):
        async with postgres_db.write() as slow, postgres_db.write() as lost:
            await here.publish(slow, "demo.happened", {"n": "slow"})
            await here.publish(lost, "demo.happened", {"n": "lost"})
            await publish(postgres_db, here, n="quick")
            assert await take(subscription, 1) == ["quick"]
            slow.after_commit(lambda: None)
            await slow.execute("COMMIT")
            raise LookupError
    async with asyncio.timeout(10):
        while (event := await subscription.next(timeout_s=0.05)) is None:
            clock.advance(5)
    assert event.payload == {"n": "slow"}
    clock.advance(700)
    assert await subscription.next(timeout_s=0.1) is None
    await there.stop()
    await other.close()


async def test_a_subscriber_that_falls_behind_is_let_go(store: Database, clock: FakeClock) -> None:
    """It gets what it was owed and then the end, instead of growing without bound; others go on."""
    events = Events(store, clock)
    slow = events.subscribe("*")
    async with store.write() as tx:
        for n in range(SUBSCRIPTION_LIMIT + 1):
            await events.publish(tx, "demo.happened", {"n": n})
    assert [event.payload["n"] async for event in slow] == list(range(SUBSCRIPTION_LIMIT))
    assert slow.is_overrun
    fresh = events.subscribe("*")
    await publish(store, events, n="on")
    assert await take(fresh, 1) == ["on"]


async def test_stopping_ends_subscriptions(store: Database, clock: FakeClock) -> None:
    """Whoever iterates comes to an end."""
    events = Events(store, clock)
    await events.start()
    subscription = events.subscribe("*")
    reading = asyncio.create_task(anext(subscription, None))
    await asyncio.sleep(0)
    await events.stop()
    assert await asyncio.wait_for(reading, 5) is None
    assert subscription.is_closed


async def test_a_reader_that_comes_back_gets_what_it_missed(store: Database, clock: FakeClock) -> None:
    """After the id it saw last, matching topics only; an unknown id gives nothing."""
    events = Events(store, clock)
    first = await publish(store, events, n=1)
    await publish(store, events, "other.happened", n=2)
    third = await publish(store, events, n=3)
    assert await events.list_since(first.id, "demo.*") == [third]
    assert await events.list_since("unknown") == []

"""Publishing, and everybody who listens.

An event reaches a ``once`` handler by a job written in the same transaction, so it survives a crash and failing
handlers are tried again; ``replica`` handlers and subscriptions are told in memory, in every replica, from its start on.
"""

from __future__ import annotations

import asyncio
import fnmatch
import re
import uuid
import weakref
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Iterable, Literal, Mapping, Self, Sequence

import orjson

from callboard.kernel.clock import Clock, format_time, parse_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import CallboardError
from callboard.kernel.events import store
from callboard.kernel.jobs import JobContext, JobFailed, JobKind, Jobs
from callboard.kernel.logs import get_logger

if TYPE_CHECKING:
    from callboard.kernel.events.webhooks import Webhooks

DELIVER_JOB = "events.deliver"
SUBSCRIPTION_LIMIT = 1000
"""Events that a slow subscriber may be behind before its subscription ends."""

GAP_LIMIT = 1000
GAP_PATIENCE_S = 600.0
"""How long a number that is not there yet is looked for: longer than any transaction takes."""

log = get_logger("events")


@dataclass(frozen=True, slots=True)
class Event:
    """A fact. ``topic`` is dotted and in the past tense (``catalog.entities.changed``); ``payload`` is JSON."""

    topic: str
    payload: dict[str, Any]
    at: datetime
    id: str

    def to_json(self) -> dict[str, Any]:
        """As it is sent to webhooks and over SSE."""
        return {"id": self.id, "topic": self.topic, "at": format_time(self.at), "payload": self.payload}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Event:
        return cls(value["topic"], value["payload"], parse_time(value["at"]), value["id"])


Handler = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class EventHandler:
    """Something to do whenever a topic matches.

    ``topic_pattern``: ``*`` stands for any characters, dots included. ``scope``: ``once`` runs in one replica, at least
    once, tried again when it fails (so running twice must do no harm); ``replica`` runs in each replica, for what is
    kept in memory, and is not repeated. ``name`` is stored with waiting work: by default the function's own.
    """

    topic_pattern: str
    handler: Handler
    scope: Literal["once", "replica"] = "once"
    name: str = ""

    @property
    def key(self) -> str:
        if self.name:
            return self.name
        function = self.handler
        module = getattr(function, "__module__", type(function).__module__)
        return f"{module}.{getattr(function, '__qualname__', type(function).__qualname__)}[{self.topic_pattern}]"


class Topics:
    """Patterns of topics, ready for matching. None at all match nothing."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        alternatives = "|".join(fnmatch.translate(_escaped(pattern)) for pattern in self.patterns)
        self._expression = re.compile(alternatives or r"(?!)", re.DOTALL)

    def match(self, topic: str) -> bool:
        return self._expression.match(topic) is not None


def _escaped(pattern: str) -> str:
    return pattern.replace("[", "[[]")  # only * and ? are special in topics


class Subscription:
    """Events as they come: ``async for event in subscription``; end it with ``close`` or ``async with``.

    It ends by itself when the subscriber is ``SUBSCRIPTION_LIMIT`` events behind (``is_overrun``) or the portal stops.
    """

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._waiting: asyncio.Queue[Event | None] = asyncio.Queue()
        self._is_closed = False
        self.is_overrun = False

    def offer(self, event: Event) -> None:
        if self._is_closed or not self._topics.match(event.topic):
            return
        if self._waiting.qsize() >= SUBSCRIPTION_LIMIT:
            self.is_overrun = True
            self.close()
        else:
            self._waiting.put_nowait(event)

    def close(self) -> None:
        """What already came is still given out; then the iteration ends."""
        if not self._is_closed:
            self._is_closed = True
            self._waiting.put_nowait(None)

    async def next(self, timeout_s: float | None = None) -> Event | None:
        """The next event; None when none came in that time or there will be no more (``is_closed``)."""
        try:
            async with asyncio.timeout(timeout_s):
                event = await self._waiting.get()
        except TimeoutError:
            return None
        if event is None:
            self._waiting.put_nowait(None)
        return event

    @property
    def is_closed(self) -> bool:
        """Whether everything has been given out and nothing more will come."""
        return self._is_closed and self._waiting.qsize() <= 1

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self.next()
        if event is None:
            raise StopAsyncIteration
        return event

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def aclose(self) -> None:
        self.close()


@dataclass(slots=True)
class _Replica:
    """A handler of this replica, with what it still has to be told: one event after the other."""

    handler: EventHandler
    topics: Topics
    queue: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None


class Events:
    """The events of one replica. Works without ``start``, but then hears only itself.

    Before ``attach`` there are no jobs: ``once`` handlers then run here after the commit, without a second try.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._jobs: Jobs | None = None
        self._webhooks: Webhooks | None = None
        self._once: dict[str, tuple[EventHandler, Topics]] = {}
        self._replica: list[_Replica] = []
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()
        self._tail: asyncio.Task[None] | None = None
        self._told = asyncio.Event()
        self._unlisten: Callable[[], None] | None = None
        self._seen = -1
        self._gaps: dict[int, float] = {}
        self._calls: set[asyncio.Future[None]] = set()

    # What features do -------------------------------------------------------------------------------------------------

    def register(self, handlers: Iterable[EventHandler]) -> None:
        """Raises ``ValueError`` when two ``once`` handlers have one name."""
        for handler in handlers:
            topics = Topics([handler.topic_pattern])
            if handler.scope == "replica":
                self._replica.append(_Replica(handler, topics))
            elif handler.key in self._once:
                raise ValueError(f"There are two event handlers {handler.key!r}; give one of them another name.")
            else:
                self._once[handler.key] = (handler, topics)

    def attach(self, jobs: Jobs, webhooks: Webhooks | None = None) -> Sequence[JobKind]:
        """From now on deliver by ``jobs``, and to ``webhooks``; the job kinds to register."""
        self._jobs, self._webhooks = jobs, webhooks
        kinds = [JobKind(DELIVER_JOB, self._deliver, max_attempts=8, concurrency=4)]
        return [*kinds, *(webhooks.job_kinds() if webhooks is not None else ())]

    async def publish(self, tx: Transaction, topic: str, payload: Mapping[str, Any]) -> Event:
        """Tell of something that this transaction does. ``payload`` must be JSON; it may reach other companies' systems."""
        event = Event(topic, dict(payload), self._clock.now(), uuid.uuid4().hex)
        text = orjson.dumps(event.payload).decode()
        seq = await store.insert(tx, event.id, topic, text, format_time(event.at))
        if self._jobs is not None:
            for key, (_, topics) in self._once.items():
                if topics.match(topic):
                    await self._jobs.enqueue(tx, DELIVER_JOB, {"handler": key, "event": event.to_json()})
            if self._webhooks is not None:
                await self._webhooks.enqueue(tx, self._jobs, event)
        tx.after_commit(lambda: self._hear(seq, event))
        return event

    def subscribe(self, *patterns: str) -> Subscription:
        """Events of matching topics from now on, of every replica (once started); all topics without a pattern."""
        subscription = Subscription(Topics(patterns or ("*",)))
        self._subscriptions.add(subscription)
        return subscription

    async def list_since(self, id: str, *patterns: str) -> list[Event]:
        """At most ``store.BATCH`` matching events after the one with this id; none if it is not known any more."""
        topics = Topics(patterns or ("*",))
        async with self._db.read() as tx:
            seq = await store.find_seq(tx, id)
            rows = [] if seq is None else await store.list_after(tx, seq, ())
        return [event for event in map(_event_of, rows) if topics.match(event.topic)]

    # Life -------------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Hear other replicas from now on. The tables must be there."""
        if self._tail is not None:
            return
        async with self._db.read() as tx:
            self._seen = max(self._seen, await store.last_seq(tx))
        self._unlisten = self._db.listen(store.CHANNEL, lambda _: self._told.set())
        self._tail = asyncio.create_task(self._follow(), name="event reader")

    async def stop(self) -> None:
        """End subscriptions; handlers of this replica finish what they have begun."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        if self._tail is not None:
            self._tail.cancel()
            await asyncio.wait([self._tail])
            self._tail = None
        for subscription in list(self._subscriptions):
            subscription.close()
        for one in self._replica:
            if one.task is not None:
                await one.queue.join()
                one.task.cancel()
                await asyncio.wait([one.task])
                one.task = None

    # Telling ----------------------------------------------------------------------------------------------------------

    def _hear(self, seq: int, event: Event) -> None:
        """Tell this replica, unless it knows."""
        if self._is_news(seq):
            for subscription in list(self._subscriptions):
                subscription.offer(event)
            for one in self._replica:
                if one.topics.match(event.topic):
                    self._hand(one, event)
            if self._jobs is None:
                for handler, topics in self._once.values():
                    if topics.match(event.topic):
                        call = asyncio.ensure_future(_call(handler, event))
                        self._calls.add(call)
                        call.add_done_callback(self._calls.discard)

    def _is_news(self, seq: int) -> bool:
        if seq > self._seen:
            if self._seen >= 0 and self._tail is not None:
                # Numbers that were passed over: transactions under way, or rolled back.
                patience = self._clock.monotonic() + GAP_PATIENCE_S
                first = max(self._seen + 1, seq - GAP_LIMIT)
                self._gaps.update(dict.fromkeys(range(first, seq), patience))
                while len(self._gaps) > GAP_LIMIT:
                    del self._gaps[next(iter(self._gaps))]
            self._seen = seq
            return True
        return self._gaps.pop(seq, None) is not None or self._tail is None

    def _hand(self, one: _Replica, event: Event) -> None:
        one.queue.put_nowait(event)
        if one.task is None:
            one.task = asyncio.create_task(_work_off(one), name=f"event handler {one.handler.key}")

    async def _follow(self) -> None:
        """Read what other replicas committed, whenever told; now and then unasked, for what got lost."""
        is_out = False
        while True:
            self._told.clear()
            try:
                while await self._catch_up() == store.BATCH:
                    continue
                is_out = False
            except CallboardError as error:
                if not is_out:
                    log.warning("events of other replicas cannot be read", error=str(error))
                is_out = True
            told = asyncio.ensure_future(self._told.wait())
            waits = [told, asyncio.ensure_future(self._clock.sleep(self._pause_s()))]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def _pause_s(self) -> float:
        # SQLite tells nobody of another process's commit, and a look costs microseconds.
        return 1.0 if self._db.dialect == "sqlite" else 5.0 if self._gaps else 30.0

    async def _catch_up(self) -> int:
        now = self._clock.monotonic()
        for seq in [seq for seq, until in self._gaps.items() if until < now]:
            del self._gaps[seq]
        async with self._db.read(snapshot=False) as tx:
            rows = await store.list_after(tx, self._seen, self._gaps)
        for row in rows:
            self._hear(row.seq, _event_of(row))
        return len(rows)

    async def _deliver(self, context: JobContext) -> None:
        key = context.payload["handler"]
        if key not in self._once:
            raise JobFailed(f"Nobody here is called {key!r} any more; the plugin that was is gone or changed its name.")
        await self._once[key][0].handler(Event.from_json(context.payload["event"]))


def _event_of(row: store.EventRow) -> Event:
    return Event(row.topic, orjson.loads(row.payload), parse_time(row.at), row.id)


async def _call(handler: EventHandler, event: Event) -> None:
    try:
        await handler.handler(event)
    except Exception as error:
        log.error("event handler failed", handler=handler.key, topic=event.topic, error=str(error), exc_info=error)


async def _work_off(one: _Replica) -> None:
    while True:
        event = await one.queue.get()
        try:
            await _call(one.handler, event)
        finally:
            one.queue.task_done()

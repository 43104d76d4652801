"""Events of one task as server-sent events, and as an answer that waits for the first."""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Awaitable, Sequence, TypeVar

import orjson

from callboard.features.scaffolder.interface import TaskEvent, TaskNotFound, Tasks
from callboard.features.scaffolder.rest.wire import event_to_wire
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import UnavailableError

HEARTBEAT_S = 15.0
LONG_POLL_S = 30.0
PAUSE_S = 1.0
T = TypeVar("T")


async def unless_stopped(work: Awaitable[T], stopping: asyncio.Event) -> T | None:
    """What ``work`` gives; None when the portal stops first."""
    working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for one in (working, stopped):
            one.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)


def format_event(event: TaskEvent) -> bytes:
    """One message. Source: WHATWG HTML, "Server-sent events"."""
    return f"id: {event.id}\nevent: {event.type}\ndata: ".encode() + orjson.dumps(event_to_wire(event)) + b"\n\n"


def is_last(event: TaskEvent) -> bool:
    return event.type == "completion" and not event.is_recoverable


async def sse_chunks(
    tasks: Tasks, id: str, first: Sequence[TaskEvent], after: int | None, *, actor: Actor, stopping: Any
) -> AsyncIterator[bytes]:
    """The stream's bytes: ``first``, then what happens, until the task has ended for good or the portal stops."""
    last = -1 if after is None else after
    is_over = False
    yield b": here are the events of a task\n\n"
    events: Sequence[TaskEvent] = first
    while not stopping.is_set():
        told = False
        for event in events:
            # The completion comes whatever is asked for; one that may be recovered from has been told then.
            if event.id > last or (event.type == "completion" and events is first):
                last, told = max(last, event.id), True
                yield format_event(event)
            is_over = is_over or is_last(event)
        if is_over:
            return
        if events and not told and events is not first:
            await unless_stopped(asyncio.sleep(PAUSE_S), stopping)
        try:
            waited = await unless_stopped(
                tasks.wait_events(id, after=None if last < 0 else last, timeout_s=HEARTBEAT_S, actor=actor), stopping
            )
        except (TaskNotFound, UnavailableError):
            return
        if waited is None:
            return
        events = list(waited)
        if not events:
            yield b": still here\n\n"

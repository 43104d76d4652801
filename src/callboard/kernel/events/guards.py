"""What of an event may be told to whom: the stream is asked for by people who may not see all that events speak of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Awaitable, Callable, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.events.bus import Event, Topics

Show = Callable[[Event, Actor], Awaitable[Event | None]]


@dataclass(frozen=True, slots=True)
class EventGuard:
    """Of a feature whose events name things that may be hidden.

    ``await show(event, actor)`` gives an event whose topic matches ``topic_pattern`` as ``actor`` may see it; None is nothing
    at all. It is asked when the event is sent, not when it happened.
    """

    topic_pattern: str
    show: Show


class EventGuards:
    """All guards of a portal. What no guard knows is told as it is."""

    def __init__(self, guards: Sequence[EventGuard]) -> None:
        self._guards = [(Topics([guard.topic_pattern]), guard.show) for guard in guards]

    async def show(self, event: Event, actor: Actor) -> Event | None:
        shown: Event | None = event
        for topics, show in self._guards:
            if shown is not None and topics.match(event.topic):
                shown = await show(shown, actor)
        return shown

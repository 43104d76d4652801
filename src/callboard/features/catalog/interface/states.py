"""What state the catalog's sources are in: part of the catalog's face, for those who look after the portal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, Sequence

from callboard.kernel.auth.actor import Actor

Way = Literal["provider", "registered", "held", "gone"]
"""``provider`` is asked on a schedule, ``registered`` are the locations that people registered, ``held`` is written by a feature
when somebody acts; nobody asks ``gone`` any more, and what it gave is on its way out."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """A named source. ``entities`` is how many it gives, itself or by Locations that it names directly.

    ``refreshed_at`` is its last delivery, ``failed_since`` and ``error`` tell that the newest one did not come through.
    ``every_s`` and ``next_run`` are those of its schedule, None without one.
    """

    name: str
    way: Way
    entities: int
    refreshed_at: datetime | None = None
    failed_since: datetime | None = None
    error: str | None = None
    every_s: float | None = None
    next_run: datetime | None = None
    is_running: bool = False

    @property
    def can_run(self) -> bool:
        return self.every_s is not None


class SourceStates(Protocol):
    """Needs the permission ``catalog.ingestion.read``; running needs ``portal.task.update``."""

    async def list_states(self, *, actor: Actor) -> Sequence[SourceState]:
        """Every source, failing ones first, then by name."""

    async def run_now(self, name: str, *, actor: Actor) -> None:
        """Ask the source for what it has, out of turn. Raises ``NotFoundError`` for one without a schedule."""

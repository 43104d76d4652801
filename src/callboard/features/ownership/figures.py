"""What ownership counts at ``/metrics``: how many entities are in each state."""

from __future__ import annotations

from callboard.features.ownership.interface import STATES
from callboard.features.ownership.parts import Parts
from callboard.features.ownership.service import add_up
from callboard.features.ownership.store import entities
from callboard.features.ownership.store.entities import Scope
from callboard.kernel.metrics import Metrics

PATIENCE_S = 60.0


class OwnershipFigures:
    """Gauges that are read when somebody asks, at most once a minute. No entity or group is a label."""

    def __init__(self, metrics: Metrics, parts: Parts) -> None:
        self._parts = parts
        self._read_at: float | None = None
        self._count = metrics.gauge(
            "callboard_ownership_entities", "Entities by how well they are confirmed.", ["state"]
        )
        self._share = metrics.gauge(
            "callboard_ownership_confirmed_ratio", "Share of entities that are confirmed, 0 to 1."
        )

    async def read(self) -> None:
        """Raises ``UnavailableError`` when the database does not answer."""
        now = self._parts.clock.monotonic()
        if self._read_at is not None and now - self._read_at < PATIENCE_S:
            return
        async with self._parts.db.read() as tx:
            counted = await entities.count_by(tx, Scope(self._parts.clock.now(), self._parts.settings.confirm_every))
        everything, _, _ = add_up(counted)
        self._count.replace({(state,): float(getattr(everything, state)) for state in STATES})
        self._share.set(everything.confirmed / everything.total if everything.total else 0.0)
        self._read_at = now

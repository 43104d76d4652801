"""What documentation counts at ``/metrics``: sites by state, contents and rendered pages that are kept. No entity is a label."""

from __future__ import annotations

from callboard.features.techdocs.store import files as file_rows
from callboard.features.techdocs.store import sites
from callboard.kernel.clock import Clock
from callboard.kernel.db.interface import Database
from callboard.kernel.metrics import Metrics

PATIENCE_S = 60.0


class TechDocsFigures:
    """Gauges that are read when somebody asks, at most once a minute."""

    def __init__(self, metrics: Metrics, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._read_at: float | None = None
        self._sites = metrics.gauge(
            "callboard_techdocs_sites", "Sites by whether their source could be read.", ["state"]
        )
        self._pages = metrics.gauge("callboard_techdocs_pages", "Pages of all sites.")
        self._bytes = metrics.gauge("callboard_techdocs_kept_bytes", "What is kept in the database.", ["what"])

    async def read(self) -> None:
        """Raises ``UnavailableError`` when the database does not answer."""
        now = self._clock.monotonic()
        if self._read_at is not None and now - self._read_at < PATIENCE_S:
            return
        async with self._db.read() as tx:
            rows = await sites.list_with_versions(tx)
            kept = await file_rows.measure(tx)
        failed = sum(site.failure is not None for site, _ in rows)
        unread = sum(site.failure is None and version is None for site, version in rows)
        self._sites.replace(
            {("failed",): float(failed), ("unread",): float(unread), ("read",): float(len(rows) - failed - unread)}
        )
        self._pages.set(float(sum((version.pages or 0) for _, version in rows if version is not None)))
        self._bytes.replace({("sources",): float(kept["blob_bytes"]), ("rendered",): float(kept["rendered_bytes"])})
        self._read_at = now

"""What the catalog counts at ``/metrics``. Names are Backstage's where the thing is the same (facts: catalog, 4.7)."""

from __future__ import annotations

from callboard.features.catalog.store.index import EntityIndex
from callboard.kernel.clock import Clock
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.metrics import Gauge, Metrics

PATIENCE_S = 15.0
"""Counting walks tables, and anybody may ask: more often than this, the counts are those of the last time."""

_COUNTS = {
    "locations": "SELECT count(*) FROM catalog_location",
    "relations": "SELECT count(*) FROM catalog_relation",
    "due": "SELECT count(*) FROM catalog_node WHERE stitch_due = 1",
    "failed": "SELECT count(*) FROM catalog_node WHERE failed_since IS NOT NULL",
    "sources": "SELECT count(*) FROM catalog_source WHERE failed_since IS NOT NULL",
    "files": "SELECT count(*) FROM catalog_file WHERE error IS NOT NULL",
}


class CatalogFigures:
    """Gauges over the tables and the index."""

    def __init__(self, metrics: Metrics, db: Database, index: EntityIndex, clock: Clock) -> None:
        self._db = db
        self._index = index
        self._clock = clock
        self._read_at: float | None = None
        gauge = metrics.gauge
        self._entities = gauge("catalog_entities_count", "Entities by kind.", ["kind"])
        self._findings = gauge("callboard_catalog_findings", "Problems of documents and sources.", ["severity"])
        self._parts = gauge(
            "callboard_catalog_index", "What the index keeps in memory: answers, rows, bytes.", ["part"]
        )
        self._revision = gauge("callboard_catalog_revision", "Grows with every change of the catalog.")
        self._counts: dict[str, Gauge] = {
            "locations": gauge("catalog_registered_locations_count", "Registered locations."),
            "relations": gauge("catalog_relations_count", "Relations, both directions."),
            "due": gauge("catalog_stitching_queue_length", "Entities that wait to be stitched."),
            "failed": gauge("callboard_catalog_failed_documents", "Entities whose last document was refused."),
            "sources": gauge("callboard_catalog_failing_sources", "Providers that could not be read the last time."),
            "files": gauge("callboard_catalog_unreadable_files", "Files that could not be read the last time."),
        }

    async def read(self) -> None:
        """Raises ``UnavailableError`` when the database does not answer."""
        self._parts.replace({(part,): float(size) for part, size in self._index.sizes().items()})
        self._revision.set(float(max(self._index.latest, 0)))
        now = self._clock.monotonic()
        if self._read_at is not None and now - self._read_at < PATIENCE_S:
            return
        async with self._db.read() as tx:
            await self._count(tx)
        self._read_at = now

    async def _count(self, tx: Transaction) -> None:
        kinds = await tx.fetch_all(
            "SELECT value, count(*) FROM catalog_term WHERE key_id = (SELECT id FROM catalog_key WHERE key = 'kind') GROUP BY value"
        )
        self._entities.replace({(row[0],): float(row[1]) for row in kinds})
        findings = await tx.fetch_all("SELECT severity, count(*) FROM catalog_finding GROUP BY severity")
        self._findings.replace({(row[0],): float(row[1]) for row in findings})
        for name, sql in _COUNTS.items():
            self._counts[name].set(float(await tx.fetch_value(sql)))

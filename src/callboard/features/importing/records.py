"""Rows of imports as people meet them."""

from __future__ import annotations

from typing import Sequence

import orjson

from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.importing import store
from callboard.features.importing.codec import counts_of, mapping_of, sheets_of
from callboard.features.importing.interface import ImportRecord, Progress
from callboard.features.importing.naming import PREFIX
from callboard.features.importing.store import ImportRow
from callboard.kernel.clock import parse_time, parse_time_if
from callboard.kernel.db.interface import Transaction


async def records_of(tx: Transaction, sources: CatalogSources, rows: Sequence[ImportRow]) -> list[ImportRecord]:
    """In the order of ``rows``, with what only the catalog and other imports can tell."""
    counts = await sources.list_names(tx, PREFIX)
    newest = await store.list_newest(tx, [row.source for row in rows])
    found = []
    for row in rows:
        refusal = await _find_refusal(tx, row, newest.get(row.source)) if row.stage == "applied" else ""
        found.append(_record(row, bool(counts.get(row.source)), refusal))
    return found


async def _find_refusal(tx: Transaction, row: ImportRow, newest: ImportRow | None) -> str:
    if newest is not None and newest.id != row.id:
        return f"A later import of this sheet, {newest.filename}, stands on top. Undo that one first."
    later = await store.find_later(tx, row.id, row.applied_no or 0)
    return "" if later is None else f"The later import of {later[1]} stands on top. Undo that one first."


def _record(row: ImportRow, updates: bool, refusal: str) -> ImportRecord:
    is_working = row.stage in ("planning", "applying") and row.step is not None
    return ImportRecord(
        id=row.id, filename=row.filename, format=row.format, size_bytes=row.size, sheets=sheets_of(row.sheets),  # type: ignore[arg-type]
        sheet=row.sheet, mapping=mapping_of(orjson.loads(row.mapping)), stage=row.stage, source=row.source,  # type: ignore[arg-type]
        updates=updates, created_at=parse_time(row.created_at), created_by=row.created_by,
        expires_at=parse_time(row.expires_at), counts=counts_of(row.counts),
        progress=Progress(row.step, row.done, row.total) if is_working else None,  # type: ignore[arg-type]
        error=row.error, applied_at=parse_time_if(row.applied_at), applied_by=row.applied_by,
        undone_at=parse_time_if(row.undone_at), undone_by=row.undone_by,
        can_undo=row.stage == "applied" and not refusal, undo_refusal=refusal,
    )  # fmt: skip
